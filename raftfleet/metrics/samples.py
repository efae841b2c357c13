"""The figures of a run: samples straight from its judgement and journal."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from raftfleet import __version__
from raftfleet.errors import ExitCode
from raftfleet.journal import Picture, advance
from raftfleet.journal.events import (
    ClusterDescribed,
    DrillEnded,
    NodeStarted,
    RunEnded,
    RunStarted,
    TaskResult,
)
from raftfleet.journal.picture import Standing
from raftfleet.stats import overhead

from .drill_samples import drill_samples
from .figures import Figures, Sample
from .names import METRICS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from raftfleet.checks import Judgement
    from raftfleet.journal import Journal

__all__ = ["cluster_name", "cluster_of", "run_figures", "samples"]


def cluster_name(described: ClusterDescribed | None) -> str:
    """Return what a cluster is called in labels, empty when there is none."""
    return (described.cluster or described.system) if described else ""


def cluster_of(journal: Journal) -> str:
    """Return what the cluster of a journal is called in labels."""
    described = journal.of(ClusterDescribed)
    return cluster_name(described[-1] if described else None)


def run_figures(judgement: Judgement, journal: Journal) -> Figures:
    """Return the figures of one run, its name as the exemplar of every observation."""
    return Figures.of(samples(judgement, journal), judgement.run)


def samples(judgement: Judgement, journal: Journal) -> Iterator[Sample]:
    """Yield everything a run has to say in figures."""
    yield Sample("raftfleet_build", (__version__,), 1)
    described = journal.of(ClusterDescribed)[-1:]
    cluster = cluster_of(journal)
    yield from _run(judgement, journal, cluster)
    for one in described:
        yield Sample("raftfleet_cluster", (cluster, one.system, one.build), 1)
        yield Sample("raftfleet_exit_bound_seconds", (cluster,), one.exit_bound)
        yield from _left_down(journal, cluster)
    newest = {drill.drill: drill for drill in judgement.drills}
    for drill, span in zip(judgement.drills, journal.spans(), strict=True):
        for sample in drill_samples(drill, journal, span, (cluster, drill.drill)):
            if drill is newest[drill.drill] or not METRICS[sample.metric].fleeting:
                yield replace(sample, at=sample.at or drill.ended_at)


def _run(judgement: Judgement, journal: Journal, cluster: str) -> Iterator[Sample]:
    for started in journal.of(RunStarted)[:1]:
        version = started.versions.get("raftfleet", "")
        yield Sample("raftfleet_run", (cluster, judgement.run, version), 1)
        yield Sample("raftfleet_run_last_start_timestamp_seconds", (cluster,), started.wall)
    spent = overhead(journal)
    yield Sample("raftfleet_run_last_duration_seconds", (cluster,), spent.wall)
    yield Sample("raftfleet_run_last_overhead_seconds", (cluster,), spent.own)
    if journal.cut_short:
        yield Sample("raftfleet_runs", (cluster, "cut_short"), 1)
    for ended in journal.of(RunEnded):
        known = ended.exit_code in set(ExitCode)
        result = ExitCode(ended.exit_code).name.lower() if known else "other"
        yield Sample("raftfleet_runs", (cluster, result), 1)
        name = "raftfleet_run_last_completion_timestamp_seconds"
        yield Sample(name, (cluster,), ended.wall)
    results = Counter(_status(event) for event in journal.of(TaskResult) if event.item is None)
    for status, count in sorted(results.items()):
        yield Sample("raftfleet_task_results", (cluster, status), count)


def _status(event: TaskResult) -> str:
    if event.ignored:
        return "ignored"
    return "rescued" if event.rescued else event.status


def _left_down(journal: Journal, cluster: str) -> Iterator[Sample]:
    """Yield which nodes drills stopped and left down though they were to leave them running.

    Of a node that was down before, and that nobody touched, nothing is said: who stopped it has
    told that.
    """
    picture, left = Picture(), set[str]()
    for event in journal.events:
        before, picture = picture, advance(picture, event)
        if isinstance(event, DrillEnded) and before.drill and before.drill.leaves != "down":
            left |= set(picture.stopped_by_us)
        elif isinstance(event, NodeStarted):
            left.discard(event.node)
    if picture.drill is not None and picture.drill.leaves != "down":
        left |= set(picture.stopped_by_us)
    for node in picture.cluster.nodes if picture.cluster else ():
        alive = picture.node(node.name).process in {Standing.ALIVE, Standing.STOPPING}
        if alive or node.name in picture.stopped_by_us:
            yield Sample("raftfleet_node_left_down", (cluster, node.name), node.name in left)
