"""`wait_for_connection`: a host that comes back, one that does not."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from raftfleet.errors import HostKeyError, InterruptedRun, UnreachableError
from raftfleet.playbook.module import Status
from raftfleet.transport import make_transport
from raftfleet.transport.protocol import Exited
from tests.transport.sshd import Sshd, missing

if TYPE_CHECKING:
    from pathlib import Path

    from raftfleet.testing.transport import FakeTransport
    from tests.modules.conftest import Bench


def test_a_host_that_answers(faked: Bench, fake: FakeTransport) -> None:
    fake.on(":")
    result = faked.run("wait_for_connection")
    assert (result.status, result.values["elapsed"]) == (Status.OK, 0)


def test_a_host_that_does_not_come_back_has_failed(faked: Bench, fake: FakeTransport) -> None:
    fake.refuse(UnreachableError("h1: connection refused"))
    before = faked.clock.monotonic()
    result = faked.run("wait_for_connection", timeout=20, delay=3, sleep=2)
    assert result.status is Status.FAILED
    assert "not reachable within 20 s: h1: connection refused" in result.msg
    assert 20 <= faked.clock.monotonic() - before <= 24
    assert len(fake.calls) < 20


def test_a_host_that_hangs_costs_one_try_each_time(faked: Bench, fake: FakeTransport) -> None:
    fake.freeze()
    assert faked.run("wait_for_connection", timeout=9).status is Status.FAILED


def test_a_shell_that_does_not_work_is_waited_for_too(faked: Bench, fake: FakeTransport) -> None:
    fake.on(":", Exited(status=1, stderr=b"booting\n"), Exited(status=0))
    assert faked.run("wait_for_connection").status is Status.OK


def test_another_host_key_is_not_waited_for(faked: Bench, fake: FakeTransport) -> None:
    fake.refuse(HostKeyError("h1: another key"))
    with pytest.raises(HostKeyError):
        faked.run("wait_for_connection")


def test_an_interruption_ends_it(faked: Bench, fake: FakeTransport) -> None:
    fake.refuse(UnreachableError("gone"))
    faked.stopping = lambda: True
    with pytest.raises(InterruptedRun):
        faked.run("wait_for_connection")


def test_check_mode_waits_for_nothing(faked: Bench, fake: FakeTransport) -> None:
    assert faked.checking().run("wait_for_connection").status is Status.SKIPPED
    assert fake.calls == []


@pytest.mark.skipif(missing() is not None, reason="needs sshd")
def test_an_sshd_that_starts_later(bench: Bench, tmp_path: Path) -> None:
    sshd = Sshd(tmp_path)
    transport = make_transport("h1", sshd.options())
    seen = threading.Event()
    over = replace(bench, transport=transport)
    over.progress = _Telling(seen)

    def start() -> None:
        seen.wait(30)
        sshd.start()

    starting = threading.Thread(target=start)
    starting.start()
    try:
        result = over.run("wait_for_connection", timeout=50)
        assert (result.status, seen.is_set()) == (Status.OK, True)
    finally:
        starting.join()
        transport.close()
        sshd.stop()


class _Telling(list[tuple[object, ...]]):
    """Tells when the first progress is shown."""

    def __init__(self, seen: threading.Event) -> None:
        super().__init__()
        self._seen = seen

    def append(self, told: tuple[object, ...]) -> None:
        super().append(told)
        self._seen.set()
