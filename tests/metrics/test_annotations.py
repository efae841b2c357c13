"""What a run marks in a graph is what its journal and its verdict say."""

from __future__ import annotations

import pytest

from raftfleet.checks import judge
from raftfleet.journal import Journal
from raftfleet.journal import events as ev
from raftfleet.journal.values import Role
from raftfleet.metrics.annotations import Annotation, marks
from raftfleet.testing.journal import Story


def told(story: Story) -> dict[str, Annotation]:
    journal = story.journal()
    found = marks(judge(journal), journal)
    assert [one.begin for one in found] == sorted(one.begin for one in found)
    assert len({one.text for one in found}) == len(found)
    for one in found:
        assert (one.tags[0], one.tags[1], one.tags[-1]) == ("raftfleet", "raft", "told")
    return {one.text: one for one in found}


def test_a_drill_with_a_failover() -> None:
    story = Story().running().drill("leader-moves")
    begun = story.clock.wall() - 1.0
    story.stop("n1").let(5.1).elect("n2", term=2).let(1).start("n1").let(1)
    found = told(story.end())
    assert list(found) == [
        "drill told: pass",
        "INT to n1, until it exited",
        "data: n2 leads in term 2, 5.09 s after the exit of n1",
    ]
    drill, stop, election = found.values()
    assert drill.begin == pytest.approx(begun)
    assert drill.end == pytest.approx(story.clock.wall())
    assert stop.begin == pytest.approx(begun + 1.0005)
    assert stop.end == pytest.approx(begun + 1.2 - 0.001)
    assert election.begin == pytest.approx(begun + 1.2 + 5.1 - 0.01)
    assert election.end is None
    assert drill.tags == ("raftfleet", "raft", "drill", "told", "told")
    assert stop.tags == ("raftfleet", "raft", "fault", "signal", "told")
    assert election.tags == ("raftfleet", "raft", "election", "data", "told")


def test_faults_last_from_when_they_held_until_they_were_undone() -> None:
    story = Story().running().drill("leader-moves")
    story.fault("pause", "n3").let(2).undo("pause", "n3")
    story.fault("partition", "n2", peers=("n1",)).let(1)
    story.record(ev.FaultIntent(fault="never", kind="slow-link", targets=("n1",)))
    story.record(ev.FaultFailed(fault="never", reason="no tc"))
    found = told(story.end())
    pause = found["pause of n3"]
    assert pause.end is not None
    assert pause.end - pause.begin == pytest.approx(2)
    assert found["partition of n2 from n1, not undone in this run"].end is None
    assert not any("slow-link" in text for text in found)


def test_a_node_that_resists_and_one_that_dies_by_itself() -> None:
    story = Story().running().drill("exits-graceful").resist("n3")
    found = told(story.gone("n2", status=-6).end())
    assert found["INT to n3, which did not exit"].end is None
    assert found["n2 exited by itself"].tags[2:4] == ("fault", "exit")


def test_a_leader_deposed_without_a_departure_is_an_election_too() -> None:
    story = Story().running().drill("leader-undisturbed").elect("n3", term=4)
    found = told(story.say("n3", term=4).let(1).end())
    assert "data: n3 leads in term 4" in found


def test_what_begins_anew_is_no_election() -> None:
    story = Story().running().drill("starts").elect("n2", term=7)
    story.record(ev.ClusterGeneration(generation=2))
    story.say("n2", term=1, role=Role.FOLLOWER).elect("n1", term=1).let(1)
    assert [text for text in told(story.end()) if "leads" in text] == ["data: n2 leads in term 7"]


def test_an_empty_journal_marks_nothing() -> None:
    assert marks(judge(Journal()), Journal()) == ()
