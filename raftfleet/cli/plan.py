"""`raftfleet drill --plan` and `--rehearse`: who, what, undo, worst case, quorum margin."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import click

from raftfleet.cli.offered import foreign_modules
from raftfleet.cli.session import Session
from raftfleet.drill.imagined import Imagined, PlanStep, fresh_view
from raftfleet.drill.plan import PaperExtension, on_paper
from raftfleet.errors import ExitCode, TaskError, worst
from raftfleet.journal.events import Event, TaskResult
from raftfleet.modules import INSTEAD, generic_modules
from raftfleet.modules.raft import raft_modules
from raftfleet.modules.raft_check import checked
from raftfleet.playbook import Engine, load_playbook
from raftfleet.playbook.engine.no_transport import NoTransport
from raftfleet.report.text import aligned, one_line
from raftfleet.shipped import shipped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from raftfleet.cli.asked import Asked
    from raftfleet.cli.catalogue import Step
    from raftfleet.cluster import Control, RaftView
    from raftfleet.transport.protocol import Transport

__all__ = ["show_plan"]

_HEAD = ("step", "host", "does", "at worst", "margin", "undo")


def show_plan(asked: Asked, steps: Sequence[Step], *, rehearse: bool) -> int:
    """Print what each drill would do; nothing is changed, and without ``rehearse`` nobody is asked.

    A rehearsal connects to every host, looks at every node and begins with who leads now.
    """
    with Session(asked) as session:
        codes: list[ExitCode] = []
        view = _rehearsed(session, codes) if rehearse else None
        imagined = Imagined(
            session.fleet.system,
            session.fleet.nodes,
            view or fresh_view(session.fleet.system, session.fleet.nodes),
            session.limited_nodes(),
        )
        codes += [_play(session, step, imagined) for step in steps]
        return worst(codes or [ExitCode.PASSED])


def _rehearsed(session: Session, codes: list[ExitCode]) -> RaftView:
    """Connect, probe and say what is found; whatever stands in the way is shown."""
    control = session.control()
    control.cluster.describe()
    view = control.look()
    for node in view.nodes:
        state = "down" if node in view.down else f"up, leads {', '.join(view.led_by(node)) or '-'}"
        click.echo(f"{node}: {state}")
    trouble = control.disagreement()
    if trouble:
        click.echo(f"no steady state: {trouble}")
        codes.append(ExitCode.INCONCLUSIVE)
    try:
        checked(control)
    except TaskError as error:
        click.echo(f"in the way: {error}")
        codes.append(ExitCode.TASK_FAILED)
    return view


def _play(session: Session, step: Step, imagined: Imagined) -> ExitCode:
    """Run one playbook on paper and print its steps."""
    before = len(imagined.steps)
    failures: list[str] = []

    def record(event: Event) -> None:
        if isinstance(event, TaskResult) and event.status == "failed" and not event.ignored:
            failures.append(str(event.result.get("msg", "")))

    control = cast("Control", imagined)
    real = {**generic_modules(), **foreign_modules()}
    modules = {**on_paper(real, imagined), **raft_modules(lambda: control)}
    playbook = load_playbook(
        step.path,
        modules=modules,
        extensions={"drill": PaperExtension(imagined)},
        role_paths=[shipped("roles")],
        instead=INSTEAD,
    )
    engine = Engine(
        playbook,
        session.inventory,
        transports=lambda host, **_: cast("Transport", NoTransport(host.name)),
        record=record,
        clock=session.clock,
        extra_vars={**session.asked.extra, **step.extra},
        limit=session.asked.limit,
        extensions={"drill": PaperExtension(imagined)},
        variable_providers={"raft": imagined.variables},
        inventory_file=session.asked.inventories[0],
    )
    result = engine.run()
    _show(step, imagined, imagined.steps[before:])
    for failure in failures:
        click.echo(f"  it would fail: {one_line(failure)}")
    return result.exit_code


def _show(step: Step, imagined: Imagined, steps: Sequence[PlanStep]) -> None:
    more = " ".join(f"{name}={value}" for name, value in step.extra.items())
    total = sum(one.worst for one in steps)
    click.echo(f"\nPLAN [{step.path.stem}] {more}".rstrip())
    rows = [_HEAD, *(_row(place, one) for place, one in enumerate(steps, 1))]
    for line in aligned(rows):
        click.echo(f"  {line}")
    nodes = len(imagined.view.nodes)
    click.echo(
        f"  {len(steps)} steps, {total:.0f} s at the very worst; margin: nodes of {nodes} that could "
        "be lost besides, with a quorum left"
    )


def _row(place: int, one: PlanStep) -> tuple[str, ...]:
    undo = one_line(one.undo) or "-"
    return (
        str(place),
        one.host,
        one_line(one.does),
        f"{one.worst:.0f} s",
        f"{one.margin:+d}",
        undo,
    )
