"""`raft_install`: the system's program on the node's host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
        control, host = self.control, OnHost(context)
        node, system = control.node(context.host.name), control.system
        changed = False
        for directory in system.directories(node):
            changed |= _claim(host, directory, check=context.check_mode)
        files = {}
        for artifact in system.artifacts(node):
            path = node.home / artifact.target
            changed |= self._send(host, artifact, path)
            files[str(path)] = artifact.digest
            control.cluster.deployed(node.name, str(path), artifact.digest)
        return Result(Status.CHANGED if changed else Status.OK, values={"files": files})

    def _send(self, host: OnHost, artifact: Artifact, path: PurePosixPath) -> bool:
        context = host.context
        if context.check_mode:
            said = host.run(f"sha256sum {word(str(path))} 2>/dev/null | cut -d' ' -f1")
            return said.out.strip() != artifact.digest
        host.ask(f"mkdir -p {word(str(path.parent))}", f"make {path.parent}")
        done = context.transport.put(
            artifact.source,
            path,
            mode=artifact.mode,
            timeout=host.left,
            become=context.become,
            progress=lambda sent, total: context.progress(f"sending {path.name}", sent, total),
        )
        return done.changed


def _claim(host: OnHost, directory: PurePosixPath, *, check: bool) -> bool:
    """Make a directory ours unless it is; a foreign one with something in it is refused."""
    path, marker = word(str(directory)), word(str(directory / MARKER))
    if host.run(f"test -e {marker}").ok:
        return False
    if not check:
        host.ask(
            f'[ ! -d {path} ] || [ -z "$(ls -A {path})" ] || '
            f"{{ echo 'it exists, is not empty and was not made by raftfleet' >&2; exit 1; }}; "
            f"mkdir -p {path} && : > {marker}",
            f"make {directory} ours",
        )
    return True
