"""A command whose output is read line by line while it runs."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

from raftfleet.clock import Deadline, SystemClock
from raftfleet.transport.protocol import Lost, Outcome, TimedOut

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from raftfleet.transport.capture import Lines
    from raftfleet.transport.running import Running

__all__ = ["CommandStream"]

_CLOCK = SystemClock()
_LAST_WORDS = 0.5  # seconds for the outcome of a command that was just ended


class CommandStream:
    """Lines of one running command; leaving the ``with`` block ends it on the host.

    One thread reads; another may `close`, which makes the reader's iterator stop.
    """

    def __init__(
        self, running: Running, lines: Lines, forget: Callable[[CommandStream], None]
    ) -> None:
        self._running = running
        self._lines = lines
        self._forget = forget
        self._reading = threading.Lock()
        self._closing = threading.Lock()
        self._outcome: Outcome | None = None

    def lines(self, *, timeout: float) -> Iterator[bytes]:
        """Yield lines without their newline; stop when the command ends or none comes in time.

        ``timeout`` (seconds) is for each line. Iterating again goes on where this stopped.
        """
        while (line := self._next(timeout)) is not None:
            yield line

    def _next(self, timeout: float) -> bytes | None:
        with self._reading:
            line = self._lines.take()
            if line is not None or self._outcome is not None:
                return line
            deadline = Deadline.after(timeout, _CLOCK)
            if not self._running.drive(deadline, self._lines.any):
                return None
            line = self._lines.take()
            return line if line is not None else self._lines.take_rest()

    def outcome(self, *, timeout: float) -> Outcome:
        """Wait for the command's end; what nobody has read is in ``stdout``.

        A command still running at the deadline goes on and is reported as `TimedOut`.
        """
        with self._reading:
            if self._outcome is None:
                deadline = Deadline.after(timeout, _CLOCK)
                if not self._running.drive(deadline):
                    fields = self._running.fields(b"", truncated=False)
                    return TimedOut(after=timeout, **fields)
                self._outcome = self._settle()
            return self._outcome

    def _settle(self) -> Outcome:
        return self._running.outcome(self._lines.unread(), truncated=self._lines.truncated)

    def close(self) -> None:
        """End the remote process group and let go; harmless when repeated."""
        with self._closing:
            if self._outcome is None:
                self._stop()
            self._running.close()
            self._forget(self)

    def _stop(self) -> None:
        # A command that has ended by itself is not ended again: its group's number may be
        # somebody else's by now.
        if not self._reading.acquire(blocking=False):
            self._running.end()
            # The reader comes back when the output ends, or else when we let go of it.
            if not self._reading.acquire(timeout=_LAST_WORDS):
                self._running.close()
                self._reading.acquire()
        try:
            if not self._running.drive(Deadline.after(0.0, _CLOCK)):
                self._running.end()
            if self._running.drive(Deadline.after(_LAST_WORDS, _CLOCK)):
                self._outcome = self._settle()
            else:
                fields = self._running.fields(self._lines.unread(), truncated=False)
                self._outcome = Lost(reason="we let go of the command", **fields)
        finally:
            self._reading.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
