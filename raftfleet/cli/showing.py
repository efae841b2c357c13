"""What commands that act show: events as they come, and the judgement at the end."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from raftfleet.cli.catalogue import Step
from raftfleet.cli.session import Session
from raftfleet.errors import ExitCode, worst
from raftfleet.journal.events import RunEnded
from raftfleet.playbook import Memory, which_starts
from raftfleet.report import LiveConsole, show_closing, show_picture

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from raftfleet.cli.asked import Asked
    from raftfleet.cluster import Abandoned, Control

__all__ = ["Step", "heal", "run_plays", "show_status"]


def run_plays(
    asked: Asked, plays: Sequence[Step], *, installs: bool = False, remember: bool = False
) -> int:
    """Run playbooks one after another as one run; stop at the first that could not do its work.

    All of them are read and checked before the first begins, and so are the settings of all
    nodes; ``installs``: and the program that is to be installed. ``remember``: facts and added
    hosts last from one playbook to the next.
    """
    with Session(asked) as session:
        _listen(session, asked)
        playbooks = session.load_all([play.path for play in plays])
        for node in session.fleet.nodes if installs else session.fleet.nodes[:0]:
            session.fleet.system.artifacts(node)
        with _console(session, asked):
            memory = Memory() if remember else None
            begin = which_starts(playbooks, asked.playbook.get("start_at_task"))
            for number in range(begin, len(plays)):
                extra, first = plays[number].extra, number == begin
                code = session.play(playbooks[number], extra, first=first, memory=memory)
                if code is not ExitCode.PASSED:
                    break
            judgement, code = session.finish()
        if asked.output.lines is None:
            journal = session.recorder.journal()
            terminal = asked.output.terminal()
            if judgement is None:
                terminal.line()
                show_closing(terminal, journal, session.folder)
            else:
                from raftfleet.report import show_judgement  # noqa: PLC0415 - it needs the checks

                show_judgement(judgement, journal, session.folder, terminal)
        return code


def _listen(session: Session, asked: Asked) -> None:
    """Write events as lines of JSON from the first on, where that is asked for."""
    if asked.output.lines is not None:
        for event in session.recorder.journal().events:
            asked.output.lines(event)
        session.recorder.subscribe(asked.output.lines)


@contextmanager
def _console(session: Session, asked: Asked) -> Iterator[None]:
    """Show people what happens, and how it went at the end."""
    if asked.output.lines is not None:
        yield
        return
    with LiveConsole(asked.output.terminal(), verbose=asked.verbose) as console:
        session.recorder.subscribe(console)
        yield


def heal(asked: Asked) -> int:
    """Undo what a dead run left, and say what was done."""
    from raftfleet.checks import judge  # noqa: PLC0415 - a play without a cluster needs none of it
    from raftfleet.cluster import abandoned  # noqa: PLC0415

    with Session(asked) as session:
        control = session.control()
        control.cluster.describe()
        after = control.take_over()
        if after:
            click.echo(f"released the cluster lock of {after}")
        left, failed = control.cluster.leftovers()
        for one in left:
            click.echo(f"{one.node} was stopped for the time being by {one.by}")
        control.cluster.find()
        started = control.start([one.node for one in left]) if left else ()
        for one in left:
            click.echo(f"{one.node} {'started' if one.node in started else 'was running already'}")
        for error in failed.values():
            click.echo(f"not looked at: {error.message}", err=True)
        codes = [error.exit_code for error in failed.values()]
        written = list(abandoned(asked.runs, [node.identity for node in session.fleet.nodes]))
        codes += [_remove(control, one) for one in written]
        if not (after or left or failed or written):
            click.echo("nothing to heal")
        code = worst(codes)
        session.recorder.record(RunEnded(exit_code=code))
        session.export(judge(session.recorder.journal()))
        return code


def _remove(control: Control, what: Abandoned) -> ExitCode:
    """Remove what a dead run wrote, unless it may have been meant to stay, and say so."""
    from raftfleet.systems.protocol import AccessError  # noqa: PLC0415 - as above

    if what.unsaid:
        click.echo(
            f"left alone: keys of run {what.run} that begin with {what.prefix}, as its journal "
            "does not say whether they were to be kept"
        )
        return ExitCode.PASSED
    try:
        done = control.clear(what)
    except AccessError as error:
        click.echo(f"not looked at: what run {what.run} wrote: {error}", err=True)
        return ExitCode.UNREACHABLE
    click.echo(f"removed {done.count} keys that run {what.run} had written")
    if done.left.count:
        click.echo(f"not removed: {done.left.count} more, {done.left.examples[0]} is one", err=True)
        return ExitCode.TASK_FAILED
    return ExitCode.PASSED


def show_status(asked: Asked) -> int:
    """Look once and show it; nothing is kept of it."""
    with Session(asked) as session:
        control = session.control()
        control.cluster.describe()
        control.look()
        show_picture(session.recorder.picture)
        for line in _remains(control):
            click.echo(line)
        return ExitCode.PASSED if control.disagreement() is None else ExitCode.TASK_FAILED


def _remains(control: Control) -> Iterator[str]:
    """Yield who has the cluster lock, and what dead runs left."""
    from raftfleet.cluster import Sighting  # noqa: PLC0415 - as above

    lock = control.cluster.lock
    seen = lock.look().values() if lock else ()
    shown = {one.token: one.describe() for one in seen if isinstance(one, Sighting) and one.token}
    yield from (f"cluster lock: {who}" for who in shown.values())
    for one in control.cluster.leftovers()[0]:
        yield f"{one.node} was stopped for the time being by {one.by} (raftfleet heal starts it)"
