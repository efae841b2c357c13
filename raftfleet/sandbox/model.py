"""A sandbox and its hosts: what is written down about them, and how they are reached."""

from __future__ import annotations

import enum
import hashlib
import ipaddress
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from raftfleet.errors import SandboxError, nearest
from raftfleet.sandbox.place import HOME
from raftfleet.sandbox.processes import Process, is_alive

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "HOME",
    "MOST_HOSTS",
    "SANDBOX_VARIABLE",
    "Init",
    "Phase",
    "Sandbox",
    "SandboxHost",
    "design",
    "link_prefix",
]

SANDBOX_VARIABLE = "raftfleet_sandbox"
"""Host variable that names the ordinary user's sandbox to join before a host can be reached."""

MOST_HOSTS = 100
LEAST_DISK_MB = 4

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


class Phase(enum.Enum):
    """How far a sandbox is."""

    MAKING = "making"
    UP = "up"
    GOING = "going"


class Init(enum.Enum):
    """What the first process of every host is."""

    PLAIN = "plain"
    SYSTEMD = "systemd"


class SandboxHost(msgspec.Struct, frozen=True):
    """One host: a set of namespaces with a first process, an address and clocks of its own.

    Its monotonic clock reads ours plus ``monotonic_offset`` seconds, its boot clock ours plus
    ``boottime_offset``; the wall clock is the machine's. ``keeper`` is the unshare(1) process on
    the machine's side whose end ends the host.
    """

    name: str
    index: int
    address: str
    link: str
    monotonic_offset: int
    boottime_offset: int
    keeper: Process | None = None
    init: Process | None = None
    address6: str | None = None

    @property
    def alive(self) -> bool:
        """Whether the host's first process still runs."""
        return self.init is not None and is_alive(self.init)

    @property
    def init_pid(self) -> int:
        """Pid of the first process as the machine counts; SandboxError while there is none."""
        if self.init is None:
            raise SandboxError(f"host {self.name} was never started")
        return self.init.pid

    @property
    def root(self) -> Path:
        """The host's file tree as the machine sees it, while the host lives."""
        return Path(f"/proc/{self.init_pid}/root")


class Sandbox(msgspec.Struct, frozen=True):
    """Hosts that share a bridge and a /24; also the record that lies on disk."""

    name: str
    phase: Phase
    boot_id: str
    maker: int
    subnet: str
    bridge: str
    disk_mb: int
    hosts: tuple[SandboxHost, ...]
    rootless: bool = False
    """Whether the hosts live in the user namespace of an ordinary user, not on the machine."""
    init: Init = Init.PLAIN

    @property
    def directory(self) -> Path:
        """The sandbox's folder, made by ``up`` and removed by ``down``."""
        return HOME / self.name

    @property
    def key_file(self) -> Path:
        """The private key (ed25519, no passphrase) that opens root's account on every host."""
        return self.directory / "id_ed25519"

    @property
    def known_hosts(self) -> Path:
        """A known_hosts file with every host's key, under its address and its name."""
        return self.directory / "known_hosts"

    @property
    def gateway(self) -> str:
        """The machine's own address on the bridge."""
        return str(ipaddress.ip_network(self.subnet)[1])

    @property
    def subnet6(self) -> str:
        """The /64 that goes with the /24; empty where the kernel has no IPv6."""
        return f"{_prefix6(self.subnet)}::/64" if self.hosts[0].address6 else ""

    @property
    def whereabouts(self) -> dict[str, str]:
        """The host variables that say from where the hosts can be reached; see ``join``."""
        return {SANDBOX_VARIABLE: self.name} if self.rootless else {}

    def host(self, name: str) -> SandboxHost:
        """Return a host by name; SandboxError when there is none."""
        for host in self.hosts:
            if host.name == name:
                return host
        names = [host.name for host in self.hosts]
        guess = nearest(name, names)
        raise SandboxError(
            f"sandbox {self.name} has no host {name!r}",
            hint=f"did you mean {guess}?" if guess else f"its hosts: {', '.join(names)}",
        )

    def inventory(self) -> str:
        """Return an Ansible inventory (YAML) with all hosts in group ``raft``."""
        lines = [
            "all:",
            "  vars:",
            "    ansible_user: root",
            f"    ansible_ssh_private_key_file: {self.key_file}",
            f'    ansible_ssh_common_args: "-o UserKnownHostsFile={self.known_hosts}"',
            *(f'    {name}: "{value}"' for name, value in self.whereabouts.items()),
            "  children:",
            "    raft:",
            "      hosts:",
        ]
        for host in self.hosts:
            lines += [
                f"        {host.name}:",
                f"          ansible_host: {host.address}",
                f"          raft_node_id: {host.index}",
            ]
        return "\n".join(lines) + "\n"

    def ssh_argv(self, host: str, command: Sequence[str] = ()) -> list[str]:
        """Return the ssh(1) command line that opens a host, strictly checked, deaf to ~/.ssh.

        One word of ``command`` is shell text for the host; several are one program with its
        arguments and arrive there exactly as given. None opens a login shell.
        """
        options = {
            "IdentityFile": self.key_file,
            "IdentitiesOnly": "yes",
            "UserKnownHostsFile": self.known_hosts,
            "GlobalKnownHostsFile": "/dev/null",
            "StrictHostKeyChecking": "yes",
            "BatchMode": "yes",
            # OpenSSH's first choice costs 0.15 s of computing and protects against nothing here.
            "KexAlgorithms": "curve25519-sha256",
            "LogLevel": "ERROR",
        }
        argv = ["ssh", "-F", "/dev/null"]
        for key, value in options.items():
            argv += ["-o", f"{key}={value}"]
        argv += ["--", f"root@{self.host(host).address}"]
        if command:
            argv.append(command[0] if len(command) == 1 else shlex.join(command))
        return argv


def link_prefix(name: str) -> str:
    """Return what the network interfaces of a sandbox, and no others, are called or begin with.

    An interface's name holds 15 characters, so the sandbox's own name would not fit.
    """
    return f"rf-{_digest(name):064x}"[:11]


def check_request(name: str, hosts: int, disk_mb: int) -> None:
    """Raise SandboxError for a sandbox that could not be made anywhere."""
    check_name(name)
    if not 1 <= hosts <= MOST_HOSTS:
        raise SandboxError(f"{hosts} hosts asked for", hint=f"ask for 1 to {MOST_HOSTS}")
    if disk_mb < LEAST_DISK_MB:
        raise SandboxError(f"disk of {disk_mb} MB asked for", hint=f"{LEAST_DISK_MB} MB at least")


def check_name(name: str) -> None:
    """Raise SandboxError for a name that no sandbox can have."""
    if not _NAME.fullmatch(name):
        raise SandboxError(
            f"{name!r} cannot name a sandbox",
            hint="1 to 40 of a-z, 0-9 and '-', the first one not a '-'",
        )


def design(
    name: str,
    hosts: int,
    disk_mb: int,
    subnet: str,
    boot: str,
    maker: int,
    *,
    ipv6: bool = True,
    rootless: bool = False,
    init: Init = Init.PLAIN,
) -> Sandbox:
    """Return the record of a sandbox of which nothing has been made yet."""
    prefix = link_prefix(name)
    network = ipaddress.ip_network(subnet)
    planned = []
    for index in range(1, hosts + 1):
        monotonic, boottime = _clock_offsets(name, index)
        planned.append(
            SandboxHost(
                name=f"n{index}",
                index=index,
                address=str(network[10 + index]),
                address6=f"{_prefix6(subnet)}::{10 + index}" if ipv6 else None,
                link=f"{prefix}-{index}",
                monotonic_offset=monotonic,
                boottime_offset=boottime,
            )
        )
    return Sandbox(
        *(name, Phase.MAKING, boot, maker, subnet, prefix, disk_mb, tuple(planned)),
        rootless=rootless,
        init=init,
    )


def _prefix6(subnet: str) -> str:
    """Return the first half of the IPv6 addresses that go with a /24 of ours (RFC 4193)."""
    return f"fd77:7261:6674:{subnet.split('.')[2]}"


def _clock_offsets(name: str, index: int) -> tuple[int, int]:
    """Return how far a host's monotonic and boot clocks are ahead of ours, in whole seconds.

    Months, and at least ten days apart from one host to the next, so that a stamp read on one
    clock and used on another is wrong by more than anything plausible. As on every machine, boot
    time is ahead of monotonic time (by the time spent suspended).
    """
    monotonic = index * 10_000_000 + _digest(name, index, "monotonic") % 9_000_000
    suspended = 100_000 + _digest(name, index, "suspended") % 900_000
    return monotonic, monotonic + suspended


def _digest(*parts: object) -> int:
    text = "/".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")
