"""`raft_install`: the system's program on the node's host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from raftfleet.modules.files.landing import place
from raftfleet.modules.on_host import OnHost, word
from raftfleet.modules.raft_base import RaftModule
from raftfleet.playbook.module import Result, Status
from raftfleet.systems import MARKER

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import PurePosixPath

    from raftfleet.playbook.module import ModuleContext
    from raftfleet.systems import Artifact

__all__ = ["RaftInstall"]


class RaftInstall(RaftModule):
    """Bring the program to this host's node; every host in parallel.

    Makes the install root and the data directories with our marker in them first. A file whose
    digest is there already is not sent; what is sent arrives whole or not at all.
    Arguments: none. Returns: files (path -> SHA-256). Check mode: nothing is sent, "changed" when
    something would be. Idempotence: "changed" only when a digest or a directory was missing.
    """

    name = "raft_install"
    once = False

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        """Make the directories, then send what differs."""
        del arguments
        control = self.control_as(context)
        node, system = control.node(context.host.name), control.system
        changed = False
        for directory in system.directories(node):
            changed |= self._claim(node.name, directory, context)
        files = {}
        for artifact in system.artifacts(node):
            path = node.home / artifact.target
            changed |= self._send(node.name, artifact, path, context)
            files[str(path)] = artifact.digest
            control.cluster.deployed(node.name, str(path), artifact.digest)
        return Result(Status.CHANGED if changed else Status.OK, values={"files": files})

    def _fenced(self, node: str, context: ModuleContext) -> OnHost:
        """Return the host as one that is about to be changed, the cluster lock taken."""
        control = self.control
        control.claim()
        return OnHost(context, fenced=lambda line: control.fenced(node, line))

    def _send(
        self, node: str, artifact: Artifact, path: PurePosixPath, context: ModuleContext
    ) -> bool:
        target = word(str(path))
        looking = OnHost(context)
        said = looking.run(f"sha256sum {target} 2>/dev/null && stat -c %a {target}")
        if said.out.split()[::2] == [artifact.digest, f"{artifact.mode:o}"]:
            return False
        if context.check_mode:
            return True
        host = self._fenced(node, context)
        host.ask(f"mkdir -p {word(str(path.parent))}", f"make {path.parent}")
        place(host, artifact.source, str(path), artifact.mode)
        return True

    def _claim(self, node: str, directory: PurePosixPath, context: ModuleContext) -> bool:
        """Make a directory ours unless it is; a foreign one with something in it is refused."""
        path, marker = word(str(directory)), word(str(directory / MARKER))
        if OnHost(context).run(f"test -e {marker}").ok:
            return False
        if not context.check_mode:
            self._fenced(node, context).ask(
                f'[ ! -d {path} ] || [ -z "$(ls -A {path})" ] || '
                f"{{ echo 'it exists, is not empty and was not made by raftfleet' >&2; exit 1; }}; "
                f"mkdir -p {path} && : > {marker}",
                f"make {directory} ours",
            )
        return True
