"""Does a recorded procedure again, with simulated nodes, and writes down the same things."""

from __future__ import annotations

import gzip
import json
import time
from typing import TYPE_CHECKING

from .clients import Clients
from .deeds import Deeds
from .lab import Lab
from .looks import Looks
from .observers import NodeLists
from .procedure import steps_of
from .recording import NODES, save
from .session import POLL_GAP, Session

if TYPE_CHECKING:
    from pathlib import Path

    from raftfleet.sandbox import Sandbox

    from .procedure import Step
    from .recording import Recording

__all__ = ["record"]

RACES = ("simultaneous", "isolated-start", "n1-first-then-2-at-once")


def record(model: Recording, sandbox: Sandbox, folder: Path, environment: dict[str, str]) -> None:
    """Do what ``model`` recorded on a sandbox's hosts; leave a recording in ``folder``."""
    lab = Lab(sandbox, environment)
    session = Session(model, lab)
    procedure = Procedure(session)
    try:
        procedure.run()
    finally:
        procedure.close()
        lab.close()
    polls = sorted((p for one in session.pollers.values() for p in one.kept), key=lambda p: p["t2"])
    save(folder, session.events, polls)
    (folder / "logs").mkdir(exist_ok=True)
    for number, node in lab.nodes.items():
        with gzip.open(folder / "logs" / f"n{number}.server.log.gz", "wt") as out:
            out.write(node.log())
    (folder / "api").mkdir(exist_ok=True)
    for name, sample in session.samples.items():
        (folder / "api" / f"{name}.json").write_text(json.dumps(sample))


class Procedure:
    """Does step after step."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._deeds = Deeds(session)
        self._clients = Clients(session)
        self._looks = Looks(session, self._clients)
        self._lists: list[NodeLists] = []

    def run(self) -> None:
        """Do every step."""
        session = self._session
        addresses = {str(number): address for number, address in session.lab.addresses.items()}
        session.note("setup", cluster="fresh", nodes=addresses, grpc_port=1228, http_port=58080,
                     poll_gap_s=POLL_GAP, simulator=True)  # fmt: skip
        for poller in session.pollers.values():
            poller.start()
        steps = steps_of(session.model)
        has_lists = bool(session.model.of("broker_node_list"))
        for place, step in enumerate(steps):
            if step.pause:
                time.sleep(step.pause)
            self._do(step, steps[place + 1 : place + 3])
            if step.event.get("what") == "booted" and has_lists:
                self._watch_lists()
        session.note("polls", polls={str(n): one.figures() for n, one in session.pollers.items()})

    def _do(self, step: Step, coming: list[Step]) -> None:
        name = step.kind.replace("-", "_")
        parts = (self._deeds, self._clients, self._looks)
        action = next((getattr(part, name) for part in parts if hasattr(part, name)), None)
        if step.kind in RACES:
            self._looks.starts(step.event)
        elif step.kind == "start":
            deaf = [one.kind for one in coming] == ["signal", "no-exit"]
            self._deeds.start(step.event, ("SIGINT",) if deaf else ())
        elif action is None:
            raise AssertionError(f"no such step: {step.kind}")
        else:
            action(step.stream or step.event)

    def _watch_lists(self) -> None:
        session = self._session
        session.need_token()
        for number in NODES:
            lists = NodeLists(number, session.asker(number, 20.0), session.note, session.now)
            self._lists.append(lists)
            lists.start()

    def close(self) -> None:
        """Stop every thread."""
        for watcher in (*self._lists, *self._session.pollers.values()):
            watcher.stop()
        self._clients.close()
