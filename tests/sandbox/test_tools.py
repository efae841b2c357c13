from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from raftfleet.errors import ExitCode, SandboxError
from raftfleet.sandbox import lookup, making, removal, tools

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def keep() -> Iterator[int]:
    reader, writer = os.pipe()
    yield writer
    os.close(reader)
    os.close(writer)


@pytest.mark.parametrize("act", [making.up, removal.down, lookup.load, lookup.exists])
def test_a_root_without_the_rights_of_root_is_told_which_at_every_door(
    act: Callable[[str], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tools, "_effective", lambda: ~(1 << 21))
    with pytest.raises(SandboxError, match="this root lacks CAP_SYS_ADMIN") as caught:
        act("sbx-locked-out")
    assert "--privileged" in (caught.value.hint or "")
    assert caught.value.exit_code is ExitCode.USAGE


def test_one_error_names_all_that_is_missing_and_the_apt_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in tools._PROGRAMS:
        if name not in {"sshd", "ip", "setpriv"}:
            (tmp_path / name).symlink_to("/bin/true")
    monkeypatch.setitem(tools.ENVIRONMENT, "PATH", str(tmp_path))
    monkeypatch.setattr(tools, "_effective", lambda: 0)
    monkeypatch.setattr(tools, "_has_overlay", lambda: False)
    with pytest.raises(SandboxError) as caught:
        tools.require_machine()
    assert caught.value.message == (
        "no sandbox hosts on this machine: this root lacks CAP_NET_ADMIN, CAP_SYS_ADMIN, CAP_SYS_TIME, CAP_MKNOD; "
        "programs missing: ip, setpriv, sshd; the kernel lacks overlayfs"
    )
    assert "apt-get install openssh-server iproute2 util-linux" in (caught.value.hint or "")


def test_a_usr_of_its_own_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os.path, "ismount", lambda path: path == "/usr")
    with pytest.raises(SandboxError, match="/usr is a file system of its own"):
        tools.require_machine()


def test_programs_run_side_by_side_and_answer_in_order(keep: int) -> None:
    commands = [["sh", "-c", "cat; echo 1"], ["sh", "-c", "cat; echo 2"]]
    assert tools.call_all(commands, keep=keep, stdin="in ") == ["in 1\n", "in 2\n"]


def test_a_program_that_fails_is_quoted(keep: int) -> None:
    with pytest.raises(SandboxError, match=r"^sh: no such luck$"):
        tools.call(["sh", "-c", "echo no such luck >&2; exit 3"], keep=keep)
    with pytest.raises(SandboxError, match=r"^sh: exit status 3$"):
        tools.call(["sh", "-c", "exit 3"], keep=keep)


def test_a_program_that_is_not_there_is_named_with_the_apt_line(keep: int) -> None:
    with pytest.raises(SandboxError, match="programs missing: no-such-program") as caught:
        tools.call(["no-such-program"], keep=keep)
    assert caught.value.hint == tools.APT_LINE


def test_a_program_that_hangs_is_ended(keep: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "_PATIENCE", 0.1)
    with pytest.raises(SandboxError, match="sleep did not end within"):
        tools.call(["sleep", "600"], keep=keep)


def test_when_one_program_fails_the_others_do_not_outlive_the_call(
    keep: int, tmp_path: Path
) -> None:
    late = ["sh", "-c", f"echo $$ >{tmp_path}/pid; exec sleep 600"]
    wait = f"until [ -s {tmp_path}/pid ]; do sleep 0.01; done; exit 1"
    with pytest.raises(SandboxError):
        tools.call_all([["sh", "-c", wait], late], keep=keep)
    assert not os.path.exists(f"/proc/{(tmp_path / 'pid').read_text().strip()}")  # noqa: PTH110


def test_helpers_inherit_the_lock_and_nothing_of_our_environment(
    keep: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "hunter2")
    seen = tools.call(["sh", "-c", f"env; ls /proc/self/fd/{keep}"], keep=keep)
    assert "hunter2" not in seen
    assert f"/proc/self/fd/{keep}" in seen
