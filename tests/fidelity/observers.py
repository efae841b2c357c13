"""Threads beside a procedure: they poll each node, its node list, and write tenants."""

from __future__ import annotations

import http.client
import json
import threading
import time
from typing import TYPE_CHECKING, Any

from raftfleet.systems.protocol import AccessError

from .asking import Asker, told

if TYPE_CHECKING:
    from collections.abc import Callable

    from .procedure import Stream

__all__ = ["NodeLists", "Poller", "Writer"]

FAILURES = (OSError, http.client.HTTPException, AccessError)
LIST_GAP = 0.5
FEW, HUNG = 2, 2.0
"""A client with so few writes, so many seconds apart, wrote no more; any other until it was stopped."""


class _Loop:
    """A thread that does something until it is stopped."""

    def __init__(self) -> None:
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, *, wait: bool = True) -> None:
        """End it; by default wait until a call under way has ended too."""
        self._ended.set()
        if wait and self._thread.ident:
            self._thread.join(40.0)

    def _run(self) -> None:
        raise NotImplementedError


class Poller(_Loop):
    """Asks one node for its own view, again and again."""

    def __init__(self, number: int, address: str, zero: float, gap: float) -> None:
        super().__init__()
        self.number = number
        self.kept: list[dict[str, Any]] = []
        self.failure = "never asked"
        self._asker = Asker(address)
        self._zero = zero
        self._gap = gap
        self._last: dict[str, Any] = {}
        self._count = self._errors = 0
        self._slowest = 0.0

    def groups(self) -> dict[str, Any]:
        """Return what it saw last; nothing while the node does not answer."""
        return {} if self.failure else self._last

    def figures(self) -> dict[str, Any]:
        return {"count": self._count, "errors": self._errors, "max_s": round(self._slowest, 3)}

    def _run(self) -> None:
        began_before: float | None = None
        known: object = None
        kept_at = 0.0
        while not self._ended.is_set():
            began = time.monotonic()
            seen: Any
            try:
                seen = self._asker.status()
                self._last, self.failure = seen, ""
            except FAILURES as error:
                seen = self.failure = told(error)
                self._errors += 1
            ended = time.monotonic()
            self._count += 1
            self._slowest = max(self._slowest, ended - began if not self.failure else 0.0)
            comparable = _comparable(seen)
            if comparable != known or began - kept_at > (10.0 if self.failure else 2.0):
                stamps = [round(at - self._zero, 4) for at in (began, ended)]
                earlier = None if began_before is None else round(began_before - self._zero, 4)
                self.kept.append({"t1": stamps[0], "t2": stamps[1], "prev_t1": earlier,
                                  "node": self.number, "status": seen})  # fmt: skip
                known, kept_at = comparable, began
            began_before = began
            self._ended.wait(max(0.0, self._gap - (ended - began)))
        self._asker.close()


def _comparable(seen: dict[str, Any] | str) -> object:
    if isinstance(seen, str):
        return seen
    return {
        group: {key: value for key, value in status.items() if key != "millis_since_quorum_ack"}
        for group, status in seen.items()
    }


class NodeLists(_Loop):
    """Asks one node which brokers it knows, and notes changes."""

    def __init__(self, number: int, asker: Asker, note: Any, now: Callable[[], float]) -> None:
        super().__init__()
        self._number, self._asker, self._note, self._now = number, asker, note, now

    def _run(self) -> None:
        known: object = None
        while not self._ended.is_set():
            began, seen = self._now(), self._ask()
            if seen != known:
                seconds = round(self._now() - began, 3)
                self._note("broker_node_list", node=self._number, list=seen, seconds=seconds)
                known = seen
            self._ended.wait(LIST_GAP)
        self._asker.close()

    def _ask(self) -> object:
        try:
            data = json.loads(self._asker.api("GET", "/api/info").body)["data"]
            return sorted(node["node_id"] for node in data["broker_node_list"])
        except (*FAILURES, TypeError) as error:
            return told(error)


class Writer(_Loop):
    """A sequential client that creates tenants through one node."""

    def __init__(
        self, stream: Stream, reach: Callable[[int], Asker], note: Any, now: Callable[[], float]
    ) -> None:
        super().__init__()
        self._stream, self._note, self._now = stream, note, now
        self._askers = {node: reach(node) for node in set(stream.nodes)}
        self._done = 0
        self._acked = -1.0

    def acked_since(self, t: float) -> bool:
        """Whether a write that was sent after ``t`` has been acknowledged."""
        return self._acked > t

    def burst(self) -> None:
        """Write as many as the model did, one after the other, through the same nodes."""
        for node in self._stream.nodes:
            self._write(node)
        self._close()

    def _run(self) -> None:
        few = self._stream.count <= FEW and self._stream.period > HUNG
        limit = self._stream.count if few else None
        while not self._ended.is_set() and self._done != limit:
            began = self._now()
            self._write(self._stream.node)
            self._ended.wait(max(0.0, began + self._stream.period - self._now()))
        self._close()

    def _close(self) -> None:
        for asker in self._askers.values():
            asker.close()

    def _write(self, node: int) -> None:
        self._done += 1
        prefix = self._stream.prefix
        name = prefix.partition(" ")[0] if " " in prefix else f"{prefix}-{self._done}"
        began = self._now()
        error = self._askers[node].create(name)
        ended = self._now()
        if error is None:
            self._acked = began
        self._note("write", node=node, name=name if " " not in prefix else prefix,
                   ok=error is None, t1=round(began, 4), t2=round(ended, 4),
                   **({} if error is None else {"err": error}))  # fmt: skip
