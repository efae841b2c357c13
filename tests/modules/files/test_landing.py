"""Small files: a new one, or one that is there already, takes one command; another one takes two."""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, Any

import pytest

from raftfleet.playbook.module import Status
from raftfleet.transport.protocol import Command, Lost, Outcome

if TYPE_CHECKING:
    from pathlib import Path

    from tests.modules.conftest import Bench


def mode(path: Path) -> str:
    return f"{path.stat().st_mode & 0o7777:04o}"


@pytest.mark.parametrize(("before", "commands"), [(None, 1), ("x", 1), ("y", 2)])
def test_so_many_are_run(
    bench: Bench, there: Path, monkeypatch: pytest.MonkeyPatch, before: str, commands: int
) -> None:
    if before:
        (there / "a").write_text(before)
    lines: list[str] = []
    run = bench.transport.run

    def counted(command: Command, *, timeout: float, stdin: bytes = b"") -> Outcome:
        lines.append(command.line)
        return run(command, timeout=timeout, stdin=stdin)

    monkeypatch.setattr(bench.transport, "run", counted)
    monkeypatch.setattr(bench.transport, "put", None)  # a transfer is made of commands too
    result = bench.run("copy", content="x", dest=f"{there}/a")
    assert (there / "a").read_text() == "x"
    assert result.values["checksum"] == "11f6ad8ec52a2984abaafd7c3b516503785c2072"
    assert len(lines) == commands


@pytest.mark.parametrize("wanted", ["0644", "0755", "4755", "0600", "2640", "u=rwx,g=s", "0000"])
def test_modes_of_new_and_replaced_files(bench: Bench, there: Path, wanted: str) -> None:
    for content in ("one", "two"):
        result = bench.run("copy", content=content, dest=f"{there}/a", mode=wanted, group="1")
        assert int(result.values["mode"], 8) == int(mode(there / "a"), 8)
        assert result.values["gid"] == (there / "a").stat().st_gid == 1
    if wanted.isdecimal():
        assert mode(there / "a") == wanted
    assert [path.name for path in there.iterdir()] == ["a"]


def test_a_folder_with_modes_of_its_own_does_not_decide(bench: Bench, there: Path) -> None:
    entries = b"".join(struct.pack("<HHI", tag, 7, 0xFFFFFFFF) for tag in (1, 4, 0x20))
    try:
        os.setxattr(there, "system.posix_acl_default", struct.pack("<I", 2) + entries)
    except OSError as error:
        pytest.skip(f"no ACLs here: {error}")
    bench.run("copy", content="x", dest=f"{there}/a", mode="0600")
    assert mode(there / "a") == "0600"


def test_who_owned_a_file_owns_the_one_that_replaces_it(bench: Bench, there: Path) -> None:
    (there / "a").write_text("old")
    os.chown(there / "a", 65534, 1)
    bench.run("copy", content="x", dest=f"{there}/a", mode="4755")
    found = (there / "a").stat()
    assert (found.st_uid, found.st_gid, mode(there / "a")) == (65534, 1, "4755")


def test_an_owner_that_cannot_be_given_leaves_the_old_file(bench: Bench, there: Path) -> None:
    (there / "a").write_text("old")
    assert "nosuchuser" in bench.failure("copy", content="x", dest=f"{there}/a", owner="nosuchuser")
    assert [(path.name, path.read_text()) for path in there.iterdir()] == [("a", "old")]


def test_what_arrives_cut_short_is_not_put_in_place(
    bench: Bench, there: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = bench.transport.run
    monkeypatch.setattr(
        bench.transport,
        "run",
        lambda command, *, timeout, stdin=b"": run(command, timeout=timeout, stdin=stdin[:-1]),
    )
    assert "not what was sent" in bench.failure("copy", content="xyz", dest=f"{there}/a")
    assert list(there.iterdir()) == []


def test_a_connection_that_breaks_under_the_good_news(
    bench: Bench, there: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = bench.transport.run
    cut = iter([True])

    def broken(command: Any, *, timeout: float, stdin: bytes = b"") -> Any:
        outcome = run(command, timeout=timeout, stdin=stdin)
        return Lost(reason="gone") if next(cut, False) else outcome

    monkeypatch.setattr(bench.transport, "run", broken)
    result = bench.run("copy", content="xyz", dest=f"{there}/a")
    assert (result.status, result.values["size"]) == (Status.CHANGED, 3)
