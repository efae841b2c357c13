"""One drill from its steady state to its last log line; judging comes later, from the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raftfleet.errors import InterruptedRun, RaftfleetError
from raftfleet.journal.events import DrillEnded, DrillStarted

if TYPE_CHECKING:
    from collections.abc import Callable

    from raftfleet.cluster import Control
    from raftfleet.drill.declaration import Declaration

__all__ = ["conduct"]


def conduct(declaration: Declaration, control: Control, proceed: Callable[[], None]) -> None:
    """Find a steady state, write, run the tasks, heal, watch, read back and collect; record it all.

    A drill that finds no steady state, or whose first writes nobody acknowledges, touches nothing
    and is recorded as aborted, for an inconclusive verdict. Whatever happens to the tasks, what
    they stopped is started again (unless the drill leaves the cluster down on purpose), the logs
    are collected, and what was written is removed unless it is to be kept. Raises
    `InterruptedRun` after healing.
    """
    control.system.check(control.nodes)
    control.claim()
    control.cluster.describe()
    with control.cluster.observing():
        unsteady = control.await_steady()
        control.cluster.sample()  # the drill's own coverage begins here
        control.recorder.record(_started(declaration, control))
        if unsteady:
            _end(control, declaration, f"no steady state to begin with: {unsteady}")
            return
        try:
            with control.cluster.sampling():
                _run(declaration, control, proceed)
        finally:
            control.forget_traffic(keep_data=declaration.keep_data)


def _run(declaration: Declaration, control: Control, proceed: Callable[[], None]) -> None:
    stopped_before = set(control.recorder.picture.stopped_by_us)
    aborted = "it did not run to its end"
    try:
        control.cluster.remember_logs()
        aborted = _tasks(declaration, control, proceed)
    except InterruptedRun as error:
        aborted = error.message
        raise
    finally:
        control.guarded = control.passing = False
        troubles = [aborted, _heal(declaration, control, stopped_before)]
        try:
            if not aborted:
                control.watch(_watch(declaration, control))
        finally:
            troubles.append(_read_back(control, at_rest=not aborted))
            troubles.append(_collect(control))
            _end(control, declaration, "; ".join(filter(None, troubles)))


def _tasks(declaration: Declaration, control: Control, proceed: Callable[[], None]) -> str:
    """Run the tasks, once writes are acknowledged through every node; return why they did not.

    A task may give the drill up: what it needs cannot be had.
    """
    control.given_up = ""
    if declaration.writes and control.system.writes:
        refused = control.begin_traffic(declaration.rates)
        if refused:
            return f"no writes to begin with: {refused}"
    control.guarded = not declaration.allow_quorum_loss
    control.passing = declaration.leaves != "down"
    proceed()
    return control.given_up


def _started(declaration: Declaration, control: Control) -> DrillStarted:
    return DrillStarted(
        drill=declaration.id,
        expects=declaration.expects,
        forbids=declaration.forbids,
        evidence=dict(declaration.evidence),
        budget=dict(declaration.budget),
        watch=_watch(declaration, control),
        leaves=declaration.leaves,
        allow_quorum_loss=declaration.allow_quorum_loss,
        keep_data=declaration.keep_data,
    )


def _watch(declaration: Declaration, control: Control) -> float:
    return control.reaction if declaration.watch is None else declaration.watch


def _heal(declaration: Declaration, control: Control, stopped_before: set[str]) -> str:
    """Start what the drill stopped; return what could not be healed, for the journal."""
    if declaration.leaves == "down":
        return ""
    picture = control.recorder.picture
    ours = [n for n in control.cluster.names if n in picture.stopped_by_us]
    try:
        control.restart([name for name in ours if name not in stopped_before])
    except RaftfleetError as error:
        return f"healing failed: {error.message}"
    return ""


def _read_back(control: Control, *, at_rest: bool) -> str:
    """End the writers; when the drill ran to its end, read back at rest what they wrote.

    A cluster that does not come to rest is read all the same: what was read when is recorded.
    """
    try:
        control.end_traffic()
        if at_rest and control.traffic is not None:
            control.read_back(None)
    except RaftfleetError as error:
        return f"reading back failed: {error.message}"
    return ""


def _collect(control: Control) -> str:
    try:
        control.cluster.collect_logs()
    except RaftfleetError as error:
        return f"logs could not be collected: {error.message}"
    return ""


def _end(control: Control, declaration: Declaration, aborted: str) -> None:
    control.cluster.sample()  # a drill shorter than a second was watched too
    control.recorder.record(DrillEnded(drill=declaration.id, aborted=aborted))
