"""Signals: the first ends the run in order, the second at once."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING, Any

import click

from raftfleet.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from raftfleet.journal import Recorder

__all__ = ["Interruption"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interruption:
    """Turns SIGINT, SIGTERM and SIGHUP into an event that everybody who waits looks at.

    ``signals`` may be set to fewer before it is armed.
    """

    def __init__(self, recorder: Recorder) -> None:
        self.stop = threading.Event()
        self.signals: Sequence[signal.Signals] = _SIGNALS
        self._recorder = recorder
        self._before: dict[int, Any] = {}

    def arm(self) -> None:
        """Take the signals over."""
        for number in self.signals:
            self._before[number] = signal.signal(number, self._received)

    def disarm(self) -> None:
        """Give the signals back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    def _received(self, number: int, frame: object) -> None:
        del frame
        name = signal.Signals(number).name
        if self.stop.is_set():
            self._leave(name)
        self.stop.set()
        click.echo(
            f"{name}: no new actions; healing what was broken (again to leave at once)", err=True
        )
        # The handler runs on the main thread, which may hold the journal's lock right now.
        threading.Thread(target=self._recorder.wake, daemon=True).start()

    def _leave(self, name: str) -> None:
        """End the process, and say what stays as it is."""
        stopped = self._recorder.picture.stopped_by_us
        stays = f"still stopped: {', '.join(stopped)}" if stopped else "nothing was left stopped"
        click.echo(f"{name} again: leaving at once; {stays}", err=True)
        if stopped:
            click.echo("hint: raftfleet heal -i INVENTORY starts them", err=True)
        os._exit(ExitCode.INTERRUPTED)
