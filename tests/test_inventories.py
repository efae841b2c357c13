"""The example inventories hold a cluster whose settings work."""

from __future__ import annotations

from pathlib import Path

import pytest

from raftfleet.cli.asked import Asked
from raftfleet.cli.session import Session
from raftfleet.errors import UsageError

FOLDER = Path(__file__).parents[1] / "inventory"


def session(inventory: Path, tmp_path: Path) -> Session:
    return Session(Asked(what="test", inventories=[inventory], runs=tmp_path, keep=False))


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yml")), ids=lambda path: path.stem)
def test_an_example_inventory_holds_a_cluster_that_works(path: Path, tmp_path: Path) -> None:
    nodes = session(path, tmp_path).fleet.nodes
    assert [node.name for node in nodes] == ["n1", "n2", "n3"]
    assert len({(node.identity.machine, node.home) for node in nodes}) == 3


def test_three_nodes_on_one_machine_without_offsets_are_refused(tmp_path: Path) -> None:
    text = (FOLDER / "one-host.yml").read_text().replace("raft_port_offset: 1000", "")
    inventory = tmp_path / "hosts.yml"
    inventory.write_text(text.replace("raft_node_id: 2, ", "raft_node_id: 2"))
    with pytest.raises(UsageError, match=r"n1.*n2|n2.*n1"):
        session(inventory, tmp_path).fleet.nodes  # noqa: B018 - reading them checks them


def test_an_inventory_without_a_raft_group_has_no_nodes(tmp_path: Path) -> None:
    inventory = tmp_path / "hosts.yml"
    inventory.write_text("all: {hosts: {web1: {}}}\n")
    assert session(inventory, tmp_path).fleet.nodes == ()
    with pytest.raises(UsageError, match="no hosts in group 'raft'"):
        session(inventory, tmp_path).control()
