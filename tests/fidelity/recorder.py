"""Does a recorded procedure again, with simulated nodes, and writes down the same things."""

from __future__ import annotations

import gzip
import json
import re
import threading
import time
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from .asking import Asker, told
from .lab import Lab
from .observers import NodeLists, Poller, Writer
from .procedure import steps_of
from .recording import NODES, Event, save

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from raftfleet.sandbox import Sandbox

    from .procedure import Step, Stream
    from .recording import Recording

__all__ = ["record"]

PATIENCE = 75.0
"""Seconds a wait may take. The longest of the model, an election with a late split vote, is 62."""
EXIT_PATIENCE = 30.0
"""Seconds to wait for an exit; the watchdog's, the slowest, takes 20."""
FIELDS = (
    "state,current_leader,term,last_applied,last_log_index,millis_since_quorum_ack,configs,nodes"
)
MARKS = {
    "shutdown_requested": "Shutdown requested, graceful shutdown has up to",
    "termination": "Termination signal received, the service starts to stop",
    "forcing_exit": "forcing exit",
    "meta_shutdown": "Meta service shutdown...",
    "raft_shutdown": "Raft node shutdown successfully.",
}
READY, LAST_LISTENER = "Meta Service cluster is ready", "NATS Tcp"
TOLD = re.compile(r"ERROR|raft::manager: (Peer|Joining|Successfully joined|No reachable)|is ready")
POLL_GAP = 0.05
CLIENT_TIMEOUT = {"leader-paused": 20.0}


def record(model: Recording, sandbox: Sandbox, folder: Path, environment: dict[str, str]) -> None:
    """Do what ``model`` recorded on a sandbox's hosts; leave a recording in ``folder``."""
    lab = Lab(sandbox, environment)
    session = Session(model, lab)
    try:
        session.run()
    finally:
        session.close()
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


class Session:
    """One procedure under way."""

    def __init__(self, model: Recording, lab: Lab) -> None:
        self.model = model
        self.lab = lab
        self.events: list[Event] = []
        self.acked: set[str] = set()
        self.samples: dict[str, Event] = {}
        self.token = ""
        self._lock = threading.Lock()
        self._calls = ThreadPoolExecutor(8)
        self._writers: dict[str, Writer] = {}
        self._lists: list[NodeLists] = []
        self._led: dict[str, int] = {}
        self._last_start = 1
        self._last_signal = 0.0
        self.pollers = {
            number: Poller(number, address, lab.zero, POLL_GAP)
            for number, address in lab.addresses.items()
        }
        there = model.events[0]["nodes"]
        self._addresses = {there[str(number)]: lab.addresses[number] for number in NODES}

    # -- writing down ----------------------------------------------------------------------

    def now(self) -> float:
        return time.monotonic() - self.lab.zero

    def note(self, kind: str, **what: Any) -> Event:
        """Write an event down."""
        at = what.pop("t", None)
        with self._lock:
            t = round(self.now() if at is None else at, 4)
            wall = round(time.time() - self.now() + t, 4)
            event = {"t": t, "wall": wall, "kind": kind, **what}
            self.events.append(event)
            if kind == "write" and event["ok"]:
                self.acked.add(event["name"])
        return event

    def asker(self, node: int, timeout: float = 30.0) -> Asker:
        return Asker(self.lab.addresses[node], self.token, timeout)

    # -- doing -----------------------------------------------------------------------------

    def run(self) -> None:
        """Do every step."""
        self.note("setup", cluster="fresh", nodes={str(n): a for n, a in self.lab.addresses.items()},
                  grpc_port=1228, http_port=58080, poll_gap_s=POLL_GAP,
                  simulator=True)  # fmt: skip
        for poller in self.pollers.values():
            poller.start()
        steps = steps_of(self.model)
        has_lists = bool(self.model.of("broker_node_list"))
        for place, step in enumerate(steps):
            if step.pause:
                time.sleep(step.pause)
            self._do(step, steps[place + 1 : place + 3])
            if step.event.get("what") == "booted" and has_lists:
                self._watch_lists()
        self.note("polls", polls={str(n): one.figures() for n, one in self.pollers.items()})

    def _do(self, step: Step, coming: list[Step]) -> None:
        name = "_" + step.kind.replace("-", "_")
        action: Callable[..., None] | None = getattr(self, name, None)
        if step.kind in ("simultaneous", "isolated-start", "n1-first-then-2-at-once"):
            self._look_at_starts(step.event)
        elif step.kind == "start":
            deaf = [one.kind for one in coming] == ["signal", "no-exit"]
            self._start(step.event, ("SIGINT",) if deaf else ())
        elif step.stream is not None:
            (self._write_begin if step.kind == "write-begin" else self._write_end)(step.stream)
        elif action is None:
            raise AssertionError(f"no such step: {step.kind}")
        else:
            action(step.event)

    def _setup(self, event: Event) -> None:
        if event["t"] > 0:
            self.lab.fresh(logs=True)
            self.note("setup", **{k: v for k, v in self.events[0].items()
                                  if k not in ("t", "wall", "kind")})  # fmt: skip

    def _round_begin(self, event: Event) -> None:
        self.lab.fresh(logs=False)
        self.note("round-begin", round=event["round"])

    def _start(self, event: Event, ignore: tuple[str, ...]) -> None:
        self._last_start = event["node"]
        at = self.lab[event["node"]].start(ignore)
        self.note("start", node=event["node"], t=at - self.lab.zero)

    def _signal(self, event: Event) -> None:
        self._led = self._leaders()
        self._last_signal = self.now()
        self._sent = self.lab[event["node"]].send(event["sig"])
        self.note("signal", node=event["node"], sig=event["sig"], t=self._sent - self.lab.zero)

    def _exited(self, event: Event) -> None:
        self._await_exit(event, EXIT_PATIENCE)
        self.lab[event["node"]].kill()  # so that a process that stayed does not spoil what follows

    def _no_exit(self, event: Event) -> None:
        self._await_exit(event, event["latency"])

    def _await_exit(self, event: Event, patience: float) -> None:
        node = self.lab[event["node"]]
        gone = node.wait(patience)
        text = node.since_start()
        lines = {name: mark in text for name, mark in MARKS.items()}
        latency = (gone[0] if gone else time.monotonic()) - self._sent
        self.note("exited" if gone else "no-exit", node=event["node"], sig=event["sig"],
                  latency=round(latency, 4), rc=gone[1] if gone else None, lines=lines,
                  t=self._sent - self.lab.zero + latency)  # fmt: skip

    def _nft(self, event: Event) -> None:
        rules = re.sub(r"\d+\.\d+\.\d+\.\d+", lambda m: self._addresses[m[0]], event["rules"])
        self.lab[event["node"]].cut(rules)
        self.note("nft", node=event["node"], rules=rules)

    def _nft_flush(self, event: Event) -> None:
        self.lab[event["node"]].heal()
        self.note("nft-flush", node=event["node"], rc=0)

    def _sigstop(self, event: Event) -> None:
        self._led = self._leaders()
        at = self.lab[event["node"]].send("SIGSTOP")
        self.note("sigstop", node=event["node"], t=at - self.lab.zero)

    def _sigcont(self, event: Event) -> None:
        at = self.lab[event["node"]].send("SIGCONT")
        self.note("sigcont", node=event["node"], t=at - self.lab.zero)

    def _wipe(self, event: Event) -> None:
        self.lab[event["node"]].wipe()
        self.note("wipe", node=event["node"])

    # -- writing tenants -------------------------------------------------------------------

    def _need_token(self) -> None:
        if not self.token:
            first = next(number for number, node in self.lab.nodes.items() if node.running)
            self.token = self.asker(first).login(time.monotonic() + PATIENCE)

    def _write_begin(self, stream: Stream) -> None:
        self._need_token()
        timeout = CLIENT_TIMEOUT.get(self.model.name, 30.0)
        writer = Writer(stream, lambda node: self.asker(node, timeout), self.note, self.now)
        if stream.burst:
            writer.burst()
        else:
            self._writers[stream.prefix] = writer
            writer.start()

    def _write_end(self, stream: Stream) -> None:
        self._writers.pop(stream.prefix).stop()

    def _creates(self, event: Event) -> None:
        self._need_token()
        asker = self.asker(1)
        for number in range(event["from"], event["to"]):
            if asker.create(f"untold-{number}") is None:
                self.acked.add(f"untold-{number}")
        asker.close()

    def _bulk(self, event: Event) -> None:
        self._need_token()
        began, names = self.now(), [f"s{number:04}" for number in range(event["n"])]

        def client(share: list[str]) -> list[str]:
            asker = self.asker(1)
            return [name for name in share if asker.create(name) is None]

        with ThreadPoolExecutor(6) as clients:
            done = [
                name for got in clients.map(client, [names[n::6] for n in range(6)]) for name in got
            ]
        with self._lock:
            self.acked.update(done)
        self.note("bulk", n=event["n"], acked=len(done), secs=round(self.now() - began, 2))

    def _api(self, event: Event) -> None:
        self._need_token()
        name, node = event["name"], event["node"]
        sample = self.model.samples.get(f"{name}-n{node}", {})
        body, kind, auth = sample.get("request_body"), sample.get("content_type"), "Bearer"
        if sample:
            auth = {"info-bad-token": "Bad"}.get(name, sample.get("auth") or "")
        elif event["path"].endswith("/create"):
            body, kind = {"tenant_name": _tenant(name, node)}, "application/json"
        headers = {"Content-Type": kind} if kind else {}
        if auth:
            headers["Authorization"] = f"Bearer {self.token if auth == 'Bearer' else 'nonsense'}"
        text = body if isinstance(body, str | None) else json.dumps(body)
        method = sample.get("method") or ("POST" if text else "GET")
        call = (method, event["path"], text.encode() if text is not None else None, headers)
        asking = self._calls.submit(self._call, name, node, call)
        if event["ms"] < 1000:
            asking.result()

    def _call(self, name: str, node: int, call: tuple[Any, ...]) -> None:
        asker, began = self.asker(node, 40.0), self.now()
        status, text = 0, ""
        try:
            answer = asker.request(58080, *call)
            status, text = answer.status, answer.body.decode()
        except OSError as error:
            text = told(error)
        finally:
            asker.close()
        if name.startswith("create-before") and '"success"' in text:
            with self._lock:
                self.acked.add(json.loads(call[2])["tenant_name"])
        self.samples[f"{name}-n{node}"] = {"status": status, "body": text}
        ms = round((self.now() - began) * 1000, 1)
        self.note("api", name=name, node=node, path=call[1], status=status, ms=ms, body=text[:300])

    def _grpcweb(self, event: Event) -> None:
        frames = self.asker(event["node"]).grpc(event["method"])
        self.note("grpcweb", method=event["method"], node=event["node"], status=200,
                  frames=len(frames), trailer="grpc-status:0\r\n")  # fmt: skip

    def _grpcweb_variant(self, event: Event) -> None:
        empty = "grpc-status" in event["headers"]
        body = b"" if empty else b"\0\0\0\0\0"
        body = b64encode(body) if event["content_type"].endswith("-text") else body
        path = "/meta.service.common.MetaServiceService/ClusterStatus"
        answer = self.asker(1).request(
            1228, "POST", path, body, {"Content-Type": event["content_type"]}
        )
        self.note("grpcweb-variant", content_type=event["content_type"], status=answer.status,
                  headers=dict(answer.headers))  # fmt: skip

    def _grpc_port_get(self, _event: Event) -> None:
        answer = self.asker(1).request(1228, "GET", "/")
        self.note("grpc-port-get", status=answer.status, headers=dict(answer.headers))

    def _on_host(self, _event: Event) -> None:
        self.note("on-host", **self.lab[1].seen_from_within())

    # -- looking ---------------------------------------------------------------------------

    def _leaders(self) -> dict[str, int]:
        """Return the highest term in which each group has a leader, as last seen."""
        led: dict[str, int] = {}
        for poller in self.pollers.values():
            for group, seen in poller.groups().items():
                if seen["state"] == "Leader":
                    led[group] = max(led.get(group, 0), seen["current_term"])
        return led

    def _waited(self, event: Event) -> None:
        what, began = event["what"], self.now()
        condition = self._condition(what)
        while not (met := condition()) and self.now() - began < PATIENCE:
            time.sleep(0.01)
        self.note("waited" if met else "wait-timeout", what=what, took=round(self.now() - began, 3))

    _wait_timeout = _waited

    def _condition(self, what: str) -> Callable[[], bool]:
        named = [self.lab[int(what[1])]] if re.match(r"n\d", what) else []
        running = [node for node in self.lab.nodes.values() if node.running]
        if what.startswith("first acknowledged"):
            since = self._last_signal if "survivor" in what else self.now()
            return lambda: all(one.acked_since(since) for one in self._writers.values())
        if what.startswith("new leaders"):
            before = dict(self._led)
            return lambda: all(self._leaders().get(g, 0) > term for g, term in before.items())
        if what.startswith(("converged", "all groups")):
            return self._converged
        if "ready" in what:
            return lambda: all(READY in node.since_start() for node in named)
        if what == "peer up":
            named = [self.lab[self._last_start]]
        return lambda: all(LAST_LISTENER in node.since_start() for node in named or running)

    def _converged(self) -> bool:
        running = [number for number, node in self.lab.nodes.items() if node.running]
        views = [self.pollers[number].groups() for number in running]
        return bool(views) and all(
            {(g, s["current_leader"], s["current_term"], s["current_leader"] is None)
             for g, s in view.items()}
            == {(g, s["current_leader"], s["current_term"], False) for g, s in views[0].items()}
            and len(view) == 3
            and all(_index(s) >= _index(views[0][g]) - 3 for g, s in view.items())
            for view in views
        )  # fmt: skip

    def _view(self, event: Event) -> None:
        views: dict[str, Any] = {}
        for number, poller in self.pollers.items():
            groups = poller.groups()
            views[str(number)] = poller.failure or {g: _digest(s) for g, s in groups.items()}
        self.note("view", what=event["what"], fields=FIELDS, views=views)

    def _log_window(self, event: Event) -> None:
        group = self.pollers[event["node"]].groups()["metadata_0"]
        self.note("log-window", node=event["node"], last=group["last_log_index"],
                  applied=group["last_applied"], snapshot=group["snapshot"],
                  purged=group["purged"])  # fmt: skip

    def _compare(self, event: Event) -> None:
        self._need_token()
        result = {}
        acked = set(self.acked)
        for number, node in self.lab.nodes.items():
            if not node.running:
                continue
            asker = self.asker(number)
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
        self.note("compare", what=event["what"], result=result)

    def _look_at_starts(self, event: Event) -> None:
        nodes = self.lab.nodes.items()
        told_lines = {}
        for number, node in nodes:
            text = re.sub(r"\x1b\[[0-9;]*m", "", node.since_start())
            told_lines[str(number)] = [
                line[28:][:300] for line in text.splitlines() if TOLD.search(line)
            ]
        self.note(
            event["kind"],
            **({"round": event["round"]} if "round" in event else {}),
            alive={str(n): node.running for n, node in nodes},
            rc={str(n): None if node.running else node.exit and node.exit[1] for n, node in nodes},
            ready_line={str(n): READY in node.since_start() for n, node in nodes},
            lines=told_lines,
        )

    def _watch_lists(self) -> None:
        self._need_token()
        for number in NODES:
            self._lists.append(NodeLists(number, self.asker(number, 20.0), self.note, self.now))
            self._lists[-1].start()

    def close(self) -> None:
        """Stop every thread."""
        for writer in self._writers.values():
            writer.stop(wait=False)
        for watcher in (*self._lists, *self.pollers.values()):
            watcher.stop()
        self._calls.shutdown(wait=False, cancel_futures=True)


def _tenant(call: str, node: int) -> str:
    """Return the tenant that a call without a sample created: create-7 and create-before-2."""
    what, _, number = call.removeprefix("create-").rpartition("-")
    return f"{what}-{node}-{number}" if what else f"drill-{number}"


def _index(status: Event) -> int:
    return int((status["last_applied"] or {"index": -1})["index"])


def _digest(status: Event) -> list[Any]:
    membership = status["membership_config"]["membership"]
    return [
        status["state"], status["current_leader"], status["current_term"],
        (status["last_applied"] or {}).get("index"), status["last_log_index"],
        status["millis_since_quorum_ack"], membership["configs"], sorted(membership["nodes"]),
    ]  # fmt: skip
