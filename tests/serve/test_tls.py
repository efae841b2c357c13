"""Behind TLS: who has a password or a certificate is answered, nobody else; handshakes have a deadline."""

from __future__ import annotations

import contextlib
import socket
import ssl
from typing import TYPE_CHECKING

import pytest

from raftfleet.serve.httpserver import HttpServer
from raftfleet.serve.request import Reply, Request, text
from raftfleet.serve.webconfig import read_web_config
from tests.cluster.bench import until
from tests.serve.conftest import PATIENCE, Got, exchange, said
from tests.serve.test_webconfig import TLS, certificate

if TYPE_CHECKING:
    from pathlib import Path


def hello(request: Request) -> Reply:
    del request
    return text(200, "hello")


def asked(address: tuple[str, int], context: ssl.SSLContext) -> Got:
    raw = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with (
        socket.create_connection(address, timeout=PATIENCE) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as sock,
    ):
        sock.sendall(raw)
        parts = []
        while part := sock.recv(65536):
            parts.append(part)
    return said(b"".join(parts))


def trusting(folder: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=folder / "server.pem")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("tls")
    certificate(made)
    certificate(made, "client")
    (made / "web.yml").write_text(TLS)
    (made / "certified.yml").write_text(
        f"{TLS}  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: client.pem\n"
    )
    return made


def test_a_request_under_tls_is_answered(folder: Path, listener: socket.socket) -> None:
    web = read_web_config(folder / "web.yml")
    with HttpServer(listener, hello, web.tls):
        got = asked(listener.getsockname(), trusting(folder))
    assert (got.status, got.text) == (200, "hello\n")


def test_without_tls_there_is_no_answer(folder: Path, listener: socket.socket) -> None:
    web = read_web_config(folder / "web.yml")
    with HttpServer(listener, hello, web.tls) as server:
        with contextlib.suppress(ConnectionResetError):
            answer = exchange(listener.getsockname(), b"GET / HTTP/1.1\r\n\r\n")
            assert b"hello" not in answer
        until(lambda: server.refused["broken"] == 1, "the count")


def test_without_the_wanted_certificate_there_is_no_answer(
    folder: Path, listener: socket.socket
) -> None:
    web = read_web_config(folder / "certified.yml")
    with HttpServer(listener, hello, web.tls):
        with pytest.raises((ssl.SSLError, ConnectionError)):
            asked(listener.getsockname(), trusting(folder))
        known = trusting(folder)
        known.load_cert_chain(folder / "client.pem", folder / "client.key")
        assert asked(listener.getsockname(), known).status == 200


def test_who_never_shakes_hands_is_let_go(folder: Path, listener: socket.socket) -> None:
    web = read_web_config(folder / "web.yml")
    with (
        HttpServer(listener, hello, web.tls, reading=0.2) as server,
        socket.create_connection(listener.getsockname(), timeout=PATIENCE) as sock,
    ):
        assert sock.recv(1) == b""
        until(lambda: server.refused["slow"] == 1, "the count")
