"""Writes what a group goes through into the log, in openraft's words and under its targets."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from .errors import LateError
from .observer import Observer

if TYPE_CHECKING:
    from .core import Core
    from .errors import CallError
    from .logbook import Logbook
    from .messages import VoteReply, VoteRequest
    from .snapshot_story import SnapshotStory
    from .values import LogId, Membership, Vote

__all__ = ["Narrator"]

CORE = "openraft::core::raft_core"
ENGINE = "openraft::engine::engine_impl"
VOTES = "openraft::engine::handler::vote_handler"
STATES = "openraft::engine::handler::server_state_handler"
REPLICATION = "openraft::replication"
PROGRESS = "openraft::engine::handler::replication_handler"
LEADERSHIP = "meta_service::raft::leadership"
UNREACHABLE = "Unreachable node: common_base::error::common::CommonError:"
CONNECTION = "meta_service::raft::network::connection"
SLOW = 1.0
HANDLE = "openraft::core::raft_core::RaftCore<_, _, _, _>"
BACKOFF = (
    "openraft::replication::ReplicationCore<_, _, _>::backoff_drain_events "
    "backoff mode: drain events without processing them"
)


def moment() -> str:
    """Return the time of day as openraft prints instants."""
    now = time.time()
    return time.strftime("%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1_000_000):06}"


class Narrator(Observer):
    """Tells the story of one group on one node; openraft's lines do not name the group."""

    def __init__(self, book: Logbook, node: int, snapshots: SnapshotStory) -> None:
        self._book = book
        self.snapshots = snapshots
        self._node = node

    # -- elections -------------------------------------------------------------------------

    def timed_out(self) -> None:
        """No leader was heard of for too long."""
        self._book.info(CORE, "election timeout passed, check if it is a voter for election")
        self._book.info(CORE, "do trigger election")

    def standing(self, core: Core, vote: Vote) -> None:
        """The node stands for election."""
        progress = ", ".join(f"{n}: false" for n in sorted(core.membership.voters))
        self._book.info(
            ENGINE,
            "openraft::engine::engine_impl::Engine<_>::elect, new candidate: "
            f"{{{vote}@{moment()}, last_log_id:{core.log.last} progress:{{{progress}}}}}",
        )

    def vote_changed(self, old: Vote, new: Vote) -> None:
        """The vote changed; openraft then ignores its own answer to a vote for another."""
        self._book.info(VOTES, f"vote is changing from {old} to {new}")
        if new.node == self._node:
            return
        response = f"{{{new}, last_log:None}}"
        received = f"received Notify::VoteResponse: {HANDLE}::handle_notify"
        self._book.info(CORE, received, now=moment(), resp=response)
        self.stale(new, "VoteResponse")

    def vote_asked(self, core: Core, request: VoteRequest, now: float) -> None:
        """Somebody asks for a vote."""
        text = f"{{vote:{request.vote}, last_log:{request.last}}}"
        self._book.info("openraft::raft", "Raft::vote()", rpc=text)
        self._book.info(ENGINE, "Engine::handle_vote_req", req=text)
        self._book.info(
            ENGINE,
            "Engine::handle_vote_req",
            my_vote=core.vote,
            my_last_log_id=f"Some({core.log.last})" if core.log.last else None,
        )
        if core.vote.committed:
            silence = now - core.contact
            left = max(0.0, core.preset.lease - silence)
            self._book.info(
                ENGINE,
                f"now; {moment()}, vote is updated before {silence:.9f}s, "
                f"leader lease({core.preset.lease:g}s) will expire after {left:.9f}s",
            )

    def vote_refused(self, reason: str) -> None:
        """The vote was refused."""
        self._book.info(ENGINE, f"reject vote-request: {reason}")

    def vote_answered(self, core: Core, reply: VoteReply, peer: int) -> None:
        """A vote was granted or refused."""
        last = f'Some("{reply.last}")' if reply.last else "None"
        response = f"{{{reply.vote}, last_log:{last}}}"
        received = f"received Notify::VoteResponse: {HANDLE}::handle_notify"
        self._book.info(CORE, received, now=moment(), resp=response)
        self._book.info(
            ENGINE,
            "openraft::engine::engine_impl::Engine<_>::handle_vote_resp",
            resp=response,
            target=peer,
            my_vote=core.vote,
            my_last_log_id=f"Some({core.log.last})",
        )

    def vote_took(self, group: str, address: str, seconds: float, limit: float | None) -> None:
        """A voter was slow to answer, or did not answer within ``limit`` seconds."""
        what = f"machine={group}, op=vote, target={address}"
        if limit is not None:
            self._book.warn(CONNECTION, f"Raft RPC timed out. {what}, timeout={limit:g}s")
        if seconds > SLOW:
            text = f"Raft RPC is slow. {what}, duration_ms={seconds * 1000:.2f}"
            self._book.warn(CONNECTION, text)

    def unheard(self) -> None:
        """Somebody's entry is decided, and he has given up waiting for it."""
        text = "OneshotConsumer.tx.send: is_ok: false"
        self._book.warn("openraft::raft::responder::impls", text)

    def vote_unanswered(self, peer: int, address: str, error: CallError, limit: float) -> None:
        """The candidate could not reach a voter."""
        cause = _unreachable("Vote", error)
        if isinstance(error, LateError):
            cause = f"{UNREACHABLE} Vote RPC to {address} timed out after {limit:g}s"
        self._book.error(CORE, "while requesting vote", error=f"{cause} target={peer}")

    def leader_refused(self, vote: Vote, mine: Vote) -> None:
        """A leader of an older vote sends entries."""
        self._book.info(VOTES, f"vote {vote} is rejected by local vote: {mine}")

    def stale(self, vote: Vote, what: str) -> None:
        """A message belongs to a vote that is over."""
        self._book.warn(
            CORE,
            f"A message will be ignored because vote changed: msg sent by vote: {vote}; "
            f"current my vote: None; when ({what})",
        )

    def log_lost(self, position: LogId) -> None:
        """A follower has lost its log."""
        self._book.warn(
            "openraft::progress::entry",
            f"conflict {position.index} < last matching {position}: follower log is reverted; "
            "with 'loosen-follower-log-revert' enabled, this is allowed.",
        )

    def elected(self, core: Core) -> None:
        """A quorum granted the vote."""
        del core
        self._book.info(ENGINE, "a quorum granted my vote")
        self._book.info(ENGINE, "openraft::engine::engine_impl::Engine<_>::establish_leader")

    def leading(self, core: Core) -> None:
        """The node leads."""
        self._book.info(STATES, "become leader", id=core.node)
        self._book.info(CORE, "remove all replication")

    def deposed(self) -> None:
        """The node leads no longer."""
        self._book.info(STATES, "quit leader", id=self._node)

    def transition(self, previous: int | None) -> None:
        """The node has become leader of the metadata group."""
        before = "None" if previous is None else f"Some({previous})"
        self._book.info(
            LEADERSHIP,
            "[metadata] Leader transition has occurred. "
            f"current leader is {self._node}. previous leader was {before}. "
            f"local node id={self._node}",
        )

    # -- replication -----------------------------------------------------------------------

    def append_failed(
        self, peer: int, error: CallError, number: int, milliseconds: int, *, pause: bool
    ) -> None:
        """A request got no answer; ``number`` counts requests with entries, 0 for a heartbeat."""
        if isinstance(error, LateError):
            cause = f"timeout after {milliseconds}ms when AppendEntries {self._node}->{peer}"
        else:
            cause = _unreachable("AppendEntries", error)
        self._book.warn(REPLICATION, f"error replication to target={peer}", error=cause)
        self._book.error(REPLICATION, "RPCError", err=cause)
        if pause:
            self._book.warn(REPLICATION, BACKOFF, interval="499.998ms")
        request = f"AppendEntries({number})" if number else "HeartBeat"
        self._book.warn(PROGRESS, "update progress error", request_id=request, result=cause)
        if not number:
            self._book.warn(PROGRESS, f"heartbeat error: {cause}, no update to inflight data")

    def higher_vote(self, peer: int, higher: Vote, mine: Vote) -> None:
        """A follower holds a greater vote than its leader's."""
        cause = f"seen a higher vote: {higher} GT mine: {mine}"
        self._book.warn(REPLICATION, f"error replication to target={peer}", error=cause)
        received = f"received Notify::HigherVote: {HANDLE}::handle_notify"
        self._book.info(CORE, received, target=peer, higher_vote=higher, sender_vote=mine)

    def membership_changed(self, before: object, after: object, followers: int) -> None:
        """A membership was appended; answers to requests sent before it are ignored."""
        for _ in range(followers):
            self._book.warn(
                CORE,
                f"membership_log_id changed: msg sent by: Some({before}); curr: Some({after}); "
                "ignore when (UpdateReplicationMatched)",
            )

    def membership_committed(self, at: object, membership: Membership) -> None:
        """The last step of a membership change is committed."""
        configs = ", ".join("{" + ", ".join(map(str, c)) + "}" for c in membership.configs)
        nodes = ", ".join(
            f'{n}: Node {{ node_id: {n}, rpc_addr: "{address}" }}'
            for n, address in membership.nodes
        )
        self._book.info_in(
            "change_membership",
            "openraft::raft::impl_raft_blocking_write",
            "res of second step of do_change_membership: "
            f"log_id: {at}, membership: Some(Membership {{ configs: [{configs}], "
            f"nodes: {{{nodes}}} }})",
        )

    # -- the end ---------------------------------------------------------------------------

    def quit_on_error(self, error: Exception) -> None:
        """The group cannot go on, for instance because its disk is full."""
        self._book.error(CORE, "quit RaftCore::main on error", error=error)

    def shut_down(self) -> None:
        """The group ends in an orderly way."""
        self._book.info(
            "openraft::raft", "sending shutdown signal to RaftCore, sending res: Ok(())"
        )
        self._book.info(CORE, "recv from rx_shutdown")
        self._book.info(CORE, "RaftCore shutdown complete")
        self._book.info("openraft::raft::raft_inner", "RaftCore exited", res="Ok(Err(Stopped))")
        self._book.info("openraft::core::tick", "Timer shutdown signal sent: Ok(())")
        self._book.info("openraft::core::tick", "TickLoop received cancel signal, quit")
        self._book.info(
            "openraft::core::sm::worker",
            "openraft::core::sm::worker::Worker<_, _>::worker_loop: "
            "rx closed, state machine worker quit",
        )


def _unreachable(what: str, error: CallError) -> str:
    return f"{UNREACHABLE} Failed to send {what} RPC: {error}"
