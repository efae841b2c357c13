"""No client holds the server up: not a slow one, not a silent one, not a crowd, not a large one."""

from __future__ import annotations

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from raftfleet.serve.httpserver import HttpServer
from raftfleet.serve.request import LARGEST_HEAD, Reply, Request, text
from tests.cluster.bench import until
from tests.serve.conftest import PATIENCE, exchange, get, said

if TYPE_CHECKING:
    from collections.abc import Iterator

    Address = tuple[str, int]


def echo(request: Request) -> Reply:
    return text(200, f"{request.method} {request.target} {request.headers.get('x-word', '-')}")


@pytest.fixture
def address(listener: socket.socket) -> Address:
    host, port = listener.getsockname()
    return host, port


@pytest.fixture
def server(listener: socket.socket) -> Iterator[HttpServer]:
    with HttpServer(listener, echo) as made:
        yield made


def test_a_request_is_answered_and_the_connection_ended(
    server: HttpServer, address: Address
) -> None:
    got = get(address, "/metrics?x=1", "X-Word: hello")
    assert (got.status, got.text) == (200, "GET /metrics?x=1 hello\n")
    assert got.headers["connection"] == "close"
    until(lambda: server.open == 0, "the end of the connection")


def test_head_is_get_without_the_body(server: HttpServer, address: Address) -> None:
    got = get(address, "/", method="HEAD")
    assert (got.status, got.body, got.headers["content-length"]) == (200, b"", "9")
    assert server.alive


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"POST /metrics HTTP/1.1\r\n\r\n", 405),
        (b"DELETE / HTTP/1.1\r\n\r\n", 405),
        (b"GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", 413),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 413),
        (b"GET /\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 101 + b"\r\n", 431),
        (b"GET /" + b"a" * LARGEST_HEAD + b" HTTP/1.1\r\n\r\n", 431),
    ],
    ids=["post", "delete", "body", "chunked", "http/0.9", "tls", "headers", "long"],
)
def test_what_is_no_plain_question_is_refused(
    server: HttpServer, address: Address, raw: bytes, status: int
) -> None:
    got = said(exchange(address, raw))
    assert got.status == status
    assert get(address, "/").status == 200
    assert server.refused == {"crowded": 0, "slow": 0, "broken": 0}


def test_a_head_that_never_ends_is_refused_before_it_has_been_read(
    server: HttpServer, address: Address
) -> None:
    with socket.create_connection(address, timeout=PATIENCE) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\n" + b"A: " + b"b" * (LARGEST_HEAD + 4096))
        assert sock.recv(12) == b"HTTP/1.1 431"
    assert server.alive


def trickled(sock: socket.socket) -> bool:
    """Send byte after byte until the other side has had enough of it."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            sock.sendall(b"G")
        except OSError:
            return True
        time.sleep(0.02)
    return False


def test_who_says_its_request_byte_by_byte_has_one_deadline_for_all_of_it(
    listener: socket.socket, address: Address
) -> None:
    with HttpServer(listener, echo, reading=0.3) as server:
        with socket.create_connection(address, timeout=PATIENCE) as sock:
            assert trickled(sock), "never sent away"
        until(lambda: server.refused["slow"] == 1, "the count")
        assert get(address, "/").status == 200


def test_who_takes_no_answer_is_let_go(listener: socket.socket, address: Address) -> None:
    def large(request: Request) -> Reply:
        del request
        return Reply(200, b"x" * 50_000_000)

    with HttpServer(listener, large, writing=0.3) as server, socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect(address)
        sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
        until(lambda: server.refused["slow"] == 1, "the deadline")
        until(lambda: server.open == 0, "the end of the connection")


def test_a_crowd_that_says_nothing_keeps_nobody_out(
    listener: socket.socket, address: Address
) -> None:
    with HttpServer(listener, echo, most=4) as server, ExitStack() as stack:
        silent = [
            stack.enter_context(socket.create_connection(address, timeout=PATIENCE))
            for _ in range(4)
        ]
        until(lambda: server.open == 4, "all of them")
        for _ in range(3):
            assert get(address, "/").status == 200
        assert server.open <= 4
        assert server.refused["crowded"] >= 1
        assert silent[0].recv(1) == b""  # the one that has been silent longest made room


def test_who_is_being_served_is_not_sent_away_for_a_newcomer(
    listener: socket.socket, address: Address
) -> None:
    going = threading.Event()
    inside = threading.Semaphore(0)

    def slow(request: Request) -> Reply:
        inside.release()
        going.wait(PATIENCE)
        return echo(request)

    with HttpServer(listener, slow, most=2) as server, ThreadPoolExecutor(2) as pool:
        served = [pool.submit(get, address, "/") for _ in range(2)]
        for _ in range(2):
            assert inside.acquire(timeout=PATIENCE)
        with pytest.raises((ConnectionError, ValueError, IndexError)):
            get(address, "/")
        assert server.refused["crowded"] == 1
        going.set()
        assert [one.result().status for one in served] == [200, 200]


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_nothing_grows_with_requests_twenty_at_a_time(server: HttpServer, address: Address) -> None:
    with ThreadPoolExecutor(20) as pool:
        assert {one.status for one in pool.map(lambda _: get(address, "/"), range(200))} == {200}
        until(lambda: server.open == 0, "the end of all")
        threads, files = threading.active_count(), descriptors()
        assert {one.status for one in pool.map(lambda _: get(address, "/"), range(2000))} == {200}
        until(lambda: server.open == 0, "the end of all")
        until(lambda: threading.active_count() <= threads, "the end of the threads")
        assert descriptors() <= files


def test_the_end_ends_those_who_wait(listener: socket.socket, address: Address) -> None:
    with HttpServer(listener, echo) as server:
        sock = socket.create_connection(address, timeout=PATIENCE)
        until(lambda: server.open == 1, "the connection")
    with sock:
        assert sock.recv(1) == b""
    with pytest.raises(ConnectionRefusedError):
        get(address, "/")
