"""From a host's answers to its facts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from raftfleet.modules.facts import hardware, local, network, system, virtual

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["read_facts"]

# In this order: a reader may look at what those before it found.
_READERS: Final[Mapping[str, Callable[[str, Mapping[str, Any]], dict[str, Any]]]] = {
    "platform": system.platform,
    "distribution": system.distribution,
    "user": system.user,
    "date_time": system.date_time,
    "service_mgr": system.service_mgr,
    "pkg_mgr": system.pkg_mgr,
    "python": system.python,
    "selinux": system.selinux,
    "apparmor": system.apparmor,
    "fips": system.fips,
    "cmdline": system.cmdline,
    "dns": system.dns,
    "loadavg": system.loadavg,
    "systemd": system.systemd,
    "ssh_pub_keys": system.ssh_pub_keys,
    "local": local.local,
    "cpu": hardware.cpu,
    "memory": hardware.memory,
    "uptime": hardware.uptime,
    "mounts": hardware.mounts,
    "dmi": hardware.dmi,
    "devices": network.devices,
    "addresses": network.addresses,
    "virtualization": virtual.virtualization,
    "env": system.env,
}


def read_facts(answer: str) -> dict[str, Any]:
    """Return the facts in what `script` printed, by their names without ``ansible_``.

    A question whose answer makes no sense costs its own facts only.
    """
    parts = answer.split("\0")
    # Before the first name there is nothing; the environment, asked last, holds NULs of its own.
    answers: dict[str, str] = {}
    rest = parts[1:]
    while rest:
        name, rest = rest[0], rest[1:]
        if name == "env":
            answers[name] = "\0".join(rest)
            break
        answers[name], rest = (rest[0] if rest else ""), rest[1:]
    found: dict[str, Any] = {}
    for name, text in answers.items():
        try:
            found |= _READERS[name](text, found)
        except (ValueError, IndexError, KeyError):
            continue
    return found
