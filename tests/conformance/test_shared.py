"""The conformance cases that the project was given, where they are at hand."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "conformance"
CASES = sorted(path.parent for path in SHARED.glob("cases/*/play.yml"))
_AT_ONCE = 2

pytestmark = pytest.mark.skipif(not CASES, reason="the cases are not at hand")


def _run(case: Path) -> subprocess.CompletedProcess[str]:
    engine = f"{sys.executable} -m raftfleet play"
    runner = [sys.executable, str(SHARED / "run_conformance.py"), "--engine", "raftfleet"]
    return subprocess.run(
        [*runner, "--cmd", engine, str(case)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=150,
    )


@pytest.fixture(scope="module")
def runs(
    request: pytest.FixtureRequest,
) -> Iterator[dict[str, Future[subprocess.CompletedProcess[str]]]]:
    """Start every chosen case at once, a few at a time."""
    chosen = {
        item.callspec.params["case"]
        for item in request.session.items
        if isinstance(item, pytest.Function)
        and item.module is request.module
        and hasattr(item, "callspec")
    }
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        yield {case.name: pool.submit(_run, case) for case in sorted(chosen)}
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_passes(
    case: Path, runs: dict[str, Future[subprocess.CompletedProcess[str]]]
) -> None:
    done = runs[case.name].result()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed, 0 failed" in done.stdout
