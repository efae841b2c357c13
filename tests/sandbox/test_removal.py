"""Whatever is killed whenever: afterwards ``down`` leaves nothing."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from raftfleet import sandbox
from raftfleet.errors import SandboxError
from raftfleet.sandbox import removal, state
from raftfleet.sandbox.model import HOME, link_prefix
from raftfleet.sandbox.processes import Process, identify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Remains = Callable[[str], list[str]]

pytestmark = pytest.mark.hosts

ROOT = Path(__file__).parents[2]
UP_STEPS = [
    *("files", "namespaces", "keys", "bridge", "identities", "cables", "go", "sshd"),
    *("neighbours", "record"),
]
DOWN_STEPS = ["processes", "mounts", "interfaces", "routes", "cgroups", "folder"]
RANDOM_KILLS = 25

# Says every step; at one that is asked for it says so and waits to be killed.
PROGRAM = """
import signal, sys
from raftfleet import sandbox
act, name, fatal = sys.argv[1:]
def progress(step):
    print(step, flush=True)
    if step == fatal:
        print("here", flush=True)
        signal.pause()
if act == "up":
    sandbox.up(name, 3, disk_mb=8, progress=progress)
else:
    sandbox.down(name, progress=progress)
print("done", flush=True)
"""


def start(act: str, name: str, fatal: str = "") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, act, name, fatal],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )


def kill_at(act: str, name: str, step: str) -> None:
    """Run ``up`` or ``down`` and kill it at the beginning of a step."""
    with start(act, name, step) as process:
        assert process.stdout is not None
        said = [line.strip() for line in iter(process.stdout.readline, "here\n") if line]
        process.kill()
    assert said[-1] == step


def kill_after(act: str, name: str, step: str, seconds: float) -> str:
    """Run ``up`` or ``down``, kill it some time after it began a step, return its last one."""
    with start(act, name) as process:
        assert process.stdout is not None
        said = [line.strip() for line in iter(process.stdout.readline, f"{step}\n") if line]
        time.sleep(seconds)
        process.kill()
        return [*said, step, *process.stdout.read().split()][-1]


def moments(steps: list[str], count: int, seed: int) -> Iterator[tuple[str, float]]:
    """Yield random moments, spread evenly over the steps: (step, seconds after its beginning).

    Most steps last some milliseconds and waiting for sshd a tenth of a second, or a multiple on a
    busy machine; counting from the step keeps the spread whatever the load.
    """
    dice = random.Random(seed)
    for nth in range(count):
        step = steps[nth % len(steps)]
        yield step, dice.random() * (0.15 if step == "sshd" else 0.012)


def test_the_steps_at_which_we_kill_are_all_there_are(fresh: str) -> None:
    steps: list[str] = []
    sandbox.up(fresh, 1, disk_mb=8, progress=steps.append)
    assert steps == UP_STEPS
    steps.clear()
    sandbox.down(fresh, progress=steps.append)
    assert steps == DOWN_STEPS


@pytest.mark.parametrize("step", UP_STEPS)
def test_after_a_maker_killed_at_any_step_down_leaves_nothing(
    fresh: str, remains: Remains, step: str
) -> None:
    kill_at("up", fresh, step)
    assert remains(fresh) != []
    assert sandbox.down(fresh)
    assert remains(fresh) == []
    assert not sandbox.down(fresh)


def test_hosts_are_on_record_before_they_are_built(fresh: str) -> None:
    kill_at("up", fresh, "go")
    record = state.read(fresh)
    assert record is not None
    assert all(host.init and host.keeper for host in record.hosts)


def test_after_a_maker_killed_at_random_moments_down_leaves_nothing(
    fresh: str, remains: Remains
) -> None:
    seen = set()
    for step, seconds in moments(UP_STEPS, RANDOM_KILLS, seed=77):
        seen.add(kill_after("up", fresh, step, seconds))
        sandbox.down(fresh)
        left = remains(fresh)
        assert left == [], f"killed {seconds:.4f} s after {step}: {left}"
    assert len(seen) > 3, "the kills hit too few different steps to prove anything"


def test_after_a_maker_killed_at_random_moments_up_starts_afresh(fresh: str) -> None:
    for step, seconds in moments(["namespaces", "bridge", "cables", "go", "sshd"], 10, seed=78):
        if kill_after("up", fresh, step, seconds) == "done":
            sandbox.down(fresh)
        made = sandbox.up(fresh, 2, disk_mb=8)
        assert sandbox.load(fresh) == made
        sandbox.down(fresh)


@pytest.mark.parametrize("step", DOWN_STEPS)
def test_after_a_down_killed_at_any_step_down_leaves_nothing(
    fresh: str, remains: Remains, step: str
) -> None:
    sandbox.up(fresh, 2, disk_mb=8)
    kill_at("down", fresh, step)
    sandbox.down(fresh)
    assert remains(fresh) == []


def test_after_a_down_killed_at_random_moments_down_leaves_nothing(
    fresh: str, remains: Remains
) -> None:
    for step, seconds in moments(DOWN_STEPS, 10, seed=79):
        sandbox.up(fresh, 3, disk_mb=8)
        kill_after("down", fresh, step, seconds)
        sandbox.down(fresh)
        left = remains(fresh)
        assert left == [], f"killed {seconds:.4f} s after {step}: {left}"


def test_a_sandbox_whose_removal_was_cut_short_is_not_up(fresh: str) -> None:
    sandbox.up(fresh, 2, disk_mb=8)
    kill_at("down", fresh, "mounts")
    with pytest.raises(SandboxError, match=r"is not up \(state: going\)"):
        sandbox.load(fresh)


def test_down_says_what_it_removed_and_then_that_there_was_nothing(fresh: str) -> None:
    made = sandbox.up(fresh, 2, disk_mb=8)
    removed = sandbox.down(fresh)
    assert removed.hosts == ("n1", "n2")
    assert removed.interfaces == (made.bridge, *(host.link for host in made.hosts))
    assert removed.routes == (made.subnet, made.subnet6)
    assert removed.folders == (fresh,)
    assert str(removed) == "2 hosts, 3 interfaces, 2 routes, 1 folder"
    again = sandbox.down(fresh)
    assert not again
    assert str(again) == "nothing"


def test_everything_inside_ends_with_the_host(fresh: str) -> None:
    made = sandbox.up(fresh, 1, disk_mb=8)
    detach = (
        "setsid -f nohup sleep 600 </dev/null >/dev/null 2>&1; until pgrep -x sleep; do :; done"
    )
    subprocess.run(made.ssh_argv("n1", [detach]), check=True, capture_output=True, timeout=30)
    inside = Path(f"/proc/{made.hosts[0].init_pid}/ns/pid").readlink()

    def residents() -> list[str]:
        found = []
        for entry in Path("/proc").glob("[0-9]*/ns/pid"):
            try:
                found += [str(entry)] if entry.readlink() == inside else []
            except OSError:
                continue
        return found

    assert len(residents()) >= 3
    sandbox.down(fresh)
    assert residents() == []


def test_down_finds_a_sandbox_whose_folder_was_deleted(fresh: str, remains: Remains) -> None:
    made = sandbox.up(fresh, 2, disk_mb=8)
    shutil.rmtree(made.directory)
    assert sandbox.down(fresh).hosts == ("n1", "n2")
    assert remains(fresh) == []


def test_down_finds_a_sandbox_whose_record_is_damaged(fresh: str, remains: Remains) -> None:
    made = sandbox.up(fresh, 2, disk_mb=8)
    (made.directory / "state.json").write_text("{}")
    assert sandbox.down(fresh).hosts == ("n1", "n2")
    assert remains(fresh) == []


def bystander() -> subprocess.Popen[bytes]:
    return subprocess.Popen(["sleep", "600"])


def test_down_kills_no_stranger_that_got_a_recorded_pid(fresh: str) -> None:
    made = sandbox.up(fresh, 1, disk_mb=8)
    with bystander() as stranger:
        try:
            recycled = Process(stranger.pid, 1)
            hosts = (msgspec.structs.replace(made.hosts[0], init=recycled),)
            state.write(msgspec.structs.replace(made, hosts=hosts))
            sandbox.down(fresh)
            assert stranger.poll() is None
        finally:
            stranger.kill()
    assert not made.hosts[0].alive


def test_down_kills_no_stranger_of_another_boot(fresh: str) -> None:
    made = sandbox.up(fresh, 1, disk_mb=8)
    with bystander() as stranger:
        try:
            hosts = (msgspec.structs.replace(made.hosts[0], init=identify(stranger.pid)),)
            state.write(msgspec.structs.replace(made, hosts=hosts, boot_id="before"))
            sandbox.down(fresh)
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_a_foreign_mount_in_the_folder_is_unmounted_and_not_emptied(
    fresh: str, tmp_path: Path
) -> None:
    made = sandbox.up(fresh, 1, disk_mb=8)
    (tmp_path / "precious").write_text("still here")
    point = made.directory / "a place"
    point.mkdir()
    subprocess.run(["mount", "--bind", str(tmp_path), str(point)], check=True)
    assert sandbox.down(fresh).mounts == (str(point),)
    assert (tmp_path / "precious").read_text() == "still here"


def test_what_cannot_be_removed_stands_in_nobody_elses_way(fresh: str, tmp_path: Path) -> None:
    other = f"{fresh}-b"
    point = HOME / f".gone-{other}" / "mounted"
    (tmp_path / "precious").write_text("still here")
    with state.register():
        point.mkdir(parents=True)
        subprocess.run(["mount", "--bind", str(tmp_path), str(point)], check=True)
        subprocess.run(["mount", "-o", "remount,bind,ro", str(point)], check=True)
    try:
        sandbox.up(fresh, 1, disk_mb=8)
        sandbox.down(fresh)
        assert point.exists()
    finally:
        removed = sandbox.down(other)
    assert removed.mounts == (str(point),)
    assert removed.folders == (f".gone-{other}",)
    assert (tmp_path / "precious").read_text() == "still here"


def test_down_waits_for_a_maker_at_work_and_gives_up_with_a_reason(
    fresh: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(removal, "_PATIENCE", 0.1)
    with start("up", fresh, "neighbours") as maker:
        assert maker.stdout is not None
        while maker.stdout.readline() != "here\n":
            assert maker.poll() is None
        try:
            with pytest.raises(SandboxError, match="another process is making or removing it"):
                sandbox.down(fresh)
        finally:
            maker.send_signal(signal.SIGKILL)
    assert sandbox.down(fresh).hosts == ("n1", "n2", "n3")


def test_interfaces_of_others_are_left_alone(fresh: str) -> None:
    prefix = link_prefix(fresh)
    lookalike = f"{prefix}9"
    subprocess.run(["ip", "link", "add", lookalike, "type", "bridge"], check=True)
    try:
        sandbox.up(fresh, 1, disk_mb=8)
        sandbox.down(fresh)
        assert Path("/sys/class/net", lookalike).exists()
    finally:
        subprocess.run(["ip", "link", "del", lookalike], check=True)
