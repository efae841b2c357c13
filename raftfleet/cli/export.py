"""`raftfleet export`: the metrics of a finished run, once more."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from raftfleet.cli.exporting import GRAFANA_URL, PUSH_GATEWAY, TEXTFILE_DIR, Exporting, Exports
from raftfleet.cli.options import RUNS
from raftfleet.errors import UsageError

if TYPE_CHECKING:
    from raftfleet.checks import Judgement
    from raftfleet.journal import Journal


@click.command("export")
@click.argument("run", default="latest")
@click.option(
    "--openmetrics",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the run second by second, with timestamps, for promtool; and do nothing else.",
)
@TEXTFILE_DIR
@PUSH_GATEWAY
@GRAFANA_URL
@click.option(
    "--delete", is_flag=True, help="Delete the cluster's group from the Pushgateway instead."
)
@RUNS
def command(
    run: str,
    runs: Path,
    openmetrics: Path | None,
    textfile_dir: Path | None,
    push_gateway: str | None,
    grafana_url: str | None,
    *,
    delete: bool,
) -> int:
    """Count RUN into its cluster's metrics, unless it has been, and hand them out.

    Every run does so itself when it ends; this is for one that was killed, for a recording, and for
    what was not asked for then. RUN is a run folder, its name, or `latest`. The file of
    `--openmetrics` becomes blocks of Prometheus's storage by `promtool tsdb create-blocks-from
    openmetrics FILE DATA`.
    """
    from raftfleet.checks import judge  # noqa: PLC0415
    from raftfleet.cli.asked import PROJECT  # noqa: PLC0415
    from raftfleet.journal import find_run, read_journal  # noqa: PLC0415

    if delete and not push_gateway:
        raise UsageError("--delete wants the Pushgateway: --push-gateway URL")
    journal = read_journal(find_run(run, runs))
    judgement = judge(journal)
    if openmetrics is not None:
        click.echo(_second_by_second(judgement, journal, openmetrics))
    elif delete:
        click.echo(f"deleted: {_delete(journal, push_gateway or '')}")
    else:
        asked = Exporting(
            textfile_dir=textfile_dir, push_gateway=push_gateway, grafana_url=grafana_url
        )
        exports = Exports(asked, PROJECT)
        figures = exports.count(judgement, journal)
        click.echo(f"counted: {exports.state(journal).path}")
        for way in (*exports.ways(figures), *exports.marks(judgement, journal)):
            click.echo(way())
    return 0


def _second_by_second(judgement: Judgement, journal: Journal, path: Path) -> Path:
    from raftfleet.metrics.backfill import write_openmetrics  # noqa: PLC0415 - slow

    return write_openmetrics(judgement, journal, path)


def _delete(journal: Journal, url: str) -> str:
    from raftfleet.metrics.push import Pushgateway  # noqa: PLC0415 - slow
    from raftfleet.metrics.samples import cluster_of  # noqa: PLC0415

    return Pushgateway(url).delete(cluster_of(journal))
