"""Run one conformance case with an engine, in a folder of its own, and see what came of it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.conformance.bundle import COUNTERS, Case, Observed

HOSTS = Path(__file__).with_name("hosts.yml")
RAFTFLEET = (sys.executable, "-m", "raftfleet", "play", "--output", "jsonl")
_TIMEOUT = 120  # seconds, for a run that hangs
_RECAP = re.compile(
    r"^(\S+)\s+: " + r"\s+".join(rf"{name}=(\d+)" for name in COUNTERS), re.MULTILINE
)


def run_case(case: Case, command: tuple[str, ...]) -> Observed:
    """Run a case; the engine is told by its command whether its recap is JSON or text."""
    with tempfile.TemporaryDirectory(prefix="conformance-") as scratch:
        work, folder = Path(scratch), Path(scratch) / case.name
        folder.mkdir()
        case.unpack(folder)
        if "hosts.yml" not in case.files:
            shutil.copy(HOSTS, folder / "hosts.yml")
        (work / "ansible.cfg").touch()
        done = subprocess.run(
            [*command, *case.arguments, "play.yml"],
            cwd=folder,
            env=_environment(work),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT,
            check=False,
        )
        trace = work / "trace.log"
        lines = trace.read_text(encoding="utf-8").splitlines() if trace.exists() else []
    lines = [line.replace(f"{folder}", "HERE") for line in lines]
    recap = _recap_of_json(done.stdout) if "jsonl" in command else _recap_of_text(done.stdout)
    return Observed(done.returncode, recap, lines, done.stdout + done.stderr)


def _environment(work: Path) -> dict[str, str]:
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("ANSIBLE_", "RAFTFLEET_"))
    }
    return kept | {
        "TRACE": str(work / "trace.log"),
        "NO_COLOR": "1",
        
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_CONFIG": str(work / "ansible.cfg"),
        "ANSIBLE_HOME": str(work / "ansible-home"),
        "ANSIBLE_PIPELINING": "1",
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
    }


def _recap_of_text(output: str) -> dict[str, dict[str, int]]:
    recap = output.rpartition("PLAY RECAP")[2]
    return {
        host: dict(zip(COUNTERS, map(int, numbers), strict=True))
        for host, *numbers in _RECAP.findall(recap)
    }


def _recap_of_json(output: str) -> dict[str, dict[str, int]]:
    lines = [line for line in output.splitlines() if line.startswith("{")]
    last = json.loads(lines[-1]) if lines else {}
    if last.get("event") != "recap":
        return {}
    recap: dict[str, dict[str, int]] = last["hosts"]
    return recap
