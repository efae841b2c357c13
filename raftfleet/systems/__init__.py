"""The products under drill: what raftfleet asks of one, and an adapter for each.

Only ``systems/<name>/`` knows a product. Everything else speaks of hosts, nodes, groups and terms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from raftfleet.errors import UsageError, nearest

from .protocol import (
    MARKER,
    Access,
    AccessError,
    Ack,
    Answer,
    Artifact,
    ExitRules,
    Node,
    Problem,
    RecordingOf,
    Refused,
    System,
    Unknown,
    UnsentError,
    WriteOutcome,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = [
    "MARKER",
    "SYSTEMS",
    "Access",
    "AccessError",
    "Ack",
    "Answer",
    "Artifact",
    "ExitRules",
    "Node",
    "Problem",
    "RecordingOf",
    "Refused",
    "System",
    "Unknown",
    "UnsentError",
    "WriteOutcome",
    "read_recording",
    "system_named",
]


def _robustmq() -> System:
    from .robustmq import RobustMQ  # noqa: PLC0415 - only the adapter that is asked for is loaded

    return RobustMQ()


_MAKERS: dict[str, Callable[[], System]] = {"robustmq": _robustmq}

SYSTEMS = tuple(sorted(_MAKERS))
"""The names `system_named` knows."""


def system_named(name: str) -> System:
    """Return the adapter of a product; raise `UsageError` with the nearest name for another."""
    maker = _MAKERS.get(name)
    if maker is None:
        close = nearest(name, SYSTEMS)
        hint = f"did you mean {close}?" if close else f"known: {', '.join(SYSTEMS)}"
        raise UsageError(f"there is no adapter for a system named {name!r}", hint=hint)
    return maker()


def read_recording(folder: Path) -> RecordingOf:
    """Read the recording of some system in a folder; raise `UsageError` when it holds none."""
    from .robustmq.recording import RobustMQRecording, is_recording  # noqa: PLC0415 - as above

    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}", hint="name the folder of a recording")
    if is_recording(folder):
        return RobustMQRecording(folder)
    raise UsageError(
        f"{folder} is no recording that raftfleet knows",
        hint="a recording holds events.jsonl, status.jsonl.gz, drill.json and logs/",
    )
