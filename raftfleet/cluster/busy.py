"""How busy nodes are: the processor time and state of each process, told by its host every second.

One command on each host that stays as long as it is listened to: reading a file of /proc once a
second costs the host next to nothing, a connection for each look would.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NamedTuple

from raftfleet.errors import RaftfleetError
from raftfleet.journal.events import NodeBusy
from raftfleet.journal.values import Incarnation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.clock import Clock
    from raftfleet.journal import Recorder
    from raftfleet.transport.protocol import Stream

    from .remote import Place

__all__ = ["BusyWatch"]

_PERIOD = 1.0
_SILENT = 5.0
_AGAIN = 2.0
_CONNECT = 10.0
_JOIN = 10.0


class BusyWatch:
    """Samples every node's processor time between `start` and `stop`.

    A host that cannot be asked is asked again later; what it missed is missing in the journal.
    """

    def __init__(self, places: Mapping[str, Place], recorder: Recorder, clock: Clock) -> None:
        self._places = places
        self._recorder = recorder
        self._clock = clock
        self._turn = threading.Condition()
        self._stopping = False
        self._streams: dict[str, Stream] = {}
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin to sample."""
        self._stopping = False
        for place in self._places.values():
            thread = threading.Thread(
                target=self._follow, args=(place,), name=f"busy: {place.node.name}", daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """End every sampler; its command on the host ends with it."""
        with self._turn:
            self._stopping = True
            streams = list(self._streams.values())
            self._turn.notify_all()
        for stream in streams:
            stream.close()
        for thread in self._threads:
            thread.join(_JOIN)
        self._threads = []

    def _follow(self, place: Place) -> None:
        while not self._stopping:
            try:
                with place.follow("busy.sh", timeout=_CONNECT, period=_PERIOD) as stream:
                    self._streams[place.node.name] = stream
                    self._listen(place.node.name, stream)
            except RaftfleetError:
                pass  # whoever else asks this host records that it does not answer
            with self._turn:
                if not self._stopping:
                    self._clock.wait(self._turn, _AGAIN)

    def _listen(self, node: str, stream: Stream) -> None:
        hertz, before = 100.0, None
        for line in stream.lines(timeout=_SILENT):
            if self._stopping:
                return
            key, *words = line.decode("ascii", "replace").split()
            if key == "hertz" and words and words[0].isdecimal():
                hertz = float(words[0])
            elif key == "busy" and len(words) == 5 and all(w.isdecimal() for w in words[:4]):
                pid, start, counter, ticks = map(int, words[:4])
                life = Incarnation(pid, start, counter)
                now = _Sample(life, self._clock.monotonic(), ticks, words[4])
                if before is not None and before.incarnation == now.incarnation:
                    self._record(node, before, now, hertz)
                before = now
            else:
                before = None

    def _record(self, node: str, before: _Sample, now: _Sample, hertz: float) -> None:
        self._recorder.record(
            NodeBusy(
                node=node,
                incarnation=now.incarnation,
                since=before.t,
                cpu=round((now.ticks - before.ticks) / hertz, 4),
                state=now.state,
                t=now.t,
            )
        )


class _Sample(NamedTuple):
    incarnation: Incarnation
    t: float
    ticks: int
    state: str
