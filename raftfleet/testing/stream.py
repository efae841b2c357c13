"""The stream of a command that runs on no host: what it prints is programmed, and when it ends."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Self

from raftfleet.transport.protocol import Lost, Outcome, Signalled, TimedOut

if TYPE_CHECKING:
    from collections.abc import Iterator

    from raftfleet.testing.transport import FakeTransport

__all__ = ["FakeStream"]


class FakeStream:
    """The output of a programmed command, line by line."""

    def __init__(self, transport: FakeTransport, outcome: Outcome, lasting: float) -> None:
        self._transport = transport
        self._began = transport.clock.monotonic()
        self._left = outcome.stdout.splitlines()
        self._lasting = lasting
        self._final: Outcome | None = None if lasting else outcome
        self._then = outcome

    def lines(self, *, timeout: float) -> Iterator[bytes]:
        """Yield the programmed lines; then wait in vain if the command never ends."""
        while True:
            if self._transport.frozen:
                self._transport.wait(timeout)
                return
            if not self._left:
                break
            yield self._left.pop(0)
        if self._final is None:
            self._transport.wait(min(timeout, self._remaining))
            self._settle()

    @property
    def _remaining(self) -> float:
        if math.isinf(self._lasting):
            return math.inf
        return max(0.0, self._began + self._lasting - self._transport.clock.monotonic())

    def _settle(self) -> None:
        if self._final is None and self._remaining <= 0:
            self._final = self._then

    def outcome(self, *, timeout: float) -> Outcome:
        """Return the programmed outcome, or `TimedOut` if that does not come in time."""
        self._settle()
        if self._final is None or self._transport.frozen:
            self._transport.wait(min(timeout, self._remaining))
            self._settle()
        ended = self._transport.clock.monotonic()
        if self._final is None or self._transport.frozen:
            return TimedOut(after=timeout, began=self._began, ended=ended)
        unread = b"".join(line + b"\n" for line in self._left)
        return dataclasses.replace(self._final, stdout=unread, began=self._began, ended=ended)

    def lose(self, reason: str) -> None:
        """Let the connection break under the stream."""
        if self._final is None:
            self._left.clear()
            self._final = Lost(reason=reason)

    def close(self) -> None:
        """End the command if it still runs."""
        self._settle()
        if self._final is None:
            self._final = Signalled(signal="TERM")
        self._transport.forget(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
