"""What watching three nodes of three groups every 20 ms costs: us, the nodes, and their hosts.

    python -m tests.bench.bench_watching [--seconds 10] [--rounds 3]

On sandbox hosts, with `api_via` direct and ssh, turn by turn in one run: nobody watches, nodes are
watched, and nodes are watched while a drill samples and writes (10 writes a second). All figures
are processor time in percent of one core; those of a node and of its host (the node's process and
whatever else runs there, sshd say) are of the busiest. Exit status 1: watching takes us more than
`WANTED`.
"""

# ruff: noqa: T201
from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from raftfleet.cluster import Rates
from raftfleet.journal.events import CoverageSampled
from tests.accuracy.bench import Bench
from tests.accuracy.kernel import pid_of
from tests.bench.sandboxes import some_hosts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from raftfleet.cluster import Control
    from raftfleet.sandbox import Sandbox

WANTED = 25.0
_TICKS = os.sysconf("SC_CLK_TCK")

_LEAST_POLLS = 40.0

Figures = tuple[float, float, float]
"""Percent of one core: this process, the busiest node, the busiest host."""


def used(pid: int) -> float:
    """Return the processor seconds of a process, its ended children included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:15]) / _TICKS


def on_host(space: Path) -> float:
    """Return the processor seconds of all that runs in a namespace of pids."""
    total = 0.0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "ns/pid").readlink() == space:
                total += used(int(folder.name))
        except OSError:
            continue
    return total


def measure(made: Sandbox, pids: dict[str, int], seconds: float) -> Figures:
    """Return what is used of a core while some seconds pass."""
    spaces = [Path(f"/proc/{host.init_pid}/ns/pid").readlink() for host in made.hosts]

    def look() -> tuple[float, list[float], list[float]]:
        return time.process_time(), [*map(used, pids.values())], [*map(on_host, spaces)]

    began, before = time.monotonic(), look()
    own = time.process_time()
    time.sleep(seconds)  # what is measured goes on meanwhile
    own, wall = time.process_time() - own, time.monotonic() - began
    after = look()
    nodes = max(b - a for a, b in zip(before[1], after[1], strict=True))
    hosts = max(b - a for a, b in zip(before[2], after[2], strict=True))
    return 100 * own / seconds, 100 * nodes / wall, 100 * hosts / wall


@contextmanager
def drilled(control: Control) -> Iterator[None]:
    """Sample and write as a drill does."""
    with control.cluster.sampling():
        trouble = control.begin_traffic(Rates())
        assert trouble is None, trouble
        try:
            yield
        finally:
            control.end_traffic()
            control.forget_traffic(keep_data=False)


def rounds(made: Sandbox, bench: Bench, seconds: float, count: int) -> dict[str, list[Figures]]:
    """Measure each kind of watching by turns."""
    control = bench.control({})
    control.cluster.describe()
    control.look()
    picture = control.cluster.recorder.picture
    pids = {
        host.name: pid_of(host, process.pid)
        for host in made.hosts
        if (process := picture.node(host.name).incarnation) is not None
    }
    found: dict[str, list[Figures]] = {"nobody watches": [], "watched": [], "drilled": []}
    for _ in range(count):
        found["nobody watches"].append(measure(made, pids, seconds))
        with control.cluster.observing():
            found["watched"].append(measure(made, pids, seconds))
            with drilled(control):
                found["drilled"].append(measure(made, pids, seconds))
    _check_polls(control)
    return found


def _check_polls(control: Control) -> None:
    """Make sure that nodes were asked as often as is claimed."""
    events = control.recorder.journal().events
    sampled = [one.polls for one in events if isinstance(one, CoverageSampled)]
    each = statistics.median(min(polls.values()) for polls in sampled if polls)
    assert each >= _LEAST_POLLS, f"{each} polls of a node a second"


def main() -> int:
    """Measure and print; 1 when it is more than `WANTED`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    worst = 0.0
    print(f"{'api_via':8} {'':15} {'controller':>10} {'node':>7} {'host':>7}   % of one core")
    for via in ("direct", "ssh"):
        with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
            made = stack.enter_context(some_hosts(3, disk_mb=512))
            bench = Bench.of(made, Path(folder), api_via=via)
            for kind, figures in rounds(made, bench, asked.seconds, asked.rounds).items():
                own, node, host = (
                    statistics.median(column) for column in zip(*figures, strict=True)
                )
                print(f"{via:8} {kind:15} {own:10.1f} {node:7.1f} {host:7.1f}")
                worst = max(worst, own if kind == "watched" else 0.0)
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    print(f"watching takes {worst:.1f} % of a core, wanted: less than {WANTED:g} %")
    return 0 if worst < WANTED else 1


if __name__ == "__main__":
    raise SystemExit(main())
