"""A running cluster of simulated nodes on sandbox hosts, with its controls in this process."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any, Self

from raftfleet.cli.asked import Asked
from raftfleet.cli.session import Session
from raftfleet.clock import SystemClock
from raftfleet.cluster import Cluster, Control, make_nodes
from raftfleet.journal import Recorder
from raftfleet.journal.values import Interval

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from raftfleet.cluster.remote import Place
    from raftfleet.sandbox import Sandbox
    from raftfleet.systems import System
    from raftfleet.transport.protocol import Transport

__all__ = ["STAMPS", "Bench"]

STAMPS = "/opt/robustmq/stamps"
"""Where on its host a node stamps what only a witness may read."""


class Bench:
    """A running cluster on sandbox hosts; connections stay open from trial to trial."""

    def __init__(
        self,
        system: System,
        variables: Mapping[str, Mapping[str, Any]],
        transports: Mapping[str, Transport],
        bias: float = 0.0,
    ) -> None:
        self.system = system
        self._variables = variables
        self._transports = transports
        self._bias = bias
        self.clock = SystemClock()

    @classmethod
    def of(cls, box: Sandbox, folder: Path, *, bias: float = 0.0, **variables: str) -> Self:
        """Bring a cluster up on a sandbox, with these variables besides the usual."""
        own = {
            "robustmq_binary": "simulator",
            "robustmq_era": "fast",
            "robustmq_environment": f"{{RAFTFLEET_SIMULATOR_STAMPS: {STAMPS}}}",
            **variables,
        }
        lines = ["ansible_user: root", *(f"{name}: {value}" for name, value in own.items())]
        path = folder / "hosts.yml"
        path.write_text(box.inventory().replace("ansible_user: root", "\n    ".join(lines), 1))
        argv = [sys.executable, "-m", "raftfleet", "up", "-i", str(path)]
        subprocess.run(argv, cwd=folder, check=True, stdout=subprocess.DEVNULL, timeout=180)
        session = Session(Asked(what="accuracy", inventories=[path], runs=folder, keep=False))
        hosts = session.inventory.select("raft")
        transports = session.connections.of_all(hosts)
        return cls(
            session.fleet.system,
            {one.name: session.fleet.variables(one) for one in hosts},
            transports,
            bias,
        )

    def control(self, figures: Mapping[str, str]) -> Control:
        """Return fresh controls with a journal of their own, kept in memory."""
        given = {f"RAFTFLEET_SIMULATOR_{name}": text for name, text in figures.items()}
        hosts = {
            name: {**own, "robustmq_environment": {**own["robustmq_environment"], **given}}
            for name, own in self._variables.items()
        }
        nodes = make_nodes(self.system, hosts)
        recorder = Recorder(None, self.clock)
        cluster = Cluster("raft", self.system, nodes, self._transports, recorder, self.clock)
        if self._bias:
            _mislead(cluster, self._bias)
        return Control(cluster, self._transports, self.clock, threading.Event())


def _mislead(cluster: Cluster, bias: float) -> None:
    """Have every stamp of a host placed wrongly by so many seconds."""
    honest = cluster.clocks.ours

    def shifted(place: Place, theirs: Interval) -> Interval:
        found = honest(place, theirs)
        return Interval(found.lo + bias, found.hi + bias)

    cluster.clocks.ours = shifted  # type: ignore[method-assign]
