"""One Raft group at work: its state machine driven by the clock, the network and the disk.

Everything happens on the event loop. `_settle` ends every step: storage is flushed before anything
said in that step leaves the node, then what is newly committed is applied and passed on.

A node that was kept from running (SIGSTOP) looks at its clock before it reads what waits in its
sockets, and answers other nodes a moment later, as the broker does: a follower that slept through
an election timeout stands at once.
"""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING

from .core import LEADER, Core
from .errors import LogConflictError, NotLeaderError, RefusedError
from .messages import AppendRequest, SnapshotRequest, VoteRequest
from .metrics import metrics_of
from .presets import draw
from .proposals import Proposals
from .replication import Replication
from .stamps import Stamps
from .values import COMMAND, MEMBERSHIP, LogId, Membership

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from .leader import Leadership
    from .links import Links
    from .machine import Machine
    from .meters import GroupMeters
    from .narrator import Narrator
    from .presets import Preset
    from .storage import WalFile
    from .values import Entry, Json

__all__ = ["Group"]

BUILDING = (0.005, 0.03)
"""Seconds between the moment a snapshot is due and that at which it is taken."""


class Group:
    """A node's part in one group: ``metadata_0``, ``offset_0`` or ``data_0``."""

    def __init__(
        self,
        name: str,
        node: int,
        preset: Preset,
        wal: WalFile,
        *,
        random: Random,
        links_to: Callable[[str, str], Links],
        machine: Machine,
        narrator: Narrator,
        meters: GroupMeters,
    ) -> None:
        self.name = name
        self.narrator = narrator
        self.fresh = wal.saved.fresh
        self._loop = asyncio.get_running_loop()
        self._preset = preset
        self._wal = wal
        self._machine = machine
        self._meters = meters
        self._random = random
        self._applied = wal.saved.snapshot.last.index if wal.saved.snapshot else -1
        self._building = False
        self._acked: float | None = None
        self._looked = 0.0
        self._steps: list[asyncio.Future[None]] = []
        self._proposals = Proposals(narrator)
        self._settling = False
        self._stopped = False
        self._watching = False
        self._stamps = Stamps(name)
        self._led_by: int | None = None
        self.core = Core(
            node, preset, wal.saved, wal, now=self._loop.time(), random=random, observer=narrator
        )
        if self.core.leader != node:
            self._led_by = self.core.leader
        self._replication = Replication(
            self.core,
            name,
            narrator,
            meters,
            links_to=links_to,
            step_over=self._settle,
            contents=machine.contents,
        )
        self._answers_from = 0.0
        self._due = self._loop.time() + preset.tick
        self._timer = self._loop.call_at(self._due, self._tick)
        self._settle()

    # -- what others ask -------------------------------------------------------------------

    def status(self) -> Json:
        """Return the group's metrics as `ClusterStatus` shows them."""
        self._look_at_clock()
        return metrics_of(
            self.core, self._applied, quorum_ack_age=self._ack_age(), stopped=self._stopped
        )

    def indexes(self) -> tuple[int, int]:
        """Return the last log index and the last applied one, 0 for none."""
        return max(0, self.core.log.next - 1), max(0, self._applied)

    def is_leader(self) -> bool:
        """Whether this node leads the group, in its own eyes."""
        return not self._stopped and self.core.role == LEADER

    def answer(self, method: str, body: list[Json]) -> Json:
        """Answer another node, or return an awaitable that does so when this group is awake.

        Raises `RefusedError` once the group has ended.
        """
        self._look_at_clock()
        handler = getattr(self, f"_{method}_arrived")
        if self._loop.time() < self._answers_from:
            return self._answer_later(handler, body)
        self._require_running()
        return handler(*body)

    async def _answer_later(self, handler: Callable[..., Json], body: list[Json]) -> Json:
        await asyncio.sleep(self._answers_from - self._loop.time())
        self._require_running()
        return handler(*body)

    def _vote_arrived(self, body: Json) -> Json:
        """Answer a vote request."""
        reply = self.core.vote_asked(VoteRequest.decode(body), self._loop.time())
        self._settle()
        return reply.encode()

    def _snapshot_arrived(self, body: Json, contents: str) -> Json:
        """Answer a leader that sends its snapshot, in base64."""
        request, data = SnapshotRequest.decode(body), base64.b64decode(contents)
        story = self._machine.story
        needed = self.core.needs(request)
        story.receiving(request, len(data))
        try:
            if needed:
                self._machine.keep(request, data)
            before = self.core.log.purged
            reply = self.core.snapshot_arrived(request, self._loop.time())
            if needed:
                story.purged(before, self.core.log.purged)
                self._machine.install(request, data)
                self._applied = request.end
            elif reply.higher is None:
                story.not_needed(request.snapshot, self.core.log.position(self.core.committed))
        except (OSError, ValueError) as error:
            self._fail(error)
            raise RefusedError(str(error)) from error
        self._settle()
        return reply.encode()

    def _append_arrived(self, body: Json) -> Json:
        """Answer a leader."""
        request = AppendRequest.decode(body)
        try:
            with self._meters.append.timed():
                reply = self.core.entries_arrived(request, self._loop.time())
                self._settle()
        except LogConflictError as error:
            self._fail(error)
            raise RefusedError(str(error)) from error
        return reply.encode()

    # -- writes ----------------------------------------------------------------------------

    async def write(self, command: Json) -> Json:
        """Return what applying the command gives once it is committed; raises `RefusedError`.

        Without a quorum it waits for ever: the caller has the deadline, the entry stays.
        """
        with self._meters.write.timed():
            return await self._propose(COMMAND, command)[1]

    async def add_learner(self, node: int, address: str) -> None:
        """Add a node without a vote and wait until it has the log."""
        old = self.core.membership
        await self._change(Membership.of(old.configs, {**old.addresses, node: address}))
        while (leadership := self.require_leader()).followers[node].matched < leadership.own:
            self._steps.append(step := self._loop.create_future())
            await step

    async def change_voters(self, voters: tuple[int, ...], *, retain: bool) -> None:
        """Move to new voters, through the joint membership of both unless they are the same.

        ``retain`` keeps those that lose their vote as learners.
        """
        old = self.core.membership
        addresses = old.addresses
        target = tuple(sorted(voters))
        if old.configs != (target,):
            await self._change(Membership.of((*old.configs, target), addresses))
        nodes = addresses if retain else {n: addresses[n] for n in target}
        at = await self._change(Membership.of((target,), nodes))
        self.narrator.membership_committed(at, self.core.membership)

    def initialize(self, address: str) -> None:
        """Begin a new one-node group."""
        node = self.core.node
        self.core.initialize(Membership.of(((node,),), {node: address}), self._loop.time())
        self._settle()

    def watch_leadership(self) -> None:
        """From now on say in the log when this node becomes leader."""
        self._watching = True
        self._notice_leader()

    def stop(self) -> None:
        """End in an orderly way; nothing is handed over."""
        self._stopped = True
        self._stamps.stopped()
        self._replication.stop()
        self.narrator.shut_down()

    async def _change(self, membership: Membership) -> LogId:
        before, old = self.core.log.membership
        told = len(self.require_leader().followers)
        joins = membership.addresses.keys() > old.addresses.keys()
        position, done = self._propose(MEMBERSHIP, membership)
        self.narrator.membership_changed(before, position, max(0, told - joins))
        await done
        return position

    def _propose(self, kind: str, data: Json) -> tuple[LogId, asyncio.Future[Json]]:
        self.require_leader()
        position = self.core.propose(kind, data)
        future = self._proposals.add(position)
        if not self._settling:
            self._settling = True
            self._loop.call_soon(self._settle)
        return position, future

    def require_leader(self) -> Leadership:
        """Return the leadership; raises `RefusedError`, which names the leader."""
        self._require_running()
        try:
            return self.core.require_leader()
        except NotLeaderError as error:
            raise RefusedError(str(error)) from error

    def _require_running(self) -> None:
        if self._stopped:
            raise RefusedError("raft stopped")

    # -- one step --------------------------------------------------------------------------

    def _tick(self) -> None:
        if self._stopped:
            return
        now = self._loop.time()
        if now - self._due > self._preset.tick:
            self._answers_from = now + draw(self._random, self._preset.wake)
        self._due = now + self._preset.tick
        self._timer = self._loop.call_at(self._due, self._tick)
        self.core.tick(now)
        self._settle()

    def _look_at_clock(self) -> None:
        """Let a tick that is due come before whatever else is to happen now."""
        if not self._stopped and self._loop.time() >= self._due:
            self._timer.cancel()
            self._tick()

    def _settle(self) -> None:
        """End a step: make it safe, apply what is committed, send what there is to send."""
        self._settling = False
        if self._stopped:
            return
        try:
            self._wal.flush()
            self.core.flushed()
            self._wal.flush()
        except OSError as error:
            self._fail(error)
            return
        self._apply_committed()
        led = self.core.vote.term if self.core.role == LEADER else None
        self._stamps.step_over(led, self._applied)
        if not self._building and self.core.snapshot_due(self._applied):
            self._building = True
            self._machine.story.due()
            self._loop.call_later(draw(self._random, BUILDING), self._build)
        self._proposals.refuse_replaced(self.core, self._applied)
        self._notice_leader()
        self._replication.send()
        if self.core.leadership:
            self._looked = self._loop.time()
            self._acked = self.core.leadership.quorum_acked(self._looked)
        for step in self._steps:
            if not step.done():
                step.set_result(None)
        self._steps.clear()

    def _apply_committed(self) -> None:
        core = self.core
        if self._applied == core.committed:
            return
        with self._meters.applying.timed():
            for entry in core.log.between(self._applied + 1, core.committed + 1):
                self._apply_one(entry)
        self._applied = core.committed

    def _build(self) -> None:
        """Build a snapshot of what is applied by now."""
        self._building = False
        if self._stopped:
            return
        before = self.core.log.purged
        try:
            snapshot = self._machine.build(self.core.log, self._applied)
        except OSError as error:
            self._fail(error)
            return
        if snapshot:
            self.core.snapshot_built(snapshot)
            if self.core.log.purged != before:
                self._machine.story.purged(before, self.core.log.purged)
        self._settle()

    def _apply_one(self, entry: Entry) -> None:
        result = self._machine.apply(entry.data) if entry.kind == COMMAND else None
        self._proposals.applied(entry.id, result)

    def _notice_leader(self) -> None:
        leader = self.core.leader
        if not self._watching or leader is None or leader == self._led_by:
            return
        if leader == self.core.node:
            self.narrator.transition(self._led_by)
        self._led_by = leader

    def _fail(self, error: Exception) -> None:
        self.narrator.quit_on_error(error)
        self._stopped = True
        self._replication.stop()

    def _ack_age(self) -> int | None:
        return None if self._acked is None else int((self._looked - self._acked) * 1000)
