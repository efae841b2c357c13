"""The file of remembered host keys: never half written, never written over."""

from __future__ import annotations

import multiprocessing
import os
from typing import TYPE_CHECKING

import paramiko
import pytest

from raftfleet.errors import HostKeyError, UsageError
from raftfleet.transport.hostkeys import HostKeyPolicy, KnownHosts, known_as
from tests.transport.sshd import new_key

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> list[paramiko.PKey]:
    folder = tmp_path_factory.mktemp("keys")
    return [paramiko.PKey.from_path(new_key(folder / f"key{number}")) for number in range(2)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "project" / "known_hosts"


def line(name: str, key: paramiko.PKey) -> str:
    return f"{name} {key.get_name()} {key.get_base64()}\n"


@pytest.mark.parametrize(
    ("address", "port", "name"),
    [("h", 22, "h"), ("h", 2222, "[h]:2222"), ("::1", 22, "::1"), ("::1", 23, "[::1]:23")],
)
def test_a_key_is_filed_as_openssh_files_it(address: str, port: int, name: str) -> None:
    assert known_as(address, port) == name


def test_the_first_key_makes_file_and_folder(path: Path, keys: list[paramiko.PKey]) -> None:
    assert KnownHosts(path).remember("h", keys[0]) == []
    assert path.read_text() == line("h", keys[0])


def test_what_others_wrote_is_kept(path: Path, keys: list[paramiko.PKey]) -> None:
    path.parent.mkdir()
    before = "# ours\n\nnonsense\n@revoked * ssh-ed25519 AAAA\nx ssh-none AAAA\n" + line(
        "other", keys[1]
    ).rstrip("\n")
    path.write_text(before)
    KnownHosts(path).remember("h", keys[0])
    assert path.read_text() == f"{before}\n{line('h', keys[0])}"
    assert [known.line for known in KnownHosts(path).look_up("h")] == [7]
    assert [known.line for known in KnownHosts(path).look_up("other")] == [6]


def test_a_link_stays_a_link(path: Path, tmp_path: Path, keys: list[paramiko.PKey]) -> None:
    path.parent.mkdir()
    path.symlink_to(tmp_path / "elsewhere")
    KnownHosts(path).remember("h", keys[0])
    assert path.is_symlink()
    assert (tmp_path / "elsewhere").read_text() == line("h", keys[0])


def test_a_line_may_name_several_hosts(path: Path, keys: list[paramiko.PKey]) -> None:
    path.parent.mkdir()
    path.write_text(line("a,[b]:23", keys[0]))
    assert len(KnownHosts(path).look_up("[b]:23")) == 1
    assert KnownHosts(path).look_up("b") == []


def test_a_key_remembered_meanwhile_is_compared(path: Path, keys: list[paramiko.PKey]) -> None:
    policy = HostKeyPolicy("n1", "h", KnownHosts(path), strict=False)
    KnownHosts(path).remember("h", keys[0])
    policy.missing_host_key(None, "h", keys[0])
    with pytest.raises(HostKeyError, match=f"n1 shows another host key .* {path}, line 1"):
        policy.missing_host_key(None, "h", keys[1])
    assert path.read_text() == line("h", keys[0])


def write_many(path: Path, key_file: Path, first: int) -> None:
    key = paramiko.PKey.from_path(key_file)
    for number in range(first, first + 20):
        KnownHosts(path).remember(f"h{number}", key)
        KnownHosts(path).remember("shared", key)


def test_processes_that_write_at_once_lose_nothing(path: Path, tmp_path: Path) -> None:
    key_file = new_key(tmp_path / "key")
    spawn = multiprocessing.get_context("spawn")
    writers = [
        spawn.Process(target=write_many, args=(path, key_file, number * 20)) for number in range(3)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(120)
        assert writer.exitcode == 0
    names = [entry.split()[0] for entry in path.read_text().splitlines()]
    assert sorted(names) == sorted([*(f"h{number}" for number in range(60)), "shared"])
    assert {one.name for one in path.parent.iterdir()} == {"known_hosts", "known_hosts.lock"}


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path, keys: list[paramiko.PKey]) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=f"{tmp_path}/file/known_hosts: cannot remember"):
        KnownHosts(tmp_path / "file" / "known_hosts").remember("h", keys[0])


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"{tmp_path}: cannot read it"):
        KnownHosts(tmp_path).look_up("h")


def test_without_a_file_nothing_is_remembered(keys: list[paramiko.PKey]) -> None:
    before = set(os.listdir())  # noqa: PTH208
    assert KnownHosts(None).remember("h", keys[0]) == []
    assert KnownHosts(None).look_up("h") == []
    assert set(os.listdir()) == before  # noqa: PTH208
