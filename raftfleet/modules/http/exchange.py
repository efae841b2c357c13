"""One HTTP request and its answer, over a connection that the host makes.

The TCP connection begins at the host, with the host's way of resolving names, its routes and its
loopback; what is spoken on it is spoken here. So a host needs no curl, wget or python3, an answer
is read the same way everywhere, and no password ever stands on a command line. The price: what is
downloaded passes through this machine, and the host's sshd has to forward (`AllowTcpForwarding`).
"""

from __future__ import annotations

import contextlib
import http.client
import time
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from raftfleet.cluster.sockets import DeadlineSocket
from raftfleet.cluster.tls import TlsTunnel
from raftfleet.errors import CertificateError, ForwardingError, TaskError
from raftfleet.modules.http.proxies import authorization, pass_through

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator, Mapping
    from email.message import Message

    from raftfleet.modules.http.proxies import Proxies
    from raftfleet.modules.on_host import OnHost
    from raftfleet.transport.protocol import Tunnel

__all__ = ["Answer", "NoAnswerError", "Request", "bare_url", "exchange"]

_PORTS: Final = {"http": 80, "https": 443}
_BLOCK: Final = 256 * 1024


class NoAnswerError(Exception):
    """No answer came; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked; ``seconds`` bounds the connecting, and then each wait for data."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None
    seconds: float
    tls: ssl.SSLContext

    @property
    def parts(self) -> urllib.parse.SplitResult:
        """The parts of the URL."""
        return urllib.parse.urlsplit(self.url)

    @property
    def place(self) -> tuple[str, int]:
        """The host and port it goes to; `TaskError` for a URL without."""
        parts = self.parts
        with contextlib.suppress(ValueError):
            if parts.scheme in _PORTS and parts.hostname:
                return parts.hostname, parts.port or _PORTS[parts.scheme]
        raise TaskError(
            f"{bare_url(self.url)!r} is no URL that can be asked for",
            hint="it starts with http:// or https:// and names a host",
        )


@dataclass(slots=True)
class Answer:
    """An answer whose body is still to be read."""

    url: str
    status: int
    reason: str
    headers: Message
    response: http.client.HTTPResponse
    _socket: DeadlineSocket
    _seconds: float

    def pieces(self) -> Iterator[bytes]:
        """Yield the body as it comes; raises `NoAnswerError` when it breaks off."""
        with _explained():
            while True:
                self._socket.until = time.monotonic() + self._seconds
                # read1 alone would not notice that a body of known length was cut short.
                piece = self.response.read(_BLOCK)
                if not piece:
                    break
                yield piece
            if self.response.length:
                raise NoAnswerError(
                    f"the answer broke off, {self.response.length} bytes are missing"
                )

    def info(self) -> Message:
        """Return the headers, as a cookie jar asks for them."""
        return self.headers


@contextlib.contextmanager
def exchange(host: OnHost, request: Request, proxies: Proxies) -> Iterator[Answer]:
    """Send a request from the host; yield the answer, and close the connection after that.

    Raises `NoAnswerError` when there is none, `TaskError` when the host's sshd does not forward,
    and `raftfleet.errors.UnreachableError` when the host itself cannot be reached.
    """
    seconds = min(request.seconds, host.left)
    until = time.monotonic() + seconds
    proxy = proxies.over(request)
    with _explained(), contextlib.closing(_connected(host, request, proxy, seconds)) as tunnel:
        sock = DeadlineSocket(tunnel, until)
        connection = http.client.HTTPConnection(*request.place)
        connection.sock = sock  # all of a socket that it uses
        connection.default_port = _PORTS[request.parts.scheme]
        connection.request(
            request.method, _target(request, proxy), request.body, dict(request.headers)
        )
        sock.until = time.monotonic() + seconds
        response = connection.getresponse()
        yield Answer(
            request.url, response.status, response.reason, response.msg, response, sock, seconds
        )


def _connected(
    host: OnHost, request: Request, proxy: urllib.parse.SplitResult | None, seconds: float
) -> Tunnel:
    """Connect from the host, through a proxy if there is one, and under TLS if the URL says so."""
    name, port = request.place
    where = (proxy.hostname or "", proxy.port or _PORTS["http"]) if proxy else (name, port)
    tunnel = host.transport.tunnel(*where, timeout=seconds)
    if request.parts.scheme != "https":
        return tunnel
    try:
        if proxy is not None:
            pass_through(tunnel, f"{name}:{port}", authorization(proxy), seconds)
        return TlsTunnel(tunnel, request.tls, name, f"{name}:{port}", timeout=seconds)
    except BaseException:
        tunnel.close()
        raise


def _target(request: Request, proxy: urllib.parse.SplitResult | None) -> str:
    parts = request.parts
    path = urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, ""))
    path = urllib.parse.quote(path, safe="%/:=&?~#+!$,;'@()*[]")
    if proxy is None or parts.scheme == "https":
        return path
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{path}"


def bare_url(url: str) -> str:
    """Return a URL without user and password."""
    with contextlib.suppress(ValueError):
        parts = urllib.parse.urlsplit(url)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    return url


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """Say in a few words why there was no answer."""
    try:
        yield
    except ForwardingError as error:
        raise TaskError(
            f"{error.message}: requests go through the connection to the host",
            hint="allow it in its sshd_config, or use command: curl -fsS URL",
        ) from error
    except CertificateError as error:
        raise NoAnswerError(error.message) from error
    except TimeoutError as error:
        raise NoAnswerError("timed out") from error
    except http.client.RemoteDisconnected as error:
        raise NoAnswerError("the connection was closed without an answer") from error
    except ConnectionRefusedError as error:
        raise NoAnswerError("connection refused") from error
    except (OSError, http.client.HTTPException) as error:
        said = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise NoAnswerError(said) from error
