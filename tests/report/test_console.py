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
        ev.TaskStarted(task=2, name="restart", module="command", handler=True, where="p.yml:9"),
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
        "    task: p.yml:9",
        "PLAY RECAP *************************************************",
        f"{'n1':<26} : ok=1    changed=0    unreachable=0    failed=0    skipped=1    rescued=0    ignored=0",
        f"{'n2':<26} : ok=1    changed=1    unreachable=0    failed=1    skipped=0    rescued=0    ignored=0",
    ]


def test_items_are_shown_one_by_one_and_their_sum_is_not(
    paper: io.StringIO, terminal: Terminal
) -> None:
    events = [
        result(item="a"),
        result(item="b", status="failed", result={"msg": "no"}),
        result(status="failed", ignored=True, result={"msg": "One or more items failed"}),
    ]
    shown(events, terminal)
    assert lines(paper)[:2] == ["ok: [n1] => (item=a)", "failed: [n1] (item=b) => no"]
    assert "One or more" not in paper.getvalue()
    assert lines(paper)[2] == "...ignoring"
    assert "ignored=1" in paper.getvalue()


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
    said = {"msg": {"a": 1}, "changed": False, "failed": False}
    shown([task, result(result=said), result(item="b", result=said)], terminal)
    shape = '=> {\n    "msg": {\n        "a": 1\n    }\n}\n'
    assert f"ok: [n1] {shape}" in paper.getvalue()
    assert f"ok: [n1] => (item=b) {shape}" in paper.getvalue()


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


def spoken(paper: io.StringIO, terminal: Terminal, module: str, verbose: int, **values: Any) -> str:
    events = [
        ev.TaskStarted(task=1, name="t", module=module, where="p.yml:3"),
        result(result={"changed": False, "failed": False, **values}),
    ]
    shown(events, terminal, verbose=verbose)
    return " ".join(paper.getvalue().split("\nok: [n1]")[1].split("\n\n")[0].split())


@pytest.mark.parametrize("verbose", [0, 1, 2])
def test_debug_shows_what_it_was_asked_for_and_the_item_sorted(
    paper: io.StringIO, terminal: Terminal, verbose: int
) -> None:
    said = {"item": 1, "ansible_loop_var": "item", "i": 0, "ansible_index_var": "i"}
    text = spoken(paper, terminal, "debug", verbose, z={"b": 1, "a": 2}, **said)
    assert text == '=> { "i": 0, "item": 1, "z": { "a": 2, "b": 1 } }'


def test_a_message_stands_alone(paper: io.StringIO, terminal: Terminal) -> None:
    text = spoken(paper, terminal, "debug", 1, msg="m", item=1, ansible_loop_var="item")
    assert text == '=> { "msg": "m" }'


def test_lines_of_output_are_shown_as_registered(paper: io.StringIO, terminal: Terminal) -> None:
    assert spoken(paper, terminal, "command", 1, stdout="a\nb", rc=0) == (
        '=> {"changed": false, "rc": 0, "stdout": "a\\nb", "stdout_lines": ["a", "b"]}'
    )


def test_keys_of_several_types_have_no_order_and_are_shown(
    paper: io.StringIO, terminal: Terminal
) -> None:
    text = spoken(paper, terminal, "set_fact", 1, ansible_facts={1: 2, "b": 3})
    assert text == '=> {"changed": false, "ansible_facts": {"1": 2, "b": 3}}'


def test_an_assertion_that_is_to_be_quiet_is(paper: io.StringIO, terminal: Terminal) -> None:
    started = ev.TaskStarted(task=1, name="t", module="assert", where="p.yml:3")
    shown([started, result(result={"msg": "fine"}, quiet=True)], terminal)
    assert lines(paper)[1] == "ok: [n1]"


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


def test_names_of_all_widths_stand_in_columns(paper: io.StringIO, terminal: Terminal) -> None:
    long = "a-host-with-a-name-of-more-than-26-letters"
    shown([result("東京"), result(long)], terminal)
    first, second = lines(paper)[-2:]
    assert first.startswith(f"東京{' ' * (len(long) - 4)} : ok=1")
    assert second.startswith(f"{long} : ok=1")


def test_a_header_of_wide_letters_fills_the_same_width(
    paper: io.StringIO, terminal: Terminal
) -> None:
    shown([ev.PlayStarted(play="東京", hosts=("n1",))], terminal)
    assert lines(paper)[0] == f"PLAY [東京] {'*' * (60 - 12)}"


def test_each_counter_has_its_colour(screen: io.StringIO) -> None:
    results = [result(), result(status="changed"), result(status="skipped")]
    ignored = result(status="failed", ignored=True, result={"msg": "no"})
    shown([*results, ignored], Terminal(screen))
    recap = screen.getvalue().splitlines()[-1]
    for code, text in ((33, "n1"), (32, "ok=3"), (33, "changed=1"), (36, "skipped=1")):
        assert f"\x1b[{code}m{text}\x1b[0m" in recap
    assert "\x1b[34mignored=1" in recap
    assert " failed=0 " in recap.replace("  ", " "), "what is 0 has no colour"


def test_hosts_that_include_the_same_share_a_line(paper: io.StringIO, terminal: Terminal) -> None:
    a, b = ({"include": name, "changed": False} for name in ("a.yml", "b.yml"))
    events = [
        ev.TaskStarted(task=1, name="inc", module="include_tasks"),
        *(result("n1", result=a), result("n2", result=a)),
        *(result("n1", result=a), result("n1", result=b)),
        ev.TaskStarted(task=2, name="inner", module="ping"),
    ]
    shown(events, terminal)
    assert lines(paper)[1:4] == [
        "included: a.yml for n1, n2",
        "included: a.yml for n1",
        "included: b.yml for n1",
    ]


def test_an_inclusion_of_a_loop_shows_its_item(paper: io.StringIO, terminal: Terminal) -> None:
    each = [{"include": "a.yml", "item": item} for item in ("x", "y")]
    events = [
        ev.TaskStarted(task=1, name="inc", module="include_tasks"),
        *(result(host, "skipped", item="w") for host in ("n1", "n2")),
        *(result(host, result=one) for one in each for host in ("n1", "n2")),
        ev.TaskStarted(task=2, name="inner", module="ping"),
    ]
    shown(events, terminal)
    assert lines(paper)[1:5] == [
        "skipping: [n1] => (item=w)",
        "skipping: [n2] => (item=w)",
        "included: a.yml for n1, n2 => (item=x)",
        "included: a.yml for n1, n2 => (item=y)",
    ]


def test_a_retry_stays_on_the_screen(paper: io.StringIO, terminal: Terminal) -> None:
    retries = [ev.TaskProgress(task=1, host="n1", text="", left=left) for left in (2, 1)]
    shown([ev.TaskStarted(task=1, name="try", module="command"), *retries], terminal)
    assert lines(paper)[1:] == [
        "FAILED - RETRYING: [n1]: try (2 retries left).",
        "FAILED - RETRYING: [n1]: try (1 retry left).",
    ]


def test_a_delegated_result_names_both_hosts(paper: io.StringIO, terminal: Terminal) -> None:
    events = [result(delegated="n2"), result(delegated="n2", status="failed", result={"msg": "no"})]
    shown(events, terminal)
    assert lines(paper)[:2] == ["ok: [n1 -> n2]", "fatal: [n1 -> n2]: FAILED! => no"]


def test_check_mode_and_the_end_for_all_are_announced(
    paper: io.StringIO, terminal: Terminal
) -> None:
    events = [
        ev.PlayStarted(play="p", hosts=("n1",), check=True),
        ev.TaskStarted(task=1, name="t", module="ping", check=True),
        result(),
        ev.PlayEnded(play="p", cut=True),
    ]
    shown(events, terminal)
    heads = [line.rstrip("* ") for line in lines(paper)[:4]]
    assert heads == [
        "PLAY [p] [CHECK MODE]",
        "TASK [t] [CHECK MODE]",
        "ok: [n1]",
        "NO MORE HOSTS LEFT",
    ]


def test_a_rescued_failure_says_so(paper: io.StringIO, terminal: Terminal) -> None:
    shown([result(status="failed", rescued=True, result={"msg": "no"})], terminal)
    assert lines(paper)[1] == "...rescuing"
    assert "rescued=1" in paper.getvalue()


def test_a_warning_is_shown_once(paper: io.StringIO, terminal: Terminal) -> None:
    warned = {"warnings": ["old host key"]}
    shown([result(result=warned), result("n2", result=warned)], terminal)
    assert lines(paper)[:3] == ["[WARNING]: old host key", "ok: [n1]", "ok: [n2]"]


def test_what_failed_is_shown_with_its_command(paper: io.StringIO, terminal: Terminal) -> None:
    values = {"msg": "a\nb", "rc": 3, "cmd": ["ls", "x"], "stdout": "out", "stderr": "e1\n e2\n"}
    shown([result(status="failed", result=values)], terminal)
    assert lines(paper)[:6] == [
        "fatal: [n1]: FAILED! => a",
        *("    b (rc 3)", "    cmd: ls x", "    stdout: out", "    stderr: e1", "    stderr:  e2"),
    ]


JSON = 'ok: [n1] => {"rc": 0}'
PLACE = "task path: p.yml:3"


@pytest.mark.parametrize(
    ("verbose", "told"),
    [
        (0, ["TASK [t]", "ok: [n1]"]),
        (1, ["TASK [t]", JSON]),
        (2, ["TASK [t]", PLACE, JSON]),
        (
            3,
            [
                *("<n1> CONNECTED 10.0.0.1:22 in 0.25 s", "TASK [t]", PLACE),
                *("<n1> EXEC (bob) uptime", "<n1> PUT /etc/x"),
                *("ok: [n1] => {", '    "rc": 0', "}"),
            ],
        ),
    ],
)
def test_each_v_shows_more(
    paper: io.StringIO, terminal: Terminal, verbose: int, told: list[str]
) -> None:
    events = [
        ev.HostConnected(host="n1", address="10.0.0.1:22", seconds=0.25),
        ev.TaskStarted(task=1, name="t", module="command", where="p.yml:3"),
        ev.TaskCommand(task=1, host="n1", what="run", line="uptime", become="bob"),
        ev.TaskCommand(task=1, host="n1", what="put", line="/etc/x"),
        result(result={"rc": 0}),
    ]
    shown(events, terminal, verbose=verbose)
    assert [line.rstrip(" *") for line in lines(paper)[:-2]] == told


def test_a_diff_stands_before_its_result_and_not_in_it(
    paper: io.StringIO, terminal: Terminal
) -> None:
    diff = {"dest": "/etc/x", "diff": {"before": "", "after": "new\n"}}
    shown([result(status="changed", result=diff)], terminal, verbose=1)
    assert lines(paper)[:5] == [
        *("--- before: /etc/x", "+++ after: /etc/x", "@@ -0,0 +1 @@", "+new"),
        'changed: [n1] => {"dest": "/etc/x"}',
    ]
