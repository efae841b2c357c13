"""What a node's own store holds, and registers in it: calls of the meta service over gRPC-web.

``Set`` and ``Delete`` are Raft writes of the first group, and only its leader takes them: anybody
else refuses with status 13 and ``has to forward request to: Some(1), ...``, before anything is
written. ``Get`` and ``ListTenant`` answer from the store of the node that is asked (seen on the
real broker).
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from raftfleet.systems.protocol import AccessError, Ack, Refused, Unknown, UnsentError

from .grpcweb import (
    HEADERS,
    SERVICE,
    GrpcError,
    bytes_field,
    encoded,
    frame,
    messages,
    string_field,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from raftfleet.systems.protocol import Access, WriteOutcome

__all__ = ["delete_register", "read_registers", "set_register", "stored_tenants"]

_NOT_LEADER = "has to forward request to"
_LEADER = re.compile(r"has to forward request to: Some\((\d+)\)")
_LONGEST_NAME = 128


def set_register(at: Access, key: str, value: str, *, timeout: float) -> WriteOutcome:
    """Set a register through this node; it has to lead."""
    return _write(at, "Set", encoded(key, value), timeout)


def delete_register(at: Access, key: str, *, timeout: float) -> WriteOutcome:
    """Delete a register through this node; it has to lead."""
    return _write(at, "Delete", encoded(key), timeout)


def _write(at: Access, method: str, message: bytes, timeout: float) -> WriteOutcome:
    try:
        _call(at, method, message, timeout)
    except UnsentError as error:
        return Refused(str(error))
    except GrpcError as error:
        if _NOT_LEADER not in error.message:
            return Unknown(str(error))
        named = _LEADER.search(error.message)
        return Refused(error.message, named[1] if named else "")
    except AccessError as error:
        return Unknown(str(error))
    return Ack()


def read_registers(at: Access, keys: Sequence[str], *, timeout: float) -> dict[str, str | None]:
    """Read registers from this node's own store; an empty value means that there is none."""
    until = time.monotonic() + timeout
    found: dict[str, str | None] = {}
    for key in keys:
        left = until - time.monotonic()
        if left <= 0:
            raise AccessError(f"{len(found)} of {len(keys)} registers were read in {timeout:g} s")
        answer = _call(at, "Get", encoded(key), left)
        found[key] = (string_field(answer[0], 1) if answer else "") or None
    return found


def stored_tenants(at: Access, prefix: str, *, timeout: float) -> list[str]:
    """Return the names of the tenants in this node's own store that begin so, sorted."""
    stream = _call(at, "ListTenant", b"", timeout)
    return sorted(name for name in map(_tenant_name, stream) if name.startswith(prefix))


def _tenant_name(message: bytes) -> str:
    """Return a tenant's name: bincode has it first, after its length as a u64 (little-endian)."""
    content = bytes_field(message, 1)
    size = int.from_bytes(content[:8], "little")
    if len(content) < 8 + size or size > _LONGEST_NAME:
        raise AccessError(f"ListTenant sent what is no tenant: {content[:40]!r}")
    return content[8 : 8 + size].decode("utf-8", "replace")


def _call(at: Access, method: str, message: bytes, timeout: float) -> list[bytes]:
    path = f"{SERVICE}{method}"
    answer = at.request("grpc", "POST", path, timeout=timeout, body=frame(message), headers=HEADERS)
    return messages(answer)
