"""The network of a sandbox: a /24 of its own, a bridge, a cable to each host, and no way out.

Interfaces are found again by their names, which follow from the sandbox's name; routes by our
protocol number and a metric that does so too. Both are removed even if nothing was written down.
"""

from __future__ import annotations

import ipaddress
import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from raftfleet.errors import SandboxError
from raftfleet.sandbox.model import link_prefix
from raftfleet.sandbox.tools import call
from raftfleet.sandbox.waiting import until

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from raftfleet.sandbox.model import Sandbox

__all__ = [
    "REALM",
    "free_subnet",
    "has_ipv6",
    "lay_bridge",
    "links",
    "plug_in",
    "remove_links",
    "remove_routes",
]

REALM = ipaddress.IPv4Network("10.77.0.0/16")
"""Sandboxes take their subnets from here."""

_PROTOCOL = "77"  # in no iproute2 table; tells our routes from everybody else's


class _Route(TypedDict, total=False):
    dst: str
    type: str


def free_subnet(name: str, taken: Collection[str], *, keep: int) -> str:
    """Return a /24 that no sandbox has taken and no route of this machine leads to.

    The search starts at a place that follows from the name, so a sandbox that is made again
    mostly gets its old addresses. A route wider than /16 does not count: ours is narrower and wins.
    """
    busy = [net for net in _destinations(keep) if net.prefixlen >= REALM.prefixlen]
    candidates = list(REALM.subnets(new_prefix=24))
    first = int(link_prefix(name)[3:], 16) % len(candidates)
    for candidate in candidates[first:] + candidates[:first]:
        if str(candidate) not in taken and not any(candidate.overlaps(net) for net in busy):
            return str(candidate)
    ways = ", ".join(str(net) for net in busy if net.overlaps(REALM))
    raise SandboxError(
        f"no free /24 in {REALM}: {len(taken)} sandboxes, and routes to {ways or 'nothing'}",
        hint="take a sandbox down, or remove the route (ip -4 route show table all)",
    )


def lay_bridge(sandbox: Sandbox, *, keep: int) -> None:
    """Make the bridge with the machine's address on it.

    The unreachable route comes first: packets for hosts whose bridge is gone, or not there yet,
    must not leave by the default route. The bridge's MAC address is fixed, because otherwise it
    changes with the ports and neighbours remember a wrong one.
    """
    bridge = sandbox.bridge
    subnets = [sandbox.subnet, *filter(None, [sandbox.subnet6])]
    gateways = [f"{net[1]}/{net.prefixlen}" for net in map(ipaddress.ip_network, subnets)]
    _ip(
        *(f"route add unreachable {subnet} {_mark(sandbox.name)}" for subnet in subnets),
        f"link add name {bridge} address {_mac(sandbox.gateway)} type bridge stp_state 0",
        f"link set dev {bridge} addrgenmode none alias raftfleet-sandbox:{sandbox.name}",
        *(f"addr add {own} dev {bridge}{' nodad' * (':' in own)}" for own in gateways),
        f"link set dev {bridge} up",
        keep=keep,
    )
    # Without this a first ARP request that gets lost costs a second.
    Path(f"/proc/sys/net/ipv4/neigh/{bridge}/retrans_time_ms").write_text("30", encoding="ascii")


def has_ipv6() -> bool:
    """Tell whether this kernel has IPv6 and lets new interfaces have it."""
    switch = Path("/proc/sys/net/ipv6/conf/default/disable_ipv6")
    return switch.exists() and switch.read_text(encoding="ascii").strip() == "0"


def plug_in(sandbox: Sandbox, *, keep: int) -> None:
    """Lay a cable from the bridge into the network namespace of every host."""
    lines = []
    for host in sandbox.hosts:
        peer = f"peer name eth0 address {_mac(host.address)} netns {host.init_pid}"
        lines += [
            f"link add name {host.link} type veth {peer}",
            f"link set dev {host.link} addrgenmode none master {sandbox.bridge} up",
        ]
    _ip(*lines, keep=keep)


def links(name: str) -> list[str]:
    """Return the interfaces of a sandbox that exist on the machine's side, bridge first."""
    prefix = link_prefix(name)
    found = (entry.name for entry in Path("/sys/class/net").iterdir())
    return sorted(link for link in found if link == prefix or link.startswith(f"{prefix}-"))


def remove_links(name: str, *, keep: int) -> None:
    """Remove all interfaces of a sandbox; those of dead hosts may be vanishing by themselves."""

    def look() -> str | None:
        left = links(name)
        if left:
            with suppress(SandboxError):  # "Cannot find device": it went by itself
                _ip(*(f"link del dev {link}" for link in left), keep=keep, force=True)
        return f"still there: {', '.join(left)}" if left else None

    until(look, seconds=10, what=f"removal of the interfaces of sandbox {name}")


def remove_routes(name: str, *, keep: int) -> list[str]:
    """Remove the unreachable routes of a sandbox; return where they led."""
    mark = _mark(name)
    routes: list[_Route] = []
    for family in ("-4", "-6"):
        shown = call(["ip", "-json", family, "route", "show", *mark.split()], keep=keep)
        routes += json.loads(shown or "[]")
    if routes:
        _ip(*(f"route del unreachable {route['dst']} {mark}" for route in routes), keep=keep)
    return [route["dst"] for route in routes]


def _mark(name: str) -> str:
    """Return what tells a sandbox's routes from all others, as ip(8) wants it.

    Any metric above the 0 of the bridge's own route will do; this one belongs to the name.
    """
    return f"metric {int(link_prefix(name)[3:], 16) | 1 << 16} proto {_PROTOCOL}"


def _ip(*lines: str, keep: int, force: bool = False) -> None:
    argv = ["ip", *(["-force"] if force else []), "-batch", "-"]
    call(argv, keep=keep, stdin="\n".join(lines) + "\n")


def _destinations(keep: int) -> Iterable[ipaddress.IPv4Network]:
    shown = call(["ip", "-json", "-4", "route", "show", "table", "all"], keep=keep)
    routes: list[_Route] = json.loads(shown or "[]")
    return [ipaddress.IPv4Network(r["dst"]) for r in routes if r.get("dst", "default") != "default"]


def _mac(address: str) -> str:
    """Return a locally administered MAC address (02:...) that carries the IPv4 address."""
    return "02:77:" + ":".join(f"{octet:02x}" for octet in ipaddress.IPv4Address(address).packed)
