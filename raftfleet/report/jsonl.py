"""Events for programs: each as one line of JSON, as in the journal; the recap is the last."""

from __future__ import annotations

import json
import sys
import threading
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any

from raftfleet.journal.codec import encode
from raftfleet.journal.events import RunError

if TYPE_CHECKING:
    from raftfleet.errors import ExitCode
    from raftfleet.journal.events import Event
    from raftfleet.playbook.recap import Recap

__all__ = ["JsonLines"]


class JsonLines:
    """A listener for `Recorder.subscribe`; a reader that went away is not an error.

    `finish` writes the last line: ``{"event": "recap", "hosts": {HOST: counters}, "exit_code": N}``.
    """

    def __init__(self, file: IO[str] | None = None) -> None:
        from raftfleet.playbook.recap import Recap  # noqa: PLC0415 - `analyze` needs no engine

        self._file = file or sys.stdout
        self._recap: Recap = Recap()
        self._errors: set[tuple[str, str]] = set()
        self._lock = threading.Lock()
        self._finished = False

    def __call__(self, event: Event) -> None:
        """Print one event."""
        self._recap.add(event)
        if isinstance(event, RunError):
            self._errors.add((event.message, event.where))
        self._write(encode(event).decode("utf-8", "backslashreplace"))

    def error(self, error: RunError) -> None:
        """Print what went wrong outside of a run, unless the run has said it."""
        if (error.message, error.where) not in self._errors:
            self(error)

    def more(self, kind: str, **fields: Any) -> None:
        """Print a line that is no event of a journal: an answer to a question about a playbook."""
        line = {"event": kind, **fields}
        self._write(json.dumps(line, ensure_ascii=False, default=str, separators=(",", ":")))

    def finish(self, code: ExitCode | int) -> None:
        """Print the recap, once."""
        if not self._finished:
            self.more("recap", hosts=self._recap.plain(), exit_code=int(code))
        self._finished = True

    def _write(self, line: str) -> None:
        with self._lock, suppress(BrokenPipeError):
            print(line, file=self._file, flush=True)
