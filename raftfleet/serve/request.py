"""What clients ask and what they get: one request read from its bytes, refused where it is no plain question."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from http.client import HTTPException, parse_headers
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LARGEST_HEAD", "Handler", "RefusedError", "Reply", "Request", "parsed", "text"]

LARGEST_HEAD = 8 * 1024
"""Bytes of request line and headers: a scrape has 300, with credentials 500."""

_METHODS = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class Request:
    """What a client wants; header names are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Reply:
    """What it gets."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class Handler(Protocol):
    """Answers requests; called from many threads at once."""

    def __call__(self, request: Request) -> Reply:
        """Answer."""
        ...


def text(status: int, message: str, **headers: str) -> Reply:
    """Return a reply in plain words."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    plain = {"Content-Type": "text/plain; charset=utf-8", **named}
    return Reply(status, f"{message}\n".encode(), plain)


class RefusedError(Exception):
    """A request that is answered before it is looked at."""

    def __init__(self, status: int, message: str, **headers: str) -> None:
        super().__init__(message)
        self.reply = text(status, message, **headers)


def parsed(head: bytes) -> Request:
    """Read a head up to its empty line; raise `RefusedError` for what is not done here."""
    line, _, rest = head.partition(b"\r\n")
    words = line.decode("latin-1").split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise RefusedError(400, "this is no HTTP/1.1 request")
    method, target, _ = words
    try:
        parsed = parse_headers(io.BytesIO(rest))
    except HTTPException:
        raise RefusedError(431, "too many headers") from None
    headers = {name.lower(): value for name, value in parsed.items()}
    if method not in _METHODS:
        raise RefusedError(
            405, f"{method[:20]} is not done here, only GET and HEAD", Allow="GET, HEAD"
        )
    if headers.get("content-length", "0") != "0" or "transfer-encoding" in headers:
        raise RefusedError(413, "a request may have no body")
    return Request(method, target, headers)
