"""Compares what became of writes, what stores and lists hold, and what the API answers."""

from __future__ import annotations

import json
import re
from statistics import median
from typing import TYPE_CHECKING, Any

from .raft import is_race
from .rows import Outcome, Row, equal, same_members

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .phases import Phase
    from .recording import Event, Recording
    from .side import Side

__all__ = ["compare_answers", "compare_stores", "compare_views", "compare_writes", "refusal"]

RARE = 0.04
"""A share of the outcomes of a phase with several kinds, below which chance decides on a kind."""
FEW = 5
"""Answers of a class below which their median says nothing."""
FACTOR = 4.0
"""How many times longer or shorter the median of a class may be, from `FLOOR` seconds on."""
FLOOR = 0.2
RACED = {"like the store", "lacks entries"}
UNDER_WAY = 1.0
"""Seconds before a deed in which a write that it spoils may have been sent."""
SETTLING = 2.5
"""Seconds after a heal in which chance decides what a look at the nodes shows."""
BROKE = "connection refused or broken"
BROKEN = ("ConnectionRefused", "ConnectionReset", "RemoteDisconnected", "BrokenPipe")


def refusal(error: str | None) -> str:
    """Return the class of what a write came to: its text without names, numbers and addresses."""
    if error is None:
        return "acknowledged"
    if error.startswith(BROKEN):
        return BROKE
    if error.startswith(("TimeoutError", "timeout")):
        return "no answer in time"
    text = re.sub(r"\d+\.\d+\.\d+\.\d+(:\d+)?", "@", error)
    text = re.sub(r"Tenant \S+ ", "Tenant X ", text)
    return re.sub(r"\d+", "#", text)[:150]


def compare_writes(recorded: Side, simulated: Side) -> Iterator[Row]:
    """Per phase and way in: the classes of outcomes, and how long each takes."""
    for place, (there, here) in enumerate(zip(recorded.phases, simulated.phases, strict=True)):
        for via in ("victim", "other"):
            theirs, ours = _outcomes(recorded, there, via), _outcomes(simulated, here, via)
            if max(sum(map(len, found.values())) for found in (theirs, ours)) < 3:
                continue
            item = f"writes/{there.name} via {via}"
            mixed = len(theirs) > 1
            frequent = [{name for name, times in found.items() if not mixed or _frequent(found, times)}
                        for found in (theirs, ours)]  # fmt: skip
            lasting = [_before(side, place, via) for side in (recorded, simulated)]
            only = [frequent[0] - set(ours) - lasting[1], frequent[1] - set(theirs) - lasting[0]]
            outcome = Outcome.DIFFERS if any(only) or not ours or not theirs else Outcome.AGREES
            yield Row(item, outcome, _shown(theirs), _shown(ours))
            for name in sorted(frequent[0] & frequent[1]):
                if min(len(theirs[name]), len(ours[name])) < FEW:
                    continue
                yield _pace(f"pace/{there.name} via {via}/{name[:40]}", theirs[name], ours[name])


def _before(side: Side, place: int, via: str) -> set[str]:
    """Return what failed in the phase before, which lasts on until the deed has its effect."""
    if place == 0 or side.phases[place].deeds[-1]["kind"] != "start":
        return set()
    return set(_outcomes(side, side.phases[place - 1], via)) - {"acknowledged"}


def _outcomes(side: Side, phase: Phase, via: str) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for write in side.recording.of("write"):
        if phase.holds(write["t1"]) and (write["node"] == phase.victim) == (via == "victim"):
            if not write["ok"] and phase.end - UNDER_WAY < write["t1"] and write["t2"] > phase.end:
                continue  # it was under way when the next deed met it
            if refusal(write.get("err")) == BROKE and phase.victim == write["node"]:
                continue  # its process had not yet come up, or had just gone
            took = write["t2"] - write["t1"]
            found.setdefault(refusal(write.get("err")), []).append(took)
    return found


def _frequent(found: dict[str, list[float]], times: list[float]) -> bool:
    return len(times) >= 3 and len(times) >= RARE * sum(map(len, found.values()))


def _shown(found: dict[str, list[float]]) -> str:
    ordered = sorted(found.items(), key=lambda item: -len(item[1]))
    return "; ".join(f"{len(times)} x {name[:90]}" for name, times in ordered) or "no write"


def _pace(item: str, theirs: list[float], ours: list[float]) -> Row:
    middle = [max(median(times), FLOOR) for times in (theirs, ours)]
    fits = 1 / FACTOR <= middle[1] / middle[0] <= FACTOR
    outcome = Outcome.AGREES if fits else Outcome.DIFFERS
    return Row(item, outcome, f"median {median(theirs):.3f} s", f"median {median(ours):.3f} s")


def compare_stores(recorded: Side, simulated: Side) -> Iterator[Row]:
    """At the same instants: who lacks acknowledged writes, in its store and in its list."""
    pairs = zip(recorded.recording.of("compare"), simulated.recording.of("compare"), strict=True)
    for number, (there, here) in enumerate(pairs):
        for node in sorted({*there["result"], *here["result"]}):
            both = [one["result"].get(node) for one in (there, here)]
            item = f"{number:02} {there['what']} n{node}"
            yield equal(f"store/{item}", *(_store(one) for one in both))
            row = equal(f"list/{item}", *(_list(one) for one in both))
            if {row.recorded, row.simulated} == RACED and _races_for_lists(recorded, there["t"]):
                row = row._replace(outcome=Outcome.AGREES)
            yield row
    yield from _lists_after_a_cut(recorded, simulated)


def _races_for_lists(side: Side, t: float) -> bool:
    """Whether something came before that leaves any list incomplete or not, by chance (3.3)."""
    return any(
        deed["kind"] in ("nft", "sigstop") or (deed["kind"] == "signal" and deed["node"] == 1)
        for phase in side.phases
        for deed in phase.deeds
        if deed["t"] < t
    )


def _lists_after_a_cut(recorded: Side, simulated: Side) -> Iterator[Row]:
    """Which list lacks entries after a cut or a pause is chance, that one does is not (3.3)."""
    if recorded.recording.of("nft", "sigstop") and recorded.recording.of("compare"):
        ends = [
            side.recording.of("compare")[-1]["result"].values() for side in (recorded, simulated)
        ]
        words = ["lacks entries" in [_list(result) for result in end] for end in ends]
        yield equal("list/some list lacks entries after the cut", *words)


def _store(result: Event | None) -> str:
    if result is None:
        return "not asked"
    share = result["acked_missing_in_store"] / max(result["acked"], 1)
    return (
        "complete" if not share else "nearly empty" if share > 0.5 else "lacks acknowledged writes"
    )


def _list(result: Event | None) -> str:
    if result is None:
        return "not asked"
    return "like the store" if not result["n_cache_missing"] and not result["n_store_missing"] else (
        "lacks entries" if result["n_cache_missing"] else "has entries the store lacks")  # fmt: skip


def compare_views(recorded: Side, simulated: Side) -> Iterator[Row]:
    """At the same instants, what leaders say of their quorum, and the logs right after the boot."""
    pairs = zip(recorded.recording.of("view"), simulated.recording.of("view"), strict=True)
    for number, (there, here) in enumerate(pairs):
        item = f"view/{number:02} {there['what']}"
        phase = next(one for one in recorded.phases if one.holds(there["t"] - 1e-6))
        heals = phase.deeds[-1]["kind"] in ("nft-flush", "sigcont")
        if is_race(recorded, phase) or (heals and there["t"] - phase.begin < SETTLING):
            continue  # chance decides what is seen
        if there["what"] == "booted":
            yield equal(f"{item}, logs", *(_logs(one["views"]) for one in (there, here)))
        yield equal(item, *(_quorum(one["views"]) for one in (there, here)))
    if _waits(recorded) or _waits(simulated):
        yield equal("view/entries wait for a quorum", _waits(recorded), _waits(simulated))
    for there, here in zip(
        recorded.recording.of("log-window"), simulated.recording.of("log-window"), strict=True
    ):
        yield equal(
            f"log window n{there['node']} at {there['t']:.0f} s", *map(_window, (there, here))
        )


def _logs(views: dict[str, Any]) -> dict[str, int]:
    return {group: fields[4] for group, fields in sorted(views["1"].items())}


def _quorum(views: dict[str, Any]) -> str:
    """Return how long ago leaders heard from a quorum, as they tell."""
    words = {
        "quorum recent" if (fields[5] or 0) < 2500 else "quorum stale" for fields in _leaders(views)
    }
    return "; ".join(sorted(words)) or "no leader"


def _leaders(views: dict[str, Any]) -> list[Any]:
    return [
        fields
        for view in views.values()
        for fields in (view.values() if isinstance(view, dict) else ())
        if fields[0] == "Leader"
    ]


def _waits(side: Side) -> bool:
    """Whether entries were ever seen to wait for a quorum that was not there, before any heal."""
    heals = [event["t"] for event in side.recording.of("nft-flush", "sigcont")]
    return any(
        event["t"] < min(heals, default=side.recording.end)
        and (fields[5] or 0) >= 2500
        and fields[4] > (fields[3] or 0) + 2
        for event in side.recording.of("view")
        for fields in _leaders(event["views"])
    )


def _window(event: Event) -> str:
    """Whether a log was cut, in the broker's way: snapshots at hundreds, purged a thousand below."""
    snapshot, purged = (event[key] and event[key]["index"] for key in ("snapshot", "purged"))
    if snapshot is None:
        return "no snapshot"
    recent = "recent" if event["last"] - snapshot <= 120 else "old"
    return f"{recent} snapshot, " + (
        "nothing purged" if purged is None
        else "purged to the snapshot" if purged == snapshot
        else "purged 1000 below" if snapshot - purged == 1000 else f"purged {snapshot - purged} below"
    )  # fmt: skip


def compare_answers(recorded: Side, simulated: Side) -> Iterator[Row]:
    """Every call of the API: status, shape and error text of the answer."""
    kinds = ("api", "grpcweb", "grpcweb-variant", "grpc-port-get", "on-host")
    sides = [_calls(side.recording.of(*kinds)) for side in (recorded, simulated)]
    if sides[0]:
        yield same_members("api/calls", list(sides[0]), list(sides[1]))
    for name in sides[0]:
        if name in sides[1]:
            there, here = sides[0][name], sides[1][name]
            bodies = [_body(side.recording, event)
                      for side, event in ((recorded, there), (simulated, here))]  # fmt: skip
            if any(body.startswith("{") and not _is_json(body) for body in bodies):
                bodies = ["", ""]  # only its beginning was kept
            yield same_members(f"api/{name}", _answer(there, bodies[0]), _answer(here, bodies[1]))


def _calls(events: list[Event]) -> dict[str, Event]:
    found: dict[str, Event] = {}
    for event in events:
        words = [
            event["kind"],
            event.get("name") or event.get("method") or event.get("content_type") or "",
        ]
        name = " ".join(word for word in (*words, f"n{event.get('node', 1)}") if word)
        found[name if name not in found else f"{name} again"] = event
    return found


def _body(recording: Recording, event: Event) -> str:
    sample = recording.samples.get(f"{event.get('name')}-n{event.get('node')}", event)
    body = sample.get("body", "")
    return body if isinstance(body, str) else json.dumps(body)


def _is_json(body: str) -> bool:
    try:
        json.loads(body)
    except ValueError:
        return False
    return True


def _answer(event: Event, body: str) -> set[str]:
    """Return an answer as facts: its status and every path of its body with the type there."""
    facts = {f"{key}: {event[key]}" for key in ("status", "frames", "trailer", "loopback_code",
             "own_ip_code") if key in event}  # fmt: skip
    facts |= {f"listens: {one}" for one in event.get("listeners", ()) if one.startswith("0.0.0.0")}
    for key in ("grpc-status", "grpc-message", "content-type"):
        if key in event.get("headers", {}):
            facts.add(f"{key}: {event['headers'][key]}")
    if _is_json(body):
        return facts | set(_paths(json.loads(body), ""))
    return facts | (_series(body) if body.startswith("# HELP") else {f"text: {refusal(body)[:60]}"})


def _series(body: str) -> set[str]:
    return {f"series: {match}" for match in re.findall(r"^(raft_\w+)\{", body, re.MULTILINE)}


def _paths(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _paths(inner, f"{path}.{'#' if key.isdecimal() else key}")
    elif isinstance(value, list):
        for inner in value:
            yield from _paths(inner, f"{path}[]")
    elif path in (".code", ".error", ".message") or path.endswith((".state", ".status")):
        yield f"{path} = {refusal(str(value))}"
    else:
        yield f"{path}: {type(value).__name__}"
