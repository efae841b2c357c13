"""A process is named by its record, its pid and its start time, and by nothing else."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from raftfleet.cluster.identity import find, latest_life, program_of
from tests.cluster.bench import Bench, until

if TYPE_CHECKING:
    from raftfleet.cluster.identity import Program
    from raftfleet.cluster.life import NodeLife


def rewritten(bench: Bench, key: str, value: str) -> None:
    """Change a line of the record of the first life."""
    record = bench.records() / "life-1"
    lines = [
        f"{key} {value}" if line.split()[0] == key else line
        for line in record.read_text().splitlines()
    ]
    record.write_text("\n".join(lines) + "\n")


def program(life: NodeLife) -> Program:
    running = find(life.place)
    assert running is not None
    found = program_of(life.place, running)
    assert found is not None
    return found


def test_a_node_nobody_started_is_not_found(bench: Bench) -> None:
    assert find(bench.place()) is None
    assert latest_life(bench.place()) is None


def test_a_running_node_is_found_under_the_pid_of_its_program(bench: Bench) -> None:
    life = bench.life("exec sleep 60")
    life.start()
    running = find(life.place)
    assert running is not None
    assert running.counter == 1
    until(lambda: Path(f"/proc/{running.pid}/comm").read_text() == "sleep\n", "sleep")
    stat = Path(f"/proc/{running.pid}/stat").read_text().rpartition(")")[2].split()
    assert running.start_time == int(stat[19])


def test_a_recycled_pid_is_no_node(bench: Bench) -> None:
    life = bench.life("exec sleep 60")
    life.start()
    assert find(life.place) is not None
    rewritten(bench, "pid", str(os.getpid()))
    assert find(life.place) is None


def test_a_record_from_before_a_reboot_is_no_node(bench: Bench) -> None:
    life = bench.life("exec sleep 60")
    life.start()
    rewritten(bench, "boot", "00000000-0000-0000-0000-000000000000")
    assert find(life.place) is None


def test_a_zombie_has_ended(bench: Bench) -> None:
    """The parent of this one never asks how it ended; to the waiter's eyes it must be gone."""
    life = bench.life("exec sleep 60")
    life.start()
    child = os.fork()
    if child == 0:
        os._exit(0)
    try:
        until(lambda: " Z " in Path(f"/proc/{child}/stat").read_text(), "a zombie")
        stat = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
        before = find(life.place)
        assert before is not None
        rewritten(bench, "pid", str(child))
        rewritten(bench, "start", stat[19])
        assert find(life.place) is None
        os.kill(before.pid, signal.SIGKILL)
    finally:
        os.waitpid(child, 0)


def test_a_programs_digest_is_that_of_its_file(bench: Bench) -> None:
    life = bench.life("exec ./own-sleep 60")
    copy = bench.folder / "n1/own-sleep"
    shutil.copy("/bin/sleep", copy)
    life.start()
    found = program(life)
    assert found.path == str(copy)
    assert not found.script
    assert found.digest == hashlib.sha256(copy.read_bytes()).hexdigest()


def test_a_program_replaced_on_disk_still_shows_what_runs(bench: Bench) -> None:
    life = bench.life("exec ./own-sleep 60")
    copy = bench.folder / "n1/own-sleep"
    shutil.copy("/bin/sleep", copy)
    before = hashlib.sha256(copy.read_bytes()).hexdigest()
    life.start()
    assert program(life).digest == before
    shutil.copy("/bin/cat", bench.folder / "n1/new")
    (bench.folder / "n1/new").replace(copy)
    assert program(life).digest == before
    assert program(life).path == str(copy)


def test_of_a_script_its_own_file_counts_and_not_its_interpreter(bench: Bench) -> None:
    life = bench.life("exec ./node --conf x")
    script = bench.folder / "n1/node"
    script.write_text("#!/usr/bin/env -S python3 -S -E\nimport time; time.sleep(60)\n")
    script.chmod(0o755)
    life.start()
    found = program(life)
    assert found.script
    assert found.path == str(script)
    assert found.digest == hashlib.sha256(script.read_bytes()).hexdigest()
    assert str(found).startswith("the script ")


def test_a_changed_script_of_equal_length_shows_its_new_digest(bench: Bench) -> None:
    """The digest is kept with the file's times, so that a large program is read once."""
    life = bench.life("exec ./node")
    script = bench.folder / "n1/node"
    script.write_text("#!/bin/sh\nsleep 60 # a\n")
    script.chmod(0o755)
    life.start()
    first = program(life).digest
    assert program(life).digest == first
    script.write_text("#!/bin/sh\nsleep 60 # b\n")
    assert program(life).digest == hashlib.sha256(script.read_bytes()).hexdigest() != first


def test_nothing_is_said_of_a_process_that_is_gone(bench: Bench) -> None:
    life = bench.life("exec sleep 60")
    life.start()
    running = find(life.place)
    assert running is not None
    os.kill(running.pid, signal.SIGKILL)
    until(lambda: find(life.place) is None, "the end")
    assert program_of(life.place, running) is None
