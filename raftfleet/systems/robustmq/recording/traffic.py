"""Writes, and reads of the nodes' stores, lists and node lists, in a recording."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from raftfleet.journal import events as ev
from raftfleet.journal.values import Lack

from .source import EPOCH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .source import Recording

__all__ = ["traffic_of"]

_NUMBER = re.compile(r"-?\d+$")
_LONGEST_READ = 2.0
_LIST_PERIOD = 0.5
_NOT_SENT = ("ConnectionRefusedError",)
"""Errors that prove that nothing was written: the connection was never there."""


def traffic_of(one: Recording) -> list[ev.Event]:
    """Return the writes and reads of a recording."""
    return [*_writes(one), *_reads(one)]


def _writes(one: Recording) -> Iterator[ev.Event]:
    writers: dict[str, list[ev.WriteEnded]] = {}
    for raw in one.events:
        if raw["kind"] == "write":
            event = _write(one, raw)
            writers.setdefault(event.writer, []).append(event)
    for name, events in writers.items():
        via, begun = events[0].via, min(event.sent for event in events)
        yield ev.WriterStarted(t=begun, writer=name, kind="create", via=via)
        yield from events
        yield ev.WriterStopped(t=max(event.t for event in events), writer=name)


def _write(one: Recording, raw: dict[str, Any]) -> ev.WriteEnded:
    """Return one create; whatever was not acknowledged may have happened all the same."""
    via, name, why = one.name(raw["node"]), str(raw["name"]), str(raw.get("err") or "")
    outcome = "ok" if raw["ok"] else "refused" if why.startswith(_NOT_SENT) else "unknown"
    return ev.WriteEnded(
        t=EPOCH + raw["t2"],
        writer=f"{_NUMBER.sub('', name)} via {via}",
        via=via,
        key=name,
        value=name,
        sent=EPOCH + raw["t1"],
        outcome=outcome,
        reason=why[:200],
    )


def _reads(one: Recording) -> Iterator[ev.Event]:
    round_, before = 0, 0.0
    for raw in one.events:
        t = EPOCH + raw["t"]
        if raw["kind"] == "compare":
            round_ += 1
            yield from _compare(one, raw, round_, max(before, t - _LONGEST_READ))
        elif raw["kind"] == "broker_node_list":
            yield _peers(one, raw, t)
        before = t


def _compare(one: Recording, raw: dict[str, Any], number: int, sent: float) -> Iterator[ev.Event]:
    t = EPOCH + raw["t"]
    for node_id, found in sorted(raw["result"].items()):
        node = one.name(node_id)
        if not isinstance(found, dict):
            for what in ("store", "listing"):
                yield ev.ReadMissed(t=t, node=node, what=what, reason=str(found), round=number)
            continue
        yield from _store(t, node, number, sent, found)
        yield from _listing(t, node, number, sent, found)


def _store(
    t: float, node: str, number: int, sent: float, found: dict[str, Any]
) -> Iterator[ev.Event]:
    count, lacking = found.get("store"), found.get("acked_missing_in_store")
    if not isinstance(count, int) or not isinstance(lacking, int):
        reason = str(count or "the recording does not hold it")
        yield ev.ReadMissed(t=t, node=node, what="store", reason=reason, round=number)
        return
    yield ev.StoreRead(
        t=t,
        node=node,
        round=number,
        sent=sent,
        count=count,
        asked=int(found.get("acked", 0)),
        lacks=Lack(lacking, tuple(found.get("acked_missing_sample", ()))),
    )


def _listing(
    t: float, node: str, number: int, sent: float, found: dict[str, Any]
) -> Iterator[ev.Event]:
    store, cache, lacks = (found.get(key) for key in ("store", "cache", "n_cache_missing"))
    if not isinstance(store, int) or not isinstance(cache, int) or not isinstance(lacks, int):
        reason = str(cache or "the recording does not hold it")
        yield ev.ReadMissed(t=t, node=node, what="listing", reason=reason, round=number)
        return
    yield ev.ListingRead(
        t=t,
        node=node,
        round=number,
        sent=sent,
        count=cache,
        lacks=Lack(lacks, tuple(found.get("store_minus_cache", ()))),
        extra=Lack(max(0, cache - store + lacks), tuple(found.get("cache_minus_store", ()))),
    )


def _peers(one: Recording, raw: dict[str, Any], t: float) -> ev.Event:
    node = one.name(raw["node"])
    if not isinstance(raw["list"], list):
        return ev.ReadMissed(t=t, node=node, what="peers", reason=str(raw["list"]))
    since = t - float(raw.get("seconds", 0.0)) - _LIST_PERIOD
    peers = tuple(sorted(one.name(number) for number in raw["list"]))
    return ev.PeersRead(t=t, node=node, since=since, peers=peers)
