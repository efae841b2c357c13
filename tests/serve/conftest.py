"""Clients for the pages, and a daemon's parts that stand on nothing but this machine."""

from __future__ import annotations

import io
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from raftfleet.serve.address import Address, listen
from raftfleet.serve.log import Log

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE = 30.0


@dataclass(frozen=True)
class Got:
    """An answer, read to its end."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


def said(raw: bytes) -> Got:
    """Read an answer."""
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return Got(int(first.split(" ")[1]), headers, body)


def exchange(address: tuple[str, int], raw: bytes) -> bytes:
    """Send bytes and read until the other side closes."""
    with socket.create_connection(address, timeout=PATIENCE) as sock:
        sock.sendall(raw)
        parts = []
        while part := sock.recv(65536):
            parts.append(part)
    return b"".join(parts)


def get(address: tuple[str, int], target: str, *headers: str, method: str = "GET") -> Got:
    """Ask for a page."""
    lines = [f"{method} {target} HTTP/1.1", "Host: localhost", *headers, "", ""]
    return said(exchange(address, "\r\n".join(lines).encode()))


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with listen(Address("127.0.0.1", 0)) as sock:
        yield sock


@pytest.fixture
def lines() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def log(lines: io.StringIO) -> Log:
    return Log(lines)
