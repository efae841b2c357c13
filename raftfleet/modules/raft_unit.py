"""`raft_unit`: each node's unit of systemd, where the inventory wants systemd to run the nodes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from raftfleet.errors import TaskError
from raftfleet.modules.files.attributes import Attributes
from raftfleet.modules.files.delivery import deliver
from raftfleet.modules.on_host import OnHost, word
from raftfleet.modules.raft_base import RaftModule
from raftfleet.playbook.module import Result, Status

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import PurePosixPath

    from raftfleet.playbook.module import ModuleContext

__all__ = ["RaftUnit"]

_UNIT: Final = Attributes(mode="0644")
_ENVIRONMENT: Final = Attributes(mode="0600")  # it may hold passwords


class RaftUnit(RaftModule):
    """Write the unit file of this host's node, and have systemd read it.

    Does something only where the inventory says ``raft_service_manager: systemd``. Starts,
    stops and enables nothing. A file of this name that is not ours is refused.

    Arguments: none. Returns: unit (name), path; skipped elsewhere. Check mode: nothing is written,
    "changed" when something would be. Diff: of the unit. Idempotence: by digest.
    """

    name = "raft_unit"
    once = False

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        """Write what differs."""
        del arguments
        control = self.control_as(context)
        node = control.node(context.host.name)
        life = control.cluster.life(node.name)
        if life.unit is None:
            return Result(Status.SKIPPED, "raft_service_manager is not systemd")
        unit = life.unit
        _check(OnHost(context), unit.path)
        files = (
            (unit.environment_path, unit.environment().encode(), _ENVIRONMENT),
            (unit.keeper_path, unit.keeper().encode(), _UNIT),
            (unit.path, unit.text(life.console).encode(), _UNIT),
        )
        looking = replace(context, check_mode=True)
        seen = [_delivered(OnHost(looking), *one) for one in files]
        changed = any(one.status is Status.CHANGED for one in seen)
        if changed and not context.check_mode:
            control.claim()
            host = OnHost(context, fenced=lambda line: control.fenced(node.name, line))
            for one in files:
                _delivered(host, *one)
            host.ask("systemctl daemon-reload", "have systemd read its unit files")
        return Result(
            Status.CHANGED if changed else Status.OK,
            values={"unit": unit.name, "path": str(unit.path)},
            diff=seen[-1].diff,
        )


def _check(host: OnHost, path: PurePosixPath) -> None:
    """Refuse a host that systemd does not run, and a unit of somebody else's."""
    name = host.transport.host
    if not host.run("test -d /run/systemd/system").ok:
        raise TaskError(
            f"{name} is not run by systemd", hint="leave raft_service_manager out for it"
        )
    there = word(str(path))
    if host.run(f"test -e {there} && ! grep -q '^# raftfleet: ' {there}").ok:
        raise TaskError(
            f"{path} on {name} was not written by raftfleet", hint="move it out of the way"
        )


def _delivered(host: OnHost, path: PurePosixPath, content: bytes, attributes: Attributes) -> Result:
    folder = word(str(path.parent))
    if host.context.check_mode:
        if not host.run(f"test -d {folder}").ok:
            return Result(Status.CHANGED)
    else:
        host.ask(f"mkdir -p {folder}", f"make {path.parent}")
    return deliver(host, content, str(path), attributes)
