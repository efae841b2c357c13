"""One command on one session: bytes in, bytes out, and what became of it.

One thread does it all. The channel rings a bell when output arrives, when it closes, when its
window opens and when the connection goes; then both streams are emptied (they share one window,
so neither may be left alone) and as much input is sent as fits. The exit status comes last.
"""

from __future__ import annotations

import secrets
import threading
import time
from typing import TYPE_CHECKING, TypeVar

import paramiko

from raftfleet.clock import Deadline, SystemClock
from raftfleet.transport import shell
from raftfleet.transport.capture import Capture, Framed
from raftfleet.transport.link import MOMENT
from raftfleet.transport.protocol import Command, Exited, Lost, Outcome, Signalled
from raftfleet.transport.running import Broken, BytesFeed, OutcomeFields, Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from raftfleet.transport.capture import Sink
    from raftfleet.transport.link import Link
    from raftfleet.transport.running import Feed

__all__ = ["Exchange"]

SIGN_OF_LIFE = 2.0  # seconds in which a host that is to end a command must answer at all
ENDING = 5.0  # seconds for doing it: TERM, half a second, KILL, and room for a busy host
T = TypeVar("T")
_CLOCK = SystemClock()
_READ = 2 * 1024 * 1024  # a whole window at once: taking part of a buffer moves the rest
_NOT_YET = -1  # what paramiko holds for an exit status that never came


class _Bell(threading.Event):
    """Rung by paramiko's buffers, silenced only by whoever listens."""

    def clear(self) -> None:
        """Ignore a buffer that runs empty: the other one may not be."""

    def silence(self) -> None:
        """Forget all rings so far; look at everything after this."""
        super().clear()


class Exchange:
    """A command under way on a session of its own."""

    def __init__(
        self, link: Link, command: Command, out: Sink, deadline: Deadline, *, spare: bool = False
    ) -> None:
        """Open the session; raises as `Link.session` does."""
        token = secrets.token_hex(8)
        self._line = shell.login_line(command, token)
        self._become = command.become
        self._link = link
        self._spare = spare
        self._err = Capture()
        self._streams = [Framed(shell.mark(token), sink) for sink in (out, self._err)]
        self._bell = _Bell()
        self._feed: Feed | None = None
        self._piece = b""
        self._closing = threading.Lock()
        self._open = True
        self._began = time.monotonic()
        self._channel = link.session(deadline, spare=spare)
        self._channel.settimeout(0.0)
        self._channel.bell = self._bell  # type: ignore[attr-defined]
        self._channel.in_buffer.set_event(self._bell)
        self._channel.in_stderr_buffer.set_event(self._bell)

    def start(self, feed: Feed, deadline: Deadline) -> None:
        """Ask for the command to be run; raises as `Link.session` does."""
        self._link.execute(self._channel, self._line, deadline)
        self._feed = feed

    @property
    def begun(self) -> bool:
        """Whether the command is known to have begun."""
        return self._streams[0].group is not None

    @property
    def refusal(self) -> str:
        """What the login shell said instead of beginning."""
        said = self.fields(b"", truncated=False)["preamble"]
        return said.decode("utf-8", "replace").strip()[:500]

    @property
    def finished(self) -> bool:
        """Whether nothing more will come."""
        channel = self._channel
        # The buffers are looked at last: what arrives in between is then not overlooked.
        ended = channel.closed or (channel.eof_received and channel.status_event.is_set())
        return bool(ended) and not channel.recv_ready() and not channel.recv_stderr_ready()

    def drive(self, deadline: Deadline, enough: Callable[[], bool] = lambda: False) -> bool:
        """Move bytes until the command has ended or ``enough``; False if the deadline is first."""
        with self._link.wire.limit(deadline.at + MOMENT):
            while not enough() and not self.finished:
                self._bell.silence()
                self._receive()
                self._send(deadline)
                if enough() or self.finished:
                    break
                if deadline.passed:
                    return False
                self._bell.wait(deadline.left)
            return True

    def _receive(self) -> None:
        channel, (out, err) = self._channel, self._streams
        while channel.recv_ready():
            out.feed(self._guarded(lambda: channel.recv(_READ), b""))
        while channel.recv_stderr_ready():
            err.feed(self._guarded(lambda: channel.recv_stderr(_READ), b""))

    def _guarded(self, use: Callable[[], T], otherwise: T) -> T:
        """Use the channel; what breaks there breaks the connection, and that ends the command."""
        try:
            return use()
        except OSError:
            return otherwise  # no room to send just now, or the command reads no further
        except (EOFError, paramiko.SSHException) as error:
            self._link.wire.abort(str(error) or "the connection broke")
            return otherwise

    def _send(self, deadline: Deadline) -> None:
        """Send input while there is room, output to be read comes first."""
        channel = self._channel
        while self._feed is not None and channel.send_ready() and not channel.closed:
            if not self._piece:
                self._piece = self._feed.read(channel.out_max_packet_size - 64)
            if not self._piece:
                self._feed = None
                self._guarded(channel.shutdown_write, None)
                return
            piece = self._piece
            sent = self._guarded(lambda: channel.send(piece), 0)  # noqa: B023 - called at once
            if sent == 0:
                return
            self._piece = piece[sent:]
            if channel.recv_ready() or channel.recv_stderr_ready() or deadline.passed:
                self._bell.set()
                return

    def fields(self, stdout: bytes, *, truncated: bool) -> OutcomeFields:
        """Return what every outcome holds, as of now."""
        return {
            "stdout": stdout,
            "stderr": self._err.value(),
            "preamble": b"".join(bytes(stream.noise) for stream in self._streams),
            "truncated": truncated or self._err.truncated,
            "began": self._began,
            "ended": time.monotonic(),
        }

    def outcome(self, stdout: bytes = b"", *, truncated: bool = False) -> Outcome:
        """Return what became of a command that has ended; the exit status is asked for last."""
        channel, link = self._channel, self._link
        fields = self.fields(stdout, truncated=truncated)
        if not channel.eof_received and not link.alive:
            return Lost(reason=link.reason, **fields)
        signal: str | None = getattr(channel, "exit_signal", None)
        if signal is not None:
            return Signalled(signal=signal, **fields)
        if channel.exit_status == _NOT_YET:
            return Lost(reason="the channel was closed without an exit status", **fields)
        return Exited(status=channel.exit_status, **fields)

    def end(self) -> bool:
        """End the command's process group on the host; return whether it is known to be gone.

        A host that does not answer even this loses its connection: it cannot serve others.
        """
        group = self._streams[0].group
        if group is None:
            return False
        if self.finished:  # its number may be another group's by now
            return not isinstance(self.outcome(), Lost)
        said = Capture()
        command = Command(shell.ending(group), become=self._become)
        try:
            self._end_by(command, said)
        except (Broken, Refused, TimeoutError) as error:
            self._link.wire.abort(str(error) or "it did not answer in time")
        return said.value() == b"gone\n"

    def _end_by(self, command: Command, said: Capture) -> None:
        """Run the command that ends; TimeoutError soon when the host is silent, else later."""
        deadline = Deadline.after(ENDING, _CLOCK)
        sign = Deadline.after(SIGN_OF_LIFE, _CLOCK)
        ending = Exchange(self._link, command, said, sign, spare=True)
        try:
            ending.start(BytesFeed(b""), sign)
            if not ending.drive(deadline):
                raise TimeoutError("it took too long to end a command")
        finally:
            ending.close()

    def close(self) -> None:
        """Give the session back; harmless when repeated."""
        with self._closing:
            if not self._open:
                return
            self._open = False
        self._link.release(self._channel, spare=self._spare)
