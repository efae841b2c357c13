"""Where a command's output goes as it arrives: kept up to a cap, split into lines, or to a file."""

from __future__ import annotations

from collections import deque
from typing import Protocol

__all__ = ["CAP", "Capture", "Framed", "Lines", "Sink"]

CAP = 4 * 1024 * 1024
LONGEST_LINE = 1024 * 1024


class Sink(Protocol):
    """Takes output as it comes."""

    def feed(self, data: bytes) -> None:
        """Take these bytes."""
        ...


class Capture:
    """Keeps output up to a cap in time linear in its size; what exceeds it leaves the middle."""

    def __init__(self, cap: int = CAP) -> None:
        self._head_room = cap // 2
        self._tail_room = cap - cap // 2
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._tail_size = 0
        self.dropped = 0

    @property
    def truncated(self) -> bool:
        """Whether anything was dropped."""
        return self.dropped > 0

    def feed(self, data: bytes) -> None:
        """Keep these bytes, at the cost of older ones once the cap is reached."""
        room = self._head_room - len(self._head)
        if room > 0:
            self._head += data[:room]
            data = data[room:]
        if not data:
            return
        self._tail.append(data)
        self._tail_size += len(data)
        while self._tail_size > self._tail_room:
            self._drop(self._tail_size - self._tail_room)

    def _drop(self, surplus: int) -> None:
        oldest = self._tail.popleft()
        if len(oldest) > surplus:
            self._tail.appendleft(oldest[surplus:])
        gone = min(surplus, len(oldest))
        self._tail_size -= gone
        self.dropped += gone

    def value(self) -> bytes:
        """Return what is kept, with a line in the gap that says how much is missing."""
        gap = b"\n[... %d bytes dropped ...]\n" % self.dropped if self.dropped else b""
        return bytes(self._head) + gap + b"".join(self._tail)


class Lines:
    """Splits output into lines; one longer than 1 MiB comes in pieces.

    Nobody has to read: beyond the cap the oldest unread lines are dropped.
    """

    def __init__(self, cap: int = CAP) -> None:
        self._cap = cap
        self._whole: deque[bytes] = deque()
        self._size = 0
        self._rest = bytearray()
        self.truncated = False

    def feed(self, data: bytes) -> None:
        """Take these bytes."""
        *lines, rest = data.split(b"\n")
        for line in lines:
            self._add(bytes(self._rest + line))
            self._rest.clear()
        self._rest += rest
        if len(self._rest) >= LONGEST_LINE:
            self._add(bytes(self._rest))
            self._rest.clear()

    def _add(self, line: bytes) -> None:
        self._whole.append(line)
        self._size += len(line)
        while self._size > self._cap:
            self._size -= len(self._whole.popleft())
            self.truncated = True

    def any(self) -> bool:
        """Whether a whole line is there."""
        return bool(self._whole)

    def take(self) -> bytes | None:
        """Return the next whole line without its newline, or None."""
        if not self._whole:
            return None
        line = self._whole.popleft()
        self._size -= len(line)
        return line

    def take_rest(self) -> bytes | None:
        """Return what follows the last newline, once no more will come, or None."""
        rest = bytes(self._rest)
        self._rest.clear()
        return rest or None

    def unread(self) -> bytes:
        """Return what nobody has taken."""
        return b"".join(line + b"\n" for line in self._whole) + bytes(self._rest)


class Framed:
    """Passes on what follows the mark's line, and remembers the process group it names.

    What comes before the mark was said by the login shell. It is kept (up to 64 KiB) because it
    is the only explanation when the mark never comes.
    """

    def __init__(self, mark: bytes, sink: Sink) -> None:
        self._mark = mark
        self._sink = sink
        self.noise = bytearray()
        self.group: int | None = None

    def feed(self, data: bytes) -> None:
        """Take these bytes."""
        if self.group is not None:
            self._sink.feed(data)
            return
        self.noise += data
        at = self.noise.find(self._mark)
        end = self.noise.find(b"\n", at) if at >= 0 else -1
        if end < 0:
            # The mark may still be arriving, so its last bytes must stay.
            del self.noise[: max(0, len(self.noise) - 65536)]
            return
        self.group = int(self.noise[at + len(self._mark) : end])
        rest = bytes(self.noise[end + 1 :])
        del self.noise[at:]
        if rest:
            self._sink.feed(rest)
