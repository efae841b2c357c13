"""What must come of the scripts: the figures that robustmq.md tells of the broker, one by one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from .phases import Phase
from .processes import starts_of
from .ranges import ASK_AGAIN, DEPOSED, JOIN, LEADERLESS
from .recording import NODES
from .rows import Outcome, Range, Row
from .views import GROUPS, at

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from .recording import Event
    from .side import Side

__all__ = ["FIGURES"]

AT_ONCE = Range(0.0, 2.0, "4.4: offset_0 after 0.03 s")
FAILING = Range(9.5, 22.0, "4.4: creates fail 18.0 s, as long as there is no leader")
COMPLETE = Range(0.1, 6.0, "4.5 c: complete after 0.3 s, 3 of 3")
OUT = Range(0.0, 2.0, "4.10: [[1,2]] in all groups within 2 s")
LEFT = '"Node 3 removed from the cluster. Wipe its data directory before rejoining as a new node."'
LEAVES = {
    "leave-early-n1": (100, "Node 3 is still registered (alive). Stop its process first"),
    "leave-n2": (0, LEFT),
    "leave-again-n1": (0, LEFT),
    "leave-unknown-n1": (0, LEFT.replace("3", "9", 1)),
    "leave-below-n1": (100, "refuse to remove node 2: only 2 voters"),
}


def _fact(item: str, source: str, told: object, found: object) -> Row:
    outcome = Outcome.AGREES if told == found else Outcome.DIFFERS
    return Row(item, outcome, f"{told} ({source})", str(found))


def _time(item: str, span: Range, found: Collection[float]) -> Row:
    shown = ", ".join(f"{one:.2f}" for one in sorted(found)) + " s" if found else "nothing"
    fits = all(map(span.holds, found))
    outcome = Outcome.NO_EVIDENCE if not found else Outcome.AGREES if fits else Outcome.DIFFERS
    return Row(item, outcome, f"in {span.low:g}..{span.high:g} s, {span.source}", shown)


def _deed(side: Side, kind: str, number: int = 0) -> float:
    return float(side.recording.of(kind)[number]["t"])


def _leads(side: Side, t: float, group: str, *, seen_by: Collection[int] = NODES) -> str:
    views = [at(side.views[group][node], t) for node in seen_by]
    told = {f"n{seen.leader} in term {seen.term}" for seen in views if seen.role != "x"}
    return ", ".join(sorted(told)) or "nothing seen"


def _voters(side: Side, t: float, nodes: Collection[int] = NODES) -> str:
    seen = {at(side.views[group][node], t).voters for group in GROUPS for node in nodes}
    return ", ".join(sorted(seen))


def _stores(side: Side) -> str:
    found: dict[str, Event] = side.recording.of("compare")[-1]["result"]
    lacking = {node: one["acked_missing_in_store"] for node, one in found.items() if one["acked"]}
    complete = len(lacking) == len(NODES) and not any(lacking.values())
    return "complete" if complete else f"lacking {lacking}"


def _follower_paused(side: Side) -> Iterator[Row]:
    stop, cont = _deed(side, "sigstop"), _deed(side, "sigcont")
    for group in GROUPS:
        told = _leads(side, cont - 0.1, group, seen_by=(1, 3))
        yield _fact(f"raft/paused, {group}", "4.4: unaffected", "n1 in term 1", told)
    writes = side.recording.of("write")
    paused = {one["ok"] for one in writes if stop < one["t1"] and one["t2"] < cont}
    yield _fact("writes/paused, through others", "4.4: unaffected", {True}, paused)
    taken = [seen.begin - cont for seen in side.views["offset_0"][2]
             if seen.begin > cont and seen.role == "Leader"][:1]  # fmt: skip
    yield _time("taken over/offset_0", AT_ONCE, taken)
    times = sorted(seen.begin for history in side.views["metadata_0"].values() for seen in history)
    without = [t for t in times if t > cont and side.leader("metadata_0", t) is None][:1]
    again = [t for t in times if without and t > without[0] and side.leader("metadata_0", t)][:1]
    yield _time("deposed/metadata_0", DEPOSED["sigcont"], [t - cont for t in without])
    lasts = [end - begin for begin, end in zip(without, again, strict=False)]
    yield _time("leaderless/metadata_0", LEADERLESS, lasts)
    failed = [one["t1"] for one in writes if one["t1"] > cont - 0.5 and not one["ok"]]
    yield _time("writes/fail for", FAILING, [max(failed) - min(failed)] if failed else [])
    yield _fact("store/end", "4.4", "complete", _stores(side))
    yield _fact("voters/end", "4.4", "123", _voters(side, side.recording.end))


def _wiped_follower(side: Side) -> Iterator[Row]:
    begin = _deed(side, "start", -1)
    (_, start) = starts_of(side.recording)[-1]
    yield _fact("start/branch", "4.5 c", "joins", start.branch)
    yield _time("start/ready", JOIN, [start.ready] if start.ready else [])
    goals = {group: at(side.views[group][1], begin).last for group in GROUPS}
    whole = [min((seen.begin - begin for seen in side.views[group][3]
                  if seen.begin > begin and seen.applied >= goal), default=60.0)
             for group, goal in goals.items() if goal > 0]  # fmt: skip
    yield _time("start/complete", COMPLETE, whole)
    yield _fact("store/end", "4.5 c", "complete", _stores(side))
    yield _fact("voters/end", "4.5 c", "123", _voters(side, side.recording.end))


def _wiped_leader(side: Side) -> Iterator[Row]:
    exits = side.recording.of("exited")
    status = exits[-1]["rc"] if exits else None
    yield _fact("exit/status", "4.5 d: its join is redirected to itself", 1, status)
    lines = [line.text for line in side.recording.logs[1] if line.level == "ERROR"]
    begins = "Meta service failed to start: Failed to join cluster via peer"
    told = any(text.startswith(begins) for text in lines)
    yield _fact("exit/reason", "4.5 d: same text", begins, begins if told else lines[-1:])
    branch = starts_of(side.recording)[-1][1].branch if exits else ""
    yield _fact("start/branch", "4.5: it has no data", "joins", branch)
    for group in GROUPS:
        found = _leads(side, side.recording.end, group, seen_by=(2, 3))
        yield _fact(f"raft/end, {group}", "4.2: before the election", "n1 in term 1", found)


def _leave_and_orphan(side: Side) -> Iterator[Row]:
    yield from _answers(side)
    calls = {event["name"]: event["t"] for event in side.recording.of("api")}
    left = calls.get("leave", 0.0)
    went = [min((max(0.0, seen.begin - left) for seen in side.views[group][node]
                 if seen.begin > left - 1 and seen.voters == "12"), default=60.0)
            for group in GROUPS for node in (1, 2)] if left else []  # fmt: skip
    yield _time("voters/out after", OUT, went)
    began, ended = _deed(side, "start", 3), _deed(side, "signal", -1)
    just = Phase("orphan", began, ended, ())
    (_, start) = starts_of(side.recording)[3]
    yield _fact("orphan/branch", "4.10: recovers", "recovers", start.branch)
    yield _fact("orphan/voters of others", "4.10", "12", _voters(side, ended - 0.1, (1, 2)))
    yield _fact("orphan/its own voters", "4.10", "123", _voters(side, ended - 0.1, (3,)))
    for group in GROUPS:
        own = [seen for seen in side.views[group][3] if just.holds(seen.begin) and seen.role != "x"]
        frozen = "frozen" if len({seen.applied for seen in own}) == 1 else "moves"
        yield _fact(f"orphan/applied, {group}", "4.10", "frozen", frozen)
        asks = [seen.begin - began for seen in own if seen.role == "Candidate"][:1]
        yield _time(f"orphan/candidate, {group}", ASK_AGAIN, asks)
        risen = 2 <= max((seen.term for seen in own), default=0) <= 6
        yield _fact(f"orphan/terms rise, {group}", "4.10: 3 after 80 s", True, risen)
        others = _leads(side, ended - 0.1, group, seen_by=(1, 2))
        yield _fact(f"orphan/others, {group}", "4.10: not disturbed", "n1 in term 1", others)
    through = {one["ok"] for one in side.recording.of("write") if one["node"] == 3}
    yield _fact("orphan/creates through it", "4.10: forwarded, acknowledged", {True}, through)
    (_, again) = starts_of(side.recording)[4]
    yield _fact("again/branch", "4.10: joins normally", "joins", again.branch)
    yield _fact("again/voters", "4.10: [[1,2,3]] again", "123", _voters(side, side.recording.end))
    yield _fact("store/end", "4.10", "complete", _stores(side))


def _answers(side: Side) -> Iterator[Row]:
    for name, (code, text) in LEAVES.items():
        body = side.recording.samples.get(name, {}).get("body", "{}")
        answer = json.loads(body) if body.startswith("{") else {}
        fits = answer.get("code") == code and text in body
        told = f"code {code}, {text[:60]}"
        yield _fact(f"api/{name}", "4.10", told, told if fits else body[:150])


FIGURES = {
    "follower-paused": _follower_paused,
    "wiped-follower": _wiped_follower,
    "wiped-leader": _wiped_leader,
    "leave-and-orphan": _leave_and_orphan,
}
"""What a script's run is judged by."""
