"""Events for programs: each as one line of JSON, as in the journal; the recap is the last."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Self

from raftfleet.journal.codec import encode

if TYPE_CHECKING:
    from raftfleet.errors import ExitCode
    from raftfleet.journal.events import Event
    from raftfleet.playbook.recap import Recap

__all__ = ["JsonLines"]


class JsonLines:
    """A listener for `Recorder.subscribe`; a reader that went away is not an error.

    A context manager: it ends with ``{"event": "recap", "hosts": {HOST: counters}, "exit_code": N}``
    once `exit_code` is known, and without that line when the run broke off before.
    """

    def __init__(self, file: IO[str] | None = None) -> None:
        from raftfleet.playbook.recap import Recap  # noqa: PLC0415 - `analyze` needs no engine

        self._file = file or sys.stdout
        self._recap: Recap = Recap()
        self.exit_code: ExitCode | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self.exit_code is not None:
            hosts = self._recap.plain()
            end = {"event": "recap", "hosts": hosts, "exit_code": int(self.exit_code)}
            self._write(json.dumps(end))

    def __call__(self, event: Event) -> None:
        """Print one event."""
        self._recap.add(event)
        self._write(encode(event).decode("utf-8", "backslashreplace"))

    def _write(self, line: str) -> None:
        with suppress(BrokenPipeError):
            print(line, file=self._file, flush=True)
