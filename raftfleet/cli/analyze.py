"""`raftfleet analyze`: judge a run again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from raftfleet.cli.options import RUNS

if TYPE_CHECKING:
    from pathlib import Path


@click.command("analyze")
@click.argument("run", default="latest")
@click.option("--json", "as_json", is_flag=True, help="Print what summary.json holds.")
@RUNS
def command(run: str, runs: Path, *, as_json: bool) -> int:
    """Judge the journal of RUN again: a run folder, its name, or `latest`.

    The same journal always gives the same verdict. A journal that ends early, because its
    controller was killed, is inconclusive.
    """
    from raftfleet.checks import judge, judgement_json  # noqa: PLC0415
    from raftfleet.journal import find_run, read_journal  # noqa: PLC0415
    from raftfleet.report import show_judgement  # noqa: PLC0415

    folder = find_run(run, runs)
    journal = read_journal(folder)
    judgement = judge(journal)
    if as_json:
        click.echo(json.dumps(judgement_json(judgement), indent=2))
    else:
        show_judgement(judgement, journal, folder)
    return judgement.exit_code
