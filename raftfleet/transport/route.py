"""The way to a host: straight, through other hosts (ProxyJump), or through a command.

A machine on the way is a connection of its own, shared by all hosts behind it: one login and one
key exchange however many they are. It is closed with the last of them, and made anew when it is
lost. What is carried through it ends in a socket pair, so a wire is a socket whatever lies below,
and letting go of it never waits for anybody.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
import threading
from typing import TYPE_CHECKING

from raftfleet.errors import UnreachableError, UsageError
from raftfleet.transport.cures import close_channel
from raftfleet.transport.running import Broken, Refused
from raftfleet.transport.wire import Wire, dial

if TYPE_CHECKING:
    from collections.abc import Callable

    import paramiko

    from raftfleet.clock import Deadline
    from raftfleet.transport.link import Link
    from raftfleet.transport.options import SshOptions

    Way = tuple[SshOptions, ...]
    Connect = Callable[[str, SshOptions, Deadline, Way], Link]

__all__ = ["open_wire"]

_BLOCK = 64 * 1024
_LEAVING = 1.0  # seconds for a command or a thread to end


def open_wire(
    host: str, options: SshOptions, deadline: Deadline, connect: Connect, way: Way
) -> Wire:
    """Open the way to a host; raises OSError, or UnreachableError when a machine on it fails.

    ``connect`` makes the connection to such a machine; ``way`` are those between us and the host.
    """
    if options.proxy_command is not None:
        return CommandWire(options.proxy_command)
    if options.jump is None:
        return dial(options.address, options.port, deadline, options.family, options.bind_address)
    if options.jump in way:
        names = " via ".join(one.name for one in (*way, options.jump))
        raise UsageError(
            f"{host}: the way leads round in a circle: {names}",
            hint="see ProxyJump of these in ssh_config: ssh -G",
        )
    return _through(host, options, options.jump, deadline, connect, way)


def _through(
    host: str,
    options: SshOptions,
    jump: SshOptions,
    deadline: Deadline,
    connect: Connect,
    way: Way,
) -> Wire:
    hop = _hop(jump)
    name = jump.name
    link = hop.borrow(deadline, connect, way)
    try:
        channel = link.tunnel(options.address, options.port, deadline)
    except BaseException as error:
        hop.give_back()
        if isinstance(error, Broken):
            raise ConnectionError(f"the connection to {name} was lost: {error}") from error
        if isinstance(error, TimeoutError):
            raise TimeoutError(f"{name} did not reach it in time") from error
        if isinstance(error, Refused):
            prohibited = "prohibited" in str(error).lower()
            raise UnreachableError(
                f"{host} ({options}) cannot be reached from {name}: {str(error).lower()}",
                hint=f"AllowTcpForwarding and PermitOpen in the sshd_config of {name} forbid it"
                if prohibited
                else f"does the machine run, and sshd on it? {name} looks the address up and "
                "connects to it, so both must be right as seen from there",
            ) from error
        raise
    return _TunnelWire(name, link, channel, hop.give_back)


class _Hop:
    """The connection to a machine on the way, while somebody uses it."""

    def __init__(self, options: SshOptions) -> None:
        self._options = options
        self._changed = threading.Condition()
        self._link: Link | None = None
        self._users = 0
        self._making = False
        self._attempts = 0
        self._problem: Exception | None = None

    def borrow(self, deadline: Deadline, connect: Connect, way: Way) -> Link:
        """Return the live connection; whoever waits for one that fails shares its failure.

        One that failed for want of time is tried again by those who have more.
        """
        with self._changed:
            self._users += 1
        try:
            return self._live(deadline, connect, way)
        except BaseException:
            self.give_back()
            raise

    def _live(self, deadline: Deadline, connect: Connect, way: Way) -> Link:
        with self._changed:
            while self._link is None or not self._link.alive:
                if not self._making:
                    self._making = True
                    break
                attempt = self._attempts
                if not self._changed.wait_for(
                    lambda: self._attempts != attempt,  # noqa: B023 - called within the round
                    deadline.left,
                ):
                    raise TimeoutError(f"{self._options.name} was still being connected to")
                if self._problem is not None:
                    raise self._problem
            else:
                return self._link
            lost, self._link = self._link, None
        return self._make(lost, deadline, connect, way)

    def _make(self, lost: Link | None, deadline: Deadline, connect: Connect, way: Way) -> Link:
        link, problem = None, None
        try:
            if lost is not None:
                lost.close("it stopped answering")
            link = connect(self._options.name, self._options, deadline, (*way, self._options))
        except BaseException as error:
            if isinstance(error, Exception) and not deadline.passed:
                problem = error
            raise
        else:
            return link
        finally:
            with self._changed:
                self._link, self._problem = link, problem
                self._making = False
                self._attempts += 1
                self._changed.notify_all()

    def give_back(self) -> None:
        """Let go; the last one closes the connection."""
        with _lock, self._changed:
            self._users -= 1
            if self._users:
                return
            link, self._link = self._link, None
            if _hops.get(self._options) is self:
                del _hops[self._options]
        if link is not None:
            link.close()


_lock = threading.Lock()
_hops: dict[SshOptions, _Hop] = {}


def _hop(options: SshOptions) -> _Hop:
    with _lock:
        return _hops.setdefault(options, _Hop(options))


class _TunnelWire(Wire):
    """A wire through a channel of another connection."""

    def __init__(
        self, name: str, link: Link, channel: paramiko.Channel, give_back: Callable[[], None]
    ) -> None:
        ours, self._theirs = socket.socketpair()
        super().__init__(ours)
        self._name = name
        self._link = link
        self._channel = channel
        self._give_back = give_back
        self._closing = threading.Lock()
        self._over = False
        self._threads = [
            threading.Thread(target=work, name=f"through {name}", daemon=True)
            for work in (self._out, self._back)
        ]
        for thread in self._threads:
            thread.start()

    def _out(self) -> None:
        with contextlib.suppress(OSError, EOFError):
            while data := self._theirs.recv(_BLOCK):
                self._channel.sendall(data)
        # Without a limit: a slow machine on the way is not given up because one host is.
        with contextlib.suppress(Exception):
            close_channel(self._channel)

    def _back(self) -> None:
        with contextlib.suppress(OSError, EOFError):
            while data := self._channel.recv(_BLOCK):
                self._theirs.sendall(data)
        if not self._link.alive:
            self.abort(f"the connection to {self._name} was lost: {self._link.reason}")
        with contextlib.suppress(OSError):
            self._theirs.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of the channel, and of the connection below when nobody else needs it."""
        super().close()
        with self._closing:
            if self._over:
                return
            self._over = True
            with contextlib.suppress(OSError):
                self._theirs.shutdown(socket.SHUT_RDWR)
            self._give_back()
            for thread in self._threads:
                thread.join(_LEAVING)
            self._theirs.close()


class CommandWire(Wire):
    """A wire to a command that carries it (ProxyCommand), run as OpenSSH runs it.

    In a session of its own, or Ctrl-C at the terminal would cut the connections that are needed to
    put things right.
    """

    def __init__(self, command: str) -> None:
        ours, theirs = socket.socketpair()
        super().__init__(ours)
        self._closing = threading.Lock()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the wire
        try:
            self._process = subprocess.Popen(
                [os.environ.get("SHELL") or "/bin/sh", "-c", f"exec {command}"],
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=self._errors,
                start_new_session=True,
            )
        except BaseException:
            self._errors.close()
            super().close()
            raise
        finally:
            theirs.close()

    def close(self) -> None:
        """Let go of the command; one that does not end is ended."""
        super().close()
        # Whoever comes second waits for what the command has said.
        with self._closing:
            if not self._errors.closed:
                self._end()

    def _end(self) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            # At the end of its input it ends by itself, and what it has to say is complete.
            self._process.wait(0.2)
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self._process.poll() is not None:
                break
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_LEAVING)
        self._errors.seek(0)
        said = self._errors.read().decode("utf-8", "replace").split("\n")
        self._errors.close()
        lines = [line.strip() for line in said if line.strip()]
        self.last_words = "; ".join(lines[-3:]) or f"status {self._process.returncode}"
