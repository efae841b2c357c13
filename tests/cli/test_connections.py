"""One connection a host, made once for all who want it, within the time there is for it."""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING

import pytest

from raftfleet.cli.connections import Connections, _Opening
from raftfleet.clock import FakeClock
from raftfleet.errors import HostKeyError, UnreachableError
from raftfleet.inventory import Host
from raftfleet.journal import Recorder
from raftfleet.journal.events import HostLost

if TYPE_CHECKING:
    from pathlib import Path


class Gone:
    """A host that does not answer; says when somebody waits for it, and for how long."""

    def __init__(self, error: UnreachableError) -> None:
        self.host = "gone"
        self.error = error
        self.waited: list[float] = []
        self.asked, self.over = threading.Event(), threading.Event()

    def connect(self, *, timeout: float) -> None:
        self.waited.append(timeout)
        self.asked.set()
        assert self.over.wait(20)
        raise self.error

    def close(self) -> None:
        """Nothing was opened."""


@pytest.fixture
def gone(monkeypatch: pytest.MonkeyPatch) -> Gone:
    host = Gone(HostKeyError("gone: another key", hint="look"))
    monkeypatch.setattr("raftfleet.cli.connections.make_transport", lambda _name, _options: host)
    return host


@pytest.fixture
def connections(tmp_path: Path) -> Connections:
    clock = FakeClock()
    return Connections(tmp_path / "known_hosts", Recorder(None, clock), clock)


class CountingLock:
    """A lock that tells who comes to it."""

    def __init__(self) -> None:
        self.came = threading.Semaphore(0)
        self._lock = threading.Lock()
        self.release = self._lock.release

    def acquire(self, timeout: float) -> bool:
        self.came.release()
        return self._lock.acquire(timeout=timeout)


def test_all_who_wait_for_one_host_share_its_failure(gone: Gone, connections: Connections) -> None:
    errors: list[UnreachableError] = []
    lock = CountingLock()
    connections._opening["gone"] = _Opening(lock)  # type: ignore[arg-type]

    def want() -> None:
        with pytest.raises(HostKeyError) as raised:
            connections.of(Host("gone"))
        errors.append(raised.value)

    threads = [threading.Thread(target=want) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert lock.came.acquire(timeout=20)
    gone.over.set()
    for thread in threads:
        thread.join(20)
    assert [(error.message, error.hint) for error in errors] == [("gone: another key", "look")] * 3
    assert len(gone.waited) == 1
    want()
    assert len(gone.waited) == 2, "whoever comes later tries anew"


@pytest.mark.parametrize(("timeout", "waits"), [(math.inf, 600), (60, 60), (3, 3)])
def test_connecting_has_the_time_of_the_task_and_leaves_the_rest_to_the_host(
    gone: Gone, connections: Connections, timeout: float, waits: float
) -> None:
    gone.over.set()
    with pytest.raises(UnreachableError):
        connections.of(Host("gone"), timeout=timeout)
    assert gone.waited == [waits]
    lost = connections._recorder.journal().of(HostLost)
    assert [event.host for event in lost] == ["gone"]
