"""`fetch`: where files go, and what is refused."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from raftfleet.playbook.module import Status

if TYPE_CHECKING:
    from pathlib import Path

    from tests.modules.conftest import Bench


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A file of the host."""
    path = tmp_path / "host/data.txt"
    path.parent.mkdir()
    path.write_text("some data\n")
    return path


def test_a_file_goes_below_the_hosts_name(bench: Bench, source: Path, tmp_path: Path) -> None:
    arguments = {"src": str(source), "dest": f"{tmp_path}/got"}
    assert bench.changes("fetch", **arguments) == [True, False]
    landed = tmp_path / f"got/h1{source}"
    assert landed.read_text() == "some data\n"
    result = bench.run("fetch", **arguments)
    checksum = hashlib.sha1(b"some data\n").hexdigest()
    assert dict(result.values) == {
        "dest": str(landed),
        "checksum": checksum,
        "remote_checksum": checksum,
        "file": str(source),
    }
    source.write_text("some dato\n")
    assert bench.changes("fetch", **arguments) == [True, False]
    assert landed.read_text() == "some dato\n"


def test_the_inventory_name_counts_also_when_delegated(
    bench: Bench, source: Path, tmp_path: Path
) -> None:
    bench.variables["inventory_hostname"] = "other"
    bench.run("fetch", src=str(source), dest=f"{tmp_path}/got")
    assert (tmp_path / f"got/other{source}").exists()


@pytest.mark.parametrize("slash", [False, True])
def test_flat(bench: Bench, source: Path, tmp_path: Path, slash: bool) -> None:
    dest = f"{tmp_path}/flat/" if slash else f"{tmp_path}/flat"
    assert bench.changes("fetch", src=str(source), dest=dest, flat=True) == [True, False]
    assert (tmp_path / ("flat/data.txt" if slash else "flat")).is_file()


def test_a_relative_dest_starts_at_the_playbook(bench: Bench, source: Path, tmp_path: Path) -> None:
    bench.variables["playbook_dir"] = str(tmp_path / "book")
    bench.run("fetch", src=str(source), dest="logs/", flat=True)
    assert (tmp_path / "book/logs/data.txt").is_file()


def test_a_missing_file_fails_unless_told_otherwise(bench: Bench, tmp_path: Path) -> None:
    arguments = {"src": f"{tmp_path}/nope", "dest": f"{tmp_path}/got"}
    assert "does not exist" in bench.failure("fetch", **arguments)
    result = bench.run("fetch", **arguments, fail_on_missing=False)
    assert (result.status, result.msg) == (Status.OK, f"{tmp_path}/nope does not exist, ignored")
    assert "is no file" in bench.failure("fetch", src=str(tmp_path), dest=f"{tmp_path}/got")


def test_check_mode_fetches_nothing(bench: Bench, source: Path, tmp_path: Path) -> None:
    result = bench.checking().run("fetch", src=str(source), dest=f"{tmp_path}/got")
    assert result.status is Status.CHANGED
    assert not (tmp_path / "got").exists()


def test_names_that_lead_out_are_refused(bench: Bench, source: Path, tmp_path: Path) -> None:
    path = f"{source.parent}/../../../../{source}"
    assert "leads out" in bench.failure("fetch", src=path, dest=f"{tmp_path}/got")
    for name in ("../h1", "a/b", "..", ""):
        bench.variables["inventory_hostname"] = name
        assert "leads out" in bench.failure("fetch", src=str(source), dest=f"{tmp_path}/got")


def test_links_here_that_lead_out_are_refused(bench: Bench, source: Path, tmp_path: Path) -> None:
    (tmp_path / "got").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "got/h1").symlink_to(tmp_path / "elsewhere")
    assert "leads out" in bench.failure("fetch", src=str(source), dest=f"{tmp_path}/got")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_link_in_the_place_of_the_file_is_replaced(
    bench: Bench, source: Path, tmp_path: Path
) -> None:
    (tmp_path / "victim").write_text("mine")
    (tmp_path / "flat").symlink_to("victim")
    bench.run("fetch", src=str(source), dest=f"{tmp_path}/flat", flat=True)
    assert (tmp_path / "victim").read_text() == "mine"
    assert (tmp_path / "flat").read_text() == "some data\n"


def test_another_user_sends_it_piece_by_piece(bench: Bench, tmp_path: Path) -> None:
    big = tmp_path / "big"
    big.write_bytes(bytes(range(256)) * 20_000)
    bench.become = "root"  # who we are already, so that no sudo is needed
    assert bench.changes("fetch", src=str(big), dest=f"{tmp_path}/flat", flat=True) == [True, False]
    assert (tmp_path / "flat").read_bytes() == big.read_bytes()
    assert [p.name for p in tmp_path.iterdir() if p.name.endswith(".part")] == []
