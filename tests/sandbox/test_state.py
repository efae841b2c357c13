from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import msgspec
import pytest

from raftfleet.errors import SandboxError
from raftfleet.sandbox import state
from raftfleet.sandbox.model import Phase, Sandbox, design
from raftfleet.sandbox.processes import Process

if TYPE_CHECKING:
    from pathlib import Path


def designed(name: str, third: int = 1) -> Sandbox:
    return design(name, 2, 64, f"10.77.{third}.0/24", "this-boot", 7)


def published(name: str, third: int = 1) -> Sandbox:
    made = designed(name, third)
    with state.register():
        os.close(state.publish(made))
    return made


def test_before_the_first_sandbox_there_is_none(home: Path) -> None:
    assert not home.exists()
    assert state.registered() == []
    assert state.read("sbx-a") is None
    with state.locked("sbx-a") as lock:
        assert lock is None


@pytest.mark.usefixtures("home")
def test_a_record_reads_back_as_it_was_written() -> None:
    made = published("sbx-a")
    assert state.read("sbx-a") == made
    born = tuple(msgspec.structs.replace(h, init=Process(5, 6)) for h in made.hosts)
    later = msgspec.structs.replace(made, phase=Phase.UP, hosts=born)
    assert state.write(later) is later
    assert state.read("sbx-a") == later


def test_folders_are_roots_alone(home: Path) -> None:
    made = published("sbx-a")
    assert home.stat().st_mode & 0o777 == 0o700
    assert made.directory.stat().st_mode & 0o777 == 0o700


def test_a_record_that_is_cut_short_is_none_at_all(home: Path) -> None:
    published("sbx-a")
    whole = (home / "sbx-a/state.json").read_bytes()
    (home / "sbx-a/state.json").write_bytes(whole[: len(whole) // 2])
    assert state.read("sbx-a") is None
    assert state.subnets() == set()


def test_unknown_fields_of_a_later_version_do_not_hide_a_record(home: Path) -> None:
    made = published("sbx-a")
    record = msgspec.json.decode((home / "sbx-a/state.json").read_bytes())
    (home / "sbx-a/state.json").write_bytes(msgspec.json.encode({**record, "moon": "full"}))
    assert state.read("sbx-a") == made


@pytest.mark.usefixtures("home")
def test_names_and_subnets_are_listed() -> None:
    published("sbx-b", 2)
    published("sbx-a", 1)
    assert state.registered() == ["sbx-a", "sbx-b"]
    assert state.subnets() == {"10.77.1.0/24", "10.77.2.0/24"}


def test_a_new_folder_is_locked_before_anybody_can_see_it(home: Path) -> None:
    with state.register():
        lock = state.publish(designed("sbx-a"))
    assert sorted(entry.name for entry in home.iterdir()) == ["sbx-a"]
    with pytest.raises(SandboxError, match="another process is making or removing it"):
        locks("sbx-a")
    os.close(lock)
    locks("sbx-a")


def locks(name: str) -> None:
    with state.locked(name, seconds=0) as lock:
        assert lock is not None


@pytest.mark.usefixtures("home")
def test_a_helper_that_inherited_the_lock_keeps_it_after_our_death() -> None:
    published("sbx-a")
    with state.locked("sbx-a") as lock:
        assert lock is not None
        argv = [sys.executable, "-c", "input()"]
        helper = subprocess.Popen(argv, stdin=subprocess.PIPE, pass_fds=(lock,))
    with helper:
        with pytest.raises(SandboxError, match="not within 0 s"):
            locks("sbx-a")
        helper.communicate(b"\n")
    locks("sbx-a")


@pytest.mark.usefixtures("home")
def test_whoever_waited_for_a_folder_that_went_away_is_told_so() -> None:
    published("sbx-a")
    seen: list[int | None] = []

    def wait() -> None:
        with state.locked("sbx-a") as lock:
            seen.append(lock)

    waiter = threading.Thread(target=wait)
    with state.locked("sbx-a") as lock:
        assert lock is not None
        waiter.start()
        with state.register():
            assert state.erase("sbx-a")
    waiter.join(20)
    assert seen == [None]


def test_a_lock_on_a_folder_that_was_replaced_meanwhile_does_not_count(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published("sbx-a")
    take = state._take

    def replaced_just_before(descriptor: int) -> bool:
        monkeypatch.setattr(state, "_take", take)
        with state.register():
            state.erase("sbx-a")
        published("sbx-a")
        return take(descriptor)

    monkeypatch.setattr(state, "_take", replaced_just_before)
    with state.locked("sbx-a") as lock:
        assert lock is not None
        assert os.path.samestat(os.fstat(lock), (home / "sbx-a").stat())


def test_erasing_takes_the_whole_folder_once(home: Path) -> None:
    made = published("sbx-a")
    (made.directory / "n1/seed").mkdir(parents=True)
    with state.register():
        assert state.erase("sbx-a")
        assert not state.erase("sbx-a")
    assert list(home.iterdir()) == []


def test_an_eraser_that_dies_over_a_folder_has_given_its_name_back(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published("sbx-a")

    def die(_: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, state.register():
        patch.setattr("shutil.rmtree", die)
        with pytest.raises(KeyboardInterrupt):
            state.erase("sbx-a")
    assert state.registered() == []
    with state.register():
        assert state.sweep() == [".gone-sbx-a"]
    assert list(home.iterdir()) == []


def test_what_a_killed_process_was_making_or_erasing_is_swept(home: Path) -> None:
    published("sbx-kept")
    (home / ".new-sbx-a").mkdir()
    (home / ".gone-sbx-b/n1").mkdir(parents=True)
    with state.register():
        assert sorted(state.sweep()) == [".gone-sbx-b", ".new-sbx-a"]
        assert state.sweep() == []
    assert state.registered() == ["sbx-kept"]


@pytest.mark.usefixtures("home")
def test_the_register_is_for_one_at_a_time() -> None:
    with (
        state.register(),
        pytest.raises(SandboxError, match="held by another process"),
        state.register(seconds=0),
    ):
        pass
    with state.register(seconds=0):
        pass
