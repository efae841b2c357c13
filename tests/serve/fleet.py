"""A large cluster that exists only as what is known of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raftfleet.clock import SystemClock
from raftfleet.cluster.describing import described
from raftfleet.cluster.polling import named
from raftfleet.journal import Recorder
from raftfleet.journal.events import CoverageSampled, StatusSeen
from raftfleet.metrics import Live
from raftfleet.serve.log import Log
from raftfleet.serve.own import Own
from raftfleet.serve.pages import Pages
from raftfleet.serve.webconfig import Users
from raftfleet.testing.system import FakeSystem, toy_node, toy_status

if TYPE_CHECKING:
    from pathlib import Path

    from raftfleet.serve.probe import Target

__all__ = ["LargeFleet"]


class LargeFleet:
    """The pages of a daemon that watches so many nodes; `answer` has all of them answer now."""

    def __init__(self, folder: Path, *, nodes: int, groups: int) -> None:
        clock = SystemClock()
        self._recorder = Recorder(None, clock, keep=1000)
        self._system = FakeSystem(tuple(f"group_{i}" for i in range(groups)))
        self._folder = folder
        live = Live(self._recorder, clock)
        self.answer(nodes)
        own = Own(clock, dict)
        self.pages = Pages(
            [live.figures, own.figures],
            *(own, Users({}), clock, Log()),
            targets=_nobody,
            groups=(),
            healthy=lambda: None,
            ready=lambda: None,
        )

    def answer(self, nodes: int) -> None:
        """Record that the cluster has so many nodes, and that each has answered just now."""
        numbers = range(1, nodes + 1)
        made = [toy_node(f"n{i:02}", i, self._folder, 1000 + i) for i in numbers]
        record = self._recorder.record
        record(described("raft", self._system, made, period=3600.0, build=""))
        names = {node.identity.id: node.name for node in made}
        for number, node in zip(numbers, made, strict=True):
            view = named(toy_status(1, 3, numbers, number, 1000), names)
            views = dict.fromkeys(self._system.groups, view)
            record(StatusSeen(node=node.name, since=0.0, groups=views))
        polls = dict.fromkeys((node.name for node in made), 1)
        none, gaps = dict.fromkeys(polls, 0), dict.fromkeys(polls, 0.0)
        record(CoverageSampled(polls=polls, misses=none, gap=gaps))


def _nobody(group: str) -> Target:
    raise AssertionError(group)
