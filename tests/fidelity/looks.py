"""What is waited for, and what is read of the nodes at an instant."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from .clients import Clients
    from .recording import Event
    from .session import Session

__all__ = ["Looks"]

PATIENCE = 75.0
"""Seconds a wait may take. The longest of the model, an election with a late split vote, is 62."""
FIELDS = (
    "state,current_leader,term,last_applied,last_log_index,millis_since_quorum_ack,configs,nodes"
)
READY, LAST_LISTENER = "Meta Service cluster is ready", "NATS Tcp"
TOLD = re.compile(r"ERROR|raft::manager: (Peer|Joining|Successfully joined|No reachable)|is ready")


class Looks:
    """One method for each kind of look."""

    def __init__(self, session: Session, clients: Clients) -> None:
        self._session = session
        self._clients = clients

    def waited(self, event: Event) -> None:
        what, began = event["what"], self._session.now()
        condition = self._condition(what)
        while not (met := condition()) and self._session.now() - began < PATIENCE:
            time.sleep(0.01)
        self._session.note(
            "waited" if met else "wait-timeout",
            what=what,
            took=round(self._session.now() - began, 3),
        )

    wait_timeout = waited

    def _condition(self, what: str) -> Callable[[], bool]:
        named = [self._session.lab[int(what[1])]] if re.match(r"n\d", what) else []
        running = [node for node in self._session.lab.nodes.values() if node.running]
        if what.startswith("first acknowledged"):
            since = self._session.last_signal if "survivor" in what else self._session.now()
            return lambda: self._clients.acked_since(since)
        if what.startswith("new leaders"):
            before = dict(self._session.led)
            return lambda: all(
                self._session.leaders().get(g, 0) > term for g, term in before.items()
            )
        if what.startswith(("converged", "all groups")):
            return self._converged
        if "ready" in what:
            return lambda: all(READY in node.since_start() for node in named)
        if what == "peer up":
            named = [self._session.lab[self._session.last_start]]
        return lambda: all(LAST_LISTENER in node.since_start() for node in named or running)

    def _converged(self) -> bool:
        running = [number for number, node in self._session.lab.nodes.items() if node.running]
        views = [self._session.pollers[number].groups() for number in running]
        return bool(views) and all(
            {(g, s["current_leader"], s["current_term"], s["current_leader"] is None)
             for g, s in view.items()}
            == {(g, s["current_leader"], s["current_term"], False) for g, s in views[0].items()}
            and len(view) == 3
            and all(_index(s) >= _index(views[0][g]) - 3 for g, s in view.items())
            for view in views
        )  # fmt: skip

    def view(self, event: Event) -> None:
        views: dict[str, Any] = {}
        for number, poller in self._session.pollers.items():
            groups = poller.groups()
            views[str(number)] = poller.failure or {g: _digest(s) for g, s in groups.items()}
        self._session.note("view", what=event["what"], fields=FIELDS, views=views)

    def log_window(self, event: Event) -> None:
        group = self._session.pollers[event["node"]].groups()["metadata_0"]
        self._session.note("log-window", node=event["node"], last=group["last_log_index"],
                  applied=group["last_applied"], snapshot=group["snapshot"],
                  purged=group["purged"])  # fmt: skip

    def compare(self, event: Event) -> None:
        self._session.need_token()
        result = {}
        acked = set(self._session.acked)
        for number, node in self._session.lab.nodes.items():
            if not node.running:
                continue
            asker = self._session.asker(number)
            store, cache = asker.stored(), asker.listed()
            asker.close()
            result[str(number)] = {
                "store": len(store), "cache": len(cache),
                "cache_minus_store": sorted(cache - store)[:8],
                "store_minus_cache": sorted(store - cache)[:8],
                "n_cache_missing": len(store - cache), "n_store_missing": len(cache - store),
                "acked": len(acked), "acked_missing_in_store": len(acked - store),
                "acked_missing_in_cache": len(acked - cache),
                "acked_missing_sample": sorted(acked - store)[:8],
            }  # fmt: skip
        self._session.note("compare", what=event["what"], result=result)

    def starts(self, event: Event) -> None:
        nodes = self._session.lab.nodes.items()
        told_lines = {}
        for number, node in nodes:
            text = re.sub(r"\x1b\[[0-9;]*m", "", node.since_start())
            told_lines[str(number)] = [
                line[28:][:300] for line in text.splitlines() if TOLD.search(line)
            ]
        self._session.note(
            event["kind"],
            **({"round": event["round"]} if "round" in event else {}),
            alive={str(n): node.running for n, node in nodes},
            rc={str(n): None if node.running else node.exit and node.exit[1] for n, node in nodes},
            ready_line={str(n): READY in node.since_start() for n, node in nodes},
            lines=told_lines,
        )

    def on_host(self, _event: Event) -> None:
        self._session.note("on-host", **self._session.lab[1].seen_from_within())


def _index(status: Event) -> int:
    return int((status["last_applied"] or {"index": -1})["index"])


def _digest(status: Event) -> list[Any]:
    membership = status["membership_config"]["membership"]
    return [
        status["state"], status["current_leader"], status["current_term"],
        (status["last_applied"] or {}).get("index"), status["last_log_index"],
        status["millis_since_quorum_ack"], membership["configs"], sorted(membership["nodes"]),
    ]  # fmt: skip
