"""`raftfleet play` from the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from raftfleet.cli import run
from raftfleet.errors import ExitCode
from raftfleet.transport import LocalOptions, SshOptions, options_from_variables

if TYPE_CHECKING:
    from pathlib import Path

PLAY = "- {hosts: all, gather_facts: false, tasks: [{debug: {msg: hello}}]}\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hosts.yml").write_text("all: {hosts: {n1: {ansible_connection: local}}}\n")
    (tmp_path / "play.yml").write_text(PLAY)
    return tmp_path


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Everything on standard output, which must be JSON, a line at a time."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["play.yml", "-i", "nowhere.yml"], 5, "nowhere.yml"),
        (["play.yml", "-i", "hosts.yml", "--limit", "nobody"], 5, "nobody"),
        (["play.yml", "-i", "hosts.yml", "--nonsense"], 5, "--nonsense"),
        (["bad.yml", "-i", "hosts.yml"], 5, "hosst"),
        (["bad.yml", "-i", "hosts.yml", "--syntax-check"], 5, "hosst"),
        (["--output", "jsonl"], 5, "PLAYBOOK"),
    ],
)
def test_a_run_that_never_began_ends_with_its_error_and_an_empty_recap(
    project: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, message: str
) -> None:
    (project / "bad.yml").write_text("- hosst: all\n")
    assert run(["play", *words, "--output=jsonl"]) == code
    *_, last = events = lines(capsys)
    assert last == {"event": "recap", "hosts": {}, "exit_code": code}
    (error,) = (event for event in events if event["event"] == "run.error")
    assert error["exit_code"] == code
    assert message in error["message"]
    if "bad.yml" in words:
        assert error["where"] == "bad.yml:1:3"


@pytest.mark.usefixtures("project")
def test_what_is_no_event_stays_off_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["play", "-i", "hosts.yml", "--output", "jsonl", "--syntax-check", "play.yml"]) == 0
    assert lines(capsys) == [{"event": "recap", "hosts": {}, "exit_code": 0}]


@pytest.mark.usefixtures("project")
def test_a_task_that_fails_is_in_the_recap(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "play.yml").write_text(PLAY.replace("debug", "fail"))
    assert run(["play", "-i", "hosts.yml", "--output", "jsonl", "play.yml"]) == 2
    last = lines(capsys)[-1]
    assert (last["exit_code"], last["hosts"]["n1"]["failed"]) == (2, 1)


def test_the_outcome_for_ci_is_written_whatever_happens(project: Path) -> None:
    def cases(*words: str) -> list[str]:
        run(["play", *words, "--junit", "out/junit.xml"])
        root = ET.parse(project / "out" / "junit.xml").getroot()
        return [child.tag for case in root.iter("testcase") for child in [*case, case][:1]]

    assert cases("play.yml", "-i", "hosts.yml") == ["testcase"]
    assert cases("play.yml", "-i", "nowhere.yml") == ["error"]
    assert cases("play.yml", "-i", "hosts.yml", "-l", "nobody") == ["error"]


def test_a_file_for_ci_that_cannot_be_written_is_an_error(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "file").write_text("")
    assert run(["play", "play.yml", "-i", "hosts.yml", "--junit", "file/junit.xml"]) == 5
    assert "--junit: cannot write file/junit.xml" in capsys.readouterr().err


@pytest.mark.usefixtures("project")
def test_colours_can_be_forced_and_forbidden(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("NO_COLOR", "1")
    for asked, coloured in (("always", True), ("never", False), ("auto", False)):
        run(["play", "play.yml", "-i", "hosts.yml", "--color", asked])
        assert ("\x1b[32mok: [n1]" in capsys.readouterr().out) is coloured


@pytest.mark.usefixtures("project")
def test_a_run_is_told_again_as_it_was(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["play", "play.yml", "-i", "hosts.yml", "--runs", "runs", "--junit", "then.xml"])
    then = capsys.readouterr().out
    assert run(["report", "--junit", "now.xml"]) == 0
    assert capsys.readouterr().out.rpartition("run folder")[0] == then.rpartition("run folder")[0]
    assert (project / "now.xml").read_text() == (project / "then.xml").read_text()
    assert run(["report", "--output", "jsonl"]) == 0
    events = lines(capsys)
    assert events[0]["event"] == "run.started"
    assert events[-1]["hosts"]["n1"]["ok"] == 1


@pytest.mark.usefixtures("project")
def test_events_for_programs_end_with_the_recap(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["play", "-i", "hosts.yml", "--output", "jsonl", "play.yml"]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {"run.started", "task.result", "run.ended"} <= {event["event"] for event in events}
    assert events[-1]["event"] == "recap"
    assert events[-1]["exit_code"] == 0
    assert events[-1]["hosts"]["n1"]["ok"] == 1


def test_a_run_without_a_cluster_leaves_nothing_unless_told(project: Path) -> None:
    before = set(project.iterdir())
    assert run(["play", "-i", "hosts.yml", "play.yml"]) == 0
    assert set(project.iterdir()) == before
    assert run(["play", "-i", "hosts.yml", "--runs", "kept", "play.yml"]) == 0
    assert (project / "kept" / "latest" / "journal.jsonl").is_file()


def test_a_run_with_a_cluster_leaves_its_folder(project: Path) -> None:
    text = (project / "hosts.yml").read_text().replace("{all: ", "").replace("all:", "raft:")
    (project / "hosts.yml").write_text(text)
    run(["play", "-i", "hosts.yml", "play.yml"])
    assert (project / "runs" / "latest" / "journal.jsonl").is_file()


def test_all_that_is_wrong_in_all_playbooks_is_told_and_counted(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "a.yml").write_text("- {hosts: all, tasks: [{comand: 1}, {command: ls, whenn: x}]}")
    (project / "b.yml").write_text("- {hosts: all, tasks: [{command: ls, whenn: x}]}")
    assert run(["play", "--syntax-check", "a.yml", "b.yml"]) == 5
    shown = capsys.readouterr().err
    assert shown.index("a.yml:1:25: there is no module") < shown.index("a.yml:1:51: 'whenn'")
    assert shown.index("a.yml:1:51: 'whenn'") < shown.index("b.yml:1:38: 'whenn'")
    assert shown.endswith("3 errors\n")
    for words in (["--syntax-check"], ["-i", "hosts.yml"], ["-i", "hosts.yml", "--list-tasks"]):
        assert run(["play", *words, "--output", "jsonl", "a.yml", "b.yml"]) == 5
        events = lines(capsys)
        errors = [event["where"] for event in events if event["event"] == "run.error"]
        assert errors == ["a.yml:1:25", "a.yml:1:51", "b.yml:1:38"]
        assert events[-1] == {"event": "recap", "hosts": {}, "exit_code": 5}


TWO = """\
- name: first
  hosts: east
  tags: p
  gather_facts: false
  tasks:
    - {name: one, debug: {msg: x}, tags: a}
    - {debug: {msg: never}, tags: never}
- hosts: west:east
  tasks: [{command: /nowhere}]
"""
LISTED = """
playbook: two.yml

  play #1 (east): first\tTAGS: [p]
    pattern: ['east']
    hosts (1):
      e1
    tasks:
      one\tTAGS: [a, p]
      debug\tTAGS: [never, p]
      TASK TAGS: [a, never, p]

  play #2 (west:east): west:east\tTAGS: []
    pattern: ['west:east']
    hosts (1):
      e1
    tasks:
      command\tTAGS: []
      TASK TAGS: []
"""


@pytest.fixture
def lists(project: Path) -> list[str]:
    (project / "two.yml").write_text(TWO)
    (project / "hosts.yml").write_text("east: {hosts: {e1: , e2: }}\nwest: {hosts: {w1: }}\n")
    return ["play", "-i", "hosts.yml", "-l", "e1", "--list-hosts", "--list-tasks", "--list-tags"]


def test_lists_have_the_shape_of_ansible_playbook(
    lists: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*lists, "two.yml", "two.yml"]) == 0
    assert capsys.readouterr().out == LISTED * 2


def test_lists_for_programs_end_with_the_recap_of_nobody(
    lists: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*lists, "--output", "jsonl", "two.yml"]) == 0
    first, second, recap = map(json.loads, capsys.readouterr().out.splitlines())
    assert first["hosts"] == ["e1"]
    assert [task["tags"] for task in first["tasks"]] == [["a", "p"], ["never", "p"]]
    assert (second["number"], second["patterns"]) == (2, ["west:east"])
    assert recap == {"event": "recap", "hosts": {}, "exit_code": 0}


def test_the_list_of_tags_names_what_never_runs_by_itself(
    lists: list[str], project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "never.yml").write_text("- {hosts: e1, tasks: [{command: ls, tags: [never, n]}]}")
    assert run([*lists[:3], "--list-tags", "never.yml"]) == 0
    assert "TASK TAGS: [n, never]" in capsys.readouterr().out
    assert run([*lists[:3], "--list-tags", "-t", "x", "never.yml"]) == 0
    assert "TASK TAGS: []" in capsys.readouterr().out
    assert run([*lists[:3], "--list-tasks", "never.yml"]) == 0
    assert "command" not in capsys.readouterr().out


def test_a_list_for_a_limit_that_nobody_knows_is_refused(
    lists: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*lists, "-l", "e7", "two.yml"]) == ExitCode.USAGE
    assert "no host or group matches e7" in capsys.readouterr().err


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("option", "hint"),
    [
        ("-K", "NOPASSWD"),
        ("--become-password-file=x", "NOPASSWD"),
        ("-k", "SSH agent"),
        ("--ask-vault-pass", "-e @FILE"),
        ("--vault-id=dev@prompt", "-e @FILE"),
        ("--vault-password-file=x", "-e @FILE"),
        ("--scp-extra-args=-l", "--ssh-common-args"),
        ("--step", "--start-at-task"),
        ("-M=/usr/share", "docs/modules.md"),
    ],
)
def test_what_ansible_has_and_we_do_not_is_refused_with_the_way_out(
    option: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["play", option, "-i", "hosts.yml", "play.yml"]) == ExitCode.USAGE
    error = capsys.readouterr().err
    assert option.partition("=")[0] in error
    assert hint in error


def test_what_matches_nobody_is_warned_about(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "play.yml").write_text(
        """
- {hosts: "nosuch:n1", serial: 1, gather_facts: false, tasks: [{debug: }]}
- {hosts: nope, tasks: [{debug: }]}
"""
    )
    assert run(["play", "-i", "hosts.yml", "play.yml"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("[WARNING]: no host and no group matches nosuch") == 1
    assert "matches nope" in shown
    assert "skipping: no hosts matched" in shown
    assert run(["play", "-i", "hosts.yml", "--list-hosts", "play.yml"]) == 0
    assert "warning: no host and no group matches nope" in capsys.readouterr().err


def test_an_inventory_without_hosts_is_warned_about_and_leaves_localhost(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "hosts.yml").write_text("all:\n")
    (project / "play.yml").write_text(
        "- {hosts: localhost, gather_facts: false, tasks: [{command: 'true'}]}\n"
    )
    assert run(["play", "-i", "hosts.yml", "play.yml"]) == 0
    shown = capsys.readouterr()
    assert "warning: the inventory names no host" in shown.err
    assert "localhost : ok=1" in " ".join(shown.out.split())


def recap(capsys: pytest.CaptureFixture[str]) -> dict[str, int]:
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    counters: dict[str, int] = events[-1]["hosts"]["n1"]
    return counters


def test_handlers_of_a_host_that_failed_run_when_forced(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "play.yml").write_text(
        """
- hosts: all
  gather_facts: false
  tasks:
    - {command: "true", notify: h}
    - {command: "false"}
  handlers: [{name: h, command: "true"}]
"""
    )
    arguments = ["play", "-i", "hosts.yml", "--output", "jsonl", "play.yml"]
    assert run(arguments) == ExitCode.TASK_FAILED
    assert recap(capsys)["changed"] == 1
    assert run([*arguments, "--force-handlers"]) == ExitCode.TASK_FAILED
    assert recap(capsys)["changed"] == 2


def test_a_task_to_start_at_may_be_a_glob_or_one_of_a_role(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "roles/r/tasks").mkdir(parents=True)
    (project / "roles/r/tasks/main.yml").write_text(
        "- {name: inner one, debug: }\n- {name: inner two, debug: }\n"
    )
    (project / "play.yml").write_text(
        "- {hosts: all, gather_facts: false, roles: [r], tasks: [{name: last, debug: }]}\n"
    )
    arguments = ["play", "-i", "hosts.yml", "--output", "jsonl", "play.yml", "--start-at-task"]
    for name, ran in {"inner*": 3, "r : inner two": 2, "*two": 2, "last": 1}.items():
        assert run([*arguments, name]) == 0
        assert recap(capsys)["ok"] == ran
    assert run([*arguments, "inner tow"]) == ExitCode.USAGE
    assert "did you mean 'inner two'" in capsys.readouterr().err


def test_a_task_of_the_second_playbook_may_be_started_at(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    two = "- {hosts: all, gather_facts: false, tasks: [{debug: }, {name: here, debug: }]}\n"
    (project / "two.yml").write_text(two)
    arguments = ["play", "-i", "hosts.yml", "--output", "jsonl", "play.yml", "two.yml", "play.yml"]
    assert run(arguments) == 0
    assert recap(capsys)["ok"] == 4
    assert run([*arguments, "--start-at-task", "here"]) == 0
    assert recap(capsys)["ok"] == 2


def test_without_an_inventory_there_is_this_machine(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "- {hosts: localhost, gather_facts: false, tasks: [{command: 'true'}]}\n"
    (project / "play.yml").write_text(text)
    assert run(["play", "play.yml"]) == 0
    assert "warning: the inventory names no host" in capsys.readouterr().err
    for command in ("status", "heal"):
        assert run([command]) == ExitCode.USAGE
        assert "which inventory?" in capsys.readouterr().err


def test_several_playbooks_run_in_order_until_one_fails(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "bad.yml").write_text(
        "- {hosts: all, gather_facts: false, tasks: [{command: 'false'}]}\n"
    )
    arguments = ["play", "-i", "hosts.yml", "--output", "jsonl"]
    assert run([*arguments, "play.yml", "play.yml"]) == 0
    assert recap(capsys)["ok"] == 2
    assert run([*arguments, "play.yml", "bad.yml", "play.yml"]) == ExitCode.TASK_FAILED
    assert recap(capsys)["ok"] == 1


def test_options_say_how_hosts_are_reached_unless_something_nearer_does(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from raftfleet.cli import connections  # noqa: PLC0415 - only this test replaces a part of it

    asked: list[tuple[str, ...]] = []

    def seen(name: str, variables: dict[str, object], **more: Any) -> LocalOptions:
        options = options_from_variables(name, variables, **more)
        assert isinstance(options, SshOptions)
        assert options.question is not None
        asked.append(options.question.arguments)
        return LocalOptions()

    monkeypatch.setattr(connections, "options_from_variables", seen)
    (project / "hosts.yml").write_text("all: {hosts: {n1: , n2: {ansible_ssh_user: ann}}}\n")
    (project / "play.yml").write_text(
        """
- {hosts: n1, gather_facts: false, tasks: [{command: "true"}]}
- {hosts: n1, gather_facts: false, remote_user: eve, tasks: [{command: "true"}]}
- {hosts: n2, gather_facts: false, tasks: [{command: "true"}]}
"""
    )
    options = ["-u", "bob", "-c", "ssh", "--key-file", "k", "-T", "7", "--ssh-common-args", "-J j"]
    assert run(["play", "-i", "hosts.yml", *options, "play.yml"]) == 0
    rest = ("-o", "ConnectTimeout=7", "-i", "k", "-J", "j")
    users = dict.fromkeys(words[words.index("-l") + 1] for words in asked)
    assert list(users) == ["bob", "eve", "ann"]
    assert all(words == ("-l", words[1], *rest) for words in asked)


def test_who_logs_in_and_how_is_known_to_templates(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "hosts.yml").write_text("all: {hosts: {n1: , n2: {ansible_ssh_user: ann}}}\n")
    (project / "play.yml").write_text(
        """
- hosts: all
  gather_facts: false
  tasks:
    - assert: {that: "ansible_connection == 'local' and ansible_user == 'bob'"}
    - assert: {that: "ansible_user == 'eve'"}
      remote_user: eve
    - {command: "true", remote_user: "{{ omit }}"}
"""
    )
    assert run(["play", "-i", "hosts.yml", "-u", "bob", "-c", "local", "play.yml"]) == 0, (
        capsys.readouterr().out
    )


def test_become_on_the_command_line_is_what_plays_do_unless_they_say_otherwise(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "play.yml").write_text(
        """
- hosts: all
  gather_facts: false
  tasks:
    - {command: id -un, register: became}
    - {command: id -un, register: stayed, become: false}
    - assert: {that: ["became.stdout == 'nobody'", "stayed.stdout != 'nobody'"]}
"""
    )
    arguments = ["play", "-i", "hosts.yml", "play.yml", "--become-user", "nobody"]
    assert run([*arguments, "-b"]) == 0, capsys.readouterr().out
    assert run(arguments) == ExitCode.TASK_FAILED


def test_an_assertion_that_is_to_be_quiet_is(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asserted = "[{assert: {that: true, success_msg: said}}, {assert: {that: true, quiet: true}}]"
    (project / "play.yml").write_text(f"- {{hosts: all, gather_facts: false, tasks: {asserted}}}\n")
    assert run(["play", "play.yml", "-i", "hosts.yml"]) == 0
    shown = capsys.readouterr().out
    assert '"msg": "said"' in shown
    assert "All assertions passed" not in shown
    assert "ok=2" in shown


@pytest.mark.usefixtures("project")
def test_a_view_that_breaks_breaks_no_run_and_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> list[str]:
        raise TypeError("no order")

    monkeypatch.setattr("raftfleet.report.console.result_lines", broken)
    assert run(["play", "play.yml", "-i", "hosts.yml"]) == 0
    said = capsys.readouterr().err
    assert "defect in raftfleet: a view of the run ended early: TypeError: no order" in said
