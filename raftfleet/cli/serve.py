"""`raftfleet serve`: the long-running exporter, and drills on a schedule."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from raftfleet.cli.exporting import GRAFANA_URL, PUSH_GATEWAY, TEXTFILE_DIR, Exporting
from raftfleet.cli.options import shared

if TYPE_CHECKING:
    from raftfleet.cli.options import Given


@click.command("serve")
@shared
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Schedules and poll interval; by default config/serve.yml below the current directory, if "
    "there is one.",
)
@click.option(
    "--listen",
    default="127.0.0.1:17400",
    show_default=True,
    metavar="ADDRESS:PORT",
    help="Where to answer; other than loopback only with TLS and credentials.",
)
@click.option(
    "--web-config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="TLS and passwords, in the format of Prometheus's web.config.file.",
)
@TEXTFILE_DIR
@PUSH_GATEWAY
@GRAFANA_URL
@click.option("--check", is_flag=True, help="Only check every file and name; start nothing.")
def command(
    given: Given,
    config: Path | None,
    listen: str,
    web_config: Path | None,
    textfile_dir: Path | None,
    push_gateway: str | None,
    grafana_url: str | None,
    *,
    check: bool,
) -> int:
    """Watch a cluster without end, answer Prometheus, and run drills on a schedule.

    \b
    /metrics              the watched cluster, past drills, this process
    /probe?target=GROUP   one look at a cluster, by the name of its inventory group
    /-/healthy, /-/ready  whether it watches, and whether it has looked at everything once

    SIGTERM in the middle of a drill starts again what the drill stopped, judges and records it,
    and ends with 130; while nothing is drilled it ends with 0. SIGHUP has every file read anew.
    """  # noqa: D301 - click reads \b as "leave these lines as they are"
    from raftfleet.cli.serve_files import Wanted  # noqa: PLC0415
    from raftfleet.cli.serving import serve  # noqa: PLC0415

    wanted = Wanted(config=config, listen=listen, web_config=web_config)
    exports = Exporting(
        textfile_dir=textfile_dir, push_gateway=push_gateway, grafana_url=grafana_url
    )
    return serve(given.asked("serve", keep=False, exporting=exports), wanted, check=check)
