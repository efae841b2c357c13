"""One live SSH connection: Fabric's `Connection` on paramiko, made to keep deadlines.

This module alone touches Fabric, which is not typed; nothing of it shows outside.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from typing import TYPE_CHECKING, Any

import fabric
import paramiko

from raftfleet.clock import Deadline
from raftfleet.transport.cures import CuredTransport, close_channel
from raftfleet.transport.running import Broken, Refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from raftfleet.transport.authentication import Keyring
    from raftfleet.transport.hostkeys import HostKeyPolicy
    from raftfleet.transport.options import SshOptions
    from raftfleet.transport.wire import Wire

__all__ = ["MOMENT", "Link"]

MOMENT = 1.0  # seconds a call may outlast its deadline before its connection is given up
SILENCE = 5.0  # seconds after which a peer that missed to answer is taken for dead
REFUSING = 0.5  # seconds for which a host that refuses its only session is asked again
SESSIONS = 8  # of the 10 that sshd allows (MaxSessions): room stays for ending a command

# Without a handler of its own every lost connection would print a traceback to the terminal.
logging.getLogger("paramiko").addHandler(logging.NullHandler())


class Link:
    """An authenticated connection and what can be opened on it."""

    def __init__(self, connection: Any, wire: Wire, transport: CuredTransport) -> None:
        self._connection = connection
        self._transport = transport
        self._sessions = threading.BoundedSemaphore(SESSIONS)
        self._freed = threading.Condition()
        self._in_use = 0
        self.wire = wire

    @classmethod
    def open(
        cls,
        options: SshOptions,
        wire: Wire,
        policy: HostKeyPolicy,
        keyring: Keyring,
        deadline: Deadline,
    ) -> Link:
        """Exchange keys and log in over a wire; what paramiko raises passes through."""
        # The options say how a host is reached: no ~/.fabric.yaml, nor what paramiko would make
        # of ~/.ssh/config.
        config = fabric.Config(lazy=True, ssh_config=paramiko.SSHConfig())
        seconds = max(deadline.left, 0.001)
        connection = fabric.Connection(
            options.address,
            user=options.user,
            port=options.port,
            config=config,
            connect_kwargs={
                "sock": wire,
                "auth_strategy": keyring,
                "timeout": seconds,
                "banner_timeout": seconds,
                "auth_timeout": seconds,
                "channel_timeout": seconds,
                "transport_factory": policy.prefer(CuredTransport),
            },
        )
        connection.client.set_missing_host_key_policy(policy)
        try:
            with wire.limit(deadline.at + MOMENT):
                connection.open()
            transport: CuredTransport = connection.transport
            transport.set_keepalive(int(options.keepalive))
        except BaseException:
            connection.client.close()
            wire.close()
            raise
        return cls(connection, wire, transport)

    @property
    def alive(self) -> bool:
        """Whether the connection is up and the peer has not been silent for too long."""
        up = self._transport.is_active() and self.wire.reason is None
        return up and self.wire.silence < SILENCE

    @property
    def reason(self) -> str:
        """Why the connection is gone."""
        if self.wire.reason:
            return self.wire.reason
        problem = self._transport.get_exception()
        return str(problem) if problem and str(problem) else "the host closed the connection"

    def session(self, deadline: Deadline, *, spare: bool = False) -> paramiko.Channel:
        """Open a session; `TimeoutError` at the deadline, `Broken`, `Refused`.

        ``spare`` takes one that is kept back for ending commands. Give the session back with
        `release`.
        """
        if not spare and not self._sessions.acquire(timeout=deadline.left):
            raise TimeoutError(f"{SESSIONS} commands run on this connection already")
        with self._freed:
            self._in_use += 1
        try:
            return self._session(deadline)
        except BaseException:
            self._count_out(spare=spare)
            raise

    def _session(self, deadline: Deadline) -> paramiko.Channel:
        """Ask until there is one: sshd frees a session a little after it was closed.

        A host that refuses although nothing else runs here will go on refusing.
        """
        alone = Deadline.after(REFUSING, deadline.clock)
        pause = 0.005
        while True:
            try:
                return self._channel("session", None, deadline)
            except Refused:
                with self._freed:
                    if self._in_use > 1:
                        alone = Deadline.after(REFUSING, deadline.clock)
                    if deadline.passed or alone.passed:
                        raise
                    self._freed.wait(min(pause, deadline.left))
                pause = min(pause * 2, 0.2)

    def release(self, channel: paramiko.Channel, *, spare: bool = False) -> None:
        """Close a session's channel and make room for another."""
        try:
            self.shut(channel)
        finally:
            self._count_out(spare=spare)

    def _count_out(self, *, spare: bool) -> None:
        with self._freed:
            self._in_use -= 1
            self._freed.notify_all()
        if not spare:
            self._sessions.release()

    def tunnel(self, host: str, port: int, deadline: Deadline) -> paramiko.Channel:
        """Open a TCP connection from the host; raises as `session` does."""
        return self._channel("direct-tcpip", (host, port), deadline)

    def shut(self, channel: paramiko.Channel) -> None:
        """Close a channel; a peer that does not read any more cannot hold us up."""
        with (
            self.wire.limit(time.monotonic() + MOMENT),
            contextlib.suppress(EOFError, OSError, paramiko.SSHException),
        ):
            close_channel(channel)

    def execute(self, channel: paramiko.Channel, line: bytes, deadline: Deadline) -> None:
        """Ask a session to run a line; raises as `session` does."""
        with self._translated(deadline):
            channel.exec_command(line)

    def _channel(
        self, kind: str, target: tuple[str, int] | None, deadline: Deadline
    ) -> paramiko.Channel:
        source = None if target is None else ("127.0.0.1", 0)
        seconds = max(deadline.left, 0.001)
        asked = time.monotonic()
        try:
            with self._translated(deadline):
                return self._transport.open_channel(kind, target, source, timeout=seconds)
        except TimeoutError:
            # A host that itself waits, for one that we want to reach through it, is not silent.
            if target is None or not self._answers():
                self.wire.misses(asked)
            raise

    def _answers(self) -> bool:
        """Whether the host has said something of late, or does when asked for nothing."""
        asked = time.monotonic()
        if asked - self.wire.heard < MOMENT:
            return True
        with contextlib.suppress(EOFError, OSError, paramiko.SSHException):
            with self.wire.limit(asked + MOMENT):
                self._transport.ask_for_nothing()
            while self.wire.heard < asked and time.monotonic() < asked + MOMENT:
                time.sleep(0.01)
        return self.wire.heard >= asked

    @contextlib.contextmanager
    def _translated(self, deadline: Deadline) -> Iterator[None]:
        try:
            with self.wire.limit(deadline.at + MOMENT):
                yield
        except paramiko.ChannelException as error:
            raise Refused(error.text) from error
        except (paramiko.SSHException, EOFError, OSError) as error:
            if deadline.passed:
                raise TimeoutError("the host did not answer in time") from error
            if self.alive and not isinstance(error, EOFError):
                raise Refused(str(error)) from error
            raise Broken(self.wire.reason or str(error) or self.reason) from error

    def close(self, reason: str = "the connection was closed") -> None:
        """Let go of the connection; its thread has ended when this returns."""
        self.wire.abort(reason)
        with contextlib.suppress(Exception):
            self._connection.close()
            self._connection.client.close()
        self.wire.close()
        if threading.current_thread() is not self._transport:
            self._transport.join(2.0)
