"""`raft_config`: each node's configuration, rendered by its system's adapter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from raftfleet.modules.delivery import deliver
from raftfleet.modules.on_host import OnHost, word
from raftfleet.modules.raft_base import RaftModule
from raftfleet.modules.remote_file import Attributes
from raftfleet.playbook.module import Result, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

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
        control, host = self.control, OnHost(context)
        node = control.node(context.host.name)
        done = []
        for name, text in control.system.files(node, control.nodes).items():
            path = node.home / name
            if not context.check_mode:
                host.ask(f"mkdir -p {word(str(path.parent))}", f"make {path.parent}")
            done.append(deliver(host, text.encode(), str(path), Attributes(mode=_MODE)))
        changed = any(one.status is Status.CHANGED for one in done)
        return Result(
            Status.CHANGED if changed else Status.OK,
            values={"files": [one.values["dest"] for one in done]},
            diff=self._difference([one.diff for one in done if one.diff]),
        )

    def _difference(self, diffs: list[tuple[str, str]]) -> tuple[str, str] | None:
        """Join the differences of all files, secrets masked."""
        if not diffs:
            return None
        before, after = ("\n".join(side) for side in zip(*diffs, strict=True))
        redact = self.control.system.redact
        return redact(before.encode()).decode(), redact(after.encode()).decode()
