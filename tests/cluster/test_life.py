"""A node's life is written down: intent before, result after, and nothing removed that is not ours."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
from typing import TYPE_CHECKING

import pytest

from raftfleet.cluster.identity import find, latest_life
from raftfleet.cluster.stopping import Ending
from raftfleet.errors import NodeError, UnreachableError, UsageError
from raftfleet.journal import Standing
from raftfleet.journal.events import (
    HostLost,
    NodeExited,
    NodeFound,
    NodeStarted,
    NodeStartIntent,
    NodeWiped,
)
from raftfleet.systems.protocol import MARKER
from tests.cluster.bench import until

if TYPE_CHECKING:
    from pathlib import Path

    from raftfleet.cluster.life import NodeLife
    from tests.cluster.bench import Bench


def killed(life: NodeLife) -> None:
    """End a node as a crash would, and wait until its end is written down on its host."""
    running = find(life.place)
    assert running is not None
    os.kill(running.pid, signal.SIGKILL)
    until(lambda: (known := latest_life(life.place)) and known.ended, "the record")


# --- start -------------------------------------------------------------------------------------


def test_a_start_is_written_as_intent_and_result(bench: Bench) -> None:
    life = bench.life("exec sleep 60")
    assert life.start()
    intent, started = bench.only(NodeStartIntent), bench.only(NodeStarted)
    assert intent.seq < started.seq
    assert started.incarnation == find(life.place)
    assert intent.t <= started.at.lo <= started.at.hi <= started.t
    sleep = shutil.which("sleep")
    assert sleep is not None
    with open(sleep, "rb") as file:  # noqa: PTH123
        assert started.executable == hashlib.file_digest(file, "sha256").hexdigest()
    assert int(started.sigign, 16) == 0
    assert bench.recorder.picture.node("n1").process is Standing.ALIVE


def test_a_node_that_runs_is_not_started_again(bench: Bench) -> None:
    life = bench.life("exec sleep 60")
    life.start()
    assert not life.start()
    assert len(bench.all(NodeStarted)) == 1
    assert bench.only(NodeFound).incarnation == find(life.place)
    known = latest_life(life.place)
    assert known is not None
    assert known.incarnation.counter == 1


def test_a_node_that_somebody_else_started_is_found_by_its_start(bench: Bench) -> None:
    bench.life("exec sleep 60").start()
    other = bench.life("exec sleep 60")
    bench.recorder.record(NodeFound(node="n1", incarnation=None))
    assert not other.start()
    assert bench.recorder.picture.node("n1").process is Standing.ALIVE


def test_a_node_that_runs_another_program_than_deployed_is_refused(bench: Bench) -> None:
    life = bench.life("exec ./own-sleep 60")
    copy = bench.folder / "n1/own-sleep"
    shutil.copy("/bin/sleep", copy)
    life.deployed[str(copy)] = "0" * 64
    with pytest.raises(NodeError, match="does not run what was deployed") as caught:
        life.start()
    assert "deployed was 000000000000" in str(caught.value)
    assert caught.value.hint
    assert bench.only(NodeStarted).executable != "0" * 64


def test_a_node_that_runs_what_was_deployed_is_accepted(bench: Bench) -> None:
    life = bench.life("exec ./own-sleep 60")
    copy = bench.folder / "n1/own-sleep"
    shutil.copy("/bin/sleep", copy)
    life.deployed[str(copy)] = hashlib.sha256(copy.read_bytes()).hexdigest()
    assert life.start()


# --- found and settled -------------------------------------------------------------------------


def test_a_running_node_is_shown_each_time_it_is_looked_for(bench: Bench) -> None:
    life = bench.life("exec sleep 60")
    life.start()
    running = find(life.place)
    assert life.found()
    assert life.found()
    assert [event.incarnation for event in bench.all(NodeFound)] == [running] * 2


def test_a_node_that_is_down_is_said_to_be_once(bench: Bench) -> None:
    life = bench.life("exec sleep 60")
    assert not life.found()
    assert not life.found()
    assert [event.incarnation for event in bench.all(NodeFound)] == [None]


@pytest.mark.parametrize("look", ["found", "settle"])
def test_an_exit_nobody_asked_for_is_written_once(bench: Bench, look: str) -> None:
    life = bench.life("exec sleep 60")
    life.start()
    killed(life)
    assert not getattr(life, look)()
    assert not life.settle()
    exited = bench.only(NodeExited)
    assert exited.status == -9
    assert exited.latency is None
    assert exited.signal == ""
    assert exited.at.lo >= bench.only(NodeStarted).at.lo
    assert exited.at.hi <= exited.t + 0.05


def test_a_process_that_nobody_started_is_news(bench: Bench) -> None:
    life = bench.life("exec sleep 60")
    life.start()
    killed(life)
    bench.life("exec sleep 60").start()
    before = len(bench.all(NodeFound))
    bench.recorder.record(NodeFound(node="n1", incarnation=None))
    assert life.settle()
    assert life.settle()
    assert len(bench.all(NodeFound)) == before + 2


def test_the_crash_of_a_process_that_was_never_seen_claims_no_exit(bench: Bench) -> None:
    """It ended before this run began: when, is not this journal's to say."""
    life = bench.life("exec sleep 60")
    other = bench.life("exec sleep 60")
    life.start()
    killed(life)
    bench.recorder.record(NodeFound(node="n1", incarnation=None))
    other.found()
    assert bench.all(NodeExited) == []


def test_a_host_that_does_not_answer_is_lost_once(bench: Bench) -> None:
    life = bench.life("exec sleep 60")
    place = life.place

    class Away:
        host = "n1"

        def run(self, *_: object, **__: object) -> None:
            raise UnreachableError("n1 is away")

    life.place = type(place)(place.node, place.cluster, Away(), root=place.root)  # type: ignore[arg-type]
    for _ in range(3):
        with pytest.raises(UnreachableError):
            life.settle()
    assert bench.only(HostLost).reason == "n1 is away"


# --- stop --------------------------------------------------------------------------------------


def test_stopping_what_does_not_run_signals_nobody(bench: Bench) -> None:
    stopped = bench.life("exec sleep 60").stop("INT", 5)
    assert stopped.ending is Ending.NOT_RUNNING


def test_a_signal_that_is_none_is_refused_before_anything(bench: Bench) -> None:
    life = bench.life("exec sleep 60")
    life.start()
    with pytest.raises(UsageError):
        life.stop("KILLL", 5)
    assert find(life.place) is not None


def test_a_node_can_be_started_stopped_and_started_again(bench: Bench) -> None:
    life = bench.life("exec sleep 60")
    for _ in range(2):
        life.start()
        assert life.stop("TERM", 10).status == -15
    assert [event.incarnation.counter for event in bench.all(NodeExited)] == [1, 2]
    assert not life.settle()
    assert len(bench.all(NodeExited)) == 2


# --- last words --------------------------------------------------------------------------------


def test_the_last_words_are_those_of_this_life_without_secrets_or_colours(bench: Bench) -> None:
    life = bench.life("echo of another life")
    life.start()
    until(lambda: (known := latest_life(life.place)) and known.ended, "the record")
    life = bench.life(
        "printf '%s\\n' first; i=0; while [ $i -lt 20 ]; do i=$((i+1)); "
        "printf '\\033[31mline %s secret-of-the-toy\\033[0m\\n' $i; done"
    )
    life.start()
    until(lambda: (known := latest_life(life.place)) and known.ended, "the record")
    said = life.last_words(latest_life(life.place))
    assert said.splitlines()[0] == "    line 6 ***"
    assert said.splitlines()[-1] == "    line 20 ***"
    assert len(said.splitlines()) == 15


def test_the_words_of_an_earlier_life_are_not_those_of_this_one(bench: Bench) -> None:
    for said in ("first life", "second life"):
        life = bench.life(f"echo {said}")
        life.start()
        until(lambda: (known := latest_life(life.place)) and known.ended, "the record")  # noqa: B023
    assert life.last_words(latest_life(life.place)) == "    second life"


def test_a_node_that_printed_nothing_is_said_to_have(bench: Bench) -> None:
    life = bench.life("exit 1")
    life.start()
    assert "printed nothing" in life.last_words(latest_life(life.place))


# --- wipe --------------------------------------------------------------------------------------


@pytest.fixture
def data(bench: Bench) -> Path:
    folder = bench.folder / "n1/data"
    (folder / "deep/er").mkdir(parents=True)
    (folder / "deep/er/file").write_text("x")
    (folder / ".hidden").write_text("x")
    (folder / "..odd").write_text("x")
    (folder / "with space").write_text("x")
    (folder / MARKER).write_text("")
    return folder


def test_wiping_leaves_the_directory_and_its_marker(bench: Bench, data: Path) -> None:
    assert bench.life("true").wipe() == (str(data),)
    assert [entry.name for entry in data.iterdir()] == [MARKER]
    assert bench.only(NodeWiped).paths == (str(data),)


def test_a_directory_without_our_marker_is_refused_by_name(bench: Bench, data: Path) -> None:
    (data / MARKER).unlink()
    with pytest.raises(NodeError, match=f"{data} on its host carries no {MARKER}") as caught:
        bench.life("true").wipe()
    assert f"touch {data}/{MARKER}" in str(caught.value.hint)
    assert (data / "deep/er/file").exists()
    assert bench.all(NodeWiped) == []


def test_a_node_that_runs_is_not_wiped(bench: Bench, data: Path) -> None:
    life = bench.life("exec sleep 60")
    life.start()
    with pytest.raises(NodeError, match="still runs"):
        life.wipe()
    assert (data / "deep/er/file").exists()


def test_a_link_is_not_followed(bench: Bench, data: Path) -> None:
    elsewhere = bench.folder / "elsewhere"
    data.rename(elsewhere)
    data.symlink_to(elsewhere)
    with pytest.raises(NodeError, match="is a link"):
        bench.life("true").wipe()
    assert (elsewhere / "deep/er/file").exists()


def test_a_link_inside_is_removed_and_not_what_it_points_to(bench: Bench, data: Path) -> None:
    (bench.folder / "precious").mkdir()
    (bench.folder / "precious/file").write_text("x")
    (data / "link").symlink_to(bench.folder / "precious")
    (data / "dangling").symlink_to("nowhere")
    bench.life("true").wipe()
    assert (bench.folder / "precious/file").exists()
    assert [entry.name for entry in data.iterdir()] == [MARKER]


def test_a_node_without_data_has_nothing_to_wipe(bench: Bench) -> None:
    assert bench.life("true").wipe() == ()
