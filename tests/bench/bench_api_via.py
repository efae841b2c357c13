"""What polling a node costs when its API is reached directly, and through SSH.

    python tests/bench/bench_api_via.py [--seconds 20] [--nodes 3] [--rounds 3]

Three ways, turn by turn in one run, each with one thread a node that asks every 20 ms over a kept
connection, as the observer does: ``direct`` (a socket), ``channel`` (what `api_via: ssh` does) and
``listener`` (a forwarded port on this machine, what `Transport.forward` offers). Shown for each:
the median, the 99th percentile and the maximum of the intervals between the moments two following
answers were asked for and had, and this process's CPU. The nodes and sshd are other processes.
"""

# ruff: noqa: T201
from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from raftfleet.cluster.access import NodeAccess
from raftfleet.cluster.ways import DirectWay, HostWay
from raftfleet.journal.values import Port
from raftfleet.systems.protocol import AccessError
from raftfleet.testing.system import PROGRAM, toy_node
from raftfleet.transport import make_transport
from tests.cluster.bench import free_ports
from tests.transport.sshd import Sshd

if TYPE_CHECKING:
    from collections.abc import Iterator

    from raftfleet.cluster.ways import Way

PERIOD = 0.02
ANSWER = {"metrics": "x" * 2500}
"""As large as what a node of three groups says of itself."""


@contextlib.contextmanager
def toys(folder: Path, ports: list[int]) -> Iterator[None]:
    """Serve a status page on each port."""
    with contextlib.ExitStack() as stack:
        for port in ports:
            place = folder / str(port)
            place.mkdir()
            config = {
                "id": 1,
                "port": port,
                "log": "toy.log",
                "password": "",
                "exit_delay": 0,
                "exit_status": 0,
                "ignore": [],
                "dies": None,
                "extra_ports": [],
                "status": ANSWER,
            }
            (place / "toy.json").write_text(json.dumps(config))
            toy = subprocess.Popen([sys.executable, PROGRAM], cwd=place, stdout=subprocess.DEVNULL)
            stack.callback(toy.wait)
            stack.callback(toy.terminate)
        yield


def poll(access: NodeAccess, seconds: float, widths: list[float]) -> None:
    """Ask on schedule; collect how wide the interval of a change would have been."""
    due = time.monotonic()
    end = due + seconds
    asked = None
    while due < end:
        time.sleep(max(0.0, due - time.monotonic()))
        began = time.monotonic()
        access.request("status", "GET", "/status", timeout=1.0)
        if asked is not None:
            widths.append(time.monotonic() - asked)
        asked = began
        due += PERIOD


def measure(ways: dict[int, Way], seconds: float) -> tuple[list[float], float]:
    """Return every width (seconds) and the CPU used (seconds per second)."""
    widths: list[list[float]] = []
    threads = []
    accesses = []
    for port, way in ways.items():
        node = toy_node("n1", 1, PurePosixPath("/opt/toy"), port)
        access = NodeAccess(node, {"status": Port("status", port)}, way)
        access.request("status", "GET", "/status", timeout=10.0)
        accesses.append(access)
        widths.append([])
        threads.append(threading.Thread(target=poll, args=(access, seconds, widths[-1])))
    wall, cpu = time.monotonic(), time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    used = (time.process_time() - cpu) / (time.monotonic() - wall)
    for access in accesses:
        access.close()
    return [one for each in widths for one in each], used


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        ports = free_ports(asked.nodes)
        stack.enter_context(toys(folder, ports))
        sshd = stack.enter_context(Sshd(folder))
        transports = {port: make_transport(f"n{port}", sshd.options()) for port in ports}
        for transport in transports.values():
            stack.callback(transport.close)
            transport.connect(timeout=20)
        listeners = {
            port: transport.forward("127.0.0.1", port, timeout=10)
            for port, transport in transports.items()
        }
        kinds: dict[str, dict[int, Way]] = {
            "direct": {port: DirectWay("127.0.0.1") for port in ports},
            "channel": {port: HostWay(transports[port]) for port in ports},
            "listener": {
                port: DirectWay("127.0.0.1", {"status": end.port})
                for port, end in listeners.items()
            },
        }
        wait_for(kinds["direct"])
        widths: dict[str, list[float]] = {kind: [] for kind in kinds}
        used: dict[str, list[float]] = {kind: [] for kind in kinds}
        for _ in range(asked.rounds):
            for kind, ways in kinds.items():
                found, cpu = measure(ways, asked.seconds)
                widths[kind] += found
                used[kind].append(cpu)
        show(widths, used)


def wait_for(ways: dict[int, Way]) -> None:
    """Wait until every toy answers."""
    end = time.monotonic() + 20
    for port, way in ways.items():
        node = toy_node("n1", 1, PurePosixPath("/opt/toy"), port)
        access = NodeAccess(node, {"status": Port("status", port)}, way)
        while True:
            try:
                access.request("status", "GET", "/status", timeout=1.0)
                break
            except AccessError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)
        access.close()


def show(widths: dict[str, list[float]], used: dict[str, list[float]]) -> None:
    """Print a table; ratios are to direct."""
    print(f"{'way':10} {'polls':>6} {'median':>9} {'p99':>9} {'max':>9} {'CPU':>7} {'ratio':>6}")
    base = statistics.median(used["direct"])
    for kind, found in widths.items():
        ordered = sorted(found)
        p99 = ordered[int(0.99 * len(ordered))]
        cpu = statistics.median(used[kind])
        print(
            f"{kind:10} {len(found):6} {1e3 * statistics.median(ordered):6.2f} ms "
            f"{1e3 * p99:6.2f} ms {1e3 * ordered[-1]:6.2f} ms {100 * cpu:5.1f} % {cpu / base:6.2f}"
        )


if __name__ == "__main__":
    main()
