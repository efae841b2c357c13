"""Writes what a group does with snapshots into the log, in the broker's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from .logbook import Logbook
    from .messages import SnapshotRequest
    from .values import LogId, Membership, Snapshot

__all__ = ["SnapshotStory"]

BUILD = "meta_service::raft::snapshot::build"
RECOVER = "meta_service::raft::snapshot::recover"
HANDLER = "openraft::engine::handler::snapshot_handler"
WORKER = "openraft::core::sm::worker"
WORKING = "openraft::core::sm::worker::Worker<_, _>::"
ENGINE = "openraft::engine::engine_impl"
TRANSPORT = "openraft::network::snapshot_transport"
NOTIFIED = "openraft::core::raft_core::RaftCore<_, _, _, _>::handle_notify"
CHUNKED = (
    "<openraft::network::snapshot_transport::Chunked as "
    "openraft::network::snapshot_transport::SnapshotTransport<_>>::receive_snapshot"
)
STREAM = "openraft::replication::ReplicationCore<_, _, _>::stream_snapshot"


class SnapshotStory:
    """Tells of the snapshots of one group."""

    def __init__(self, book: Logbook, group: str) -> None:
        self._book = book
        self._group = group.partition("_")[0]

    # -- building --------------------------------------------------------------------------

    def due(self) -> None:
        """Enough was applied since the last one."""
        self._book.info(HANDLER, "push snapshot building command")
        self._book.info(WORKER, f"{WORKING}worker_loop: build snapshot")
        self._book.info_in("build_snapshot", WORKER, f"{WORKING}build_snapshot")
        text = f"{WORKING}build_snapshot returning; spawned building snapshot task"
        self._book.info_in("build_snapshot", WORKER, text)

    def building(self, name: str) -> None:
        """Building begins."""
        self._book.info(BUILD, f"[{self._group}] Starting to build snapshot, snapshot_id={name}")

    def built(self, snapshot: Snapshot) -> None:
        """The snapshot is safe."""
        name, meta = snapshot.name, _meta(snapshot)
        text = f"Snapshot build completed successfully for snapshot_id={name}"
        self._book.info(BUILD, f"[{self._group}] {text}")
        done = f"sm::StateMachine command done: BuildSnapshot: {meta}: {NOTIFIED}"
        self._book.info("openraft::core::raft_core", done)
        finish = f"{ENGINE}::Engine<_>::finish_building_snapshot snapshot_meta={meta}"
        self._book.info(ENGINE, finish)
        self._book.info(HANDLER, f"update_snapshot: {_debug(snapshot)}")

    def purged(self, before: LogId | None, after: LogId | None) -> None:
        """The log was purged."""
        self._book.info(
            "openraft::engine::handler::log_handler",
            "purge_log",
            last_purged_log_id=_some(before),
            purge_upto=_some(after),
        )

    def cleaned(self, deleted: Iterable[Path], kept: int) -> None:
        """Older files were deleted."""
        deleted = list(deleted)
        if deleted:
            text = f"Cleaning up {len(deleted)} old snapshots, keeping {kept} recent ones"
            self._book.info(BUILD, f"[{self._group}] {text}")
        for path in deleted:
            self._book.info(BUILD, f"[{self._group}] Deleted snapshot file: {path}")

    def none_found(self) -> None:
        """There is none at the start."""
        self._book.info(RECOVER, f"[{self._group}] No snapshot found, returning None")

    # -- sending ---------------------------------------------------------------------------

    def streaming(self, snapshot: Snapshot, number: int) -> None:
        """The leader sends its snapshot to a follower that needs what is purged."""
        meta, request = _meta(snapshot), f"Snapshot({number})"
        span = "stream_snapshot"
        text = f"openraft::replication: {STREAM} request_id={request}"
        self._book.info_in(span, "openraft::replication", text.partition(": ")[2])
        self._book.info(WORKER, f"{WORKING}worker_loop: get snapshot")
        self._book.info_in("get_snapshot", WORKER, f"{WORKING}get_snapshot")
        self._book.info_in("get_snapshot", WORKER, f"sending back snapshot: meta: {meta}")
        received = f"received snapshot: request_id={request}; meta:Some({meta})"
        self._book.info_in(span, "openraft::replication", received)

    # -- receiving -------------------------------------------------------------------------

    def receiving(self, request: SnapshotRequest, size: int) -> None:
        """A leader's snapshot has arrived."""
        snapshot = request.snapshot
        arrived = f"vote:{request.vote}, meta:{_meta(snapshot)}, offset:0, len:{size}, done:true"
        self._book.info(TRANSPORT, f"{CHUNKED} req=InstallSnapshotRequest {{ {arrived} }}")
        self._book.info("openraft::raft", "Raft::begin_receiving_snapshot()")
        self._book.info(ENGINE, f"{ENGINE}::Engine<_>::handle_begin_receiving_snapshot")
        self._book.info(WORKER, f"{WORKING}worker_loop: BeginReceivingSnapshot")
        self._book.info(TRANSPORT, "Done received snapshot chunk")
        self._book.info(TRANSPORT, f"finished streaming snapshot: {_debug(snapshot)}")
        self._book.info("openraft::raft", "Raft::install_full_snapshot()")
        self._book.info(
            ENGINE,
            f"{ENGINE}::Engine<_>::handle_install_full_snapshot",
            vote=request.vote,
            snapshot=f"Snapshot{{meta: {_meta(snapshot)}}}",
        )
        self._book.info(
            "openraft::engine::handler::following_handler",
            f"install_full_snapshot: meta:{_debug(snapshot)}",
        )

    def not_needed(self, snapshot: Snapshot, committed: LogId | None) -> None:
        """The log goes beyond the snapshot already."""
        self._book.info(
            "openraft::engine::handler::following_handler",
            f"No need to install snapshot; snapshot last_log_id({snapshot.last}) <= "
            f"committed({committed})",
        )

    def installing(self, snapshot: Snapshot) -> None:
        """Its contents are about to be taken over."""
        self._book.info(HANDLER, f"update_snapshot: {_debug(snapshot)}")
        self._book.info(WORKER, f"{WORKING}worker_loop: install complete snapshot")
        text = f"Starting to recover snapshot, snapshot_id={snapshot.name}"
        self._book.info(RECOVER, f"[{self._group}] {text}")

    def installed(self, snapshot: Snapshot, records: int) -> None:
        """They are; with the broker's defect no record was."""
        meta = _meta(snapshot)
        text = f"Successfully recovered {records} entries from snapshot"
        self._book.info(RECOVER, f"[{self._group}] {text}")
        text = f"Snapshot recovery completed successfully for snapshot_id={snapshot.name}"
        self._book.info(RECOVER, f"[{self._group}] {text}")
        self._book.info(WORKER, f"Done install complete snapshot, meta: {meta}")
        done = f"sm::StateMachine command done: InstallSnapshot: Some({meta}): {NOTIFIED}"
        self._book.info("openraft::core::raft_core", done)


def _nodes(membership: Membership) -> str:
    return ", ".join(
        f'{node}: Node {{ node_id: {node}, rpc_addr: "{address}" }}'
        for node, address in membership.nodes
    )


def _debug(snapshot: Snapshot) -> str:
    """Return the snapshot's meta as Rust's debug format writes it."""
    configs = ", ".join(
        "{" + ", ".join(map(str, config)) + "}" for config in snapshot.membership.configs
    )
    membership = f"Membership {{ configs: [{configs}], nodes: {{{_nodes(snapshot.membership)}}} }}"
    return (
        f"SnapshotMeta {{ last_log_id: {_log_id(snapshot.last)}, last_membership: "
        f"StoredMembership {{ log_id: {_log_id(snapshot.membership_at)}, membership: "
        f'{membership} }}, snapshot_id: "{snapshot.name}" }}'
    )


def _meta(snapshot: Snapshot) -> str:
    """Return the snapshot's meta as openraft displays it."""
    addresses, voters = snapshot.membership.addresses, snapshot.membership.voters
    shown = {
        node: f'{node}:Node {{ node_id: {node}, rpc_addr: "{address}" }}'
        for node, address in addresses.items()
    }
    configs = ",".join(
        "{" + ",".join(shown.get(node, str(node)) for node in config) + "}"
        for config in snapshot.membership.configs
    )
    learners = ",".join(text for node, text in shown.items() if node not in voters)
    return (
        f"{{snapshot_id: {snapshot.name}, last_log:{snapshot.last}, last_membership: "
        f"{{log_id:{snapshot.membership_at}, {{voters:[{configs}], learners:[{learners}]}}}}}}"
    )


def _log_id(position: LogId | None) -> str:
    if position is None:
        return "None"
    leader = f"LeaderId {{ term: {position.term}, node_id: {position.node} }}"
    return f"Some(LogId {{ leader_id: {leader}, index: {position.index} }})"


def _some(position: LogId | None) -> str:
    return "None" if position is None else f"Some({position})"
