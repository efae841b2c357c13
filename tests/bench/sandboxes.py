"""Sandbox hosts for benchmarks: options of ours and command lines of OpenSSH for the same hosts."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from raftfleet import sandbox
from raftfleet.transport import SshOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from raftfleet.sandbox import Sandbox

__all__ = ["options", "scp", "some_hosts", "timed"]


def timed(call: Callable[[], object]) -> float:
    """Return the seconds that a call takes."""
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


@contextmanager
def some_hosts(count: int, *, disk_mb: int = 64) -> Iterator[Sandbox]:
    """Have sandbox hosts for the length of a ``with`` block."""
    with sandbox.running(f"bench-{os.getpid()}", count, disk_mb=disk_mb) as made:
        yield made


def options(made: Sandbox) -> dict[str, SshOptions]:
    """Return how each host is reached."""
    return {
        host.name: SshOptions(
            address=host.address,
            user="root",
            key_file=made.key_file,
            known_hosts=made.known_hosts,
        )
        for host in made.hosts
    }


def scp(made: Sandbox, source: str, host: str, target: str) -> list[str]:
    """Return the command line by which OpenSSH, with nothing but its defaults, sends a file."""
    given = ("-i", str(made.key_file), "-o", f"UserKnownHostsFile={made.known_hosts}")
    return [
        "scp",
        "-q",
        "-F",
        "/dev/null",
        *given,
        source,
        f"root@{made.host(host).address}:{target}",
    ]
