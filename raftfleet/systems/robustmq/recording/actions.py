"""What was done to the nodes of a recording: starts, signals, exits, wipes, faults."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from raftfleet.journal import events as ev
from raftfleet.journal.values import Incarnation, Interval

from .logs import listening_times, log_trouble
from .source import EPOCH
from .statuses import group_statuses

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .source import Recording

__all__ = ["actions_of"]

_READY = re.compile(r"(?:n(\d+):? |peer )?(?:ready|listeners|up|last listener .*)")
"""What the recorder waited for when it waited for a node; without a number, the last started."""
_SLACK = 0.02
"""Seconds by which the recorder wrote an action later than it happened."""
_EXACT = 0.001
_CHAIN = re.compile(
    r"hook (input|output)[^;]*;\s*ip (?:saddr|daddr)\s+(?:\{([^}]*)\}|(\S+))\s+drop", re.DOTALL
)


def actions_of(one: Recording) -> list[ev.Event]:
    """Return the actions of a recording, in the order of its events."""
    return list(_Actions(one).run())


class _Actions:
    """Follows the lives of the nodes while the recorder's events go by."""

    def __init__(self, one: Recording) -> None:
        self._one = one
        self._lives: dict[str, Incarnation] = {}
        self._alive: set[str] = set()
        self._began: dict[str, float] = {}
        self._last = ""
        self._ready: set[str] = set()
        self._signalled: dict[str, float] = {}
        self._generation = 1
        self._faults: dict[str, str] = {}
        self._listening = listening_times(one)
        self._place = 0
        self._voters: dict[str, set[str]] = {}

    def run(self) -> Iterator[ev.Event]:
        for raw in self._one.events:
            yield from self._listeners(raw["t"])
            yield from self._told(raw)
        yield from self._listeners(self._one.end)
        yield from self._unlogged()

    def _unlogged(self) -> Iterator[ev.Event]:
        """Of a node whose log is missing its own answers have to say that it came up.

        What it listens on is not known then.
        """
        logged = {name for name in self._one.names.values() if not log_trouble(self._one, name)}
        for node in sorted(self._alive - self._ready - logged):
            if node in self._seen_by(node, EPOCH + self._one.end):
                yield from self._up(node, EPOCH + self._one.end)

    def _told(self, raw: dict[str, Any]) -> Iterator[ev.Event]:
        t, node = EPOCH + raw["t"], self._one.name(raw.get("node"))
        match raw["kind"]:
            case "setup" | "round-begin" if raw.get("cluster", "fresh") == "fresh":
                yield from self._afresh(t)
            case "start":
                yield self._start(node, t)
            case "started" if node in self._alive:
                yield from self._up(node, t)
            case "waited" if found := _READY.fullmatch(str(raw.get("what"))):
                yield from self._up(self._one.name(found[1]) if found[1] else self._last, t)
            case "signal" if node in self._lives:
                self._signalled[node] = t
                at = Interval(t - _SLACK, t)
                yield ev.NodeSignalled(
                    t=t, node=node, signal=raw["sig"], incarnation=self._lives[node], at=at
                )
            case "exited" | "no-exit" if node in self._lives:
                yield self._end(raw, node, t)
            case "wipe":
                yield ev.NodeWiped(t=t, node=node, paths=())
            case "nft" | "nft-flush" | "sigstop" | "sigcont":
                yield from self._fault(raw, node, t)
            case _ if isinstance(raw.get("alive"), dict):
                yield from self._looked(raw, t)

    def _afresh(self, t: float) -> Iterator[ev.Event]:
        """All nodes were killed and their data removed: another generation begins."""
        if not self._lives:
            return
        for node in sorted(self._lives):
            yield ev.NodeWiped(t=t, node=node, paths=())
        self._alive.clear()
        self._voters.clear()
        self._generation += 1
        yield ev.ClusterGeneration(t=t, generation=self._generation)

    def _start(self, node: str, t: float) -> ev.Event:
        before = self._lives.get(node)
        counter = before.counter + 1 if before else 1
        self._lives[node] = Incarnation(1000 + counter, counter, counter)
        self._alive.add(node)
        self._ready.discard(node)
        self._voters.pop(node, None)
        self._began[node] = t
        self._last = node
        at = Interval(t - _SLACK, t)
        return ev.NodeStarted(t=t, node=node, incarnation=self._lives[node], at=at)

    def _listeners(self, until: float) -> Iterator[ev.Event]:
        """The nodes' own logs say when their last listener was up."""
        while self._listening and self._listening[0][0] <= EPOCH + until:
            t, node = self._listening.pop(0)
            if node in self._alive and t >= self._began[node] - _SLACK:
                yield from self._up(node, t)

    def _up(self, node: str, t: float) -> Iterator[ev.Event]:
        if node not in self._alive or node in self._ready:
            return
        self._ready.add(node)
        yield ev.NodeReady(
            t=t,
            node=node,
            incarnation=self._lives[node],
            listening=("listeners",),
            seen_by=self._seen_by(node, t),
        )

    def _seen_by(self, node: str, t: float) -> tuple[str, ...]:
        """Return the nodes whose own view counted this one among the voters of every group."""
        lines = self._one.statuses
        while self._place < len(lines) and EPOCH + lines[self._place]["t2"] <= t + _SLACK:
            line = lines[self._place]
            name, status = self._one.name(line["node"]), line["status"]
            if isinstance(status, dict):
                self._voters[name] = self._in_all(status)
            self._place += 1
        return tuple(sorted(name for name, seen in self._voters.items() if node in seen))

    def _in_all(self, status: dict[str, Any]) -> set[str]:
        groups = group_statuses(self._one, status).values()
        sets = [{name for part in group.voters or () for name in part} for group in groups]
        return set.intersection(*sets) if sets else set()

    def _end(self, raw: dict[str, Any], node: str, t: float) -> ev.Event:
        if raw["kind"] == "no-exit":
            return ev.NodeNotExited(
                t=t,
                node=node,
                incarnation=self._lives[node],
                signal=raw["sig"],
                waited=raw["latency"],
            )
        self._alive.discard(node)
        self._voters.pop(node, None)
        latency = Interval(max(0.0, raw["latency"] - _EXACT), raw["latency"] + _EXACT)
        sent = self._signalled.get(node, t - raw["latency"])
        at = Interval(sent + latency.lo, max(sent + latency.lo, min(t, sent + latency.hi + 0.01)))
        return ev.NodeExited(
            t=t,
            node=node,
            incarnation=self._lives[node],
            at=at,
            status=raw["rc"],
            latency=latency,
            signal=raw.get("sig") or "",
        )

    def _looked(self, raw: dict[str, Any], t: float) -> Iterator[ev.Event]:
        """The recorder asked the hosts which processes live."""
        for number, alive in sorted(raw["alive"].items()):
            node = self._one.name(number)
            if node not in self._lives:
                continue
            shown = self._lives[node] if alive else None
            yield ev.NodeFound(t=t, node=node, incarnation=shown)
            if not alive:
                self._alive.discard(node)
            elif node in self._seen_by(node, t):
                yield from self._up(node, t)

    # --- faults ------------------------------------------------------------------------------

    def _fault(self, raw: dict[str, Any], node: str, t: float) -> Iterator[ev.Event]:
        at = Interval(t - _SLACK, t)
        if raw["kind"] in {"nft-flush", "sigcont"}:
            fault = self._faults.pop(node, "")
            if fault:
                yield ev.FaultUndone(t=t, fault=fault, at=at)
            return
        kind, peers = ("pause", ()) if raw["kind"] == "sigstop" else self._cut(raw, node)
        fault = f"{kind}-{node}-{raw['t']:g}"
        if node in self._faults:
            yield ev.FaultUndone(t=t, fault=self._faults.pop(node), at=at)
        yield ev.FaultIntent(t=t - _SLACK, fault=fault, kind=kind, targets=(node,), peers=peers)
        if raw.get("rc"):
            yield ev.FaultFailed(t=t, fault=fault, reason=str(raw.get("err") or raw["rc"]))
            return
        self._faults[node] = fault
        yield ev.FaultConfirmed(t=t, fault=fault, at=at)

    def _cut(self, raw: dict[str, Any], node: str) -> tuple[str, tuple[str, ...]]:
        """Return which way the firewall's rules cut a node off, and from whom."""
        by_address = {one.address: one.name for one in self._one.nodes}
        ways: dict[str, set[str]] = {}
        for way, several, single in _CHAIN.findall(str(raw.get("rules", ""))):
            addresses = re.split(r"[,\s]+", (several or single).strip())
            ways.setdefault(way, set()).update(by_address.get(a, a) for a in addresses)
        kind = "partition"
        if len(ways) == 1:
            kind = "partition-in" if "input" in ways else "partition-out"
        peers = set().union(*ways.values()) if ways else set(by_address.values()) - {node}
        return kind, tuple(sorted(peers))
