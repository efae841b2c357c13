"""What every transport promises, held against SSH, this machine and the fake alike."""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import threading
import time
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from raftfleet.errors import RaftfleetError, TaskError, UnreachableError, UsageError
from raftfleet.testing.transport import FakeTransport
from raftfleet.transport import (
    Command,
    Exited,
    LocalOptions,
    Lost,
    Signalled,
    TimedOut,
    make_transport,
)
from tests.transport.lab import MEGABYTES_5, FakeLab, Lab, LocalLab, SshLab, echo_server
from tests.transport.sshd import Sshd, missing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from raftfleet.transport import Outcome

ODD = "two words; $HOME `id` 'single' \"double\" \\back\\n\nnew line ! * ~ # é\t%s"
PATIENCE = 30.0  # seconds for what takes milliseconds: this machine may be busy
SHORT = 1.0  # seconds given to a call that must fail
SLACK = 15.0  # seconds after which a call that should have come back is taken for hanging


@pytest.fixture(params=["ssh", "local", "fake"])
def lab(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Lab]:
    folder = tmp_path / "host"
    folder.mkdir()
    if request.param == "fake":
        yield FakeLab()
    elif request.param == "local":
        local = LocalLab(
            make_transport("h1", LocalOptions()), folder, tmp_path / "tools", monkeypatch
        )
        yield local
        local.transport.close()
        local.clean()
    else:
        if reason := missing():
            pytest.skip(reason)
        (tmp_path / "sshd").mkdir()
        with Sshd(tmp_path / "sshd") as sshd:
            ssh = SshLab(make_transport("h1", sshd.options()), folder, sshd)
            yield ssh
            sshd.thaw()
            ssh.transport.close()
            ssh.clean()


def in_time(call: Callable[[], object]) -> object:
    """Call from another thread, which must come back soon after its own deadline."""
    results: list[object] = []

    def work() -> None:
        try:
            results.append(call())
        except RaftfleetError as error:
            results.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(SLACK)
    assert results, "the call outlasted its deadline by far"
    return results[0]


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


# Commands


def test_it_knows_its_host_by_the_inventory_name(lab: Lab) -> None:
    assert lab.transport.host == "h1"


def test_connecting_twice_is_harmless(lab: Lab) -> None:
    lab.transport.connect(timeout=PATIENCE)
    lab.transport.connect(timeout=PATIENCE)
    assert lab.transport.run(lab.says(b"yes"), timeout=PATIENCE).stdout == b"yes"


@pytest.mark.parametrize("status", [0, 1, 2, 127, 255])
def test_an_exit_status_comes_with_both_outputs(lab: Lab, status: int) -> None:
    outcome = lab.transport.run(lab.says(b"out\n", b"err\n", status), timeout=PATIENCE)
    assert isinstance(outcome, Exited)
    assert (outcome.status, outcome.stdout, outcome.stderr) == (status, b"out\n", b"err\n")
    assert outcome.ok is (status == 0)
    assert not outcome.truncated
    assert outcome.began <= outcome.ended


@pytest.mark.parametrize("name", ["KILL", "TERM", "SEGV", "INT"])
def test_a_signal_is_named_and_is_no_exit_status(lab: Lab, name: str) -> None:
    outcome = lab.transport.run(lab.dies(name), timeout=PATIENCE)
    assert isinstance(outcome, Signalled)
    assert outcome.signal == name
    assert f"SIG{name}" in signal.Signals.__members__
    assert not outcome.ok


def test_standard_input_arrives_whole_and_ends(lab: Lab) -> None:
    for stdin in (b"", b"a\0b\xff\n", bytes(range(256)) * 12_000):
        outcome = lab.transport.run(lab.echoes(), timeout=PATIENCE, stdin=stdin)
        assert outcome.stdout == stdin


def test_a_command_need_not_read_its_standard_input(lab: Lab) -> None:
    for _ in range(3):
        says = lab.says(b"enough", status=4)
        outcome = lab.transport.run(says, timeout=PATIENCE, stdin=bytes(8_000_000))
        assert isinstance(outcome, Exited)
        assert (outcome.status, outcome.stdout) == (4, b"enough")


def test_the_environment_takes_any_character(lab: Lab) -> None:
    assert lab.transport.run(lab.shows("ODD", ODD), timeout=PATIENCE).out == ODD


@pytest.mark.parametrize("name", ["A B", "", "1A", "A=B", "A;id"])
def test_a_name_that_no_shell_knows_is_refused(lab: Lab, name: str) -> None:
    with pytest.raises(UsageError, match="not a name for an environment variable"):
        lab.transport.run(Command("true", env={name: "x"}), timeout=PATIENCE)


def test_a_command_runs_in_its_folder(lab: Lab) -> None:
    outcome = lab.transport.run(lab.shows_folder(lab.folder), timeout=PATIENCE)
    assert outcome.out == f"{lab.folder}\n"


def test_a_missing_folder_fails_the_command_and_says_so(lab: Lab) -> None:
    nowhere = lab.folder / "no where's"
    outcome = lab.transport.run(lab.shows_folder(nowhere), timeout=PATIENCE)
    assert isinstance(outcome, Exited)
    assert outcome.status == 125
    assert outcome.stdout == b""
    assert outcome.err == f"cannot enter {nowhere}: no such directory, or not allowed\n"


def test_output_beyond_the_cap_is_dropped_and_said_to_be(lab: Lab) -> None:
    outcome = lab.transport.run(lab.floods(), timeout=60)
    assert outcome.ok
    assert outcome.truncated
    for stream in (outcome.stdout, outcome.stderr):
        assert 4_000_000 < len(stream) < MEGABYTES_5


# Deadlines


def test_a_command_that_hangs_is_ended_with_its_grandchild(lab: Lab) -> None:
    outcome = lab.transport.run(lab.hangs(b"so far\n"), timeout=SHORT)
    assert isinstance(outcome, TimedOut)
    assert (outcome.stdout, outcome.after, outcome.ended_remote) == (b"so far\n", SHORT, True)
    assert lab.survivors() == 0


def test_channels_still_work_after_many_timeouts(lab: Lab) -> None:
    for _ in range(12):  # sshd allows ten sessions
        outcome = lab.transport.run(lab.hangs(stubborn=False), timeout=0.2)
        assert isinstance(outcome, TimedOut)
    assert lab.transport.run(lab.says(b"fine"), timeout=PATIENCE).stdout == b"fine"


def test_a_frozen_host_keeps_nobody_waiting_in_run(lab: Lab) -> None:
    lab.transport.connect(timeout=PATIENCE)
    echo = lab.echoes()
    lab.freeze()
    stdin = bytes(10_000_000)  # more than any buffer on the way holds
    outcome = in_time(lambda: lab.transport.run(echo, timeout=SHORT, stdin=stdin))
    assert isinstance(outcome, TimedOut)
    lab.thaw()
    assert lab.transport.run(lab.says(b"back"), timeout=PATIENCE).stdout == b"back"


def test_a_host_that_freezes_under_a_command_keeps_nobody_waiting(lab: Lab) -> None:
    if isinstance(lab, LocalLab):
        pytest.skip("what already runs here cannot freeze; stopped tools are tested")
    lab.transport.connect(timeout=PATIENCE)
    hang = lab.hangs(b"")
    threading.Timer(0.3, lab.freeze).start()
    outcome = in_time(lambda: lab.transport.run(hang, timeout=SHORT))
    assert isinstance(outcome, TimedOut)
    lab.thaw()
    assert lab.transport.run(lab.says(b"back"), timeout=PATIENCE).stdout == b"back"


def test_a_frozen_host_keeps_nobody_waiting_in_connect(lab: Lab) -> None:
    lab.freeze()
    result = in_time(lambda: lab.transport.connect(timeout=SHORT))
    assert isinstance(result, UnreachableError) or isinstance(lab, LocalLab)
    lab.thaw()
    lab.transport.connect(timeout=PATIENCE)


def test_a_frozen_host_keeps_nobody_waiting_in_open(lab: Lab) -> None:
    lab.transport.connect(timeout=PATIENCE)
    echo = lab.echoes()
    lab.freeze()

    def follow() -> list[bytes]:
        with lab.transport.open(echo, timeout=SHORT) as stream:
            return list(stream.lines(timeout=SHORT))

    result = in_time(follow)
    assert result == [] or isinstance(result, UnreachableError)
    lab.thaw()
    assert lab.transport.run(lab.says(b"back"), timeout=PATIENCE).stdout == b"back"


def test_a_frozen_host_keeps_nobody_waiting_in_lines_outcome_and_close(lab: Lab) -> None:
    stream = lab.transport.open(lab.hangs(b"one\n"), timeout=PATIENCE)
    assert next(iter(stream.lines(timeout=PATIENCE))) == b"one"
    lab.freeze()
    assert in_time(lambda: list(stream.lines(timeout=SHORT))) == []
    assert isinstance(in_time(lambda: stream.outcome(timeout=SHORT)), TimedOut)
    in_time(stream.close)
    lab.thaw()
    assert lab.transport.run(lab.says(b"back"), timeout=PATIENCE).stdout == b"back"


@pytest.mark.parametrize("there", [False, True])
def test_a_frozen_host_keeps_nobody_waiting_in_put(lab: Lab, there: bool) -> None:
    lab.transport.connect(timeout=PATIENCE)
    data, target = bytes(10_000_000), lab.folder / "file"
    if there:
        lab.write(target, data[:-1] + b"x")
    lab.freeze()
    error = in_time(lambda: lab.transport.put(data, target, mode=0o644, timeout=SHORT))
    assert isinstance(error, TaskError | UnreachableError)
    assert "h1" in str(error)
    assert str(target) in str(error) or isinstance(lab, FakeLab)
    lab.thaw()
    assert eventually(lambda: lab.files() <= {target})
    assert lab.transport.put(data, target, mode=0o644, timeout=PATIENCE).changed
    assert lab.read(target) == data


def test_a_frozen_host_keeps_nobody_waiting_in_get(lab: Lab, tmp_path: Path) -> None:
    lab.transport.connect(timeout=PATIENCE)
    source, target = lab.folder / "file", tmp_path / "fetched"
    lab.write(source, b"content")
    lab.freeze()
    error = in_time(lambda: lab.transport.get(source, target, timeout=SHORT))
    assert isinstance(error, TaskError | UnreachableError)
    assert list(tmp_path.glob("fetched*")) == []
    lab.thaw()
    assert lab.transport.get(source, target, timeout=PATIENCE).size == 7


def test_a_frozen_host_keeps_nobody_waiting_in_forward(lab: Lab) -> None:
    lab.transport.connect(timeout=PATIENCE)
    with echo_server() as port:
        lab.freeze()

        def ask() -> bytes:
            endpoint = lab.transport.forward("127.0.0.1", port, timeout=SHORT)
            try:
                with socket.create_connection((endpoint.host, endpoint.port), PATIENCE) as peer:
                    peer.sendall(b"hi\n")
                    return peer.recv(100)
            except OSError:
                return b""
            finally:
                endpoint.close()

        answer = in_time(ask)
        assert answer == b"" or not isinstance(lab, SshLab)
        lab.thaw()


def test_a_frozen_host_keeps_nobody_waiting_in_close(lab: Lab) -> None:
    lab.transport.open(lab.hangs(), timeout=PATIENCE)
    lab.freeze()
    in_time(lab.transport.close)
    lab.thaw()


# Streams


def test_lines_come_while_the_command_runs(lab: Lab) -> None:
    with lab.transport.open(lab.hangs(b"one\ntwo\n\nfour\n"), timeout=PATIENCE) as stream:
        lines = stream.lines(timeout=PATIENCE)
        assert [next(lines) for _ in range(4)] == [b"one", b"two", b"", b"four"]
        assert list(stream.lines(timeout=0.1)) == []
        assert isinstance(stream.outcome(timeout=0.1), TimedOut)
    assert lab.survivors() == 0
    # The command itself ends by TERM; it is its stubborn grandchild that needs KILL.
    assert isinstance(stream.outcome(timeout=PATIENCE), Signalled)


def test_lines_stop_when_the_command_ends(lab: Lab) -> None:
    with lab.transport.open(lab.says(b"one\nrest", b"err", 3), timeout=PATIENCE) as stream:
        assert list(stream.lines(timeout=PATIENCE)) == [b"one", b"rest"]
        outcome = stream.outcome(timeout=PATIENCE)
    assert isinstance(outcome, Exited)
    assert (outcome.status, outcome.stdout, outcome.stderr) == (3, b"", b"err")


def test_what_nobody_read_is_in_the_outcome(lab: Lab) -> None:
    with lab.transport.open(lab.says(b"one\ntwo\n"), timeout=PATIENCE) as stream:
        assert next(iter(stream.lines(timeout=PATIENCE))) == b"one"
        assert stream.outcome(timeout=PATIENCE).stdout == b"two\n"


def test_closing_a_stream_sets_its_reader_free(lab: Lab) -> None:
    if isinstance(lab, FakeLab):
        pytest.skip("time stands still for the fake")
    stream = lab.transport.open(lab.hangs(b"one\n"), timeout=PATIENCE)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.extend(stream.lines(timeout=600)))
    reader.start()
    assert eventually(lambda: read == [b"one"])
    stream.close()
    reader.join(PATIENCE)
    assert not reader.is_alive()
    assert lab.survivors() == 0


def test_closing_the_transport_ends_what_streams(lab: Lab) -> None:
    lab.transport.open(lab.hangs(b"one\n"), timeout=PATIENCE)
    lab.transport.close()
    assert lab.survivors() == 0


def test_closing_the_transport_ends_what_runs_in_another_thread(lab: Lab) -> None:
    if isinstance(lab, FakeLab):
        pytest.skip("time stands still for the fake")
    outcomes: list[Outcome] = []
    command = lab.hangs()
    runner = threading.Thread(
        target=lambda: outcomes.append(lab.transport.run(command, timeout=600))
    )
    runner.start()
    assert eventually(lambda: lab.survivors() > 1)
    lab.transport.close()
    runner.join(PATIENCE)
    assert [type(outcome) for outcome in outcomes] in ([Signalled], [Lost])
    # Where the connection was gone first, the host ends them by itself, and nobody is told when.
    assert eventually(lambda: lab.survivors() == 0)


# Files


def test_a_file_is_put_with_its_mode(lab: Lab, tmp_path: Path) -> None:
    source, target = tmp_path / "source", lab.folder / "it's a -file"
    source.write_bytes(bytes(range(256)) * 10_000)
    transfer = lab.transport.put(source, target, mode=0o751, timeout=PATIENCE)
    assert lab.read(target) == source.read_bytes()
    assert lab.mode(target) == 0o751
    assert (transfer.changed, transfer.size) == (True, 2_560_000)
    assert transfer.digest == hashlib.sha256(source.read_bytes()).hexdigest()
    assert lab.files() == {target}


def test_an_unchanged_file_is_not_sent_but_its_mode_is_set(lab: Lab) -> None:
    target = lab.folder / "file"
    lab.transport.put(b"content", target, mode=0o600, timeout=PATIENCE)
    before = lab.stamp(target)
    transfer = lab.transport.put(b"content", target, mode=0o755, timeout=PATIENCE)
    assert not transfer.changed
    assert lab.stamp(target) == before
    assert lab.mode(target) == 0o755


def test_a_changed_file_of_the_same_size_is_sent(lab: Lab) -> None:
    target = lab.folder / "file"
    lab.write(target, b"contenT")
    assert lab.transport.put(b"content", target, mode=0o600, timeout=PATIENCE).changed
    assert lab.read(target) == b"content"


def test_an_empty_file_can_be_put_and_fetched(lab: Lab, tmp_path: Path) -> None:
    target = lab.folder / "empty"
    assert lab.transport.put(b"", target, mode=0o644, timeout=PATIENCE).changed
    assert not lab.transport.get(target, tmp_path / "empty", timeout=PATIENCE).changed
    assert (tmp_path / "empty").read_bytes() == b""


def test_progress_rises_to_the_whole(lab: Lab) -> None:
    told: list[tuple[int, int]] = []
    data = bytes(1_000_000)
    for _ in range(2):  # sent, then found to be there
        lab.transport.put(
            data,
            lab.folder / "file",
            mode=0o644,
            timeout=PATIENCE,
            progress=lambda done, total: told.append((done, total)),
        )
        assert told == sorted(told)
        assert told[-1] == (1_000_000, 1_000_000)
        told.clear()


def test_a_source_that_is_missing_is_an_error_of_the_task(lab: Lab, tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="No such file"):
        lab.transport.put(tmp_path / "no", lab.folder / "file", mode=0o644, timeout=PATIENCE)


def test_a_file_is_fetched_whole_and_from_an_offset(lab: Lab, tmp_path: Path) -> None:
    source, target = lab.folder / "it's a log", tmp_path / "log"
    lab.write(source, b"0123456789")
    transfer = lab.transport.get(source, target, timeout=PATIENCE)
    assert (transfer.changed, transfer.size) == (True, 10)
    assert transfer.digest == hashlib.sha256(b"0123456789").hexdigest()
    assert target.read_bytes() == b"0123456789"
    assert lab.transport.get(source, target, offset=7, timeout=PATIENCE).size == 3
    assert target.read_bytes() == b"789"
    assert lab.transport.get(source, target, offset=99, timeout=PATIENCE).size == 0


def test_fetching_what_is_not_there_names_host_and_path(lab: Lab, tmp_path: Path) -> None:
    source = lab.folder / "none"
    with pytest.raises(TaskError, match=f"h1: cannot fetch {source}.*No such file"):
        lab.transport.get(source, tmp_path / "none", timeout=PATIENCE)
    assert not (tmp_path / "none").exists()


# Ports


def test_a_port_is_reached_as_the_host_sees_it(lab: Lab) -> None:
    with echo_server() as port:
        endpoint = lab.transport.forward("127.0.0.1", port, timeout=PATIENCE)
        for _ in range(3):
            with socket.create_connection((endpoint.host, endpoint.port), PATIENCE) as peer:
                for word in (b"one", b"two"):
                    peer.sendall(word + b"\n")
                    assert peer.recv(100) == b"echo " + word + b"\n"
        endpoint.close()
        endpoint.close()


# A connection that breaks


def test_a_connection_lost_under_a_command_is_no_exit_status(lab: Lab) -> None:
    if isinstance(lab, LocalLab):
        pytest.skip("there is no connection to this machine")
    lab.transport.connect(timeout=PATIENCE)
    if isinstance(lab, FakeLab):
        lab.cut()
    else:
        threading.Timer(0.5, lab.cut).start()
    outcome = lab.transport.run(lab.hangs(b"so far"), timeout=PATIENCE)
    assert isinstance(outcome, Lost)
    assert outcome.reason
    assert lab.transport.run(lab.says(b"back"), timeout=PATIENCE).stdout == b"back"


def test_a_connection_lost_between_commands_is_made_anew(lab: Lab) -> None:
    if not isinstance(lab, SshLab):
        pytest.skip("there is no connection to lose")
    for _ in range(3):
        assert lab.transport.run(lab.says(b"one"), timeout=PATIENCE).stdout == b"one"
        lab.cut()


def test_a_connection_lost_under_a_stream_ends_it(lab: Lab) -> None:
    if isinstance(lab, LocalLab):
        pytest.skip("there is no connection to this machine")
    with lab.transport.open(lab.hangs(b"one\n"), timeout=PATIENCE) as stream:
        assert next(iter(stream.lines(timeout=PATIENCE))) == b"one"
        lab.cut()
        assert list(stream.lines(timeout=PATIENCE)) == []
        assert isinstance(stream.outcome(timeout=PATIENCE), Lost)
    assert lab.transport.run(lab.says(b"back"), timeout=PATIENCE).stdout == b"back"


def test_a_put_cut_half_way_is_gone_on_with(lab: Lab) -> None:
    if not isinstance(lab, SshLab):
        pytest.skip("there is no connection to lose")
    target = lab.folder / "file"
    lab.write(target, b"old")
    data = os.urandom(20_000_000)
    told: list[int] = []

    def cut_half_way(done: int, total: int) -> None:
        if done > total / 2 and not any(before > total / 2 for before in told):
            lab.cut()
        told.append(done)

    transfer = lab.transport.put(data, target, mode=0o640, timeout=PATIENCE, progress=cut_half_way)
    assert transfer.changed
    assert (lab.read(target), lab.mode(target)) == (data, 0o640)
    # Equal where all that was sent had arrived: the piece that was being sent comes again.
    begins = [after for before, after in pairwise(told) if after <= before]
    assert len(begins) == 1  # once interrupted,
    assert begins[0] > 1_000_000  # and not begun anew
    assert lab.files() == {target}


def test_a_put_that_is_always_cut_leaves_nothing_and_can_be_repeated(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    if isinstance(lab, LocalLab):
        pytest.skip("there is no connection to this machine")
    monkeypatch.setattr("raftfleet.transport.shell.LINGER", 1)
    target = lab.folder / "file"
    lab.write(target, b"old")
    data = bytes(20_000_000)

    def cut_half_way(done: int, total: int) -> None:
        if done > total / 2:
            lab.cut()

    if isinstance(lab, FakeLab):
        lab.cut()
    with pytest.raises(UnreachableError, match=f"h1.*{target}"):
        lab.transport.put(data, target, mode=0o644, timeout=PATIENCE, progress=cut_half_way)
    assert eventually(lambda: lab.files() == {target})
    assert lab.read(target) == b"old"
    assert lab.transport.put(data, target, mode=0o644, timeout=PATIENCE).changed
    assert lab.read(target) == data


def test_a_get_cut_half_way_begins_anew(lab: Lab, tmp_path: Path) -> None:
    if not isinstance(lab, SshLab):
        pytest.skip("there is no connection to lose")
    source, target = lab.folder / "log", tmp_path / "log"
    data = os.urandom(50_000_000)
    lab.write(source, data)
    lab.transport.connect(timeout=PATIENCE)
    threading.Timer(0.08, lab.cut).start()
    transfer = lab.transport.get(source, target, timeout=PATIENCE)
    assert transfer.digest == hashlib.sha256(data).hexdigest()
    assert target.read_bytes() == data


def test_a_transport_that_was_closed_can_be_used_again(lab: Lab) -> None:
    lab.transport.connect(timeout=PATIENCE)
    lab.transport.close()
    lab.transport.close()
    assert lab.transport.run(lab.says(b"again"), timeout=PATIENCE).stdout == b"again"


def test_the_fake_says_what_nobody_programmed() -> None:
    with pytest.raises(AssertionError, match="reboot"):
        FakeTransport("h1").run(Command("reboot"), timeout=1)
