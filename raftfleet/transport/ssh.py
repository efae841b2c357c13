"""A host over SSH: commands, streams, files and ports through one connection that is kept.

Files travel as standard input and output of commands, not through SFTP. That is half as fast
again (no round trip per block), the host checks, renames and cleans up by itself even when the
connection breaks, no session stays occupied, and there is no SFTP client that threads could share
by mistake.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from raftfleet.clock import Deadline, SystemClock
from raftfleet.errors import UnreachableError
from raftfleet.transport.commands import CommandTransport
from raftfleet.transport.connect import connect
from raftfleet.transport.exchange import Exchange
from raftfleet.transport.forward import Forwarder
from raftfleet.transport.link import MOMENT
from raftfleet.transport.running import Broken, Refused

if TYPE_CHECKING:
    import paramiko

    from raftfleet.transport.capture import Sink
    from raftfleet.transport.link import Link
    from raftfleet.transport.options import SshOptions
    from raftfleet.transport.protocol import Command, Endpoint
    from raftfleet.transport.running import Feed, Running

__all__ = ["SshTransport"]

_CLOCK = SystemClock()


class SshTransport(CommandTransport):
    """One host over SSH; several threads may use it at once."""

    def __init__(self, host: str, options: SshOptions) -> None:
        super().__init__(host)
        self._options = options
        self._lock = threading.Lock()
        self._link: Link | None = None
        self._closings = 0
        self._forwarders: set[Forwarder] = set()

    def connect(self, *, timeout: float) -> None:
        """Open the connection now; a call on an open one does nothing.

        Raises UnreachableError, or its kinds AuthenticationError and HostKeyError.
        """
        self._connected(Deadline.after(timeout, _CLOCK))

    def _connected(self, deadline: Deadline) -> Link:
        """Return the live connection, made anew if there is none any more."""
        if not self._lock.acquire(timeout=deadline.left):
            raise UnreachableError(f"{self._host}: the connection was still being made")
        try:
            if self._link is not None and self._link.alive:
                return self._link
            self._drop("it stopped answering")
            closings = self._closings
            link = connect(self._host, self._options, timeout=deadline.left)
            if closings != self._closings:
                link.close("closed while it was being made")
                raise UnreachableError(f"{self._host}: closed while the connection was being made")
            self._link = link
            return link
        finally:
            self._lock.release()

    def _drop(self, reason: str) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.close(reason)

    def _begin(self, command: Command, feed: Feed, out: Sink, deadline: Deadline) -> Running:
        exchange = self._session(command, out, deadline)
        try:
            exchange.start(feed, deadline)
        except Refused as error:
            exchange.close()
            raise self._refused(error) from error
        except BaseException:
            exchange.close()
            raise
        return exchange

    def _session(self, command: Command, out: Sink, deadline: Deadline) -> Exchange:
        """Open a session; a kept connection found dead is replaced, for nothing has run yet."""
        kept = self._link
        for _ in range(2):
            link = self._connected(deadline)
            try:
                return Exchange(link, command, out, deadline)
            except Refused as error:
                raise self._refused(error) from error
            except Broken as error:
                if deadline.passed:
                    raise TimeoutError(str(error)) from error
                if link is not kept:
                    raise UnreachableError(f"{self._host}: connection lost: {error}") from error
        raise UnreachableError(f"{self._host}: connection lost twice in a row")

    def _refused(self, error: Refused) -> UnreachableError:
        return UnreachableError(
            f"{self._host} does not open a session: {error}",
            hint="see MaxSessions and PermitOpen in its sshd_config",
        )

    def forward(self, host: str, port: int, *, timeout: float) -> Endpoint:
        """Reach a TCP port as the host sees it, through the connection.

        Connections to the endpoint are carried over whatever connection to the host is alive
        then; each has ``timeout`` seconds to get through, or is reset.
        """
        self.connect(timeout=timeout)

        def tunnel() -> tuple[Link, paramiko.Channel]:
            deadline = Deadline.after(timeout, _CLOCK)
            link = self._connected(deadline)
            return link, link.tunnel(host, port, deadline)

        forwarder = Forwarder(f"{self._host} {host}:{port}", tunnel, self._forwarders.discard)
        self._forwarders.add(forwarder)
        return forwarder.endpoint

    def close(self) -> None:
        """End every command that still runs, and let go of the connection; a later call opens a new one."""
        self._closings += 1
        for forwarder in list(self._forwarders):
            forwarder.close()
        self._end_all()
        # Whoever is connecting right now sees that it was closed meanwhile.
        if self._lock.acquire(timeout=MOMENT):
            try:
                self._drop("the connection was closed")
            finally:
                self._lock.release()
