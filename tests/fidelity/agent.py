"""Runs on a host: the parent of a node, so that its exit is stamped and its wait status is kept.

Reads one JSON command a line, answers with one JSON line each, and adds one when the node ends.
Stamps are the host's monotonic clock. When its input ends, so does the node.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from typing import Any

_printing = threading.Lock()
_node: subprocess.Popen[bytes] | None = None
_waiter = threading.Thread()


def _say(**what: Any) -> None:
    with _printing:
        print(json.dumps(what), flush=True)


def _start(command: dict[str, Any]) -> None:
    global _node, _waiter  # noqa: PLW0603 - one node a host

    def before_exec() -> None:
        for handled in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            signal.signal(handled, signal.SIG_DFL)  # a shell's background jobs ignore SIGINT
        for name in command["ignore"]:
            signal.signal(signal.Signals[name], signal.SIG_IGN)

    with open(command["output"], "ab") as output:  # noqa: PTH123 - nothing more is imported here
        at = time.monotonic()
        _node = subprocess.Popen(
            command["argv"],
            cwd=command["cwd"],
            env={**os.environ, **command["env"]},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=before_exec,  # noqa: PLW1509 - no other thread holds a lock it needs
        )
    _say(did="start", at=at, pid=_node.pid)
    _waiter = threading.Thread(target=_await, args=(_node,), daemon=True)
    _waiter.start()


def _await(node: subprocess.Popen[bytes]) -> None:
    os.waitid(os.P_PID, node.pid, os.WEXITED | os.WNOWAIT)
    at = time.monotonic()
    _say(did="exit", at=at, pid=node.pid, rc=node.wait())


def _kill(command: dict[str, Any]) -> None:
    at = time.monotonic()
    if _node is not None and _node.returncode is None:
        os.kill(_node.pid, signal.Signals[command["signal"]])
    _say(did="signal", at=at)


for text in sys.stdin:
    order = json.loads(text)
    {"start": _start, "signal": _kill}[order["do"]](order)
if _node is not None:
    if _node.returncode is None:
        _node.kill()
    _waiter.join()
