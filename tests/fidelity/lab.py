"""Three hosts with a simulated node on each: started, signalled, cut off, wiped, never asked."""

from __future__ import annotations

import json
import queue
import shutil
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raftfleet.simulator.bundle import bundle

if TYPE_CHECKING:
    from raftfleet.sandbox import Sandbox, SandboxHost

__all__ = ["Lab", "Node"]

HOME = "opt/rmq"
AGENT = Path(__file__).with_name("agent.py")
PATIENCE = 30.0
SERVER = """\
broker_id = {node}
broker_ip = "{address}"
meta_addrs = {{ {addresses} }}
data_path = "./data/meta"

[log]
log_config = "./config/logger.toml"
log_path = "./logs"

[storage_runtime]
data_path = ["./data/engine"]
"""
LOGGER = """\
[server]
kind = "rolling_file"
targets = [{ path = "", level = "info" }, { path = "openraft", level = "info" }]
rotation = "daily"
directory = "./logs"
prefix = "server"
suffix = "log"
"""


class Node:
    """A node on its host: files seen through the host's root, the process through an agent."""

    def __init__(self, number: int, host: SandboxHost, environment: dict[str, str]) -> None:
        self.number = number
        self.address = host.address
        self.home = host.root / HOME
        self.running = False
        self.started = 0.0
        self.exit: tuple[float, int] | None = None
        self._environment = environment
        self._offset = host.monotonic_offset
        self._init = host.init_pid
        self._mark: dict[Path, int] = {}
        self._answers: queue.Queue[dict[str, Any]] = queue.Queue()
        self._over = threading.Event()
        self._agent = subprocess.Popen(
            ["nsenter", "--target", str(host.init_pid), "--all", "--wd=/", "python3", "-u",
             "-c", AGENT.read_text()],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        assert self._agent.stdout is not None
        for line in self._agent.stdout:
            said = json.loads(line)
            said["at"] -= self._offset
            if said["did"] == "exit":
                self.exit = (said["at"], said["rc"])
                self.running = False
                self._over.set()
            else:
                self._answers.put(said)

    def _order(self, **what: Any) -> float:
        assert self._agent.stdin is not None
        self._agent.stdin.write(json.dumps(what) + "\n")
        self._agent.stdin.flush()
        return float(self._answers.get(timeout=PATIENCE)["at"])

    def install(self, addresses: dict[int, str]) -> None:
        """Put program and configuration on the host."""
        listed = ", ".join(f'{node} = "{address}:1228"' for node, address in addresses.items())
        (self.home / "config/certs").mkdir(parents=True)
        (self.home / "config/certs/cert.pem").write_text("certificate")
        (self.home / "config/certs/key.pem").write_text("key")
        text = SERVER.format(node=self.number, address=self.address, addresses=listed)
        (self.home / "config/server.toml").write_text(text)
        (self.home / "config/logger.toml").write_text(LOGGER)
        (self.home / "broker-server").write_bytes(bundle())
        (self.home / "broker-server").chmod(0o755)

    def start(self, ignore: tuple[str, ...] = ()) -> float:
        """Start the process; return when, on our monotonic clock."""
        self._mark = {path: path.stat().st_size for path in self._log_files()}
        self.exit = None
        self._over.clear()
        self.running = True
        self.started = self._order(
            do="start",
            argv=[f"/{HOME}/broker-server", "--conf", "config/server.toml"],
            cwd=f"/{HOME}",
            output=f"/{HOME}/out.log",
            env=self._environment,
            ignore=ignore,
        )
        return self.started

    def send(self, name: str) -> float:
        """Send a signal to the process; return when."""
        return self._order(do="signal", signal=name)

    def wait(self, seconds: float) -> tuple[float, int] | None:
        """Wait for the process to end; return when and with which status, None while it lives."""
        self._over.wait(seconds)
        return self.exit

    def kill(self) -> None:
        """End the process, if there is one."""
        if self.running:
            self.send("SIGKILL")
            self.wait(PATIENCE)

    def wipe(self, *, logs: bool = False) -> None:
        """Remove the node's data."""
        shutil.rmtree(self.home / "data", ignore_errors=True)
        if logs:
            shutil.rmtree(self.home / "logs", ignore_errors=True)

    def cut(self, rules: str) -> None:
        """Load firewall rules, a table of our own."""
        self._nft(rules)

    def heal(self) -> None:
        """Remove that table."""
        self._nft("table inet drill\ndelete table inet drill\n")

    def _nft(self, text: str) -> None:
        argv = ["nsenter", "--target", str(self._init), "--net", "nft", "-f", "-"]
        subprocess.run(argv, input=text, text=True, check=True, timeout=PATIENCE)

    def seen_from_within(self) -> dict[str, Any]:
        """Return the admin API's answers on the host itself, by address, and the listeners."""
        enter = ["nsenter", "--target", str(self._init), "--all"]
        ask = (
            "import http.client, sys\n"
            "c = http.client.HTTPConnection(sys.argv[1], 58080, timeout=10)\n"
            "c.request('GET', '/api/info'); print(c.getresponse().status)\n"
        )

        def code(address: str) -> list[str]:
            argv = [*enter, "python3", "-c", ask, address]
            return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()

        listing = subprocess.run(
            [*enter, "cat", "/proc/net/tcp", "/proc/net/udp"],
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        found = [row.split() for row in listing.splitlines() if row.split()[3] in ("0A", "07")]
        listeners = sorted({int(row[1].rpartition(":")[2], 16) for row in found})
        return {
            "loopback_code": code("127.0.0.1"),
            "own_ip_code": code(self.address),
            "listeners": [f"0.0.0.0:{port}" for port in listeners],
        }

    def _log_files(self) -> list[Path]:
        return sorted((self.home / "logs").glob("server*.log"))

    def log(self) -> str:
        """Return everything in its log."""
        return "".join(path.read_text(errors="replace") for path in self._log_files())

    def since_start(self) -> str:
        """Return what it logged since it was last started."""
        found = []
        for path in self._log_files():
            with path.open("rb") as log:
                log.seek(self._mark.get(path, 0))
                found.append(log.read().decode("utf-8", "replace"))
        return "".join(found)

    def close(self) -> None:
        """End the process and its agent."""
        assert self._agent.stdin is not None
        assert self._agent.stdout is not None
        self._agent.stdin.close()
        self._agent.wait(PATIENCE)
        self._listener.join(PATIENCE)
        self._agent.stdout.close()


class Lab:
    """The three nodes of one scenario."""

    def __init__(self, sandbox: Sandbox, environment: dict[str, str]) -> None:
        self.nodes = {host.index: Node(host.index, host, environment) for host in sandbox.hosts}
        self.addresses = {number: node.address for number, node in self.nodes.items()}
        for node in self.nodes.values():
            node.install(self.addresses)
        self.zero = time.monotonic()

    def __getitem__(self, number: int) -> Node:
        return self.nodes[number]

    def fresh(self, *, logs: bool) -> None:
        """End everything, heal everything, and forget everything."""
        for node in self.nodes.values():
            node.heal()
            node.kill()
            node.wipe(logs=logs)

    def close(self) -> None:
        """End every process."""
        for node in self.nodes.values():
            node.close()
