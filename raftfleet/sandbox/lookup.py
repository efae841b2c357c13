"""Finding sandboxes that are there."""

from __future__ import annotations

from raftfleet.errors import SandboxError, nearest
from raftfleet.sandbox import state
from raftfleet.sandbox.model import Phase, Sandbox, check_name
from raftfleet.sandbox.tools import require_root

__all__ = ["exists", "load", "names"]


def names() -> list[str]:
    """Return the names of all sandboxes, half-made ones too, sorted."""
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
    if dead := [host.name for host in sandbox.hosts if not host.alive]:
        raise SandboxError(f"sandbox {name} has lost: {', '.join(dead)}", hint=remedy)
    return sandbox
