"""The conformance cases that the project was given, where they are at hand."""

from __future__ import annotations

import importlib.util
import shutil
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.conformance.running import run_folder

if TYPE_CHECKING:
    from concurrent.futures import Future

SHARED = Path(__file__).parents[3] / "shared" / "conformance"
# Differences that the cases themselves leave open; docs/differences.md says why.
ON_PURPOSE = {"syntax-bad-template"}
CASES = sorted(path.parent for path in SHARED.glob("cases/*/play.yml"))

pytestmark = pytest.mark.skipif(not CASES, reason="the cases are not at hand")


@cache
def runner() -> Any:
    """Return the module that runs and compares these cases."""
    spec = importlib.util.spec_from_file_location("shared_runner", SHARED / "run_conformance.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def run(case: Path) -> str | None:
    """Run a case; return the first difference."""
    with tempfile.TemporaryDirectory(prefix="conformance-") as scratch:
        folder = Path(scratch) / case.name
        left_out = shutil.ignore_patterns("expect.json", "args")
        shutil.copytree(case, folder, symlinks=True, ignore=left_out)
        if not (folder / "hosts.yml").exists():
            shutil.copy(SHARED / "hosts.yml", folder / "hosts.yml")
        args = (case / "args").read_text().splitlines() if (case / "args").exists() else []
        seen = run_folder(folder, args if "-i" in args else ["-i", "hosts.yml", *args])
    theirs = runner().Observed(seen.exit_code, seen.recap, seen.trace, seen.output)
    found: str | None = runner().first_difference(runner().expectation(case, "raftfleet"), theirs)
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_passes(case: Path, runs: dict[str, Future[str | None]]) -> None:
    difference = runs[case.name].result()
    if case.name in ON_PURPOSE:
        assert difference is not None
        assert runner().expectation(case, "raftfleet")["advisory"]
    else:
        assert difference is None
