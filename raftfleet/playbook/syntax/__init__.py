"""From YAML files to plays, blocks, tasks, handlers and roles; every error names its place."""

from __future__ import annotations

from raftfleet.playbook.syntax.load import Library, Playbook, load_playbook
from raftfleet.playbook.syntax.nodes import Block, Handler, Play, Role, RoleUse, Settings, Task

__all__ = [
    "Block",
    "Handler",
    "Library",
    "Play",
    "Playbook",
    "Role",
    "RoleUse",
    "Settings",
    "Task",
    "load_playbook",
]
