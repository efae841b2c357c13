"""Whether measured intervals contain the truth, and how wide they are.

    python -m tests.accuracy [--trials 200] [--seed 1] [--bias 0.06]

Makes three sandbox hosts with simulated nodes of programmed delays, as root. Exit status 1: a
quantity is beside the truth too often, or too wide.
"""

# ruff: noqa: T201
from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from raftfleet import sandbox
from raftfleet.errors import RaftfleetError
from tests.accuracy.bench import STAMPS, Bench
from tests.accuracy.evaluation import LEAST, QUANTITIES, Row, evaluate
from tests.accuracy.kernel import Kernel, pid_of
from tests.accuracy.trial import plan, run
from tests.accuracy.truth import read_stamps, samples

if TYPE_CHECKING:
    from raftfleet.journal.values import Incarnation
    from raftfleet.sandbox import Sandbox
from tests.accuracy.evaluation import Sample

_MOST_FAILED = 0.05
"""The share of trials that may come to nothing: the cluster did not do its part."""


def _trials(asked: argparse.Namespace, box: Sandbox, bench: Bench, trace: Kernel) -> list[Sample]:
    found: list[Sample] = []
    failed = 0

    def resolve(name: str, incarnation: Incarnation | None) -> int:
        assert incarnation is not None
        return pid_of(box.host(name), incarnation.pid)

    for number in range(1, asked.trials + 1):
        drawn = plan(asked.seed, number)
        began = time.monotonic()
        trace.forget()
        try:
            trial = run(bench, drawn, resolve)
            stamps = {
                host.name: read_stamps((host.root / STAMPS[1:]).read_text(), trial.wall)
                for host in box.hosts
            }
            new = list(samples(trial, trace.seen(), stamps))
        except (RaftfleetError, RuntimeError, LookupError) as error:
            failed += 1
            print(f"{number:4} came to nothing: {error!r}", flush=True)
            control = bench.control(drawn.figures)
            control.cluster.describe()
            control.start(control.cluster.names)
            continue
        found += new
        _tell(number, drawn.signal, new, time.monotonic() - began)
    if failed > max(1, _MOST_FAILED * asked.trials):
        raise SystemExit(f"{failed} of {asked.trials} trials came to nothing")
    return found


def _tell(number: int, signal: str, new: list[Sample], seconds: float) -> None:
    parts = []
    for one in new:
        span = f"{one.measured.lo:.3f}..{one.measured.hi:.3f}" if one.measured else "nothing"
        mark = "  MISSED" if one.missed_by else ""
        parts.append(f"{one.quantity} {one.truth.lo:.3f} in {span}{mark}")
    print(f"{number:4} {signal:4} {seconds:4.1f} s  {'; '.join(parts)}", flush=True)


def _show(rows: list[Row]) -> None:
    print(f"\n{'quantity':10}{'n':>5}{'contained':>11}{'worst miss':>12}{'median':>10}{'p95':>10}")
    for row in rows:
        worst = f"{1e3 * row.misses[0].missed_by:.1f} ms" if row.misses else "-"
        print(
            f"{row.quantity:10}{row.count:5}{100 * row.contained:10.1f}%{worst:>12}"
            f"{1e3 * row.median:7.1f} ms{1e3 * row.p95:7.1f} ms  "
            f"{'met' if row.met else 'NOT MET'} (at least {100 * LEAST:g} %, median at most "
            f"{1e3 * row.limit:g} ms)"
        )


def main() -> int:
    """Run the trials and say what they come to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--bias", type=float, default=0.0, help="seconds by which to mislead it")
    parser.add_argument("--name", default=f"accuracy-{os.getpid()}")
    asked = parser.parse_args()
    if os.geteuid() != 0:
        parser.error("the kernel is asked what it saw, which takes root")
    print(f"{asked.trials} trials, seed {asked.seed}, load average {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as name, sandbox.running(asked.name) as box:
        bench = Bench.of(box, Path(name), bias=asked.bias)
        with Kernel() as trace:
            rows = evaluate(_trials(asked, box, bench, trace))
    _show(rows)
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    print("outages: widths beyond twice the writers' period")
    assert {row.quantity for row in rows} == set(QUANTITIES)
    return 0 if all(row.met for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
