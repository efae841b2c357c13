"""Node lists are written when they change, and a row of misses once."""

from __future__ import annotations

import time
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pytest

from raftfleet.clock import SystemClock
from raftfleet.cluster.access import NodeAccess
from raftfleet.cluster.peers import PeersWatch
from raftfleet.journal import Recorder
from raftfleet.journal.events import PeersRead, ReadMissed
from raftfleet.systems.protocol import AccessError
from raftfleet.testing.system import FakeSystem, toy_node
from tests.cluster.bench import events_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from raftfleet.systems.protocol import Access

SECONDS = 20.0


class Listing(FakeSystem):
    """A system whose node says these lists one after another, and the last for ever."""

    def __init__(self, *lists: Sequence[str] | Exception) -> None:
        super().__init__()
        self.lists = list(lists)
        self.asked = 0

    def peers(self, at: Access, *, timeout: float) -> Sequence[str]:
        del at, timeout
        said = self.lists[min(self.asked, len(self.lists) - 1)]
        self.asked += 1
        if isinstance(said, Exception):
            raise said
        return said


def watched(system: Listing, enough: Callable[[], bool]) -> Recorder:
    recorder = Recorder(None, SystemClock())
    access = NodeAccess(toy_node("n1", 1, PurePosixPath("/opt/1"), 7001), {})
    watch = PeersWatch(system, {"n1": access}, recorder, SystemClock(), period=0.01)
    watch.start()
    deadline = time.monotonic() + SECONDS
    while not enough() and time.monotonic() < deadline:
        time.sleep(0.01)
    watch.stop()
    return recorder


def test_only_what_changed_is_written() -> None:
    system = Listing(["1", "2"], ["2", "1"], ["1"], ["1", "9"])
    recorder = watched(system, lambda: system.asked > 5)
    read = events_of(recorder, PeersRead)
    assert [one.peers for one in read] == [("#2", "n1"), ("n1",), ("#9", "n1")]
    assert all(one.since <= one.t for one in read)


def test_a_row_of_misses_is_written_once_and_the_list_anew_after_it() -> None:
    broken = AccessError("connection refused")
    system = Listing(["1"], broken, broken, broken, ["1"])
    recorder = watched(system, lambda: system.asked > 6)
    assert [one.reason for one in events_of(recorder, ReadMissed)] == ["connection refused"]
    assert [one.peers for one in events_of(recorder, PeersRead)] == [("n1",), ("n1",)]


def test_a_defect_comes_out_at_the_end() -> None:
    system = Listing(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        watched(system, lambda: system.asked > 0)
