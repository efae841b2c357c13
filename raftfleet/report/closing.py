"""The last lines of a run, whether or not there was anything to judge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raftfleet.journal.events import ClusterDescribed, RunStarted
from raftfleet.stats import overhead

from .text import one_line

if TYPE_CHECKING:
    from pathlib import Path

    from raftfleet.journal import Journal

    from .terminal import Terminal

__all__ = ["show_closing"]


def show_closing(out: Terminal, journal: Journal, folder: Path | None) -> None:
    """Say which cluster it was, where the time went, and where the rest is to be found."""
    _show_cluster(out, journal)
    _show_source(out, journal)
    if folder is not None:
        out.line(f"run folder: {folder}")


def _show_source(out: Terminal, journal: Journal) -> None:
    """Say where the time went, or whose recording it was."""
    recording = next((event.recording for event in journal.of(RunStarted)), "")
    if recording:
        out.line(f"imported from: {one_line(recording)}")
        return
    spent = overhead(journal)
    out.line(
        f"time: {spent.wall:.1f} s, of which raftfleet's own {spent.own:.1f} s "
        f"(waiting for the cluster {spent.waited:.1f} s)"
    )


def _show_cluster(out: Terminal, journal: Journal) -> None:
    described = journal.of(ClusterDescribed)
    if described:
        cluster = described[-1]
        nodes = ", ".join(f"{node.name} ({node.address})" for node in cluster.nodes)
        build = f" {cluster.build}" if cluster.build else ""
        out.line(f"cluster: {cluster.system}{build}, {nodes}")
