"""The live view of the cluster: what its nodes do between the lines of the tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from raftfleet.journal import events as ev
from raftfleet.journal.values import Role

from .text import one_line, seconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from .terminal import Terminal

__all__ = ["ClusterLines"]


class ClusterLines:
    """Shows events of drills, nodes, waits and the cluster lock; others are not its matter."""

    def __init__(self, terminal: Terminal, *, verbose: int = 0) -> None:
        self._terminal = terminal
        self._verbose = verbose
        self._terms: dict[str, int] = {}
        self._waits: dict[int, ev.WaitBegan] = {}

    def __call__(self, event: ev.Event) -> None:
        """Show one event, if it is worth a line."""
        show = _VIEWS.get(type(event))
        if show is not None:
            show(self, event)

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


_VIEWS: dict[type[ev.Event], Callable[[ClusterLines, Any], None]] = {
    ev.DrillStarted: ClusterLines._drill,  # noqa: SLF001 - the table of its own views
    ev.DrillEnded: ClusterLines._drill_ended,  # noqa: SLF001
    ev.NodeReady: ClusterLines._ready,  # noqa: SLF001
    ev.NodeExited: ClusterLines._exited,  # noqa: SLF001
    ev.NodeNotExited: ClusterLines._not_exited,  # noqa: SLF001
    ev.StatusSeen: ClusterLines._seen,  # noqa: SLF001
    ev.WaitBegan: ClusterLines._began,  # noqa: SLF001
    ev.WaitEnded: ClusterLines._ended,  # noqa: SLF001
    ev.LockAcquired: ClusterLines._locked,  # noqa: SLF001
    ev.LockLost: ClusterLines._unlocked,  # noqa: SLF001
    ev.HostLost: ClusterLines._lost,  # noqa: SLF001
    ev.LogMissing: ClusterLines._missing,  # noqa: SLF001
}
