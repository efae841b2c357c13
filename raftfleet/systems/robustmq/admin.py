"""The admin API: who may ask, what it answers, and what a failed write means.

Every handler answers ``{"code", "data", "error"}`` as text/plain, with HTTP 200 even for most
errors; code 0 is success, and on an error ``data`` is an empty text whatever it is otherwise. What
the API lists is the asked node's cache and not its Raft store.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlencode

import msgspec

from raftfleet.errors import AuthenticationError
from raftfleet.systems.protocol import AccessError, Ack, Refused, Unknown, UnsentError

from .login import Login

if TYPE_CHECKING:
    from collections.abc import Callable

    from raftfleet.systems.protocol import Access, Answer, WriteOutcome

    T = TypeVar("T")

__all__ = ["Admin", "AdminError", "Broker", "Info", "Tenant"]

_INFO = "/api/info"
_LIST = "/api/cluster/tenant/list"
_TENANT = "/api/cluster/tenant/"
_LEAVE = "/api/cluster/node/leave"
# The default is 10, and 0 means 10 too.
_EVERY = 100_000
_JSON = {"content-type": "application/json"}
_OK, _BAD_REQUEST, _UNAUTHORISED = 200, 400, 401
_SUCCESS = 0


class AdminError(AccessError):
    """The node answered that it could not do it; ``status`` is HTTP's."""

    def __init__(self, reason: str, status: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status


class Broker(msgspec.Struct, frozen=True):
    """A node of another node's list; addresses are ``host:port``."""

    node_id: int
    node_ip: str = ""
    grpc_addr: str = ""
    http_addr: str = ""
    roles: list[str] = []
    start_time: int = 0
    register_time: int = 0


class Info(msgspec.Struct, frozen=True):
    """What `/api/info` says of the node that was asked.

    Its Raft state is left out: another node may have answered for it (see `status`). Times are
    Unix seconds, ``nodes`` addresses. All lists come in random order.
    """

    version: str
    cluster_name: str
    start_time: int
    broker_node_list: list[Broker] = []
    nodes: list[str] = []


class Tenant(msgspec.Struct, frozen=True):
    """A tenant as a node lists it. ``create_time`` (Unix seconds) differs between nodes."""

    tenant_name: str
    desc: str = ""
    create_time: int = 0


class _Page(msgspec.Struct, frozen=True):
    data: list[Tenant]
    total_count: int


class _Envelope(msgspec.Struct, frozen=True):
    code: int
    data: msgspec.Raw = msgspec.Raw(b"null")
    error: str | None = None
    message: str | None = None


class Admin:
    """One node's admin API. It logs in when it has to, and keeps its token.

    ``user`` and ``password`` are those of the node's `[admin]` settings. Every call has
    ``timeout`` seconds, log-in included, and raises `AccessError` when no answer comes,
    `AdminError` for one that says no, and `AuthenticationError` when the password is wrong.
    """

    def __init__(
        self,
        at: Access,
        user: str,
        password: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._at = at
        self._clock = clock
        self._login = Login(at, user, password, clock)

    # --- asking ------------------------------------------------------------------------------

    def info(self, *, timeout: float) -> Info:
        """Ask what the node knows of itself and of the others."""
        return self._read(_INFO, Info, timeout)

    def tenants(self, *, containing: str = "", timeout: float) -> list[Tenant]:
        """Return every tenant in the node's cache, or those with a text in their names."""
        wanted = {"limit": str(_EVERY), "page": "1"}
        if containing:
            wanted["tenant_name"] = containing
        page = self._read(f"{_LIST}?{urlencode(wanted)}", _Page, timeout)
        if len(page.data) != page.total_count:
            raise AccessError(f"{len(page.data)} of {page.total_count} tenants were listed")
        return page.data

    def _read(self, path: str, kind: type[T], timeout: float) -> T:
        answer = self.ask("GET", path, timeout=timeout)
        return _decoded(_data(answer), kind, path)

    # --- writing -----------------------------------------------------------------------------

    def create_tenant(
        self, name: str, desc: str = "", *, first_use: bool = True, timeout: float
    ) -> WriteOutcome:
        """Create a tenant.

        ``first_use``: nobody has tried this name before, so "already exists" means that the
        broker's own repetition met its first attempt: it is written.
        """
        outcome = self._write("create", {"tenant_name": name, "desc": desc}, timeout)
        if first_use and isinstance(outcome, Unknown) and _exists(outcome.reason, name):
            return Ack()
        return outcome

    def update_tenant(self, name: str, desc: str, *, timeout: float) -> WriteOutcome:
        """Give a tenant another description."""
        return self._write("update", {"tenant_name": name, "desc": desc}, timeout)

    def delete_tenant(self, name: str, *, timeout: float) -> WriteOutcome:
        """Delete a tenant; one that does not exist counts as deleted."""
        return self._write("delete", {"tenant_name": name}, timeout)

    def leave(self, node_id: int, *, force: bool = False, timeout: float) -> str:
        """Ask for a node's removal; return what the node says.

        It says success for nodes that do not exist, too. `AdminError` when it refuses.
        """
        body = {"node_id": node_id, "force": force}
        answer = self.ask("POST", _LEAVE, body, timeout=timeout)
        return _decoded(_data(answer), str, _LEAVE)

    def _write(self, verb: str, body: dict[str, object], timeout: float) -> WriteOutcome:
        """Write, and say what is known of it afterwards.

        Only what was refused before it reached Raft is known not to be written: bad input (HTTP
        400), a missing or expired token, and what never left for want of a connection. An error of any other kind, or none in time, came of
        writes that were committed later often enough.
        """
        try:
            answer = self.ask("POST", f"{_TENANT}{verb}", body, timeout=timeout)
            _data(answer)
        except AuthenticationError:
            raise
        except AdminError as error:
            if error.status in {_BAD_REQUEST, _UNAUTHORISED}:
                return Refused(error.reason)
            return Unknown(error.reason)
        except UnsentError as error:
            return Refused(str(error))
        except AccessError as error:
            return Unknown(str(error))
        return Ack()

    # --- one call ----------------------------------------------------------------------------

    def ask(self, method: str, path: str, body: object = None, *, timeout: float) -> Answer:
        """Ask with a token where one is needed; log in once more when it is not accepted."""
        until = self._clock() + timeout
        token = self._login.token(timeout=timeout)
        answer = self._once(method, path, body, token, until)
        if answer.status == _UNAUTHORISED:
            # Nothing was done: the token is looked at before anything else.
            token = self._login.renew(token, timeout=self._left(until))
            answer = self._once(method, path, body, token, until)
        return answer

    def _once(self, method: str, path: str, body: object, token: str, until: float) -> Answer:
        content = b"" if body is None else json.dumps(body).encode()
        headers = {**(_JSON if content else {}), **_bearer(token)}
        return self._at.request(
            "http", method, path, timeout=self._left(until), body=content, headers=headers
        )

    def _left(self, until: float) -> float:
        left = until - self._clock()
        if left <= 0:
            raise AccessError("no time was left to ask")
        return left


def _bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"} if token else {}


def _exists(reason: str, name: str) -> bool:
    # The reason quotes a text that is itself quoted, as Rust does: with a backslash before quotes.
    names = (name, json.dumps(name, ensure_ascii=False)[1:-1])
    return any(f"Tenant {one} already exists" in reason for one in names)


def _data(answer: Answer) -> msgspec.Raw:
    """Return the data of a success; raise for anything else."""
    try:
        envelope = msgspec.json.decode(answer.body, type=_Envelope)
    except msgspec.MsgspecError:
        shown = answer.body[:80].decode("utf-8", "replace")
        reason = f"HTTP status {answer.status} with {shown!r}, which is no answer of the admin API"
        raise AdminError(reason, answer.status) from None
    if answer.status != _OK or envelope.code != _SUCCESS:
        said = envelope.error or envelope.message
        said = said or f"HTTP status {answer.status}, code {envelope.code}, no reason"
        raise AdminError(said, answer.status)
    return envelope.data


def _decoded(data: msgspec.Raw, kind: type[T], path: str) -> T:
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.MsgspecError as error:
        raise AccessError(f"{path} cannot be read: {error}") from None
