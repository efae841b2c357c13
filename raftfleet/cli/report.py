"""`raftfleet report`: a run told again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from raftfleet.cli.options import RUNS
from raftfleet.cli.output import OUTPUT

if TYPE_CHECKING:
    from pathlib import Path

    from raftfleet.cli.output import Shown


@click.command("report")
@click.argument("run", default="latest")
@click.option("-v", "--verbose", count=True, help="Results; -vv: places; -vvv: commands.")
@RUNS
@OUTPUT
def command(run: str, runs: Path, verbose: int, output: Shown) -> int:
    """Tell RUN again from its journal: a run folder, its name, or `latest`.

    What is shown is what was shown then, in any form: with --junit for a CI server, with more -v
    than the run had, as lines of JSON that end with the run's own exit code. The command's own is 0
    once that is done.
    """
    from raftfleet.checks import judge  # noqa: PLC0415
    from raftfleet.cli.output import write_junit  # noqa: PLC0415
    from raftfleet.errors import ExitCode  # noqa: PLC0415
    from raftfleet.journal import find_run, read_journal  # noqa: PLC0415
    from raftfleet.journal.events import RunEnded  # noqa: PLC0415
    from raftfleet.report import LiveConsole, show_judgement  # noqa: PLC0415

    folder = find_run(run, runs)
    journal = read_journal(folder)
    if output.junit is not None:
        write_junit(journal, output.junit)
    if output.lines is not None:
        for event in journal.events:
            output.lines(event)
        ended = journal.of(RunEnded)
        output.lines.finish(ended[-1].exit_code if ended else ExitCode.INCONCLUSIVE)
    else:
        with LiveConsole(output.terminal(), verbose=verbose) as console:
            for event in journal.events:
                console(event)
        show_judgement(judge(journal), journal, folder, output.terminal())
    return ExitCode.PASSED
