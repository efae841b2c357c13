"""What a leader keeps in mind: how far each follower is, and when a quorum last answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .messages import AppendRequest, SnapshotRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .core import Core
    from .messages import AppendReply

__all__ = ["Leadership", "Progress"]

BATCH = 300
"""Most entries in one request (openraft's `max_payload_entries`)."""


class Progress:
    """How far one follower or learner is.

    ``next`` is the index to send from, ``matched`` the last one known to be there (-1: none),
    ``acked`` when the request left that it answered last.
    """

    def __init__(self, end: int) -> None:
        self.next = end
        self.matched = -1
        self.told = -1
        self.acked: float | None = None
        self.heartbeat_due = True


class Leadership:
    """One reign: from the election, or the restart of a leader, until a greater vote is seen."""

    def __init__(self, core: Core, now: float) -> None:
        self._core = core
        self._next_heartbeat = now + core.preset.heartbeat
        self.own = core.log.next - 1
        self.followers: dict[int, Progress] = {}
        self.follow_membership()

    def follow_membership(self) -> None:
        """Send to whom the membership in force names, and to nobody else."""
        core = self._core
        wanted = set(core.membership.addresses) - {core.node}
        for peer in wanted - self.followers.keys():
            self.followers[peer] = Progress(core.log.next)
        for peer in self.followers.keys() - wanted:
            del self.followers[peer]

    def tick(self, now: float) -> None:
        """Make heartbeats due."""
        if now >= self._next_heartbeat:
            self._next_heartbeat = now + self._core.preset.heartbeat
            for progress in self.followers.values():
                progress.heartbeat_due = True

    # -- replication -----------------------------------------------------------------------

    def request_for(self, peer: int) -> AppendRequest | SnapshotRequest | None:
        """Return what the peer should get now: entries, news of a commit, a heartbeat, or None.

        A peer that needs what is purged gets the snapshot.
        """
        progress = self.followers.get(peer)
        if progress is None:
            return None
        core = self._core
        if not self.has_news(peer) and not progress.heartbeat_due:
            return None
        progress.heartbeat_due = False
        if progress.next < core.log.first and core.snapshot:
            return SnapshotRequest(core.vote, core.snapshot)
        return AppendRequest(
            core.vote,
            core.log.position(progress.next - 1),
            core.log.between(progress.next, progress.next + BATCH),
            core.committed,
        )

    def has_news(self, peer: int) -> bool:
        """Whether there are entries or commits that the peer has not heard of yet."""
        core = self._core
        progress = self.followers.get(peer)
        return progress is not None and (
            progress.next < core.log.next or progress.told < core.committed
        )

    def answered(
        self, peer: int, request: AppendRequest | SnapshotRequest, reply: AppendReply, sent: float
    ) -> None:
        """Take note of an answer; an answer older than what is known changes nothing."""
        progress = self.followers.get(peer)
        if progress is None:
            return
        progress.acked = max(sent, progress.acked or sent)
        if reply.conflict is not None:
            # A follower that lost its data starts over: what it once had no longer counts.
            lost = self._core.log.position(progress.matched)
            if lost and reply.conflict <= lost.index:
                self._core.observer.log_lost(lost)
            progress.next = reply.conflict
            progress.matched = min(progress.matched, progress.next - 1)
            return
        progress.matched = max(progress.matched, request.end)
        progress.next = max(progress.next, progress.matched + 1)
        progress.told = max(progress.told, min(request.committed, request.end))

    # -- commitment ------------------------------------------------------------------------

    def advance(self) -> None:
        """Commit what a quorum holds, if it is of this reign (Raft paper, 5.4.2)."""
        core = self._core
        matched = {peer: p.matched for peer, p in self.followers.items()}
        index = min(
            (_reached(config, {**matched, core.node: self.own}) for config in self._configs),
            default=-1,
        )
        entry = core.log.at(int(index))
        if entry and entry.id[:2] == (core.vote.term, core.node):
            core.commit(entry.id.index)

    def quorum_acked(self, now: float) -> float | None:
        """Return when the latest request left that a quorum answered, None before the first."""
        acked = {p: f.acked for p, f in self.followers.items() if f.acked is not None}
        times = [_reached(config, {**acked, self._core.node: now}) for config in self._configs]
        latest = min(times, default=-1.0)
        return None if latest < 0 else latest

    @property
    def _configs(self) -> tuple[tuple[int, ...], ...]:
        return self._core.membership.configs


def _reached(config: tuple[int, ...], values: Mapping[int, float]) -> float:
    """Return the greatest value that a majority of the config has reached, -1 for unknown ones."""
    ranked = sorted((values.get(node, -1) for node in config), reverse=True)
    return ranked[len(config) // 2]
