"""The summary shows verdicts, times and exits, what is wrong, and what to do about it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from raftfleet.checks import judge
from raftfleet.journal.values import Role
from raftfleet.report import show_judgement, show_picture
from raftfleet.testing.journal import Story

if TYPE_CHECKING:
    import io

    from raftfleet.journal import Journal
    from raftfleet.report import Terminal


def summary(journal: Journal, paper: io.StringIO, terminal: Terminal) -> str:
    show_judgement(judge(journal), journal, Path("runs/told"), terminal)
    return paper.getvalue()


def test_a_run_at_a_glance(paper: io.StringIO, terminal: Terminal) -> None:
    told = Story().running().drill("leader-moves", evidence={"stops": 1})
    told.stop("n1").let(5).elect("n2", term=2).let(1)
    with told.recorder.waiting("all to agree", 60):
        told.let(4)
    text = summary(told.end().journal(), paper, terminal)
    assert "DRILL [told] 11.2 s: PASS" in text
    rows = {line.split()[0]: line.split() for line in text.splitlines() if line.startswith("    ")}
    assert rows["data"] == (
        [
            "data",
            "n1",
            "->",
            "n2",
            "1",
            "->",
            "2",
            "4.98-5.00",
            "s",
            "5.00-5.02",
            "s",
            "3.75-6.75",
            "s",
            "inside",
            "stop,",
            "from",
            "its",
            "exit",
        ]
    )
    assert rows["n1"] == ["n1", "graceful", "0.199-0.201", "s", "SIGINT", "0"]
    assert "evidence: stops 1 of 1, failovers 1, leader_stops 1, 3 nodes and 1 groups seen" in text
    assert "verdict: PASS" in text
    assert "cluster: told, n1 (127.0.0.1), n2 (127.0.0.1), n3 (127.0.0.1)" in text
    assert "time: 12.2 s, of which raftfleet's own 8.0 s (waiting for the cluster 4.2 s)" in text
    assert text.endswith("run folder: runs/told\n")


def test_a_missing_log_is_named_with_the_next_step(paper: io.StringIO, terminal: Terminal) -> None:
    told = Story().running().drill("exits-graceful").stop("n3").end(missing=["n3"])
    text = summary(told.journal(), paper, terminal)
    assert "INCONCLUSIVE" in text
    assert "missing evidence" in text
    assert "/srv/n3/server.log" in text
    assert "next: see why the log is not where" in text


def test_words_stay_together_however_narrow_the_terminal(
    paper: io.StringIO, terminal: Terminal
) -> None:
    told = Story().running().drill("leader-moves").stop("n1").let(1).start("n1").let(1)
    text = summary(told.end().journal(), paper, terminal)
    assert "data: failover not exercised: n1 was back before anybody else led (term 1)" in text
    assert "next: keep the node down until another leads" in text


def test_a_run_that_was_cut_short_says_so(paper: io.StringIO, terminal: Terminal) -> None:
    journal = Story().running().drill("starts").let(1).journal(ended=False)
    text = summary(journal, paper, terminal)
    assert "run cut short" in text
    assert "`raftfleet up` starts what stayed down" in text


def test_a_censored_failover_has_an_open_end(paper: io.StringIO, terminal: Terminal) -> None:
    told = Story().running().drill("leader-moves").stop("n1").let(9)
    text = summary(told.end().journal(), paper, terminal)
    assert "n1 -> ?" in text
    assert "> 9.00 s" in text
    assert "verdict: FAIL" in text


def test_many_findings_are_counted_rather_than_listed(
    paper: io.StringIO, terminal: Terminal
) -> None:
    groups = [f"g{number}" for number in range(20)]
    told = Story(groups=groups).running().drill("leader-moves").stop("n1").let(1).start("n1")
    text = summary(told.let(1).end().journal(), paper, terminal)
    assert "and 12 more in summary.json" in text


def test_what_is_not_expected_is_shown_as_a_note(paper: io.StringIO, terminal: Terminal) -> None:
    told = Story().running().drill("membership-agrees").stop("n3", took=3).let(1)
    text = summary(told.end().journal(), paper, terminal)
    assert "verdict: PASS" in text
    assert "notes" in text
    assert "n3 exited slowly" in text


def test_a_run_without_a_drill_has_no_verdict(paper: io.StringIO, terminal: Terminal) -> None:
    text = summary(Story().running().journal(), paper, terminal)
    assert "verdict" not in text
    assert "run folder" in text


def test_text_in_names_is_harmless(paper: io.StringIO, terminal: Terminal) -> None:
    told = Story(groups=["\x1b[2J"]).running().drill("leader-moves").stop("n1").let(5)
    told.elect("n2", term=2).let(1)
    assert "\x1b" not in summary(told.end(aborted="\x1b[2J").journal(), paper, terminal)


@pytest.mark.parametrize("agree", [True, False])
def test_the_picture_shows_every_nodes_own_view(
    paper: io.StringIO, terminal: Terminal, agree: bool
) -> None:
    told = Story().running()
    if not agree:
        told.stop("n1").let(1).say("n2", role=Role.CANDIDATE, leader=None, term=2)
    show_picture(told.recorder.picture, terminal)
    rows = [line.split() for line in paper.getvalue().splitlines()]
    assert rows[0] == [
        "node",
        "process",
        "group",
        "role",
        "names",
        "term",
        "applied",
        "log",
        "voters",
    ]
    if agree:
        assert rows[1] == [
            "n1",
            "alive",
            "data",
            "leader",
            "n1",
            "1",
            "10",
            "10",
            "[n1",
            "n2",
            "n3]",
        ]
        assert "all agree" in paper.getvalue()
    else:
        assert rows[1] == ["n1", "down"]
        assert rows[2] == [
            "n2",
            "alive",
            "data",
            "candidate",
            "?",
            "2",
            "10",
            "10",
            "[n1",
            "n2",
            "n3]",
        ]
        assert "not in agreement: n1 is down" in paper.getvalue()
