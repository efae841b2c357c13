"""Ports of the host, carried through the connection."""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING

from raftfleet.transport import Command

if TYPE_CHECKING:
    from tests.transport.conftest import MakeTransport
    from tests.transport.sshd import Sshd

PATIENCE = 30.0
TRUE = Command("true")


def test_what_the_client_of_a_forwarded_port_cuts_is_cut_at_the_far_end(
    ssh: MakeTransport,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(PATIENCE)
        endpoint = ssh().forward(*server.getsockname(), timeout=PATIENCE)
        client = socket.create_connection((endpoint.host, endpoint.port), PATIENCE)
        far, _ = server.accept()
        with far:
            far.settimeout(PATIENCE)
            far.sendall(b"hello")
            assert client.recv(5) == b"hello"
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
            assert far.recv(1) == b""


def test_half_a_forwarded_connection_can_be_closed(ssh: MakeTransport) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(PATIENCE)
        endpoint = ssh().forward(*server.getsockname(), timeout=PATIENCE)
        with socket.create_connection((endpoint.host, endpoint.port), PATIENCE) as client:
            far, _ = server.accept()
            with far:
                client.sendall(b"question")
                client.shutdown(socket.SHUT_WR)
                far.settimeout(PATIENCE)
                assert b"".join(iter(lambda: far.recv(100), b"")) == b"question"
                far.sendall(bytes(3_000_000))
            assert len(b"".join(iter(lambda: client.recv(65536), b""))) == 3_000_000


def test_a_forwarded_port_outlives_the_connection_it_was_made_on(
    sshd: Sshd, ssh: MakeTransport
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(PATIENCE)
        endpoint = ssh().forward(*server.getsockname(), timeout=PATIENCE)
        for _ in range(2):
            with socket.create_connection((endpoint.host, endpoint.port), PATIENCE) as client:
                far, _ = server.accept()
                with far:
                    far.sendall(b"x")
                    assert client.recv(1) == b"x"
                    sshd.cut()
                    assert client.recv(1) == b""
