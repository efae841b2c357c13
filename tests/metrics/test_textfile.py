"""The textfile says what the journal says, in a form that Prometheus's own tool accepts."""

from __future__ import annotations

import itertools
import shutil
import stat
import subprocess
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from raftfleet.checks import judge
from raftfleet.journal import events as ev
from raftfleet.metrics import LADDER, METRICS, run_figures, write_figures
from raftfleet.testing.journal import Story
from tests.metrics.golden import GOLDEN, exposition

if TYPE_CHECKING:
    from pathlib import Path

    from raftfleet.journal import Journal

Labels = frozenset[tuple[str, str]]
Samples = dict[tuple[str, Labels], float]
DRILL = {"cluster": "raft", "drill": "told"}
FAILOVER = {**DRILL, "group": "data", "cause": "stop"}


def story() -> Story:
    return Story().running().drill("leader-moves", "exits-graceful")


def failed_over() -> Journal:
    told = story().stop("n1").let(5).elect("n2", term=2).let(1)
    told.stop("n3", took=2.5).let(1)
    for status in ("ok", "ok", "changed", "failed"):
        told.record(ev.TaskResult(task=1, host="n1", status=status, seconds=0.1))
    told.record(ev.TaskResult(task=1, host="n1", status="ok", seconds=0.1, item="one of many"))
    told.record(ev.TaskResult(task=2, host="n1", status="failed", seconds=0.1, ignored=True))
    return told.end().journal()


def written(journal: Journal, folder: Path) -> str:
    return write_figures(
        run_figures(judge(journal), journal), folder / "raftfleet.prom"
    ).read_text()


def read(text: str) -> Samples:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float | None:
    return samples.get((name, frozenset(labels.items())))


def test_promtool_accepts_it(tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian: apt install prometheus)")
    told = story().stop("n1").let(1).start("n1").let(1).end().drill("leader-moves")
    told.stop("n2", "KILL", status=-9, lines=[]).let(1).stop("n1").let(9)
    for journal in (failed_over(), told.end().journal(), Story().running().journal()):
        done = subprocess.run(
            [promtool, "check", "metrics"],
            input=written(journal, tmp_path),
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_figures_are_the_journals(tmp_path: Path) -> None:
    samples = read(written(failed_over(), tmp_path))
    assert value(samples, "raftfleet_failover_last_seconds", **FAILOVER) == pytest.approx(
        5, abs=0.05
    )
    assert value(samples, "raftfleet_failover_seconds_count", **FAILOVER) == 1
    assert value(samples, "raftfleet_failover_seconds_sum", **FAILOVER) == pytest.approx(
        5, abs=0.05
    )
    assert value(samples, "raftfleet_failovers_censored_total", **FAILOVER) == 0
    for kind, seconds in (("graceful", 0.2), ("slow", 2.5)):
        labels = {**DRILL, "class": kind}
        assert value(samples, "raftfleet_exit_latency_seconds_count", **labels) == 1
        last = value(samples, "raftfleet_exit_latency_last_seconds", **labels)
        assert last == pytest.approx(seconds, abs=0.01)
    verdicts = {
        verdict: value(samples, "raftfleet_drill_verdict", **DRILL, verdict=verdict)
        for verdict in ("pass", "fail", "inconclusive")
    }
    assert verdicts == {"pass": 0, "fail": 1, "inconclusive": 0}
    tasks = {
        status: value(samples, "raftfleet_task_results_total", cluster="raft", status=status)
        for status in ("ok", "changed", "failed", "ignored")
    }
    assert tasks == {"ok": 2, "changed": 1, "failed": 1, "ignored": 1}
    findings = {**DRILL, "check": "exits-graceful", "severity": "violation"}
    assert value(samples, "raftfleet_drill_findings", **findings) == 1
    assert value(samples, "raftfleet_run_info", cluster="raft", run_id="told", version="") == 1


def test_a_pass_has_a_time_of_success_and_a_failure_none(tmp_path: Path) -> None:
    completion = "raftfleet_drill_last_completion_timestamp_seconds"
    success = "raftfleet_drill_last_success_timestamp_seconds"
    failed = read(written(failed_over(), tmp_path))
    assert value(failed, completion, **DRILL) == pytest.approx(1_795_000_000, abs=100)
    assert value(failed, success, **DRILL) is None
    passed = read(written(story().stop("n3").let(1).end().journal(), tmp_path))
    assert value(passed, success, **DRILL) == value(passed, completion, **DRILL)
    cut = read(written(story().stop("n3").let(1).journal(ended=False), tmp_path))
    assert value(cut, completion, **DRILL) is None


def test_a_censored_failover_is_counted_and_no_time(tmp_path: Path) -> None:
    samples = read(written(story().stop("n1").let(9).end().journal(), tmp_path))
    assert value(samples, "raftfleet_failovers_censored_total", **FAILOVER) == 1
    assert value(samples, "raftfleet_failover_last_seconds", **FAILOVER) is None
    assert value(samples, "raftfleet_failover_seconds_count", **FAILOVER) is None


def test_a_failover_that_was_not_exercised_is_counted_as_that(tmp_path: Path) -> None:
    told = story().stop("n1").let(1).start("n1").let(1)
    samples = read(written(told.end().journal(), tmp_path))
    assert value(samples, "raftfleet_failovers_not_exercised_total", **FAILOVER) == 1


def test_a_drill_that_ran_twice_shows_what_it_came_to_last(tmp_path: Path) -> None:
    told = story().stop("n3", took=3).let(1).end()
    told.start("n3").drill("exits-graceful").stop("n3").let(1)
    samples = read(written(told.end().journal(), tmp_path))
    assert value(samples, "raftfleet_drill_verdict", **DRILL, verdict="pass") == 1
    assert not [key for key in samples if key[0] == "raftfleet_drill_findings"]
    slow = {**DRILL, "class": "slow"}
    assert value(samples, "raftfleet_exit_latency_seconds_count", **slow) == 1


def test_the_ladder_rises_by_a_tenth_and_reaches_past_90_seconds() -> None:
    assert LADDER[0] == 0.05
    assert LADDER[-1] >= 90
    assert len(LADDER) == 80
    for lower, upper in itertools.pairwise(LADDER):
        assert upper / lower == pytest.approx(1.1)


def test_buckets_are_cumulative_and_end_with_all(tmp_path: Path) -> None:
    text = written(failed_over(), tmp_path)
    buckets = [
        (float(dict(labels)["le"]), count)
        for (name, labels), count in read(text).items()
        if name == "raftfleet_failover_seconds_bucket"
    ]
    buckets.sort()
    assert len(buckets) == len(LADDER) + 1
    for bound, count in buckets:
        assert count == (1 if bound >= 4.99 else 0)
    assert buckets[-1] == (float("inf"), 1)


def test_a_long_failover_is_not_lost_in_the_last_bucket(tmp_path: Path) -> None:
    told = story().stop("n1").let(33).elect("n2", term=2).let(1)
    samples = read(written(told.end().journal(), tmp_path))
    reached = [
        float(dict(labels)["le"])
        for (name, labels), count in samples.items()
        if name == "raftfleet_failover_seconds_bucket" and count
    ]
    assert 33 <= min(reached) <= 33 * 1.1


def test_only_the_names_and_labels_of_the_table_are_used(tmp_path: Path) -> None:
    for family in text_string_to_metric_families(written(failed_over(), tmp_path)):
        name = family.name.removesuffix("_info") if family.name.endswith("_info") else family.name
        metric = METRICS[name]
        assert family.documentation == metric.help
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(metric.labels)
            assert not sample.name.endswith("_created")


def test_a_collector_of_another_user_may_read_it(tmp_path: Path) -> None:
    journal = story().end().journal()
    path = write_figures(run_figures(judge(journal), journal), tmp_path / "raftfleet.prom")
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert [p.name for p in tmp_path.iterdir()] == ["raftfleet.prom"]


def test_the_exposition_of_a_run_is_as_it_was() -> None:
    assert exposition() == GOLDEN.read_text()


@pytest.mark.parametrize(
    ("leaves", "afterwards", "left"),
    [("running", "", {"n3": 1}), ("down", "", {"n3": 0}), ("running", "start", {"n3": 0})],
)
def test_a_node_that_a_drill_left_down_is_told(
    tmp_path: Path, leaves: str, afterwards: str, left: dict[str, float]
) -> None:
    told = Story().running().drill("exits-graceful", leaves=leaves).stop("n3").let(1).end()
    if afterwards:
        told.start("n3").let(1)
    samples = read(written(told.journal(), tmp_path))
    found = {
        node: value(samples, "raftfleet_node_left_down", cluster="raft", node=node)
        for node in ("n1", "n2", "n3")
    }
    assert found == {"n1": 0, "n2": 0, **left}


def test_a_node_that_is_stopped_without_a_drill_is_not_left_down(tmp_path: Path) -> None:
    samples = read(written(Story().running().stop("n3").let(1).journal(), tmp_path))
    assert value(samples, "raftfleet_node_left_down", cluster="raft", node="n3") == 0


def test_of_a_node_that_was_down_before_nothing_is_said(tmp_path: Path) -> None:
    told = Story().running()
    told.record(ev.NodeFound(node="n3", incarnation=None))
    samples = read(written(told.journal(), tmp_path))
    assert value(samples, "raftfleet_node_left_down", cluster="raft", node="n3") is None
    assert value(samples, "raftfleet_node_left_down", cluster="raft", node="n1") == 0
