"""Threads that run a task on several hosts at once.

They are daemons: an interrupted run need not wait for a command that nobody can end.
"""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, TypeVar

from raftfleet.errors import InterruptedRun

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from raftfleet.playbook.engine.job import Stop

__all__ = ["Pool"]

T = TypeVar("T")
R = TypeVar("R")

_GLANCE = 0.1  # seconds between two looks at whether the run was interrupted
_PATIENCE = 100  # glances that busy threads are given to notice an interruption


class Pool:
    """At most ``size`` threads, started when they are needed."""

    def __init__(self, size: int, stop: Stop) -> None:
        self._size = size
        self._stop = stop
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []

    def each(self, work: Callable[[T], R], items: Sequence[T]) -> Iterator[R]:
        """Work on every item, several at once; yield what comes out as it comes.

        What a worker raises is raised here. After an interruption the workers are given a moment,
        then `InterruptedRun` is raised and whatever still runs is left behind.
        """
        self._grow(min(self._size, len(items)))
        answers: queue.SimpleQueue[tuple[list[R], BaseException | None]] = queue.SimpleQueue()
        for item in items:
            self._jobs.put(lambda item=item: answers.put(_attempt(work, item)))  # type: ignore[misc]
        interrupted: InterruptedRun | None = None
        for _ in items:
            values, error = self._next(answers)
            if isinstance(error, InterruptedRun):
                interrupted = error
            elif error is not None:
                raise error
            yield from values
        if interrupted is not None:
            raise interrupted

    def _next(
        self, answers: queue.SimpleQueue[tuple[list[R], BaseException | None]]
    ) -> tuple[list[R], BaseException | None]:
        glances = 0
        while True:
            try:
                return answers.get(timeout=_GLANCE)
            except queue.Empty:
                glances += self._stop.is_set()
                if glances > _PATIENCE:
                    raise InterruptedRun("interrupted while hosts were still busy") from None

    def _grow(self, wanted: int) -> None:
        while len(self._threads) < wanted:
            name = f"task-{len(self._threads)}"
            thread = threading.Thread(target=self._serve, daemon=True, name=name)
            self._threads.append(thread)
            thread.start()

    def _serve(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()

    def close(self) -> None:
        """Let idle threads end; busy ones end after their job."""
        for _ in self._threads:
            self._jobs.put(None)


def _attempt(work: Callable[[T], R], item: T) -> tuple[list[R], BaseException | None]:
    try:
        return [work(item)], None
    except BaseException as error:  # noqa: BLE001 - raised again where the answer is awaited
        return [], error
