"""Logging in to the admin API, which asks for a token wherever it is not asked over loopback.

The password and the token stay in here: neither stands in an error, a log or a `repr`.
"""

from __future__ import annotations

import contextlib
import json
import threading
from typing import TYPE_CHECKING

import msgspec

from raftfleet.errors import AuthenticationError
from raftfleet.systems.protocol import AccessError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from raftfleet.systems.protocol import Access

__all__ = ["Login"]

_PATH = "/api/v1/login"
_EARLY = 0.1
"""Share of a token's life that is not used: clocks differ, and a request takes its time."""

_OK, _UNAUTHORISED = 200, 401


class _Token(msgspec.Struct, frozen=True):
    token: str
    expires_in: float


class _Granted(msgspec.Struct, frozen=True):
    data: _Token


class Login:
    """One node's token, for any number of threads; ``clock`` says monotonic seconds."""

    def __init__(self, at: Access, user: str, password: str, clock: Callable[[], float]) -> None:
        self._at = at
        self._user = user
        self._password = password
        self._clock = clock
        self._lock = threading.Lock()
        self._token = ""
        self._until = 0.0

    def token(self, *, timeout: float) -> str:
        """Return a token that holds a while yet; an empty text over loopback, until one is asked for.

        Raises `AuthenticationError` for a wrong password, `AccessError` for no answer.
        """
        with _held(self._lock, timeout):
            if self._clock() < self._until:
                return self._token
            if self._at.over_loopback and not self._token:
                return ""
            return self._ask(timeout)

    def renew(self, refused: str, *, timeout: float) -> str:
        """Return another token than the one that was refused; raises as `token` does."""
        with _held(self._lock, timeout):
            if self._token and self._token != refused and self._clock() < self._until:
                return self._token
            return self._ask(timeout)

    def _ask(self, timeout: float) -> str:
        self._token, self._until = "", 0.0
        asked = self._clock()
        body = json.dumps({"username": self._user, "password": self._password}).encode()
        answer = self._at.request(
            "http",
            "POST",
            _PATH,
            timeout=timeout,
            body=body,
            headers={"content-type": "application/json"},
        )
        name = self._at.node.name
        if answer.status == _UNAUTHORISED:
            raise AuthenticationError(
                f"{name}: its admin API refuses the password of user {self._user!r}",
                hint="robustmq_config: {admin: {username: ..., password: ...}} must say what the "
                "node was started with",
            )
        try:
            granted = msgspec.json.decode(answer.body, type=_Granted).data
        except msgspec.MsgspecError:
            granted = _Token("", 0)
        if not _sendable(granted.token):
            # The answer is not shown: there may be a token in it.
            raise AccessError(f"{name}: logging in gave no token, but HTTP status {answer.status}")
        self._token = granted.token
        self._until = asked + granted.expires_in * (1 - _EARLY)
        return self._token


@contextlib.contextmanager
def _held(lock: threading.Lock, timeout: float) -> Iterator[None]:
    """Hold a lock that is waited for no longer than a call may take."""
    if not lock.acquire(timeout=max(timeout, 0)):
        raise AccessError("another thread is still logging in")
    try:
        yield
    finally:
        lock.release()


def _sendable(token: str) -> bool:
    """Whether a token can stand in a header: http.client would show any other in its error."""
    return token.isascii() and token.isprintable() and " " not in token and token != ""
