from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING

import msgspec
import pytest

from raftfleet.sandbox.processes import (
    TAG,
    Process,
    end,
    end_strays,
    identify,
    is_alive,
    parent,
    strays,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

NOBODY = 4_190_000


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with sleeping({}) as process:
        yield process
        process.kill()


def sleeping(environment: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(["sleep", "60"], env={"PATH": os.environ["PATH"], **environment})


def known(pid: int) -> Process:
    process = identify(pid)
    assert process is not None
    return process


def test_a_process_is_known_by_pid_and_start(sleeper: subprocess.Popen[bytes]) -> None:
    process = known(sleeper.pid)
    assert process == identify(sleeper.pid)
    assert process.start > 0
    assert is_alive(process)
    assert parent(sleeper.pid) == os.getpid()


def test_a_program_name_with_blanks_and_parentheses_confuses_nobody(
    tmp_path: os.PathLike[str],
) -> None:
    odd = os.path.join(tmp_path, "a) Z 1 (b")  # noqa: PTH118 - the name is the point
    os.symlink("/bin/sleep", odd)  # noqa: PTH211
    with subprocess.Popen([odd, "60"]) as process:
        try:
            assert parent(process.pid) == os.getpid()
            assert is_alive(known(process.pid))
        finally:
            process.kill()


def test_nobody_is_no_process() -> None:
    assert identify(NOBODY) is None
    assert parent(NOBODY) == 0
    assert end([Process(NOBODY, 1)]) == []


def test_a_zombie_is_no_process(sleeper: subprocess.Popen[bytes]) -> None:
    process = known(sleeper.pid)
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
    assert not is_alive(process)
    assert end([process]) == []


def test_ending_waits_until_the_process_is_gone(sleeper: subprocess.Popen[bytes]) -> None:
    process = known(sleeper.pid)
    assert end([process]) == [process]
    assert not is_alive(process)
    assert sleeper.wait() == -signal.SIGKILL


def test_a_recycled_pid_is_not_killed(sleeper: subprocess.Popen[bytes]) -> None:
    process = known(sleeper.pid)
    recycled = msgspec.structs.replace(process, start=process.start + 1)
    assert not is_alive(recycled)
    assert end([recycled]) == []
    assert sleeper.poll() is None
    assert is_alive(process)


def test_descriptors_are_given_back(sleeper: subprocess.Popen[bytes]) -> None:
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    process = known(sleeper.pid)
    end([Process(process.pid, 1), Process(NOBODY, 1), process])
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's processes can be a sandbox's")
def test_strays_are_found_by_their_tag_and_no_other() -> None:
    mine, other, longer = (
        sleeping({TAG: tag}) for tag in ("sbx-stray/n2", "sbx-other/n1", "sbx-stray-2/n1")
    )
    with mine, other, longer:
        try:
            assert strays("sbx-stray") == {known(mine.pid): "n2"}
            assert end_strays("sbx-stray") == {"n2"}
            assert strays("sbx-stray") == {}
            assert mine.wait(10) == -signal.SIGKILL
            assert other.poll() is None
            assert longer.poll() is None
        finally:
            for process in (mine, other, longer):
                process.kill()
