"""`raftfleet import`: make a run folder from a recording."""

from __future__ import annotations

from pathlib import Path

import click

from raftfleet.cli.options import RUNS


@click.command("import")
@click.argument("recording", type=click.Path(path_type=Path))
@RUNS
def command(recording: Path, runs: Path) -> int:
    """Turn the recording DIR of a real cluster into a run folder, to be judged like any run.

    Only what was done and seen is taken over, never what the recorder concluded. `raftfleet
    analyze` judges the folder.
    """
    from raftfleet.clock import SystemClock  # noqa: PLC0415
    from raftfleet.journal import Recorder, make_run_folder  # noqa: PLC0415
    from raftfleet.systems import read_recording  # noqa: PLC0415

    source = read_recording(recording)
    clock = SystemClock()
    folder = make_run_folder(runs, source.id, clock)
    with Recorder(folder, clock) as recorder:
        source.tell(recorder)
    click.echo(folder)
    return 0
