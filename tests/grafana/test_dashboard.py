"""The dashboard is what its code makes, names what exists, and every panel of it shows a run."""

from __future__ import annotations

import json
import math
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from raftfleet.checks import judge
from raftfleet.journal.values import Role
from raftfleet.metrics import METRICS, MetricsState, state_path
from raftfleet.metrics.backfill import write_openmetrics
from raftfleet.metrics.textfile import write_shared
from raftfleet.shipped import shipped
from raftfleet.testing.journal import Story
from tests.grafana.dashboard import FILE, rendered
from tests.metrics.servers import Prometheus, prometheus, promtool, running, tool, until
from tests.metrics.test_prometheus_files import unknown, wrong_labels
from tests.simulator.processes import free_ports

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from raftfleet.journal import Journal

CONFIG = shipped("config", "grafana")
DASHBOARD: dict[str, Any] = json.loads(FILE.read_text())
FILLED = {
    "$__rate_interval": "1m",
    "$__interval": "5s",
    "$cluster": "raft",
    "$drill": "told",
    "$group": "data|meta",
    "$window": "28d",
}


@dataclass(frozen=True)
class Asked:
    """A query of the dashboard, its variables filled in; ``live`` is only there during a run."""

    where: str
    expression: str
    live: bool


def _queries() -> Iterator[Asked]:
    heading = ""
    for panel in DASHBOARD["panels"]:
        heading = panel["title"] if panel["type"] == "row" else heading
        for target in panel.get("targets", ()):
            where = f"{heading}: {panel['title']}: {target['refId']}"
            yield Asked(where, target["expr"], heading == "Live")
    for annotation in DASHBOARD["annotations"]["list"]:
        if "expr" in annotation:
            yield Asked(f"annotation {annotation['name']}", annotation["expr"], live=True)
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            found = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
            assert found
            expression = f"count by ({found[2]}) ({found[1]})"
            yield Asked(f"variable {variable['name']}", expression, live=False)


QUERIES = [*_queries()]


def filled(expression: str) -> str:
    for name, value in FILLED.items():
        expression = expression.replace(name, value)
    assert "$" not in expression
    return expression


# --- the files -------------------------------------------------------------------------------


def test_the_code_makes_the_same_bytes_again() -> None:
    assert FILE.read_text() == rendered(), "python -m tests.grafana.dashboard"


@pytest.mark.parametrize("asked", QUERIES, ids=lambda asked: asked.where)
def test_a_query_names_only_what_exists(asked: Asked) -> None:
    assert "raftfleet_" in asked.expression
    assert unknown(asked.expression) == set()
    assert wrong_labels(asked.expression) == set()
    for names in re.findall(r"(?:by|on) \(([^)]*)\)", asked.expression):
        allowed = {"le", *(label for metric in METRICS.values() for label in metric.labels)}
        assert {name.strip() for name in names.split(",")} <= allowed


def test_a_legend_names_labels_that_its_query_keeps() -> None:
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            said = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            kept = {
                name.strip()
                for names in re.findall(r"by \(([^)]*)\)", target["expr"])
                for name in names.split(",")
            }
            assert said <= kept, (panel["title"], target["legendFormat"])


def test_panels_have_room_names_and_the_chosen_data_source() -> None:
    seen: set[tuple[int, int]] = set()
    panels = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
    assert len(panels) > 20
    for panel in panels:
        at = panel["gridPos"]
        place = {
            (x, y)
            for x in range(at.get("x", 0), at.get("x", 0) + at["w"])
            for y in range(at.get("y", 0), at.get("y", 0) + at["h"])
        }
        assert not place & seen, panel["title"]
        seen |= place
        assert max(x for x, _ in place) < 24
        assert panel["description"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert panel["targets"]
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_what_is_provisioned_is_there() -> None:
    (source,) = yaml.safe_load(
        (CONFIG / "provisioning" / "datasources" / "raftfleet.yml").read_text()
    )["datasources"]
    assert (source["type"], source["url"]) == ("prometheus", "http://127.0.0.1:9090")
    (provider,) = yaml.safe_load(
        (CONFIG / "provisioning" / "dashboards" / "raftfleet.yml").read_text()
    )["providers"]
    assert (provider["type"], provider["options"]["path"]) == ("file", "$RAFTFLEET_DASHBOARDS")
    page = (Path(__file__).parents[2] / "docs" / "grafana.md").read_text()
    assert "RAFTFLEET_DASHBOARDS" in page
    for panel in DASHBOARD["panels"]:
        if panel["type"] == "row":
            assert f"**{panel['title']}**" in page


# --- with a Prometheus -----------------------------------------------------------------------


def told() -> Journal:
    """A run in which all happens that a panel shows."""
    story = Story(groups=("data", "meta")).running()
    story.drill("leader-moves", budget={"outage": 9.0}).writer("n2").writes(1, via="n2").let(3)
    story.stop("n1").writes(1, "unknown", via="n2").let(4)
    story.elect("n2", term=2).writes(1, via="n2").start(
        "n1", term=2, leader="n2", role=Role.FOLLOWER
    )
    story.let(0.5).say("n1").let(1.5)
    story.fault("pause", "n3").let(7).undo("pause", "n3").let(2).writer_stops("n2")
    return story.end().journal()


@dataclass(frozen=True)
class Shown:
    """A Prometheus with a run in it: second by second, and what it left for node_exporter.

    ``scraped`` is when that was there: on a busy machine a later scrape may fail.
    """

    server: Prometheus
    journal: Journal
    scraped: float

    def second_by_second(self, expression: str) -> bool:
        """Whether a query shows anything over the time of the run."""
        events = self.journal.events
        found = self.server.range(expression, events[0].wall, events[-1].wall + 1)
        return any(not math.isnan(value) for told in found.values() for value in told.values())

    def left(self, expression: str) -> bool:
        """Whether a query shows anything of what was scraped."""
        found = self.server.query(expression, self.scraped)
        return any(not math.isnan(value) for value in found.values())


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    exporter = tool("prometheus-node-exporter", "prometheus-node-exporter")
    folder, journal = tmp_path_factory.mktemp("shown"), told()
    judgement = judge(journal)
    file = write_openmetrics(judgement, journal, folder / "metrics.om")
    promtool("tsdb", "create-blocks-from", "openmetrics", file, folder / "data")
    (folder / "textfile").mkdir()
    figures = MetricsState(state_path(folder, "raft")).absorb(judgement, journal)
    write_shared(figures, folder / "textfile", "raft")
    node, port = (base := free_ports(2)), base + 1
    config = f"""
scrape_configs:
  - {{job_name: node, scrape_interval: 500ms, scrape_timeout: 400ms,
      static_configs: [{{targets: ["127.0.0.1:{node}"]}}]}}
"""
    words = [
        *(exporter, f"--web.listen-address=127.0.0.1:{node}", "--collector.disable-defaults"),
        *("--collector.textfile", f"--collector.textfile.directory={folder}/textfile"),
    ]
    ready = f"http://127.0.0.1:{node}/metrics"
    with running(words, ready), prometheus(folder, port, config) as server:

        def scraped() -> float:
            at = time.time()
            return at if server.query("raftfleet_failover_last_seconds", at) else 0.0

        yield Shown(server, journal, until(scraped, "the textfile is scraped"))


def silent(shows: Callable[[str], bool], asked: list[Asked]) -> list[str]:
    return [one.where for one in asked if not shows(filled(one.expression))]


def test_every_query_shows_a_run_second_by_second(shown: Shown) -> None:
    assert silent(shown.second_by_second, QUERIES) == []


def test_every_query_of_results_shows_what_a_run_left_for_node_exporter(shown: Shown) -> None:
    results = [one for one in QUERIES if not one.live]
    assert len(results) > 30
    assert silent(shown.left, results) == []


def test_a_query_that_shows_nothing_is_seen(shown: Shown) -> None:
    planted = [
        Asked("other", 'raftfleet_drill_verdict{drill="$drill",verdict="passed"}', live=False),
        Asked("nan", "0 / (0 * raftfleet_exit_bound_seconds)", live=False),
    ]
    assert silent(shown.left, planted) == ["other", "nan"]
    assert silent(shown.second_by_second, planted) == ["other", "nan"]


def test_the_last_failover_shown_is_the_journals(shown: Shown) -> None:
    (panel,) = [one for one in DASHBOARD["panels"] if one["title"] == "Last failover"]
    found = shown.server.query(filled(panel["targets"][0]["expr"]), shown.scraped)
    failovers = judge(shown.journal).failovers
    assert {one.group for one in failovers} == {"data", "meta"}
    assert found == {
        frozenset({"group": one.group}.items()): one.elected.middle
        for one in failovers
        if one.elected
    }
