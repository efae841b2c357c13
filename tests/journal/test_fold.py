"""The picture: who is up, who leads, and what is not known."""

from __future__ import annotations

import pytest

from raftfleet.journal import Leader, Picture, Standing, behind, disagreement, fold, watermarks
from raftfleet.journal import events as ev
from raftfleet.journal.values import Incarnation, Interval, Role
from raftfleet.testing.journal import POLL, Story


def picture(told: Story) -> Picture:
    return told.recorder.picture


def test_the_live_picture_is_the_one_the_journal_folds_to() -> None:
    told = Story().running().drill("starts").stop("n1").let(5).elect("n2", term=2).start("n1")
    assert fold(told.journal().events) == picture(told)


def test_nothing_is_known_of_a_node_before_anything_was_said() -> None:
    empty = Picture()
    assert empty.standing("n1") is Standing.UNKNOWN
    assert empty.leader("data") is None
    assert (empty.groups, empty.live(), empty.leaders()) == ((), (), {})
    assert empty.voters("data") is None


def test_a_running_cluster_is_alive_led_and_agreed() -> None:
    now = picture(Story(groups=("data", "meta")).running())
    assert now.live() == ("n1", "n2", "n3")
    assert now.leaders() == {"data": "n1", "meta": "n1"}
    assert now.leads("n1") == {"data": 1, "meta": 1}
    assert now.leads("n2") == {}
    assert now.voters("data") == (("n1", "n2", "n3"),)
    assert disagreement(now) is None


def test_a_node_passes_through_stopping_to_down_and_back() -> None:
    told = Story().running()
    told.signal("n3")
    assert picture(told).standing("n3") is Standing.STOPPING
    assert picture(told).stopped_by_us == ("n3",)
    told.let(0.2).gone("n3", status=0, signal="INT")
    assert picture(told).standing("n3") is Standing.DOWN
    told.spawn("n3")
    assert picture(told).standing("n3") is Standing.UNKNOWN, "up, but it has not answered yet"
    told.let(0.5).say("n3").ready("n3")
    assert picture(told).standing("n3") is Standing.ALIVE
    assert picture(told).stopped_by_us == ()


def test_a_node_that_resists_its_signal_is_stopping_until_it_is_looked_at_again() -> None:
    told = Story().running().resist("n3")
    assert picture(told).standing("n3") is Standing.STOPPING
    told.found("n3")
    assert picture(told).standing("n3") is Standing.ALIVE, "its host shows it alive afterwards"


def test_a_node_found_alive_between_signal_and_exit_is_still_stopping() -> None:
    told = Story().running()
    told.signal("n3")
    told.found("n3")
    assert picture(told).standing("n3") is Standing.STOPPING


def test_a_node_that_stops_answering_is_unknown_after_a_few_periods() -> None:
    told = Story().running()
    told.silent.add("n2")
    told.record(ev.StatusMissed(node="n2", since=told.now, reason="timed out"))
    assert picture(told).standing("n2") is Standing.ALIVE
    assert picture(told).standing("n2", told.now + 0.3) is Standing.UNKNOWN
    told.let(1.0)
    assert picture(told).live() == ("n1", "n3")
    told.silent.discard("n2")
    assert picture(told.say("n2")).standing("n2") is Standing.ALIVE


def test_a_tick_without_a_miss_says_that_a_silent_node_answers_again() -> None:
    told = Story().running()
    told.record(ev.StatusMissed(node="n2", since=told.now - 1, reason="timed out"))
    assert picture(told).standing("n2") is Standing.UNKNOWN
    told.let(1)
    assert picture(told).standing("n2") is Standing.ALIVE


def sampled(told: Story, misses: int) -> None:
    polls = dict.fromkeys(told.nodes, 50)
    told.record(
        ev.CoverageSampled(polls=polls, misses={"n2": misses}, gap=dict.fromkeys(polls, 0.9))
    )


def test_a_tick_with_some_misses_does_not_say_that_a_node_answers_again() -> None:
    told = Story().running()
    told.record(ev.StatusMissed(node="n2", since=told.now - 1, reason="timed out"))
    sampled(told, misses=25)
    assert picture(told).standing("n2") is Standing.UNKNOWN


def test_a_tick_without_an_answer_says_that_a_node_is_silent() -> None:
    told = Story().running()
    sampled(told, misses=50)
    assert picture(told).live() == ("n1", "n3")


def test_without_any_tick_every_node_becomes_unknown() -> None:
    told = Story().running()
    assert picture(told).live(told.now + 2.5) == told.nodes
    assert picture(told).live(told.now + 3.5) == ()


def test_a_node_on_a_host_that_was_lost_is_unknown() -> None:
    told = Story().running()
    told.record(ev.HostLost(host="n2", reason="no route"))
    assert picture(told).live(told.now + 0.3) == ("n1", "n3")


def test_a_dead_leader_does_not_lead_though_its_followers_name_it() -> None:
    told = Story().running().stop("n1").let(1)
    assert picture(told).leader("data") is None
    assert picture(told).status("n2", "data").leader == "n1"  # type: ignore[union-attr]


def test_a_leader_needs_the_majority_of_the_live_voters() -> None:
    told = Story().running().stop("n1").let(1)
    told.say("n2", role=Role.LEADER, leader="n2", term=2)
    assert picture(told).leader("data") is None
    assert picture(told).claimant("data") == Leader("n2", 2)
    told.say("n3", leader="n2", term=2)
    assert picture(told).leader("data") == Leader("n2", 2)
    assert picture(told).terms == {"data": 2}


def test_a_replaced_leader_that_does_not_know_it_leads_nothing() -> None:
    told = Story().running()
    told.say("n2", role=Role.LEADER, leader="n2", term=2).say("n3", leader="n2", term=2)
    assert picture(told).leader("data") == Leader("n2", 2)
    assert picture(told).leads("n1") == {}
    assert "not all follow n2" in (disagreement(picture(told)) or "")


def test_claims_keep_everybody_who_led_a_term() -> None:
    told = Story().running().say("n2", role=Role.LEADER, leader="n2")
    assert picture(told).claims == {"data": {1: ("n1", "n2")}}
    told.record(ev.ClusterGeneration(generation=2))
    assert picture(told).claims == {}


def test_a_change_lies_between_two_polls_and_rising_indices_do_not_move_it() -> None:
    told = Story().running().stop("n1").let(4).elect("n2", term=2)
    sight = picture(told).nodes["n2"].groups["data"]
    assert sight.t - sight.since == pytest.approx(POLL)
    told.let(1).say("n2", last_log=99, last_applied=99)
    later = picture(told).nodes["n2"].groups["data"]
    assert (later.since, later.t) == (sight.since, sight.t)
    assert later.status.last_log == 99
    assert later.seen > sight.seen


def test_an_answer_that_was_on_its_way_does_not_raise_the_dead() -> None:
    told = Story().running().stop("n3")
    told.record(ev.StatusSeen(node="n3", since=told.now - 0.02, groups={}))
    assert picture(told).standing("n3") is Standing.DOWN


def test_an_answer_to_a_poll_sent_after_the_exit_is_a_new_process() -> None:
    told = Story().running().stop("n3").let(1)
    told.record(ev.StatusSeen(node="n3", since=told.now - 0.02, groups={}))
    assert picture(told).standing("n3") is Standing.ALIVE
    assert picture(told).nodes["n3"].incarnation is None


def test_what_an_earlier_process_said_is_forgotten_at_the_start_of_the_next() -> None:
    told = Story().running().stop("n1").let(1).spawn("n1")
    assert picture(told).status("n1", "data") is None


def test_a_view_written_before_the_hosts_word_on_the_start_is_kept() -> None:
    told = Story().running().stop("n3").let(1)
    started = told.now
    told.let(0.5).say("n3")
    life = Incarnation(500, 9, 2)
    told.record(ev.NodeStarted(node="n3", incarnation=life, at=Interval(started, started + 0.01)))
    assert picture(told).status("n3", "data") is not None
    assert picture(told).standing("n3") is Standing.ALIVE


def test_the_late_word_on_an_earlier_processs_exit_does_not_end_the_next() -> None:
    told = Story().running().stop("n3")
    old = told.lives["n3"]
    told.start("n3")
    told.record(ev.NodeExited(node="n3", incarnation=old, at=Interval(1, 2), status=0))
    assert picture(told).standing("n3") is Standing.ALIVE


def test_a_host_that_shows_no_process_ends_it() -> None:
    told = Story().running()
    told.record(ev.NodeFound(node="n2", incarnation=None))
    assert picture(told).standing("n2") is Standing.DOWN


def test_another_process_in_its_place_starts_with_an_empty_view() -> None:
    told = Story().running()
    told.record(ev.NodeFound(node="n2", incarnation=Incarnation(9, 9, 0)))
    assert picture(told).status("n2", "data") is None
    told = Story().running()
    told.found("n2")
    assert picture(told).status("n2", "data") is not None


def test_the_picture_knows_the_drill_that_goes_on() -> None:
    told = Story().running().drill("starts")
    assert picture(told).drill is not None
    told.end()
    assert picture(told).drill is None


# --- agreement -------------------------------------------------------------------------------


def test_disagreement_names_what_is_missing() -> None:
    assert disagreement(Picture()) == "no node is up"
    told = Story().running()
    told.signal("n3")
    assert disagreement(picture(told)) == "n3 is stopping"
    assert disagreement(picture(told), nodes=["n1", "n2"]) is None
    told.let(0.1).gone("n3", status=0)
    assert disagreement(picture(told)) is None
    told.stop("n1").let(0.5)
    assert "data has no leader: n2 names n1" in (disagreement(picture(told)) or "")


def test_different_voters_are_a_disagreement() -> None:
    told = Story().running().say("n3", voters=(("n1", "n2"),))
    assert "they see different voters" in (disagreement(picture(told)) or "")


def test_watermarks_are_what_the_leader_applied_and_tell_who_is_behind() -> None:
    told = Story().running().say("n1", last_log=22, last_applied=20)
    marks = watermarks(picture(told))
    assert marks == {"data": 20}
    assert behind(picture(told), marks, told.nodes) == {
        "n2": "data at 10 of 20",
        "n3": "data at 10 of 20",
    }
    told.say("n2", last_applied=21).say("n3", last_applied=None)
    assert behind(picture(told), marks, told.nodes) == {"n3": "data at an unknown index of 20"}


def test_a_fault_stands_from_its_intent_until_it_is_undone_or_failed() -> None:
    told = Story().running().fault("partition", "n2", peers=["n1", "n3"])
    assert picture(told).isolated == {"n2": told.now}
    assert picture(told).faults["partition-n2"].peers == ("n1", "n3")
    assert picture(told.undo("partition", "n2")).isolated == {}
    told.record(ev.FaultIntent(fault="f", kind="pause", targets=("n3",)))
    assert set(picture(told).isolated) == {"n3"}
    told.record(ev.FaultFailed(fault="f", reason="no such process"))
    assert picture(told).faults == {}


def test_a_fault_that_slows_things_down_isolates_nobody() -> None:
    told = Story().running().fault("slow-link", "n2")
    assert set(picture(told).faults) == {"slow-link-n2"}
    assert picture(told).isolated == {}


def test_a_node_whose_data_were_removed_was_down() -> None:
    told = Story().running().let(1)
    told.record(ev.NodeWiped(node="n3", paths=("/srv/n3",)))
    assert picture(told).standing("n3") is Standing.DOWN
    assert picture(told).status("n3", "data") is None
