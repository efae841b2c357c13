"""Compares what the nodes' stores and lists of tenants hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .rows import Outcome, Row, equal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .recording import Event
    from .side import Side

__all__ = ["compare_stores"]

RACED = {"like the store", "lacks entries"}


def compare_stores(recorded: Side, simulated: Side) -> Iterator[Row]:
    """At the same instants: who lacks acknowledged writes, in its store and in its list."""
    pairs = zip(recorded.recording.of("compare"), simulated.recording.of("compare"), strict=True)
    for number, (there, here) in enumerate(pairs):
        for node in sorted({*there["result"], *here["result"]}):
            both = [one["result"].get(node) for one in (there, here)]
            item = f"{number:02} {there['what']} n{node}"
            yield equal(f"store/{item}", *(_store(one) for one in both))
            row = equal(f"list/{item}", *(_list(one) for one in both))
            if {row.recorded, row.simulated} == RACED and _races_for_lists(recorded, there["t"]):
                row = row._replace(outcome=Outcome.AGREES)
            yield row
    yield from _lists_after_a_cut(recorded, simulated)


def _races_for_lists(side: Side, t: float) -> bool:
    """Whether something came before that leaves any list incomplete or not, by chance (3.3)."""
    return any(
        deed["kind"] in ("nft", "sigstop") or (deed["kind"] == "signal" and deed["node"] == 1)
        for phase in side.phases
        for deed in phase.deeds
        if deed["t"] < t
    )


def _lists_after_a_cut(recorded: Side, simulated: Side) -> Iterator[Row]:
    """Which list lacks entries after a cut or a pause is chance, that one does is not (3.3)."""
    if recorded.recording.of("nft", "sigstop") and recorded.recording.of("compare"):
        ends = [
            side.recording.of("compare")[-1]["result"].values() for side in (recorded, simulated)
        ]
        words = ["lacks entries" in [_list(result) for result in end] for end in ends]
        yield equal("list/some list lacks entries after the cut", *words)


def _store(result: Event | None) -> str:
    if result is None:
        return "not asked"
    share = result["acked_missing_in_store"] / max(result["acked"], 1)
    return (
        "complete" if not share else "nearly empty" if share > 0.5 else "lacks acknowledged writes"
    )


def _list(result: Event | None) -> str:
    if result is None:
        return "not asked"
    return "like the store" if not result["n_cache_missing"] and not result["n_store_missing"] else (
        "lacks entries" if result["n_cache_missing"] else "has entries the store lacks")  # fmt: skip
