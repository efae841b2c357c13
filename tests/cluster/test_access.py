"""One deadline for each request, whatever the peer does; nothing is ever sent twice."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pytest

from raftfleet.cluster.access import NodeAccess
from raftfleet.cluster.ways import DirectWay
from raftfleet.journal.values import Port
from raftfleet.systems.protocol import AccessError
from raftfleet.testing.system import toy_node
from tests.cluster.bench import PATIENCE, free_ports, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Talk = Callable[[socket.socket], None]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Name: Value\r\n\r\nok"


class Peer:
    """A server that does with each connection what it is told."""

    def __init__(self, talk: Talk) -> None:
        self.requests: list[bytes] = []
        self.accepted = 0
        self._talk = talk
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._connections: list[socket.socket] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._server.accept()
                self.accepted += 1
                self._connections.append(connection)
                threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            self._talk(connection)

    def read(self, connection: socket.socket) -> bytes:
        """Read one request up to its body; empty when the client is gone."""
        data = b""
        while b"\r\n\r\n" not in data:
            more = connection.recv(4096)
            if not more:
                return b""
            data += more
        self.requests.append(data)
        return data

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for connection in self._connections:
            connection.close()


class Serve:
    """Makes peers and the access to them, and closes both."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        self._stack = stack

    def __call__(self, talk: Callable[[Peer, socket.socket], None]) -> tuple[Peer, NodeAccess]:
        peer = Peer(lambda connection: talk(peer, connection))
        self._stack.callback(peer.close)
        access = access_to(peer.port)
        self._stack.callback(access.close)
        return peer, access


@pytest.fixture
def serve() -> Iterator[Serve]:
    with contextlib.ExitStack() as stack:
        yield Serve(stack)


def access_to(port: int) -> NodeAccess:
    node = toy_node("n1", 1, PurePosixPath("/opt/toy"), port)
    return NodeAccess(node, {"status": Port("status", port)})


def get(access: NodeAccess, timeout: float = PATIENCE) -> bytes:
    return access.request("status", "GET", "/x", timeout=timeout).body


def answering(peer: Peer, connection: socket.socket) -> None:
    while peer.read(connection):
        connection.sendall(OK)


def test_a_connection_is_kept(serve: Serve) -> None:
    peer, access = serve(answering)
    answers = [access.request("status", "GET", "/x", timeout=PATIENCE) for _ in range(5)]
    assert {answer.body for answer in answers} == {b"ok"}
    assert answers[0].status == 200
    assert answers[0].headers["x-name"] == "Value"
    assert peer.accepted == 1
    assert len(peer.requests) == 5


def test_threads_do_not_share_a_connection(serve: Serve) -> None:
    meeting = threading.Barrier(3)

    def talk(peer: Peer, connection: socket.socket) -> None:
        while peer.read(connection):
            meeting.wait(PATIENCE)
            connection.sendall(OK)

    peer, access = serve(talk)
    bodies: list[bytes] = []
    threads = [threading.Thread(target=lambda: bodies.append(get(access))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert bodies == [b"ok"] * 3
    assert peer.accepted == 3


def test_a_body_and_headers_are_sent(serve: Serve) -> None:
    def talk(peer: Peer, connection: socket.socket) -> None:
        data = peer.read(connection)
        while not data.endswith(b"hello"):
            data += connection.recv(5)
        peer.requests.append(data)
        connection.sendall(OK)

    peer, access = serve(talk)
    access.request(
        "status", "POST", "/y", timeout=PATIENCE, body=b"hello", headers={"X-Token": "t"}
    )
    assert peer.requests[0].startswith(b"POST /y HTTP/1.1")
    assert b"X-Token: t" in peer.requests[0]
    assert b"Content-Length: 5" in peer.requests[0]
    assert peer.requests[1].endswith(b"\r\n\r\nhello")


def test_nobody_listening_is_refused() -> None:
    (port,) = free_ports(1)
    with pytest.raises(AccessError, match=r"^connection refused$"):
        get(access_to(port))


def test_an_unknown_port_is_named() -> None:
    with pytest.raises(AccessError, match="n1 has no port named grcp"):
        access_to(1).request("grcp", "GET", "/", timeout=1)


# --- peers that take their time ----------------------------------------------------------------


def stalled(peer: Peer, connection: socket.socket) -> None:
    peer.read(connection)
    time.sleep(PATIENCE)


def trickling(peer: Peer, connection: socket.socket) -> None:
    """Say something all the time, so that no single read ever takes long."""
    peer.read(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    for _ in range(int(PATIENCE / 0.05)):
        connection.sendall(b"x")
        time.sleep(0.05)


def trickling_headers(peer: Peer, connection: socket.socket) -> None:
    peer.read(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    for number in range(int(PATIENCE / 0.05)):
        connection.sendall(b"X-%d: y\r\n" % number)
        time.sleep(0.05)


@pytest.mark.parametrize("talk", [stalled, trickling, trickling_headers])
def test_the_deadline_holds_for_the_whole_exchange(
    serve: Serve, talk: Callable[[Peer, socket.socket], None]
) -> None:
    _, access = serve(talk)
    began = time.monotonic()
    with pytest.raises(AccessError, match=r"^no answer within 0.4 s$"):
        get(access, timeout=0.4)
    assert 0.4 <= time.monotonic() - began < PATIENCE / 2


def test_a_peer_that_never_accepts_is_given_up() -> None:
    """Its queue is full: the kernel neither accepts nor refuses."""
    with socket.socket() as server, contextlib.ExitStack() as stack:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        address = server.getsockname()
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(address)
        with pytest.raises(AccessError, match="no answer within"):
            get(access_to(address[1]), timeout=0.4)


def test_a_peer_that_does_not_read_is_given_up(serve: Serve) -> None:
    _, access = serve(lambda _peer, _connection: time.sleep(PATIENCE))
    with pytest.raises(AccessError, match="no answer within"):
        access.request("status", "POST", "/", timeout=0.5, body=b"x" * 50_000_000)


# --- connections that end ----------------------------------------------------------------------


def once(peer: Peer, connection: socket.socket) -> None:
    """Answer, and then hang up without a word."""
    if peer.read(connection):
        connection.sendall(OK)
    connection.close()


def test_a_connection_closed_meanwhile_is_replaced(serve: Serve) -> None:
    peer, access = serve(once)
    for count in range(1, 4):
        assert get(access) == b"ok"
        kept = access._idle["status"][0]._sock
        assert kept is not None
        until(lambda kept=kept: kept.tunnel.pending, "the peer's goodbye")  # type: ignore[misc]
        assert peer.accepted == count
    assert len(peer.requests) == 3, "nothing was sent twice"


def test_an_answer_that_says_close_is_read_to_its_end(serve: Serve) -> None:
    def talk(peer: Peer, connection: socket.socket) -> None:
        peer.read(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\npart one, ")
        connection.sendall(b"part two")
        connection.close()

    peer, access = serve(talk)
    assert get(access) == b"part one, part two"
    assert get(access) == b"part one, part two"
    assert peer.accepted == 2


def test_a_chunked_answer_is_read(serve: Serve) -> None:
    def talk(peer: Peer, connection: socket.socket) -> None:
        while peer.read(connection):
            connection.sendall(
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
            )

    peer, access = serve(talk)
    assert get(access) == b"abcde"
    assert get(access) == b"abcde"
    assert peer.accepted == 1


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"", "the connection was closed without an answer"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "bad answer: SSH-2.0-OpenSSH"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", "bad answer: IncompleteRead"),
    ],
)
def test_an_answer_that_is_none_says_why(serve: Serve, said: bytes, reason: str) -> None:
    def talk(peer: Peer, connection: socket.socket) -> None:
        peer.read(connection)
        connection.sendall(said)
        connection.close()

    _, access = serve(talk)
    with pytest.raises(AccessError, match=reason):
        get(access)


@pytest.mark.parametrize("length", [b"Content-Length: 99\r\n", b""])
def test_an_answer_without_end_is_cut_off(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, length: bytes
) -> None:
    monkeypatch.setattr("raftfleet.cluster.access._LARGEST", 10)

    def talk(peer: Peer, connection: socket.socket) -> None:
        peer.read(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n" + length + b"\r\n" + b"x" * 50)
        time.sleep(PATIENCE)

    _, access = serve(talk)
    with pytest.raises(AccessError, match="bad answer: larger than 10 bytes"):
        get(access)


def test_a_reset_is_called_one(serve: Serve) -> None:
    def talk(peer: Peer, connection: socket.socket) -> None:
        peer.read(connection)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()

    _, access = serve(talk)
    with pytest.raises(AccessError, match=r"^connection reset$"):
        get(access)


def test_after_an_error_the_next_request_has_a_connection_of_its_own(serve: Serve) -> None:
    """A late answer to an old question must never be taken for one to a new question."""
    turns = iter((True, False))

    def talk(peer: Peer, connection: socket.socket) -> None:
        late = next(turns)
        peer.read(connection)
        if late:
            time.sleep(1.0)
            connection.sendall(OK.replace(b"ok", b"no"))
        connection.sendall(OK)

    _, access = serve(talk)
    with pytest.raises(AccessError):
        get(access, timeout=0.2)
    assert get(access) == b"ok"


def test_closing_wakes_a_request_under_way(serve: Serve) -> None:
    peer, access = serve(stalled)
    failed: list[str] = []

    def ask() -> None:
        try:
            get(access)
        except AccessError as error:
            failed.append(str(error))

    asking = threading.Thread(target=ask)
    asking.start()
    until(lambda: peer.requests, "the request")
    access.close()
    asking.join(PATIENCE / 2)
    assert not asking.is_alive()
    assert failed


def test_a_port_may_be_reached_somewhere_else(serve: Serve) -> None:
    peer, _ = serve(answering)
    node = toy_node("n1", 1, PurePosixPath("/opt/toy"), 7, address="192.0.2.1")
    access = NodeAccess(
        node, {"status": Port("status", 7)}, DirectWay("127.0.0.1", {"status": peer.port})
    )
    assert get(access) == b"ok"
    access.close()
