"""Reaching a node's API: connections that are kept, and one deadline for each request.

The deadline holds for the whole exchange, so a peer that accepts and then stalls or trickles costs
no more than one that does not answer. A connection the peer has closed meanwhile is replaced before
anything is sent on it; nothing is ever sent twice. Whether the connections are this machine's own
or carried by the one to the node's host is the `ways.Way`'s affair.
"""

from __future__ import annotations

import http.client
import threading
import time
from typing import TYPE_CHECKING

from raftfleet.errors import CertificateError, ForwardingError, UnreachableError
from raftfleet.systems.protocol import AccessError, Answer, UnsentError

from .sockets import DeadlineSocket, left
from .ways import DirectWay

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.journal.values import Port
    from raftfleet.systems.protocol import Node

    from .ways import Way

__all__ = ["NodeAccess"]

_LARGEST = 64 * 1024 * 1024


class NodeAccess:
    """A node's ports, for any number of threads; ``way`` says how, directly by default."""

    def __init__(self, node: Node, ports: Mapping[str, Port], way: Way | None = None) -> None:
        self.node = node
        self._ports = ports
        self._way = way or DirectWay(node.identity.address)
        self._lock = threading.Lock()
        self._idle: dict[str, list[_Connection]] = {}
        self._busy: set[_Connection] = set()

    @property
    def over_loopback(self) -> bool:
        """Whether the node takes our requests for its own host's."""
        return self._way.over_loopback

    def request(
        self,
        port: str,
        method: str,
        path: str,
        *,
        timeout: float,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Ask over a kept connection; raise `AccessError` when no answer comes in time.

        What no other attempt would change is raised as itself: `ForwardingError` when the host's
        sshd does not let us through, `CertificateError` when the node's certificate is not to be
        trusted.
        """
        until = time.monotonic() + timeout
        connection = self._take(port)
        try:
            answer = connection.exchange(method, path, body, headers or {}, until)
        except TimeoutError:
            self._drop(connection)
            raise connection.failure(f"no answer within {timeout:g} s") from None
        except (OSError, http.client.HTTPException) as error:
            self._drop(connection)
            raise connection.failure(_reason(error)) from None
        except (CertificateError, ForwardingError):
            self._drop(connection)
            raise
        except UnreachableError as error:
            self._drop(connection)
            raise connection.failure(error.message) from None
        except BaseException:
            self._drop(connection)
            raise
        self._keep(port, connection)
        return answer

    def _take(self, port: str) -> _Connection:
        """Return a connection that nobody uses right now."""
        if port not in self._ports:
            raise AccessError(f"{self.node.name} has no port named {port}")
        with self._lock:
            idle = self._idle.get(port)
            taken = idle.pop() if idle else _Connection(self._way, self._ports[port])
            self._busy.add(taken)
            return taken

    def _keep(self, port: str, connection: _Connection) -> None:
        with self._lock:
            self._busy.discard(connection)
            self._idle.setdefault(port, []).append(connection)

    def _drop(self, connection: _Connection) -> None:
        with self._lock:
            self._busy.discard(connection)
        connection.close()

    def close(self) -> None:
        """Close every connection; a request under way fails, a later one connects again."""
        with self._lock:
            connections = [*self._busy, *(one for idle in self._idle.values() for one in idle)]
            self._idle.clear()
        for connection in connections:
            connection.close()


class _Connection:
    """One connection, made when it is needed."""

    def __init__(self, way: Way, port: Port) -> None:
        self._way = way
        self._port = port
        self._http: http.client.HTTPConnection | None = None
        self._sock: DeadlineSocket | None = None
        self._sent = False

    def failure(self, reason: str) -> AccessError:
        """Return the error to raise for a request that got no answer."""
        return AccessError(reason) if self._sent else UnsentError(reason)

    def exchange(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str], until: float
    ) -> Answer:
        """Send a request and read the answer, both before ``until``."""
        self._sent = False
        ready = self._ready(until)
        self._sent = True
        ready.request(method, path, body=body or None, headers=dict(headers))
        response = ready.getresponse()
        # Reading a given number of bytes would not notice that an answer of known length is cut.
        known = response.length is not None and response.length <= _LARGEST
        content = response.read() if known else response.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise http.client.HTTPException(f"larger than {_LARGEST} bytes")
        if response.will_close:
            self.close()
        given = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, given, content)

    def _ready(self, until: float) -> http.client.HTTPConnection:
        kept, sock = self._http, self._sock
        if kept is not None and sock is not None and not sock.tunnel.pending:
            sock.until = until
            return kept
        self.close()
        tunnel = self._way.connect(self._port, timeout=left(until))
        self._sock = sock = DeadlineSocket(tunnel, until)
        self._http = made = http.client.HTTPConnection(*self._way.authority(self._port))
        made.sock = sock  # all of a socket that it uses
        return made

    def close(self) -> None:
        """Let go of the connection at once, also under a thread that reads."""
        sock, self._sock, self._http = self._sock, None, None
        if sock is not None:
            sock.tunnel.close()


def _reason(error: Exception) -> str:
    """Say in a few words why there was no answer."""
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, http.client.RemoteDisconnected):
        return "the connection was closed without an answer"
    if isinstance(error, ConnectionError):
        return "connection reset"
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return f"bad answer: {str(error) or type(error).__name__}"
