"""What the parts of a procedure under way share: the hosts, the events, what was seen last."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from .asking import Asker
from .observers import Poller
from .recording import NODES, Event

if TYPE_CHECKING:
    from .lab import Lab
    from .recording import Recording

__all__ = ["POLL_GAP", "Session"]

POLL_GAP = 0.05
TOKEN_PATIENCE = 75.0


class Session:
    """One procedure under way."""

    def __init__(self, model: Recording, lab: Lab) -> None:
        self.model = model
        self.lab = lab
        self.lock = threading.Lock()
        self.events: list[Event] = []
        self.acked: set[str] = set()
        self.samples: dict[str, Event] = {}
        self.token = ""
        self.led: dict[str, int] = {}
        """The terms in which the groups had a leader before the last deed that could end it."""
        self.last_start = 1
        self.last_signal = 0.0
        self.pollers = {
            number: Poller(number, address, lab.zero, POLL_GAP)
            for number, address in lab.addresses.items()
        }
        there = model.events[0]["nodes"]
        self.addresses = {there[str(number)]: lab.addresses[number] for number in NODES}

    def now(self) -> float:
        return time.monotonic() - self.lab.zero

    def note(self, kind: str, **what: Any) -> Event:
        """Write an event down."""
        at = what.pop("t", None)
        with self.lock:
            t = round(self.now() if at is None else at, 4)
            wall = round(time.time() - self.now() + t, 4)
            event = {"t": t, "wall": wall, "kind": kind, **what}
            self.events.append(event)
            if kind == "write" and event["ok"]:
                self.acked.add(event["name"])
        return event

    def asker(self, node: int, timeout: float = 30.0) -> Asker:
        return Asker(self.lab.addresses[node], self.token, timeout)

    def need_token(self) -> None:
        if not self.token:
            first = next(number for number, node in self.lab.nodes.items() if node.running)
            self.token = self.asker(first).login(time.monotonic() + TOKEN_PATIENCE)

    def leaders(self) -> dict[str, int]:
        """Return the highest term in which each group has a leader, as last seen."""
        led: dict[str, int] = {}
        for poller in self.pollers.values():
            for group, seen in poller.groups().items():
                if seen["state"] == "Leader":
                    led[group] = max(led.get(group, 0), seen["current_term"])
        return led
