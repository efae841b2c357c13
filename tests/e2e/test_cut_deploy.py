"""A deploy that is cut at random points: hosts stay explicable, and the next run repairs.

Three ways to cut: the server side of every SSH connection is killed (each connection is reset),
the hosts are unplugged for a moment (packets are lost in silence), and the controller is killed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import re
import signal
import subprocess
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from raftfleet import sandbox
from raftfleet.sandbox import state

from .conftest import Fleet, need_hosts
from .test_deploy import changed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from raftfleet.sandbox import Sandbox, SandboxHost

pytestmark = pytest.mark.hosts

CUTS = int(os.environ.get("RAFTFLEET_CUTS", "50"))
REPAIR_EVERY = 5
LINGER = 15.0  # seconds a part waits for its sender; see raftfleet.transport.shell
PROGRAM = "opt/robustmq/bin/broker-server"
FILES = (PROGRAM, "opt/robustmq/config/server.toml", "opt/robustmq/config/logger.toml")
SPOILT = b"\n# spoilt\n"


def eventually(condition: Callable[[], object], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@dataclass(frozen=True)
class Process:
    """A process of a host: its number outside and inside, and its command line."""

    pid: int
    inner: int
    line: str

    @property
    def is_node(self) -> bool:
        return "./bin/broker-server" in self.line and "waiter" not in self.line

    @property
    def is_waiter(self) -> bool:
        return "/waiter run " in self.line

    @property
    def is_expected(self) -> bool:
        """Whether it may be there when nobody is connected; parts wait for their sender."""
        of_host = "raftfleet-host" in self.line or "sshd -D" in self.line
        waits = (
            ".part." in self.line or re.search(r"\bpart\b", self.line) or self.line == "sleep 15"
        )
        return bool(of_host or self.is_node or self.is_waiter or waits)


def processes(host: SandboxHost) -> list[Process]:
    """Everything that runs on a host, seen from outside without touching its door."""
    space = (Path("/proc") / str(host.init_pid) / "ns/pid").readlink()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (entry / "ns/pid").readlink() == space:
                line = (
                    (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
                )
                inner = re.search(
                    r"^NSpid:.*\t(\d+)$", (entry / "status").read_text(), re.MULTILINE
                )
                if line and inner:
                    found.append(Process(int(entry.name), int(inner[1]), line.strip()))
    return found


def at_rest(host: SandboxHost) -> bool:
    return all(one.is_expected for one in processes(host))


def without_parts(host: SandboxHost) -> bool:
    return not list((host.root / "opt").rglob("*.part*"))


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:12]


@dataclass
class Cutter:
    """The fleet under test, what is right on each host, and what was done to it."""

    fleet: Fleet
    made: Sandbox
    chance: random.Random
    right: dict[tuple[str, str], bytes] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)

    def learn(self) -> None:
        """Take what a whole deploy left for right."""
        for host in self.made.hosts:
            for name in FILES:
                self.right[host.name, name] = (host.root / name).read_bytes()

    def records(self, host: SandboxHost) -> Path:
        return host.root / f"run/raftfleet/clusters/raft/{host.name}"

    def counter(self, host: SandboxHost) -> int:
        return int((self.records(host) / "counter").read_text())

    def spoil(self) -> None:
        """Give the next run something to do on every host."""
        for host in self.made.hosts:
            what = self.chance.choice(["program", "configuration", "node", "nothing"])
            self.told.append(f"{host.name}: {what}")
            if what == "program":
                with (host.root / PROGRAM).open("ab") as file:
                    file.write(SPOILT)
            elif what == "configuration":
                with (host.root / self.chance.choice(FILES[1:])).open("ab") as file:
                    file.write(SPOILT)
            elif what == "node":
                for one in processes(host):
                    if one.is_node:
                        os.kill(one.pid, signal.SIGKILL)

    def cut_connections(self, run: subprocess.Popen[str]) -> None:
        del run
        for host in self.made.hosts:
            for one in processes(host):
                if one.line.startswith("sshd:") and "listener" not in one.line:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(one.pid, signal.SIGKILL)

    def unplug(self, run: subprocess.Popen[str]) -> None:
        del run
        links = [host.link for host in self.made.hosts]
        for link in links:
            subprocess.run(["ip", "link", "set", link, "down"], check=True)
        time.sleep(self.chance.uniform(0.1, 0.8))  # how long the cable is out
        for link in links:
            subprocess.run(["ip", "link", "set", link, "up"], check=True)

    def kill_controller(self, run: subprocess.Popen[str]) -> None:
        run.kill()

    def run_and_cut(self) -> tuple[str, int, str, Path | None]:
        """Start `up`, cut it somewhere; return how, its exit code, what it said, its run folder."""
        kinds = {"reset": self.cut_connections, "kill": self.kill_controller, "unplug": self.unplug}
        kind = self.chance.choices(list(kinds), [4, 4, 1])[0]
        moment = self.chance.uniform(0.3, 3.0)
        self.told.append(f"{kind} after {moment:.3f} s")
        before = self._runs()
        run = self.fleet.start("up", "-i", self.fleet.inventory)
        with contextlib.suppress(subprocess.TimeoutExpired):
            run.wait(moment)
        if run.poll() is None:
            kinds[kind](run)
        said = run.communicate(timeout=120)[0]
        new = self._runs() - before
        return kind, run.returncode, said, new.pop() if new else None

    def _runs(self) -> set[Path]:
        folder = self.fleet.runs
        return {p for p in folder.iterdir() if not p.is_symlink()} if folder.exists() else set()

    def examine(self, counters: dict[str, int], run: Path | None) -> None:
        """Nothing on any host may be there that the run does not explain."""
        events = journal(run)
        intended = {e["node"] for e in events if e["event"] == "node.start_intent"}
        for host in self.made.hosts:
            assert eventually(partial(at_rest, host), 20), [
                one.line for one in processes(host) if not one.is_expected
            ]
            self._whole_files(host)
            self._explained_processes(host)
            started = self.counter(host) - counters[host.name]
            assert started <= 1, f"{host.name} was started {started} times"
            assert not started or host.name in intended, f"{host.name}: nobody meant to start it"

    def _whole_files(self, host: SandboxHost) -> None:
        for name in FILES:
            there, right = (host.root / name).read_bytes(), self.right[host.name, name]
            spoilt = there.startswith(right) and not there[len(right) :].replace(SPOILT, b"")
            assert spoilt, f"{host.name}: {name} is neither old nor new: {digest(there)}"
        for part in (host.root / "opt/robustmq").rglob("*.part*"):
            with contextlib.suppress(FileNotFoundError):
                assert time.time() - part.stat().st_mtime < LINGER + 10, f"{part} was left"

    def _explained_processes(self, host: SandboxHost) -> None:
        """One node at most, the one of its record, and a waiter for it and for nothing else."""

        def nodes_and_waiters() -> tuple[list[Process], list[Process]]:
            all_of_it = processes(host)
            return [p for p in all_of_it if p.is_node], [p for p in all_of_it if p.is_waiter]

        assert eventually(lambda: len(set(map(len, nodes_and_waiters()))) == 1, 5), (
            f"{host.name}: {nodes_and_waiters()}"
        )
        nodes, waiters = nodes_and_waiters()
        assert len(nodes) == len(waiters) <= 1, f"{host.name}: {nodes} {waiters}"
        life = self.records(host) / f"life-{self.counter(host)}"
        for node in nodes:
            assert f"pid {node.inner}\n" in life.read_text(), f"{host.name}: {node} has no record"

    def needs(self, host: SandboxHost) -> bool:
        """Whether something is wrong on a host that a run has to change."""
        right = all((host.root / n).read_bytes() == self.right[host.name, n] for n in FILES)
        return not right

    def repair(self) -> None:
        """An undisturbed run brings everything back, changing only what needs it."""
        wanting = {host.name: self.needs(host) for host in self.made.hosts}
        down = [host for host in self.made.hosts if not any(p.is_node for p in processes(host))]
        said = self.fleet.say("up", "-i", self.fleet.inventory)
        assert said.code == 0, said.text
        counts = changed(said.text)
        # Starting nodes is one task for the whole cluster, counted for its first host.
        first = self.made.hosts[0].name
        for name, wrong in wanting.items():
            assert (counts[name] > 0) is (wrong or bool(down and name == first)), (
                f"{name}: {counts}, wrong: {wanting}, down: {down}\n{said.text}"
            )
        for host in self.made.hosts:
            assert not self.needs(host)
            assert sum(p.is_node for p in processes(host)) == 1


def journal(run: Path | None) -> list[dict[str, Any]]:
    if run is None or not (run / "journal.jsonl").exists():
        return []
    lines = (run / "journal.jsonl").read_bytes().split(b"\n")
    return [json.loads(line) for line in lines if line.endswith(b"}")]


@pytest.fixture
def cutter(tmp_path: Path) -> Iterator[Cutter]:
    need_hosts()
    seed = int(os.environ.get("RAFTFLEET_SEED", str(random.SystemRandom().randrange(10**6))))
    print(f"RAFTFLEET_SEED={seed} RAFTFLEET_CUTS={CUTS}")  # noqa: T201 - shown when it fails
    name = f"door-cut-{os.getpid()}"
    fleet = Fleet(name, tmp_path, tmp_path / "hosts.yml")
    said = fleet.say("sandbox", "up", "--name", name)
    assert said.code == 0, said.text
    try:
        listed = fleet.say("sandbox", "inventory", "--name", name).text
        more = "ansible_user: root\n    robustmq_binary: simulator\n    robustmq_era: fast"
        fleet.inventory.write_text(listed.replace("ansible_user: root", more, 1))
        made = state.read(name)
        assert made is not None
        fleet.up()
        one = Cutter(fleet, made, random.Random(seed))
        one.learn()
        yield one
    finally:
        sandbox.down(name)


def test_a_deploy_cut_anywhere_is_explained_and_repaired(cutter: Cutter) -> None:
    ended: dict[str, list[int]] = {}
    for number in range(1, CUTS + 1):
        cutter.told.append(f"-- cut {number}")
        cutter.spoil()
        counters = {host.name: cutter.counter(host) for host in cutter.made.hosts}
        kind, code, said, run = cutter.run_and_cut()
        ended.setdefault(kind, []).append(code)
        if code not in {0, -signal.SIGKILL}:
            print(cutter.told[-1], said)  # noqa: T201 - shown when it fails
        try:
            # A broken connection is taken up again; what cannot be is said, never a defect.
            assert code in ({0, -signal.SIGKILL} if kind == "kill" else {0, 2, 4}), said
            cutter.examine(counters, run)
            if number % REPAIR_EVERY == 0 or number == CUTS:
                cutter.repair()
        except AssertionError as error:
            error.add_note("\n".join([*cutter.told[-12:], said]))
            raise
    print({kind: {code: codes.count(code) for code in set(codes)} for kind, codes in ended.items()})  # noqa: T201
    assert ended["kill"].count(-signal.SIGKILL) > 0
    resets = ended.get("reset", [0])
    assert resets.count(0) > len(resets) / 2, "a cut connection was seldom taken up again"
    for host in cutter.made.hosts:
        assert eventually(partial(without_parts, host), LINGER + 10)
