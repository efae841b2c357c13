"""Nodes for the tests of this folder: real processes, on this machine or another, ended for sure."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from raftfleet.clock import SystemClock
from raftfleet.cluster import Cluster
from raftfleet.cluster.hostclock import HostClocks
from raftfleet.cluster.life import NodeLife
from raftfleet.cluster.remote import Place
from raftfleet.journal.events import Event
from raftfleet.testing.system import FakeSystem, toy_node
from raftfleet.transport import Command, LocalOptions, Transport, make_transport

if TYPE_CHECKING:
    from collections.abc import Callable

    from raftfleet.journal import Recorder
    from raftfleet.systems.protocol import Node

E = TypeVar("E", bound=Event)

PATIENCE = 30.0
"""Seconds a test waits for what must come; the machine may be busy."""


def until(condition: Callable[[], object], what: str) -> None:
    """Wait for something that must come."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"never came: {what}"
        time.sleep(0.01)


def free_ports(count: int) -> list[int]:
    """Return ports that are free right now."""
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(socket.create_server(("", 0))) for _ in range(count)]
        return [server.getsockname()[1] for server in servers]


def events_of(recorder: Recorder, kind: type[E]) -> list[E]:
    """Return what was recorded of a kind."""
    return [event for event in recorder.journal().events if isinstance(event, kind)]


class LineSystem(FakeSystem):
    """A system whose node is any shell line."""

    def __init__(self, line: str) -> None:
        super().__init__()
        self.line = line

    def start(self, node: Node) -> Command:
        return Command(self.line, cwd=node.home, env={"TOY": "with 'quotes' and spaces"})


def end_lives(root: Path) -> None:
    """End every process that a record below ``root`` names and that is still the same."""
    for record in root.rglob("life-*"):
        with contextlib.suppress(OSError, ValueError):
            said = dict(line.split(" ", 1) for line in record.read_text().splitlines())
            pid = int(said["pid"])
            stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            if stat[19] == said["start"]:
                os.kill(pid, signal.SIGKILL)


@dataclass
class Bench:
    """One machine, this one, with as many nodes as a test wants; their records lie below ``folder``."""

    folder: Path
    recorder: Recorder
    clock: SystemClock = field(default_factory=SystemClock)

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def place(self, name: str = "n1", port: int = 1, **more: object) -> Place:
        home = self.folder / name
        home.mkdir(exist_ok=True)
        transport = make_transport(name, LocalOptions())
        node = toy_node(name, int(name[1:]), home, port, **more)
        return Place(node, "bench", transport, root=str(self.state))

    def records(self, name: str = "n1") -> Path:
        return self.state / "clusters" / "bench" / name

    def life(self, line: str, name: str = "n1") -> NodeLife:
        """Return a node that is a shell line."""
        clocks = HostClocks(self.recorder, self.clock)
        return NodeLife(self.place(name), LineSystem(line), self.recorder, clocks)

    def cluster(
        self, system: FakeSystem, nodes: list[Node], period: float = 0.02, timeout: float = 1.0
    ) -> Cluster:
        """Install nodes here and return their cluster."""
        transports: dict[str, Transport] = {
            node.name: make_transport(node.name, LocalOptions()) for node in nodes
        }
        for node in nodes:
            system.install(transports[node.name], node, nodes)
        cluster = Cluster(
            "bench",
            system,
            nodes,
            transports,
            self.recorder,
            self.clock,
            period=period,
            timeout=timeout,
            root=str(self.state),
        )
        cluster.describe()
        return cluster

    def nodes(self, count: int, **more: object) -> list[Node]:
        """Return toys with free ports."""
        return [
            toy_node(f"n{i}", i, self.folder / f"n{i}", port, **more)
            for i, port in enumerate(free_ports(count), 1)
        ]

    def all(self, kind: type[E]) -> list[E]:
        return events_of(self.recorder, kind)

    def only(self, kind: type[E]) -> E:
        """Return the one event of a kind."""
        found = self.all(kind)
        assert len(found) == 1, found
        return found[0]


def end_in(records: Path, transport: Transport) -> None:
    """End on a host what its records name, and forget the records."""
    for record in records.rglob("life-*"):
        said = dict(line.split(" ", 1) for line in record.read_text().splitlines())
        line = f'read -r s </proc/{said["pid"]}/stat && set -- ${{s##*) }} && [ "${{20}}" = {said["start"]} ]'
        transport.run(Command(f"{line} && kill -9 {said['pid']}; true"), timeout=PATIENCE)
    transport.run(Command("rm -rf /run/raftfleet /opt/toy*"), timeout=PATIENCE)
