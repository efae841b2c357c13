"""Playbooks: read and checked (`syntax`), templated (`templating`), run (`engine`), told in events.

The behaviour is that of ansible-core 2.19 where it is supported at all; what is not is refused by
name, with its place and a way out. Modules are handed in: this room knows none but those that act
on the playbook itself (`builtin`), and no product.

Names are imported when they are used, so that a module's author who needs `Result` does not wait
for the engine.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from raftfleet.playbook.engine import Engine, Memory, PlaybookResult, which_starts
    from raftfleet.playbook.extension import PlayExtension, PlayInfo
    from raftfleet.playbook.listing import list_plays
    from raftfleet.playbook.module import Argument, Module, ModuleContext, Placement, Result, Status
    from raftfleet.playbook.recap import Counters, Recap
    from raftfleet.playbook.syntax import Play, Playbook, load_playbook
    from raftfleet.playbook.templating import Scope, TemplatingError, has_template, written

__all__ = [
    "Argument",
    "Counters",
    "Engine",
    "Memory",
    "Module",
    "ModuleContext",
    "Placement",
    "Play",
    "PlayExtension",
    "PlayInfo",
    "Playbook",
    "PlaybookResult",
    "Recap",
    "Result",
    "Scope",
    "Status",
    "TemplatingError",
    "has_template",
    "list_plays",
    "load_playbook",
    "which_starts",
    "written",
]

_HOMES = {
    "engine": ("Engine", "Memory", "PlaybookResult", "which_starts"),
    "extension": ("PlayExtension", "PlayInfo"),
    "listing": ("list_plays",),
    "module": ("Argument", "Module", "ModuleContext", "Placement", "Result", "Status"),
    "recap": ("Counters", "Recap"),
    "syntax": ("Play", "Playbook", "load_playbook"),
    "templating": ("Scope", "TemplatingError", "has_template", "written"),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
