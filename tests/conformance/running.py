"""Run one conformance case with an engine, in a folder of its own, and see what came of it."""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from tests.conformance.bundle import COUNTERS, Case, Observed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HOSTS = Path(__file__).with_name("hosts.yml")
ANSIBLE = "ansible-playbook"
_TIMEOUT = 120.0  # seconds, for a run that hangs
_RECAP = re.compile(
    r"^(\S+)\s+: " + r"\s+".join(rf"{name}=(\d+)" for name in COUNTERS), re.MULTILINE
)


def workers() -> ProcessPoolExecutor:
    """Return processes that run cases; they stay single-threaded, so that they may fork."""
    return ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn"))


def run_case(case: Case, engine: str = "raftfleet") -> Observed:
    """Run a case with raftfleet, or with ansible-playbook from the PATH."""
    with tempfile.TemporaryDirectory(prefix="conformance-") as scratch:
        folder = Path(scratch) / case.name
        folder.mkdir()
        case.unpack(folder)
        if "hosts.yml" not in case.files:
            shutil.copy(HOSTS, folder / "hosts.yml")
        return run_folder(folder, case.arguments, engine)


def run_folder(folder: Path, arguments: Sequence[str], engine: str = "raftfleet") -> Observed:
    """Run the play in a folder; the trace is written beside the folder."""
    trace = folder.parent / "trace.log"
    output = folder.parent / "output.log"
    (folder.parent / "ansible.cfg").touch()  # empty: no settings of the user may leak in
    words = [*arguments, "play.yml"]
    if engine == ANSIBLE:
        done = subprocess.run(
            [ANSIBLE, *words],
            cwd=folder,
            env=_environment(folder.parent),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT,
            check=False,
        )
        code, text = done.returncode, done.stdout + done.stderr
        recap = _recap_of_text(done.stdout)
    else:
        code = _raftfleet(["play", *words, "--output", "jsonl"], folder, output)
        text = output.read_text(encoding="utf-8", errors="replace")
        recap = _recap_of_json(text)
    lines = trace.read_text(encoding="utf-8").splitlines() if trace.exists() else []
    return Observed(code, recap, [line.replace(f"{folder}", "HERE") for line in lines], text)


def _raftfleet(words: Sequence[str], folder: Path, output: Path) -> int:
    """Run raftfleet's own main function in a fork: most of a short run is its start."""
    from raftfleet.cli import main  # noqa: PLC0415 - once, before the fork

    child = os.fork()
    if child == 0:
        _become(main, words, folder, output)
    deadline = time.monotonic() + _TIMEOUT
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, 9)
    os.waitpid(child, 0)
    raise TimeoutError(f"raftfleet {' '.join(words)} ran longer than {_TIMEOUT:g} s")


def _become(main: Any, words: Sequence[str], folder: Path, output: Path) -> NoReturn:
    code = 250
    try:
        with output.open("wb") as file, Path(os.devnull).open("rb") as nothing:
            os.dup2(nothing.fileno(), 0)
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(_environment(folder.parent))
        sys.argv = ["raftfleet", *words]
        main()
        code = 0
    except SystemExit as exit_:
        code = exit_.code if isinstance(exit_.code, int) else int(exit_.code is not None)
    except BaseException:  # noqa: BLE001 - nothing of the parent may go on in here
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _environment(work: Path) -> Mapping[str, str]:
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("ANSIBLE_", "RAFTFLEET_"))
    }
    return kept | {
        "TRACE": str(work / "trace.log"),
        "CONFORMANCE": "from the environment",
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
    lines = [line for line in output.splitlines() if line.startswith('{"event":"recap"')]
    if not lines:
        lines = [line for line in output.splitlines() if line.startswith("{") and "recap" in line]
    last = json.loads(lines[-1]) if lines else {}
    if last.get("event") != "recap":
        return {}
    recap: dict[str, dict[str, int]] = last["hosts"]
    return recap
