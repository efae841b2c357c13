"""Seeing for ourselves that hosts answer, and that they reach each other."""

from __future__ import annotations

import ctypes
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from raftfleet.errors import SandboxError
from raftfleet.sandbox.birth import last_words
from raftfleet.sandbox.waiting import until

if TYPE_CHECKING:
    from raftfleet.sandbox.model import Sandbox, SandboxHost

__all__ = ["await_sshd", "check_neighbours"]

_CLONE_NEWNET = 0x40000000
_SSH_PORT = 22
_PATIENCE = 15.0
_NEIGHBOURLY = 5.0


def await_sshd(sandbox: Sandbox) -> None:
    """Wait until every host's sshd shows its banner; SandboxError says which did not, and why."""
    for host in sandbox.hosts:
        _await_banner(sandbox, host)


def _await_banner(sandbox: Sandbox, host: SandboxHost) -> None:
    def look() -> str | None:
        # Whether it lives is asked first: a host that died cannot show a banner any more.
        if not host.alive:
            raise SandboxError(f"host {host.name} died: {last_words(sandbox, host)}")
        seen = _banner(host.address)
        return None if seen.startswith("SSH-2.0-") else f"{seen}; {last_words(sandbox, host)}"

    until(look, seconds=_PATIENCE, what=f"sshd of host {host.name} on {host.address}:{_SSH_PORT}")


def check_neighbours(sandbox: Sandbox) -> None:
    """Make sure that hosts reach each other and not just this machine.

    Where net.bridge.bridge-nf-call-iptables is 1, as container engines set it, packets that stay on
    the bridge pass the machine's FORWARD rules, and those engines drop what they do not know.
    """
    if len(sandbox.hosts) == 1:
        return
    here, there = sandbox.hosts[0], sandbox.hosts[-1]

    def look() -> str | None:
        seen = _banner_from(here, there.address)
        return None if seen.startswith("SSH-2.0-") else seen

    until(
        look,
        seconds=_NEIGHBOURLY,
        what=f"connection from host {here.name} to host {there.name}",
        hint="a firewall on this machine may drop bridged packets; let ours pass with: "
        "iptables -I FORWARD -i rf-+ -o rf-+ -j ACCEPT",
    )


def _banner(address: str) -> str:
    """Return the line an SSH server opens with, or what happened instead."""
    try:
        # 50 ms, because a packet sent before the host was plugged in is repeated only after 1 s.
        with socket.create_connection((address, _SSH_PORT), timeout=0.05) as connection:
            connection.settimeout(2)
            return connection.recv(64).decode("ascii", "replace").strip() or "closed at once"
    except OSError as problem:
        return f"no connection ({problem})"


def _banner_from(host: SandboxHost, address: str) -> str:
    """Return the banner as seen from inside a host."""
    # A thread may be in another network namespace than its process. This one does nothing else.
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(_enter_and_look, host.init_pid, address).result()


def _enter_and_look(pid: int, address: str) -> str:
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
    try:
        if libc.setns(descriptor, _CLONE_NEWNET) != 0:
            return f"setns: {os.strerror(ctypes.get_errno())}"
    finally:
        os.close(descriptor)
    return _banner(address)
