"""A cluster of three to which things happen, told by hand on a fake clock: processes and views."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from msgspec.structs import replace

from raftfleet.clock import FakeClock
from raftfleet.journal.events import (
    CoverageSampled,
    DrillEnded,
    DrillStarted,
    Event,
    LogCollected,
    LogLine,
    LogMissing,
    LogTally,
    NodeBusy,
    NodeExited,
    NodeFound,
    NodeNotExited,
    NodeReady,
    NodeSignalled,
    NodeStarted,
    NodeStartIntent,
    NodeStopIntent,
    RunEnded,
    RunStarted,
    StatusMissed,
    StatusSeen,
)
from raftfleet.journal.log_rules import Spell
from raftfleet.journal.reader import Journal
from raftfleet.journal.values import (
    GroupStatus,
    Incarnation,
    Interval,
    Role,
    Timing,
)
from raftfleet.journal.writer import Recorder
from raftfleet.testing.told import GRACEFUL, MARKERS, POLL, TIMING, cluster_told

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

__all__ = ["StoryCore"]


class StoryCore:
    """A cluster of three to which things happen; time passes only in `let`, `stop` and `start`.

    ``n1`` leads every group in term 1 until somebody else does. While time passes, every node that
    is up answers every poll, and each second says so, unless it is in ``silent``.
    """

    def __init__(
        self,
        nodes: Sequence[str] = ("n1", "n2", "n3"),
        groups: Sequence[str] = ("data",),
        *,
        timing: Timing | None = TIMING,
        folder: Path | None = None,
    ) -> None:
        self.nodes = tuple(nodes)
        self.groups = tuple(groups)
        self.clock = FakeClock()
        self.recorder = Recorder(folder, self.clock)
        self.views: dict[tuple[str, str], GroupStatus] = {}
        self.lives: dict[str, Incarnation] = {}
        self.up: set[str] = set()
        self.silent: set[str] = set()
        self.acknowledged: dict[str, str] = {}
        self.stored: dict[str, dict[str, str]] = {name: {} for name in nodes}
        self.cpu = dict.fromkeys(nodes, 0.01)
        self._lines: list[LogLine] = []
        self._round = 0
        self._sampled: dict[str, float] = {}
        self._tallies: list[LogTally] = []
        self._since_tick = 0.0
        self.record(RunStarted(run="told", argv=(), versions={}, seed=0))
        self.record(cluster_told(self.nodes, self.groups, timing))

    @property
    def now(self) -> float:
        """The time in the story."""
        return self.clock.monotonic()

    def record(self, event: Event) -> Event:
        """Write any event, now."""
        return self.recorder.record(event)

    def running(self) -> Self:
        """All nodes were found running; the first leads every group in term 1."""
        voters = (self.nodes,)
        for name in self.nodes:
            self.lives[name] = Incarnation(100, 1, 1)
            self.up.add(name)
            self.found(name)
            for group in self.groups:
                role = Role.LEADER if name == self.nodes[0] else Role.FOLLOWER
                self.views[name, group] = GroupStatus(
                    term=1,
                    role=role,
                    leader=self.nodes[0],
                    last_log=10,
                    last_applied=10,
                    voters=voters,
                )
        for name in self.nodes:
            self.say(name)
        return self.let(1.0)

    def found(self, node: str) -> None:
        """The host was asked and shows the node's process, or none."""
        shown = self.lives[node] if node in self.up else None
        self.record(NodeFound(node=node, incarnation=shown))

    def drill(self, *expects: str, **declared: Any) -> Self:
        """A drill begins; all nodes were looked at just before."""
        started = DrillStarted(drill="told", expects=expects)
        self.record(replace(started, **declared))
        return self.let(1.0)

    def say(self, node: str, group: str | None = None, **changes: Any) -> Self:
        """A poll of a node shows its view of one group, or of all, changed so."""
        groups = self.groups if group is None else (group,)
        for name in groups:
            self.views[node, name] = replace(self.views[node, name], **changes)
        shown = {name: self.views[node, name] for name in groups}
        self.record(StatusSeen(node=node, since=self.now - POLL, groups=shown))
        return self

    def let(self, seconds: float) -> Self:
        """Let time pass; each second the observer tells how it watched."""
        while seconds > 1e-9:
            step = min(seconds, 1.0 - self._since_tick)
            self.clock.advance(step)
            seconds -= step
            self._since_tick += step
            if self._since_tick > 1.0 - 1e-9:
                self._since_tick = 0.0
                self.tick()
        return self

    def tick(self) -> None:
        """Write the tick of a second."""
        deaf = {name for name in self.nodes if name not in self.up or name in self.silent}
        polls = dict.fromkeys(self.nodes, 50)
        misses = {name: 50 if name in deaf else 0 for name in self.nodes}
        gap = {name: 1.0 if name in deaf else POLL for name in self.nodes}
        self.record(CoverageSampled(polls=polls, misses=misses, gap=gap))
        for name in sorted(self.up):
            self._sample(name)

    def _sample(self, node: str) -> None:
        """Say how busy a node's process was since the last tick; ``cpu`` holds the shares."""
        life = self.lives.get(node)
        before = self._sampled.get(node)
        if life is not None and before is not None and node not in self.silent:
            used = self.cpu[node] * (self.now - before)
            self.record(NodeBusy(node=node, incarnation=life, since=before, cpu=used))
        self._sampled[node] = self.now

    def signal(self, node: str, signal: str = "INT", *, grace: float = 25.0) -> Interval:
        """Signal a node; returns when that was."""
        self.record(NodeStopIntent(node=node, signal=signal, grace=grace))
        at = Interval(self.now, self.now + 0.001)
        self.record(NodeSignalled(node=node, signal=signal, incarnation=self.lives[node], at=at))
        return at

    def stop(
        self,
        node: str,
        signal: str = "INT",
        *,
        took: float = 0.2,
        status: int | None = 0,
        lines: Iterable[str] = GRACEFUL,
    ) -> Self:
        """Signal a node that exits ``took`` seconds later, with these lines in its log."""
        self.signal(node, signal)
        for marker in lines:
            self.log(node, marker)
        self.let(took)
        self.gone(node, status=status, signal=signal, latency=Interval(took - 0.001, took + 0.001))
        return self

    def resist(
        self, node: str, signal: str = "INT", *, waited: float = 5.0, sigign: str = ""
    ) -> Self:
        """Signal a node that does not exit."""
        self.signal(node, signal)
        self.let(waited)
        self.record(
            NodeNotExited(
                node=node, incarnation=self.lives[node], signal=signal, waited=waited, sigign=sigign
            )
        )
        return self

    def gone(
        self,
        node: str,
        *,
        status: int | None,
        signal: str = "",
        latency: Interval | None = None,
    ) -> Self:
        """A node's process ended, by our signal or by itself."""
        self.up.discard(node)
        at = Interval(self.now - 0.002, self.now)
        self.record(
            NodeExited(
                node=node,
                incarnation=self.lives[node],
                at=at,
                status=status,
                latency=latency,
                signal=signal,
            )
        )
        self.record(StatusMissed(node=node, since=self.now - POLL, reason="connection refused"))
        return self

    def start(
        self,
        node: str,
        *,
        took: float = 0.5,
        lines: Iterable[str] = ("recovering",),
        **view: Any,
    ) -> Self:
        """Start a node that is ready ``took`` seconds later and says what it said last."""
        self.spawn(node, lines=lines)
        self.let(took)
        self.say(node, **view)
        self.ready(node)
        return self

    def spawn(self, node: str, *, lines: Iterable[str] = ()) -> Self:
        """A node's process begins, and nothing more is known of it yet."""
        self.record(NodeStartIntent(node=node))
        before = self.lives.get(node, Incarnation(99, 0, 0))
        self.lives[node] = Incarnation(before.pid + 1, before.start_time + 1, before.counter + 1)
        at = Interval(self.now, self.now + 0.001)
        self.record(NodeStarted(node=node, incarnation=self.lives[node], at=at))
        for marker in lines:
            self.log(node, marker)
        self.up.add(node)
        return self

    def ready(self, node: str, *, listening: tuple[str, ...] = ("raft",)) -> Self:
        """A started node is up, and every node that is up sees it."""
        seen_by = tuple(sorted(self.up))
        self.record(
            NodeReady(node=node, incarnation=self.lives[node], listening=listening, seen_by=seen_by)
        )
        return self

    def elect(self, node: str, group: str | None = None, *, term: int) -> Self:
        """A node wins an election; every other node that is up follows a moment later."""
        groups = self.groups if group is None else (group,)
        for name in groups:
            self.say(node, name, role=Role.LEADER, leader=node, term=term)
        self.let(POLL)
        for other in sorted(self.up - {node}):
            for name in groups:
                self.say(other, name, role=Role.FOLLOWER, leader=node, term=term)
        return self

    def lines(
        self,
        node: str,
        message: str,
        *,
        rule: str = "",
        level: str = "WARN",
        peer: str = "",
        first: float = 0.0,
        last: float = 0.0,
        count: int = 1,
    ) -> Self:
        """A node wrote lines of one template, from ``first`` to ``last`` seconds from now."""
        spell = Spell(self.now + first, self.now + last, count)
        self._tallies.append(
            LogTally(
                node=node,
                rule=rule,
                level=level,
                target="told",
                template=message,
                peer=peer,
                spells=(spell,),
                examples=(message,),
            )
        )
        return self

    def log(self, node: str, marker: str) -> None:
        """A node writes a line that a rule names; it is read when logs are collected."""
        at = Interval(self.now - 0.001, self.now + 0.001)
        line = LogLine(
            node=node, marker=marker, level="INFO", target="told", message=MARKERS[marker], at=at
        )
        self._lines.append(line)

    def collect(self, *, missing: Iterable[str] = ()) -> Self:
        """Collect every node's log, but for those that are missing."""
        for name in self.nodes:
            if name in missing:
                path = f"/srv/{name}/server.log"
                self.record(LogMissing(node=name, path=path, reason="no such file"))
                continue
            for line in self._lines:
                if line.node == name:
                    self.record(line)
            self.lines(name, "all is well", level="INFO", first=-self.now + 1)
            for tally in self._tallies:
                if tally.node == name:
                    self.record(tally)
            self.record(
                LogCollected(node=name, path=f"/srv/{name}/server.log", start=0, end=9, lines=3)
            )
        self._lines = []
        self._tallies = []
        return self

    def end(self, *, aborted: str = "", missing: Iterable[str] = ()) -> Self:
        """Look at all processes once more, collect the logs and end the drill."""
        for name in self.nodes:
            self.found(name)
        self.collect(missing=missing)
        self.record(DrillEnded(drill="told", aborted=aborted))
        return self

    def journal(self, *, ended: bool = True) -> Journal:
        """Return the journal, of a run that ended unless told otherwise."""
        if ended:
            self.record(RunEnded(exit_code=0))
        written = self.recorder.journal()
        return Journal(written.records, written.torn)
