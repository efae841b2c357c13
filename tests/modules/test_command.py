"""`command`, `shell` and `script` against a real sh."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from raftfleet.errors import UnreachableError
from raftfleet.playbook.module import Status

if TYPE_CHECKING:
    from pathlib import Path

    from raftfleet.testing.transport import FakeTransport
    from tests.modules.conftest import Bench

NASTY = [
    "a b",
    "",
    "'",
    '"',
    "$(touch pwned)",
    "`touch pwned`",
    "; touch pwned",
    "*",
    "\\",
    "-n",
    "ü\n x",
    "&&",
]


class TestWords:
    def test_no_shell_reads_the_words(self, bench: Bench) -> None:
        result = bench.run("command", "echo $HOME_SWEET | cat > f && true # not a comment")
        assert result.values["stdout"] == "$HOME_SWEET | cat > f && true # not a comment"
        assert result.values["cmd"][:2] == ["echo", "$HOME_SWEET"]

    @pytest.mark.parametrize("word", NASTY)
    def test_an_argument_arrives_as_it_was_given(
        self, bench: Bench, tmp_path: Path, word: str
    ) -> None:
        argv = ["printf", "<%s>", word, "end"]
        result = bench.run("command", argv=argv, chdir=str(tmp_path), strip_empty_ends=False)
        assert result.values["stdout"] == f"<{word}><end>"
        assert not (tmp_path / "pwned").exists()

    @pytest.mark.parametrize(
        ("word", "expected"),
        [
            ("$RF_A", "one"),
            ("${RF_A}", "one"),
            ("x${RF_A}y$RF_B/z", "xoney*  '\"/z"),
            ("$RF_NOPE", "$RF_NOPE"),
            ("a${RF_NOPE}b", "a${RF_NOPE}b"),
            ("$RF_EMPTY.", "."),
            ("$", "$"),
            ("$1 $$ ${1} ${RF_A:-x} $(RF_A)", "$1 $$ ${1} ${RF_A:-x} $(RF_A)"),
            ("$IFS$PPID", "$IFS$PPID"),
            ("'$RF_A'", "'one'"),
            ("~root", "/root"),
            ("~root/x y", "/root/x y"),
            ("~", "/home/here"),
            ("~/$RF_A", "/home/here/one"),
            ("x~", "x~"),
            ("~nobody-has-this/x", "~nobody-has-this/x"),
        ],
    )
    def test_names_of_the_environment_are_replaced_and_nothing_else(
        self, bench: Bench, word: str, expected: str
    ) -> None:
        bench.environment.update(RF_A="one", RF_B="*  '\"", RF_EMPTY="", HOME="/home/here")
        assert bench.run("command", argv=["printf", "%s", word]).values["stdout"] == expected

    def test_expansion_can_be_turned_off(self, bench: Bench) -> None:
        bench.environment["RF_A"] = "one"
        argv = ["printf", "%s %s", "$RF_A", "~root"]
        result = bench.run("command", argv=argv, expand_argument_vars=False)
        assert result.values["stdout"] == "$RF_A ~root"

    @pytest.mark.parametrize("program", ["no-such-program-here", "./nope", "/etc"])
    def test_a_missing_program_has_the_errno_as_rc(self, bench: Bench, program: str) -> None:
        result = bench.run("command", argv=[program, "x"])
        assert (result.status, result.values["rc"]) == (Status.FAILED, 2)
        assert result.values["changed"] is False
        assert result.msg == f"{program}: No such file or directory"

    def test_a_file_that_is_no_program_has_its_errno_too(
        self, bench: Bench, tmp_path: Path
    ) -> None:
        (tmp_path / "plain").write_text("x")
        result = bench.run("command", argv=["./plain"], chdir=str(tmp_path))
        assert (result.values["rc"], result.msg) == (13, "./plain: Permission denied")

    def test_a_program_may_exit_127_itself(self, bench: Bench) -> None:
        result = bench.run("command", "sh -c 'exit 127'")
        assert (result.values["rc"], result.msg) == (127, "non-zero return code")

    def test_the_path_of_the_task_is_searched(self, bench: Bench, tmp_path: Path) -> None:
        program = tmp_path / "mine"
        program.write_text("#!/bin/sh\necho mine $1\n")
        program.chmod(0o755)
        bench.environment["PATH"] = f"{tmp_path}:{os.environ['PATH']}"
        assert bench.run("command", "mine too").values["stdout"] == "mine too"

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({}, "exactly one of cmd, argv"),
            ({"cmd": "a", "argv": ["b"]}, "exactly one of cmd, argv"),
            ({"cmd": "echo 'open"}, "cannot be split"),
            ({"cmd": "  "}, "empty"),
            ({"argv": []}, "empty"),
        ],
    )
    def test_what_is_no_command_is_refused(
        self, bench: Bench, arguments: dict[str, object], message: str
    ) -> None:
        assert message in bench.failure("command", **arguments)


class TestResults:
    def test_the_fields_of_a_failure(self, bench: Bench) -> None:
        result = bench.run("shell", "printf 'one\\ntwo\\n\\n'; printf 'warn\\n' >&2; exit 3")
        assert result.status is Status.FAILED
        assert result.msg == "non-zero return code"
        values = dict(result.values)
        assert values.pop("start") <= values.pop("end")
        assert values.pop("delta").startswith("0:00:")
        assert values == {
            "cmd": "printf 'one\\ntwo\\n\\n'; printf 'warn\\n' >&2; exit 3",
            "changed": True,
            "rc": 3,
            "stdout": "one\ntwo",
            "stderr": "warn",
            "stdout_lines": ["one", "two"],
            "stderr_lines": ["warn"],
        }

    def test_a_signal_is_a_negative_rc(self, bench: Bench) -> None:
        result = bench.run("command", argv=["sh", "-c", "kill -KILL $$"])
        assert (result.values["rc"], result.msg) == (-9, "ended by signal KILL")

    def test_output_is_changed_and_so_is_nothing_else(self, bench: Bench) -> None:
        assert bench.run("command", "true").status is Status.CHANGED

    def test_newlines_at_the_end_can_be_kept(self, bench: Bench) -> None:
        result = bench.run("command", argv=["printf", "x\n\n"], strip_empty_ends=False)
        assert result.values["stdout"] == "x\n\n"

    def test_stdin(self, bench: Bench) -> None:
        assert bench.run("command", cmd="wc -c", stdin="four").values["stdout"] == "5"
        plain = bench.run("command", cmd="wc -c", stdin="four", stdin_add_newline=False)
        assert plain.values["stdout"] == "4"
        assert bench.run("command", "cat").values["stdout"] == ""


class TestConditions:
    def test_chdir_creates_and_removes(self, bench: Bench, tmp_path: Path) -> None:
        folder = str(tmp_path)
        for expected in (Status.CHANGED, Status.OK):
            result = bench.run("command", cmd="touch made", chdir=folder, creates="made")
            assert result.status is expected
        assert result.values["rc"] == 0
        assert result.values["stdout"] == "skipped, since made exists"
        for expected in (Status.CHANGED, Status.OK):
            result = bench.run("shell", cmd="rm made", chdir=folder, removes=f"{folder}/made")
            assert result.status is expected
        assert result.msg == f"Did not run command since '{folder}/made' does not exist"

    @pytest.mark.parametrize(
        ("pattern", "exists"), [("*.log", True), ("a b?log", True), ("*.txt", False)]
    )
    def test_creates_takes_patterns(
        self, bench: Bench, tmp_path: Path, pattern: str, exists: bool
    ) -> None:
        (tmp_path / "a b.log").touch()
        result = bench.run("command", cmd="true", creates=f"{tmp_path}/{pattern}")
        assert (result.status is Status.OK) is exists

    def test_nothing_in_a_pattern_is_evaluated(self, bench: Bench, tmp_path: Path) -> None:
        bench.run(
            "command", cmd="true", chdir=str(tmp_path), creates="$(touch pwned)`touch pwned`;x"
        )
        assert list(tmp_path.iterdir()) == []

    def test_a_missing_folder_is_named(self, bench: Bench, tmp_path: Path) -> None:
        assert f"cannot enter {tmp_path}/nope" in bench.failure(
            "shell", cmd="true", chdir=f"{tmp_path}/nope"
        )

    def test_check_mode_runs_nothing(self, bench: Bench, tmp_path: Path) -> None:
        checking = bench.checking()
        made = tmp_path / "made"
        skipped = checking.run("command", f"touch {made}")
        assert skipped.status is Status.SKIPPED
        assert (skipped.values["rc"], skipped.values["stdout"]) == (0, "")
        predicted = checking.run("command", cmd=f"touch {made}", creates=str(made))
        assert predicted.status is Status.CHANGED
        assert not made.exists()


class TestShell:
    def test_a_shell_reads_the_line(self, bench: Bench) -> None:
        assert bench.run("shell", "echo a | tr a b && echo $((1+1))").values["stdout"] == "b\n2"

    def test_lines_are_kept(self, bench: Bench) -> None:
        text = "cat <<'END'\n  it's $HOME \\n\nEND\n"
        assert bench.run("shell", text).values["stdout"] == "  it's $HOME \\n"

    def test_another_shell(self, bench: Bench) -> None:
        result = bench.run("shell", cmd="echo ${BASH_VERSION:+bash} 'x'", executable="/bin/bash")
        assert result.values["stdout"] == "bash x"

    def test_an_empty_line_is_refused(self, bench: Bench) -> None:
        assert "empty" in bench.failure("shell", cmd="  ")


class TestScript:
    @pytest.fixture(autouse=True)
    def _script(self, tmp_path: Path) -> None:
        (tmp_path / "files").mkdir()
        (tmp_path / "files/say.sh").write_text('#!/bin/sh\necho "$0" "$#" "$2"; exit ${3:-0}\n')

    def test_it_runs_there_and_leaves_nothing(self, bench: Bench) -> None:
        result = bench.run("script", "say.sh one 'two $x'")
        path, count, second = result.values["stdout"].split(" ", 2)
        assert (count, second) == ("2", "two $x\n")
        assert not os.path.lexists(os.path.dirname(path))  # noqa: PTH120 - a name, not a file

    def test_a_failure_leaves_nothing_either(self, bench: Bench) -> None:
        result = bench.run("script", "say.sh 1 2 7")
        assert (result.status, result.values["rc"]) == (Status.FAILED, 7)
        assert not os.path.lexists(result.values["stdout"].split()[0])

    def test_what_runs_it_may_be_named(self, bench: Bench) -> None:
        assert bench.run("script", cmd="say.sh", executable="sh").status is Status.CHANGED

    def test_creates_and_check_mode_send_nothing(self, bench: Bench, tmp_path: Path) -> None:
        assert bench.run("script", cmd="say.sh", creates=str(tmp_path)).status is Status.SKIPPED
        assert bench.checking().run("script", "say.sh").status is Status.SKIPPED


class TestWhatMayHappenToAConnection:
    def test_a_lost_connection_is_unreachable_and_no_failure(
        self, faked: Bench, fake: FakeTransport
    ) -> None:
        fake.lose("gone")
        with pytest.raises(UnreachableError, match="gone"):
            faked.run("command", "true")

    def test_a_host_that_is_silent_is_unreachable(self, faked: Bench, fake: FakeTransport) -> None:
        fake.freeze()
        with pytest.raises(UnreachableError, match="did not answer within 60 s"):
            faked.run("ping")

    def test_a_command_that_takes_too_long_fails_with_the_way_out(
        self, faked: Bench, fake: FakeTransport
    ) -> None:
        fake.on("*", lasting=61)
        assert "not done within 60 s" in faked.failure("shell", "sleep 61")
        assert "timeout:" in faked.failure("shell", "sleep 61")

    def test_a_really_overdue_command_is_ended(self, bench: Bench, tmp_path: Path) -> None:
        bench.deadline = 0.3
        assert "the command was ended" in bench.failure("shell", f"sleep 30; touch {tmp_path}/late")
        assert not (tmp_path / "late").exists()

    def test_user_and_environment_reach_the_command(
        self, faked: Bench, fake: FakeTransport
    ) -> None:
        fake.on("*")
        faked.become, faked.environment = "db", {"A": "b"}
        faked.run("command", "true")
        command = fake.calls[-1].command
        assert command is not None
        assert (command.become, dict(command.env)) == ("db", {"A": "b"})


def test_mode_bits_of_a_script_are_private(
    faked: Bench, fake: FakeTransport, tmp_path: Path
) -> None:
    from raftfleet.transport.protocol import Exited  # noqa: PLC0415

    (tmp_path / "s.sh").write_text("true")
    fake.on("*")
    fake.on("mktemp -d", Exited(status=0, stdout=b"/tmp/x\n"))
    faked.run("script", "s.sh")
    (file,) = fake.files.values()
    assert stat.filemode(file.mode | stat.S_IFREG) == "-rwx------"


class TestFoldersThatCannotBeEntered:
    @pytest.mark.parametrize("more", [{}, {"creates": "x"}, {"removes": "x"}])
    @pytest.mark.parametrize("check", [False, True])
    def test_it_is_a_failure_whatever_else_is_said(
        self, bench: Bench, tmp_path: Path, more: dict[str, str], check: bool
    ) -> None:
        bench.check = check
        result = bench.run("command", cmd="true", chdir=f"{tmp_path}/no", **more)
        assert (result.status, result.values["rc"]) == (Status.FAILED, None)
        assert result.msg.startswith("Unable to change directory before execution")


def test_a_shell_that_is_not_there(bench: Bench) -> None:
    result = bench.run("shell", cmd="true", executable="/bin/nosuch")
    assert (result.status, result.values["rc"]) == (Status.FAILED, 2)
    assert (result.values["changed"], result.values["stderr"]) == (False, "")


class TestArgumentsOfAScript:
    @pytest.fixture(autouse=True)
    def _script(self, tmp_path: Path) -> None:
        (tmp_path / "files").mkdir(exist_ok=True)
        (tmp_path / "files/a b.sh").write_text('#!/bin/sh\necho "$# $*"\n')

    def test_a_shell_reads_them(self, bench: Bench) -> None:
        bench.environment["WHO"] = "me"
        result = bench.run("script", "'a b.sh' \"$WHO too\" 'b  c'; echo more")
        assert result.values["stdout"] == "2 me too b  c\nmore\n"

    def test_creates_is_not_meant_inside_of_chdir(self, bench: Bench, tmp_path: Path) -> None:
        result = bench.run("script", cmd="'a b.sh'", chdir=f"{tmp_path}/files", creates="a b.sh")
        assert result.status is Status.CHANGED
