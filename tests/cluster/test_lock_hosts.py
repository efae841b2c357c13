"""The cluster lock between real processes, on real hosts behind SSH."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from raftfleet.errors import LockHeldError
from tests.cluster.bench import until
from tests.cluster.contender import TICKS, Contender

if TYPE_CHECKING:
    from collections.abc import Iterator

    from raftfleet.sandbox import Sandbox

pytestmark = pytest.mark.hosts

RACES = 200


class Process:
    """A contender that is told what to do and answers in lines."""

    def __init__(self, child: subprocess.Popen[str]) -> None:
        self.child = child

    def tell(self, line: str) -> None:
        assert self.child.stdin is not None
        self.child.stdin.write(f"{line}\n")
        self.child.stdin.flush()

    def answer(self) -> str:
        assert self.child.stdout is not None
        said = self.child.stdout.readline()
        assert said, f"it ended: {self.child.poll()}"
        return said.strip()


@contextmanager
def contender(
    hosts: Sandbox, run: str, life: float, inside: Path, bug: str = ""
) -> Iterator[Process]:
    argv = [sys.executable, "-m", "tests.cluster.contender", hosts.name, run, str(life)]
    with subprocess.Popen(
        [*argv, str(inside), bug],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as child:
        try:
            yield Process(child)
        finally:
            child.kill()


def ticks(hosts: Sandbox) -> list[int]:
    files = [host.root / TICKS.lstrip("/") for host in hosts.hosts]
    return [len(file.read_text().splitlines()) if file.exists() else 0 for file in files]


def race(hosts: Sandbox, inside: Path, times: int, bug: str = "") -> dict[tuple[str, str], int]:
    """Have two processes race for the lock; count how it went for them."""
    outcomes: dict[tuple[str, str], int] = {}
    with (
        contender(hosts, "one", 30, inside, bug) as one,
        contender(hosts, "two", 30, inside, bug) as two,
    ):
        for number in range(times):
            # Who is told first takes turns, so that neither is always ahead by a pipe's time.
            both = (one, two) if number % 2 else (two, one)
            for each in both:
                each.tell("race")
            said = one.answer(), two.answer()
            outcomes[said] = outcomes.get(said, 0) + 1
    return outcomes


def test_two_controllers_race_and_are_never_both_in(hosts: Sandbox, tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    outcomes = race(hosts, inside, RACES)
    assert {word for pair in outcomes for word in pair} == {"won", "lost"}, outcomes
    for one_or_two in (0, 1):
        won = sum(times for pair, times in outcomes.items() if pair[one_or_two] == "won")
        assert won > RACES / 10, outcomes
    assert outcomes.get(("lost", "lost"), 0) < RACES / 10, outcomes
    assert not inside.exists()


def test_the_race_sees_two_who_are_both_in(hosts: Sandbox, tmp_path: Path) -> None:
    """Planted: a lock for which one host is enough."""
    outcomes = race(hosts, tmp_path / "inside", 8, "minority")
    assert {word for pair in outcomes for word in pair} - {"won", "lost"}, outcomes


def test_a_sleeper_whom_hosts_do_not_fence_is_seen(hosts: Sandbox, tmp_path: Path) -> None:
    """Planted: commands that do not look at the lock."""
    with contender(hosts, "sleeper", 1.0, tmp_path / "inside", "unfenced") as sleeper:
        sleeper.tell("hold")
        assert sleeper.answer() == "in"
        os.kill(sleeper.child.pid, signal.SIGSTOP)
        us = Contender(hosts.name, "us", 30.0, sees_the_dead=False)
        try:
            us.lock.acquire(patience=20)
            asleep = ticks(hosts)
            os.kill(sleeper.child.pid, signal.SIGCONT)
            until(lambda: ticks(hosts) != asleep, "it changes hosts that are ours")
        finally:
            us.close()


@pytest.mark.parametrize("newcomer", [True, False])
def test_a_controller_that_slept_past_its_lock_changes_nothing(
    hosts: Sandbox, tmp_path: Path, newcomer: bool
) -> None:
    us = Contender(hosts.name, "us", 30.0, sees_the_dead=False)
    try:
        with contender(hosts, "sleeper", 2.0, tmp_path / "inside") as sleeper:
            before = ticks(hosts)
            sleeper.tell("hold")
            assert sleeper.answer() == "in"
            until(lambda: all(n > b for n, b in zip(ticks(hosts), before, strict=True)), "ticks")
            os.kill(sleeper.child.pid, signal.SIGSTOP)
            if newcomer:
                with pytest.raises(LockHeldError, match="sleeper"):
                    us.lock.acquire(patience=0)
                us.lock.acquire(patience=20)
            else:
                until(lambda: not any(s.held for s in us.lock.look().values()), "expiry")  # type: ignore[union-attr]
            asleep = ticks(hosts)
            os.kill(sleeper.child.pid, signal.SIGCONT)
            said = sleeper.answer()
            assert ticks(hosts) == asleep
            assert "OBEYED" not in said
            assert said.count("lock") >= 3
            if newcomer:
                assert [us.change(place, f"echo tick >>{TICKS}") for place in us.places] == [""] * 3
    finally:
        us.close()
