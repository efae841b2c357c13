"""One sandbox with a running three-node cluster, driven by the command line as a user would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True)
class Said:
    """What a command said: exit code and both outputs as one text."""

    code: int
    text: str


@dataclass(frozen=True)
class Fleet:
    """A sandbox by name, its inventory file and a folder for runs."""

    name: str
    folder: Path
    inventory: Path

    @property
    def runs(self) -> Path:
        return self.folder / "runs"

    def argv(self, *words: str | Path) -> list[str]:
        return [sys.executable, "-m", "raftfleet", *map(str, words)]

    def say(self, *words: str | Path, timeout: float = 180) -> Said:
        """Run a command of raftfleet in the folder of this fleet."""
        done = subprocess.run(
            self.argv(*words),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            env={**os.environ, "NO_COLOR": "1", "PYTHONPATH": str(REPOSITORY)},
        )
        return Said(done.returncode, done.stdout + done.stderr)

    def start(self, *words: str | Path) -> subprocess.Popen[str]:
        """Start a command and leave it running."""
        return subprocess.Popen(
            self.argv(*words),
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "NO_COLOR": "1", "PYTHONPATH": str(REPOSITORY)},
            start_new_session=True,
        )

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text)
        return path

    def summary(self, run: str = "latest") -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads((self.runs / run / "summary.json").read_text())
        return loaded

    def up(self) -> None:
        """Bring every node up, whatever the test before left."""
        said = self.say("up", "-i", self.inventory)
        assert said.code == 0, said.text


def need_hosts() -> None:
    if os.geteuid() != 0:
        pytest.skip("sandbox hosts need root")


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    need_hosts()
    folder = tmp_path_factory.mktemp("fleet")
    name = f"e2e-{os.getpid()}"
    made = Fleet(name, folder, folder / "hosts.yml")
    said = made.say("sandbox", "up", "--name", name)
    assert said.code == 0, said.text
    try:
        listed = made.say("sandbox", "inventory", "--name", name)
        assert listed.code == 0, listed.text
        made.inventory.write_text(
            listed.text.replace(
                "ansible_user: root",
                "ansible_user: root\n    robustmq_binary: simulator\n    robustmq_era: fast",
                1,
            )
        )
        yield made
    finally:
        said = made.say("sandbox", "down", "--name", name)
        assert said.code == 0, said.text


@pytest.fixture
def cluster(fleet: Fleet) -> Fleet:
    """The fleet with every node running."""
    fleet.up()
    return fleet
