"""What the inventory promises about elections and exits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from raftfleet.errors import UsageError
from raftfleet.journal.values import Interval, Timing
from raftfleet.simulator.presets import PRESETS
from raftfleet.systems.robustmq.timing import ERAS, exit_rules_of, timing_of

if TYPE_CHECKING:
    from tests.systems.conftest import MakeNode


def test_head_predicts_what_79_elections_of_the_real_broker_took(make_node: MakeNode) -> None:
    timing = timing_of(make_node(robustmq_era="head"))
    assert timing == Timing("openraft-0.9", 0.5, 10.0, 20.0, leader_lease=20.0, tick=0.75)
    assert timing.predict() == Interval(29.25, 40.75)
    assert 29.77 in timing.predict()
    assert 40.15 in timing.predict()


def test_seed_predicts_what_36_elections_with_its_timeouts_took(make_node: MakeNode) -> None:
    timing = timing_of(make_node(robustmq_era="seed"))
    assert timing is not None
    assert timing.predict() == Interval(3.75, 6.75)
    assert 4.22 in timing.predict()
    assert 5.97 in timing.predict()


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_every_preset_of_the_simulator_is_an_era_with_its_figures(name: str) -> None:
    preset, era = PRESETS[name], ERAS[name]
    assert (era.heartbeat, era.election_min, era.election_max) == (
        preset.heartbeat,
        *preset.election,
    )
    assert era.election_max == preset.lease
    assert era.watchdog == preset.watchdog
    assert preset.drain[1] + 2 * preset.poll < era.exit_bound < era.watchdog


def test_nothing_is_promised_of_an_unknown_build(make_node: MakeNode) -> None:
    assert timing_of(make_node(robustmq_binary="/srv/broker-server")) is None


def test_the_simulator_is_head_unless_told_otherwise(make_node: MakeNode) -> None:
    unsaid = make_node(robustmq_binary="simulator")
    assert timing_of(unsaid) == timing_of(make_node(robustmq_era="head"))
    assert exit_rules_of(unsaid).bound == 2.0


def test_a_timeout_may_be_fixed_instead_of_drawn(make_node: MakeNode) -> None:
    timing = timing_of(
        make_node(robustmq_timing={"heartbeat": 0.1, "election_min": 1, "election_max": 1})
    )
    assert timing is not None
    assert timing.election_min == timing.election_max == 1.0


def test_figures_stand_alone_or_over_an_era(make_node: MakeNode) -> None:
    given = {"heartbeat": 0.05, "election_min": 0.15, "election_max": 0.3}
    alone = Timing("openraft-0.9", 0.05, 0.15, 0.3, leader_lease=0.3, tick=0.075)
    assert timing_of(make_node(robustmq_timing=given)) == alone
    over = timing_of(make_node(robustmq_era="seed", robustmq_timing={"election_max": 4}))
    assert over == Timing("openraft-0.9", 0.5, 1.5, 4.0, leader_lease=4.0, tick=0.75)


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"robustmq_era": "haed"}, "robustmq_era does not know 'haed'"),
        ({"robustmq_timing": {"heartbeat": 1}}, "lacks election_min, election_max"),
        ({"robustmq_timing": {"hartbeat": 1}}, "hartbeat is not one of its figures"),
        ({"robustmq_timing": {"heartbeat": "1s"}}, "heartbeat wants seconds, not '1s'"),
        (
            {"robustmq_timing": {"heartbeat": 1, "election_min": 3, "election_max": 2}},
            "heartbeat < election_min <= election_max",
        ),
        (
            {"robustmq_timing": {"heartbeat": 0, "election_min": 1, "election_max": 2}},
            "all above 0",
        ),
    ],
)
def test_a_promise_that_cannot_be_is_refused(
    make_node: MakeNode, variables: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError) as caught:
        timing_of(make_node(**variables))
    assert words in caught.value.message


def test_exits_are_bound_by_the_era_or_by_the_inventory(make_node: MakeNode) -> None:
    def of(**variables: Any) -> tuple[float, float | None]:
        rules = exit_rules_of(make_node(**variables))
        return rules.bound, rules.watchdog

    assert of(robustmq_era="head") == (2.0, 20.0)
    assert of(robustmq_era="seed") == of() == (8.0, 20.0)
    assert of(robustmq_era="head", robustmq_exit_bound=0.5, robustmq_watchdog=30) == (0.5, 30.0)


def test_the_rules_hold_the_markers_an_exit_is_judged_by(make_node: MakeNode) -> None:
    assert {"shutdown_requested", "terminating", "forced"} <= set(
        exit_rules_of(make_node()).markers
    )
