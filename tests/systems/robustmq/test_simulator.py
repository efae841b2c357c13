"""The adapter against three real processes: the bundled simulator, installed as the role does."""

from __future__ import annotations

import http.client
import os
import random
import signal
import socket
import subprocess
import time
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import pytest

from raftfleet.errors import AuthenticationError
from raftfleet.journal.values import NodeIdentity, Port, Role
from raftfleet.systems import AccessError, Ack, Answer, Node, Refused, Unknown
from raftfleet.systems.robustmq import RobustMQ
from raftfleet.systems.robustmq.admin import Admin
from raftfleet.systems.robustmq.logs import MARKERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

SYSTEM = RobustMQ()
SECONDS = 60
HERE = "127.0.0.1"


class LocalAccess:
    """A node's ports on this machine, a connection for each question."""

    over_loopback = True

    def __init__(self, node: Node) -> None:
        self.node = node
        self.ports = {port.name: port.number for port in SYSTEM.ports(node)}

    def request(
        self,
        port: str,
        method: str,
        path: str,
        *,
        timeout: float,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        connection = http.client.HTTPConnection(HERE, self.ports[port], timeout=timeout)
        try:
            connection.request(method, path, body, dict(headers or {}))
            answer = connection.getresponse()
            names = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, names, answer.read())
        except (OSError, http.client.HTTPException) as error:
            raise AccessError(str(error)) from None
        finally:
            connection.close()


def free_offset() -> int:
    """An offset at which every port of three nodes, 100 apart, is free right now."""
    for _ in range(200):
        offset = random.randrange(0, 12_000, 10)
        nodes = [make(number, offset, Path("/x")) for number in (1, 2, 3)]
        if all(is_free(port) for node in nodes for port in SYSTEM.ports(node)):
            return offset
    pytest.fail("no free ports on this machine")


def is_free(port: Port) -> bool:
    kind = socket.SOCK_DGRAM if port.protocol == "udp" else socket.SOCK_STREAM
    with socket.socket(type=kind) as one:
        try:
            one.bind((HERE, port.number))
        except OSError:
            return False
    return True


def make(number: int, offset: int, folder: Path) -> Node:
    name = f"n{number}"
    variables = {
        "robustmq_binary": "simulator",
        "robustmq_era": "fast",
        "raft_port_offset": offset + 100 * number,
    }
    identity = NodeIdentity(name, str(number), HERE, "here")
    return Node(identity, PurePosixPath(folder / name), variables)


def install(node: Node, nodes: list[Node]) -> None:
    home = Path(node.home)
    (home / "config/certs").mkdir(parents=True)
    for name in ("cert.pem", "key.pem"):
        (home / "config/certs" / name).write_text("stand-in")
    for directory in SYSTEM.directories(node):
        Path(directory).mkdir(parents=True, exist_ok=True)
        (Path(directory) / ".raftfleet").touch()
    for path, text in SYSTEM.files(node, nodes).items():
        (home / path).write_text(text)
    (program,) = SYSTEM.artifacts(node)
    assert isinstance(program.source, bytes)
    (home / program.target).parent.mkdir()
    (home / program.target).write_bytes(program.source)
    (home / program.target).chmod(program.mode)


def start(node: Node) -> subprocess.Popen[bytes]:
    command = SYSTEM.start(node)
    return subprocess.Popen(
        ["sh", "-c", command.line],
        cwd=command.cwd,
        env={**os.environ, **command.env},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + SECONDS
    last: object = None
    while time.monotonic() < deadline:
        try:
            last = condition()
            if last is True:
                return
        except AccessError as error:
            last = error
        time.sleep(0.05)
    pytest.fail(f"not within {SECONDS} s: {what}; last seen: {last}")


def messages(node: Node) -> list[str]:
    (pattern,) = SYSTEM.log_files(node)
    text = b"".join(path.read_bytes() for path in sorted(Path(node.home).glob(pattern)))
    return [message for *_, message in SYSTEM.parse_log(text)]


def marked(node: Node, *names: str) -> list[str]:
    """Which of these markers the node's log holds, in order."""
    return [n for m in messages(node) for n in names if MARKERS[n] in m]


@pytest.fixture(scope="module")
def cluster(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[list[Node], list[subprocess.Popen[bytes]]]]:
    offset, folder = free_offset(), tmp_path_factory.mktemp("cluster")
    nodes = [make(number, offset, folder) for number in (1, 2, 3)]
    SYSTEM.check(nodes)
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for node in nodes:
            install(node, nodes)
            processes.append(start(node))
            until(lambda node=node: has_joined(node), f"{node.name} is a voter")  # type: ignore[misc]
        yield nodes, processes
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
            process.wait(SECONDS)


def has_joined(node: Node) -> bool:
    groups = SYSTEM.status(LocalAccess(node), timeout=2)
    return all(
        any(node.identity.id in config for config in g.voters or ()) for g in groups.values()
    )


def views(nodes: list[Node], group: str) -> list[tuple[object, ...]]:
    found = [SYSTEM.status(LocalAccess(node), timeout=2)[group] for node in nodes]
    return [(one.term, one.leader, one.voters, one.learners) for one in found]


def all_listen(node: Node) -> bool:
    return not any(is_free(port) for port in SYSTEM.ports(node))


def test_three_nodes_live_fail_over_and_exit_as_the_adapter_says(
    cluster: tuple[list[Node], list[subprocess.Popen[bytes]]],
) -> None:
    nodes, processes = cluster
    voters = (("1", "2", "3"),)
    for group in SYSTEM.groups:
        until(
            lambda group=group: views(nodes, group) == [(1, "1", voters, ())] * 3,  # type: ignore[misc]
            f"all agree on {group}",
        )
    for node in nodes:
        until(lambda node=node: all_listen(node), f"{node.name} listens everywhere")  # type: ignore[misc]
    started = ("configured", "bootstrapping", "joining", "joined", "recovering", "ready")
    # it is a voter before it has been told so, so either of its last two lines may come first
    until(
        lambda: {"joined", "ready"} <= set(marked(nodes[1], *started)), "n2 says that it has joined"
    )
    assert marked(nodes[0], *started) == ["configured", "bootstrapping", "ready"]
    assert sorted(marked(nodes[1], *started)) == ["configured", "joined", "joining", "ready"]

    processes[0].send_signal(signal.SIGINT)
    assert processes[0].wait(SECONDS) == 0
    exits = ("shutdown_requested", "terminating", "meta_shutdown", "forced")
    # two threads look at the flag that the signal sets, so either line may come first
    assert sorted(marked(nodes[0], *exits)) == [
        "meta_shutdown",
        "shutdown_requested",
        "terminating",
    ]
    with pytest.raises(AccessError, match="refused"):
        SYSTEM.status(LocalAccess(nodes[0]), timeout=2)

    survivors = nodes[1:]
    for group in SYSTEM.groups:
        until(lambda group=group: new_leader(survivors, group), f"a new leader of {group}")  # type: ignore[misc]

    processes[0] = start(nodes[0])
    until(lambda: has_joined(nodes[0]), "n1 is back")
    until(
        lambda: marked(nodes[0], *started)[3:] == ["configured", "recovering", "ready"],
        "n1 recovers",
    )


def new_leader(survivors: list[Node], group: str) -> bool:
    found = [SYSTEM.status(LocalAccess(node), timeout=2)[group] for node in survivors]
    return any(one.role is Role.LEADER and (one.term or 0) > 1 for one in found)


class Elsewhere(LocalAccess):
    """Asks as from another machine: with a token."""

    over_loopback = False


def test_the_admin_api_is_logged_in_to_written_and_read(
    cluster: tuple[list[Node], list[subprocess.Popen[bytes]]],
) -> None:
    nodes, _ = cluster
    until(lambda: has_joined(nodes[1]), "n2 is a voter")
    until(lambda: new_leader(nodes, "metadata_0") or lone_leader(nodes), "a leader")
    admin = SYSTEM.admin(Elsewhere(nodes[1]))
    name = 'a b/\u00fc"'
    assert admin.create_tenant(name, "x", timeout=10) == Ack()
    assert admin.create_tenant(name, timeout=10) == Ack(), "at its first use it counts"
    assert isinstance(admin.create_tenant(name, first_use=False, timeout=10), Unknown)
    assert isinstance(admin.create_tenant("", timeout=10), Refused)
    assert [one.desc for one in admin.tenants(timeout=10) if one.tenant_name == name] == ["x"]
    assert admin.tenants(containing="b/", timeout=10)
    assert admin.delete_tenant(name, timeout=10) == Ack()
    until(lambda: not admin.tenants(containing="b/", timeout=10), "the tenant is gone")
    assert admin.info(timeout=10).cluster_name == "robustmq-cluster"
    with pytest.raises(AuthenticationError, match="user 'admin'"):
        Admin(Elsewhere(nodes[1]), "admin", "wrong", time.monotonic).info(timeout=10)


def lone_leader(nodes: list[Node]) -> bool:
    return all(view[1] is not None for view in views(nodes, "metadata_0"))


def test_a_host_with_a_running_simulator_has_its_ports_and_directories(
    cluster: tuple[list[Node], list[subprocess.Popen[bytes]]],
) -> None:
    nodes, _ = cluster
    until(lambda: all_listen(nodes[2]), "n3 listens everywhere")
    command = SYSTEM.host_check(nodes[2])
    said = subprocess.run(["sh", "-c", command.line], capture_output=True, text=True, check=True)
    assert list(SYSTEM.judge_host(nodes[2], said.stdout, running=True)) == []
    (problem,) = SYSTEM.judge_host(nodes[2], said.stdout)
    assert "already in use on its host" in problem.message
    for port in SYSTEM.ports(nodes[2]):
        assert f"{port.protocol} {port.number} (" in problem.message
