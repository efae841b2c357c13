"""Compares what raftfleet makes of both recordings: the verdict, and everything it rests on.

A recording says what a correct judge finds in it (``expect.json``). A simulated one declares the same
drill, is imported and judged like any run, and must come to the same. Who wins an election is chance
there, and so is the second; that it lies inside the prediction is not.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from raftfleet.checks import judge, judgement_json
from raftfleet.clock import FakeClock
from raftfleet.journal import Recorder
from raftfleet.systems import read_recording

from .processes import age_at, races_the_handler
from .rows import Outcome, Row, equal

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from .recording import Recording

__all__ = ["VERDICT", "compare_verdicts", "declare", "differences", "judged"]

VERDICT = "verdict/verdict"
"""The row that a table shows."""
SIGNS = ("view", "compare")
"""Looks at the cluster; a drill begins right after one of them."""
PYTHON = 0.08
"""Age (s) up to which a signal can meet Python itself, which then fails, and not the simulator."""
AFTER = 1e-4
"""Seconds between that look and the beginning."""


def declare(model: Recording, simulated: Recording, source: Path, folder: Path) -> None:
    """Write what the drill declares beside a simulated recording: what the recorded one did."""
    drill = json.loads((source / "drill.json").read_text())
    looks = [event for event in model.of(*SIGNS) if event["t"] <= drill["from_t"]]
    if looks:
        drill["from_t"] = simulated.of(*SIGNS)[len(looks) - 1]["t"] + AFTER
    (folder / "drill.json").write_text(json.dumps(drill))


def judged(folder: Path) -> Any:
    """Import a recording and return what `raftfleet analyze --json` says of it."""
    recorder = Recorder(None, FakeClock())
    read_recording(folder).tell(recorder)
    return json.loads(json.dumps(judgement_json(judge(recorder.journal()))))


def compare_verdicts(model: Recording, source: Path, folder: Path) -> list[Row]:
    """Compare the judgement of a simulated recording with what the recorded one expects."""
    want = json.loads((source / "expect.json").read_text())
    exits = model.of("exited", "no-exit")
    races = {place for place, one in enumerate(exits)
             if races_the_handler(model, one) or age_at(model, one) < PYTHON}  # fmt: skip
    return list(differences(want, judged(folder), races))


def differences(want: Any, found: Any, races: Collection[int] = ()) -> Iterator[Row]:
    """Yield the verdict, violations, warnings, failovers and exits, expected and found.

    ``races`` numbers the exits that are not compared, for chance decides what the signal met.
    """
    yield equal(VERDICT, want["verdict"], found["verdict"])
    yield from _violations(want, found)
    shown = {one["check"] for one in found["findings"]}
    for check in want["warnings"]:
        yield equal(f"verdict/says {check}", "said", "said" if check in shown else "not said")
    yield from _failovers(want, found)
    exits = [[f"{str(one['node']).lstrip('n')} {one['class']}"
              for place, one in enumerate(side["exits"]) if place not in races]
             for side in (want, found)]  # fmt: skip
    yield equal("verdict/exits", *(", ".join(one) or "none" for one in exits))


def _violations(want: Any, found: Any) -> Iterator[Row]:
    there = [one for one in found["findings"] if one["severity"] == "violation"]
    for one in want["violations"]:
        node = one["node"] and f"n{one['node']}"
        hits = [v for v in there if v["check"] == one["check"] and node in (None, v["node"])]
        name = f"{one['check']} {node or ''}".rstrip()
        yield equal(f"verdict/violates {name}", "violated", "violated" if hits else "holds")
    permitted = {one["check"] for one in want["violations"]} | {*want["also_allowed"]}
    others = {one["check"] for one in there} - permitted
    yield equal("verdict/violates nothing else", "nothing", ", ".join(sorted(others)) or "nothing")


def _failovers(want: Any, found: Any) -> Iterator[Row]:
    """Every expected failover is there, in the same terms, and inside the prediction."""
    for one in want["failovers"]:
        hits = [f for f in found["failovers"] if f["group"] == one["group"]
                and f["victim"] == f"n{one['victim']}" and f["term"] == one["term"]]  # fmt: skip
        item = f"verdict/failover of {one['group']}, terms {one['term']}"
        told = f"after {one['seconds_after_exit'][0]:.1f} s"
        if not hits:
            yield Row(item, Outcome.DIFFERS, told, "none")
            continue
        span = f"predicted {hits[0]['predicted'][0]}..{hits[0]['predicted'][1]} s"
        outcome = Outcome.AGREES if hits[0]["place"] == "inside" else Outcome.DIFFERS
        after = f"after {hits[0]['seconds_after_exit'][0]:.1f} s, {hits[0]['place']}, {span}"
        yield Row(item, outcome, told, after)
