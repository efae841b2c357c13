"""Watching for the TCP connections of a port to be gone, for `wait_for: state=drained`.

The kernel lists connections in /proc/net/tcp and tcp6 (proc(5)): addresses in hexadecimal digits,
each group of four bytes the other way round on all machines we know, and states by number.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any, Final

from raftfleet.errors import TaskError
from raftfleet.modules.watching.on_host import Watch

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["ACTIVE", "watch_connections"]

_STATES: Final = {
    "ESTABLISHED": "01",
    "SYN_SENT": "02",
    "SYN_RECV": "03",
    "FIN_WAIT1": "04",
    "FIN_WAIT2": "05",
    "TIME_WAIT": "06",
}
ACTIVE: Final = tuple(_STATES)
_ANYWHERE: Final = "[0-9A-F]+"
_MAPPED: Final = "0000000000000000FFFF0000"


def watch_connections(arguments: Mapping[str, Any], *, longest: float) -> Watch:
    """Watch for the last connection to a port of the host to go; `TaskError` for odd arguments."""
    states = "|".join(_state(str(name)) for name in arguments["active_connection_states"])
    here = _addresses([arguments["host"]])
    line = f"^ *[0-9]+: ({here}):{arguments['port']:04X} [0-9A-F]+:[0-9A-F]+ ({states}) "
    listed = f"grep -hsE '{line}' /proc/net/tcp /proc/net/tcp6"
    if arguments["exclude_hosts"]:
        others = _addresses(map(str, arguments["exclude_hosts"]))
        listed += f" | grep -vE '^ *[0-9]+: [0-9A-F]+:[0-9A-F]+ ({others}):'"
    return Watch(f'[ -z "$({listed})" ]', longest)


def _state(name: str) -> str:
    if name not in _STATES:
        known = ", ".join(_STATES)
        raise TaskError(f"{name!r} is no state of a connection", hint=f"known: {known}")
    return _STATES[name]


def _addresses(names: Iterable[str]) -> str:
    """Return an expression for addresses as the kernel writes them."""
    found = []
    for name in names:
        try:
            address = ipaddress.ip_address("127.0.0.1" if name == "localhost" else name)
        except ValueError:
            raise TaskError(f"state: drained wants addresses, not {name!r}") from None
        if address.is_unspecified:
            return _ANYWHERE
        packed = address.packed
        groups = [packed[at : at + 4][::-1].hex().upper() for at in range(0, len(packed), 4)]
        shown = "".join(groups)
        found += [shown, _MAPPED + shown] if address.version == 4 else [shown]
    return "|".join(found)
