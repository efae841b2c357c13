"""Records scenarios with simulated nodes, several at a time, each in a process and sandbox of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from raftfleet import sandbox

from .compare import compare
from .known import read_known
from .recorder import record
from .recording import load
from .rows import Outcome
from .scripts import BOOT, SCRIPTS, scripted
from .table import judge
from .variants import VARIANTS, variant
from .verdicts import compare_verdicts, declare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .recording import Recording
    from .rows import Row
    from .table import Judgement

__all__ = ["RECORDINGS", "compared", "measured", "model", "record_all", "record_one", "scenarios"]

ROOT = Path(__file__).parents[2]
RECORDINGS = ROOT.parent / "shared" / "recordings" / "robustmq"
ENVIRONMENT = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    "RAFTFLEET_SIMULATOR_PRESET": "head",
    # the broker that was recorded has them
    "RAFTFLEET_SIMULATOR_DEFECTS": "cache-gap,snapshot-imports-nothing",
}
SEEDS = {"leader-fast-restart": "22"}
"""Where the recording is one outcome of a lottery (4.3: back after 35 s, a leader finds itself replaced in
some groups), a seed under which the simulated nodes draw the same."""
DEADLINE = 420.0
"""Seconds after which a scenario is given up; the longest recorded one took 193."""


def scenarios() -> list[str]:
    """Return the names of the recorded scenarios, variants and scripts, the longest first."""
    recorded = [path.parent.name for path in RECORDINGS.glob("*/events.jsonl")]
    names = [*recorded, *VARIANTS, *SCRIPTS]
    return sorted(names, key=lambda name: -model(name).end)


@cache
def model(name: str) -> Recording:
    """Return what a scenario is to be like: its recording, or that of which it is a variant."""
    if name in VARIANTS:
        return variant(name, model(VARIANTS[name][0]))
    if name in SCRIPTS:
        return scripted(name, model(BOOT))
    return load(RECORDINGS / name)


def record_one(name: str, folder: Path) -> None:
    """Record one scenario into a folder, on three new hosts."""
    box = f"fidelity-{name[:20]}-{os.getpid()}"
    with sandbox.running(box, disk_mb=128) as hosts:
        seed = {"RAFTFLEET_SIMULATOR_SEED": SEEDS[name]} if name in SEEDS else {}
        record(model(name), hosts, folder, {**ENVIRONMENT, **seed})
    if (RECORDINGS / name / "drill.json").exists():
        declare(model(name), load(folder), RECORDINGS / name, folder)


def compared(names: Iterable[str], folder: Path) -> dict[str, list[Row]]:
    """Compare the scenarios that were recorded into ``folder``, and what is made of them."""
    rows = {name: compare(model(name), load(folder / name)) for name in names}
    for name in rows.keys() - {*VARIANTS, *SCRIPTS}:
        rows[name] += compare_verdicts(model(name), RECORDINGS / name, folder / name)
    return rows


def measured(
    names: Iterable[str], folder: Path, jobs: int, done: Callable[[str], None]
) -> Judgement:
    """Record and judge scenarios; those that differ once more, for only what differs twice counts.

    Chance that comes up now and then (the longer log at the node that asks later, a signal
    at the wrong millisecond) is told apart so from a simulator that is wrong.
    """
    record_all(names, folder, jobs, done)
    rows = compared(names, folder)
    complete = set(names) == set(scenarios())
    first = judge(rows, read_known(), complete=complete)
    odd = [name for name, found in first.unexpected.items() if found]
    if not odd:
        return first
    again = folder / "again"
    record_all(odd, again, jobs, done)
    for name, second in compared(odd, again).items():
        once = {row.item for row in rows[name] if row.outcome is not Outcome.AGREES}
        twice = {row.item for row in second if row.outcome is not Outcome.AGREES} & once
        rows[name] = [row for row in second if row.outcome is Outcome.AGREES or row.item in twice]
    return judge(rows, read_known(), complete=complete)._replace(again=odd)


def record_all(names: Iterable[str], folder: Path, jobs: int, done: Callable[[str], None]) -> None:
    """Record scenarios side by side; raises RuntimeError with the output of those that failed."""

    def run(name: str) -> str:
        argv = [sys.executable, "-m", "tests.fidelity", "--record", name, "--keep", str(folder)]
        process = subprocess.Popen(argv, cwd=ROOT, stderr=subprocess.PIPE, text=True)
        try:
            _, errors = process.communicate(timeout=DEADLINE)
        except BaseException:
            process.send_signal(signal.SIGINT)  # it takes its sandbox down
            process.wait(60)
            raise
        done(name)
        return "" if process.returncode == 0 else f"{name}: {errors[-2000:]}"

    with ThreadPoolExecutor(jobs) as pool:
        failures = [text for text in pool.map(run, names) if text]
    if failures:
        raise RuntimeError("\n".join(failures))
