"""`raft_config`: each node's configuration, rendered by its system's adapter."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from raftfleet.modules.files.attributes import Attributes
from raftfleet.modules.files.delivery import deliver
from raftfleet.modules.on_host import OnHost, word
from raftfleet.modules.raft_base import RaftModule
from raftfleet.playbook.module import Result, Status

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import PurePosixPath

    from raftfleet.playbook.module import ModuleContext

__all__ = ["RaftConfig"]

_MODE = "0600"  # configurations hold passwords


class RaftConfig(RaftModule):
    """Write the configuration files of this host's node below its home.

    Arguments: none. Returns: files (list of paths). Check mode: nothing is written, "changed" when
    something would be. Diff: yes, without the values of secret keys. Idempotence: by digest.
    """

    name = "raft_config"
    once = False

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        """Write what differs."""
        del arguments
        control = self.control_as(context)
        node = control.node(context.host.name)
        done = [
            self._write(node.name, node.home / name, text.encode(), context)
            for name, text in control.system.files(node, control.nodes).items()
        ]
        changed = any(one.status is Status.CHANGED for one in done)
        return Result(
            Status.CHANGED if changed else Status.OK,
            values={"files": [one.values["dest"] for one in done]},
            diff=self._difference([one.diff for one in done if one.diff]),
        )

    def _write(
        self, node: str, path: PurePosixPath, content: bytes, context: ModuleContext
    ) -> Result:
        """Look first: only what differs is a change, and needs the cluster lock."""
        looking = OnHost(replace(context, check_mode=True))
        wanted = Attributes(mode=_MODE)
        there = looking.run(f"test -d {word(str(path.parent))}").ok
        seen = deliver(looking, content, str(path), wanted) if there else Result(Status.CHANGED)
        if context.check_mode or seen.status is Status.OK:
            return seen if there else replace(seen, values={"dest": str(path)})
        control = self.control
        control.claim()
        host = OnHost(context, fenced=lambda line: control.fenced(node, line))
        host.ask(f"mkdir -p {word(str(path.parent))}", f"make {path.parent}")
        return deliver(host, content, str(path), wanted)

    def _difference(self, diffs: list[tuple[str, str]]) -> tuple[str, str] | None:
        """Join the differences of all files, secrets masked."""
        if not diffs:
            return None
        before, after = ("\n".join(side) for side in zip(*diffs, strict=True))
        redact = self.control.system.redact
        return redact(before.encode()).decode(), redact(after.encode()).decode()
