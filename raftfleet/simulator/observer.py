"""What a group's state machine tells about itself while it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .core import Core
    from .messages import VoteReply, VoteRequest
    from .values import LogId, Vote

__all__ = ["Observer"]


class Observer:
    """Is told what happens, for the log; the base class keeps quiet."""

    def timed_out(self) -> None:
        """No leader was heard of for too long."""

    def standing(self, core: Core, vote: Vote) -> None:
        """The node is about to stand for election."""

    def vote_changed(self, old: Vote, new: Vote) -> None:
        """The vote changed."""

    def vote_asked(self, core: Core, request: VoteRequest, now: float) -> None:
        """Somebody asks for a vote; ``core`` is as it was before."""

    def vote_refused(self, reason: str) -> None:
        """The vote was refused."""

    def vote_answered(self, core: Core, reply: VoteReply, peer: int) -> None:
        """A vote for this candidate was granted or refused."""

    def leader_refused(self, vote: Vote, mine: Vote) -> None:
        """A leader of an older vote sends entries."""

    def stale(self, vote: Vote, what: str) -> None:
        """A message counts for nothing, for it belongs to a vote that is over."""

    def log_lost(self, position: LogId) -> None:
        """A follower no longer has what it had confirmed up to here."""

    def elected(self, core: Core) -> None:
        """A quorum granted the vote."""

    def leading(self, core: Core) -> None:
        """The node leads from now on."""

    def deposed(self) -> None:
        """The node leads no longer."""
