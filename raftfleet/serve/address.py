"""Where to listen: loopback unless told, anything else only behind TLS and credentials."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from raftfleet.errors import UsageError

if TYPE_CHECKING:
    from .webconfig import WebConfig

__all__ = ["PORT", "Address", "check_closed", "listen"]

PORT = 17400
"""Outside Linux's ephemeral ports (32768-60999), and none of the 9100-9999 that exporters share."""

_HIGHEST_PORT = 0xFFFF
_BACKLOG = 128


@dataclass(frozen=True, slots=True)
class Address:
    """A literal address and a port; port 0 is any that is free."""

    host: str
    port: int

    @classmethod
    def of(cls, text: str) -> Address:
        """Read `HOST:PORT`, `[V6]:PORT`, `:PORT` (every address) or `HOST`."""
        host, port = _parted(text)
        if port is None or not 0 <= port <= _HIGHEST_PORT:
            raise UsageError(
                f"--listen {text}: wants an address and a port",
                hint=f"127.0.0.1:{PORT}, [::1]:{PORT}, or :{PORT} for every address",
            )
        if host == "localhost":
            host = "127.0.0.1"
        try:
            ipaddress.ip_address(host)
        except ValueError:
            raise UsageError(
                f"--listen {text}: {host!r} is no address of this machine",
                hint="an IP address: a name may mean another one tomorrow",
            ) from None
        return cls(host, port)

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return ipaddress.ip_address(self.host).is_loopback

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _parted(text: str) -> tuple[str, int | None]:
    """Return host and port of what was written; None for a port that is none."""
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        rest = rest.removeprefix(":") if rest.startswith(":") or not rest else "?"
    elif text.count(":") > 1:
        host, rest = text, ""
    else:
        host, _, rest = text.partition(":")
    if not rest:
        return host or "::", PORT
    return host or "::", int(rest) if rest.isascii() and rest.isdecimal() else None


def check_closed(address: Address, web: WebConfig) -> None:
    """Refuse an address that others reach without TLS and credentials."""
    if address.is_loopback or web.is_closed:
        return
    lacks = "credentials" if web.tls else "TLS and credentials"
    raise UsageError(
        f"--listen {address} can be reached from other machines, and there are no {lacks}",
        hint="name a --web-config with tls_server_config and basic_auth_users (or "
        "RequireAndVerifyClientCert), or listen on 127.0.0.1 behind a proxy or a tunnel",
    )


def listen(address: Address) -> socket.socket:
    """Return a listening socket; `UsageError` when the port is taken or the address is not ours."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    both = family == socket.AF_INET6 and address.host == "::"
    try:
        return socket.create_server(
            (address.host, address.port), family=family, backlog=_BACKLOG, dualstack_ipv6=both
        )
    except OSError as error:
        raise UsageError(
            f"cannot listen on {address}: {error.strerror}",
            hint=f"another serve may be running; choose another: --listen 127.0.0.1:{PORT + 1}",
        ) from None
