"""Real simulator processes on loopback, started from the one-file bundle."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import struct
import subprocess
import time
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from raftfleet.simulator.bundle import bundle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

__all__ = ["DEADLINE", "Answer", "Broker", "Cluster", "eventually", "free_ports"]

DEADLINE = 60.0
"""Seconds after which something that should happen soon counts as not happening: this is not a
measure of speed, the machine may be busy."""

PORTS = (
    "grpc",
    "http",
    "engine",
    "mqtt",
    "mqtts",
    "websocket",
    "websockets",
    "quic",
    "nats",
    "nats_tls",
    "nats_ws",
    "nats_wss",
    "kafka",
    "amqp",
)
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
SERVER = """\
broker_id = {node}
broker_ip = "127.0.0.1"
grpc_port = {grpc}
http_port = {http}
meta_addrs = {{ {addresses} }}
data_path = "./data/meta"
a_key_nobody_knows = "is ignored"

[broker_network]
tls_cert = "./config/certs/cert.pem"
tls_key = "./config/certs/key.pem"

[log]
log_config = "./config/logger.toml"

[meta_runtime]
heartbeat_timeout_ms = {silence}
heartbeat_check_time_ms = 100

[storage_runtime]
tcp_port = {engine}
data_path = ["./data/engine"]

[mqtt_runtime.server]
tcp_port = {mqtt}
tls_port = {mqtts}
websocket_port = {websocket}
websockets_port = {websockets}
quic_port = {quic}

[nats_runtime]
tcp_port = {nats}
tls_port = {nats_tls}
ws_port = {nats_ws}
wss_port = {nats_wss}

[kafka_runtime]
tcp_port = {kafka}

[amqp_runtime]
tcp_port = {amqp}
"""
LOGGER = """\
[stdout]
kind = "console"
targets = [{ path = "", level = "info" }, { path = "openraft", level = "info" }]

[server]
kind = "rolling_file"
targets = [{ path = "", level = "info" }]
rotation = "daily"
directory = "./logs"
prefix = "server"
suffix = "log"

[raft]
kind = "rolling_file"
targets = [{ path = "openraft", level = "info" }]
directory = "./logs"
prefix = "raft"

[meta]
kind = "rolling_file"
targets = [{ path = "meta_service", level = "info" }]
directory = "./logs"
prefix = "meta"
"""


def eventually(what: str, condition: Callable[[], object], deadline: float = DEADLINE) -> Any:
    """Return the first true value of a condition; fail with what was seen last."""
    end = time.monotonic() + deadline
    seen: object = None
    while time.monotonic() < end:
        try:
            seen = condition()
        except OSError as error:
            seen = error
        else:
            if seen:
                return seen
        time.sleep(0.01)
    raise AssertionError(f"{what}: not within {deadline} s, last seen: {seen!r}")


def free_ports(count: int) -> int:
    """Return the first of so many free ports in a row, below the ephemeral range."""
    start = 20000 + os.getpid() % 600 * 20
    bases: list[int] = [*range(start, 32000, count), *range(20000, start, count)]
    for base in bases:
        with contextlib.ExitStack() as held:
            try:
                for port in range(base, base + count):
                    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                        held.enter_context(socket.socket(type=kind)).bind(("0.0.0.0", port))
            except OSError:
                continue
            return base
    raise AssertionError("no free ports")


class Answer(NamedTuple):
    """An HTTP answer."""

    status: int
    headers: list[tuple[str, str]]
    text: str

    @property
    def data(self) -> Any:
        return json.loads(self.text)["data"]


class Broker:
    """One node: its directory, its ports, its process."""

    def __init__(
        self,
        root: Path,
        node: int,
        base: int,
        addresses: str,
        *,
        silence: int,
        environment: dict[str, str],
    ) -> None:
        self.node = node
        self._environment = environment
        self.home = root / f"n{node}"
        self.ports = {name: base + place for place, name in enumerate(PORTS)}
        self.address = f"127.0.0.1:{self.ports['grpc']}"
        self.binary = root / "broker-server"
        self.process: subprocess.Popen[bytes] | None = None
        self._connections: dict[str, http.client.HTTPConnection] = {}
        (self.home / "config/certs").mkdir(parents=True)
        (self.home / "config/certs/cert.pem").write_text("certificate")
        (self.home / "config/certs/key.pem").write_text("key")
        (self.home / "config/logger.toml").write_text(LOGGER)
        self.configuration = self.home / "config/server.toml"
        self.configuration.write_text(
            SERVER.format(node=node, addresses=addresses, silence=silence, **self.ports)
        )

    # -- the process -----------------------------------------------------------------------

    def start(
        self, *arguments: str, preset: str = "fast", **environment: str
    ) -> subprocess.Popen[bytes]:
        """Start the process."""
        with (self.home / "output").open("ab") as output:
            self.process = subprocess.Popen(
                [str(self.binary), *(arguments or ("--conf", "config/server.toml"))],
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={
                    **os.environ,
                    "RAFTFLEET_SIMULATOR_PRESET": preset,
                    **self._environment,
                    **environment,
                },
            )
        return self.process

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def pause(self) -> None:
        """Keep the process from running."""
        self.send(signal.SIGSTOP)

    def resume(self) -> None:
        """Let the process run again."""
        self.send(signal.SIGCONT)

    def exited(self) -> int:
        """Wait for the end and return the status, -N for a signal."""
        assert self.process is not None
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()
        return self.process.wait(DEADLINE)

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Send a signal and wait for the end."""
        self.send(number)
        return self.exited()

    def listens(self, port: str = "nats_wss") -> bool:
        """Whether something accepts connections on a port; the last one to open by default."""
        if self.process and self.process.poll() is not None:
            raise AssertionError(f"n{self.node} exited with {self.process.poll()}:\n{self.tail()}")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.ports[port])) == 0

    def wait_up(self) -> None:
        """Wait until every port is open."""
        eventually(f"n{self.node} is up", self.listens)

    # -- what it says ----------------------------------------------------------------------

    def output(self) -> str:
        """Return its output, without colours."""
        return COLOUR.sub("", (self.home / "output").read_text(errors="replace"))

    def tail(self) -> str:
        """Return the last lines of its output."""
        return "\n".join(self.output().splitlines()[-15:])

    def says(self, text: str) -> bool:
        """Whether its output contains a text."""
        return text in self.output()

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        port: str = "http",
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Ask over a kept connection."""
        if port not in self._connections:
            self._connections[port] = http.client.HTTPConnection(
                "127.0.0.1", self.ports[port], timeout=DEADLINE
            )
        connection = self._connections[port]
        payload = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        kind = {} if body is None else {"Content-Type": "application/json"}
        try:
            connection.request(method, path, payload, {**kind, **(headers or {})})
            response = connection.getresponse()
            text = response.read().decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise ConnectionError(str(error)) from error
        return Answer(response.status, response.getheaders(), text)

    def grpc(self, method: str, *fields: str) -> tuple[dict[str, str], list[bytes]]:
        """Call the meta service over gRPC-web: return the headers and the messages."""
        message = b"".join(
            bytes([number << 3 | 2, len(text)]) + text.encode()
            for number, text in enumerate(fields, 1)
        )
        connection = http.client.HTTPConnection("127.0.0.1", self.ports["grpc"], timeout=DEADLINE)
        with contextlib.closing(connection):
            connection.request(
                "POST",
                f"/meta.service.common.MetaServiceService/{method}",
                struct.pack(">BI", 0, len(message)) + message,
                {"Content-Type": "application/grpc-web+proto"},
            )
            response = connection.getresponse()
            return dict(response.getheaders()), list(_messages(response.read()))

    def status(self) -> dict[str, Any]:
        """Return its own view of every group."""
        content = self.grpc("ClusterStatus")[1][0]
        status: dict[str, Any] = json.loads(content[content.index(b"{") :])
        return status

    def tenants(self) -> set[str]:
        """Return the names of the tenants in its own store."""
        names = set()
        for message in self.grpc("ListTenant")[1]:
            record = message[2 if message[1] < 0x80 else 3 :]
            length = struct.unpack_from("<Q", record)[0]
            names.add(record[8 : 8 + length].decode())
        return names


def _messages(body: bytes) -> Iterable[bytes]:
    at = 0
    while at < len(body):
        flag, length = struct.unpack_from(">BI", body, at)
        if flag == 0:
            yield body[at + 5 : at + 5 + length]
        at += 5 + length


class Cluster:
    """Some nodes that belong together.

    ``lease`` is the leader lease: unless a test is about elections, none is to happen, however
    long this machine makes a node wait. ``silence`` is after how many milliseconds a broker that
    sends no heartbeats is taken off the register. ``environment`` is added to that of every process.
    """

    def __init__(
        self,
        root: Path,
        size: int = 3,
        *,
        silence: int = 30000,
        lease: float = 600,
        environment: dict[str, str] | None = None,
    ) -> None:
        given = {"RAFTFLEET_SIMULATOR_LEASE": str(lease), **(environment or {})}
        base = free_ports(len(PORTS) * size)
        bases = {node: base + len(PORTS) * (node - 1) for node in range(1, size + 1)}
        addresses = ", ".join(f'{node} = "127.0.0.1:{port}"' for node, port in bases.items())
        binary = root / "broker-server"
        binary.write_bytes(bundle())
        binary.chmod(0o755)
        self.brokers = {
            node: Broker(root, node, port, addresses, silence=silence, environment=given)
            for node, port in bases.items()
        }
        self.booted: dict[int, dict[str, Any]] = {}

    def __getitem__(self, node: int) -> Broker:
        return self.brokers[node]

    def boot(self) -> None:
        """Start the nodes one after the other, each when the one before is complete."""
        for node, broker in self.brokers.items():
            broker.start()
            expected = [[sorted(self.brokers)[:node]]] * 3
            eventually(f"n{node} is a voter", partial(self.sees, broker, expected))
            broker.wait_up()
        self.settle()
        self.booted = {node: broker.status() for node, broker in self.brokers.items()}

    def sees(self, broker: Broker, voters: object) -> bool:
        """Whether a node sees these voter sets."""
        return self.voters(broker) == voters

    def voters(self, broker: Broker) -> list[list[list[int]]]:
        """Return the voter sets that a node sees in each group."""
        broker.listens("grpc")
        groups = broker.status().values()
        return [group["membership_config"]["membership"]["configs"] for group in groups]

    def view(self, *nodes: int) -> set[str]:
        """Return the different views that nodes have of who leads, in which term, how far."""
        views = set()
        for node in nodes or self.brokers:
            groups = self[node].status()
            view = {
                name: [group[key] for key in ("current_leader", "current_term", "last_applied")]
                for name, group in groups.items()
            }
            views.add(json.dumps(view, sort_keys=True))
        return views

    def settle(self, *nodes: int) -> None:
        """Wait until nodes agree on the leaders and on how far the logs are applied."""
        eventually("the nodes agree", lambda: len(self.view(*nodes)) == 1)

    def close(self) -> None:
        """Kill what still runs."""
        for broker in self.brokers.values():
            if broker.process and broker.process.poll() is None:
                broker.process.kill()
            if broker.process:
                broker.exited()
