"""A recording is read as the procedure that was done in it."""

from __future__ import annotations

import pytest

from .procedure import ACTIONS, steps_of, streams_of
from .running import RECORDINGS, model, scenarios
from .variants import VARIANTS

pytestmark = pytest.mark.skipif(
    not RECORDINGS.is_dir(),
    reason=f"the recordings of the real broker are not at hand: {RECORDINGS}",
)


@pytest.mark.parametrize("name", scenarios() if RECORDINGS.is_dir() else [])
def test_every_deed_is_done_again_in_order(name: str) -> None:
    done = [step.event for step in steps_of(model(name)) if step.kind in ACTIONS]
    assert done == model(name).of(*ACTIONS)


def test_pauses_are_those_of_the_recorder_and_waits_are_not() -> None:
    steps = steps_of(model("leader-stop-failover"))
    names = [step.kind for step in steps]
    restart = max(place for place, kind in enumerate(names) if kind == "start")
    assert sum(step.pause for step in steps[:restart]) < 15  # the failover's 36 s are waited for
    assert next(step.pause for step in steps if step.event.get("what") == "8 s after") > 7


def test_clients_go_on_at_their_pace_and_bursts_go_round() -> None:
    streams = {stream.prefix: stream for stream in streams_of(model("leader-stop-failover"))}
    steady = next(stream for name, stream in streams.items() if name.startswith("fo"))
    assert steady.period == pytest.approx(0.25, abs=0.01)
    assert not steady.burst
    assert streams["post"].burst
    assert sorted(streams["post"].nodes) == [1, 2, 3]


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_cuts_in_one_direction(name: str) -> None:
    (cut,) = model(name).of("nft")
    assert cut["rules"].count("drop;") == 1
    assert VARIANTS[name][1] not in cut["rules"]
