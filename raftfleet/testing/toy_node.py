"""A node that is nothing but a process, ports and a status page: it says what it is told to say.

Reads ``toy.json`` in its directory. GET /status answers the groups as JSON; POST /status replaces
them; POST /stall makes every later request wait for so many seconds (body). SIGINT and SIGTERM end it
after ``exit_delay`` seconds with ``exit_status``, unless listed in ``ignore``. Standard library only.
"""

from __future__ import annotations

import http.server
import json
import pathlib
import signal
import socket
import socketserver
import sys
import threading
import time
from datetime import UTC, datetime
from typing import Any

CONFIG: dict[str, Any] = json.loads(pathlib.Path("toy.json").read_text(encoding="utf-8"))


class State:
    """What the status page says, and how long it waits before it does."""

    status: str = json.dumps(CONFIG["status"])
    stall: float = 0.0


def log(level: str, target: str, message: str) -> None:
    """Write a line to the log file and to standard output."""
    stamp = datetime.now(tz=UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    line = f"{stamp} {level} {target}: {message}\n"
    path = pathlib.Path(CONFIG["log"])
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(line)
    sys.stdout.write(line)
    sys.stdout.flush()


class Page(http.server.BaseHTTPRequestHandler):
    """The status page; connections are kept."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 65536

    def do_GET(self) -> None:
        """Answer the groups."""
        time.sleep(State.stall)
        self._answer(State.status.encode())

    def do_POST(self) -> None:
        """Take what is to be answered from now on."""
        body = self.rfile.read(int(self.headers["Content-Length"] or 0)).decode()
        if self.path == "/stall":
            State.stall = float(body)
        else:
            State.status = body
        self._answer(b"ok")

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing about requests."""


class Server(http.server.ThreadingHTTPServer):
    """The server; its threads end with the process."""

    daemon_threads = True

    def server_bind(self) -> None:
        """Bind, and ask no name server who we are."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]


def main() -> int:
    """Be a node until a signal comes; return the exit status."""
    stopping = threading.Event()

    def handle(number: int, _frame: object) -> None:
        log("INFO", "toy::shutdown", f"shutdown requested by signal {number}")
        stopping.set()

    for name in ("INT", "TERM"):
        number = getattr(signal, f"SIG{name}")
        signal.signal(number, signal.SIG_IGN if name in CONFIG["ignore"] else handle)
    log("INFO", "toy::start", f"toy node {CONFIG['id']} starts, password={CONFIG['password']}")
    if CONFIG["dies"] is not None:
        sys.stderr.write("\033[31mcannot go on:\033[0m the toy was told to die\n")
        return int(CONFIG["dies"])
    held = [socket.create_server(("", port)) for port in CONFIG["extra_ports"]]
    page = Server(("", CONFIG["port"]), Page)
    threading.Thread(target=page.serve_forever, daemon=True).start()
    log("INFO", "toy::start", "toy node is ready")
    stopping.wait()
    del held
    time.sleep(CONFIG["exit_delay"])
    log("INFO", "toy::shutdown", "terminating")
    return int(CONFIG["exit_status"])


if __name__ == "__main__":
    sys.exit(main())
