"""The ways out for metrics that a command can be asked for, and what happens when a run ends."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from raftfleet.errors import RaftfleetError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from raftfleet.checks import Judgement
    from raftfleet.clock import Clock
    from raftfleet.journal import Journal, Recorder
    from raftfleet.metrics import Figures, Live, MetricsState
    from raftfleet.metrics.push import Pushgateway

__all__ = ["PUSH_GATEWAY", "TEXTFILE_DIR", "Exporting", "Exports", "exporting"]

T = TypeVar("T")

TEXTFILE_DIR = click.option(
    "--textfile-dir",
    type=click.Path(path_type=Path),
    envvar="RAFTFLEET_TEXTFILE_DIR",
    show_envvar=True,
    help="Write raftfleet-CLUSTER.prom there, for node_exporter's textfile collector.",
)
PUSH_GATEWAY = click.option(
    "--push-gateway",
    metavar="URL",
    envvar="RAFTFLEET_PUSH_GATEWAY",
    show_envvar=True,
    help="Push the metrics to this Pushgateway when the run is over.",
)
_METRICS_PORT = click.option(
    "--metrics-port",
    type=click.IntRange(0, 65535),
    envvar="RAFTFLEET_METRICS_PORT",
    show_envvar=True,
    help="Serve live metrics on this port of 127.0.0.1 while the run lasts; 0 takes any.",
)


@dataclass(frozen=True, kw_only=True)
class Exporting:
    """What was asked for beside the files in the run folder."""

    textfile_dir: Path | None = None
    push_gateway: str | None = None
    metrics_port: int | None = None


def exporting(function: Callable[..., int]) -> Callable[..., int]:
    """Give a command the options of all ways out, as its argument ``exporting``."""

    @functools.wraps(function)
    def command(*words: Any, **options: Any) -> int:
        names = ("textfile_dir", "push_gateway", "metrics_port")
        asked = Exporting(**{name: options.pop(name) for name in names})
        return function(*words, exporting=asked, **options)

    for option in (PUSH_GATEWAY, _METRICS_PORT, TEXTFILE_DIR):
        command = option(command)
    return command


class Exports:
    """The ways out of one run.

    What was asked for is checked, and the port taken, before anything is done: `UsageError` when
    it cannot be had. What fails when the run is over is a warning and never changes its verdict.
    ``project`` is the folder in which figures accumulate.
    """

    def __init__(self, asked: Exporting, project: Path) -> None:
        self._directory = _checked(asked.textfile_dir)
        self._project = project
        self._gateway = _gateway(asked.push_gateway)
        self._live: Live | None = None
        self._listener = None
        if asked.metrics_port is not None:
            from raftfleet.metrics.listener import Listener  # noqa: PLC0415 - slow

            self._listener = Listener(asked.metrics_port, self._now)

    def watch(self, recorder: Recorder, clock: Clock) -> None:
        """Serve what is recorded from now on."""
        if self._listener is not None:
            from raftfleet.metrics import Live  # noqa: PLC0415

            self._live = Live(recorder, clock)
            click.echo(f"metrics: {self._listener.start().url}", err=True)

    def close(self) -> None:
        """Serve no more."""
        if self._listener is not None:
            self._listener.close()

    def deliver(self, judgement: Judgement, journal: Journal, folder: Path) -> None:
        """Count the run in and write its figures everywhere; a failure is a warning."""
        from raftfleet.metrics import run_figures, write_figures  # noqa: PLC0415 - slow
        from raftfleet.metrics.backfill import write_openmetrics  # noqa: PLC0415

        figures: Figures | None = None
        if _has_cluster(journal):
            figures = _tried(lambda: self.count(judgement, journal))
        own = folder / "raftfleet.prom"
        _tried(lambda: write_figures(figures or run_figures(judgement, journal), own))
        _tried(lambda: write_openmetrics(judgement, journal, folder / "metrics.om"))
        for way in self.ways(figures) if figures else ():
            _tried(way)

    def count(self, judgement: Judgement, journal: Journal) -> Figures:
        """Count a run in, unless it has been, and return all figures of its cluster."""
        return self.state(journal).absorb(judgement, journal)

    def state(self, journal: Journal) -> MetricsState:
        """Return where the figures of a journal's cluster accumulate."""
        from raftfleet.metrics import MetricsState, state_path  # noqa: PLC0415 - slow
        from raftfleet.metrics.samples import cluster_of  # noqa: PLC0415

        return MetricsState(state_path(self._project, cluster_of(journal)))

    def ways(self, figures: Figures) -> Iterator[Callable[[], str]]:
        """Yield what hands figures to each of those asked for, and returns where they went."""
        from raftfleet.metrics.textfile import write_shared  # noqa: PLC0415 - slow

        directory, gateway = self._directory, self._gateway
        cluster = next(labels[0] for labels in figures.values["raftfleet_cluster"])
        if directory is not None:
            yield lambda: str(write_shared(figures, directory, cluster))
        if gateway is not None:
            yield lambda: gateway.push(figures, cluster)

    def _now(self) -> Figures:
        from raftfleet.metrics import Figures  # noqa: PLC0415 - slow

        return self._live.figures() if self._live else Figures()


def _checked(directory: Path | None) -> Path | None:
    if directory is None or (directory.is_dir() and os.access(directory, os.W_OK | os.X_OK)):
        return directory
    why = "is not a directory" if not directory.is_dir() else "cannot be written to"
    raise UsageError(
        f"--textfile-dir {directory} {why}",
        hint="name the directory that node_exporter reads (--collector.textfile.directory)",
    )


def _gateway(url: str | None) -> Pushgateway | None:
    if not url:
        return None
    from raftfleet.metrics.push import Pushgateway  # noqa: PLC0415 - slow

    return Pushgateway(url)


def _has_cluster(journal: Journal) -> bool:
    from raftfleet.journal.events import ClusterDescribed  # noqa: PLC0415

    return bool(journal.of(ClusterDescribed))


def _tried(act: Callable[[], T]) -> T | None:
    """Do something for which no run may fail: what goes wrong is said, and that is all."""
    try:
        return act()
    except RaftfleetError as error:
        click.echo(f"warning: metrics: {error}", err=True)
    except Exception as error:  # noqa: BLE001 - the verdict stands, whatever is wrong with its figures
        what = f"{type(error).__name__}: {error}"
        click.echo(f"warning: metrics: defect in raftfleet: {what}; please report it", err=True)
    return None
