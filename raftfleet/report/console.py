"""The live view: events as they come, in the shape that users of Ansible know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from raftfleet.journal import events as ev
from raftfleet.journal.values import Role

from .results import STYLES, result_lines
from .terminal import Terminal
from .text import one_line, seconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from raftfleet.playbook.recap import Recap

__all__ = ["LiveConsole"]

_MEGABYTE = 1_000_000


class LiveConsole:
    """A listener for `Recorder.subscribe`; used as a context manager, it ends with the recap.

    ``verbose`` above 0 shows whole results and every wait.
    """

    def __init__(self, terminal: Terminal | None = None, *, verbose: int = 0) -> None:
        from raftfleet.playbook.recap import Recap  # noqa: PLC0415 - `analyze` needs no engine

        self._terminal = terminal or Terminal()
        self._verbose = verbose
        self._recap: Recap = Recap()
        self._modules: dict[int, str] = {}
        self._items: set[tuple[int, str]] = set()
        self._terms: dict[str, int] = {}
        self._waits: dict[int, ev.WaitBegan] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._terminal.clear()
        self.recap()

    def __call__(self, event: ev.Event) -> None:
        """Show one event, if it is worth a line."""
        self._recap.add(event)
        show = _VIEWS.get(type(event))
        if show is not None:
            show(self, event)

    def recap(self) -> None:
        """Print what the run came to on each host."""
        if not self._recap.hosts:
            return
        self._terminal.header("PLAY RECAP")
        width = max(len(host) for host in self._recap.hosts)
        for host, counters in self._recap.plain().items():
            counts = "".join(
                f"{name}={count}".ljust(len(name) + 6) for name, count in counters.items()
            )
            bad = counters["failed"] or counters["unreachable"]
            style = STYLES["failed"] if bad else STYLES["changed" if counters["changed"] else "ok"]
            self._terminal.line(f"{one_line(host).ljust(width)} : {counts.rstrip()}", style)

    # --- plays and tasks ---------------------------------------------------------------------

    def _play(self, event: ev.PlayStarted) -> None:
        self._terminal.header(f"PLAY [{one_line(event.play)}]")
        for part in event.unmatched:
            text = f"warning: no host and no group matches {one_line(part)}"
            self._terminal.line(text, "yellow")
        if not event.hosts:
            self._terminal.line("skipping: no hosts matched", STYLES["skipped"])

    def _task(self, event: ev.TaskStarted) -> None:
        self._modules[event.task] = event.module
        self._items = {key for key in self._items if key[0] != event.task}
        word = "RUNNING HANDLER" if event.handler else "TASK"
        self._terminal.header(f"{word} [{one_line(event.name)}]")
        if self._verbose and event.where:
            self._terminal.line(f"    {event.where}", "dim")

    def _progress(self, event: ev.TaskProgress) -> None:
        amount = ""
        if event.done is not None and event.total:
            amount = f" {event.done / _MEGABYTE:.1f} of {event.total / _MEGABYTE:.1f} MB"
        text = f"  {event.host}: {one_line(event.text)}{amount}"
        if self._verbose:
            self._terminal.line(text, "dim")
        else:
            self._terminal.passing(text)

    def _result(self, event: ev.TaskResult) -> None:
        key = (event.task, event.host)
        if event.item is not None:
            self._items.add(key)
        elif key in self._items and event.status != "skipped":
            return  # its items were shown one by one
        module = self._modules.get(event.task, "").rpartition(".")[2]
        for line in result_lines(event, verbose=self._verbose, always=module == "debug"):
            self._terminal.line(line, STYLES.get(event.status, ""))

    # --- the cluster -------------------------------------------------------------------------

    def _drill(self, event: ev.DrillStarted) -> None:
        self._terminal.line(f"  drill {one_line(event.drill)} begins", "bold")

    def _drill_ended(self, event: ev.DrillEnded) -> None:
        if event.aborted:
            self._terminal.line(
                f"  drill {event.drill} did not run to its end: {event.aborted}", "red"
            )

    def _ready(self, event: ev.NodeReady) -> None:
        seen = f", seen by {', '.join(event.seen_by)}" if event.seen_by else ""
        self._terminal.line(f"  {event.node} is up (pid {event.incarnation.pid}){seen}", "dim")

    def _exited(self, event: ev.NodeExited) -> None:
        status = "an unknown status" if event.status is None else f"status {event.status}"
        if event.latency is None:
            self._terminal.line(f"  {event.node} ended by itself with {status}", "red")
            return
        after = f"{seconds(event.latency)} after SIG{event.signal.removeprefix('SIG')}"
        self._terminal.line(f"  {event.node} exited with {status}, {after}", "dim")

    def _not_exited(self, event: ev.NodeNotExited) -> None:
        self._terminal.line(f"  {event.node} is still alive after {event.waited:.1f} s", "red")

    def _seen(self, event: ev.StatusSeen) -> None:
        """Show every new leader; those that are there when watching begins are no news."""
        for group, status in event.groups.items():
            if status.role is not Role.LEADER or status.term is None:
                continue
            known = self._terms.get(group)
            if known is not None and status.term > known:
                self._terminal.line(f"  {group}: {event.node} leads term {status.term}", "dim")
            self._terms[group] = max(status.term, known or 0)

    def _began(self, event: ev.WaitBegan) -> None:
        self._waits[event.wait] = event
        self._terminal.passing(f"  waiting for {event.what} (at most {event.timeout:.0f} s)")

    def _ended(self, event: ev.WaitEnded) -> None:
        began = self._waits.pop(event.wait, None)
        if began is None:
            return
        took = event.t - began.t
        if not event.met:
            text = (
                f"  waited {took:.1f} s for {began.what}; last seen: {event.last_seen or 'nothing'}"
            )
            self._terminal.line(text, "yellow")
        elif self._verbose:
            self._terminal.line(f"  waited {took:.2f} s for {began.what}", "dim")

    def _lost(self, event: ev.HostLost) -> None:
        self._terminal.line(f"  {event.host} does not answer: {one_line(event.reason)}", "red")

    def _locked(self, event: ev.LockAcquired) -> None:
        if event.after:
            text = f"  took over the cluster lock of {one_line(event.after)}"
            self._terminal.line(text, "yellow")

    def _unlocked(self, event: ev.LockLost) -> None:
        self._terminal.line(f"  {one_line(event.reason)}", "red")

    def _missing(self, event: ev.LogMissing) -> None:
        text = f"  {event.node}: log {event.path} is missing: {one_line(event.reason)}"
        self._terminal.line(text, "yellow")


_VIEWS: dict[type[ev.Event], Callable[[LiveConsole, Any], None]] = {
    ev.PlayStarted: LiveConsole._play,  # noqa: SLF001 - the table of its own views
    ev.TaskStarted: LiveConsole._task,  # noqa: SLF001
    ev.TaskProgress: LiveConsole._progress,  # noqa: SLF001
    ev.TaskResult: LiveConsole._result,  # noqa: SLF001
    ev.DrillStarted: LiveConsole._drill,  # noqa: SLF001
    ev.DrillEnded: LiveConsole._drill_ended,  # noqa: SLF001
    ev.NodeReady: LiveConsole._ready,  # noqa: SLF001
    ev.NodeExited: LiveConsole._exited,  # noqa: SLF001
    ev.NodeNotExited: LiveConsole._not_exited,  # noqa: SLF001
    ev.StatusSeen: LiveConsole._seen,  # noqa: SLF001
    ev.WaitBegan: LiveConsole._began,  # noqa: SLF001
    ev.WaitEnded: LiveConsole._ended,  # noqa: SLF001
    ev.LockAcquired: LiveConsole._locked,  # noqa: SLF001
    ev.LockLost: LiveConsole._unlocked,  # noqa: SLF001
    ev.HostLost: LiveConsole._lost,  # noqa: SLF001
    ev.LogMissing: LiveConsole._missing,  # noqa: SLF001
}
