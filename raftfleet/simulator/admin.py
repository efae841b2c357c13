"""The admin API on the HTTP port: routes, login, envelopes, and the lines it leaves in the log.

Every handler under ``/api`` answers ``{"code", "data", "error"}`` as text/plain, with HTTP 200 even
where it failed; only refused input is a 400. Only what needs no login and the login itself differ.
"""

from __future__ import annotations

import json
import random
import time
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from .bodies import BodyError, read_body
from .caller import GrpcError
from .listing import page
from .meters import exposition
from .tokens import Tokens, is_loopback
from .web import Response

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .cache import Cache
    from .caller import Caller
    from .logbook import Logbook
    from .meters import GroupMeters
    from .settings import Settings
    from .values import Json
    from .web import Request

__all__ = ["Admin", "needs_token"]

TARGET = "admin_server::server"
HEADERS = {
    "vary": "origin, access-control-request-method, access-control-request-headers",
    "access-control-allow-origin": "*",
    "access-control-expose-headers": "*",
}
SLOW = 1.0
NO_PPROF = "pprof is disabled. Set runtime.pprof_enable = true in config to enable it."


class FailedError(Exception):
    """A request failed: HTTP 200, code 100; 400 when the input is at fault."""

    def __init__(self, text: str, status: int = 200) -> None:
        super().__init__(text)
        self.status = status


def needs_token(path: str, peer: str) -> bool:
    """Whether a request must carry a token."""
    return path.startswith("/api/") and path != "/api/v1/login" and not is_loopback(peer)


class Admin:
    """Answers the HTTP port of one node."""

    def __init__(
        self,
        settings: Settings,
        *,
        cache: Cache,
        caller: Caller,
        meters: dict[str, GroupMeters],
        book: Logbook,
    ) -> None:
        self._settings = settings
        self._cache = cache
        self._caller = caller
        self._meters = meters
        self._book = book
        self._started = int(time.time())
        admin = settings.tree["admin"]
        self._admin = (admin["username"], admin["password"])
        self._tokens = Tokens(admin["jwt_secret"], admin["token_ttl_hours"])
        self._open: dict[tuple[str, str], Callable[[Request], Response]] = {
            ("POST", "/api/v1/login"): self._login,
            ("GET", "/metrics"): self._metrics,
            ("GET", "/health/ready"): lambda _: _health("ready", ready=False),
            ("GET", "/health/node"): lambda _: _health("node", ready=True),
            ("GET", "/health/cluster"): lambda _: _health("cluster", ready=True),
            ("GET", "/debug/pprof/flamegraph"): lambda _: _plain("text/plain", NO_PPROF),
        }
        self._api: dict[tuple[str, str], Callable[[Request], Awaitable[Json]]] = {
            ("GET", "/api/info"): self._info,
            ("GET", "/api/cluster/config/get"): self._config,
            ("POST", "/api/cluster/node/leave"): self._leave,
            ("GET", "/api/cluster/tenant/list"): self._list_tenants,
            ("POST", "/api/cluster/tenant/create"): self._create_tenant,
            ("POST", "/api/cluster/tenant/update"): self._update_tenant,
            ("POST", "/api/cluster/tenant/delete"): self._delete_tenant,
        }

    def answer(self, request: Request) -> Response | Awaitable[Response]:
        """Answer a request."""
        key = (request.method, request.path)
        if needs_token(request.path, request.peer):
            refusal = self._unauthorized(request)
            if refusal:
                return self._logged(request, refusal, 0.0)
        if key in self._open:
            return self._logged(request, self._open[key](request), 0.0)
        if key in self._api:
            return self._answer_api(request, self._api[key])
        known = {path for _, path in (*self._open, *self._api)}
        return self._logged(request, Response(405 if request.path in known else 404, HEADERS), 0.0)

    async def _answer_api(
        self, request: Request, handler: Callable[[Request], Awaitable[Json]]
    ) -> Response:
        begin = time.monotonic()
        try:
            response = _json({"code": 0, "data": await handler(request), "error": None})
        except BodyError as error:
            response = _json(_failure(f"JSON parsing failed: {error}"), 400)
        except FailedError as error:
            response = _json(_failure(str(error)), error.status)
        except GrpcError as error:
            response = _json(_failure(str(error)))
        return self._logged(request, response, time.monotonic() - begin)

    def _logged(self, request: Request, response: Response, seconds: float) -> Response:
        agent = request.headers.get("user-agent", "unknown")
        what = f"{request.method} {request.path} {response.status} - {request.peer}"
        text = f'{what} - "{agent}" "{request.headers.get("referer", "-")}" {seconds * 1000:.0f}ms'
        if response.status >= 500:
            self._book.warn(TARGET, f"SERVER_ERROR: {text}")
        elif response.status >= 400:
            self._book.warn(TARGET, f"CLIENT_ERROR: {text}")
        elif seconds > SLOW:
            self._book.info(TARGET, f"SLOW REQUEST: {text}")
        return response

    # -- open to everybody -----------------------------------------------------------------

    def _unauthorized(self, request: Request) -> Response | None:
        header = request.headers.get("authorization")
        if header is None:
            return _refused("Missing Authorization header")
        scheme, _, token = header.partition(" ")
        if scheme != "Bearer" or not self._tokens.valid(token):
            return _refused("Invalid or expired token")
        return None

    def _login(self, request: Request) -> Response:
        try:
            body = read_body(request, "username", "password")
        except BodyError as error:
            return _json(_failure(f"JSON parsing failed: {error}"), 400)
        if (body["username"], body["password"]) != self._admin:
            return _refused("Invalid username or password")
        token = {"token": self._tokens.issue(body["username"]), "expires_in": self._tokens.seconds}
        answer = {"code": 0, "data": token, "message": "success"}
        return _plain("application/json", _text(answer))

    def _metrics(self, _: Request) -> Response:
        page = exposition(self._meters, connections=0)
        return _plain("text/plain; charset=utf-8", page)

    # -- the cluster -----------------------------------------------------------------------

    async def _info(self, _: Request) -> Json:
        meta = await self._caller.call("ClusterStatus")
        nodes = _shuffled(self._cache.nodes.values())
        return {
            "version": self._settings.version,
            "cluster_name": self._settings.tree["cluster_name"],
            "start_time": self._started,
            "broker_node_list": nodes,
            "meta": {name: _padded(meta[name]) for name in _shuffled(meta)},
            # who knows of nobody names himself
            "nodes": [node["node_ip"] for node in _shuffled(nodes)]
            or [self._settings.tree["broker_ip"]],
        }

    async def _config(self, request: Request) -> Json:
        wanted = _query(request).get("broker_id", str(self._settings.node))
        if wanted == str(self._settings.node):
            return self._settings.tree
        refused = '{"code":401,"data":null,"message":"Missing Authorization header"}'
        text = f"Server returned error: code=401, message={refused}"
        raise FailedError(f"Failed to fetch config from broker {wanted}: {text}")

    async def _leave(self, request: Request) -> Json:
        body = read_body(request, "node_id", node_id=int)
        node, force = body["node_id"], body.get("force", False)
        if node in self._cache.nodes and not force:
            raise FailedError(
                f"Node {node} is still registered (alive). Stop its process first, or pass "
                "force=true. Removing a live node would orphan it."
            )
        await self._caller.call("LeaveCluster", {"node_id": node})
        return (
            f"Node {node} removed from the cluster. "
            "Wipe its data directory before rejoining as a new node."
        )

    # -- tenants ---------------------------------------------------------------------------

    async def _list_tenants(self, request: Request) -> Json:
        return page(self._cache.tenants.values(), _query(request))

    async def _create_tenant(self, request: Request) -> Json:
        body = _tenant(request)
        if not 1 <= len(body["tenant_name"].encode()) <= 128:
            text = "Parameter validation failed: Tenant name length must be between 1-128"
            raise FailedError(text, 400)
        await self._caller.call("CreateTenant", body)
        return "success"

    async def _update_tenant(self, request: Request) -> Json:
        await self._caller.call("UpdateTenant", _tenant(request))
        return "success"

    async def _delete_tenant(self, request: Request) -> Json:
        await self._caller.call("DeleteTenant", _tenant(request))
        return "success"


def _tenant(request: Request) -> Json:
    body = read_body(request, "tenant_name", tenant_name=str, desc=str, config=dict)
    limits = body.get("config") or {}
    if not all(isinstance(value, int) for value in limits.values()):
        raise BodyError("Failed to deserialize the JSON body into the target type: config")
    return body


# -- envelopes -----------------------------------------------------------------------------


def _text(value: Json) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _plain(content_type: str, text: str, status: int = 200) -> Response:
    return Response(status, {"content-type": content_type, **HEADERS}, text.encode())


def _json(value: Json, status: int = 200) -> Response:
    return _plain("text/plain; charset=utf-8", _text(value), status)


def _failure(error: str) -> Json:
    return {"code": 100, "data": "", "error": error}


def _refused(message: str) -> Response:
    text = _text({"code": 401, "data": None, "message": message})
    return _plain("application/json", text, 401)


def _health(check: str, *, ready: bool) -> Response:
    message = "health check placeholder" if ready else "one or more configured ports are not ready"
    status = "ok" if ready else "not_ready"
    data = {"status": status, "check_type": check, "message": message}
    return _json({"code": 0, "data": data, "error": None}, 200 if ready else 503)


def _padded(status: Json) -> Json:
    """Return a group's metrics with the keys that only this API shows, where it shows them."""
    result = {}
    for key, value in status.items():
        result[key] = value
        if key == "millis_since_quorum_ack":
            result["last_quorum_acked"] = 0
        if key == "membership_config":
            result["heartbeat"] = {}
    return result


def _query(request: Request) -> dict[str, str]:
    parsed = parse_qs(request.query, keep_blank_values=True)
    return {name: values[-1] for name, values in parsed.items()}


def _shuffled(items: Json) -> list[Json]:
    """Return the items in the random order of Rust's hash maps."""
    shuffled = list(items)
    random.shuffle(shuffled)
    return shuffled
