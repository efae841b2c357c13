"""The writer: one line per event, folded into the live picture that waits look at."""

from __future__ import annotations

import os
import threading
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TypeVar

import msgspec

from raftfleet.clock import Deadline
from raftfleet.errors import JournalError

from .codec import Record, encode
from .events import Event, WaitBegan, WaitEnded
from .fold import advance, without_old_terms
from .picture import Picture
from .reader import JOURNAL, Journal, read_journal
from .thinning import StatusThinner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import TracebackType

    from raftfleet.clock import Clock

__all__ = ["Recorder", "Wait"]

T = TypeVar("T")
E = TypeVar("E", bound=Event)

_LOOK_AGAIN = 1.0
"""Seconds after which a wait looks at its stop signal though no event came: the journal's tick."""


@dataclass(slots=True)
class Wait:
    """A wait under way: whoever waits says here how it went."""

    met: bool = True
    last_seen: str = ""


class Recorder:
    """Appends events to a journal; any thread may call it.

    ``folder`` is the run folder, or None to keep the events in memory. Each event is one
    `write()`, so a controller that is killed loses at most the line being written. ``keep`` is for
    whoever watches without end: of the events in memory, and of the terms in the picture, only so
    many of the newest are kept.
    """

    def __init__(self, folder: Path | None, clock: Clock, *, keep: int | None = None) -> None:
        self.folder = folder
        self._clock = clock
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._depth = 0
        self._file = None if folder is None else _open(folder)
        self._keep = keep
        self._kept: deque[Record] = deque(maxlen=keep)
        self._picture = Picture()
        self._seq = 0
        self._waits = 0
        self._thinners: list[StatusThinner] = []
        self._flushing = False
        self._listeners: list[Callable[[Event], None]] = []
        self.broken: list[Exception] = []  # what listeners raised
        self._outbox: deque[Event] = deque()
        self._delivering = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Write what is held back and close the file; recording is over."""
        self.flush()
        with self._lock:
            if self._file is not None:
                os.fsync(self._file)
                os.close(self._file)
                self._file = None

    @property
    def picture(self) -> Picture:
        """What the events so far say about the cluster."""
        return self._picture

    def journal(self) -> Journal:
        """Return what was recorded so far, as a journal that is not over yet."""
        self.flush()
        if self.folder is not None:
            return read_journal(self.folder, live=True)
        with self._lock:
            return Journal(tuple(self._kept), live=True)

    def subscribe(self, listener: Callable[[Event], None]) -> None:
        """Call ``listener`` with every event from now on, in order.

        It is called without the journal's lock, so a slow one holds up nobody else; one that
        raises is not called again, and ``broken`` holds what it raised, unless
        that was an `OSError`.
        """
        self._listeners.append(listener)

    def thinner(self) -> StatusThinner:
        """Return a writer for what polls see, flushed before every other event."""
        made = StatusThinner(self.record, self._clock, lock=_Exclusive(self))
        self._thinners.append(made)
        return made

    def record(self, event: E) -> E:
        """Append an event and return it as it was written; raise `JournalError` on a full disk.

        ``seq`` is given here; ``t`` and ``wall`` are now when left at 0.
        """
        with _Exclusive(self):
            if not self._flushing:
                self._flush()
            stamped = self._stamped(event)
            self._write(stamped)
            self._picture = advance(self._picture, stamped)
            if self._keep is not None:
                self._picture = without_old_terms(self._picture, self._keep)
            self._changed.notify_all()
            self._outbox.append(stamped)
        return stamped

    def flush(self) -> None:
        """Write the indices that are held back."""
        with _Exclusive(self):
            self._flush()

    def wake(self) -> None:
        """Make every wait look at its condition and its stop signal now."""
        with self._changed:
            self._changed.notify_all()

    @contextmanager
    def waiting(self, what: str, timeout: float) -> Iterator[Wait]:
        """Journal a wait for the cluster that is not a condition on the picture.

        The block sets ``met`` and ``last_seen``; leaving it by an exception means not met.
        """
        with self._lock:
            self._waits += 1
            number = self._waits
        self.record(WaitBegan(wait=number, what=what, timeout=timeout))
        wait = Wait()
        try:
            yield wait
        except BaseException as error:
            wait.met, wait.last_seen = False, wait.last_seen or str(error) or type(error).__name__
            raise
        finally:
            self.record(WaitEnded(wait=number, met=wait.met, last_seen=wait.last_seen))

    def wait_for(
        self,
        predicate: Callable[[Picture], T | None],
        *,
        what: str,
        timeout: float,
        last_seen: Callable[[Picture], str],
        stop: threading.Event | None = None,
    ) -> T | None:
        """Wait until ``predicate`` of the picture returns something, and return that.

        Returns None when ``timeout`` seconds passed or ``stop`` was set first (`wake` makes the
        latter immediate). The picture it was met by is in the journal before the wait's end.
        """
        with self.waiting(what, timeout) as wait:
            found = self._until(predicate, Deadline.after(timeout, self._clock), stop)
            if found is None:
                wait.met, wait.last_seen = False, last_seen(self._picture)
        return found

    def _until(
        self,
        predicate: Callable[[Picture], T | None],
        deadline: Deadline,
        stop: threading.Event | None,
    ) -> T | None:
        while True:
            self.flush()
            with self._changed:
                found = predicate(self._picture)
                if found is not None or deadline.passed or (stop is not None and stop.is_set()):
                    return found
                left = deadline.left if stop is None else min(deadline.left, _LOOK_AGAIN)
                self._clock.wait(self._changed, left)

    # --- below this line the lock is held ----------------------------------------------------

    def _flush(self) -> None:
        self._flushing = True
        try:
            for thinner in self._thinners:
                thinner.flush()
        finally:
            self._flushing = False

    def _stamped(self, event: E) -> E:
        now = self._clock.monotonic()
        t = event.t or now
        wall = event.wall or round(self._clock.wall() - (now - t), 3)
        self._seq += 1
        return msgspec.structs.replace(event, seq=self._seq, t=round(t, 6), wall=wall)

    def _write(self, event: Event) -> None:
        raw = encode(event)
        if self.folder is None:
            self._kept.append(Record(raw, event))
            return
        if self._file is None:
            raise JournalError(f"the journal in {self.folder} is closed")
        line = raw + b"\n"
        try:
            while line:
                line = line[os.write(self._file, line) :]
        except OSError as error:
            raise JournalError(
                f"cannot write to the journal in {self.folder}: {error.strerror}",
                hint="make room on the controller's disk; what was written so far is readable",
            ) from None

    # --- below this line it is not -----------------------------------------------------------

    def _deliver(self) -> None:
        """Hand events to the listeners in order; a thread that finds another at it leaves it so."""
        while self._outbox and self._delivering.acquire(blocking=False):
            try:
                while self._outbox:
                    self._tell(self._outbox.popleft())
            finally:
                self._delivering.release()

    def _tell(self, event: Event) -> None:
        for listener in tuple(self._listeners):
            try:
                listener(event)
            except Exception as error:  # noqa: BLE001 - a view that breaks must not break the run
                self._listeners.remove(listener)
                if not isinstance(error, OSError):  # whoever read may have gone away
                    self.broken.append(error)


class _Exclusive:
    """The journal's lock; listeners hear what was written when its outermost holder leaves."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def __enter__(self) -> None:
        self._recorder._lock.acquire()  # noqa: SLF001 - one class in two parts
        self._recorder._depth += 1  # noqa: SLF001

    def __exit__(self, *error: object) -> None:
        self._recorder._depth -= 1  # noqa: SLF001
        outermost = self._recorder._depth == 0  # noqa: SLF001
        self._recorder._lock.release()  # noqa: SLF001
        if outermost:
            self._recorder._deliver()  # noqa: SLF001


def _open(folder: Path) -> int:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_EXCL | os.O_CLOEXEC
        return os.open(folder / JOURNAL, flags, 0o600)
    except FileExistsError:
        raise JournalError(
            f"{folder} already holds a journal", hint="every run has a folder of its own"
        ) from None
    except OSError as error:
        raise JournalError(f"cannot make a journal in {folder}: {error.strerror}") from None
