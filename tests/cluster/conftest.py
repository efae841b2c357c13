"""A bench on this machine, and three sandbox hosts behind SSH."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest

from raftfleet import sandbox
from raftfleet.clock import SystemClock
from raftfleet.errors import SandboxError
from raftfleet.journal import Recorder
from raftfleet.sandbox.tools import require_machine
from raftfleet.transport import SshOptions, Transport, make_transport
from tests.cluster.bench import Bench, end_in, end_lives

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from raftfleet.sandbox import Sandbox


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("hosts"):
        try:
            require_machine()
        except SandboxError as missing:
            pytest.skip(str(missing))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Recorder(tmp_path / "run", SystemClock()) as recorder:
        yield Bench(tmp_path, recorder)
    end_lives(tmp_path / "state")
    left = [thread.name for thread in threading.enumerate() if thread.name.startswith("observe")]
    assert left == []


@pytest.fixture(scope="session")
def hosts() -> Iterator[Sandbox]:
    """Three hosts with clocks of their own."""
    name = f"clu-{os.getpid()}"
    sandbox.down(name)
    with sandbox.running(name, disk_mb=64) as made:
        yield made


@pytest.fixture
def ssh(hosts: Sandbox) -> Iterator[dict[str, Transport]]:
    """Connections to the hosts, on which no toy runs before or after."""
    transports = {
        host.name: make_transport(
            host.name,
            SshOptions(
                address=host.address,
                user="root",
                key_file=hosts.key_file,
                known_hosts=hosts.known_hosts,
                strict=True,
            ),
        )
        for host in hosts.hosts
    }
    yield transports
    for host, transport in zip(hosts.hosts, transports.values(), strict=True):
        end_in(host.root / "run/raftfleet", transport)
        transport.close()
