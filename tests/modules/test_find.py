"""`find`: what answers to a description, as ansible-core 2.19 has it."""

from __future__ import annotations

import hashlib
import os
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.modules.conftest import Bench

FILES = {
    "a.log": "hello\nworld\n",
    "b.log": "x",
    "sub/c.log": "ERROR here\n",
    "sub/deep/d.txt": "12345678901",
    ".hid": "h",
    ".d/e.log": "",
    "we ird\nname.log": "q",
}


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """A folder with files of some kinds."""
    top = tmp_path / "t"
    for name, content in FILES.items():
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    (top / "ln").symlink_to("a.log")
    (top / "lnd").symlink_to("sub")
    (top / "b.log").chmod(0o600)
    os.utime(top / "b.log", (time.time() - 3 * 86400,) * 2)
    return top


ODD = "we ird\nname.log"
CASES: list[tuple[dict[str, Any], list[str]]] = [
    ({}, ["a.log", "b.log", ODD]),
    ({"patterns": "*.log", "recurse": True}, ["a.log", "b.log", ODD, ".d/e.log", "sub/c.log"]),
    ({"patterns": "*.txt,[ab].*", "recurse": True}, ["a.log", "b.log", "sub/deep/d.txt"]),
    ({"patterns": "*hid", "hidden": True}, [".hid"]),
    (
        {"patterns": r"[bd]\.(log|txt)", "use_regex": True, "recurse": True},
        ["b.log", "sub/deep/d.txt"],
    ),
    ({"patterns": [r".*\.log$"], "use_regex": True, "excludes": [r"^a"]}, ["b.log"]),
    ({"excludes": "*.log", "recurse": True}, ["sub/deep/d.txt"]),
    ({"file_type": "directory"}, ["sub"]),
    ({"file_type": "directory", "hidden": True, "recurse": True}, [".d", "sub", "sub/deep"]),
    ({"file_type": "link"}, ["ln", "lnd"]),
    ({"file_type": "any", "patterns": "l*,s*"}, ["ln", "lnd", "sub"]),
    ({"recurse": True, "depth": 2, "patterns": "[cd].*"}, ["sub/c.log"]),
    ({"recurse": True, "contains": "ERR.*"}, ["sub/c.log"]),
    ({"recurse": True, "contains": "here"}, []),
    ({"recurse": True, "contains": "here", "read_whole_file": True}, ["sub/c.log"]),
    ({"recurse": True, "size": "11b"}, ["a.log", "sub/c.log", "sub/deep/d.txt"]),
    ({"recurse": True, "size": "-1"}, ["b.log", ODD, ".d/e.log"]),
    ({"age": "2d"}, ["b.log"]),
    ({"age": "-2d"}, ["a.log", ODD]),
    ({"mode": "0600"}, ["b.log"]),
    ({"mode": "o=r", "exact_mode": False}, ["a.log", ODD]),
    ({"recurse": True, "follow": True, "patterns": "c.log"}, ["lnd/c.log", "sub/c.log"]),
    ({"recurse": True, "limit": 1, "patterns": "?.log"}, ["a.log"]),
]


@pytest.mark.parametrize(("arguments", "wanted"), CASES)
def test_what_is_found(
    bench: Bench, top: Path, arguments: dict[str, Any], wanted: list[str]
) -> None:
    result = bench.run("find", paths=str(top), **arguments)
    found = [one["path"] for one in result.values["files"]]
    assert found == [f"{top}/{name}" for name in wanted]
    assert result.values["matched"] == len(wanted)
    checked = bench.checking().run("find", paths=str(top), **arguments)
    assert [one["path"] for one in checked.values["files"]] == found


def test_what_is_told_of_a_file(bench: Bench, top: Path) -> None:
    result = bench.run("find", path=str(top), patterns="a.log", get_checksum=True)
    (told,) = result.values["files"]
    stat = (top / "a.log").stat()
    assert told["checksum"] == hashlib.sha1(FILES["a.log"].encode()).hexdigest()
    assert (told["size"], told["mode"], told["isreg"]) == (12, "0644", True)
    assert (told["inode"], told["nlink"], told["pw_name"]) == (stat.st_ino, 1, "root")
    assert told["mtime"] == pytest.approx(stat.st_mtime, abs=1e-6)
    assert result.values["examined"] == 8


def test_a_folder_that_is_not_there_is_told(bench: Bench, top: Path) -> None:
    result = bench.run("find", paths=[f"{top}/no", str(top)], patterns="a*")
    assert result.values["matched"] == 1
    assert result.values["skipped_paths"] == {f"{top}/no": f"'{top}/no' is not a directory"}
    assert result.msg == "Not all paths examined, check warnings for details"


def test_a_folder_that_may_not_be_entered_is_told(bench: Bench, top: Path) -> None:
    (top / "sub").chmod(0o700)
    top.parent.chmod(0o755)
    for folder in (top, *top.parents):
        folder.chmod(folder.stat().st_mode | 0o011) if str(folder).startswith("/tmp/") else None
    bench.become = "nobody"
    result = bench.run("find", paths=str(top), recurse=True, patterns="?.log")
    assert [one["path"] for one in result.values["files"]][:1] == [f"{top}/a.log"]
    assert result.values["skipped_paths"] == {f"{top}/sub": "Permission denied"}


def test_no_name_passes_for_an_answer(bench: Bench, tmp_path: Path) -> None:
    odd = tmp_path / "odd"
    odd.mkdir()
    names = ["-n", "$(touch pwned)", "a'b", 'a"b', "*", "x\n81a4", "ü"]
    for name in names:
        (odd / name).write_text("x")
    files = bench.run("find", paths=str(odd), get_checksum=True).values["files"]
    assert {one["path"] for one in files} == {f"{odd}/{name}" for name in names}
    assert all("checksum" in one for one in files)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": "10x"}, "size '10x'"),
        ({"age": "soon"}, "age 'soon'"),
        ({"patterns": "(", "use_regex": True}, "is not valid"),
        ({"contains": "("}, "is not valid"),
        ({"limit": 0}, "above 0"),
    ],
)
def test_what_is_refused(bench: Bench, top: Path, arguments: dict[str, Any], message: str) -> None:
    assert message in bench.failure("find", paths=str(top), **arguments)
