"""Carries a group's messages: vote requests to all, entries to each follower in its own time.

Each follower has one request under way at most. Once one could not be reached, every failure is
followed by a pause until it answers again: it gets entries every half second at most and, when it
lacks none, the next heartbeat, as openraft does it. Silence alone makes no pause.
"""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING

from .errors import CallError, LateError, UnreachableError
from .messages import AppendReply, AppendRequest, SnapshotRequest, VoteReply

if TYPE_CHECKING:
    from collections.abc import Callable

    from .core import Core
    from .links import Links
    from .messages import VoteRequest
    from .meters import GroupMeters
    from .narrator import Narrator
    from .values import Json, Snapshot

__all__ = ["Replication"]


class Replication:
    """The sending side of one group on one node; ``step_over`` is called after every answer."""

    def __init__(
        self,
        core: Core,
        name: str,
        narrator: Narrator,
        meters: GroupMeters,
        *,
        links_to: Callable[[str, str], Links],
        step_over: Callable[[], None],
        contents: Callable[[Snapshot], bytes],
    ) -> None:
        self._core = core
        self._name = name
        self._narrator = narrator
        self._meters = meters
        self._links_to = links_to
        self._step_over = step_over
        self._contents = contents
        self._loop = asyncio.get_running_loop()
        self._followers: dict[int, tuple[asyncio.Event, asyncio.Task[None]]] = {}
        self._votes: set[asyncio.Task[None]] = set()
        self._backing_off: set[int] = set()

    def send(self) -> None:
        """Send the vote requests there are, and let every follower be looked at."""
        for peer, request in self._core.ballots:
            self._votes.add(task := self._loop.create_task(self._ask_vote(peer, request)))
            task.add_done_callback(self._votes.discard)
        self._core.ballots.clear()
        leadership = self._core.leadership
        for peer in leadership.followers if leadership else ():
            if peer not in self._followers:
                wake = asyncio.Event()
                self._followers[peer] = (wake, self._loop.create_task(self._serve(peer, wake)))
            self._followers[peer][0].set()

    def stop(self) -> None:
        """Send nothing more."""
        for task in [*self._votes, *(task for _, task in self._followers.values())]:
            task.cancel()

    async def _ask_vote(self, peer: int, request: VoteRequest) -> None:
        timeout = self._core.preset.election[0]
        began = self._loop.time()
        address = self._core.membership.addresses.get(peer, "")
        try:
            with self._meters.rpc["vote"].timed():
                answer = await self._call(peer, "vote", [request.encode()], timeout)
        except CallError as error:
            limit = timeout if isinstance(error, LateError) else None
            self._narrator.vote_took(self._name, address, self._loop.time() - began, limit)
            self._narrator.vote_unanswered(peer, address, error, timeout)
            return
        self._narrator.vote_took(self._name, address, self._loop.time() - began, None)
        reply = VoteReply.decode(answer)
        self._core.vote_answered(peer, request.vote, reply, self._loop.time())
        self._step_over()

    async def _serve(self, peer: int, wake: asyncio.Event) -> None:
        """For ever: send to one peer whatever it should get."""
        number = 0
        while True:
            leadership = self._core.leadership
            request = leadership.request_for(peer) if leadership else None
            if request is None:
                wake.clear()
                await wake.wait()
                continue
            heartbeat = isinstance(request, AppendRequest) and not request.entries
            number += not heartbeat
            try:
                await self._append(peer, request, number)
            except CallError as error:
                if not isinstance(error, LateError):
                    self._backing_off.add(peer)
                self._complain(peer, error, 0 if heartbeat else number)
                if peer in self._backing_off:
                    await self._back_off(peer, wake)
            else:
                self._backing_off.discard(peer)

    async def _append(
        self, peer: int, request: AppendRequest | SnapshotRequest, number: int
    ) -> None:
        sent = self._loop.time()
        if isinstance(request, SnapshotRequest):
            answer = await self._stream(peer, request, number)
        else:
            timeout = self._core.preset.append_timeout
            with self._meters.rpc["append_entries"].timed():
                answer = await self._call(peer, "append", [request.encode()], timeout)
        reply = AppendReply.decode(answer)
        if reply.higher:
            self._narrator.higher_vote(peer, reply.higher, request.vote)
        now = self._loop.time()
        self._core.append_answered(peer, request, reply, sent=sent, now=now)
        self._step_over()

    async def _stream(self, peer: int, request: SnapshotRequest, number: int) -> Json:
        """Send a snapshot with its contents."""
        self._narrator.snapshots.streaming(request.snapshot, number)
        try:
            contents = base64.b64encode(self._contents(request.snapshot)).decode("ascii")
        except OSError as error:
            raise UnreachableError(f"the snapshot cannot be read: {error}") from error
        timeout = self._core.preset.call_timeout
        with self._meters.rpc["install_snapshot"].timed():
            return await self._call(peer, "snapshot", [request.encode(), contents], timeout)

    def _complain(self, peer: int, error: CallError, number: int) -> None:
        milliseconds = int(self._core.preset.append_timeout * 1000)
        self._narrator.append_failed(
            peer, error, number, milliseconds, pause=peer in self._backing_off
        )
        self._step_over()

    async def _back_off(self, peer: int, wake: asyncio.Event) -> None:
        leadership = self._core.leadership
        if leadership and leadership.has_news(peer):
            await asyncio.sleep(self._core.preset.append_timeout)
        else:
            wake.clear()
            await wake.wait()

    async def _call(self, peer: int, method: str, body: list[Json], timeout: float) -> Json:  # noqa: ASYNC109
        address = self._core.membership.addresses.get(peer, "")
        return await self._links_to(address, "raft").call(method, [self._name, *body], timeout)
