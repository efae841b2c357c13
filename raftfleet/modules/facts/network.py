"""Facts of interfaces and addresses."""

from __future__ import annotations

import ipaddress
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

# ARPHRD_* of <linux/if_arp.h>, as Ansible words them.
_KINDS: Final = {"1": "ether", "32": "infiniband", "512": "ppp", "772": "loopback"}
_PROMISCUOUS: Final = 0x100  # IFF_PROMISC of <linux/if.h>
_NO_ADDRESS: Final = "00:00:00:00:00:00"


def devices(text: str, _before: Mapping[str, Any]) -> dict[str, Any]:
    """Read /sys/class/net: one fact for each interface, and their names."""
    found: dict[str, Any] = {}
    for line in text.splitlines():
        name, kind, mac, mtu, state, number, flags, speed = line.split("\t")
        entry: dict[str, Any] = {
            "device": name,
            "active": state != "down",
            "mtu": int(mtu),
            "type": kind or _KINDS.get(number, "unknown"),
            "promisc": bool(int(flags or "0", 16) & _PROMISCUOUS),
        }
        if mac and mac != _NO_ADDRESS:
            entry["macaddress"] = mac
        if speed.isdecimal():
            entry["speed"] = int(speed)
        found[_fact(name)] = entry
    return {"interfaces": [entry["device"] for entry in found.values()], **found}


def addresses(text: str, before: Mapping[str, Any]) -> dict[str, Any]:
    """Read `ip -o addr` and the two routes into the world."""
    table, way4, way6 = text.split("\1")
    found: dict[str, Any] = {"all_ipv4_addresses": [], "all_ipv6_addresses": []}
    for line in table.splitlines():
        words = line.split()
        family, (device, entry) = words[2], _entry(words[1], before)
        found[device] = found.get(device, entry)
        if family == "inet":
            _add_v4(found, found[device], words[3:])
        elif family == "inet6":
            _add_v6(found, found[device], words[3:])
    for key, said in (("default_ipv4", way4), ("default_ipv6", way6)):
        found[key] = _default(said, {**before, **found}, four=key == "default_ipv4")
    return found


def _entry(name: str, before: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the fact of an interface as it is so far."""
    device = name.split("@", maxsplit=1)[0]
    return _fact(device), dict(before.get(_fact(device), {"device": device}))


def _fact(device: str) -> str:
    return device.replace("-", "_")


def _add_v4(found: dict[str, Any], entry: dict[str, Any], words: list[str]) -> None:
    said = dict(pairwise(words))
    address = words[0].split("/")[0]
    length = said.get("peer", words[0]).partition("/")[2] or "32"
    net = ipaddress.ip_network(f"{address}/{length}", strict=False)
    value = {
        "address": address,
        "broadcast": said.get("brd", ""),
        "netmask": str(net.netmask),
        "network": str(net.network_address),
        "prefix": length,
    }
    if "ipv4" in entry:
        entry.setdefault("ipv4_secondaries", []).append(value)
    else:
        entry["ipv4"] = value
    if not ipaddress.ip_address(address).is_loopback:
        found["all_ipv4_addresses"].append(address)


def _add_v6(found: dict[str, Any], entry: dict[str, Any], words: list[str]) -> None:
    said = dict(pairwise(words))
    address, _, length = words[0].partition("/")
    value = {"address": address, "prefix": length, "scope": said.get("scope", "")}
    entry.setdefault("ipv6", []).append(value)
    if not ipaddress.ip_address(address).is_loopback:
        found["all_ipv6_addresses"].append(address)


def _default(said: str, facts: Mapping[str, Any], *, four: bool) -> dict[str, Any]:
    """Return by which interface and address the host reaches the world; empty when it cannot."""
    words = said.split()
    ways = dict(pairwise(words))
    if not {"dev", "src"} <= ways.keys():
        return {}
    entry = facts.get(_fact(ways["dev"]), {})
    mine = [entry.get("ipv4", {}), *entry.get("ipv4_secondaries", [])]
    mine = mine if four else entry.get("ipv6", [])
    address: dict[str, Any] = next((one for one in mine if one.get("address") == ways["src"]), {})
    link = {key: entry[key] for key in ("macaddress", "mtu", "type") if key in entry}
    found = {**address, **link, "interface": ways["dev"], "address": ways["src"]}
    if "via" in ways:
        found["gateway"] = ways["via"]
    if four:
        found["alias"] = ways["dev"]
    return found
