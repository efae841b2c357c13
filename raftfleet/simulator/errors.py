"""What goes wrong in nodes and between them, in the broker's words.

NotLeaderError         only the leader can do this
LogConflictError       a leader contradicts what is committed here
CallError              a call brought no result
UnreachableError     the other node could not be reached
BrokenError        the connection broke during the call
LateError            no answer came in time
RefusedError         the other node refused
"""

from __future__ import annotations

import errno
import os

__all__ = [
    "BROKEN",
    "KEEP_ALIVE",
    "BrokenError",
    "CallError",
    "LateError",
    "LogConflictError",
    "NotLeaderError",
    "RefusedError",
    "StartError",
    "UnreachableError",
    "connect_failure",
]

KINDS = {
    errno.ECONNREFUSED: ("ConnectionRefused", "Connection refused"),
    errno.EHOSTUNREACH: ("HostUnreachable", "No route to host"),
    errno.ENETUNREACH: ("NetworkUnreachable", "Network is unreachable"),
}
KEEP_ALIVE = (
    "code: 'The service is currently unavailable', message: \"http2 error\", source: "
    "tonic::transport::Error(Transport, hyper::Error(Http2, KeepAliveTimedOut))"
)
BROKEN = (
    "code: 'Unknown error', message: \"transport error\", source: tonic::transport::Error("
    'Transport, hyper::Error(Io, Custom { kind: BrokenPipe, error: "stream closed because of a '
    'broken pipe" }))'
)


class StartError(Exception):
    """The start failed: the broker writes this into its log and exits with status 1."""

    def __init__(self, target: str, text: str) -> None:
        super().__init__(text)
        self.target = target


class NotLeaderError(Exception):
    """Only the leader can do this; the text is what the broker answers."""

    def __init__(self, leader: int | None, address: str | None) -> None:
        self.leader = leader
        self.address = address
        if leader is None or address is None:
            super().__init__("has to forward request to: None, None")
        else:
            node = f'Node {{ node_id: {leader}, rpc_addr: "{address}" }}'
            super().__init__(f"has to forward request to: Some({leader}), Some({node})")


class LogConflictError(Exception):
    """A leader contradicts what is committed here: somebody has lost his data."""


class CallError(Exception):
    """A call brought no result; the text is the gRPC status as the broker prints it."""


class UnreachableError(CallError):
    """The other node could not be reached."""


class BrokenError(UnreachableError):
    """The connection broke during the call: the other node may have carried it out."""


class LateError(CallError):
    """No answer came in time; the other node may have carried the call out, or still will."""


class RefusedError(CallError):
    """The other node refused; ``message`` says why."""

    def __init__(self, message: str) -> None:
        quoted = message.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        super().__init__(f"code: 'Internal error', message: \"{quoted}\"")
        self.message = message


def connect_failure(address: str, error: OSError) -> UnreachableError:
    """Word a failed connect as tonic does."""
    number = error.errno or 0
    kind, text = KINDS.get(number, ("Uncategorized", os.strerror(number) if number else str(error)))
    cause = f'Os {{ code: {number}, kind: {kind}, message: "{text}" }}'
    if isinstance(error, TimeoutError) or number == errno.ETIMEDOUT:
        cause = "Custom { kind: TimedOut, error: Elapsed(()) }"
    return UnreachableError(
        "code: 'The service is currently unavailable', message: \"tcp connect error\", source: "
        'tonic::transport::Error(Transport, ConnectError(ConnectError("tcp connect error", '
        f"{address}, {cause})))"
    )
