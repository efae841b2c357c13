"""The pages say of the metrics what the table says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from raftfleet.metrics import METRICS
from tests.metrics.page import PAGE, page
from tests.metrics.test_prometheus_files import ALERTS, RECORDED, unknown

DOCS = Path(__file__).parents[2] / "docs"


def test_every_metric_is_documented_as_the_table_has_it() -> None:
    assert PAGE.read_text() == page(PAGE.read_text())
    rows = re.findall(r"^\| `(raftfleet_\w+)`", PAGE.read_text(), re.MULTILINE)
    assert len(rows) == len(METRICS)


@pytest.mark.parametrize("name", ["metrics.md", "prometheus.md"])
def test_the_pages_name_only_what_exists(name: str) -> None:
    named = unknown((DOCS / name).read_text())
    assert named <= {metric.name for metric in METRICS.values()}


def test_every_alert_and_recorded_series_is_documented() -> None:
    text = (DOCS / "prometheus.md").read_text()
    assert [name for name in (*ALERTS, *RECORDED) if f"`{name}`" not in text] == []
