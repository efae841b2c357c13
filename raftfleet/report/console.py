"""The live view: events as they come, in the shape that users of Ansible know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from raftfleet.journal import events as ev

from .cluster import ClusterLines
from .diffs import diff_lines
from .recap import recap_lines
from .results import STYLES, fate, result_lines
from .terminal import Terminal
from .text import one_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from raftfleet.playbook.recap import Recap

__all__ = ["LiveConsole"]

_MEGABYTE = 1_000_000
_PLACES = 2  # the verbosity from which on it is said where each task stands
_COMMANDS = 3  # and from which on commands are shown


class LiveConsole:
    """A listener for `Recorder.subscribe`; used as a context manager, it ends with the recap.

    ``verbose`` counts the ``-v``: from 1 on whole results and every wait are shown, from 2 on where
    a task stands, from 3 on connections and what is done through them.
    """

    def __init__(self, terminal: Terminal | None = None, *, verbose: int = 0) -> None:
        from raftfleet.playbook.recap import Recap  # noqa: PLC0415 - `analyze` needs no engine

        self._terminal = terminal or Terminal()
        self._verbose = verbose
        self._recap: Recap = Recap()
        self._tasks: dict[int, ev.TaskStarted] = {}
        self._placed: set[int] = set()
        self._warned: set[str] = set()
        self._included: tuple[ev.TaskResult, list[str]] | None = None
        self._items: set[tuple[int, str]] = set()
        self._cluster = ClusterLines(self._terminal, verbose=verbose)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._terminal.clear()
        self._show_included()
        self.recap()

    def __call__(self, event: ev.Event) -> None:
        """Show one event, if it is worth a line."""
        self._recap.add(event)
        if self._included is not None and not self._same_inclusion(event):
            self._show_included()
        show = _VIEWS.get(type(event))
        if show is not None:
            show(self, event)
        else:
            self._cluster(event)

    def recap(self) -> None:
        """Print what the run came to on each host."""
        if not self._recap.hosts:
            return
        self._terminal.header("PLAY RECAP")
        for line in recap_lines(self._recap.plain()):
            self._terminal.parts(*line)

    # --- plays and tasks ---------------------------------------------------------------------

    def _play(self, event: ev.PlayStarted) -> None:
        self._terminal.header(f"PLAY [{one_line(event.play)}]{_mode(check=event.check)}")
        for part in event.unmatched:
            self._warning(f"no host and no group matches {part}")
        if not event.hosts:
            self._terminal.line("skipping: no hosts matched", STYLES["skipped"])

    def _play_ended(self, event: ev.PlayEnded) -> None:
        if event.cut:
            self._terminal.header("NO MORE HOSTS LEFT")

    def _task(self, event: ev.TaskStarted) -> None:
        self._tasks[event.task] = event
        self._placed.discard(event.task)
        self._items = {key for key in self._items if key[0] != event.task}
        word = "RUNNING HANDLER" if event.handler else "TASK"
        self._terminal.header(f"{word} [{one_line(event.name)}]{_mode(check=event.check)}")
        if self._verbose >= _PLACES and event.where:
            self._terminal.line(f"task path: {event.where}", "dim")

    def _progress(self, event: ev.TaskProgress) -> None:
        if event.left is not None:
            task = self._tasks.get(event.task)
            name = f": {one_line(task.name)}" if task else ""
            left = f"{event.left} {'retry' if event.left == 1 else 'retries'} left"
            text = f"FAILED - RETRYING: [{one_line(event.host)}]{name} ({left})."
            self._terminal.line(text, "bright_black")
            return
        amount = ""
        if event.done is not None and event.total:
            amount = f" {event.done / _MEGABYTE:.1f} of {event.total / _MEGABYTE:.1f} MB"
        text = f"  {event.host}: {one_line(event.text)}{amount}"
        if self._verbose:
            self._terminal.line(text, "dim")
        else:
            self._terminal.passing(text)

    def _result(self, event: ev.TaskResult) -> None:
        if "include" in event.result and event.status == "ok":
            self._include(event)
            return
        key = (event.task, event.host)
        if event.item is not None:
            self._items.add(key)
        elif key in self._items and event.status != "skipped":
            for line in fate(event):  # its items were shown one by one
                self._terminal.line(line, STYLES.get(event.status, ""))
            return
        self._warn(event)
        for line, style in diff_lines(event.result):
            self._terminal.line(line, style)
        task = self._tasks.get(event.task)
        module = task.module.rpartition(".")[2] if task else ""
        where = self._place(task) if task and event.status == "failed" else ""
        for line in result_lines(event, module=module, where=where, verbose=self._verbose):
            self._terminal.line(line, STYLES.get(event.status, ""))

    def _place(self, task: ev.TaskStarted) -> str:
        """Return where a task stands, once, and nothing when its header has said so."""
        if self._verbose >= _PLACES or task.task in self._placed:
            return ""
        self._placed.add(task.task)
        return task.where

    def _warn(self, event: ev.TaskResult) -> None:
        """Show what a module warned of, each once."""
        warnings = event.result.get("warnings")
        for warning in warnings if isinstance(warnings, list) else []:
            self._warning(str(warning))

    def _warning(self, text: str) -> None:
        if text not in self._warned:
            self._warned.add(text)
            self._terminal.line(f"[WARNING]: {one_line(text)}", "bright_magenta")

    # --- inclusions: one line for all hosts that include the same ------------------------------

    def _same_inclusion(self, event: ev.Event) -> bool:
        first = self._included[0] if self._included else None
        return (
            first is not None
            and isinstance(event, ev.TaskResult)
            and (event.task, event.result, event.status) == (first.task, first.result, first.status)
            and event.host not in (self._included or (None, ()))[1]
        )

    def _include(self, event: ev.TaskResult) -> None:
        if self._included is None:
            self._included = (event, [])
        self._included[1].append(one_line(event.host))

    def _show_included(self) -> None:
        if self._included is None:
            return
        event, hosts = self._included
        self._included = None
        text = f"included: {one_line(str(event.result['include']))} for {', '.join(hosts)}"
        if "item" in event.result:
            text += f" => (item={one_line(str(event.result['item']))})"
        self._terminal.line(text, STYLES["skipped"])

    # --- connections, for -vvv -----------------------------------------------------------------

    def _connected(self, event: ev.HostConnected) -> None:
        if self._verbose >= _COMMANDS:
            text = f"<{one_line(event.host)}> CONNECTED {event.address} in {event.seconds:.2f} s"
            self._terminal.line(text, "bright_blue")

    def _command(self, event: ev.TaskCommand) -> None:
        if self._verbose >= _COMMANDS:
            who = f" ({event.become})" if event.become else ""
            word = {"put": "PUT", "get": "FETCH"}.get(event.what, "EXEC")
            text = f"<{one_line(event.host)}> {word}{who} {event.line}"
            self._terminal.line(text, "bright_blue")


def _mode(*, check: bool) -> str:
    return " [CHECK MODE]" if check else ""


_VIEWS: dict[type[ev.Event], Callable[[LiveConsole, Any], None]] = {
    ev.PlayStarted: LiveConsole._play,  # noqa: SLF001 - the table of its own views
    ev.PlayEnded: LiveConsole._play_ended,  # noqa: SLF001
    ev.HostConnected: LiveConsole._connected,  # noqa: SLF001
    ev.TaskCommand: LiveConsole._command,  # noqa: SLF001
    ev.TaskStarted: LiveConsole._task,  # noqa: SLF001
    ev.TaskProgress: LiveConsole._progress,  # noqa: SLF001
    ev.TaskResult: LiveConsole._result,  # noqa: SLF001
}
