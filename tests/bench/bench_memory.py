"""What many open connections hold of this machine: memory, threads and time while idle.

    python -m tests.bench.bench_memory [--connections 200]

Each connection has run a command, so everything it needs has been made. Growth is counted from
where everything is imported and one connection was made and closed.
"""

# ruff: noqa: T201
from __future__ import annotations

import argparse
import gc
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from raftfleet.transport import Command, Fleet
from tests.transport.sshd import Sshd

if TYPE_CHECKING:
    from raftfleet.transport import SshOptions, Transport

WANTED = 100.0  # MiB for 200 connections
IDLE = 5.0


def resident() -> float:
    """Return the MiB of this process that lie in memory."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def answer(transport: Transport) -> None:
    """Run a command."""
    assert transport.run(Command("true"), timeout=120).ok


def opened(options: SshOptions, count: int) -> Fleet:
    """Return a fleet of open connections."""
    names = [f"h{number}" for number in range(count)]
    fleet = Fleet(dict.fromkeys(names, options))
    for _, result in fleet.each(names, answer):
        if isinstance(result, Exception):
            raise result
    return fleet


def main() -> int:
    """Measure and print; 1 when it is more than `WANTED`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--connections", type=int, default=200)
    count = parser.parse_args().connections
    with tempfile.TemporaryDirectory() as folder, Sshd(Path(folder)) as sshd:
        opened(sshd.options(), 1).close()
        gc.collect()
        before, threads = resident(), threading.active_count()
        fleet = opened(sshd.options(), count)
        grown, more = resident() - before, threading.active_count() - threads
        began = time.process_time()
        time.sleep(IDLE)  # what is measured is doing nothing
        share = (time.process_time() - began) / IDLE
        fleet.close()
    print(f"{count} open connections, each has run a command")
    print(f"  {grown:.1f} MiB more than before, {grown * 1024 / count:.0f} KiB each")
    print(f"  {more} threads more (the pool's 20 among them)")
    print(f"  idle: {share:.1%} of a processor")
    print(f"  wanted: less than {WANTED:g} MiB for 200")
    return 0 if grown * 200 / count < WANTED else 1


if __name__ == "__main__":
    raise SystemExit(main())
