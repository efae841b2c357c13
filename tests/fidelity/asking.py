"""What is asked of a node from outside: its status, its store, its admin API."""

from __future__ import annotations

import http.client
import json
import struct
import time
from typing import TYPE_CHECKING, Any

from raftfleet.systems.protocol import Answer
from raftfleet.systems.robustmq.grpcweb import HEADERS, frame, messages, string_field

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Asker", "told"]

SERVICE = "/meta.service.common.MetaServiceService/"
GRPC, HTTP = 1228, 58080


def told(error: Exception) -> str:
    """Return an error as the recordings write it."""
    return f"{type(error).__name__}: {error}"


class Asker:
    """Connections to one node, kept while they work; one thread uses it."""

    def __init__(self, address: str, token: str = "", timeout: float = 30.0) -> None:
        self.address = address
        self.token = token
        self.timeout = timeout
        self._kept: dict[int, http.client.HTTPConnection] = {}

    def request(
        self,
        port: int,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        timeout: float | None = None,
    ) -> Answer:
        """Ask and read the whole answer; raises OSError and HTTPException."""
        wait = timeout or self.timeout
        connection = self._kept.get(port)
        if connection is None:
            connection = http.client.HTTPConnection(self.address, port, timeout=wait)
        elif connection.sock is not None:
            connection.sock.settimeout(wait)
        self._kept[port] = connection
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException):
            self.close(port)
            raise
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, content)

    def close(self, port: int | None = None) -> None:
        """Let go of one connection or of all."""
        for number in [port] if port else list(self._kept):
            if number in self._kept:
                self._kept.pop(number).close()

    def grpc(self, method: str, *, timeout: float = 5.0) -> list[bytes]:
        """Call the meta service with an empty message."""
        path = SERVICE + method
        return messages(self.request(GRPC, "POST", path, frame(), HEADERS, timeout=timeout))

    def status(self) -> dict[str, Any]:
        """Return the node's own view of its groups."""
        view: dict[str, Any] = json.loads(
            string_field(self.grpc("ClusterStatus", timeout=2.0)[0], 1)
        )
        return view

    def stored(self) -> set[str]:
        """Return the tenants in the node's own store."""
        names = set()
        for message in self.grpc("ListTenant", timeout=30.0):
            record = message[message.index(b"\n") + 1 :]
            while record[0] & 0x80:
                record = record[1:]
            (length,) = struct.unpack_from("<Q", record, 1)
            names.add(record[9 : 9 + length].decode())
        return names

    def api(
        self, method: str, path: str, body: object = None, *, timeout: float | None = None
    ) -> Answer:
        """Ask the admin API as its users do."""
        headers = {"Authorization": f"Bearer {self.token}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        payload = None if body is None else json.dumps(body).encode()
        return self.request(HTTP, method, path, payload, headers, timeout=timeout)

    def listed(self) -> set[str]:
        """Return the tenants that the node's admin API lists."""
        answer = self.api("GET", "/api/cluster/tenant/list?limit=100000")
        return {tenant["tenant_name"] for tenant in json.loads(answer.body)["data"]["data"]}

    def create(self, name: str) -> str | None:
        """Create a tenant; return None when it was acknowledged, else what came instead."""
        try:
            answer = self.api("POST", "/api/cluster/tenant/create", {"tenant_name": name})
            reply = json.loads(answer.body)
        except (OSError, http.client.HTTPException) as error:
            return told(error)
        if reply.get("code") == 0:
            return None
        return f"{answer.status} {reply.get('error') or reply.get('message')}"

    def login(self, deadline: float) -> str:
        """Return a token, which is good at every node."""
        while True:
            try:
                body = json.dumps({"username": "admin", "password": "admin"}).encode()
                kind = {"Content-Type": "application/json"}
                answer = self.request(HTTP, "POST", "/api/v1/login", body, kind)
                return str(json.loads(answer.body)["data"]["token"])
            except (OSError, http.client.HTTPException):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
