"""A scrape of a large cluster: every series bounded, none older than the scrape."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

from raftfleet.serve.request import Request
from tests.cluster.bench import until
from tests.serve.fleet import LargeFleet

if TYPE_CHECKING:
    from pathlib import Path

SCRAPE = Request("GET", "/metrics", {})


def shown(fleet: LargeFleet) -> Counter[str]:
    """Return how many series of ours speak of each node."""
    families = text_string_to_metric_families(fleet.pages(SCRAPE).body.decode())
    samples = [sample for family in families for sample in family.samples]
    return Counter(sample.labels["node"] for sample in samples if "node" in sample.labels)


def test_series_grow_with_nodes_and_groups_and_nothing_else(tmp_path: Path) -> None:
    fleet = LargeFleet(tmp_path, nodes=50, groups=3)
    seen = shown(fleet)
    first, other = seen["n01"], seen["n50"]
    assert set(seen.values()) == {first, other}
    assert other > 3 * 8
    assert first == other + 3  # it leads three groups
    for _ in range(20):
        fleet.answer(50)
    assert shown(fleet) == seen
    (tmp_path / "small").mkdir()
    small = LargeFleet(tmp_path / "small", nodes=3, groups=3)
    assert shown(small)["n03"] == other


def test_a_removed_nodes_series_are_gone_at_the_next_scrape(tmp_path: Path) -> None:
    fleet = LargeFleet(tmp_path, nodes=50, groups=3)
    assert len(shown(fleet)) == 50
    fleet.answer(49)
    until(lambda: "n50" not in shown(fleet), "the next scrape that is not the same one")
    assert len(shown(fleet)) == 49
