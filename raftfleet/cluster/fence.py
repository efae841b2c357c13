"""What every command that changes a host carries: the token of the cluster lock."""

from __future__ import annotations

import secrets

from raftfleet.errors import LockLostError

__all__ = ["AFTER_LOSS", "Fence"]

AFTER_LOSS = "nothing more is changed by this run; see what it left: raftfleet heal -i INVENTORY"


class Fence:
    """The token of one run, and whether it is known to be worth anything.

    That it is believed to be is not enough to change anything: each host looks for itself.
    ``roots`` holds by host where the lock's record lies, for commands of another user there.
    """

    def __init__(self) -> None:
        self.token = secrets.token_hex(16)
        self.roots: dict[str, str] = {}
        self._closed = "the cluster lock has not been taken"

    def pass_(self) -> str:
        """Return the token; raise `LockLostError` when it is known to be void."""
        if self._closed:
            raise LockLostError(self._closed, hint=AFTER_LOSS)
        return self.token

    def open(self) -> None:
        """Let commands pass: the lock is ours."""
        self._closed = ""

    def close(self, reason: str) -> None:
        """Let no command pass any more."""
        self._closed = reason
