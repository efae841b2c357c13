"""Figures accumulate over runs: each run once, whoever writes beside us, whatever kills the writer."""

from __future__ import annotations

import fcntl
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from raftfleet.checks import judge
from raftfleet.errors import UsageError
from raftfleet.journal import events as ev
from raftfleet.metrics import MetricsState, state_path
from raftfleet.testing.journal import Story, doctored

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from raftfleet.journal import Journal
    from raftfleet.metrics import Figures

DRILL = ("raft", "told")
FAILOVER = (*DRILL, "data", "stop")
WRITER = """
import os, signal, sys
from pathlib import Path
from raftfleet.checks import judge
from raftfleet.journal import read_journal
from raftfleet.metrics import MetricsState
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def halved(file, mode):
    out = fdopen(file, mode)
    class Half:
        fileno, flush = out.fileno, out.flush
        def __enter__(self): return self
        def __exit__(self, *_): out.close()
        def write(self, content):
            out.write(content[:len(content) // 2])
            out.flush()
            die()
    return Half()

replace, fdopen = Path.replace, os.fdopen
match os.environ.get("DIES", ""):
    case "in the middle of writing": os.fdopen = halved
    case "before the rename": Path.replace = die
    case "after the rename": Path.replace = lambda *given: (replace(*given), die())

state = MetricsState(Path(sys.argv[1]))
for folder in sys.argv[2:]:
    journal = read_journal(Path(folder))
    state.absorb(judge(journal), journal)
    print(folder, flush=True)
"""


def told(name: str, *, later: float = 0.0, stop: str = "n1", seconds: float = 5) -> Journal:
    """A run in which a node stops; ``later`` shifts its wall time."""
    story = Story().running().drill("leader-moves", "failover-in-interval")
    story.stop(stop).let(seconds)
    if stop == "n1":
        story.elect("n2", term=2).let(1)
    return renamed(story.end().journal(), name, later)


def renamed(journal: Journal, name: str, later: float) -> Journal:
    def change(event: ev.Event) -> ev.Event:
        event = replace(event, wall=event.wall + later)
        return replace(event, run=name) if isinstance(event, ev.RunStarted) else event

    return doctored(journal, change)


def absorb(state: MetricsState, journal: Journal) -> Figures:
    return state.absorb(judge(journal), journal)


@pytest.fixture
def state(tmp_path: Path) -> MetricsState:
    return MetricsState(state_path(tmp_path, "raft"), patience=0.2)


def passes(figures: Figures) -> float | None:
    return figures.value("raftfleet_drills", *DRILL, "pass")


def folders(path: Path, count: int) -> list[Path]:
    """Run folders as runs leave them."""
    made = []
    for number in range(count):
        folder = path / f"run-{number}"
        folder.mkdir(parents=True)
        (folder / "journal.jsonl").write_bytes(told(f"run-{number}").encode())
        made.append(folder)
    return made


# --- adding up -------------------------------------------------------------------------------


def test_runs_add_up(state: MetricsState) -> None:
    absorb(state, told("one", seconds=5))
    figures = absorb(state, told("two", seconds=6, later=100))
    histogram = figures.histograms["raftfleet_failover_seconds"][FAILOVER]
    assert sum(histogram.counts.values()) == 2
    assert histogram.total == pytest.approx(11, abs=0.1)
    assert figures.value("raftfleet_drills", *DRILL, "pass") == 2
    assert figures.value("raftfleet_failover_last_seconds", *FAILOVER) == pytest.approx(6, abs=0.1)
    assert {exemplar.run_id for exemplar in histogram.exemplars.values()} == {"one", "two"}


def test_a_run_counts_once(state: MetricsState) -> None:
    absorb(state, told("one"))
    before = state.path.read_bytes()
    figures = absorb(state, told("one"))
    assert figures.value("raftfleet_drills", *DRILL, "pass") == 1
    assert state.path.read_bytes() == before


def test_what_is_read_is_what_was_written(state: MetricsState) -> None:
    figures = absorb(state, told("one"))
    again = MetricsState(state.path).figures()
    assert again == figures
    assert again.value("raftfleet_build", "0.1.0") == 1


def test_figures_of_the_latest_run_go_when_it_says_nothing_of_them(state: MetricsState) -> None:
    absorb(state, told("one"))
    figures = absorb(state, told("two", stop="n3", later=100))
    assert figures.value("raftfleet_failover_last_seconds", *FAILOVER) is None
    assert sum(figures.histograms["raftfleet_failover_seconds"][FAILOVER].counts.values()) == 1
    assert figures.value("raftfleet_run", "raft", "one", "") is None
    assert figures.value("raftfleet_run", "raft", "two", "") == 1


def test_the_time_of_success_outlives_a_failure(state: MetricsState) -> None:
    name = "raftfleet_drill_last_success_timestamp_seconds"
    passed = absorb(state, told("one")).value(name, *DRILL)
    failed = absorb(state, told("two", seconds=30, later=100))
    assert failed.value("raftfleet_drill_verdict", *DRILL, "fail") == 1
    assert passed is not None
    assert failed.value(name, *DRILL) == passed


def test_a_run_that_is_counted_late_replaces_nothing_newer(state: MetricsState) -> None:
    absorb(state, told("new", seconds=6, later=100))
    figures = absorb(state, told("old", seconds=5))
    assert figures.value("raftfleet_drills", *DRILL, "pass") == 2
    assert figures.value("raftfleet_failover_last_seconds", *FAILOVER) == pytest.approx(6, abs=0.1)
    assert figures.value("raftfleet_run", "raft", "new", "") == 1
    stamp = "raftfleet_drill_last_success_timestamp_seconds"
    newest = MetricsState(state.path.with_name("other.json"))
    assert figures.value(stamp, *DRILL) == absorb(newest, told("new", later=100, seconds=6)).value(
        stamp, *DRILL
    )


def test_another_drill_of_the_cluster_keeps_its_figures(state: MetricsState) -> None:
    absorb(state, told("one"))

    def other(event: ev.Event) -> ev.Event:
        if isinstance(event, ev.DrillStarted | ev.DrillEnded):
            return replace(event, drill="other")
        return event

    figures = absorb(state, doctored(told("two", stop="n3", later=100), other))
    assert figures.value("raftfleet_failover_last_seconds", *FAILOVER) is not None
    assert figures.value("raftfleet_drill_verdict", "raft", "other", "pass") == 1


def test_a_node_that_left_the_cluster_takes_its_series_along(state: MetricsState) -> None:
    story = Story().running().drill("exits-graceful").stop("n3").end()
    figures = absorb(state, renamed(story.journal(), "one", 0))
    assert figures.value("raftfleet_node_left_down", "raft", "n3") == 1

    def without(event: ev.Event) -> ev.Event | None:
        if isinstance(event, ev.ClusterDescribed):
            return replace(event, nodes=event.nodes[:2])
        return None if getattr(event, "node", "") == "n3" else event

    figures = absorb(state, doctored(told("two", later=100), without))
    left = figures.values["raftfleet_node_left_down"]
    assert {node for _, node in left} == {"n1", "n2"}


def test_a_run_that_was_killed_tells_what_it_left_down(state: MetricsState) -> None:
    absorb(state, told("one", stop="n3"))
    killed = Story().running().drill("leader-moves").stop("n1").journal(ended=False)
    figures = absorb(state, renamed(killed, "two", 100))
    assert figures.value("raftfleet_node_left_down", "raft", "n1") == 1
    assert figures.value("raftfleet_runs", "raft", "cut_short") == 1
    assert figures.value("raftfleet_run", "raft", "two", "") == 1


def test_the_names_of_runs_do_not_pile_up(
    state: MetricsState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("raftfleet.metrics.state.REMEMBERED", 3)
    for name in ("1", "2", "3", "4"):
        absorb(state, told(name, later=float(name)))
    assert json.loads(state.path.read_text())["runs"] == ["2", "3", "4"]
    figures = absorb(state, told("1", later=1))
    assert figures.value("raftfleet_drills", *DRILL, "pass") == 4


# --- what is refused -------------------------------------------------------------------------


def edited(change: Callable[[dict[str, Any]], None]) -> Callable[[bytes], bytes]:
    def apply(content: bytes) -> bytes:
        kept = json.loads(content)
        change(kept)
        return json.dumps(kept).encode()

    return apply


def _first(kept: dict[str, Any], metric: str, rows: str = "values") -> dict[str, Any]:
    return next(row for row in kept[rows] if row["metric"] == metric)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda content: content[:-40], "is damaged"),
        (lambda content: b"\0" * len(content), "is damaged"),
        (lambda _: b"", "is damaged"),
        (lambda _: b'{"a": 1}', "is not a state of raftfleet's metrics"),
        (lambda _: b"[]", "is damaged"),
        (edited(lambda kept: kept.update(version=9)), "format version 9; this raftfleet knows 1"),
        (edited(lambda kept: kept.update(more=1)), "is damaged"),
        (edited(lambda kept: kept.pop("values") and kept.update(values=3)), "is damaged"),
        (
            edited(lambda kept: _first(kept, "raftfleet_drills").update(value=-1)),
            "raftfleet_drills is -1",
        ),
        (
            edited(lambda kept: _first(kept, "raftfleet_drills").update(labels=["raft"])),
            "raftfleet_drills has 1 labels",
        ),
        (
            edited(
                lambda kept: _first(kept, "raftfleet_failover_seconds", "histograms").update(
                    counts={"0.3": 1}
                )
            ),
            "raftfleet_failover_seconds has no bucket 0.3",
        ),
    ],
)
def test_a_file_that_is_not_understood_is_refused_and_left_alone(
    state: MetricsState, damage: Callable[[bytes], bytes], says: str
) -> None:
    absorb(state, told("one"))
    state.path.write_bytes(damage(state.path.read_bytes()))
    before = state.path.read_bytes()
    for act in (state.figures, lambda: absorb(state, told("two"))):
        with pytest.raises(UsageError, match=says) as refused:
            act()
        assert str(state.path) in refused.value.message
        assert "move it away" in str(refused.value.hint)
    assert state.path.read_bytes() == before


def test_another_cluster_of_the_same_name_is_refused(state: MetricsState) -> None:
    absorb(state, told("one"))
    before = state.path.read_bytes()
    story = Story(nodes=("m1", "m2", "m3")).running().drill("exits-graceful").stop("m1").let(1)
    with pytest.raises(UsageError, match="is of another cluster: raft with the nodes n1, n2, n3"):
        absorb(state, renamed(story.end().journal(), "two", 0))
    assert state.path.read_bytes() == before


def test_a_run_without_a_cluster_is_not_counted(state: MetricsState) -> None:
    def without(event: ev.Event) -> ev.Event | None:
        return None if isinstance(event, ev.ClusterDescribed) else event

    with pytest.raises(UsageError, match="without a cluster"):
        absorb(state, doctored(told("one"), without))
    assert not state.path.exists()


def test_clusters_have_files_of_their_own(tmp_path: Path) -> None:
    paths = [state_path(tmp_path, name) for name in ("raft", "Raft 2", "../../etc/x", "", "..")]
    assert len(set(paths[:4])) == 4
    assert {path.parent for path in paths} == {tmp_path / "metrics"}


# --- several writers, and one that is killed -------------------------------------------------


def test_two_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    path = state_path(tmp_path, "raft")
    runs = folders(tmp_path / "runs", 12)
    parts = (runs[:7], runs[5:])  # two runs are told by both
    command = [sys.executable, "-c", WRITER, str(path)]
    writers = [subprocess.Popen([*command, *map(str, part)]) for part in parts]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0]
    assert passes(MetricsState(path).figures()) == 12


@pytest.mark.parametrize(
    ("dies", "counted"),
    [("in the middle of writing", 1), ("before the rename", 1), ("after the rename", 2)],
)
def test_a_killed_writer_leaves_all_of_a_run_or_nothing(
    tmp_path: Path, dies: str, counted: int
) -> None:
    path = state_path(tmp_path, "raft")
    first, second = folders(tmp_path / "runs", 2)
    command = [sys.executable, "-c", WRITER, str(path)]
    assert subprocess.run([*command, str(first)], check=False).returncode == 0
    killed = subprocess.run([*command, str(second)], check=False, env={**os.environ, "DIES": dies})
    assert killed.returncode == -signal.SIGKILL
    assert passes(MetricsState(path).figures()) == counted
    assert subprocess.run([*command, str(second)], check=False).returncode == 0
    assert passes(MetricsState(path).figures()) == 2
    assert {entry.name for entry in path.parent.iterdir()} == {path.name, f".{path.name}.lock"}


def test_a_writer_killed_at_any_moment_leaves_as_much_as_it_names(tmp_path: Path) -> None:
    path = state_path(tmp_path, "raft")
    runs = folders(tmp_path / "runs", 30)
    chance = random.Random(7)
    for _ in range(5):
        command = [sys.executable, "-c", WRITER, str(path), *map(str, runs)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            for _ in range(chance.randint(1, 5)):
                writer.stdout.readline()
            time.sleep(chance.random() * 0.01)  # somewhere within the next run
            writer.send_signal(signal.SIGKILL)
        assert passes(MetricsState(path).figures()) == len(json.loads(path.read_text())["runs"])


def test_a_killed_writer_leaves_a_draft_that_the_next_sweeps(state: MetricsState) -> None:
    absorb(state, told("one"))
    draft = state.path.with_name(f".{state.path.name}-0a1b2c3d")
    draft.write_bytes(b'{"half')
    absorb(state, told("two", later=1))
    assert not draft.exists()


def test_a_lock_that_is_held_is_waited_for_and_named(state: MetricsState) -> None:
    absorb(state, told("one"))
    lock = os.open(state.path.with_name(f".{state.path.name}.lock"), os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with pytest.raises(UsageError, match="is being written by another process"):
        absorb(state, told("two", later=1))
    release = threading.Timer(0.1, os.close, [lock])
    release.start()
    patient = MetricsState(state.path, patience=30)
    assert absorb(patient, told("two", later=1)).value("raftfleet_drills", *DRILL, "pass") == 2
    release.join()


def test_a_reader_sees_every_change(state: MetricsState) -> None:
    reader = MetricsState(state.path)
    seen = []
    for number in range(3):
        absorb(state, told(str(number), later=number))
        seen.append(reader.figures().value("raftfleet_drills", *DRILL, "pass"))
    assert seen == [1, 2, 3]
    assert all(a < b for a, b in itertools.pairwise(seen) if a is not None and b is not None)
