"""A group of Raft cores on a fake clock, a fake network and fake disks.

Everything that can go wrong between real nodes can be made to go wrong here, in an order that a
seed decides: messages are late, lost, doubled or overtaken; nodes are cut off, paused, killed in
the middle of writing, started again. What a log adds up to is the list of its commands; snapshots
of it are built, sent and installed. After every step the promises of Raft are checked.
"""

from __future__ import annotations

import heapq
import itertools
import json
from random import Random
from typing import TYPE_CHECKING

from raftfleet.simulator.core import LEADER, Core
from raftfleet.simulator.messages import (
    AppendReply,
    AppendRequest,
    SnapshotRequest,
    VoteReply,
    VoteRequest,
)
from raftfleet.simulator.presets import PRESETS
from raftfleet.simulator.storage import Saved
from raftfleet.simulator.values import COMMAND, Entry, LogId, Membership, Snapshot, Vote

if TYPE_CHECKING:
    from collections.abc import Callable

    from raftfleet.simulator.presets import Preset

__all__ = ["Disk", "Member", "SafetyError", "World"]


class SafetyError(Exception):
    """A promise of Raft was broken."""


class Disk:
    """Keeps records; what was not flushed is lost in a crash, but for a random beginning of it."""

    def __init__(self) -> None:
        self.records: list[str] = []
        self.pending: list[str] = []
        self.snapshots: dict[str, list[object]] = {}

    def save_vote(self, vote: Vote) -> None:
        self._save("vote", vote)

    def append(self, entry: Entry) -> None:
        self._save("entry", entry.encode())

    def cut(self, index: int) -> None:
        self._save("cut", index)

    def save_committed(self, index: int) -> None:
        self._save("committed", index)

    def save_snapshot(self, snapshot: Snapshot) -> None:
        self._save("snapshot", snapshot.encode())

    def purge(self, index: int) -> None:
        self._save("purge", index)

    def install(self, snapshot: Snapshot) -> None:
        self._save("install", snapshot.encode())

    def flush(self) -> None:
        self.records += self.pending
        self.pending = []

    def crash(self, random: Random) -> None:
        self.records += self.pending[: random.randint(0, len(self.pending))]
        self.pending = []

    def load(self) -> Saved:
        saved = Saved()
        for record in self.records:
            saved.feed(json.loads(record))
        return saved

    def _save(self, kind: str, value: object) -> None:
        self.pending.append(json.dumps([kind, value]))


class Member:
    """One node: its disk, and its core while it is up."""

    def __init__(self, node: int) -> None:
        self.node = node
        self.disk = Disk()
        self.core: Core | None = None
        self.life = 0
        self.waiting: set[int] = set()
        self.paused: list[Callable[[], None]] | None = None
        self.applied = -1
        self.state: list[object] = []

    @property
    def running(self) -> Core:
        assert self.core is not None, f"node {self.node} is down"
        return self.core


class World:
    """Members, the time, and what is under way between them."""

    def __init__(
        self,
        size: int = 3,
        *,
        preset: Preset = PRESETS["fast"],
        seed: int = 0,
        delay: tuple[float, float] = (0.0005, 0.001),
        loss: float = 0.0,
        torn: float = 0.0,
    ) -> None:
        self.now = 100.0
        self.preset = preset
        self.random = Random(seed)
        self.delay = delay
        self.loss = loss
        self.torn = torn
        self.members = {node: Member(node) for node in range(1, size + 1)}
        self.cut: set[frozenset[int]] = set()
        self.leaders: dict[int, int] = {}
        self.committed: dict[int, Entry] = {}
        self.committed_in: dict[int, int] = {}
        self.elections: list[tuple[float, int, int]] = []
        self.streamed: list[tuple[float, int, int]] = []
        self._numbers = itertools.count()
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        for node in self.members:
            self.start(node)

    # -- building --------------------------------------------------------------------------

    def bootstrap(self) -> None:
        """Give every member the same first entry, as if they had joined, and let one lead."""
        nodes = {node: f"n{node}:1228" for node in self.members}
        membership = Membership.of((tuple(self.members),), nodes)
        first = Entry(LogId(0, 0, 0), "membership", membership)
        for member in self.members.values():
            member.disk.append(first)
            member.disk.save_vote(Vote(1, committed=True, node=1))
            member.disk.flush()
            self.stop(member.node)
            self.start(member.node)

    def start(self, node: int) -> None:
        """Start a node, or start it again from its disk."""
        member = self.members[node]
        member.life += 1
        member.waiting.clear()
        member.paused = None
        saved = member.disk.load()
        member.applied, member.state = -1, []
        if saved.snapshot:
            member.applied = saved.snapshot.last.index
            member.state = list(member.disk.snapshots[saved.snapshot.name])
        member.core = Core(
            node,
            self.preset,
            saved,
            member.disk,
            now=self.now,
            random=Random(f"{self.random.random()}"),
        )
        self._note(member)
        self._settle(member)
        life = member.life

        def tick() -> None:
            if member.core and member.life == life:
                if member.paused is not None:
                    member.paused.insert(0, tick)
                    return
                member.core.tick(self.now)
                self._settle(member)
                self._later(self.preset.tick, tick)

        self._later(self.random.uniform(0, self.preset.tick), tick)

    def stop(self, node: int) -> None:
        """Kill a node: what it had not flushed is lost."""
        member = self.members[node]
        member.disk.crash(self.random)
        member.core = None
        member.life += 1

    def pause(self, node: int) -> None:
        """Keep a node from running: what is sent to it waits."""
        self.members[node].paused = []

    def resume(self, node: int) -> None:
        """Let a node run again: it looks at its clock, then at what waits."""
        member = self.members[node]
        waiting, member.paused = member.paused or [], None
        for action in waiting:
            action()

    def isolate(self, node: int) -> None:
        """Cut a node off from all others, both ways."""
        self.cut |= {frozenset({node, other}) for other in self.members if other != node}

    def heal(self) -> None:
        """Let everybody reach everybody again."""
        self.cut.clear()

    # -- running ---------------------------------------------------------------------------

    def run(self, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        """Let time pass, until something is true at the latest."""
        end = self.now + seconds
        while self._agenda and self._agenda[0][0] <= end and not until():
            self.step()
        if not until():
            self.now = end

    def step(self) -> None:
        """Let the next thing happen."""
        self.now, _, action = heapq.heappop(self._agenda)
        action()

    def propose(self, node: int, value: int) -> LogId:
        """Write through a node that leads."""
        member = self.members[node]
        position = member.running.propose(COMMAND, value)
        self._settle(member)
        return position

    def leader(self) -> int | None:
        """Return who leads in the greatest term, among the members that are up."""
        leading = [
            (m.core.vote.term, m.node)
            for m in self.members.values()
            if m.core and m.core.role == LEADER
        ]
        return max(leading)[1] if leading else None

    # -- one step of a member --------------------------------------------------------------

    def _settle(self, member: Member) -> None:
        core = member.core
        if core is None:
            return
        if self.torn and member.disk.pending and self.random.random() < self.torn:
            self.stop(member.node)
            return
        member.disk.flush()
        core.flushed()
        member.disk.flush()
        self._note(member)
        self._apply(member)
        for peer, ballot in core.ballots:
            self._ask_vote(member, peer, ballot)
        core.ballots.clear()
        for peer in list(core.leadership.followers) if core.leadership else ():
            self._replicate(member, peer)

    def _apply(self, member: Member) -> None:
        core = member.running
        for entry in core.log.between(member.applied + 1, core.committed + 1):
            if entry.kind == COMMAND:
                member.state.append(entry.data)
        member.applied = core.committed
        if core.snapshot_due(member.applied):
            last = core.log.position(member.applied)
            assert last is not None
            snapshot = Snapshot(f"{member.node}-{last}", last, *core.log.membership_at(last.index))
            member.disk.snapshots[snapshot.name] = list(member.state)
            core.snapshot_built(snapshot)
            member.disk.flush()

    def _ask_vote(self, member: Member, peer: int, request: VoteRequest) -> None:
        def arrive(other: Core) -> str:
            decoded = VoteRequest.decode(json.loads(json.dumps(request.encode())))
            return json.dumps(other.vote_asked(decoded, self.now).encode())

        def answered(core: Core, answer: str) -> None:
            reply = VoteReply.decode(json.loads(answer))
            core.vote_answered(peer, request.vote, reply, self.now)

        self._call(member, peer, arrive, answered, lambda: None)

    def _replicate(self, member: Member, peer: int) -> None:
        core = member.running
        if peer in member.waiting or core.leadership is None:
            return
        request = core.leadership.request_for(peer)
        if request is None:
            return
        member.waiting.add(peer)
        life, sent = member.life, self.now
        contents: list[object] = []
        if isinstance(request, SnapshotRequest):
            self.streamed.append((self.now, member.node, peer))
            contents = member.disk.snapshots[request.snapshot.name]

        def arrive(other: Core) -> str:
            if isinstance(request, SnapshotRequest):
                return self._install(other, request, contents)
            decoded = AppendRequest.decode(json.loads(json.dumps(request.encode())))
            return json.dumps(other.entries_arrived(decoded, self.now).encode())

        def answered(core: Core, answer: str) -> None:
            member.waiting.discard(peer)
            reply = AppendReply.decode(json.loads(answer))
            core.append_answered(peer, request, reply, sent=sent, now=self.now)

        def give_up() -> None:
            if member.paused is not None:
                member.paused.append(give_up)
            elif member.life == life and peer in member.waiting:
                member.waiting.discard(peer)
                self._settle(member)

        self._call(member, peer, arrive, answered, give_up)

    def _install(self, core: Core, request: SnapshotRequest, contents: list[object]) -> str:
        decoded = SnapshotRequest.decode(json.loads(json.dumps(request.encode())))
        member = self.members[core.node]
        if core.needs(decoded):
            member.disk.snapshots[decoded.snapshot.name] = list(contents)
            reply = core.snapshot_arrived(decoded, self.now)
            member.state, member.applied = list(contents), decoded.end
        else:
            reply = core.snapshot_arrived(decoded, self.now)
        return json.dumps(reply.encode())

    def _call(
        self,
        member: Member,
        peer: int,
        arrive: Callable[[Core], str],
        answered: Callable[[Core, str], None],
        give_up: Callable[[], None],
    ) -> None:
        """Carry a request there and its answer back, as well as this network does."""
        life, other = member.life, self.members[peer]

        def there() -> None:
            if other.core is None or frozenset({member.node, peer}) in self.cut:
                return
            if other.paused is not None:
                other.paused.append(there)
                return
            answer = arrive(other.core)
            self._settle(other)
            if other.core is not None:
                self._carry(lambda: back(answer))

        def back(answer: str) -> None:
            unreachable = frozenset({member.node, peer}) in self.cut
            if member.core is None or member.life != life or unreachable:
                return
            if member.paused is not None:
                member.paused.append(lambda: back(answer))
                return
            answered(member.core, answer)
            self._settle(member)

        self._carry(there)
        self._later(self.preset.append_timeout, give_up)

    def _carry(self, deliver: Callable[[], None]) -> None:
        for _ in range(2 if self.random.random() < self.loss / 4 else 1):
            if self.random.random() >= self.loss:
                self._later(self.random.uniform(*self.delay), deliver)

    def _later(self, seconds: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (self.now + seconds, next(self._numbers), action))

    # -- the promises ----------------------------------------------------------------------

    def _note(self, member: Member) -> None:
        core = member.running
        if core.role == LEADER:
            known = self.leaders.setdefault(core.vote.term, core.node)
            if known != core.node:
                raise SafetyError(f"{known} and {core.node} both lead in term {core.vote.term}")
            if not self.elections or self.elections[-1][1:] != (core.vote.term, core.node):
                self.elections.append((self.now, core.vote.term, core.node))
                self._check_complete(core)
        for entry in core.log.between(0, core.committed + 1):
            first = self.committed.setdefault(entry.id.index, entry)
            self.committed_in.setdefault(entry.id.index, core.vote.term)
            if first != entry:
                raise SafetyError(f"{first.id} and {entry.id} are both committed")

    def _check_complete(self, core: Core) -> None:
        for index, entry in self.committed.items():
            # An entry of an old term may be committed in a much later one: a leader of a term
            # between the two that comes back need not have it.
            lacks = not core.log.holds(entry.id) or index >= core.log.next
            if self.committed_in[index] < core.vote.term and lacks:
                raise SafetyError(f"{entry.id} is committed, and new leader {core.node} lacks it")

    def check_logs_match(self) -> None:
        """Two logs that agree on one position agree on everything before it that both hold."""
        logs = [m.disk.load().log for m in self.members.values()]
        for one, other in itertools.combinations(logs, 2):
            both = range(max(one.first, other.first), min(one.next, other.next))
            pairs = [(i, one.at(i), other.at(i)) for i in both]
            shared = [i for i, a, b in pairs if a and b and a.id == b.id]
            if any(a != b for i, a, b in pairs if shared and i <= shared[-1]):
                raise SafetyError(f"logs agree at {shared[-1]} but not before")

    def check_states_match(self) -> None:
        """What two members have applied differs only in how far they are."""
        states = [m.state for m in self.members.values()]
        for one, other in itertools.combinations(states, 2):
            length = min(len(one), len(other))
            if one[:length] != other[:length]:
                raise SafetyError("two members have applied different commands")
