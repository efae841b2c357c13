"""Recordings to judge: real ones where they are at hand, a made one everywhere, and doctored ones."""

from __future__ import annotations

import gzip
import importlib.util
import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from raftfleet.checks import judge, judgement_json
from raftfleet.clock import FakeClock
from raftfleet.journal import Recorder
from raftfleet.systems import read_recording

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

SHARED = Path(__file__).parents[4] / "shared" / "recordings"
REAL = SHARED / "robustmq"
NAMES = tuple(sorted(path.parent.name for path in REAL.glob("*/expect.json")))


def needed(name: str) -> Path:
    """Return the folder of a real recording; skip the test where it is not at hand."""
    if not (REAL / name).is_dir():
        pytest.skip(f"no recordings in {REAL}")
    return REAL / name


def checker() -> ModuleType:
    """Return the program that compares a judgement with what a recording expects."""
    if not (SHARED / "check.py").is_file():
        pytest.skip(f"no check.py in {SHARED}")
    spec = importlib.util.spec_from_file_location("recordings_check", SHARED / "check.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def judged(folder: Path) -> dict[str, Any]:
    """Import a recording and return what `analyze --json` would print."""
    recorder = Recorder(None, FakeClock())
    read_recording(folder).tell(recorder)
    return json.loads(json.dumps(judgement_json(judge(recorder.journal()))))  # type: ignore[no-any-return]


def said(judgement: dict[str, Any], severity: str) -> set[tuple[str, str | None]]:
    """Return the checks that speak up so, each with its node."""
    return {(f["check"], f["node"]) for f in judgement["findings"] if f["severity"] == severity}


@dataclass
class Doctor:
    """A copy of a recording, to change before it is judged."""

    folder: Path
    events: list[dict[str, Any]] = field(default_factory=list)
    statuses: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def at(cls, source: Path, folder: Path) -> Doctor:
        shutil.copytree(source, folder, ignore=shutil.ignore_patterns("api"))
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755)
        events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
        with gzip.open(folder / "status.jsonl.gz", "rt") as lines:
            return cls(folder, events, [json.loads(line) for line in lines])

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["kind"] == kind]

    def without(self, keep: Callable[[dict[str, Any]], bool]) -> Doctor:
        self.events = [event for event in self.events if keep(event)]
        return self

    def expects(self, *names: str, **declared: Any) -> Doctor:
        path = self.folder / "drill.json"
        drill = json.loads(path.read_text())
        path.write_text(json.dumps({**drill, "expects": list(names), **declared}))
        return self

    def log(self, node: int) -> Path:
        return self.folder / "logs" / f"n{node}.server.log.gz"

    def judged(self) -> dict[str, Any]:
        write(self.folder, self.events, self.statuses)
        return judged(self.folder)

    def renumbered(self, numbers: dict[int, int]) -> Doctor:
        """Give every node another number, wherever it stands."""
        self.events = [_renumbered(event, numbers) for event in self.events]
        self.statuses = [_renumbered(line, numbers) for line in self.statuses]
        logs = {new: self.log(old).read_bytes() for old, new in numbers.items()}
        for new, content in logs.items():
            self.log(new).write_bytes(content)
        return self


_BY_NUMBER = {"nodes", "result", "alive", "rc"}
_NUMBERS = {"node", "id", "current_leader"}


def _renumbered(value: Any, numbers: dict[int, int], key: str = "") -> Any:
    if isinstance(value, dict):
        renamed = {
            str(numbers[int(k)]) if key in _BY_NUMBER and k.isdigit() else k: v
            for k, v in value.items()
        }
        return {k: _renumbered(v, numbers, k) for k, v in renamed.items()}
    if key in _NUMBERS and isinstance(value, int):
        return numbers.get(value, value)
    if isinstance(value, list):
        if key in {"configs", "list"}:
            return [
                [numbers[n] for n in one] if isinstance(one, list) else numbers[one]
                for one in value
            ]
        return [_renumbered(one, numbers) for one in value]
    return value


def write(folder: Path, events: list[dict[str, Any]], statuses: list[dict[str, Any]]) -> None:
    """Write a recording's two main files."""
    (folder / "events.jsonl").write_text("".join(json.dumps(e) + "\n" for e in events))
    with gzip.open(folder / "status.jsonl.gz", "wt", compresslevel=1) as out:
        out.writelines(json.dumps(line) + "\n" for line in statuses)
