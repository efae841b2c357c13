"""Finding sandboxes that are there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raftfleet.errors import SandboxError, nearest
from raftfleet.sandbox import place, rootless, state
from raftfleet.sandbox.model import SANDBOX_VARIABLE, Phase, Sandbox, SandboxHost, check_name
from raftfleet.sandbox.processes import PROC, is_alive
from raftfleet.sandbox.tools import require_root

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["exists", "join", "load", "names"]


def names() -> list[str]:
    """Return the names of all sandboxes, half-made ones too, sorted."""
    if not place.ROOTLESS:
        require_root()
    return state.registered()


def exists(name: str = "raftfleet") -> bool:
    """Tell whether there is a sandbox of this name, be it half-made."""
    return name in names()


def load(name: str = "raftfleet") -> Sandbox:
    """Return a sandbox that is up; SandboxError when it is not there, half-made or lost a host."""
    check_name(name)
    if not exists(name):
        others = names()
        guess = nearest(name, others)
        raise SandboxError(
            f"there is no sandbox {name}" + (f"; there are: {', '.join(others)}" if others else ""),
            hint=f"did you mean {guess}?" if guess else f"raftfleet sandbox up --name {name}",
        )
    sandbox = state.read(name)
    remedy = f"raftfleet sandbox down --name {name}, then up again"
    if sandbox is None or sandbox.phase is not Phase.UP:
        phase = sandbox.phase.value if sandbox else "unreadable"
        raise SandboxError(f"sandbox {name} is not up (state: {phase})", hint=remedy)
    if dead := [host.name for host in sandbox.hosts if not _is_alive(name, host)]:
        raise SandboxError(f"sandbox {name} has lost: {', '.join(dead)}", hint=remedy)
    return sandbox


def join(variables: Iterable[Mapping[str, object]]) -> None:
    """Move this process to where hosts can be reached, given the variables of all of them.

    Hosts of an ordinary user's sandbox bear its name as ``raftfleet_sandbox``; nothing happens for
    others. Call it before the first thread is started, and before any host is spoken to. Raises
    SandboxError when no single place reaches them all.
    """
    wanted = {str(v[SANDBOX_VARIABLE]) if SANDBOX_VARIABLE in v else None for v in variables}
    names = sorted(filter(None, wanted))
    if not names:
        return
    if len(wanted) > 1:
        others = f"and those of {', '.join(names[1:])}" if names[1:] else "and others"
        raise SandboxError(
            f"the hosts of sandbox {names[0]} {others} cannot be reached from one place",
            hint=f"one inventory for the hosts with {SANDBOX_VARIABLE}: {names[0]}, and no others",
        )
    check_name(names[0])
    if not place.ROOTLESS:
        raise SandboxError(
            f"sandbox {names[0]} of this inventory belongs to an ordinary user",
            hint=f"run the command as that user; root's own: raftfleet sandbox up --name {names[0]}",
        )
    rootless.join(names[0])


def _is_alive(name: str, host: SandboxHost) -> bool:
    """Tell whether a host lives; those of an ordinary user are counted in a pid namespace."""
    if not place.ROOTLESS:
        return host.alive
    keeper = rootless.find(name)
    return (
        keeper is not None
        and host.init is not None
        and is_alive(host.init, PROC / f"{keeper.pid}/root/proc")
    )
