"""A node is started with nothing ignored and nothing inherited, and its end is written down."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from raftfleet.cluster.identity import latest_life
from raftfleet.cluster.remote import asset
from raftfleet.errors import NodeError
from raftfleet.transport import Command
from raftfleet.transport.shell import inner
from tests.cluster.bench import PATIENCE, Bench, LineSystem, until

if TYPE_CHECKING:
    from raftfleet.cluster.identity import Life
    from raftfleet.cluster.life import NodeLife

REPOSITORY = Path(__file__).parents[2]
PYTHON = "/usr/bin/python3"


def started(life: NodeLife) -> int:
    """Start a node and return its pid once it has become itself."""
    life.start()
    found = latest_life(life.place)
    assert found is not None
    return found.incarnation.pid


def over(life: NodeLife) -> Life:
    """Wait for the record of a node's end."""
    found: list[Life] = []

    def ended() -> bool:
        known = latest_life(life.place, patience=0.1)
        if known and known.ended:
            found.append(known)
        return bool(found)

    until(ended, "the record of the exit")
    return found[0]


def status_line(pid: int, key: str) -> str:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(key):
            return line.split()[1]
    raise AssertionError(key)


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("exec true", 0),
        ("exit 3", 3),
        ("kill -KILL $$", -9),
        ("kill -TERM $$", -15),
        ("kill -INT $$", -2),
        ("exec /no/such/program", 127),
    ],
)
def test_the_end_is_written_down_with_its_status(bench: Bench, line: str, status: int) -> None:
    life = bench.life(line)
    life.start()
    known = over(life)
    assert known.ended is not None
    assert known.ended.status == status
    assert not known.alive
    assert known.ended.at.hi >= known.began.lo
    assert known.ended.wall > 1.7e9


def test_a_signal_from_outside_is_written_down(bench: Bench) -> None:
    life = bench.life("exec sleep 60")
    os.kill(started(life), signal.SIGKILL)
    known = over(life)
    assert known.ended is not None
    assert known.ended.status == -9


def test_lives_are_counted_from_one(bench: Bench) -> None:
    life = bench.life("exec true")
    for counter in (1, 2, 3):
        life.start()
        assert over(life).incarnation.counter == counter


def test_the_node_ignores_no_signal_and_has_no_file_but_its_console(bench: Bench) -> None:
    pid = started(bench.life("exec sleep 60"))
    until(lambda: Path(f"/proc/{pid}/comm").read_text() == "sleep\n", "sleep")
    assert int(status_line(pid, "SigIgn"), 16) == 0
    files = {int(entry.name): str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()}
    console = str(bench.folder / "n1/logs/console.log")
    assert files == {0: "/dev/null", 1: console, 2: console}
    assert os.getsid(pid) != os.getsid(0)


START = """
import sys
from pathlib import Path
sys.path.insert(0, {repository!r})
from tests.cluster.bench import Bench
from raftfleet.clock import SystemClock
from raftfleet.journal import Recorder
life = Bench(Path({folder!r}), Recorder(None, SystemClock())).life("exec sleep 60")
life.start()
"""


@pytest.mark.parametrize("without", [(), ("env",), ("env", "perl")], ids=["env", "perl", "python"])
def test_the_node_ignores_no_signal_when_we_do(bench: Bench, without: tuple[str, ...]) -> None:
    tools = bench.folder / "tools"
    tools.mkdir()
    for name in without:  # as on a host whose env knows no --default-signal, or that lacks perl
        (tools / name).write_text("#!/bin/sh\nexit 125\n")
        (tools / name).chmod(0o755)
    script = START.format(repository=str(REPOSITORY), folder=str(bench.folder))
    subprocess.run(
        ["/bin/sh", "-c", 'trap "" HUP INT QUIT TERM; exec "$0" -c "$1"', sys.executable, script],
        check=True,
        timeout=PATIENCE,
        env={**os.environ, "PATH": f"{tools}:/usr/bin:/bin"},
    )
    known = latest_life(bench.place())
    assert known is not None
    assert known.alive
    assert int(status_line(known.incarnation.pid, "SigIgn"), 16) == 0
    assert int(known.sigign, 16) == 0


def test_what_could_not_be_undone_is_recorded(bench: Bench) -> None:
    tools = bench.folder / "tools"
    tools.mkdir()
    for name in ("env", "perl", "python3"):
        (tools / name).write_text("#!/bin/sh\nexit 125\n")
        (tools / name).chmod(0o755)
    script = START.format(repository=str(REPOSITORY), folder=str(bench.folder))
    subprocess.run(
        ["/bin/sh", "-c", 'trap "" INT; exec "$0" -c "$1"', sys.executable, script],
        check=True,
        timeout=PATIENCE,
        env={**os.environ, "PATH": f"{tools}:/usr/bin:/bin"},
    )
    known = latest_life(bench.place())
    assert known is not None
    assert int(known.sigign, 16) == 1 << (signal.SIGINT - 1)


def test_the_node_outlives_whoever_started_it(bench: Bench) -> None:
    script = START.format(repository=str(REPOSITORY), folder=str(bench.folder))
    subprocess.run([sys.executable, "-c", script], check=True, timeout=PATIENCE)
    known = latest_life(bench.place())
    assert known is not None
    assert known.alive


def test_the_waiter_outlives_a_signal_to_its_group(bench: Bench) -> None:
    life = bench.life("trap 'exit 4' TERM; while :; do sleep 0.05; done")
    pid = started(life)
    until(lambda: int(status_line(pid, "SigCgt"), 16) >> 14 & 1, "the handler")
    os.killpg(os.getpgid(pid), signal.SIGTERM)
    known = over(life)
    assert known.ended is not None
    assert known.ended.status == 4


def test_environment_directory_and_output_are_the_nodes(bench: Bench) -> None:
    life = bench.life('echo "$TOY in $PWD"; echo trouble >&2; exit 1')
    life.start()
    over(life)
    console = (bench.folder / "n1/logs/console.log").read_text()
    assert console == f"with 'quotes' and spaces in {bench.folder}/n1\ntrouble\n"


def test_output_of_a_later_life_is_appended(bench: Bench) -> None:
    life = bench.life("echo once more")
    for _ in range(2):
        life.start()
        known = over(life)
    assert (bench.folder / "n1/logs/console.log").read_text() == "once more\n" * 2
    assert known.console == len("once more\n")


def test_records_are_nobody_elses_business(bench: Bench) -> None:
    life = bench.life("exec true")
    life.start()
    assert bench.records().stat().st_mode & 0o777 == 0o700


def test_a_node_without_a_home_is_refused_by_name(bench: Bench) -> None:
    life = bench.life("exec true")
    shutil.rmtree(bench.folder / "n1")
    with pytest.raises(NodeError, match=f"there is no {bench.folder}/n1"):
        life.start()


SHELLS = [name for name in ("dash", "bash", "busybox") if shutil.which(name)]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(("line", "status"), [("exec sleep 60", 130), ("exit 3", 3)])
def test_it_works_in_every_posix_shell(bench: Bench, shell: str, line: str, status: int) -> None:
    (bench.folder / "bin").mkdir()
    (bench.folder / "bin/sh").symlink_to(str(shutil.which(shell)))
    (bench.folder / "n1").mkdir()
    path = f"{bench.folder}/bin:/usr/bin:/bin"

    def ask(script: str, **variables: object) -> dict[str, str]:
        given = {"cluster": "bench", "node": "n1", "root": bench.state, **variables}
        known = "\n".join(f"{name}='{value}'" for name, value in given.items())
        done = subprocess.run(
            [bench.folder / "bin/sh", "-c", f"{known}\n{asset('state.sh')}{asset(script)}"],
            input=asset("waiter.sh"),
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=True,
        )
        assert done.stderr == ""
        return dict(one.split(" ", 1) for one in done.stdout.splitlines() if " " in one)

    scene = inner(Command(line)).replace("'", "")
    home = bench.folder / "n1"
    begun = ask("launch.sh", home=home, console=home / "console.log", scene=scene, line=line)
    assert begun["life.sigign"] == "0" * 16
    pid, start = begun["life.pid"], begun["life.start"]
    if line.startswith("exec"):
        until(lambda: Path(f"/proc/{pid}/comm").read_text() == "sleep\n", "sleep")
        assert int(status_line(int(pid), "SigIgn"), 16) == 0
        stopped = ask("stop.sh", pid=pid, start=start, counter=1, signal=2, grace=20, ways="shell")
        assert "gone" in stopped
    until(lambda: ask("record.sh").get("exit.status") == str(status), "the record")


def test_a_line_that_does_not_say_exec_is_still_ended_and_recorded(bench: Bench) -> None:
    life = bench.life("sleep 60; exit 5")
    pid = started(life)
    os.kill(pid, signal.SIGTERM)
    known = over(life)
    assert known.ended is not None
    assert known.ended.status == -15
    assert isinstance(life._system, LineSystem)
