"""Pages over real sockets: what they show, whom they refuse, and what a probe comes to."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from raftfleet.clock import SystemClock
from raftfleet.cluster.access import NodeAccess
from raftfleet.errors import UsageError
from raftfleet.metrics import METRICS, Figures, Sample
from raftfleet.serve.httpserver import HttpServer
from raftfleet.serve.own import Own
from raftfleet.serve.pages import Pages
from raftfleet.serve.probe import Target
from raftfleet.serve.webconfig import Users
from raftfleet.systems.protocol import AccessError
from raftfleet.testing.system import FakeSystem, toy_node, toy_status
from tests.cluster.bench import until
from tests.serve.conftest import Got, get
from tests.serve.test_webconfig import HASH, basic

if TYPE_CHECKING:
    import io
    import socket
    from collections.abc import Callable, Iterator, Mapping

    from raftfleet.journal.values import GroupStatus
    from raftfleet.serve.log import Log


def answers(own: int, leader: int = 1, term: int = 3) -> Callable[[], Mapping[str, GroupStatus]]:
    return lambda: {"main": toy_status(leader, term, (1, 2, 3), own, 7)}


@dataclass
class Scene:
    """A server of pages over a system whose nodes are functions."""

    folder: Path
    log: Log
    system: FakeSystem = field(default_factory=FakeSystem)
    users: Users = field(default_factory=lambda: Users({}))
    trouble: str | None = None
    past: Figures = field(default_factory=Figures)
    address: tuple[str, int] = ("", 0)

    def __post_init__(self) -> None:
        self.nodes = [toy_node(f"n{i}", i, self.folder, 1000 + i) for i in (1, 2, 3)]
        self.own = Own(SystemClock(), lambda: {"nightly": 12.0})
        for i in (1, 2, 3):
            self.system.answers[f"n{i}"] = answers(i)

    def target(self, group: str) -> Target:
        if group == "web":
            raise UsageError("the inventory has no hosts in group 'web'")
        wanted = ("n2", "n3") if group == "west" else ("n1", "n2", "n3")
        accesses = {node.name: NodeAccess(node, {}) for node in self.nodes}
        return Target("raft", self.system, self.nodes, accesses, wanted)

    def pages(self) -> Pages:
        return Pages(
            [lambda: self.past, self.own.figures],
            *(self.own, self.users, SystemClock(), self.log),
            targets=self.target,
            groups=("raft", "west", "web"),
            healthy=lambda: self.trouble,
            ready=lambda: self.trouble,
        )

    def get(self, target: str, *headers: str) -> Got:
        return get(self.address, target, *headers)


@pytest.fixture
def scene(tmp_path: Path, log: Log, listener: socket.socket) -> Iterator[Scene]:
    made = Scene(tmp_path, log)
    made.address = listener.getsockname()
    with HttpServer(listener, made.pages()) as server:
        made.own.http = server
        yield made


def values(got: Got) -> dict[str, float]:
    """Return what a page shows, by series."""
    return {
        sample.name + "".join(f" {v}" for _, v in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(got.text)
        for sample in family.samples
    }


# --- /metrics and the rest -----------------------------------------------------------------------


def test_metrics_show_every_source_and_this_process(scene: Scene) -> None:
    scene.past = Figures.of([Sample("raftfleet_drills", ("raft", "b-rejoin", "pass"), 4)])
    got = scene.get("/metrics")
    assert got.status == 200
    assert got.headers["content-type"].startswith("text/plain; version=0.0.4")
    shown = values(got)
    assert shown["raftfleet_drills_total raft b-rejoin pass"] == 4
    assert shown["raftfleet_schedule_next_timestamp_seconds nightly"] == 12
    assert shown["raftfleet_schedule_skips_total unsteady nightly"] == 0
    assert shown["raftfleet_serve_connections"] == 1
    assert shown["process_open_fds"] > 3


def test_everything_of_ours_stands_in_the_table(scene: Scene) -> None:
    scene.get("/nowhere")
    known = {name for metric in METRICS.values() for name in metric.series}
    names = {name.split(" ")[0] for name in values(scene.get("/metrics"))}
    assert {name for name in names if name.startswith("raftfleet_")} <= known


def test_open_metrics_are_given_to_who_asks_for_them(scene: Scene) -> None:
    got = scene.get(
        "/metrics", "Accept: application/openmetrics-text;version=1.0.0;q=0.8,*/*;q=0.1"
    )
    assert got.headers["content-type"].startswith("application/openmetrics-text")
    assert got.text.endswith("# EOF\n")


def test_what_is_gone_is_gone_at_the_next_scrape(scene: Scene) -> None:
    scene.past = Figures.of([Sample("raftfleet_raft_term", ("raft", "g", "n9"), 4)])
    assert "n9" in scene.get("/metrics").text
    scene.past = Figures()
    until(lambda: "n9" not in scene.get("/metrics").text, "its end, a fifth of a second later")


@pytest.mark.parametrize(
    ("target", "status", "text"),
    [
        ("/", 200, "/probe?target=GROUP"),
        ("/-/healthy", 200, "OK"),
        ("/-/ready", 200, "OK"),
        ("/metric", 404, "did you mean /metrics?"),
        ("/etc/passwd", 404, "/metrics"),
        ("//x/metrics", 404, ""),
        ("http://[/metrics", 404, ""),
        ("/probe", 400, "one of: raft, west, web"),
        ("/probe?target=", 400, "one of"),
        ("/probe?target=raft&target=west", 400, "one of"),
        ("/probe?" + "&".join("a=b" for _ in range(50)), 400, ""),
        ("/probe?target=wset", 404, "did you mean west?"),
        ("/probe?target=192.0.2.1", 404, "groups: raft, west, web"),
        ("/probe?target=web", 400, "no hosts in group"),
    ],
)
def test_pages(scene: Scene, target: str, status: int, text: str) -> None:
    got = scene.get(target)
    assert got.status == status
    assert text in got.text


def test_health_says_what_is_wrong(scene: Scene) -> None:
    scene.trouble = "nobody watches the cluster"
    for page in ("/-/healthy", "/-/ready"):
        got = scene.get(page)
        assert (got.status, got.text) == (503, "nobody watches the cluster\n")


def test_requests_are_counted_by_page_and_unknown_pages_as_one(scene: Scene) -> None:
    for target in ("/a", "/b", "/-/ready"):
        scene.get(target)
    shown = values(scene.get("/metrics"))
    assert shown["raftfleet_serve_requests_total 404 other"] == 2
    assert shown["raftfleet_serve_requests_total 200 /-/ready"] == 1


def test_without_the_password_there_is_no_page_at_all(scene: Scene) -> None:
    scene.users._hashes["prom"] = HASH.encode()
    for page in ("/metrics", "/-/healthy", "/nowhere"):
        got = scene.get(page)
        assert got.status == 401
        assert got.headers["www-authenticate"] == 'basic realm="raftfleet"'
    assert scene.get("/metrics", f"Authorization: {basic('prom', 'right')}").status == 200


def test_a_defect_costs_one_answer(scene: Scene, lines: io.StringIO) -> None:
    scene.past = None  # type: ignore[assignment]
    got = scene.get("/metrics")
    assert got.status == 500
    assert "defect" in lines.getvalue()
    scene.past = Figures()
    assert scene.get("/metrics").status == 200


def test_ten_thousand_scrapes_twenty_at_a_time_leave_nothing_behind(scene: Scene) -> None:
    def scrape(times: int) -> set[int]:
        return {scene.get("/metrics").status for _ in range(times)}

    with ThreadPoolExecutor(20) as pool:
        assert set().union(*pool.map(scrape, [50] * 20)) == {200}
        before = footprint()
        assert set().union(*pool.map(scrape, [450] * 20)) == {200}
        after = footprint()
    assert after[0] <= before[0]
    assert after[1] <= before[1]
    assert after[2] <= before[2] + 2 * 1024 * 1024


def footprint() -> tuple[int, int, int]:
    """Return descriptors, threads and resident bytes, once requests are over."""
    until(lambda: not any(t.name == "http request" for t in threading.enumerate()), "their end")
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    files = len(list(Path("/proc/self/fd").iterdir()))
    return files, threading.active_count(), pages * os.sysconf("SC_PAGE_SIZE")


# --- /probe --------------------------------------------------------------------------------------


def test_a_cluster_of_one_mind_succeeds_and_shows_its_views(scene: Scene) -> None:
    shown = values(scene.get("/probe?target=raft"))
    assert shown["probe_success"] == 1
    assert 0 <= shown["probe_duration_seconds"] < 10
    assert shown["raftfleet_raft_term raft main n1"] == 3
    assert shown["raftfleet_raft_role raft main n2 follower"] == 1
    assert shown["raftfleet_raft_has_leader raft main"] == 1


@pytest.mark.parametrize("group", ["raft", "west"])
def test_a_node_that_does_not_answer_fails_its_groups(scene: Scene, group: str) -> None:
    def away() -> Mapping[str, GroupStatus]:
        raise AccessError("connection refused")

    scene.system.answers["n1"] = away
    for i in (2, 3):
        scene.system.answers[f"n{i}"] = answers(i, leader=2, term=4)
    shown = values(scene.get(f"/probe?target={group}"))
    assert shown["probe_success"] == (group == "west")
    assert "raftfleet_raft_term raft main n1" not in shown


def test_nodes_that_disagree_fail(scene: Scene, lines: io.StringIO) -> None:
    scene.system.answers["n3"] = answers(3, leader=3, term=4)
    assert values(scene.get("/probe?target=raft"))["probe_success"] == 0
    assert 'msg="probe failed" target=raft' in lines.getvalue()


def test_an_odd_answer_of_one_node_is_its_own(scene: Scene) -> None:
    def odd() -> Mapping[str, GroupStatus]:
        raise ZeroDivisionError

    scene.system.answers["n3"] = odd
    shown = values(scene.get("/probe?target=raft"))
    assert shown["probe_success"] == 0
    assert shown["raftfleet_raft_term raft main n1"] == 3


@pytest.mark.parametrize(
    ("header", "seconds"), [("1", 0.4), ("5", 4.4), ("100", 9.9), (None, 9.9), ("0.5", 0.15)]
)
def test_a_probe_keeps_to_prometheus_own_deadline(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, header: str | None, seconds: float
) -> None:
    given: list[float] = []

    def status(at: object, *, timeout: float) -> Mapping[str, GroupStatus]:
        del at
        given.append(timeout)
        return {}

    monkeypatch.setattr(scene.system, "status", status)
    headers = [f"X-Prometheus-Scrape-Timeout-Seconds: {header}"] if header else []
    assert scene.get("/probe?target=raft", *headers).status == 200
    assert given == [pytest.approx(seconds)] * 3


@pytest.mark.parametrize("header", ["soon", "-1", "0", "nan", "inf"])
def test_a_deadline_that_is_none_is_refused(scene: Scene, header: str) -> None:
    got = scene.get("/probe?target=raft", f"X-Prometheus-Scrape-Timeout-Seconds: {header}")
    assert got.status == 400


def test_nodes_are_asked_at_once_and_once_for_all_who_ask(scene: Scene) -> None:
    asked: list[str] = []
    together = threading.Barrier(3, timeout=30)

    def meeting(name: str) -> Callable[[], Mapping[str, GroupStatus]]:
        def answer() -> Mapping[str, GroupStatus]:
            asked.append(name)
            together.wait()
            return answers(int(name[1:]))()

        return answer

    for node in scene.nodes:
        scene.system.answers[node.name] = meeting(node.name)
    with ThreadPoolExecutor(10) as pool:
        got = list(pool.map(lambda _: scene.get("/probe?target=raft"), range(10)))
    assert {values(one)["probe_success"] for one in got} == {1}
    assert sorted(asked) == ["n1", "n2", "n3"]


def test_a_slow_node_does_not_make_the_others_seem_silent(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = scene.system.status

    def status(at: NodeAccess, *, timeout: float) -> Mapping[str, GroupStatus]:
        if at.node.name == "n3":
            time.sleep(0.3)
        return real(at, timeout=timeout)

    monkeypatch.setattr(scene.system, "status", status)
    assert values(scene.get("/probe?target=raft"))["probe_success"] == 1
