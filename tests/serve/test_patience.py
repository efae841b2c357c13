"""Where we were not let in we do not knock again at once, least of all with a wrong password."""

from __future__ import annotations

import pytest

from raftfleet.clock import FakeClock
from raftfleet.errors import (
    AuthenticationError,
    CertificateError,
    ForwardingError,
    HostKeyError,
    UnreachableError,
)
from raftfleet.serve.patience import REASONS, PatientTransport, reason_of
from raftfleet.testing.transport import FakeTransport
from raftfleet.transport import Command

DOWN = UnreachableError("n1: no answer")
REFUSED = AuthenticationError("n1: wrong password")


class Knocks(FakeTransport):
    """Counts attempts to connect."""

    knocks = 0

    def connect(self, *, timeout: float) -> None:
        self.knocks += 1
        super().connect(timeout=timeout)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def host(clock: FakeClock) -> Knocks:
    return Knocks("n1", clock)


def ask_for(hours: float, patient: PatientTransport, clock: FakeClock) -> None:
    """Ask every second for so long, whatever comes of it."""
    for _ in range(int(hours * 3600)):
        with pytest.raises(UnreachableError):
            patient.run(Command("true"), timeout=5)
        clock.advance(1)


def test_a_host_that_is_down_is_tried_after_pauses_that_grow(
    host: Knocks, clock: FakeClock
) -> None:
    patient = PatientTransport(host, clock)
    host.refuse(DOWN)
    ask_for(1, patient, clock)
    assert 50 < host.knocks < 70  # about once a minute


def test_a_wrong_password_is_tried_a_few_times_an_hour(host: Knocks, clock: FakeClock) -> None:
    patient = PatientTransport(host, clock)
    host.refuse(REFUSED)
    ask_for(1, patient, clock)
    assert 2 < host.knocks < 8
    assert patient.error is REFUSED


def test_meanwhile_the_last_error_is_raised_at_once(host: Knocks, clock: FakeClock) -> None:
    patient = PatientTransport(host, clock)
    host.refuse(REFUSED)
    for _ in range(3):
        with pytest.raises(AuthenticationError, match="wrong password"):
            patient.tunnel("127.0.0.1", 80, timeout=5)
    assert host.knocks == 1
    assert 0 < patient.pause <= 60


def test_a_host_that_is_back_is_found_back_and_forgiven(host: Knocks, clock: FakeClock) -> None:
    patient = PatientTransport(host, clock)
    host.refuse(DOWN)
    ask_for(0.1, patient, clock)
    host.refuse(None)
    host.on("true")
    clock.advance(patient.pause)
    assert patient.run(Command("true"), timeout=5).ok
    assert (patient.error, patient.pause) == (None, 0.0)
    host.refuse(DOWN)
    with pytest.raises(UnreachableError):
        patient.run(Command("true"), timeout=5)
    assert patient.pause == 5.0  # as for the first time


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (DOWN, "unreachable"),
        (REFUSED, "authentication"),
        (HostKeyError("x"), "host_key"),
        (CertificateError("x"), "certificate"),
        (ForwardingError("x"), "forwarding"),
    ],
)
def test_every_reason_has_a_word(error: UnreachableError, reason: str) -> None:
    assert reason_of(error) == reason
    assert reason in REASONS
