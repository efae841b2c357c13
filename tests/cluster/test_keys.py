"""Keys tell writes apart, and a write whose fate is open is never overtaken."""

from __future__ import annotations

from raftfleet.cluster.keys import Creates, Registers


def test_values_of_a_register_rise_and_one_write_at_most_is_under_way() -> None:
    keys = Registers("p-", 2)
    assert [keys.take(), keys.take(), keys.take()] == [("p-1", "1"), ("p-2", "1"), None]
    keys.give_back("p-2", "ok")
    keys.give_back("p-1", "refused")
    assert [keys.take(), keys.take()] == [("p-2", "2"), ("p-1", "2")]


def test_a_register_with_an_open_fate_is_replaced() -> None:
    keys = Registers("p-", 1)
    keys.take()
    keys.give_back("p-1", "unknown")
    assert keys.take() == ("p-2", "1")


def test_a_created_key_is_never_used_again() -> None:
    keys = Creates("p-")
    first = keys.take()
    keys.give_back("p-00001", "refused")
    assert [first, keys.take()] == [("p-00001", "p-00001"), ("p-00002", "p-00002")]
