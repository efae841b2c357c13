"""Hosts for the tests of transports."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from raftfleet.transport import make_transport
from tests.transport.sshd import Sshd, missing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from raftfleet.transport import Transport

    MakeTransport = Callable[..., Transport]


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    if reason := missing():
        pytest.skip(reason)
    folder = tmp_path / "sshd"
    folder.mkdir()
    with Sshd(folder) as server:
        yield server


@pytest.fixture
def ssh(sshd: Sshd) -> Iterator[MakeTransport]:
    """Make transports to the server; they are closed, and must leave no thread."""
    made: list[Transport] = []
    before = set(threading.enumerate())

    def make(host: str = "h1", **changes: object) -> Transport:
        transport = make_transport(host, sshd.options(**changes))
        made.append(transport)
        return transport

    yield make
    sshd.thaw()
    for transport in made:
        transport.close()
    left = set(threading.enumerate()) - before
    for thread in left:
        thread.join(5)
    assert not [thread for thread in left if thread.is_alive()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "another"
    folder.mkdir()
    return folder
