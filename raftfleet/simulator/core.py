"""The Raft state machine of one group: pure, without clock, network or disk of its own.

It is openraft 0.9 as far as an observer can tell. Who calls it brings the time, carries its
messages, and flushes its storage before anything it says leaves the node. What differs from the
Raft paper:

* A follower waits the leader's lease **and** its own timeout, which it drew once when it started.
  A node that has voted in vain waits only its own timeout.
* No pre-vote. A vote is refused while the lease of a known leader lasts, and by a longer log; a
  refusal by log does not raise the term of the one who refuses.
* A leader never steps down for want of a quorum. It grants a vote like anybody else: its own
  contact counts from its election, so it can be deposed by an equal log.
* A node that starts with a committed vote for itself leads at once, in the same term.

* A leader that has purged what a follower needs sends its snapshot instead. The follower then
  holds nothing before the snapshot's end, and knows everything up to there to be committed.

One rule is stricter than openraft's: within a term only a candidate may give its vote away, to a
greater candidate; a vote granted to another stays. openraft lets any voter go over. That is safe
there because its votes are ordered by term and node before it counts whether they are committed;
here a leader outranks every candidate of its term, and with openraft's rule alone random schedules
commit two entries in one place. With its order too the logs are safe, but terms get two leaders,
which tools that watch a cluster report as a fault. With three nodes the rules differ only when two
stand at once and the third, alive and without a leader, hears both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import LogConflictError, NotLeaderError
from .leader import Leadership
from .messages import AppendReply, VoteReply, VoteRequest
from .observer import Observer
from .presets import draw
from .values import BLANK, MEMBERSHIP, Entry, LogId, Membership, Vote

if TYPE_CHECKING:
    from random import Random

    from .messages import AppendRequest, SnapshotRequest
    from .presets import Preset
    from .storage import Saved, Storage
    from .values import Json, Snapshot

__all__ = [
    "CANDIDATE",
    "FOLLOWER",
    "LEADER",
    "LEARNER",
    "Core",
]

LEADER = "Leader"
CANDIDATE = "Candidate"
FOLLOWER = "Follower"
LEARNER = "Learner"

START = LogId(0, 0, -1)
"""Stands for the end of an empty log where two ends are compared."""


class Core:
    """One node's part in one group."""

    def __init__(
        self,
        node: int,
        preset: Preset,
        saved: Saved,
        storage: Storage,
        *,
        now: float,
        random: Random,
        observer: Observer | None = None,
    ) -> None:
        self.node = node
        self.preset = preset
        self.storage = storage
        self.observer = observer or Observer()
        self.patience = draw(random, preset.election)
        self.vote = saved.vote
        self.log = saved.log
        self.snapshot = saved.snapshot
        covered = saved.snapshot.last.index if saved.snapshot else -1
        self.committed = max(min(saved.committed, self.log.next - 1), covered)
        self.contact = now
        self.longer_log_seen = False
        self.granted: set[int] | None = None
        self.ballots: list[tuple[int, VoteRequest]] = []
        self.leadership: Leadership | None = None
        if self.vote.committed and self.vote.node == node and node in self.membership.voters:
            self._lead(now)

    # -- what the node is ------------------------------------------------------------------

    @property
    def membership(self) -> Membership:
        """The membership in force."""
        return self.log.membership[1]

    @property
    def role(self) -> str:
        """What the node is in this group, in openraft's words."""
        if self.leadership:
            return LEADER
        if self.node not in self.membership.voters:
            return LEARNER
        return CANDIDATE if self.vote.node == self.node else FOLLOWER

    @property
    def leader(self) -> int | None:
        """Whom the node takes for the leader: also a dead one, until the next election."""
        return self.vote.node if self.vote.committed else None

    def require_leader(self) -> Leadership:
        """Return the leadership, or raise `NotLeaderError` with where to ask."""
        if self.leadership:
            return self.leadership
        leader = self.leader
        address = None if leader is None else self.membership.addresses.get(leader)
        raise NotLeaderError(leader, address)

    # -- time ------------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Look at the clock: a leader sends heartbeats, another stands when its time has come."""
        if self.leadership:
            self.leadership.tick(now)
        elif self.node in self.membership.voters and self._impatient(now):
            self.observer.timed_out()
            self.longer_log_seen = False
            self._stand(now)

    def _impatient(self, now: float) -> bool:
        wait = self.patience
        if self.vote.committed:
            wait += self.preset.lease
        if self.longer_log_seen:
            wait += self.preset.longer_log_wait
        return len(self.membership.voters) == 1 or now - self.contact >= wait

    # -- elections -------------------------------------------------------------------------

    def initialize(self, membership: Membership, now: float) -> None:
        """Begin a new group: the first entry is its membership."""
        self._append(Entry(LogId(0, 0, 0), MEMBERSHIP, membership))
        self._stand(now)

    def _stand(self, now: float) -> None:
        vote = Vote(self.vote.term + 1, committed=False, node=self.node)
        self.observer.standing(self, vote)
        self._change_vote(vote, now)
        self.granted = {self.node}
        if self.membership.quorum(self.granted):
            self._win(now)
            return
        request = VoteRequest(self.vote, self.log.last)
        others = self.membership.voters - {self.node}
        self.ballots += [(peer, request) for peer in sorted(others)]

    def vote_asked(self, request: VoteRequest, now: float) -> VoteReply:
        """Grant or refuse a vote; the answer holds the vote as it is afterwards."""
        self.observer.vote_asked(self, request, now)
        refusal = self._refusal(request, now)
        if refusal:
            self.observer.vote_refused(refusal)
        elif request.vote == self.vote:
            self.contact = now
        else:
            self._change_vote(request.vote, now)
        return VoteReply(not refusal, self.vote, self.log.last)

    def _refusal(self, request: VoteRequest, now: float) -> str:
        if self.vote.committed and now - self.contact < self.preset.lease:
            return "leader lease has not yet expire"
        if (request.last or START) < (self.log.last or START):
            return f"by last_log_id: !(req.last_log_id({request.last}) >= {self.log.last})"
        if request.vote == self.vote or self._may_follow(request.vote):
            return ""
        return f"by vote: !(req.vote({request.vote}) >= my_vote({self.vote}))"

    def _may_follow(self, vote: Vote) -> bool:
        if vote <= self.vote:
            return False
        standing = self.vote.node == self.node and not self.vote.committed
        return vote.committed or vote.term > self.vote.term or standing

    def vote_answered(self, peer: int, asked: Vote, reply: VoteReply, now: float) -> None:
        """Count a vote, or learn from its refusal."""
        if self.granted is None or asked != self.vote:
            self.observer.stale(asked, "VoteResponse")
            return
        if reply.granted:
            self.granted.add(peer)
        elif (reply.last or START) > (self.log.last or START):
            self.longer_log_seen = True
        self.observer.vote_answered(self, reply, peer)
        if self.membership.quorum(self.granted):
            self._win(now)
        else:
            # Who hears of a leader by a refusal takes over its vote, but not that it leads.
            vote = reply.vote._replace(committed=False)
            if self._may_follow(vote):
                self._change_vote(vote, now)

    def _win(self, now: float) -> None:
        self.observer.elected(self)
        self._change_vote(self.vote._replace(committed=True), now)
        self._lead(now)
        self.propose(BLANK, None)

    def _lead(self, now: float) -> None:
        self.granted = None
        self.leadership = Leadership(self, now)
        self.observer.leading(self)

    def _change_vote(self, vote: Vote, now: float) -> None:
        self.observer.vote_changed(self.vote, vote)
        self.vote = vote
        self.storage.save_vote(vote)
        self.contact = now
        self.granted = None
        if self.leadership:
            self.leadership = None
            self.observer.deposed()

    # -- the log ---------------------------------------------------------------------------

    def propose(self, kind: str, data: Json) -> LogId:
        """Append an entry as leader; raises `NotLeaderError`."""
        leadership = self.require_leader()
        entry = Entry(LogId(self.vote.term, self.node, self.log.next), kind, data)
        self._append(entry)
        if kind == MEMBERSHIP:
            leadership.follow_membership()
        return entry.id

    def entries_arrived(self, request: AppendRequest, now: float) -> AppendReply:
        """Take in what the leader sends."""
        if request.vote < self.vote:
            self.observer.leader_refused(request.vote, self.vote)
            return AppendReply(higher=self.vote)
        if request.vote > self.vote:
            self._change_vote(request.vote, now)
        self.contact = now
        previous = request.previous
        if not self.log.holds(previous):
            return AppendReply(conflict=self.log.needed_from(previous or START, self.committed))
        for entry in request.entries:
            if entry.id.index < self.log.first:
                continue
            held = self.log.at(entry.id.index)
            if held and held.id != entry.id:
                self._cut(entry.id.index)
                held = None
            if held is None:
                self._append(entry)
        self.commit(min(request.committed, request.end))
        return AppendReply()

    def needs(self, request: SnapshotRequest) -> bool:
        """Whether a leader's snapshot would be installed: its contents must be safe by then."""
        return request.vote >= self.vote and request.end > self.committed

    def snapshot_arrived(self, request: SnapshotRequest, now: float) -> AppendReply:
        """Take in a leader's snapshot."""
        if request.vote < self.vote:
            self.observer.leader_refused(request.vote, self.vote)
            return AppendReply(higher=self.vote)
        if request.vote > self.vote:
            self._change_vote(request.vote, now)
        self.contact = now
        if request.end > self.committed:
            self.log.install(request.snapshot)
            self.storage.install(request.snapshot)
            self.snapshot = request.snapshot
            self.committed = request.end
        return AppendReply()

    def snapshot_due(self, applied: int) -> bool:
        """Whether enough was applied since the last snapshot to build another."""
        covered = self.snapshot.last.index if self.snapshot else -1
        return applied - covered >= self.preset.snapshot_every

    def snapshot_built(self, snapshot: Snapshot) -> None:
        """Note a snapshot whose contents are safe; purge the log but for a tail before its end."""
        self.snapshot = snapshot
        self.storage.save_snapshot(snapshot)
        end = snapshot.last.index - int(self.preset.log_kept)
        if end >= self.log.first:
            self.log.purge(end)
            self.storage.purge(end)

    def commit(self, index: int) -> None:
        """Note that the log is committed up to here; never goes back."""
        if index > self.committed:
            self.committed = index
            self.storage.save_committed(index)

    def _append(self, entry: Entry) -> None:
        self.log.append(entry)
        self.storage.append(entry)

    def _cut(self, index: int) -> None:
        if index <= self.committed:
            raise LogConflictError(f"entry {index} is committed and would be cut")
        self.log.cut(index)
        self.storage.cut(index)

    # -- leading ---------------------------------------------------------------------------

    def append_answered(
        self,
        peer: int,
        request: AppendRequest | SnapshotRequest,
        reply: AppendReply,
        *,
        sent: float,
        now: float,
    ) -> None:
        """Take note of what became of a request of this leader, sent at ``sent``."""
        if self.leadership is None or request.vote != self.vote:
            if reply.higher:
                self.observer.stale(request.vote, "HigherVote")
        elif reply.higher:
            self._change_vote(reply.higher, now)
        else:
            self.leadership.answered(peer, request, reply, sent)
            self.leadership.advance()
            self._step_down_if_out()

    def flushed(self) -> None:
        """Everything in the log is safe on this node's own disk: it counts itself now."""
        if self.leadership:
            self.leadership.own = self.log.next - 1
            self.leadership.advance()
            self._step_down_if_out()

    def _step_down_if_out(self) -> None:
        """Lead no longer once a membership without this node is committed."""
        position, membership = self.log.membership
        out = self.node not in membership.voters
        if out and position and position.index <= self.committed and self.leadership:
            self.leadership = None
            self.observer.deposed()
