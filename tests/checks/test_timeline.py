"""A failover's timeline holds every stamp that the journal has, and None for what nobody saw."""

from __future__ import annotations

import json
from itertools import pairwise

import msgspec

from raftfleet.checks import Timeline, judge, judgement_json
from raftfleet.journal import events as ev
from raftfleet.journal.values import Interval, Role
from raftfleet.testing.journal import Story, doctored


def told() -> Story:
    story = Story().running().drill("leader-moves", watch=0.0)
    return story.writer("n2").writer("n3").writes(1, via="n2").writes(0.5, via="n3")


def only(story: Story) -> Timeline:
    (drill,) = judge(story.end().journal()).drills
    (one,) = drill.timelines
    return one


def ordered(*moments: Interval | float | None) -> bool:
    """Whether these moments are all known, and none certainly lies before the one before it."""
    known = [Interval(m, m) if isinstance(m, float) else m for m in moments if m is not None]
    assert len(known) == len(moments)
    return all(a.lo <= b.hi for a, b in pairwise(known))


def test_every_stamp_from_the_signal_to_the_return_is_told_in_order() -> None:
    story = told().stop("n1").let(4).elect("n2", term=2)
    story.writes(1, via="n2").writes(1, via="n3")
    story.start("n1", leader="n2", term=2, role=Role.FOLLOWER, last_log=20, last_applied=20).let(2)
    one = only(story)
    (moved,) = one.groups
    assert (one.victim, one.cause) == ("n1", "stop")
    assert (moved.old_term, moved.new_term, moved.new_leader) == (1, 2, "n2")
    assert ordered(
        one.last_write, one.gone, moved.raised, moved.elected, moved.agreed, one.first_writes["n2"]
    )
    assert ordered(one.signalled, one.gone, one.started, one.ready, one.caught_up)
    second, third = one.first_writes["n2"], one.first_writes["n3"]
    assert second is not None
    assert third is not None
    assert second.lo < third.lo


def test_a_return_took_from_the_start_until_all_ports_were_held_and_all_was_applied() -> None:
    story = told().stop("n1").let(4).elect("n2", term=2).spawn("n1").let(0.2)
    closed = story.now
    story.let(0.3).say("n1", leader="n2", term=2, role=Role.FOLLOWER, last_applied=20)
    story.ready("n1").let(1).end()

    def closed_until(event: ev.Event) -> ev.Event:
        if isinstance(event, ev.NodeReady) and event.t > closed:
            return msgspec.structs.replace(event, since=closed)
        return event

    ((one,),) = (d.timelines for d in judge(doctored(story.journal(), closed_until)).drills)
    assert one.started
    assert one.ready
    assert one.caught_up
    assert one.ready.lo == closed
    assert one.ready.hi <= one.caught_up.hi
    assert one.rejoin == one.caught_up.minus(one.started)
    assert one.rejoin.lo >= 0.19


def test_without_a_look_that_found_a_port_closed_it_may_have_been_back_at_once() -> None:
    story = told().stop("n1").let(4).elect("n2", term=2)
    story.start("n1", leader="n2", term=2, role=Role.FOLLOWER, last_applied=20).let(1)
    one = only(story)
    assert one.started
    assert one.ready
    assert one.ready.lo == one.started.lo


def test_what_did_not_happen_has_no_stamp() -> None:
    one = only(told().stop("n1").let(4).writes(1, "refused", via="n2"))
    (moved,) = one.groups
    assert (moved.raised, moved.elected, moved.agreed) == (None, None, None)
    assert (one.started, one.ready, one.caught_up) == (None, None, None)
    assert one.first_writes == {"n2": None, "n3": None}


def test_the_summary_holds_it_as_plain_values() -> None:
    story = told().stop("n1").let(4).elect("n2", term=2).writes(1, via="n2")
    plain = judgement_json(judge(story.end().journal()))
    (one,) = json.loads(json.dumps(plain))["timelines"]
    assert one["victim"] == "n1"
    assert one["groups"][0]["new_leader"] == "n2"
    assert one["first_writes"]["n3"] is None
    lo, hi = one["gone"]
    assert lo <= hi < one["groups"][0]["elected"][1]
