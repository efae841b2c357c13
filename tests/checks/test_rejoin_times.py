"""How long nodes took to come back, whoever they are and whyever they were away."""

from __future__ import annotations

import pytest

from raftfleet.checks import Rejoin, judge, judgement_json
from raftfleet.testing.journal import Story


def rejoins(story: Story) -> tuple[Rejoin, ...]:
    (drill,) = judge(story.end().journal()).drills
    return drill.rejoins


def test_a_follower_counts_as_much_as_a_leader() -> None:
    story = Story().running().drill("rejoins")
    story.stop("n3").let(2).start("n3").let(1)
    story.stop("n1").let(5).elect("n2", term=2).let(1).start("n1").let(1)
    found = rejoins(story)
    assert [(one.node, one.cause) for one in found] == [("n3", "stop"), ("n1", "stop")]
    for one in found:
        assert one.ready is not None
        assert one.lasted is not None
        assert one.started.hi <= one.ready.hi
        assert 0 < one.lasted.lo <= one.lasted.hi < 2


@pytest.mark.parametrize(("signal", "cause"), [("KILL", "kill"), ("INT", "stop")])
def test_the_cause_is_how_it_had_ended(signal: str, cause: str) -> None:
    story = Story().running().drill("rejoins")
    story.stop("n3", signal, status=-9 if signal == "KILL" else 0, lines=[]).let(1).start("n3")
    (one,) = rejoins(story.let(1))
    assert one.cause == cause


def test_a_node_that_came_up_by_itself_after_a_crash_says_so() -> None:
    story = Story().running().drill("rejoins").gone("n3", status=1).let(1).start("n3").let(1)
    (one,) = rejoins(story)
    assert one.cause == "crash"


def test_one_that_never_became_ready_has_no_time() -> None:
    story = Story().running().drill("rejoins").stop("n3").let(1).spawn("n3").let(3)
    (one,) = rejoins(story)
    assert (one.ready, one.caught_up, one.lasted) == (None, None, None)


def test_the_summary_tells_them() -> None:
    story = Story().running().drill("rejoins").stop("n3").let(2).start("n3").let(1)
    summary = judgement_json(judge(story.end().journal()))
    rows = summary["rejoins"]
    assert isinstance(rows, list)
    assert [(row["drill"], row["node"], row["cause"]) for row in rows] == [("told", "n3", "stop")]
    assert len(rows[0]["seconds"]) == 2
