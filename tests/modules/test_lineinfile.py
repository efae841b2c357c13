"""`lineinfile` and `replace`: which text becomes which, as ansible-core 2.19 has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from raftfleet.modules.files.lines import lines_of
from raftfleet.playbook.module import Status

if TYPE_CHECKING:
    from pathlib import Path

    from tests.modules.conftest import Bench

PORTS = "one\nport=1\nport=2\nend"


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    """A file of the host."""
    path = tmp_path / "conf"
    path.write_text(PORTS)
    return path


PRESENT: list[tuple[dict[str, Any], str, str, str]] = [
    # arguments, before, after, message
    ({"regexp": "^port=", "line": "port=9"}, PORTS, "one\nport=1\nport=9\nend", "line replaced"),
    (
        {"regexp": "^port=", "line": "port=9", "firstmatch": True},
        PORTS,
        "one\nport=9\nport=2\nend",
        "line replaced",
    ),
    ({"regexp": "^no", "line": "x"}, "a\n", "a\nx\n", "line added"),
    ({"regexp": "^no", "line": "x"}, "a", "a\nx\n", "line added"),
    ({"regexp": "^no", "line": "a"}, "a\nb\n", "a\nb\n", ""),
    (
        {"line": "new", "insertbefore": "^port"},
        PORTS,
        "one\nport=1\nnew\nport=2\nend",
        "line added",
    ),
    ({"line": "new", "insertafter": "^port"}, PORTS, "one\nport=1\nport=2\nnew\nend", "line added"),
    (
        {"line": "new", "insertafter": "^port", "firstmatch": True},
        PORTS,
        "one\nport=1\nnew\nport=2\nend",
        "line added",
    ),
    ({"line": "new", "insertafter": "^end"}, "a\nend", "a\nend\nnew\n", "line added"),
    ({"line": "top", "insertbefore": "BOF"}, "a\n", "top\na\n", "line added"),
    ({"line": "top", "insertafter": "EOF"}, "a\n", "a\ntop\n", "line added"),
    ({"line": "x", "insertbefore": "^none"}, "", "x\n", "line added"),
    (
        {"regexp": r"^(po)rt=(\d)$", "line": r"X \2 \g<1>", "backrefs": True},
        "port=5\n",
        "X 5 po\n",
        "line replaced",
    ),
    ({"regexp": "^no(.)", "line": r"\1", "backrefs": True}, "a\n", "a\n", ""),
    ({"regexp": "^a", "line": r"\1 \n"}, "a\n", "\\1 \\n\n", "line replaced"),
    ({"search_string": "#Foo", "line": "Foo"}, "#Foo bar\n", "Foo\n", "line replaced"),
    ({"regexp": "^x=", "line": "x=3"}, "x=1\r\ny\r\n", "x=3\ny\r\n", "line replaced"),
    ({"line": "y"}, "y\r\n", "y\n", "line replaced"),
    ({"line": "y"}, "y", "y\n", "line replaced"),
    ({"regexp": "ü$", "line": "ö"}, "gr ü\n", "ö\n", "line replaced"),
]

ABSENT: list[tuple[dict[str, Any], str, str, int]] = [
    ({"line": "foo"}, "foo\nbar\nfoo\n", "bar\n", 2),
    ({"line": "foo"}, "foo\r\nbar\n", "bar\n", 1),
    ({"regexp": "^#"}, "#a\nb\n", "b\n", 1),
    ({"search_string": "."}, "a.b\nab\n", "ab\n", 1),
    ({"regexp": "^#"}, "b\n", "b\n", 0),
]


class TestText:
    @pytest.mark.parametrize(("arguments", "before", "after", "message"), PRESENT)
    def test_present(
        self,
        bench: Bench,
        conf: Path,
        arguments: dict[str, Any],
        before: str,
        after: str,
        message: str,
    ) -> None:
        conf.write_bytes(before.encode())
        result = bench.run("lineinfile", path=str(conf), **arguments)
        assert conf.read_bytes().decode() == after
        assert (result.values["msg"], result.values["backup"]) == (message, "")
        assert (result.status is Status.CHANGED) is (before != after)

    @pytest.mark.parametrize(
        "arguments",
        [one for one, *_ in PRESENT if "firstmatch" not in one and "backrefs" not in one],
    )
    def test_once_present_it_stays(
        self, bench: Bench, conf: Path, arguments: dict[str, Any]
    ) -> None:
        bench.run("lineinfile", path=str(conf), **arguments)
        again = bench.run("lineinfile", path=str(conf), **arguments)
        assert again.status is Status.OK

    @pytest.mark.parametrize(("arguments", "before", "after", "found"), ABSENT)
    def test_absent(
        self,
        bench: Bench,
        conf: Path,
        arguments: dict[str, Any],
        before: str,
        after: str,
        found: int,
    ) -> None:
        conf.write_bytes(before.encode())
        result = bench.run("lineinfile", path=str(conf), state="absent", **arguments)
        assert conf.read_bytes().decode() == after
        assert result.values["found"] == found
        assert result.values["msg"] == (f"{found} line(s) removed" if found else "")

    def test_bytes_that_are_no_text_stay(self, bench: Bench, conf: Path) -> None:
        conf.write_bytes(b"\xff\xfe\nport=1\n")
        bench.run("lineinfile", path=str(conf), regexp="^port", line="port=2")
        assert conf.read_bytes() == b"\xff\xfe\nport=2\n"

    def test_only_a_newline_ends_a_line(self) -> None:
        assert lines_of("a\rb\x0bc\u2028d\ne") == ["a\rb\x0bc\u2028d\n", "e"]


class TestFile:
    def test_what_cannot_be_edited(self, bench: Bench, tmp_path: Path) -> None:
        missing = bench.run("lineinfile", path=f"{tmp_path}/no", line="x")
        folder = bench.run("lineinfile", path=str(tmp_path), line="x")
        assert (missing.status, missing.values["rc"]) == (Status.FAILED, 257)
        assert (folder.status, folder.values["rc"]) == (Status.FAILED, 256)
        gone = bench.run("lineinfile", path=f"{tmp_path}/no", line="x", state="absent")
        assert (gone.status, gone.msg) == (Status.OK, "file not present")

    def test_it_is_made_with_its_folder_when_asked(self, bench: Bench, tmp_path: Path) -> None:
        path = tmp_path / "new/conf"
        wanted = {"path": str(path), "line": "x", "create": True, "mode": "0600"}
        assert bench.checking().run("lineinfile", **wanted).status is Status.CHANGED
        assert not path.parent.exists()
        assert bench.changes("lineinfile", **wanted) == [True, False]
        assert (path.read_text(), path.stat().st_mode & 0o777) == ("x\n", 0o600)

    def test_a_link_stays_one(self, bench: Bench, conf: Path, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to("conf")
        bench.run("lineinfile", path=f"{tmp_path}/link", line="x")
        assert (tmp_path / "link").is_symlink()
        assert conf.read_text().endswith("end\nx\n")

    def test_a_copy_of_what_was_is_kept(self, bench: Bench, conf: Path) -> None:
        conf.chmod(0o604)
        result = bench.run("lineinfile", path=str(conf), line="x", backup=True)
        kept = conf.parent / result.values["backup"]
        assert (kept.read_text(), kept.stat().st_mode & 0o777) == (PORTS, 0o604)
        assert bench.run("lineinfile", path=str(conf), line="x", backup=True).values["backup"] == ""

    def test_what_a_command_refuses_never_gets_there(self, bench: Bench, conf: Path) -> None:
        said = bench.failure("lineinfile", path=str(conf), line="x y", validate="grep -q nope %s")
        assert "failed to validate: rc:1" in said
        assert conf.read_text() == PORTS
        accepted = {"path": str(conf), "line": "x y", "validate": "grep -q 'x y' %s"}
        assert bench.changes("lineinfile", **accepted) == [True, False]
        assert "has no %s" in bench.failure("lineinfile", path=str(conf), line="x", validate="true")
        assert sorted(path.name for path in conf.parent.iterdir()) == ["conf"]

    def test_check_mode_and_diff(self, bench: Bench, conf: Path) -> None:
        result = bench.checking().differing().run("lineinfile", path=str(conf), line="x")
        assert result.diff == (PORTS, f"{PORTS}\nx\n")
        assert (result.status, conf.read_text()) == (Status.CHANGED, PORTS)

    def test_only_the_mode_changes(self, bench: Bench, conf: Path) -> None:
        conf.write_text("x\n")
        result = bench.run("lineinfile", path=str(conf), line="x", mode="0600")
        assert result.values["msg"] == "ownership, perms or SE linux context changed"

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({}, "wants line"),
            ({"line": "x", "backrefs": True}, "wants regexp"),
            ({"line": "x", "regexp": "("}, "is not valid"),
            ({"state": "absent"}, "line, regexp or search_string"),
            ({"line": "x", "regexp": "a", "search_string": "b"}, "exclude each other"),
            ({"line": "x", "insertafter": "a", "insertbefore": "b"}, "exclude each other"),
            ({"line": r"\2", "regexp": "(port)", "backrefs": True}, "cannot be filled in"),
        ],
    )
    def test_what_is_refused(
        self, bench: Bench, conf: Path, arguments: dict[str, Any], message: str
    ) -> None:
        assert message in bench.failure("lineinfile", path=str(conf), **arguments)
        assert conf.read_text() == PORTS


PARTS = "start\nx\nend\nx\nstart\nx\nend\n"


def test_a_link_that_leads_nowhere_yet_stays_one(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "l").symlink_to("gone")
    assert bench.changes("lineinfile", path=f"{tmp_path}/l", line="x", create=True) == [True, False]
    assert (tmp_path / "l").is_symlink()
    assert (tmp_path / "gone").read_text() == "x\n"


class TestReplace:
    @pytest.mark.parametrize(
        ("arguments", "before", "after", "count"),
        [
            (
                {"regexp": r"^a=(\d)$", "replace": r"a=<\1>"},
                "a=1\nb\na=3\n",
                "a=<1>\nb\na=<3>\n",
                2,
            ),
            ({"regexp": "b"}, "abc\n", "ac\n", 1),
            ({"regexp": "x", "replace": r"z\n"}, "x\n", "z\n\n", 1),
            (
                {"regexp": "x", "replace": "y", "after": "start", "before": "end"},
                PARTS,
                PARTS.replace("x", "y", 1),
                1,
            ),
            (
                {"regexp": "x", "replace": "y", "after": "x\nstart"},
                PARTS,
                f"{PARTS[:-6]}y\nend\n",
                1,
            ),
            ({"regexp": "^x\n", "before": "end\nx"}, PARTS, PARTS.replace("x\n", "", 1), 1),
            ({"regexp": "b", "replace": "b"}, "b\n", "b\n", 0),
        ],
    )
    def test_text(
        self,
        bench: Bench,
        conf: Path,
        arguments: dict[str, Any],
        before: str,
        after: str,
        count: int,
    ) -> None:
        conf.write_text(before)
        result = bench.run("replace", path=str(conf), **arguments)
        assert conf.read_text() == after
        said = f"{count} replacements made" if count else ""
        assert (result.values["msg"], result.values["rc"]) == (said, 0)
        assert (result.status is Status.CHANGED) is bool(count)

    def test_a_part_that_is_not_there_changes_nothing(self, bench: Bench, conf: Path) -> None:
        result = bench.run("replace", path=str(conf), regexp="port", after="never")
        assert (result.status, conf.read_text()) == (Status.OK, PORTS)
        assert "did not match the given file" in result.msg

    def test_another_encoding(self, bench: Bench, conf: Path) -> None:
        conf.write_bytes("grün\n".encode("latin-1"))
        bench.run("replace", path=str(conf), regexp="ü", replace="ä", encoding="latin-1")
        assert conf.read_bytes() == "grän\n".encode("latin-1")
        assert "no text in nonsense" in bench.failure(
            "replace", path=str(conf), regexp="x", encoding="nonsense"
        )

    def test_what_does_not_work(self, bench: Bench, conf: Path, tmp_path: Path) -> None:
        assert bench.run("replace", path=f"{tmp_path}/no", regexp="x").values["rc"] == 257
        assert bench.run("replace", path=str(tmp_path), regexp="x").values["rc"] == 256
        said = bench.failure("replace", path=str(conf), regexp="(p)", replace=r"\2")
        assert "cannot be filled in" in said

    def test_check_mode_backup_and_diff(self, bench: Bench, conf: Path) -> None:
        wanted = {"path": str(conf), "regexp": "port", "replace": "p", "backup": True}
        result = bench.checking().differing().run("replace", **wanted)
        assert (result.status, conf.read_text()) == (Status.CHANGED, PORTS)
        assert result.diff == (PORTS, PORTS.replace("port", "p"))
        kept = bench.run("replace", **wanted).values["backup_file"]
        assert (conf.parent / kept).read_text() == PORTS
