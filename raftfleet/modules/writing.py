"""What whoever writes a module of their own imports; docs/own-modules.md shows how.

These names stay: a change that breaks a module that uses nothing else is announced as one.
"""

from __future__ import annotations

from raftfleet.errors import TaskError, UnreachableError
from raftfleet.modules.base import GenericModule as TaskModule
from raftfleet.modules.on_host import OnHost, word
from raftfleet.playbook.module import Argument, ModuleContext, Placement, Result, Status

__all__ = [
    "Argument",
    "ModuleContext",
    "OnHost",
    "Placement",
    "Result",
    "Status",
    "TaskError",
    "TaskModule",
    "UnreachableError",
    "word",
]
