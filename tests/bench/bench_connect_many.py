"""Connecting to many hosts and running a command on each, beside plain paramiko.

    python -m tests.bench.bench_connect_many [--hosts 50] [--forks 20] [--rounds 3] [--bastion]

With --bastion one more host stands in between. Plain paramiko then makes a connection to it for
each host, eight at once: over a single one it loses them all when that breaks, which it does, and
more at once are more than an sshd takes that are not logged in (MaxStartups).

Every round begins without a connection and ends when the last host has answered. Plain paramiko
gets as many threads and the same ciphers that OpenSSH would choose by itself. Needs root.
"""

# ruff: noqa: T201
from __future__ import annotations

import argparse
import os
import statistics
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import paramiko

from raftfleet.transport import FORKS, Command, Fleet, SshOptions
from tests.bench.sandboxes import options, some_hosts, timed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.sandbox import Sandbox
    from raftfleet.transport import Transport

WANTED = 3.0  # seconds for 50 hosts


def ours(transport: Transport) -> None:
    """Run a command, which connects first."""
    assert transport.run(Command("true"), timeout=60).ok


def plain(one: SshOptions, bastion: paramiko.SSHClient | None = None) -> None:
    """Connect, run a command and hang up with nothing but paramiko."""
    way = None
    if bastion is not None:
        carrier = bastion.get_transport()
        assert carrier is not None
        way = carrier.open_channel("direct-tcpip", (one.address, 22), ("127.0.0.1", 0))
    client = opened(one, way)
    transport = client.get_transport()
    assert transport is not None
    channel = transport.open_session()
    channel.exec_command("true")
    if channel.recv_exit_status() != 0:
        raise ConnectionError(one.address)
    client.close()


def stubborn(one: SshOptions, bastion: SshOptions) -> None:
    """Go through a bastion; try again when it has too many that are not logged in (MaxStartups)."""
    for attempt in range(5, 0, -1):
        try:
            with opened(bastion) as client:
                plain(one, client)
        except (EOFError, OSError, paramiko.SSHException):
            if attempt == 1:
                raise
        else:
            return


def opened(one: SshOptions, way: paramiko.Channel | None = None) -> paramiko.SSHClient:
    """Connect with paramiko's own defaults."""
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    key = str(one.key_file)
    client.connect(one.address, username="root", key_filename=key, allow_agent=False, sock=way)
    return client


def behind(made: Sandbox, reached: Mapping[str, SshOptions]) -> dict[str, SshOptions]:
    """Return how all but the last host are reached through the last one."""
    last = reached[made.hosts[-1].name]
    return {
        name: replace(one, jump=last)
        for name, one in reached.items()
        if one.address != last.address
    }


def main() -> int:
    """Measure and print; 1 when ours takes longer than `WANTED`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--hosts", type=int, default=50)
    parser.add_argument("--forks", type=int, default=FORKS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--bastion", action="store_true")
    asked = parser.parse_args()
    with some_hosts(asked.hosts + asked.bastion, disk_mb=8) as made:
        reached = options(made)
        last = reached[made.hosts[-1].name]
        if asked.bastion:
            reached = behind(made, reached)

        def with_fleet() -> None:
            with Fleet(reached, forks=asked.forks) as fleet:
                for _, result in fleet.each(reached, ours):
                    if isinstance(result, Exception):
                        raise result

        def with_paramiko() -> None:
            with ThreadPoolExecutor(min(asked.forks, 8) if asked.bastion else asked.forks) as pool:
                if not asked.bastion:
                    list(pool.map(plain, reached.values()))
                    return
                list(pool.map(lambda one: stubborn(one, last), reached.values()))

        times: dict[str, list[float]] = {"paramiko": [], "raftfleet": []}
        for turn in range(asked.rounds):
            pair = [("paramiko", with_paramiko), ("raftfleet", with_fleet)]
            for name, call in pair if turn % 2 else reversed(pair):
                times[name].append(timed(call))
    how = "hosts behind one bastion" if asked.bastion else "hosts"
    print(f"{asked.hosts} {how} connected and a command run, {asked.rounds} rounds by turns")
    for name, values in times.items():
        shown = " ".join(f"{one:.2f}" for one in sorted(values))
        print(f"  {name:<10} median {statistics.median(values):5.2f} s ({shown})")
    median = statistics.median(times["raftfleet"])
    ratio = statistics.median(times["paramiko"]) / median
    print(f"  {ratio:.2f} x as fast as plain paramiko; wanted: {WANTED:g} s for 50 hosts")
    print(f"  load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    return 0 if median * 50 / asked.hosts <= WANTED else 1


if __name__ == "__main__":
    raise SystemExit(main())
