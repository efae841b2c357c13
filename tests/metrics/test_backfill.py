"""A finished run can be graphed second by second by a Prometheus that never saw it."""

from __future__ import annotations

import math
import random
import statistics
from typing import TYPE_CHECKING

import pytest
from prometheus_client.openmetrics.exposition import generate_latest

from raftfleet.checks import judge
from raftfleet.journal import fold
from raftfleet.metrics import METRICS, Figures, Histogram, Sample
from raftfleet.metrics.backfill import write_openmetrics
from raftfleet.metrics.collector import make_family
from raftfleet.testing.journal import Story
from tests.metrics.servers import prometheus, promtool
from tests.simulator.processes import free_ports

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from prometheus_client import Metric as Family

    from raftfleet.journal import Journal

DRILL = {"cluster": "raft", "drill": "told"}
FAILOVER = {**DRILL, "group": "data", "cause": "stop"}


def failed_over() -> Journal:
    told = Story().running().drill("leader-moves").let(2.3)
    told.stop("n1").let(5.2).elect("n2", term=2).let(3)
    told.start("n1").let(2.1)
    return told.end().journal()


def key(**labels: str) -> frozenset[tuple[str, str]]:
    return frozenset(labels.items())


def blocks(journal: Journal, folder: Path) -> None:
    file = write_openmetrics(judge(journal), journal, folder / "metrics.om")
    promtool("tsdb", "create-blocks-from", "openmetrics", file, folder / "data")


def test_a_block_shows_terms_and_leaders_at_every_second(tmp_path: Path) -> None:
    journal = failed_over()
    blocks(journal, tmp_path)
    offset = journal.events[0].wall - journal.events[0].t
    seconds = range(int(journal.events[0].wall) + 1, int(journal.events[-1].wall) + 1)
    assert len(seconds) > 10
    with prometheus(tmp_path, free_ports(1)) as server:
        terms = server.range("raftfleet_raft_term", seconds[0], seconds[-1])
        leaders = server.range("raftfleet_raft_leader_info", seconds[0], seconds[-1])
        has = server.range("raftfleet_raft_has_leader", seconds[0], seconds[-1])
        broken = server.range('raftfleet_drill_phase{phase="broken"} == 1', seconds[0], seconds[-1])
    led: set[str] = set()
    for second in seconds:
        picture = fold(event for event in journal.events if event.t <= second - offset)
        for node in ("n1", "n2", "n3"):
            shown = terms[key(cluster="raft", group="data", node=node)].get(second, math.nan)
            answers = node in picture.answering(second - offset)
            status = picture.status(node, "data") if answers else None
            assert shown == status.term if status else math.isnan(shown)
        leader = picture.leader("data", second - offset)
        assert has[key(cluster="raft", group="data")][second] == (leader is not None)
        shown_to_lead = {
            dict(labels)["node"] for labels, series in leaders.items() if series.get(second) == 1
        }
        assert shown_to_lead == ({leader.node} if leader else set())
        led |= shown_to_lead
    assert led == {"n1", "n2"}
    (when,) = broken.values()
    assert 8 <= len(when) <= 9


def test_results_appear_when_they_came_about(tmp_path: Path) -> None:
    journal = failed_over()
    blocks(journal, tmp_path)
    (failover,) = judge(journal).failovers
    assert failover.t is not None
    assert failover.elected is not None
    elected = failover.t + journal.events[0].wall - journal.events[0].t
    end = journal.events[-1].wall + 1
    with prometheus(tmp_path, free_ports(1)) as server:
        shown = server.range("raftfleet_failover_last_seconds", elected - 8, end)
        counted = server.query("increase(raftfleet_failover_seconds_count[1m]) > 0", end)
        passed = server.query('raftfleet_drills_total{verdict="pass"}', end)
        run = server.query("raftfleet_run_info", end)
    series = shown[key(**FAILOVER)]
    assert elected <= min(series) <= elected + 2
    assert set(series.values()) == {failover.elected.middle}
    assert key(**FAILOVER) in counted
    assert passed == {key(**DRILL, verdict="pass"): 1}
    assert run == {key(cluster="raft", run_id="told"): 1}


def _openraft(low: float, high: float, heartbeat: float) -> Callable[[random.Random], float]:
    """Failover times of openraft 0.9 with two survivors: lease, own timeout, looks at ticks."""

    def draw(chance: random.Random) -> float:
        first = min(chance.uniform(low, high) for _ in range(2))
        return high + first + chance.uniform(-0.75, 0.75) * heartbeat

    return draw


@pytest.mark.parametrize(
    ("draw", "about"), [(_openraft(1.5, 3, 0.5), 5), (_openraft(10, 20, 0.5), 33)]
)
def test_quantiles_are_within_two_per_cent_of_the_samples(
    tmp_path: Path, draw: Callable[[random.Random], float], about: float
) -> None:
    chance = random.Random(20)
    samples = [draw(chance) for _ in range(300)]
    assert statistics.mean(samples) == pytest.approx(about, rel=0.02)
    metric, labels = METRICS["raftfleet_failover_seconds"], tuple(FAILOVER.values())
    told = Figures.of(Sample(metric.name, labels, value) for value in samples)

    class Collector:
        def collect(self) -> Iterator[Family]:
            histogram = told.histograms[metric.name][labels]
            yield make_family(
                metric, [(labels, Histogram(), 1.7e9), (labels, histogram, 1.7e9 + 3600)]
            )

    file = tmp_path / "metrics.om"
    file.write_bytes(generate_latest(Collector()))  # type: ignore[no-untyped-call]
    promtool("tsdb", "create-blocks-from", "openmetrics", file, tmp_path / "data")
    with prometheus(tmp_path, free_ports(1)) as server:
        for percent in (50, 95):
            expression = f"histogram_quantile({percent / 100}, raftfleet_failover_seconds_bucket)"
            (read,) = server.query(expression, 1.7e9 + 3601).values()
            raw = statistics.quantiles(samples, n=100)[percent - 1]
            assert read == pytest.approx(raw, rel=0.02)


def test_the_file_is_sorted_and_closed(tmp_path: Path) -> None:
    journal = failed_over()
    text = write_openmetrics(judge(journal), journal, tmp_path / "metrics.om").read_text()
    assert text.endswith("# EOF\n")
    previous: dict[str, float] = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            series, _, rest = line.partition("} ")
            at = float(rest.split(" # ")[0].split(" ")[1])
            assert at > previous.get(series, 0)
            previous[series] = at
    assert previous


def test_an_empty_journal_gives_an_empty_file(tmp_path: Path) -> None:
    from raftfleet.journal import Journal as Empty  # noqa: PLC0415

    file = write_openmetrics(judge(Empty()), Empty(), tmp_path / "metrics.om")
    assert file.read_text() == "# EOF\n"
