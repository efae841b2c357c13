"""A controller that is killed leaves a journal that reads up to its last whole line."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from raftfleet.journal import events as ev
from raftfleet.journal import read_journal

REPOSITORY = Path(__file__).parents[2]
WRITER = """
import sys, threading
from pathlib import Path
from raftfleet.clock import SystemClock
from raftfleet.journal import Recorder
from raftfleet.journal import events as ev

recorder = Recorder(Path(sys.argv[1]), SystemClock())

def work(host):
    number = 0
    while True:
        number += 1
        recorder.record(ev.TaskProgress(task=number, host=host, text="x" * (number % 3000)))

for name in ("a", "b"):
    threading.Thread(target=work, args=(name,), daemon=True).start()
print("writing", flush=True)
threading.Event().wait()
"""
ROUNDS = 6


def test_killed_at_any_moment_the_journal_reads(tmp_path: Path) -> None:
    for number in range(ROUNDS):
        folder = tmp_path / f"run{number}"
        events = killed_after(folder, random.uniform(0.01, 0.15))
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        for host in ("a", "b"):
            mine = [e.task for e in events if isinstance(e, ev.TaskProgress) and e.host == host]
            assert mine == list(range(1, len(mine) + 1))


def killed_after(folder: Path, seconds: float) -> tuple[ev.Event, ...]:
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, folder], cwd=REPOSITORY, stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"writing\n"
        time.sleep(seconds)  # the kill has to come at a moment nobody chose
        writer.send_signal(signal.SIGKILL)
        writer.wait()
    journal = read_journal(folder)
    assert journal.cut_short
    assert len(journal.events) > 0
    return journal.events
