"""The table of modules: all names at once, each module when it is asked for."""

from __future__ import annotations

import pytest

from raftfleet.modules import generic_modules
from raftfleet.modules.raft import raft_modules
from raftfleet.modules.table import ModuleTable
from raftfleet.playbook.together import together


@pytest.mark.parametrize("table", [generic_modules(), raft_modules(lambda: None)])  # type: ignore[arg-type,return-value]
def test_every_name_is_that_of_its_module(table: ModuleTable) -> None:
    assert table
    assert all(module.name == name for name, module in table.items())


def test_names_are_known_without_loading_anything() -> None:
    table = ModuleTable({"broken": "no_such_file:Nothing", "ping": "ping:Ping"})
    joined = together(table, {"other": table["ping"]})
    assert set(joined) == {"broken", "ping", "other"}
    assert "broken" in joined
    assert "missing" not in joined
    with pytest.raises(ModuleNotFoundError):
        joined["broken"]


def test_whoever_asks_twice_gets_the_same_module() -> None:
    table = generic_modules()
    assert table["ping"] is table["ping"]
    assert table.get("pong") is None


def test_the_first_table_that_has_a_name_counts() -> None:
    assert dict(together({"a": 1}, {"a": 2, "b": 3})) == {"a": 1, "b": 3}
