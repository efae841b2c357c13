"""What is done to the nodes: started, signalled, cut off, paused, wiped."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .recording import Event
    from .session import Session

__all__ = ["Deeds"]

EXIT_PATIENCE = 30.0
"""Seconds to wait for an exit; the watchdog's, the slowest, takes 20."""
MARKS = {
    "shutdown_requested": "Shutdown requested, graceful shutdown has up to",
    "termination": "Termination signal received, the service starts to stop",
    "forcing_exit": "forcing exit",
    "meta_shutdown": "Meta service shutdown...",
    "raft_shutdown": "Raft node shutdown successfully.",
}


class Deeds:
    """One method for each kind of deed."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._sent = 0.0

    def setup(self, event: Event) -> None:
        if event["t"] > 0:
            self._session.lab.fresh(logs=True)
            self._session.note("setup", **{k: v for k, v in self._session.events[0].items()
                                  if k not in ("t", "wall", "kind")})  # fmt: skip

    def round_begin(self, event: Event) -> None:
        self._session.lab.fresh(logs=False)
        self._session.note("round-begin", round=event["round"])

    def start(self, event: Event, ignore: tuple[str, ...]) -> None:
        self._session.last_start = event["node"]
        at = self._session.lab[event["node"]].start(ignore)
        self._session.note("start", node=event["node"], t=at - self._session.lab.zero)

    def signal(self, event: Event) -> None:
        self._session.led = self._session.leaders()
        self._session.last_signal = self._session.now()
        self._sent = self._session.lab[event["node"]].send(event["sig"])
        self._session.note(
            "signal", node=event["node"], sig=event["sig"], t=self._sent - self._session.lab.zero
        )

    def exited(self, event: Event) -> None:
        self._await_exit(event, EXIT_PATIENCE)
        # so that a process that stayed does not spoil what follows
        self._session.lab[event["node"]].kill()

    def no_exit(self, event: Event) -> None:
        self._await_exit(event, event["latency"])

    def _await_exit(self, event: Event, patience: float) -> None:
        node = self._session.lab[event["node"]]
        gone = node.wait(patience)
        text = node.since_start()
        lines = {name: mark in text for name, mark in MARKS.items()}
        latency = (gone[0] if gone else time.monotonic()) - self._sent
        self._session.note("exited" if gone else "no-exit", node=event["node"], sig=event["sig"],
                  latency=round(latency, 4), rc=gone[1] if gone else None, lines=lines,
                  t=self._sent - self._session.lab.zero + latency)  # fmt: skip

    def nft(self, event: Event) -> None:
        rules = re.sub(
            r"\d+\.\d+\.\d+\.\d+", lambda m: self._session.addresses[m[0]], event["rules"]
        )
        self._session.lab[event["node"]].cut(rules)
        self._session.note("nft", node=event["node"], rules=rules)

    def nft_flush(self, event: Event) -> None:
        self._session.lab[event["node"]].heal()
        self._session.note("nft-flush", node=event["node"], rc=0)

    def sigstop(self, event: Event) -> None:
        self._session.led = self._session.leaders()
        at = self._session.lab[event["node"]].send("SIGSTOP")
        self._session.note("sigstop", node=event["node"], t=at - self._session.lab.zero)

    def sigcont(self, event: Event) -> None:
        at = self._session.lab[event["node"]].send("SIGCONT")
        self._session.note("sigcont", node=event["node"], t=at - self._session.lab.zero)

    def wipe(self, event: Event) -> None:
        self._session.lab[event["node"]].wipe()
        self._session.note("wipe", node=event["node"])
