"""Cures whose illness is too rare to wait for on a real connection."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import paramiko
import pytest

from raftfleet.transport.cures import CuredTransport

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE = 20.0


class Probe(CuredTransport):
    """A transport whose own thread says something while keys are exchanged, then ends the exchange."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        self.sent: list[paramiko.Message] = []
        self.before: list[paramiko.Message] | None = None
        self.active = True
        self.words = [paramiko.Message(b"\x61one"), paramiko.Message(b"\x61two")]

    def run(self) -> None:
        for word in self.words:
            self._send_user_message(word)
        self.before = list(self.sent)
        self._new_keys(paramiko.Message())

    def _parse_newkeys(self, message: paramiko.Message) -> None:  # noqa: ARG002
        self.clear_to_send.set()

    def _send_message(self, data: paramiko.Message) -> None:
        self.sent.append(data)


@pytest.fixture
def probe() -> Iterator[Probe]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Probe(ours)


def test_its_own_thread_does_not_wait_for_a_key_exchange_that_only_it_can_end(
    probe: Probe,
) -> None:
    threading.Thread.start(probe)
    probe.join(PATIENCE)
    assert not probe.is_alive()
    assert probe.before == []
    assert probe.sent == probe.words


def test_other_threads_wait_for_the_key_exchange(probe: Probe) -> None:
    word = paramiko.Message(b"\x61other")
    other = threading.Thread(target=probe._send_user_message, args=(word,))
    other.start()
    other.join(0.3)
    assert other.is_alive()
    assert probe.sent == []
    threading.Thread.start(probe)
    other.join(PATIENCE)
    probe.join(PATIENCE)
    assert {id(one) for one in probe.sent} == {id(one) for one in [word, *probe.words]}
