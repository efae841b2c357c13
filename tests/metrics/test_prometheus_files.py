"""What ships for Prometheus is accepted by its own tool and speaks of metrics that exist."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from raftfleet.metrics import LABELS, METRICS
from raftfleet.shipped import shipped
from tests.metrics.servers import promtool

if TYPE_CHECKING:
    from collections.abc import Iterator

CONFIG = shipped("config", "prometheus")
RULES = sorted(CONFIG.glob("rules/*.yml"))
TESTS = sorted(CONFIG.glob("tests/*.yml"))
SERIES = {name for metric in METRICS.values() for name in metric.series}
_WORD = re.compile(r"(?:[a-z_]+:)?raftfleet_[a-z0-9_]+(?::[a-z0-9_]+)?")
_SELECTED = re.compile(r"(raftfleet_[a-z0-9_]+)\{([^}]*)\}")
_WITHOUT = re.compile(r"without \(([^)]*)\)")


def rules(file: Path) -> Iterator[dict[str, Any]]:
    for group in yaml.safe_load(file.read_text())["groups"]:
        yield from group["rules"]


ALL = [rule for file in RULES for rule in rules(file)]
RECORDED = {rule["record"]: rule for rule in ALL if "record" in rule}
ALERTS = {rule["alert"]: rule for rule in ALL if "alert" in rule}


def unknown(expression: str) -> set[str]:
    """The metrics an expression names that there are not."""
    return {word for word in _WORD.findall(expression) if word not in {*SERIES, *RECORDED}}


def wrong_labels(expression: str) -> set[str]:
    """The labels that are selected by or dropped and that the metric, or any, has not."""
    found = set()
    for name, selectors in _SELECTED.findall(expression):
        has = next(metric.labels for metric in METRICS.values() if name in metric.series)
        found |= {s.partition("=")[0].rstrip("!").strip() for s in selectors.split(",")} - {
            *has,
            "le",
        }
    for labels in _WITHOUT.findall(expression):
        found |= {label.strip() for label in labels.split(",")} - {*LABELS, "instance", "job"}
    return found


def test_promtool_accepts_the_configuration_and_its_rules() -> None:
    assert len(RULES) == 2
    promtool("check", "config", CONFIG / "prometheus.yml")
    promtool("check", "rules", *RULES)


@pytest.mark.parametrize("file", TESTS, ids=lambda file: file.name)
def test_the_rules_do_what_their_tests_say(file: Path) -> None:
    promtool("test", "rules", file)


@pytest.mark.parametrize(
    ("file", "here", "instead"),
    [
        ("alerts.yml", '{verdict="fail"}) == 1', '{verdict="fail"}) == 2'),
        ("stale.yml", "> 86400", "> 96400"),
        ("alerts.yml", "< 0.95", "< 0.4"),
    ],
)
def test_an_alert_that_is_broken_fails_its_test(
    tmp_path: Path, file: str, here: str, instead: str
) -> None:
    shutil.copytree(CONFIG, tmp_path / "prometheus")
    alerts = tmp_path / "prometheus" / "rules" / "alerts.yml"
    assert here in alerts.read_text()
    alerts.write_text(alerts.read_text().replace(here, instead))
    with pytest.raises(AssertionError, match="FAILED"):
        promtool("test", "rules", tmp_path / "prometheus" / "tests" / file)


def test_every_alert_is_tested_firing_and_silent() -> None:
    told = {name: {True: 0, False: 0} for name in ALERTS}
    for file in TESTS:
        for test in yaml.safe_load(file.read_text())["tests"]:
            for one in test.get("alert_rule_test", ()):
                told[one["alertname"]][bool(one.get("exp_alerts"))] += 1
    assert [name for name, seen in told.items() if not all(seen.values())] == []


def test_every_recorded_series_is_asked_for_by_a_test() -> None:
    asked = " ".join(
        one["expr"]
        for file in TESTS
        for test in yaml.safe_load(file.read_text())["tests"]
        for one in test.get("promql_expr_test", ())
    )
    used = " ".join(rule["expr"] for rule in RECORDED.values())
    assert [name for name in RECORDED if name not in asked and name not in used] == []


@pytest.mark.parametrize("rule", ALL, ids=lambda rule: rule.get("record") or rule.get("alert"))
def test_a_rule_names_only_what_exists(rule: dict[str, Any]) -> None:
    assert unknown(rule["expr"]) == set()
    assert wrong_labels(rule["expr"]) == set()
    assert _WORD.search(rule["expr"])
    if "record" in rule:
        level, metric, operations = rule["record"].split(":")
        assert set(level.split("_")) <= LABELS.keys()
        assert metric.startswith("raftfleet_")
        assert operations


@pytest.mark.parametrize("rule", ALERTS.values(), ids=lambda rule: rule["alert"])
def test_an_alert_says_how_grave_it_is_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert rule["annotations"].keys() == {"summary", "description"}


def test_a_planted_slip_is_seen() -> None:
    assert unknown("sum(raftfleet_failovers_second) + raftfleet_run_info") == {
        "raftfleet_failovers_second"
    }
    assert unknown("cluster:raftfleet_nothing:p50_28d") == {"cluster:raftfleet_nothing:p50_28d"}
    assert wrong_labels('raftfleet_drills_total{verdikt="pass"}') == {"verdikt"}
    assert wrong_labels("sum without (host) (raftfleet_drills_total)") == {"host"}


def test_the_stack_names_what_it_lacks(tmp_path: Path) -> None:
    for tool in ("dirname", "pwd", "sh"):
        (tmp_path / tool).symlink_to(shutil.which(tool) or "/bin/sh")
    done = subprocess.run(
        ["/bin/sh", CONFIG / "stack", tmp_path / "data"],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 5
    assert "apt-get install --no-install-recommends prometheus" in done.stderr
    assert not (tmp_path / "data").exists()


def test_the_configuration_lies_where_an_installed_raftfleet_finds_it() -> None:
    assert (CONFIG / "prometheus.yml").is_file()
    assert Path(CONFIG / "stack").stat().st_mode & 0o111
