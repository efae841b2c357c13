"""What `drill:` means: steady state, observe, run, heal, watch, collect."""

from __future__ import annotations

from raftfleet.drill.extension import DrillExtension

__all__ = ["DrillExtension"]
