"""What `drill:` means: steady state, observe, run, heal, watch, collect."""

from __future__ import annotations

from raftfleet.drill.declaration import Declaration, parse_declaration
from raftfleet.drill.extension import DrillExtension

__all__ = ["Declaration", "DrillExtension", "parse_declaration"]
