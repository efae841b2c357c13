"""`make fidelity`: run the recorded scenarios with simulated nodes, and compare.

Exit status 0 when nothing unexpected differs, 1 when something does, 2 without recordings.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from pathlib import Path

from .known import read_known
from .running import RECORDINGS, compared, measured, record_one, scenarios
from .table import judge


def main() -> int:
    """Record what was asked for, compare it, print the table."""
    options = _options()
    if not RECORDINGS.is_dir():
        print(f"no recordings: {RECORDINGS} is not there", file=sys.stderr)
        return 2
    if options.record:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # however this was started
        record_one(options.record, options.keep / options.record)
        return 0
    names = options.scenario or scenarios()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.compare or options.keep or Path(scratch)
        if options.compare:
            complete = set(names) == set(scenarios())
            judgement = judge(compared(names, folder), read_known(), complete=complete)
        else:
            began = time.monotonic()

            def done(name: str) -> None:
                print(f"{time.monotonic() - began:4.0f} s  {name}", file=sys.stderr)

            judgement = measured(names, folder, options.jobs, done)
    print("\n".join(judgement.lines(verbose=options.verbose)))
    return 0 if judgement.passes else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fidelity", description=__doc__)
    parser.add_argument("scenario", nargs="*", help="recorded scenarios; all without any")
    parser.add_argument("--jobs", type=int, default=5, help="how many at a time (default 5)")
    parser.add_argument("--keep", type=Path, help="leave the simulated recordings in this folder")
    parser.add_argument(
        "--compare", type=Path, help="compare what lies in this folder, run nothing"
    )
    parser.add_argument("--record", help=argparse.SUPPRESS)
    parser.add_argument("-v", "--verbose", action="store_true", help="show everything compared")
    return parser.parse_args()


sys.exit(main())
