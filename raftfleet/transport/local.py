"""This machine as a host: the same contract with processes of our own."""

from __future__ import annotations

import contextlib
import os
import secrets
import selectors
import signal
import subprocess
import threading
import time
from typing import IO, TYPE_CHECKING

from raftfleet.clock import Deadline, SystemClock
from raftfleet.transport import shell
from raftfleet.transport.capture import Capture, Framed
from raftfleet.transport.commands import CommandTransport
from raftfleet.transport.direct import SocketTunnel
from raftfleet.transport.protocol import Command, Endpoint, Exited, Lost, Outcome, Signalled
from raftfleet.transport.running import BytesFeed

if TYPE_CHECKING:
    from collections.abc import Callable

    from raftfleet.transport.capture import Sink
    from raftfleet.transport.running import Feed, OutcomeFields, Running

__all__ = ["LocalTransport"]

ENDING = 5.0  # seconds for ending a process group: TERM, half a second, KILL, and some room
_CLOCK = SystemClock()
_BLOCK = 64 * 1024


class LocalTransport(CommandTransport):
    """Runs commands here, each in a process group of its own."""

    def connect(self, *, timeout: float) -> None:
        """Do nothing: this machine is always there."""

    def _begin(self, command: Command, feed: Feed, out: Sink, deadline: Deadline) -> Running:  # noqa: ARG002
        return _Process(command, feed, out)

    def forward(self, host: str, port: int, *, timeout: float) -> Endpoint:  # noqa: ARG002
        """Return the port itself: it is reached as this machine sees it."""
        return Endpoint(host, port, lambda: None)

    def tunnel(self, host: str, port: int, *, timeout: float) -> SocketTunnel:
        """Connect to the port as this machine sees it."""
        return SocketTunnel(host, port, timeout=timeout)

    def close(self) -> None:
        """End every command that still runs."""
        self._end_all()


class _Process:
    """A child in a session of its own."""

    def __init__(self, command: Command, feed: Feed, out: Sink) -> None:
        self._began = time.monotonic()
        self._become = command.become
        self._err = Capture()
        # What sudo says is not the command's, and a command that sudo refuses has not begun.
        mark = shell.mark(secrets.token_hex(8))
        self._framed = Framed(mark, self._err) if command.become else None
        prelude = f'echo "{mark.decode()}$$" >&2' if command.become else ""
        self._feed: Feed | None = feed
        self._piece = b""
        self._driving = threading.Lock()
        self._closing = threading.Lock()
        self._closed = False
        self._child = subprocess.Popen(
            ["/bin/sh", "-c", shell.inner(command, prelude), "sh", command.line],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        # Closing a descriptor does not wake a thread that waits on it; this one does.
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._exit = os.pidfd_open(self._child.pid)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._wake, selectors.EVENT_READ, lambda: None)
        self._selector.register(self._exit, selectors.EVENT_READ, self._reap)
        self._watch(self._child.stdout, out)
        self._watch(self._child.stderr, self._framed or self._err)
        self._outputs = 2
        self._stdin = self._child.stdin
        if self._stdin is not None:
            os.set_blocking(self._stdin.fileno(), False)
            self._selector.register(self._stdin, selectors.EVENT_WRITE, self._send)

    @property
    def begun(self) -> bool:
        """Whether the command is known to have begun."""
        return self._framed is None or self._framed.group is not None

    @property
    def refusal(self) -> str:
        """What was said instead of beginning."""
        return self._noise.decode("utf-8", "replace").strip()[:500]

    @property
    def _noise(self) -> bytes:
        return bytes(self._framed.noise) if self._framed else b""

    def _watch(self, pipe: IO[bytes] | None, sink: Sink) -> None:
        assert pipe is not None  # noqa: S101 - asked for above
        os.set_blocking(pipe.fileno(), False)
        self._selector.register(pipe, selectors.EVENT_READ, lambda: self._receive(pipe, sink))

    def _receive(self, pipe: IO[bytes], sink: Sink) -> None:
        data = os.read(pipe.fileno(), _BLOCK)
        if data:
            sink.feed(data)
        else:
            self._selector.unregister(pipe)
            self._outputs -= 1

    def _send(self) -> None:
        """Write as much input as the pipe takes."""
        assert self._stdin is not None  # noqa: S101 - registered with it
        try:
            if not self._piece and self._feed is not None:
                self._piece = self._feed.read(_BLOCK)
            if self._piece:
                self._piece = self._piece[os.write(self._stdin.fileno(), self._piece) :]
                return
        except BlockingIOError:
            return
        except BrokenPipeError:
            pass  # the command reads no further, which is its right
        self._selector.unregister(self._stdin)
        self._stdin.close()

    def _reap(self) -> None:
        self._child.poll()
        self._selector.unregister(self._exit)

    @property
    def _finished(self) -> bool:
        return self._closed or (self._outputs == 0 and self._child.returncode is not None)

    def drive(self, deadline: Deadline, enough: Callable[[], bool] = lambda: False) -> bool:
        """Move bytes until the command has ended or ``enough``; False if the deadline is first."""
        with self._driving:
            while not enough() and not self._finished:
                for key, _ in self._selector.select(deadline.left):
                    key.data()
                if deadline.passed and not enough() and not self._finished:
                    return False
            return True

    def fields(self, stdout: bytes, *, truncated: bool) -> OutcomeFields:
        """Return what every outcome holds, as of now."""
        return {
            "stdout": stdout,
            "stderr": self._err.value(),
            "preamble": self._noise,
            "truncated": truncated or self._err.truncated,
            "began": self._began,
            "ended": time.monotonic(),
        }

    def outcome(self, stdout: bytes = b"", *, truncated: bool = False) -> Outcome:
        """Return what became of a command that has ended."""
        fields = self.fields(stdout, truncated=truncated)
        status = self._child.returncode
        if status is None:
            return Lost(reason="we let go of the command", **fields)
        if status < 0:
            with contextlib.suppress(ValueError):
                name = signal.Signals(-status).name.removeprefix("SIG")
                return Signalled(signal=name, **fields)
            return Signalled(signal=str(-status), **fields)
        return Exited(status=status, **fields)

    def end(self) -> bool:
        """End the process group; return whether it is known to be gone."""
        if self._finished:  # its number may be another group's by now
            return self._child.returncode is not None
        said = Capture()
        command = Command(shell.ending(self._child.pid), become=self._become)
        ending = _Process(command, BytesFeed(b""), said)
        try:
            ending.drive(Deadline.after(ENDING, _CLOCK))
        finally:
            ending.close()
        return said.value() == b"gone\n"

    def close(self) -> None:
        """Let go; harmless when repeated. A child that still runs is killed."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
            os.eventfd_write(self._wake, 1)
            with self._driving:
                if self._child.returncode is None:
                    with contextlib.suppress(ProcessLookupError, PermissionError):
                        os.killpg(self._child.pid, signal.SIGKILL)
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        self._child.wait(ENDING)
                self._selector.close()
                os.close(self._wake)
                os.close(self._exit)
                for pipe in (self._child.stdin, self._child.stdout, self._child.stderr):
                    if pipe is not None:
                        pipe.close()
