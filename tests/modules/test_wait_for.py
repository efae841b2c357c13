"""`wait_for` and `pause`."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest

from raftfleet.clock import FakeClock
from raftfleet.errors import InterruptedRun, UnreachableError
from raftfleet.playbook.module import Result, Status
from raftfleet.transport.protocol import Exited

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from raftfleet.testing.transport import FakeTransport
    from tests.modules.conftest import Bench


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A socket of ours that listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def port_of(listening: socket.socket) -> int:
    port: int = listening.getsockname()[1]
    return port


def while_waiting(act: Callable[[], object], wait: Callable[[], Result]) -> Result:
    """Let something happen once the wait has begun, and see that the wait lasted until then."""
    happened = threading.Event()

    def later() -> None:
        happened.set()
        act()

    timer = threading.Timer(0.3, later)
    timer.start()
    try:
        result = wait()
        assert happened.is_set(), "the wait ended before what it waited for"
        return result
    finally:
        timer.join()


class TestPaths:
    def test_what_is_there_is_there_at_once(self, bench: Bench, tmp_path: Path) -> None:
        result = bench.run("wait_for", path=str(tmp_path))
        assert (result.status, result.values["elapsed"]) == (Status.OK, 0)
        assert result.values["state"] == "started"
        assert bench.run("wait_for", path=f"{tmp_path}/nope", state="absent").status is Status.OK

    def test_a_path_that_comes(self, bench: Bench, tmp_path: Path) -> None:
        path = tmp_path / "it's $(touch pwned)"
        result = while_waiting(
            path.touch, lambda: bench.run("wait_for", path=str(path), timeout=20)
        )
        assert result.status is Status.OK
        assert [p.name for p in tmp_path.iterdir()] == [path.name]

    def test_a_path_that_goes(self, bench: Bench, tmp_path: Path) -> None:
        path = tmp_path / "x"
        path.touch()
        arguments = {"path": str(path), "state": "absent", "timeout": 20}
        assert (
            while_waiting(path.unlink, lambda: bench.run("wait_for", **arguments)).status
            is Status.OK
        )

    def test_a_failure_says_what_was_last_seen(self, bench: Bench, tmp_path: Path) -> None:
        result = bench.run("wait_for", path=f"{tmp_path}/nope", timeout=0.2)
        assert result.status is Status.FAILED
        assert result.msg == f"Timeout when waiting for file {tmp_path}/nope"
        assert result.values["last_seen"] == f"{tmp_path}/nope does not exist"
        said = bench.failure("wait_for", path=str(tmp_path), state="absent", timeout=0.1)
        assert said.endswith(f"Timeout when waiting for {tmp_path} to be absent.")

    def test_a_message_of_ones_own(self, bench: Bench, tmp_path: Path) -> None:
        arguments = {"path": f"{tmp_path}/nope", "timeout": 0.1, "msg": "gave up"}
        assert bench.failure("wait_for", **arguments) == "gave up"


class TestText:
    def test_groups_are_registered(self, bench: Bench, tmp_path: Path) -> None:
        (tmp_path / "log").write_text("a\nready on (?P<port>: no\nready on 1228\n")
        regex = r"^ready on (?P<port>\d+)$"
        result = bench.run("wait_for", path=f"{tmp_path}/log", search_regex=regex)
        assert result.values["match_groups"] == ["1228"]
        assert result.values["match_groupdict"] == {"port": "1228"}

    def test_a_text_that_comes_in_a_file_that_comes(self, bench: Bench, tmp_path: Path) -> None:
        path = tmp_path / "log"

        def grow() -> None:
            path.write_text("starting\n")
            with path.open("a") as file:
                file.write("ready\n")

        arguments = {"path": str(path), "search_regex": "ready", "timeout": 20}
        assert while_waiting(grow, lambda: bench.run("wait_for", **arguments)).status is Status.OK

    def test_absent_means_the_file_whatever_is_in_it(self, bench: Bench, tmp_path: Path) -> None:
        path = tmp_path / "log"
        path.write_text("idle")
        arguments = {"path": str(path), "search_regex": "busy", "state": "absent"}
        assert "to be absent" in bench.failure("wait_for", **arguments, timeout=0.1)
        wait = lambda: bench.run("wait_for", **arguments, timeout=20)  # noqa: E731
        assert while_waiting(path.unlink, wait).status is Status.OK

    def test_a_file_does_not_stop(self, bench: Bench, tmp_path: Path) -> None:
        said = bench.failure("wait_for", path=f"{tmp_path}/x", state="stopped")
        assert "state: absent" in said

    def test_a_failure_names_the_expression(self, bench: Bench, tmp_path: Path) -> None:
        (tmp_path / "log").write_text("starting\n")
        said = bench.failure("wait_for", path=f"{tmp_path}/log", search_regex="ready", timeout=0.1)
        assert said.endswith("log has nothing that matches 'ready'")
        said = bench.failure("wait_for", path=f"{tmp_path}/no", search_regex="ready", timeout=0.1)
        assert said.endswith("no does not exist")

    def test_a_file_that_stays_the_same_is_read_once(
        self, faked: Bench, fake: FakeTransport
    ) -> None:
        seen: list[str] = []

        def answer(command: Any, _stdin: bytes) -> Exited:
            seen.append(command.line)
            return Exited(status=0, stdout=b"1 2 3\nx\n") if len(seen) == 1 else Exited(status=3)

        fake.on("*", answer, lasting=2.0)
        said = faked.failure("wait_for", path="/log", search_regex="ready", timeout=10)
        assert "nothing that matches" in said
        assert len(seen) == 5
        assert all("'1 2 3'" in line for line in seen[1:])


class TestPorts:
    def test_an_open_port(self, bench: Bench, listener: socket.socket) -> None:
        result = bench.run("wait_for", port=port_of(listener), timeout=20)
        assert (result.status, result.values["port"]) == (Status.OK, port_of(listener))

    def test_a_port_that_opens(self, bench: Bench) -> None:
        with socket.socket() as opening:
            opening.bind(("127.0.0.1", 0))
            arguments = {"port": port_of(opening), "timeout": 20}
            result = while_waiting(opening.listen, lambda: bench.run("wait_for", **arguments))
            assert result.status is Status.OK

    def test_a_port_that_closes(self, bench: Bench, listener: socket.socket) -> None:
        arguments = {"port": port_of(listener), "state": "stopped", "timeout": 20}
        result = while_waiting(listener.close, lambda: bench.run("wait_for", **arguments))
        assert (result.status, result.values["state"]) == (Status.OK, "stopped")

    def test_failures_name_the_port(self, bench: Bench, listener: socket.socket) -> None:
        port = port_of(listener)
        said = bench.failure("wait_for", port=port, state="stopped", timeout=0.1)
        assert said.endswith(f"127.0.0.1:{port} to stop.")
        listener.close()
        said = bench.failure("wait_for", port=port, timeout=0.1)
        assert said.endswith(f"127.0.0.1:{port}")

    @pytest.mark.parametrize("state", ["started", "stopped"])
    def test_a_host_without_bash_knows_its_own_ports(
        self, bench: Bench, listener: socket.socket, tmp_path: Path, state: str
    ) -> None:
        self._without_bash(bench, tmp_path)
        result = bench.run("wait_for", port=port_of(listener), state=state, timeout=0.2)
        assert (result.status is Status.OK) is (state == "started")
        result = bench.run("wait_for", port=1, state=state, timeout=0.2)
        assert (result.status is Status.OK) is (state == "stopped")

    @pytest.mark.parametrize("state", ["started", "stopped"])
    def test_a_host_without_bash_says_so_for_ports_of_others(
        self, bench: Bench, tmp_path: Path, state: str
    ) -> None:
        self._without_bash(bench, tmp_path)
        said = bench.failure("wait_for", host="192.0.2.1", port=1, state=state, timeout=0.2)
        assert "only bash can try a port of 192.0.2.1" in said

    @staticmethod
    def _without_bash(bench: Bench, folder: Path) -> None:
        for tool in ("grep", "sleep", "stat", "timeout"):
            (folder / tool).symlink_to(f"/usr/bin/{tool}")
        bench.environment["PATH"] = str(folder)

    def test_no_host_name_is_evaluated(self, bench: Bench, tmp_path: Path) -> None:
        evil = f"$(touch {tmp_path}/pwned);`touch {tmp_path}/pwned`"
        assert bench.failure("wait_for", host=evil, port=1, timeout=0.1)
        assert list(tmp_path.iterdir()) == []


class TestWaiting:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"port": 1, "path": "/x"}, "exclude each other"),
            ({"port": 1, "search_regex": "x", "state": "absent"}, "state: started"),
            ({"port": 70000}, "is not a port"),
            ({"path": "/x", "search_regex": "("}, "is not valid"),
            ({"state": "drained"}, "wants port"),
            ({"port": 1, "state": "drained", "host": "example"}, "wants addresses"),
            (
                {"port": 1, "state": "drained", "active_connection_states": ["OPEN"]},
                "no state of a connection",
            ),
        ],
    )
    def test_what_cannot_be_waited_for_is_refused(
        self, bench: Bench, arguments: dict[str, Any], message: str
    ) -> None:
        assert message in bench.failure("wait_for", **arguments)

    def test_check_mode_waits_for_nothing(self, faked: Bench) -> None:
        assert faked.checking().run("wait_for", path="/nope").status is Status.SKIPPED

    def test_it_gives_up_when_the_run_is_interrupted(
        self, faked: Bench, fake: FakeTransport
    ) -> None:
        fake.on("*", Exited(status=3), lasting=2.0)
        faked.stopping = lambda: len(fake.calls) >= 3
        with pytest.raises(InterruptedRun, match="/nope does not exist"):
            faked.run("wait_for", path="/nope")
        assert len(fake.calls) == 3

    def test_a_lost_connection_is_unreachable(self, faked: Bench, fake: FakeTransport) -> None:
        fake.lose()
        with pytest.raises(UnreachableError):
            faked.run("wait_for", path="/nope")

    def test_the_first_look_can_be_delayed(self, faked: Bench, fake: FakeTransport) -> None:
        fake.on("*")
        before = faked.clock.monotonic()
        assert faked.run("wait_for", path="/x", delay=7).values["elapsed"] == 7
        assert faked.clock.monotonic() - before == pytest.approx(7)

    def test_it_says_what_it_is_waiting_for(self, faked: Bench, fake: FakeTransport) -> None:
        fake.on("*", Exited(status=3), lasting=2.0)
        faked.failure("wait_for", path="/nope", timeout=4)
        assert faked.progress == [("waiting, 2 s left: /nope does not exist",)]


class TestPause:
    def test_time_passes_on_the_clock(self, faked: Bench) -> None:
        before = faked.clock.monotonic()
        result = faked.run("pause", seconds=5)
        assert faked.clock.monotonic() - before == pytest.approx(5)
        assert (result.values["delta"], result.values["stdout"]) == (5, "Paused for 5.0 seconds")
        assert (result.status, faked.run("pause", seconds=0).values["delta"]) == (Status.OK, 0)

    def test_minutes(self, faked: Bench) -> None:
        faked.deadline = 300
        assert faked.run("pause", minutes=2).values["delta"] == 120

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"seconds": 1, "minutes": 1}, "exclude each other"),
            ({"seconds": 61}, "longer than the task may take"),
        ],
    )
    def test_what_is_refused(self, faked: Bench, arguments: dict[str, Any], message: str) -> None:
        assert message in faked.failure("pause", **arguments)

    def test_an_interruption_ends_it(self, faked: Bench) -> None:
        clock = faked.clock
        assert isinstance(clock, FakeClock)
        began = clock.monotonic()
        faked.stopping = lambda: clock.monotonic() - began > 3
        with pytest.raises(InterruptedRun):
            faked.run("pause", seconds=50)
        assert clock.monotonic() - began < 4

    def test_check_mode_does_not_wait(self, faked: Bench) -> None:
        assert faked.checking().run("pause", seconds=5).values["delta"] == 0


class TestTalkAndConnections:
    def test_what_a_port_says(self, bench: Bench) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]

            def greet() -> None:
                peer, _ = server.accept()
                peer.sendall(b"SSH-2.0-Open")
                peer.sendall(b"SSH_9\r\n")
                peer.close()

            greeting = threading.Thread(target=greet)
            greeting.start()
            wanted = {"port": port, "search_regex": r"Open(?P<name>\w+)_(\d)", "timeout": 20}
            result = bench.run("wait_for", **wanted)
            greeting.join()
        assert (result.status, result.values["match_groups"]) == (Status.OK, ["SSH", "9"])
        assert result.values["match_groupdict"] == {"name": "SSH"}

    def test_a_port_that_says_nothing(self, bench: Bench) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            result = bench.run("wait_for", port=port, search_regex="x", timeout=0.3)
        assert result.status is Status.FAILED
        assert "says nothing that matches" in result.msg

    def test_drained_waits_for_the_last_connection(self, bench: Bench) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            wanted = {"port": port, "state": "drained", "active_connection_states": ["ESTABLISHED"]}
            with socket.create_connection(("127.0.0.1", port)):
                peer, _ = server.accept()
                busy = bench.run("wait_for", **wanted, timeout=0.2)
                assert (busy.status, busy.msg.endswith(" to drain")) == (Status.FAILED, True)
                spared = bench.run("wait_for", **wanted, timeout=5, exclude_hosts=["127.0.0.1"])
                assert spared.status is Status.OK
                peer.close()
            assert bench.run("wait_for", **wanted, timeout=20).status is Status.OK

    def test_without_port_and_path_time_passes(self, faked: Bench) -> None:
        before = faked.clock.monotonic()
        result = faked.run("wait_for", timeout=7)
        assert result.status is Status.OK
        assert faked.clock.monotonic() - before == pytest.approx(7)


def test_without_anything_it_waits_for_nobody(faked: Bench) -> None:
    before = faked.clock.monotonic()
    assert faked.run("pause").values["stdout"] == "Paused for 0.0 minutes"
    assert faked.clock.monotonic() == before


def test_a_prompt_is_shown_and_waits_for_nobody(faked: Bench) -> None:
    before = faked.clock.monotonic()
    result = faked.run("pause", prompt="sure?")
    assert (result.status, result.values["user_input"]) == (Status.OK, "")
    assert faked.progress == [("sure?",)]
    assert faked.clock.monotonic() == before
    faked.run("pause", prompt="sure?", seconds=3)
    assert faked.clock.monotonic() - before == pytest.approx(3)
