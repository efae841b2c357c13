"""Proxies on the way to a web server: which one, and what is said to it."""

from __future__ import annotations

import base64
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.modules.http.exchange import Request
    from raftfleet.transport.protocol import Tunnel


__all__ = ["Proxies", "authorization", "basic", "pass_through"]

_LONGEST_HEAD: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Proxies:
    """The proxies that the task's environment names."""

    environment: Mapping[str, str] = field(default_factory=dict)

    def over(self, request: Request) -> urllib.parse.SplitResult | None:
        """Return the proxy that a request goes through, or None."""
        named = {key.lower(): value for key, value in self.environment.items()}
        host, port = request.place
        unproxied = {"no": named.get("no_proxy", "")}
        if urllib.request.proxy_bypass_environment(f"{host}:{port}", unproxied):  # type: ignore[attr-defined]
            return None
        found = named.get(f"{request.parts.scheme}_proxy") or named.get("all_proxy")
        if not found:
            return None
        return urllib.parse.urlsplit(found if "//" in found else f"http://{found}")


def pass_through(
    tunnel: Tunnel, authority: str, headers: Mapping[str, str], seconds: float
) -> None:
    """Have a proxy connect us on; what it says to that ends with an empty line."""
    more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n{more}\r\n"
    tunnel.sendall(head.encode("latin-1"), timeout=seconds)
    said = b""
    while b"\r\n\r\n" not in said:
        piece = tunnel.recv(1, timeout=seconds)  # what comes after belongs to TLS
        if not piece or len(said) > _LONGEST_HEAD:
            raise ConnectionError("the proxy closed the connection")
        said += piece
    status = said.split(b"\r\n", 1)[0].decode("latin-1")
    if status.split(" ")[1:2] != ["200"]:
        raise ConnectionError(f"the proxy does not connect to {authority}: {status}")


def authorization(proxy: urllib.parse.SplitResult) -> dict[str, str]:
    """Return the header with the user and password that a proxy's URL names, if it does."""
    return {"Proxy-Authorization": basic(proxy)} if proxy.username else {}


def basic(parts: urllib.parse.SplitResult) -> str:
    """Return the header for the user and password that a URL names."""
    user = urllib.parse.unquote(parts.username or "")
    password = urllib.parse.unquote(parts.password or "")
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
