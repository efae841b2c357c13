"""What clients do: write tenants, one after the other or many at once, and call the API."""

from __future__ import annotations

import json
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from .asking import told
from .observers import Writer

if TYPE_CHECKING:
    from .procedure import Stream
    from .recording import Event
    from .session import Session

__all__ = ["Clients"]

CLIENT_TIMEOUT = {"leader-paused": 20.0}


class Clients:
    """One method for each kind of call."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._calls = ThreadPoolExecutor(8)
        self._writers: dict[str, Writer] = {}

    def acked_since(self, t: float) -> bool:
        """Whether every client under way has had a write acknowledged that it sent after ``t``."""
        return all(one.acked_since(t) for one in self._writers.values())

    def close(self) -> None:
        """Let go of what is under way."""
        for writer in self._writers.values():
            writer.stop(wait=False)
        self._calls.shutdown(wait=False, cancel_futures=True)

    def write_begin(self, stream: Stream) -> None:
        self._session.need_token()
        timeout = CLIENT_TIMEOUT.get(self._session.model.name, 30.0)
        writer = Writer(
            stream,
            lambda node: self._session.asker(node, timeout),
            self._session.note,
            self._session.now,
        )
        if stream.burst:
            writer.burst()
        else:
            self._writers[stream.prefix] = writer
            writer.start()

    def write_end(self, stream: Stream) -> None:
        self._writers.pop(stream.prefix).stop()

    def creates(self, event: Event) -> None:
        self._session.need_token()
        asker = self._session.asker(1)
        for number in range(event["from"], event["to"]):
            if asker.create(f"untold-{number}") is None:
                self._session.acked.add(f"untold-{number}")
        asker.close()

    def bulk(self, event: Event) -> None:
        self._session.need_token()
        began, names = self._session.now(), [f"s{number:04}" for number in range(event["n"])]

        def client(share: list[str]) -> list[str]:
            asker = self._session.asker(1)
            return [name for name in share if asker.create(name) is None]

        with ThreadPoolExecutor(6) as clients:
            done = [
                name for got in clients.map(client, [names[n::6] for n in range(6)]) for name in got
            ]
        with self._session.lock:
            self._session.acked.update(done)
        self._session.note(
            "bulk", n=event["n"], acked=len(done), secs=round(self._session.now() - began, 2)
        )

    def api(self, event: Event) -> None:
        self._session.need_token()
        name, node = event["name"], event["node"]
        sample = self._session.model.samples.get(f"{name}-n{node}", {})
        body, kind, auth = sample.get("request_body"), sample.get("content_type"), "Bearer"
        if sample:
            auth = {"info-bad-token": "Bad"}.get(name, sample.get("auth") or "")
        elif event["path"].endswith("/create"):
            body, kind = {"tenant_name": _tenant(name, node)}, "application/json"
        headers = {"Content-Type": kind} if kind else {}
        if auth:
            headers["Authorization"] = (
                f"Bearer {self._session.token if auth == 'Bearer' else 'nonsense'}"
            )
        text = body if isinstance(body, str | None) else json.dumps(body)
        method = sample.get("method") or ("POST" if text else "GET")
        call = (method, event["path"], text.encode() if text is not None else None, headers)
        asking = self._calls.submit(self._call, name, node, call)
        if event["ms"] < 1000:
            asking.result()

    def _call(self, name: str, node: int, call: tuple[Any, ...]) -> None:
        asker, began = self._session.asker(node, 40.0), self._session.now()
        status, text = 0, ""
        try:
            answer = asker.request(58080, *call)
            status, text = answer.status, answer.body.decode()
        except OSError as error:
            text = told(error)
        finally:
            asker.close()
        if name.startswith("create-before") and '"success"' in text:
            with self._session.lock:
                self._session.acked.add(json.loads(call[2])["tenant_name"])
        self._session.samples[f"{name}-n{node}"] = {"status": status, "body": text}
        ms = round((self._session.now() - began) * 1000, 1)
        self._session.note(
            "api", name=name, node=node, path=call[1], status=status, ms=ms, body=text[:300]
        )

    def grpcweb(self, event: Event) -> None:
        frames = self._session.asker(event["node"]).grpc(event["method"])
        self._session.note("grpcweb", method=event["method"], node=event["node"], status=200,
                  frames=len(frames), trailer="grpc-status:0\r\n")  # fmt: skip

    def grpcweb_variant(self, event: Event) -> None:
        empty = "grpc-status" in event["headers"]
        body = b"" if empty else b"\0\0\0\0\0"
        body = b64encode(body) if event["content_type"].endswith("-text") else body
        path = "/meta.service.common.MetaServiceService/ClusterStatus"
        answer = self._session.asker(1).request(
            1228, "POST", path, body, {"Content-Type": event["content_type"]}
        )
        self._session.note("grpcweb-variant", content_type=event["content_type"], status=answer.status,
                  headers=dict(answer.headers))  # fmt: skip

    def grpc_port_get(self, _event: Event) -> None:
        answer = self._session.asker(1).request(1228, "GET", "/")
        self._session.note("grpc-port-get", status=answer.status, headers=dict(answer.headers))


def _tenant(call: str, node: int) -> str:
    """Return the tenant that a call without a sample created: create-7 and create-before-2."""
    what, _, number = call.removeprefix("create-").rpartition("-")
    return f"{what}-{node}-{number}" if what else f"drill-{number}"
