"""The ports a node must hold, compared with what its host's kernel says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .identity import life_in
from .remote import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from raftfleet.journal.values import Port

    from .identity import Life
    from .remote import Place, Reply

__all__ = ["Holding", "holders", "look"]

_TIMEOUT = 10.0
_HOLDERS = 30.0


@dataclass(frozen=True, slots=True)
class Holding:
    """A node's latest life, and who listens on its ports.

    ``foreign`` maps a port that somebody else listens on to the sockets' inodes: anybody, while
    the node does not run. Where /proc/PID/fd may not be read, nobody is known to be somebody else.
    ``asked`` is when, on our clock: all of it was so later.
    """

    life: Life | None
    held: tuple[Port, ...]
    foreign: dict[Port, tuple[str, ...]]
    missing: tuple[Port, ...]
    asked: float = 0.0


def look(place: Place, ports: Sequence[Port]) -> Holding:
    """Ask the host for a node's life and its ports, in the node's own network namespace."""
    return _holding(place.ask("ports.sh", timeout=_TIMEOUT), ports)


def _holding(reply: Reply, ports: Sequence[Port]) -> Holding:
    sockets: dict[tuple[str, int], set[str]] = {}
    for line in reply.all("socket"):
        protocol, digits, inode = line.split()
        sockets.setdefault((protocol, int(digits, 16)), set()).add(inode)
    alive = reply.last("alive") == "yes"
    known = not alive or "owners" in reply
    own = set(reply.all("owns"))
    held, foreign, missing = [], {}, []
    for port in ports:
        inodes = sockets.get((port.protocol, port.number), set())
        if inodes and (not known or inodes & own):
            held.append(port)
        elif inodes:
            foreign[port] = tuple(sorted(inodes))
        else:
            missing.append(port)
    return Holding(life_in(reply, alive=alive), tuple(held), foreign, tuple(missing), reply.sent)


def holders(place: Place, foreign: dict[Port, tuple[str, ...]]) -> list[str]:
    """Say of each port who holds it, one line each."""
    if not foreign:
        return []
    wanted = " ".join(inode for inodes in foreign.values() for inode in inodes)
    reply = place.ask("holders.sh", timeout=_HOLDERS, inodes=wanted)
    found = dict(line.split(" ", 1) for line in reply.all("holder"))
    return [
        f"{port.protocol} port {port.number} ({port.name}) is held by {_holder(found, inodes)}"
        for port, inodes in foreign.items()
    ]


def _holder(found: dict[str, str], inodes: Iterable[str]) -> str:
    for inode in inodes:
        if inode in found:
            pid, _, what = found[inode].partition(" ")
            return f"pid {pid} ({plain(what).strip()})"
    return "a process we cannot see"
