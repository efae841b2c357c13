"""`blockinfile`: where a block goes, that it goes there once, and that it goes again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from raftfleet.modules.files.blocks import BlockEdit
from raftfleet.modules.files.editing import compiled
from raftfleet.playbook.module import Status

if TYPE_CHECKING:
    from pathlib import Path

    from tests.modules.conftest import Bench

BLOCK = "B\nnew\nE\n"


def edit(**given: Any) -> BlockEdit:
    anchor = given.pop("anchor", None)
    return BlockEdit(
        **{"begin": "B", "end": "E", "block": "new", **given},
        anchor=compiled(anchor, "anchor") if anchor else None,
    )


class TestWhere:
    @pytest.mark.parametrize(
        ("text", "given", "outcome"),
        [
            ("", {}, BLOCK),
            ("a\nb\n", {}, f"a\nb\n{BLOCK}"),
            ("a\nb", {}, f"a\nb\n{BLOCK}"),
            ("a\nb\n", {"at_start": True}, f"{BLOCK}a\nb\n"),
            ("a1\na2\nb\n", {"anchor": "^a"}, f"a1\na2\n{BLOCK}b\n"),
            ("a1\na2\nb\n", {"anchor": "^a", "before": True}, f"a1\n{BLOCK}a2\nb\n"),
            ("a\nb\n", {"anchor": "no"}, f"a\nb\n{BLOCK}"),
            ("a\nB\nold\nmore\nE\nb\n", {"at_start": True}, f"a\n{BLOCK}b\n"),
            ("a\nE\nold\nB\nb\n", {}, f"a\n{BLOCK}b\n"),
            ("B\nlone\n", {}, f"B\nlone\n{BLOCK}"),
            (
                "a\nb\n",
                {"anchor": "a", "blank_before": True, "blank_after": True},
                f"a\n\n{BLOCK}\nb\n",
            ),
            ("a\n\nB\nE\n\nb\n", {"blank_before": True, "blank_after": True}, f"a\n\n{BLOCK}\nb\n"),
            ("a\n", {"blank_before": True, "blank_after": True}, f"a\n\n{BLOCK}"),
            ("", {"blank_before": True, "blank_after": True}, BLOCK),
            ("a\n", {"block": "one\ntwo\n"}, "a\nB\none\ntwo\nE\n"),
        ],
    )
    def test_it_goes_there_once(self, text: str, given: dict[str, Any], outcome: str) -> None:
        once = edit(**given).present(text)
        assert once == outcome
        assert edit(**given).present(once) == once

    @pytest.mark.parametrize(
        ("text", "outcome"),
        [(f"a\n{BLOCK}b\n", "a\nb\n"), ("a\nb", "a\nb"), (BLOCK, ""), ("B\na\n", "B\na\n")],
    )
    def test_it_goes_again(self, text: str, outcome: str) -> None:
        assert edit().absent(text) == outcome


class TestFile:
    def test_inserted_changed_and_removed(self, bench: Bench, tmp_path: Path) -> None:
        path = tmp_path / "f"
        path.write_text("a\nb\n")
        path.chmod(0o640)
        given = {"path": str(path), "marker": "; {mark} us", "insertafter": "^a"}
        for block, shown in (("x", "x\n"), ("y\nz\n", "y\nz\n")):
            result = bench.differing().run("blockinfile", block=block, **given)
            text = f"a\n; BEGIN us\n{shown}; END us\nb\n"
            assert (result.status, result.msg or result.values["msg"]) == (
                Status.CHANGED,
                "Block inserted",
            )
            assert result.diff is not None
            assert result.diff[1] == path.read_text() == text
            assert bench.run("blockinfile", block=block, **given).status is Status.OK
        assert path.stat().st_mode & 0o777 == 0o640
        gone = bench.run("blockinfile", state="absent", backup=True, **given)
        assert gone.values["msg"] == "Block removed"
        assert gone.values["backup_file"]
        assert path.read_text() == "a\nb\n"

    def test_a_file_that_is_not_there(self, bench: Bench, tmp_path: Path) -> None:
        path = tmp_path / "d/f"
        given = {"path": str(path), "content": "x", "marker_begin": "<", "marker_end": ">"}
        assert bench.run("blockinfile", **given).values["rc"] == 257
        assert bench.run("blockinfile", **given, state="absent").status is Status.FAILED
        gone = bench.run("blockinfile", **given, state="absent", create=True)
        assert (gone.status, path.exists()) == (Status.OK, False)
        predicted = bench.checking().run("blockinfile", **given, create=True)
        assert (predicted.status, path.exists()) == (Status.CHANGED, False)
        made = bench.run("blockinfile", **given, create=True)
        assert made.values["msg"] == "File created"
        assert path.read_text() == "# < ANSIBLE MANAGED BLOCK\nx\n# > ANSIBLE MANAGED BLOCK\n"

    def test_a_folder_is_refused(self, bench: Bench, tmp_path: Path) -> None:
        result = bench.run("blockinfile", path=str(tmp_path), block="x")
        assert (result.status, result.values["rc"]) == (Status.FAILED, 256)

    def test_what_validate_refuses_stays_as_it_was(self, bench: Bench, tmp_path: Path) -> None:
        (tmp_path / "f").write_text("a\n")
        said = bench.failure("blockinfile", path=f"{tmp_path}/f", block="x", validate="false %s")
        assert "failed to validate" in said
        assert (tmp_path / "f").read_text() == "a\n"

    def test_an_empty_block_is_no_block(self, bench: Bench, tmp_path: Path) -> None:
        (tmp_path / "f").write_text("a\n")
        bench.run("blockinfile", path=f"{tmp_path}/f", block="x")
        assert bench.changes("blockinfile", path=f"{tmp_path}/f", block="") == [True, False]
        assert (tmp_path / "f").read_text() == "a\n"
