"""Whole inventories of every kind, mixed: recorded.json holds what ansible-core 2.19.14 made of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from raftfleet.inventory import Inventory, load_inventory
from raftfleet.inventory.printing import shown_variables

RECORDED = json.loads((Path(__file__).parent / "recorded.json").read_text())


@pytest.fixture(params=RECORDED, ids=lambda case: " ".join(case["sources"]))
def case(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    """Write the files of a case, and go there."""
    for name, text in request.param["files"].items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.chdir(tmp_path)
    found: dict[str, Any] = request.param
    return found


@pytest.fixture
def inventory(case: dict[str, Any]) -> Inventory:
    return load_inventory(list(map(Path, case["sources"])), playbook_dir=Path("book"))


def test_groups_hosts_and_their_order_are_ansibles(
    case: dict[str, Any], inventory: Inventory
) -> None:
    groups = {
        name: {"hosts": list(group.hosts), "children": list(group.children)}
        for name, group in inventory.groups.items()
    }
    assert groups == case["groups"]


def test_variables_and_their_types_are_ansibles(case: dict[str, Any], inventory: Inventory) -> None:
    shown = {name: shown_variables(host.variables) for name, host in inventory.hosts.items()}
    # JSON tells 1 from true and from 1.0, which == does not.
    assert json.dumps(shown, sort_keys=True) == json.dumps(case["hostvars"], sort_keys=True)


def test_patterns_choose_what_they_choose_in_ansible(
    case: dict[str, Any], inventory: Inventory
) -> None:
    for pattern, limit, hosts in case["patterns"]:
        assert [host.name for host in inventory.select(pattern, limit)] == hosts, (pattern, limit)
