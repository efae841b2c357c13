"""The socket lets go of calls that outstay their deadline, and of nothing else."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from raftfleet.clock import Deadline, SystemClock
from raftfleet.transport import wire
from raftfleet.transport.wire import Wire, dial

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATIENCE = 20.0


def soon(seconds: float) -> Deadline:
    return Deadline.after(seconds, SystemClock())


@pytest.fixture
def pair() -> Iterator[tuple[Wire, socket.socket]]:
    ours, theirs = socket.socketpair()
    ours.settimeout(0.05)  # paramiko polls so
    with theirs:
        line = Wire(ours)
        yield line, theirs
        line.close()


def until_broken(call: Callable[[], object]) -> OSError:
    """Call again and again, as paramiko does, until the wire breaks."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            call()
        except TimeoutError:
            continue
        except OSError as error:
            return error
    raise AssertionError("it never broke")


def test_a_read_that_outstays_its_limit_breaks_the_wire(pair: tuple[Wire, socket.socket]) -> None:
    line, theirs = pair
    with line.limit(time.monotonic() + 0.2):
        error = until_broken(lambda: line.recv(10))
    assert "did not answer in time" in str(error)
    assert theirs.recv(1) == b""


def test_a_write_that_outstays_its_limit_breaks_the_wire(pair: tuple[Wire, socket.socket]) -> None:
    line, _ = pair
    with line.limit(time.monotonic() + 0.2):
        error = until_broken(lambda: line.send(bytes(100_000)))
    assert error.args[0]  # paramiko looks for a number
    assert "did not answer in time" in str(error)


def test_a_limit_of_another_thread_counts_for_whoever_is_stuck(
    pair: tuple[Wire, socket.socket],
) -> None:
    line, _ = pair
    broken: list[OSError] = []
    stuck = threading.Thread(target=lambda: broken.append(until_broken(lambda: line.recv(1))))
    stuck.start()
    with line.limit(time.monotonic() + 60), line.limit(time.monotonic() + 0.2):
        stuck.join(PATIENCE)
    assert broken


def test_a_limit_that_was_kept_breaks_nothing(pair: tuple[Wire, socket.socket]) -> None:
    line, theirs = pair
    with line.limit(time.monotonic() + 0.1):
        pass
    with line.limit(time.monotonic() + 60):
        end = time.monotonic() + 0.3
        while time.monotonic() < end:
            with pytest.raises(TimeoutError):
                line.recv(1)
    theirs.sendall(b"fine")
    assert line.recv(4) == b"fine"


def test_silence_counts_from_the_last_byte_after_a_miss(pair: tuple[Wire, socket.socket]) -> None:
    line, theirs = pair
    assert line.silence == 0.0
    asked = time.monotonic()
    line.misses(asked - 100)
    assert 0.0 <= line.silence < 100  # it was heard of when the wire was made
    line.heard = asked - 50
    line.misses(asked - 100)
    assert 50 <= line.silence < 100
    theirs.sendall(b"x")
    line.recv(1)
    assert line.silence == 0.0


def test_a_connection_waits_for_no_acknowledgement_and_not_for_ever() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        line = dial("127.0.0.1", server.getsockname()[1], soon(PATIENCE))
        options = line._socket
        assert options.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert options.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 30_000
        assert line.getpeername() == server.getsockname()
        line.close()


def test_every_address_of_a_name_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def answers(*_: object) -> list[object]:
            stream = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
            return [(*stream, ("127.0.0.2", port)), (*stream, ("127.0.0.1", port))]

        monkeypatch.setattr(wire, "_resolve", answers)
        line = dial("two.example", port, soon(PATIENCE))
        assert line.getpeername() == ("127.0.0.1", port)
        line.close()


def test_a_name_server_that_is_silent_costs_only_the_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answered = threading.Event()
    real = socket.getaddrinfo

    def slow(address: str, port: int, **options: int) -> object:
        if "flags" in options:
            return real(address, port, **options)
        answered.wait(PATIENCE)
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    with pytest.raises(TimeoutError, match=r"slow\.example was not resolved in time"):
        dial("slow.example", 22, soon(0.2))
    answered.set()


def test_an_address_that_does_not_answer_costs_only_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        place: tuple[str, int] = full.getsockname()
        waiting = []
        for _ in range(3):  # fill the queue: further connections are not answered at all
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(place)
            waiting.append(client)
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            dial(place[0], place[1], soon(0.3))
        assert time.monotonic() - began < PATIENCE
        for client in waiting:
            client.close()


def test_what_arrives_over_tcp_is_acknowledged_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        line = dial("127.0.0.1", server.getsockname()[1], soon(PATIENCE))
        theirs, _ = server.accept()
    with theirs:
        for _ in range(10):  # in such a conversation the kernel begins to wait before it does
            line.send(b"question")
            theirs.recv(20)
            theirs.send(b"answer")
            line.recv(20)
        assert line._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK)
        line.close()
