"""The table keeps its promises: base units, bounded labels, a meaning for everything."""

from __future__ import annotations

import re

import pytest

from raftfleet.metrics import LABELS, LONG_LADDER, METRICS, TABLE, Kind, Metric

ALL = list(METRICS.values())
UNBOUNDED = {"run", "run_id", "host", "item", "task", "path", "version", "build", "message"}


def wrong(metric: Metric) -> list[str]:
    """What a metric does that no metric may do."""
    found = []
    if not re.fullmatch(r"raftfleet_[a-z]+(_[a-z]+)*", metric.name):
        found.append("name")
    tail = metric.name.rpartition("_")[2]
    if tail in {"total", "count", "sum", "bucket"} or (tail == "info" and metric.kind != "gauge"):
        found.append("suffix")
    if re.search(r"(milli|micro|minute|hour|percent|ms$)", metric.name):
        found.append("unit")
    if metric.kind is not Kind.INFO and UNBOUNDED & set(metric.labels):
        found.append("unbounded")
    if metric.kind in {Kind.COUNTER, Kind.HISTOGRAM} and "node" in metric.labels:
        found.append("node")
    if not metric.help.endswith(".") or set(metric.labels) - LABELS.keys():
        found.append("meaning")
    return found


@pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.name)
def test_a_metric_follows_the_rules(metric: Metric) -> None:
    assert wrong(metric) == []


@pytest.mark.parametrize(
    ("metric", "what"),
    [
        (Metric("raftfleet_Exits", Kind.GAUGE, (), "It."), "name"),
        (Metric("raftfleet_exits_total", Kind.COUNTER, (), "It."), "suffix"),
        (Metric("raftfleet_exit_milliseconds", Kind.GAUGE, (), "It."), "unit"),
        (Metric("raftfleet_exits", Kind.COUNTER, ("run_id",), "It."), "unbounded"),
        (Metric("raftfleet_exits", Kind.COUNTER, ("node",), "It."), "node"),
        (Metric("raftfleet_exits", Kind.COUNTER, ("colour",), "It."), "meaning"),
        (Metric("raftfleet_exits", Kind.COUNTER, (), ""), "meaning"),
    ],
)
def test_a_planted_breach_is_seen(metric: Metric, what: str) -> None:
    assert wrong(metric) == [what]


def test_only_one_metric_names_the_run() -> None:
    assert [metric.name for metric in ALL if "run_id" in metric.labels] == ["raftfleet_run"]


def test_no_name_stands_twice() -> None:
    assert len(METRICS) == sum(map(len, TABLE.values()))
    series = [name for metric in ALL for name in metric.series]
    assert len(series) == len(set(series))


def test_every_label_is_used() -> None:
    assert {label for metric in ALL for label in metric.labels} == LABELS.keys()


def test_a_drill_of_two_hours_is_not_lost_in_the_last_bucket() -> None:
    assert METRICS["raftfleet_drill_duration_seconds"].ladder is LONG_LADDER
    assert LONG_LADDER[-1] > 7200
