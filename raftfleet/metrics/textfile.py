"""The Prometheus textfile of a run, for node_exporter's textfile collector."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raftfleet.journal import write_file

if TYPE_CHECKING:
    from pathlib import Path

    from raftfleet.checks import Judgement
    from raftfleet.journal import Journal

__all__ = ["write_textfile"]


def write_textfile(judgement: Judgement, journal: Journal, path: Path) -> Path:
    """Write a run's metrics in one step; whoever reads the file finds all of it or none.

    It may be read by everybody: a collector runs as another user. Raises `JournalError` when it
    cannot be written.
    """
    from prometheus_client import CollectorRegistry, generate_latest  # noqa: PLC0415 - slow

    from .collector import RunCollector  # noqa: PLC0415

    registry = CollectorRegistry(auto_describe=False)
    registry.register(RunCollector(judgement, journal))
    return write_file(path, generate_latest(registry), mode=0o644)
