"""The Prometheus textfile, for node_exporter's textfile collector."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raftfleet.journal import write_file

from .figures import Figures
from .state import file_name

if TYPE_CHECKING:
    from pathlib import Path


__all__ = ["write_figures", "write_shared"]


def write_figures(figures: Figures, path: Path) -> Path:
    """Write figures in one step; whoever reads the file finds all of it or none.

    It may be read by everybody: a collector runs as another user. Raises `JournalError` when it
    cannot be written.
    """
    from prometheus_client import generate_latest  # noqa: PLC0415 - slow

    from .collector import make_registry  # noqa: PLC0415

    return write_file(path, generate_latest(make_registry(lambda: figures)), mode=0o644)


def write_shared(figures: Figures, directory: Path, cluster: str) -> Path:
    """Write a cluster's figures into the directory that node_exporter reads.

    Every cluster has a file of its own there, so what has no label of the cluster is left out:
    node_exporter refuses a series that two files hold.
    """
    own = {name: series for name, series in figures.values.items() if name != "raftfleet_build"}
    path = directory / f"raftfleet-{file_name(cluster)}.prom"
    return write_figures(Figures(own, figures.histograms), path)
