"""``up``: from a name to hosts that answer."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

from raftfleet.errors import SandboxError
from raftfleet.sandbox import lookup, network, place, rootless, state
from raftfleet.sandbox.birth import newborns
from raftfleet.sandbox.keys import cut_keys
from raftfleet.sandbox.model import Init, Phase, Sandbox, check_request, design
from raftfleet.sandbox.processes import boot_id, strays
from raftfleet.sandbox.reach import await_sshd, check_neighbours
from raftfleet.sandbox.removal import clear, clear_rootless, down
from raftfleet.sandbox.seed import hide, plant
from raftfleet.sandbox.tools import require_machine, require_systemd
from raftfleet.sandbox.userns import require_user_namespaces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["running", "up"]


def up(
    name: str = "raftfleet",
    hosts: int = 3,
    *,
    disk_mb: int = 512,
    init: Init = Init.PLAIN,
    progress: Callable[[str], None] = lambda _: None,
) -> Sandbox:
    """Make hosts n1, n2, ... and return them once each one's sshd answers.

    ``disk_mb`` bounds what each host can write, in memory. ``init`` is what the first process of
    each host is; an ordinary user's cannot be systemd. ``progress`` is told each step before
    it is taken. What a maker that died left under this name is removed first. Raises SandboxError
    when the sandbox is up already, or this machine cannot hold it; nothing stays behind then.
    """
    check_request(name, hosts, disk_mb)
    if init is Init.SYSTEMD:
        require_systemd()
    if place.ROOTLESS:
        return _up_rootless(name, hosts, disk_mb, progress)
    require_machine()
    _make_room(name)
    sandbox, lock = _claim(name, hosts, disk_mb, init)
    try:
        return _make(sandbox, lock, progress)
    except BaseException:
        clear(name, lock)
        raise
    finally:
        os.close(lock)


def _up_rootless(name: str, hosts: int, disk_mb: int, progress: Callable[[str], None]) -> Sandbox:
    """Make an ordinary user's sandbox: a keeper, and inside its namespaces the hosts."""
    require_user_namespaces()
    with rootless.turn() as lock:
        old = state.read(name)
        if old and old.phase is Phase.UP and rootless.find(name):
            raise _up_already(old)
        clear_rootless(name)
        try:
            progress("keeper")
            keeper = rootless.start(name)
            progress("hosts")
            rootless.make_inside(name, hosts, disk_mb, keeper, keep=lock)
        except BaseException:
            clear_rootless(name)
            raise
    return lookup.load(name)


def _up_already(sandbox: Sandbox) -> SandboxError:
    return SandboxError(
        f"sandbox {sandbox.name} is up already, with {len(sandbox.hosts)} hosts",
        hint=f"raftfleet sandbox down --name {sandbox.name}",
    )


@contextmanager
def running(
    name: str, hosts: int = 3, *, disk_mb: int = 512, init: Init = Init.PLAIN
) -> Iterator[Sandbox]:
    """Have a sandbox for the length of a ``with`` block."""
    sandbox = up(name, hosts, disk_mb=disk_mb, init=init)
    try:
        yield sandbox
    finally:
        down(name)


def _make_room(name: str) -> None:
    """Remove what is left of an earlier sandbox of this name; refuse when there is a live one."""
    if name not in state.registered():
        if network.links(name) or strays(name):  # somebody removed its folder by hand
            down(name)
        return
    with state.locked(name) as lock:
        if lock is None:
            return
        old, remedy = state.read(name), f"raftfleet sandbox down --name {name}"
        if old is None:
            raise SandboxError(f"the record of sandbox {name} cannot be read", hint=remedy)
        if old.phase is Phase.UP and any(host.alive for host in old.hosts):
            raise _up_already(old)
        clear(name, lock)


def _claim(name: str, hosts: int, disk_mb: int, init: Init) -> tuple[Sandbox, int]:
    """Write down a sandbox under a free subnet; return it with the lock of its folder."""
    with state.register() as keep:
        state.sweep()
        if name in state.registered():
            raise SandboxError(f"sandbox {name} has just been made by another process")
        network.remove_routes(name, keep=keep)
        subnet = network.free_subnet(name, state.subnets(), keep=keep)
        sandbox = design(
            *(name, hosts, disk_mb, subnet, boot_id(), os.getpid()),
            ipv6=network.has_ipv6(),
            rootless=place.INSIDE,
            init=init,
        )
        return sandbox, state.publish(sandbox)


def _make(sandbox: Sandbox, lock: int, progress: Callable[[str], None]) -> Sandbox:
    """Make everything the record names, in an order that ``down`` can undo from any point."""
    progress("files")
    hide(sandbox.directory / "hidden", sandbox.init)
    for host in sandbox.hosts:
        plant(sandbox, host)
    progress("namespaces")
    with newborns(sandbox) as started:
        progress("keys")
        cut_keys(sandbox, keep=lock)
        progress("bridge")
        network.lay_bridge(sandbox, keep=lock)
        progress("identities")
        born = tuple(newborn.identity() for newborn in started)
        sandbox = state.write(msgspec.structs.replace(sandbox, hosts=born))
        progress("cables")
        network.plug_in(sandbox, keep=lock)
        progress("go")
        for newborn in started:
            newborn.go()
        progress("sshd")
        await_sshd(sandbox)
    progress("neighbours")
    check_neighbours(sandbox)
    progress("record")
    return state.write(msgspec.structs.replace(sandbox, phase=Phase.UP))
