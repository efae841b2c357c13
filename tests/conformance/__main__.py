"""Compare raftfleet with ansible-core on bundles of cases: `python -m tests.conformance FILE ...`.

Without files all bundles are compared. With `--record` ansible-playbook (on the PATH) runs first every case that has no expectation yet,
and what it did is written into the bundle: read it before you keep it. `--again` records all.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

from tests.conformance.bundle import CASES, Case, difference, read_bundle, write_bundle
from tests.conformance.running import ANSIBLE, run_case, workers


def _record(path: Path, cases: list[Case], *, again: bool) -> None:
    wanted = [case for case in cases if again or not case.expect]
    with workers() as pool:
        for case, seen in zip(
            wanted, pool.map(partial(run_case, engine=ANSIBLE), wanted), strict=True
        ):
            order = case.expect.get("order", "exact" if "order: exact" in case.rule else "")
            kept = {key: case.expect[key] for key in ("ours", "why") if key in case.expect}
            case.expect = seen.expectation(order) | ({"order": order} if order else {}) | kept
            if not seen.trace or not seen.recap:
                print(f"note {case.name}: exit {seen.exit_code}\n{seen.output[-1500:]}")
    if wanted:
        write_bundle(path, cases)


def main() -> int:
    """Run; return 1 when something differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--only", default="", help="cases whose name holds this text")
    parser.add_argument("--show", action="store_true", help="show what raftfleet printed")
    parser.add_argument("bundles", nargs="*", type=Path)
    options = parser.parse_args()
    failed = total = 0
    for path in options.bundles or sorted(CASES.glob("*.txt")):
        cases = read_bundle(path)
        if options.record:
            _record(path, cases, again=options.again)
        chosen = [case for case in cases if options.only in case.name]
        with workers() as pool:
            for case, seen in zip(chosen, pool.map(run_case, chosen), strict=True):
                total += 1
                found = difference(case, seen)
                if found is not None:
                    failed += 1
                    print(f"{path.stem} {case.name}: {found}", flush=True)
                if options.show:
                    print(seen.output)
    print(f"{total - failed} alike, {failed} different")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
