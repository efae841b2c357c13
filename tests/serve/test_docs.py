"""The page about serve says what is so: its files can be read, its metrics exist, each is told."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from raftfleet.clock import FakeClock
from raftfleet.metrics import METRICS, TABLE
from raftfleet.serve.config import read_settings
from raftfleet.serve.own import RESULTS, SKIPS, Own
from tests.metrics.test_prometheus_files import unknown

if TYPE_CHECKING:
    from raftfleet.serve.httpserver import HttpServer
    from raftfleet.serve.watch import Watch

PAGE = (Path(__file__).parents[2] / "docs" / "serve.md").read_text()


def block(kind: str, holding: str) -> str:
    """Return the block of a kind that holds a text."""
    blocks = re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)
    (found,) = [one for one in blocks if holding in one]
    return str(found)


def test_the_schedule_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "serve.yml"
    path.write_text(block("yaml", "drills:"))
    assert [one.name for one in read_settings(path).scheduled] == ["b-rejoin", "leaders"]


@pytest.mark.skipif(not shutil.which("promtool"), reason="needs Debian's prometheus")
def test_prometheus_takes_the_scrape_configuration(tmp_path: Path) -> None:
    path = tmp_path / "prometheus.yml"
    path.write_text(block("yaml", "scrape_configs:"))
    done = subprocess.run(["promtool", "check", "config", path], capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_names_only_metrics_that_exist_and_every_reason() -> None:
    assert unknown(PAGE) <= METRICS.keys()
    assert {word for word in SKIPS if f"| `{word}` |" in PAGE} == set(SKIPS)


class Elsewhere:
    """A watch and a server of which only this is asked."""

    names = ("n1",)
    ready = True
    blind = 0.5
    trouble = {"n1": ("unreachable", "no route")}  # noqa: RUF012
    open = 1
    refused = {"slow": 1}  # noqa: RUF012

    @property
    def cluster(self) -> Elsewhere:
        return self

    name = "raft"

    def unsteady(self) -> str | None:
        return None


def test_every_metric_of_its_own_is_told() -> None:
    own = Own(FakeClock(), lambda: {"nightly": 1.0})
    own.watch = cast("Watch", Elsewhere())
    own.http = cast("HttpServer", Elsewhere())
    own.answered("/metrics", 200)
    figures = own.figures()
    assert figures.values.keys() == {metric.name for metric in TABLE["Serve"]}
    told = {labels[1] for labels in figures.values["raftfleet_schedule_runs"]}
    assert told == set(RESULTS)
