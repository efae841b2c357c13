"""What is scraped while a run lasts is what its picture shows, and no more."""

from __future__ import annotations

import gc
import threading
import tracemalloc
import urllib.error
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain

from raftfleet.checks import judge
from raftfleet.errors import UsageError
from raftfleet.journal import events as ev
from raftfleet.journal.values import GroupStatus, NodeIdentity, Role
from raftfleet.metrics import TABLE, Figures, Live, Sample, run_figures
from raftfleet.metrics.listener import Listener
from raftfleet.testing.journal import Story
from tests.metrics.servers import fetch, promtool, until

if TYPE_CHECKING:
    from collections.abc import Iterator

HEADINGS = ("Runs", "Drills", "Failovers", "Outages", "Nodes", "Live")
OPENMETRICS = "application/openmetrics-text; version=1.0.0"


def nodes_of(figures: Figures, name: str) -> set[str]:
    return {labels[-1] for labels in figures.values.get(name, {})}


def watched() -> tuple[Story, Live]:
    story = Story()
    return story, Live(story.recorder, story.clock)


# --- what is said ----------------------------------------------------------------------------


def test_before_a_cluster_is_known_only_we_are() -> None:
    story = Story()
    story.recorder._picture = replace(story.recorder.picture, cluster=None)
    figures = Live(story.recorder, story.clock).figures()
    assert figures.values.keys() == {"raftfleet_build"}


def test_roles_terms_and_the_leader_are_those_of_the_picture() -> None:
    story, live = watched()
    story.running().let(1)
    figures = live.figures()
    value = figures.value
    assert value("raftfleet_raft_leader_info", "raft", "data", "n1") == 1
    assert value("raftfleet_raft_has_leader", "raft", "data") == 1
    assert value("raftfleet_raft_role", "raft", "data", "n1", "leader") == 1
    assert value("raftfleet_raft_role", "raft", "data", "n1", "follower") == 0
    assert value("raftfleet_raft_term", "raft", "data", "n2") == 1
    assert value("raftfleet_raft_members", "raft", "data", "n2", "voter") == 3
    assert value("raftfleet_node_standing", "raft", "n3", "alive") == 1
    assert value("raftfleet_observer_coverage_ratio", "raft", "n3") == 1


def test_a_node_that_is_down_says_nothing_of_raft() -> None:
    story, live = watched()
    story.running().let(1).stop("n1")
    figures = live.figures()
    assert nodes_of(figures, "raftfleet_raft_term") == {"n2", "n3"}
    assert nodes_of(figures, "raftfleet_raft_leader_info") == set()
    assert figures.value("raftfleet_raft_has_leader", "raft", "data") == 0
    assert figures.value("raftfleet_node_standing", "raft", "n1", "down") == 1


def test_a_node_that_is_silent_is_unknown_and_says_nothing_either() -> None:
    story, live = watched()
    story.running().let(1)
    story.silent.add("n3")
    story.record(ev.StatusMissed(node="n3", since=story.now, reason="timed out"))
    story.let(4)
    figures = live.figures()
    assert figures.value("raftfleet_node_standing", "raft", "n3", "unknown") == 1
    assert nodes_of(figures, "raftfleet_raft_term") == {"n1", "n2"}
    silence = figures.value("raftfleet_observer_silence_seconds", "raft", "n3")
    assert silence == pytest.approx(4, abs=0.1)


def test_an_observer_that_stopped_covers_nothing() -> None:
    story, live = watched()
    story.running().let(2)
    assert live.figures().value("raftfleet_observer_coverage_ratio", "raft", "n1") == 1
    story.clock.advance(5)
    figures = live.figures()
    assert "raftfleet_observer_coverage_ratio" not in figures.values
    assert figures.value("raftfleet_node_standing", "raft", "n1", "unknown") == 1


def test_a_node_that_was_removed_is_gone_at_once() -> None:
    story, live = watched()
    story.running().let(1)
    described = story.recorder.picture.cluster
    assert described is not None
    story.record(replace(described, seq=0, t=0.0, wall=0.0, nodes=described.nodes[:2]))
    figures = live.figures()
    named = {
        label
        for series in figures.values.values()
        for labels in series
        for label in labels
        if label in story.nodes
    }
    assert named == {"n1", "n2"}


def test_a_drill_is_steady_then_broken_then_healed() -> None:
    story, live = watched()
    story.running()
    phases = []

    def look() -> None:
        series = live.figures().values.get("raftfleet_drill_phase", {})
        phases.append([labels[-1] for labels, value in series.items() if value])

    look()
    story.drill("rejoins")
    look()
    story.stop("n3")
    look()
    story.start("n3")
    look()
    assert live.figures().value("raftfleet_drill_active", "raft", "told") == 1
    story.end()
    look()
    assert phases == [[], ["steady"], ["broken"], ["healed"], []]
    assert live.figures().value("raftfleet_drill_active", "raft", "told") == 0


def test_faults_are_counted_by_kind_while_they_hold() -> None:
    story, live = watched()
    story.running().fault("pause", "n3")
    assert live.figures().value("raftfleet_faults_active", "raft", "pause") == 1
    story.undo("pause", "n3")
    assert "raftfleet_faults_active" not in live.figures().values


# --- over HTTP -------------------------------------------------------------------------------


@pytest.fixture
def listener() -> Iterator[Listener]:
    story, live = watched()
    story.running().drill("rejoins").let(1)
    told = Figures.of(
        [Sample("raftfleet_failover_seconds", ("raft", "told", "data", "stop"), 5, 1.7e9)], "run-1"
    )
    made = Listener(0, live.figures, lambda: told).start()
    yield made
    made.close()


def test_promtool_accepts_what_is_served(listener: Listener) -> None:
    promtool("check", "metrics", stdin=fetch(listener.url))


def test_openmetrics_carries_the_run_as_an_exemplar(listener: Listener) -> None:
    text = fetch(listener.url, Accept=OPENMETRICS).decode()
    found = [
        sample.exemplar
        for family in openmetrics(text)  # type: ignore[no-untyped-call]
        for sample in family.samples
        if sample.exemplar is not None
    ]
    assert [(one.labels, one.value) for one in found] == [({"run_id": "run-1"}, 5)]
    assert "run-1" not in fetch(listener.url).decode()


def test_a_busy_port_is_refused_before_anything_begins(listener: Listener) -> None:
    port = int(listener.url.rpartition(":")[2].partition("/")[0])
    with pytest.raises(UsageError, match=f"cannot serve metrics on 127.0.0.1:{port}") as refused:
        Listener(port)
    assert "choose another port" in str(refused.value.hint)


def test_a_closed_listener_gives_its_port_back(listener: Listener) -> None:
    port = int(listener.url.rpartition(":")[2].partition("/")[0])
    listener.close()
    with pytest.raises(urllib.error.URLError):
        fetch(listener.url)
    again = Listener(port).start()
    assert fetch(again.url) is not None
    again.close()


def test_a_listener_that_never_started_can_be_closed() -> None:
    Listener(0).close()


def test_scrapes_leave_nothing_behind(listener: Listener) -> None:
    def scrape(times: int) -> None:
        for _ in range(times):
            fetch(listener.url)

    scrape(10)
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    threads = [threading.Thread(target=scrape, args=(10,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    def grown() -> int:
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - before

    until(lambda: grown() < 200_000, "what the last answers held is given back")
    tracemalloc.stop()


def test_fifty_nodes_make_a_bounded_number_of_series() -> None:
    story, live = watched()
    described = story.recorder.picture.cluster
    assert described is not None
    names = [f"n{number}" for number in range(1, 51)]
    nodes = tuple(NodeIdentity(name, name[1:], "127.0.0.1", name) for name in names)
    groups = ("one", "three", "two")
    story.record(replace(described, seq=0, t=0.0, wall=0.0, nodes=nodes, groups=groups))
    for name in names:
        role = Role.LEADER if name == "n1" else Role.FOLLOWER
        status = GroupStatus(3, role, "n1", 10, 10, (tuple(sorted(names)),), ())
        story.record(
            ev.StatusSeen(node=name, since=story.now, groups=dict.fromkeys(groups, status))
        )
    figures = live.figures()
    assert len(figures.values["raftfleet_raft_term"]) == 150
    assert set(nodes_of(figures, "raftfleet_raft_leader_info")) == {"n1"}
    each = 3 * (5 + 1 + 1 + 1 + 2) + 4 + 1
    assert sum(map(len, figures.values.values())) == 50 * each + 3 * 2 + 2
    with_it = Listener(0, live.figures).start()
    families = list(plain(fetch(with_it.url).decode()))
    with_it.close()
    assert {"raftfleet_raft_term", "raftfleet_node_standing"} <= {one.name for one in families}


def test_every_metric_of_the_table_is_told_by_a_run_or_while_it_lasts() -> None:
    story, live = watched()
    story.running().drill("exits-graceful", evidence={"stops": 1}, budget={"outage": 4.0})
    story.writer("n2").writes(1, via="n2").fault("pause", "n3").let(1)
    told = {*live.figures().values}
    story.undo("pause", "n3").stop("n1").writes(5, "unknown", via="n2").elect("n2", term=2)
    story.writes(1, via="n2").start("n1").stop("n3", took=20.5).let(1)
    story.record(ev.TaskResult(task=1, host="n1", status="ok", seconds=0.1))
    passing = Story().running().drill("exits-graceful").stop("n3").let(1)
    for journal in (story.end().journal(), passing.end().journal()):
        figures = run_figures(judge(journal), journal)
        told |= {*figures.values, *figures.histograms}
    ours = {metric.name for heading in HEADINGS for metric in TABLE[heading]}
    assert ours - told == set()
