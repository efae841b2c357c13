"""Recordings of a real RobustMQ cluster, turned into the journal that a run would have left.

A recording is a folder: what its recorder did and saw (`events.jsonl`), each node's own status
(`status.jsonl.gz`), its logs, and what the drill declares (`drill.json`). Only actions, statuses,
writes, reads and logs are taken over, never what the recorder concluded from them.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING

from raftfleet import __version__
from raftfleet.journal import events as ev

from .actions import actions_of
from .logs import log_events
from .source import EPOCH, read_recording
from .statuses import statuses_of, ticks_of
from .traffic import traffic_of

if TYPE_CHECKING:
    from pathlib import Path

    from raftfleet.journal import Recorder

    from .source import Recording

__all__ = ["RobustMQRecording", "is_recording"]


def is_recording(folder: Path) -> bool:
    """Whether a folder looks like a recording of this system."""
    return (folder / "events.jsonl").is_file()


class RobustMQRecording:
    """A recording, read whole: what is wrong with it is said before a run folder is made."""

    def __init__(self, folder: Path) -> None:
        """Read the folder; raise `SourceError` that names file and line for what is wrong."""
        self._one = one = read_recording(folder)
        seen = list(statuses_of(one))  # first, as it says which line cannot be read
        told = [_drill(one), *actions_of(one), *seen, *ticks_of(one), *traffic_of(one)]
        self._told = sorted(told, key=operator.attrgetter("t"))
        self._logs = list(log_events(one))

    @property
    def id(self) -> str:
        """The id of its drill."""
        return self._one.drill.id

    def tell(self, recorder: Recorder) -> None:
        """Write its journal."""
        one, end = self._one, EPOCH + self._one.end
        begun = ev.RunStarted(
            run=recorder.folder.name if recorder.folder else self.id,
            argv=("raftfleet", "import", str(one.folder)),
            versions={"raftfleet": __version__},
            seed=0,
            inventory={node.name: node.address for node in one.nodes},
            recording=str(one.folder),
            t=EPOCH + one.begin,
        )
        ended = (ev.DrillEnded(t=end, drill=self.id), *self._logs)
        last = ev.RunEnded(t=end, exit_code=0)
        for event in (begun, one.described(), *self._told, *ended, last):
            recorder.record(one.stamped(event))


def _drill(one: Recording) -> ev.Event:
    drill = one.drill
    return ev.DrillStarted(
        t=EPOCH + drill.from_t,
        drill=drill.id,
        expects=drill.expects,
        forbids=drill.forbids,
        evidence=drill.evidence,
        budget=drill.budget,
        watch=drill.watch,
        leaves=drill.leaves,
        allow_quorum_loss=drill.allow_quorum_loss,
    )
