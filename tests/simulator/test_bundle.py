"""The one file that is shipped to hosts."""

from __future__ import annotations

import ast
import hashlib
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from raftfleet.simulator import bundle as bundle_module
from raftfleet.simulator.bundle import bundle
from raftfleet.simulator.presets import PRESETS, chosen

SOURCES = sorted(Path(bundle_module.__file__).parent.glob("*.py"))
ROOT = Path(bundle_module.__file__).parents[2]


def test_equal_sources_give_equal_bytes_in_every_process() -> None:
    script = (
        "import hashlib; from raftfleet.simulator.bundle import bundle;"
        "print(hashlib.sha256(bundle()).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            check=True,
            text=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert digests == {hashlib.sha256(bundle()).hexdigest()}


def test_it_is_a_script_and_an_archive_without_times() -> None:
    assert bundle().startswith(b"#!/usr/bin/env -S python3 -IS\n")
    with zipfile.ZipFile(io.BytesIO(bundle())) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert names == sorted(names)
    assert {"__main__.py", "simulator/core.py", "simulator/core.pyc"} <= set(names)
    assert "simulator/bundle.py" not in names


def test_it_runs_from_its_sources_where_the_bytecode_is_anothers(tmp_path: Path) -> None:
    path = tmp_path / "broker-server"
    with zipfile.ZipFile(io.BytesIO(bundle())) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, b"old!" + content[4:] if name.endswith(".pyc") else content)
    ran = subprocess.run(
        [sys.executable, str(path), "-V"], capture_output=True, text=True, check=True
    )
    assert ran.stdout == "cmd 0.3.3\n"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_every_module_stays_within_the_standard_library_and_old_grammar(path: Path) -> None:
    tree = ast.parse(path.read_text(), feature_version=(3, 9))
    imported = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom) and node.level == 0
            else []
        )
    }
    assert imported <= sys.stdlib_module_names


# -- the figures others rely on --------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "figures"),
    [
        ("head", (0.5, 10.0, 20.0, 20.0, 0.75)),
        ("seed", (0.5, 1.5, 3.0, 3.0, 0.75)),
        ("fast", (0.1, 0.6, 1.2, 1.2, 0.15)),
    ],
)
def test_the_published_timing(name: str, figures: tuple[float, ...]) -> None:
    p = PRESETS[name]
    assert (p.heartbeat, *p.election, p.lease, p.tick) == pytest.approx(figures)


@pytest.mark.parametrize(
    ("name", "low", "high"), [("head", 0.12, 0.27), ("seed", 5.0, 6.9), ("fast", 0.05, 0.13)]
)
def test_the_published_exits(name: str, low: float, high: float) -> None:
    preset = PRESETS[name]
    assert preset.drain[0] == pytest.approx(low)
    assert preset.poll + preset.drain[1] == pytest.approx(high)


def test_the_environment_chooses_and_a_wrong_name_is_refused() -> None:
    assert chosen({}) == PRESETS["head"]
    assert chosen({"RAFTFLEET_SIMULATOR_PRESET": "seed"}) == PRESETS["seed"]
    with pytest.raises(SystemExit, match="known: fast, head, seed"):
        chosen({"RAFTFLEET_SIMULATOR_PRESET": "slow"})


def test_single_figures_can_be_set() -> None:
    preset = chosen(
        {
            "RAFTFLEET_SIMULATOR_PRESET": "fast",
            "RAFTFLEET_SIMULATOR_LEASE": "60",
            "RAFTFLEET_SIMULATOR_ELECTION": "1.5-3",
            "RAFTFLEET_SIMULATOR_DRAIN": "2",
        }
    )
    expected = {"lease": 60.0, "election": (1.5, 3.0), "drain": (2.0, 2.0)}
    assert preset == PRESETS["fast"]._replace(**expected)  # type: ignore[arg-type]
    for text in ("soon", "1-2", ""):
        with pytest.raises(SystemExit, match="RAFTFLEET_SIMULATOR_LEASE="):
            chosen({"RAFTFLEET_SIMULATOR_LEASE": text})
