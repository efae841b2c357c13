"""A node's own view of its Raft groups.

Three sources, best first. gRPC-web `ClusterStatus` speaks for the node it is asked of. `/api/info`
is answered by the first reachable node of `meta_addrs` whoever is asked, so it counts only when
its `id` is the node's. `/metrics` is the node's own, but knows indices only and renews them once
a second.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import msgspec

from raftfleet.journal.values import GroupStatus, Role
from raftfleet.systems.protocol import AccessError

from .grpcweb import HEADERS, SERVICE, NotGrpcError, frame, messages, string_field

if TYPE_CHECKING:
    from raftfleet.systems.protocol import Access, Answer

    from .admin import Admin

__all__ = ["cluster_status", "info_view", "metrics_view", "read_status"]

_CLUSTER_STATUS = f"{SERVICE}ClusterStatus"
_ROLES = {
    "Leader": Role.LEADER,
    "Follower": Role.FOLLOWER,
    "Candidate": Role.CANDIDATE,
    "Learner": Role.LEARNER,
    "Shutdown": Role.STOPPED,
}
_INDEX = re.compile(
    r'^raft_(last_log_index|last_applied)\{machine="([^"]+)"[^}]*\} (\d+)', re.MULTILINE
)


class _LogId(msgspec.Struct, frozen=True):
    index: int


class _Membership(msgspec.Struct, frozen=True):
    configs: list[list[int]]
    nodes: dict[str, msgspec.Raw] = {}


class _MembershipConfig(msgspec.Struct, frozen=True):
    membership: _Membership


class _RaftMetrics(msgspec.Struct, frozen=True):
    """What we read of openraft's RaftMetrics; everything else in it is passed over."""

    id: int
    current_term: int
    state: str
    membership_config: _MembershipConfig
    last_log_index: int | None = None
    last_applied: _LogId | None = None
    current_leader: int | None = None
    millis_since_quorum_ack: int | None = None
    running_state: dict[str, object] = {}


class _InfoData(msgspec.Struct, frozen=True):
    meta: dict[str, _RaftMetrics] = {}


class _Info(msgspec.Struct, frozen=True):
    code: int
    data: _InfoData


_METRICS = msgspec.json.Decoder(dict[str, _RaftMetrics])
_INFO = msgspec.json.Decoder(_Info)


def read_status(at: Access, admin: Admin, *, timeout: float) -> dict[str, GroupStatus]:
    """Ask a node for its own view, by the best source that answers within ``timeout`` seconds.

    Raises `AccessError` with what came of each source, and `AuthenticationError` when the only
    one left wants another password.
    """
    until = time.monotonic() + timeout
    try:
        return cluster_status(at, timeout=timeout)
    except AccessError as error:
        first = error
    try:
        return _without_cluster_status(at, admin, first, until)
    except AccessError as error:
        raise AccessError(f"{first}; then {error}") from None


def _without_cluster_status(
    at: Access, admin: Admin, first: AccessError, until: float
) -> dict[str, GroupStatus]:
    """`/api/info` only when the node lacks ClusterStatus: asking it makes nodes ask one another."""
    if isinstance(first, NotGrpcError):
        answer = admin.ask("GET", "/api/info", timeout=_left(until))
        view = info_view(answer, at.node.identity.id)
        if view is not None:
            return view
    view = metrics_view(at.request("http", "GET", "/metrics", timeout=_left(until)))
    if not view:
        raise AccessError("/metrics names no Raft group")
    return view


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise AccessError("no time was left for another source")
    return left


def cluster_status(at: Access, *, timeout: float) -> dict[str, GroupStatus]:
    """Ask a node's own gRPC port; raise `AccessError` for anything but its own full view."""
    answer = at.request(
        "grpc", "POST", _CLUSTER_STATUS, timeout=timeout, body=frame(), headers=HEADERS
    )
    found = messages(answer)
    if len(found) != 1:
        raise AccessError(f"ClusterStatus wants one message, got {len(found)}")
    text = string_field(found[0], 1)
    groups = _decoded(text)
    if not groups:
        raise AccessError("ClusterStatus names no Raft group")
    return _own(groups, at.node.identity.id)


def _decoded(text: str) -> dict[str, _RaftMetrics]:
    try:
        return _METRICS.decode(text)
    except msgspec.MsgspecError as error:
        raise AccessError(f"ClusterStatus cannot be read ({error}): {text[:80]!r}") from None


def _own(groups: dict[str, _RaftMetrics], node_id: str) -> dict[str, GroupStatus]:
    others = {str(one.id) for one in groups.values()} - {node_id}
    if others:
        raise AccessError(
            f"node {' and '.join(sorted(others))} answered in the place of node {node_id}"
        )
    return {name: _status(one) for name, one in sorted(groups.items())}


def _status(one: _RaftMetrics) -> GroupStatus:
    role = _ROLES.get(one.state)
    if role is None:
        raise AccessError(f"{one.state!r} is no state of a Raft node")
    if "Err" in one.running_state:
        role = Role.STOPPED
    configs = one.membership_config.membership.configs
    voters = {str(voter) for config in configs for voter in config}
    ack = one.millis_since_quorum_ack
    return GroupStatus(
        term=one.current_term,
        role=role,
        leader=None if one.current_leader is None else str(one.current_leader),
        last_log=one.last_log_index,
        last_applied=one.last_applied.index if one.last_applied else None,
        voters=tuple(tuple(map(str, sorted(config))) for config in configs),
        learners=_sorted(set(one.membership_config.membership.nodes) - voters),
        quorum_ack_age=None if ack is None else ack / 1000,
    )


def _sorted(ids: set[str]) -> tuple[str, ...]:
    return tuple(sorted(ids, key=lambda one: (len(one), one)))


def info_view(answer: Answer, node_id: str) -> dict[str, GroupStatus] | None:
    """Return the view that `/api/info` carries, or None when it is not this node's.

    Other nodes' views, errors (HTTP 200 with code 100 and an empty text for data) and refusals
    (401) are all None: none of them says anything of the node that was asked.
    """
    if answer.status != 200:
        return None
    try:
        groups = _INFO.decode(answer.body).data.meta
        return _own(groups, node_id) if groups else None
    except (msgspec.MsgspecError, AccessError):
        return None


def metrics_view(answer: Answer) -> dict[str, GroupStatus]:
    """Return the indices that `/metrics` tells, up to a second old; term and role stay unknown."""
    if answer.status != 200:
        raise AccessError(f"/metrics answered with HTTP status {answer.status}")
    indices: dict[str, dict[str, int]] = {}
    for name, group, number in _INDEX.findall(answer.body.decode("utf-8", "replace")):
        indices.setdefault(group, {})[name] = int(number)
    return {
        group: GroupStatus(
            last_log=found.get("last_log_index"), last_applied=found.get("last_applied")
        )
        for group, found in sorted(indices.items())
    }
