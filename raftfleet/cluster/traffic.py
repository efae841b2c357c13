"""The traffic of a drill: writers through every node, what they wrote read back, and removed.

Writers go on while nodes are stopped and started; they slow down, and stop, when a node that is
away has missed as many entries as the budget allows, and are paused while stores are compared.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from raftfleet.clock import Deadline
from raftfleet.journal import events as ev
from raftfleet.journal.values import Lack

from .entries import EntryBudget, Pace
from .entry import Entries, patience_for
from .keys import Creates, Registers
from .readback import ReadBack
from .writer import Writer
from .written import WrittenKeys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from raftfleet.clock import Clock
    from raftfleet.journal import Recorder
    from raftfleet.systems.protocol import Access, System

    from .keys import Keys

__all__ = ["Rates", "Traffic"]

_UNDER_WAY = 4
_LOOK = 0.2
_REMOVE_AGAIN = 3


@dataclass(frozen=True, slots=True)
class Rates:
    """How much is written: ``total`` writes a second through all nodes together.

    ``creates`` of them create keys, where the system has both kinds. ``entries`` is how many may
    be appended while a node is away; None for half of what the system's log keeps.
    """

    total: float = 10.0
    creates: float = 2.0
    entries: int | None = None

    def of(self, kind: str, kinds: Sequence[str]) -> float:
        """Return how many writes of a kind a second."""
        creates = min(self.creates, self.total / 2)
        if len(kinds) == 1:
            return self.total
        return creates if kind == "create" else self.total - creates


class Traffic:
    """Everything written to one cluster between its making and `remove`.

    ``prefix`` begins every key. ``stop`` ends waits and bursts early.
    """

    def __init__(
        self,
        system: System,
        accesses: Mapping[str, Access],
        recorder: Recorder,
        clock: Clock,
        *,
        prefix: str,
        rates: Rates,
        stop: threading.Event,
    ) -> None:
        self.prefix = prefix
        self.written = WrittenKeys()
        most = rates.entries
        if most is None and system.log_keeps is not None:
            most = system.log_keeps // 2
        self.budget = EntryBudget(most)
        self._system = system
        self._accesses = accesses
        self._recorder = recorder
        self._clock = clock
        self._rates = rates
        self._stop = stop
        self._entries = Entries(system, accesses, clock)
        self._reading = ReadBack(system, accesses, recorder, clock, prefix)
        self._bursts = 0
        self._lock = threading.RLock()
        self._writers: list[Writer] = []
        self._pace: Pace | None = None
        self._running = threading.Event()
        self._pacing: threading.Thread | None = None
        self._defect: Exception | None = None

    # --- writing on schedule -----------------------------------------------------------------

    def start(self) -> None:
        """Begin to write through every node."""
        self._writers = [
            self._writer(f"{kind} via {via}", kind, via)
            for kind in self._system.writes
            for via in self._accesses
        ]
        self._running.set()
        self._set_pace(self.budget.look(self._recorder.picture))
        self._pacing = threading.Thread(target=self._keep_pace, name="write: pace", daemon=True)
        self._pacing.start()

    def end(self) -> None:
        """Stop writing and wait until every write has come to an end; raise what went wrong."""
        self._running.clear()
        if self._pacing is not None:
            self._pacing.join()
            self._pacing = None
        self._set_pace(None)
        if self._defect is not None:
            raise self._defect

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Write nothing while the block lasts."""
        with self._lock:
            pace = self._pace
            self._set_pace(None)
            try:
                yield
            finally:
                self._set_pace(pace)

    @property
    def under_way(self) -> bool:
        """Whether writers are at work."""
        return self._running.is_set()

    def _writer(self, name: str, kind: str, via: str, keys: Keys | None = None) -> Writer:
        prefix = f"{self.prefix}{kind[0]}-{via}-"
        return Writer(
            name,
            kind,
            via,
            keys or (Creates(prefix) if kind == "create" else Registers(prefix)),
            self._entries,
            self._recorder,
            self._clock,
            prefix=prefix,
            most=_UNDER_WAY,
            timeout=patience_for(kind),
            noted=self.written.note,
        )

    def _keep_pace(self) -> None:
        turn = threading.Condition()
        try:
            while self._running.is_set():
                with turn:
                    self._clock.wait(turn, _LOOK)
                with self._lock:
                    pace = self.budget.look(self._recorder.picture)
                    if self._running.is_set() and self._pace is not None and pace is not self._pace:
                        self._set_pace(pace)
        except Exception as error:  # noqa: BLE001 - kept, and raised by `end`
            self._defect = error

    def _set_pace(self, pace: Pace | None) -> None:
        """Let every writer go at this pace from now on; None for not at all."""
        with self._lock:
            if self._pace not in {None, Pace.STOP}:
                _all_at_once([writer.end for writer in self._writers])
            self._pace = pace
            if pace not in {None, Pace.STOP} and pace is not None:
                for writer in self._writers:
                    writer.begin(self._period(writer.kind) / pace.value)

    def _period(self, kind: str) -> float:
        return len(self._accesses) / self._rates.of(kind, self._system.writes)

    def await_acknowledged(self, each: int, timeout: float) -> str | None:
        """Wait until so many writes through every node that lives were acknowledged.

        Returns which node lacks them, None when none does.
        """
        deadline, turn = Deadline.after(timeout, self._clock), threading.Condition()
        with self._recorder.waiting(f"{each} writes through every node", timeout) as wait, turn:
            while lacking := self._without(each):
                self._check()
                wait.last_seen = f"{', '.join(lacking)}: fewer than {each} writes acknowledged"
                if deadline.passed or self._stop.is_set():
                    wait.met = False
                    return wait.last_seen
                self._clock.wait(turn, min(_LOOK, deadline.left))
            wait.last_seen = ""
        return None

    def _check(self) -> None:
        """Raise what went wrong in a writer: a wrong password, say."""
        for writer in self._writers:
            if writer.defect is not None:
                raise writer.defect

    def _without(self, each: int) -> list[str]:
        live = self._recorder.picture.live()
        return [name for name in live if self.written.acknowledged(name) < each]

    # --- writing at once ---------------------------------------------------------------------

    def burst(self, kind: str, count: int, vias: Sequence[str]) -> int:
        """Write so often as fast as it goes, through all of these nodes; return how many were acknowledged."""
        self._bursts += 1
        shares = [count // len(vias) + (place < count % len(vias)) for place in range(len(vias))]
        writers = [
            self._writer(
                f"burst {self._bursts} of {kind}s via {via}",
                kind,
                via,
                _burst_keys(f"{self.prefix}{kind[0]}-{via}-b{self._bursts}-", kind),
            )
            for via in vias
        ]
        with ThreadPoolExecutor(len(vias), "burst") as pool:
            done = pool.map(
                lambda writer, share: writer.burst(share, self._stop.is_set), writers, shares
            )
            return sum(done)

    # --- afterwards --------------------------------------------------------------------------

    def read_back(self, nodes: Sequence[str]) -> dict[str, int]:
        """Read these nodes' own stores; return how many acknowledged creations each lacks."""
        return self._reading.read(nodes, self.written)

    def remove(self) -> int:
        """Remove everything that may have been written; return how many keys are left."""
        for _ in range(_REMOVE_AGAIN):
            left = self.written.left
            live = self._recorder.picture.live()
            if not left or not live or (self._stop.is_set() and not live):
                break
            self.written.forget(self._entries.remove_all(left, live))
        left = self.written.left
        keys = sorted(left)
        if self.written.ever:
            self._recorder.record(
                ev.WritesRemoved(
                    prefix=self.prefix,
                    count=self.written.ever - len(keys),
                    left=Lack.of(keys),
                )
            )
        return len(keys)


def _burst_keys(prefix: str, kind: str) -> Keys:
    return Creates(prefix) if kind == "create" else Registers(prefix)


def _all_at_once(acts: Sequence[Callable[[], None]]) -> None:
    if not acts:
        return
    with ThreadPoolExecutor(len(acts), "writers") as pool:
        for done in [pool.submit(act) for act in acts]:
            done.result()
