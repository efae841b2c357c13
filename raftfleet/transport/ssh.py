"""A host over SSH: commands, streams, files and ports through one connection that is kept.

Files travel as standard input and output of commands, not through SFTP. That is half as fast
again (no round trip per block), the host checks, renames and cleans up by itself even when the
connection breaks, no session stays occupied, and there is no SFTP client that threads could share
by mistake.
"""

from __future__ import annotations

import errno
import threading
from typing import TYPE_CHECKING

from raftfleet.clock import Deadline, SystemClock
from raftfleet.errors import ForwardingError, UnreachableError
from raftfleet.transport.again import CLOSED
from raftfleet.transport.commands import CommandTransport
from raftfleet.transport.connect import connect
from raftfleet.transport.exchange import Exchange
from raftfleet.transport.forward import Forwarder
from raftfleet.transport.link import MOMENT
from raftfleet.transport.recorded import Records
from raftfleet.transport.running import Broken, Prohibited, Refused
from raftfleet.transport.tunnel import ChannelTunnel

if TYPE_CHECKING:
    import paramiko

    from raftfleet.transport.capture import Sink
    from raftfleet.transport.link import Link
    from raftfleet.transport.options import SshOptions
    from raftfleet.transport.protocol import Command, Endpoint, Outcome
    from raftfleet.transport.running import Feed, Running

__all__ = ["SshTransport"]

_CLOCK = SystemClock()
_SESSION_ATTEMPTS = 3


class SshTransport(CommandTransport):
    """One host over SSH; several threads may use it at once."""

    def __init__(self, host: str, options: SshOptions) -> None:
        super().__init__(host)
        self._options = options
        self._lock = threading.Lock()
        self._link: Link | None = None
        self._closings = 0
        self._forwarders: set[Forwarder] = set()
        self._records = Records(self._run_once)

    def run(self, command: Command, *, timeout: float, stdin: bytes = b"") -> Outcome:
        """Run a command to its end; one that is resumable survives its connection."""
        how = self._records.run if command.resumable else super().run
        return how(command, timeout=timeout, stdin=stdin)

    def _run_once(self, command: Command, timeout: float, stdin: bytes) -> Outcome:
        return super().run(command, timeout=timeout, stdin=stdin)

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
        """Open a session; a connection found dead is replaced, for nothing has run yet."""
        lost = ""
        for _ in range(_SESSION_ATTEMPTS):
            link = self._connected(deadline)
            try:
                return Exchange(link, command, out, deadline)
            except Refused as error:
                raise self._refused(error) from error
            except Broken as error:
                if deadline.passed:
                    raise TimeoutError(str(error)) from error
                lost = str(error)
                link.wire.abort(lost)  # its own thread may not have noticed yet
        raise UnreachableError(f"{self._host}: connection lost again and again: {lost}")

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

    def tunnel(self, host: str, port: int, *, timeout: float) -> ChannelTunnel:
        """Connect to a TCP port as the host sees it, over a channel of the connection.

        Raises as `Transport.tunnel` says. sshd counts no such channel against MaxSessions.
        """
        deadline = Deadline.after(timeout, _CLOCK)
        link = self._connected(deadline)
        try:
            return ChannelTunnel(link, link.tunnel(host, port, deadline))
        except Prohibited as error:
            raise ForwardingError(
                f"the sshd of {self._host} does not forward connections to {host}:{port}: {error}",
                hint="allow it in its sshd_config (AllowTcpForwarding, PermitOpen, "
                "DisableForwarding), or reach the node without it: api_via: direct",
            ) from error
        except Refused as error:
            raise ConnectionRefusedError(errno.ECONNREFUSED, str(error)) from error
        except Broken as error:
            raise UnreachableError(f"{self._host}: connection lost: {error}") from error

    def close(self) -> None:
        """End every command that still runs, and let go of the connection; a later call opens a new one."""
        self._closings += 1
        for forwarder in list(self._forwarders):
            forwarder.close()
        self._end_all()
        # Whoever is connecting right now sees that it was closed meanwhile.
        if self._lock.acquire(timeout=MOMENT):
            try:
                self._drop(CLOSED)
            finally:
                self._lock.release()
