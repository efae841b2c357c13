"""The live view reads like Ansible's, harmless whatever hosts say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from raftfleet.journal import events as ev
from raftfleet.report import LiveConsole, Terminal
from raftfleet.testing.journal import Story

if TYPE_CHECKING:
    import io
    from collections.abc import Iterable


def result(host: str = "n1", status: str = "ok", task: int = 1, **more: Any) -> ev.TaskResult:
    fields: dict[str, Any] = {"task": task, "host": host, "status": status, "seconds": 0.1, **more}
    return ev.TaskResult(**fields)


def shown(events: Iterable[ev.Event], terminal: Terminal, *, verbose: int = 0) -> None:
    with LiveConsole(terminal, verbose=verbose) as console:
        for event in events:
            console(event)


def lines(paper: io.StringIO) -> list[str]:
    return [line for line in paper.getvalue().splitlines() if line]


def test_a_play_reads_like_ansibles(paper: io.StringIO, terminal: Terminal) -> None:
    events = [
        ev.PlayStarted(play="Deploy", hosts=("n1", "n2")),
        ev.TaskStarted(task=1, name="Copy it", module="copy", where="p.yml:3"),
        result("n1"),
        result("n2", "changed"),
        ev.TaskStarted(task=2, name="restart", module="command", handler=True),
        result("n1", "skipped", task=2),
        result("n2", "failed", task=2, result={"msg": "no such program", "rc": 127}),
        ev.PlayEnded(play="Deploy"),
    ]
    shown(events, terminal)
    assert lines(paper) == [
        "PLAY [Deploy] **********************************************",
        "TASK [Copy it] *********************************************",
        "ok: [n1]",
        "changed: [n2]",
        "RUNNING HANDLER [restart] **********************************",
        "skipping: [n1]",
        "fatal: [n2]: FAILED! => no such program (rc 127)",
        "PLAY RECAP *************************************************",
        "n1 : ok=1    changed=0    unreachable=0    failed=0    skipped=1    rescued=0    ignored=0",
        "n2 : ok=1    changed=1    unreachable=0    failed=1    skipped=0    rescued=0    ignored=0",
    ]


def test_items_are_shown_one_by_one_and_their_sum_is_not(
    paper: io.StringIO, terminal: Terminal
) -> None:
    events = [
        result(item="a"),
        result(item="b", status="failed", result={"msg": "no"}),
        result(status="failed", result={"msg": "One or more items failed"}),
    ]
    shown(events, terminal)
    assert lines(paper)[:2] == ["ok: [n1] => (item=a)", "failed: [n1] (item=b) => no"]
    assert "One or more" not in paper.getvalue()
    assert "failed=1 " in paper.getvalue()


def test_a_task_of_the_same_number_in_the_next_playbook_is_another(
    paper: io.StringIO, terminal: Terminal
) -> None:
    again = ev.TaskStarted(task=1, name="next", module="ping")
    shown([result(item="a"), result(), again, result(status="changed")], terminal)
    assert "changed: [n1]" in lines(paper)


def test_an_ignored_failure_says_so(paper: io.StringIO, terminal: Terminal) -> None:
    shown([result(status="failed", ignored=True, result={"msg": "no"})], terminal)
    assert "...ignoring" in lines(paper)
    assert "ok=1 " in paper.getvalue()
    assert "ignored=1" in paper.getvalue()


def test_an_unreachable_host_says_why(paper: io.StringIO, terminal: Terminal) -> None:
    shown([result(status="unreachable", result={"msg": "no route to host"})], terminal)
    assert lines(paper)[0] == "fatal: [n1]: UNREACHABLE! => no route to host"


def test_debug_always_says_what_it_was_asked_to(paper: io.StringIO, terminal: Terminal) -> None:
    task = ev.TaskStarted(task=1, name="say", module="ansible.builtin.debug")
    shown([task, result(result={"msg": {"a": 1}})], terminal)
    assert 'ok: [n1] => {"a": 1}' in paper.getvalue()


def test_a_failed_command_shows_the_end_of_what_it_printed(
    paper: io.StringIO, terminal: Terminal
) -> None:
    out = "\n".join(f"line {n}" for n in range(100))
    shown([result(status="failed", result={"msg": "rc", "stdout": out})], terminal)
    assert "    stdout: line 99" in paper.getvalue()
    assert "line 79" not in paper.getvalue()


def test_a_result_without_a_message_still_says_something(
    paper: io.StringIO, terminal: Terminal
) -> None:
    shown([result(status="failed", result={"censored": "hidden by no_log"})], terminal)
    assert "FAILED! => hidden by no_log" in paper.getvalue()


def test_verbose_shows_the_whole_result(paper: io.StringIO, terminal: Terminal) -> None:
    shown([result(result={"answer": 42})], terminal, verbose=1)
    assert '{"answer": 42}' in paper.getvalue()


EVIL = "\x1b]0;owned\x07\x1b[2J\r\u202e"


def test_no_text_from_anywhere_reaches_the_terminal_as_a_control(
    paper: io.StringIO, terminal: Terminal
) -> None:
    events: list[ev.Event] = [
        ev.PlayStarted(play=EVIL, hosts=()),
        ev.TaskStarted(task=1, name=EVIL, module=EVIL, where=EVIL),
        ev.TaskProgress(task=1, host=EVIL, text=EVIL),
        result(EVIL, item=EVIL, result={"msg": EVIL, EVIL: EVIL}),
        result(EVIL, "failed", result={"msg": EVIL, "stdout": EVIL, "stderr": EVIL}),
        ev.HostLost(host=EVIL, reason=EVIL),
        ev.LogMissing(node=EVIL, path=EVIL, reason=EVIL),
        ev.DrillStarted(drill=EVIL, expects=()),
        ev.DrillEnded(drill=EVIL, aborted=EVIL),
        ev.WaitBegan(wait=1, what=EVIL, timeout=1),
        ev.WaitEnded(wait=1, met=False, last_seen=EVIL),
    ]
    shown(events, terminal, verbose=1)
    text = paper.getvalue()
    assert not {"\x1b", "\x07", "\r", "\u202e"} & set(text)
    assert "\\x1b]0;owned\\x07" in text


def test_the_cluster_says_what_becomes_of_it(paper: io.StringIO, terminal: Terminal) -> None:
    told = Story().running().drill("leader-moves").stop("n1").let(5).elect("n2", term=2)
    told.start("n1").resist("n3", waited=2).gone("n3", status=1)
    with told.recorder.waiting("n3 to exit", 5) as wait:
        told.let(2)
        wait.met, wait.last_seen = False, "alive"
    shown(told.end(missing=["n2"], aborted="enough").journal().events, terminal)
    text = paper.getvalue()
    for part in (
        "drill told begins",
        "n1 exited with status 0, 0.199-0.201 s after SIGINT",
        "data: n2 leads term 2",
        "n1 is up (pid 101)",
        "n3 is still alive after 2.0 s",
        "n3 ended by itself with status 1",
        "waited 2.0 s for n3 to exit; last seen: alive",
        "n2: log /srv/n2/server.log is missing: no such file",
        "did not run to its end: enough",
    ):
        assert part in text
    assert "leads term 1" not in text, "a leader that was there before is no news"


def test_without_a_terminal_there_is_neither_colour_nor_passing_text(
    paper: io.StringIO, terminal: Terminal
) -> None:
    shown([ev.TaskProgress(task=1, host="n1", text="sending"), result()], terminal)
    assert "\x1b" not in paper.getvalue()
    assert "sending" not in paper.getvalue()


def test_on_a_terminal_there_are_colours_and_progress_that_goes_away(screen: io.StringIO) -> None:
    progress = ev.TaskProgress(task=1, host="n1", text="sending", done=5_000_000, total=9_000_000)
    shown([progress, result(status="changed")], Terminal(screen))
    text = screen.getvalue()
    assert text.startswith("  n1: sending 5.0 of 9.0 MB\r")
    assert "\x1b[33mchanged: [n1]" in text


@pytest.mark.parametrize("verbose", [0, 1])
def test_no_color_is_obeyed(
    screen: io.StringIO, monkeypatch: pytest.MonkeyPatch, verbose: int
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    shown([result(status="changed")], Terminal(screen), verbose=verbose)
    assert "\x1b[3" not in screen.getvalue()


def test_a_run_without_tasks_has_no_recap(paper: io.StringIO, terminal: Terminal) -> None:
    shown([ev.PlayEnded(play="p")], terminal)
    assert paper.getvalue() == ""
