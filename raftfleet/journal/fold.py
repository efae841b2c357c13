"""The fold: how each event changes the picture. There is only this one.

Events are folded in the order they were written. A host's word on a process may be written after
the node's API has answered from it, so times decide, not order, to which life a view belongs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from . import events as ev
from .picture import NodePicture, Picture, Sight, Standing
from .values import GroupStatus, Role

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from .values import Incarnation

__all__ = ["advance", "fold", "same_process", "weighty", "without_old_terms"]


def fold(events: Iterable[ev.Event], picture: Picture | None = None) -> Picture:
    """Return the picture after all of these events."""
    picture = picture or Picture()
    for event in events:
        picture = advance(picture, event)
    return picture


def advance(picture: Picture, event: ev.Event) -> Picture:
    """Return the picture after one more event."""
    step = _STEPS.get(type(event))
    if step is not None:
        picture = step(picture, event)
    return replace(picture, t=event.t) if event.t > picture.t else picture


def same_process(one: Incarnation | None, other: Incarnation | None) -> bool:
    """Whether two incarnations are one process: same pid and start time, whatever their counters."""
    if one is None or other is None:
        return False
    return (one.pid, one.start_time) == (other.pid, other.start_time)


def weighty(status: GroupStatus | None) -> tuple[object, ...] | None:
    """Return the part of a view whose every change counts: term, role, leader, voters, learners."""
    if status is None:
        return None
    return (status.term, status.role, status.leader, status.voters, status.learners)


def without_old_terms(picture: Picture, keep: int) -> Picture:
    """Return the picture with claims to the newest terms only, between ``keep`` and twice as many."""
    if all(len(terms) <= 2 * keep for terms in picture.claims.values()):
        return picture
    newest = {
        group: {term: terms[term] for term in sorted(terms)[-keep:]}
        for group, terms in picture.claims.items()
    }
    return replace(picture, claims=newest)


def _with(picture: Picture, node: NodePicture) -> Picture:
    return replace(picture, nodes={**picture.nodes, node.name: node})


# --- cluster and drill -----------------------------------------------------------------------


def _described(picture: Picture, event: ev.ClusterDescribed) -> Picture:
    named = {node.name: picture.node(node.name) for node in event.nodes}
    return replace(picture, cluster=event, nodes={**picture.nodes, **named})


def _generation(picture: Picture, event: ev.ClusterGeneration) -> Picture:
    nodes = {name: replace(node, groups={}) for name, node in picture.nodes.items()}
    return replace(picture, generation=event.generation, nodes=nodes, claims={}, terms={})


def _drill_started(picture: Picture, event: ev.DrillStarted) -> Picture:
    return replace(picture, drill=event)


def _drill_ended(picture: Picture, event: ev.DrillEnded) -> Picture:
    del event
    return replace(picture, drill=None)


# --- processes -------------------------------------------------------------------------------


def _found(picture: Picture, event: ev.NodeFound) -> Picture:
    node = picture.node(event.node)
    if event.incarnation is None:
        return _with(picture, _gone(node, event.t))
    same = same_process(node.incarnation, event.incarnation)
    stopping = same and node.process is Standing.STOPPING and not node.resisted
    return _with(
        picture,
        replace(
            node,
            process=Standing.STOPPING if stopping else Standing.ALIVE,
            incarnation=event.incarnation,
            gone=None,
            ready=node.ready and same,
            groups=node.groups if same or node.incarnation is None else {},
        ),
    )


def _gone(node: NodePicture, at: float) -> NodePicture:
    return replace(node, process=Standing.DOWN, gone=at, ready=False, groups={})


def _started(picture: Picture, event: ev.NodeStarted) -> Picture:
    node, since = picture.node(event.node), event.at.lo
    heard = node.heard if node.heard is not None and node.heard >= since else None
    return _with(
        picture,
        NodePicture(
            event.node,
            process=Standing.ALIVE,
            incarnation=event.incarnation,
            started=since,
            heard=heard,
            silent_since=node.silent_since,
            groups={name: sight for name, sight in node.groups.items() if sight.seen >= since},
        ),
    )


def _ready(picture: Picture, event: ev.NodeReady) -> Picture:
    node = picture.node(event.node)
    if not same_process(node.incarnation, event.incarnation):
        return picture
    return _with(picture, replace(node, ready=True))


def _stop_intent(picture: Picture, event: ev.NodeStopIntent) -> Picture:
    return _with(picture, replace(picture.node(event.node), stopped_by_us=True))


def _signalled(picture: Picture, event: ev.NodeSignalled) -> Picture:
    node = replace(picture.node(event.node), stopped_by_us=True, resisted=False)
    if node.process is not Standing.DOWN:
        node = replace(node, process=Standing.STOPPING, incarnation=event.incarnation)
    return _with(picture, node)


def _not_exited(picture: Picture, event: ev.NodeNotExited) -> Picture:
    """Keep it as stopping until its host shows it alive again: it may still be on its way out."""
    return _with(picture, replace(picture.node(event.node), resisted=True))


def _exited(picture: Picture, event: ev.NodeExited) -> Picture:
    node = picture.node(event.node)
    if node.incarnation is not None and not same_process(node.incarnation, event.incarnation):
        return picture
    return _with(picture, _gone(node, event.at.hi))


def _wiped(picture: Picture, event: ev.NodeWiped) -> Picture:
    """Take a node whose data were removed for down: nobody removes them under a running process."""
    node = picture.node(event.node)
    if node.process is Standing.DOWN:
        return _with(picture, replace(node, groups={}))
    return _with(picture, _gone(node, event.t))


# --- faults ----------------------------------------------------------------------------------


def _fault_meant(picture: Picture, event: ev.FaultIntent) -> Picture:
    return replace(picture, faults={**picture.faults, event.fault: event})


def _fault_over(picture: Picture, event: ev.FaultUndone | ev.FaultFailed) -> Picture:
    left = {name: one for name, one in picture.faults.items() if name != event.fault}
    return replace(picture, faults=left)


# --- what nodes say --------------------------------------------------------------------------


def _seen(picture: Picture, event: ev.StatusSeen) -> Picture:
    node = picture.node(event.node)
    if node.process is Standing.DOWN:
        if node.gone is not None and event.since < node.gone:
            return picture  # an answer that was on its way when the process ended
        node = replace(node, process=Standing.UNKNOWN, incarnation=None, gone=None)
    groups = dict(node.groups)
    for name, status in event.groups.items():
        groups[name] = _sight(groups.get(name), status, event)
    node = replace(node, heard=event.t, silent_since=None, groups=groups)
    return _with(_claimed(picture, event), node)


def _sight(before: Sight | None, status: GroupStatus, event: ev.StatusSeen) -> Sight:
    if before is not None and weighty(before.status) == weighty(status):
        return Sight(status, before.since, before.t, event.t)
    return Sight(status, event.since, event.t, event.t)


def _claimed(picture: Picture, event: ev.StatusSeen) -> Picture:
    """Keep who claimed to lead which term, and the highest term of each group."""
    claims, terms = picture.claims, picture.terms
    for group, status in event.groups.items():
        if status.term is None:
            continue
        if status.term > terms.get(group, -1):
            terms = {**terms, group: status.term}
        if status.role is Role.LEADER:
            claims = _claim(claims, group, status.term, event.node)
    if claims is picture.claims and terms is picture.terms:
        return picture
    return replace(picture, claims=claims, terms=terms)


def _claim(
    claims: Mapping[str, Mapping[int, tuple[str, ...]]], group: str, term: int, node: str
) -> Mapping[str, Mapping[int, tuple[str, ...]]]:
    before = claims.get(group, {})
    nodes = before.get(term, ())
    if node in nodes:
        return claims
    return {**claims, group: {**before, term: (*nodes, node)}}


def _missed(picture: Picture, event: ev.StatusMissed) -> Picture:
    node = picture.node(event.node)
    if node.silent_since is not None:
        return picture
    return _with(picture, replace(node, silent_since=event.since))


def _covered(picture: Picture, event: ev.CoverageSampled) -> Picture:
    nodes = dict(picture.nodes)
    for name, polls in event.polls.items():
        node = picture.node(name)
        misses, gap = event.misses.get(name, 0), event.gap.get(name, 0.0)
        if polls > 0 and not misses:
            heard = max(node.heard or 0.0, event.t - gap)
            nodes[name] = replace(node, heard=heard, silent_since=None)
        elif polls <= misses and node.silent_since is None:
            nodes[name] = replace(node, silent_since=event.t - gap)
    return replace(picture, nodes=nodes)


def _host_lost(picture: Picture, event: ev.HostLost) -> Picture:
    if event.host not in picture.nodes:
        return picture
    node = picture.node(event.host)
    since = event.t if node.silent_since is None else node.silent_since
    return _with(picture, replace(node, silent_since=since))


_STEPS: dict[type[ev.Event], Callable[[Picture, Any], Picture]] = {
    ev.ClusterDescribed: _described,
    ev.ClusterGeneration: _generation,
    ev.DrillStarted: _drill_started,
    ev.DrillEnded: _drill_ended,
    ev.NodeFound: _found,
    ev.NodeStarted: _started,
    ev.NodeReady: _ready,
    ev.NodeStopIntent: _stop_intent,
    ev.NodeSignalled: _signalled,
    ev.NodeNotExited: _not_exited,
    ev.NodeExited: _exited,
    ev.NodeWiped: _wiped,
    ev.StatusSeen: _seen,
    ev.StatusMissed: _missed,
    ev.CoverageSampled: _covered,
    ev.HostLost: _host_lost,
    ev.FaultIntent: _fault_meant,
    ev.FaultUndone: _fault_over,
    ev.FaultFailed: _fault_over,
}
