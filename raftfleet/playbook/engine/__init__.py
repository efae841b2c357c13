"""The engine: linear strategy, handlers, loops, blocks, roles. It knows no module and no product."""

from __future__ import annotations

from raftfleet.playbook.engine.engine import Engine, PlaybookResult
from raftfleet.playbook.engine.memory import Memory
from raftfleet.playbook.engine.options import Options
from raftfleet.playbook.engine.start import which_starts
from raftfleet.playbook.engine.tags import Selection

__all__ = ["Engine", "Memory", "Options", "PlaybookResult", "Selection", "which_starts"]
