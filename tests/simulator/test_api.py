"""The HTTP API and gRPC-web, held against samples recorded from the real broker."""

from __future__ import annotations

import asyncio
import http.client
import json
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from raftfleet.simulator.admin import Admin, needs_token
from raftfleet.simulator.cache import Cache
from raftfleet.simulator.caller import Caller
from raftfleet.simulator.logbook import Logbook
from raftfleet.simulator.presets import PRESETS
from raftfleet.simulator.settings import DEFAULTS, Settings
from raftfleet.simulator.tokens import Tokens
from raftfleet.simulator.web import Request, Response
from tests.simulator.processes import eventually

if TYPE_CHECKING:
    from tests.simulator.processes import Broker, Cluster

RECORDED = Path(__file__).parent / "recorded"
ADMIN = {sample["name"]: sample for sample in json.loads((RECORDED / "admin.json").read_text())}
GRPC = json.loads((RECORDED / "grpcweb.json").read_text())

EXACT = [
    "create-1-n2",
    "create-duplicate-n1",
    "create-empty-name-n1",
    "create-long-name-n1",
    "create-odd-name-n1",
    "create-bad-json-n1",
    "create-missing-field-n1",
    "create-no-content-type-n1",
    "update-unknown-n2",
    "delete-unknown-n2",
    "delete-n3",
    "config-get-other-n1",
    "unknown-path-n1",
    "unknown-root-n1",
    "api-status-n1",
    "flamegraph-n1",
    "health-ready-n1",
    "health-node-n1",
    "health-cluster-n1",
    "login-wrong-n1",
    "leave-live-n1",
    "leave-unknown-n1",
    "leave-none-n1",
]
ALIKE = ["info-n1", "login-n1", "config-get-n1", "list-page2-n1", "list-sort-n1"]


def shape(value: Any) -> Any:
    """Return the structure of a JSON value: its keys and the kinds of what they hold."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


def steady(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return headers without the values that differ from answer to answer."""
    return [(n, "" if n in ("content-length", "date") else v) for n, v in headers]


def ask(broker: Broker, sample: dict[str, Any]) -> Any:
    body = sample["request_body"]
    payload = body.encode() if isinstance(body, str) else None
    if payload is None and body is not None:
        payload = json.dumps(body, ensure_ascii=False).encode()
    kind = sample["content_type"]
    return broker.request(
        sample["method"],
        sample["path"],
        payload,
        headers={"Content-Type": kind} if kind else None,
    )


@pytest.fixture(scope="module")
def written(healthy: Cluster) -> Cluster:
    """The healthy cluster with the tenants that the recording had."""
    for number in range(1, 14):
        body = {"tenant_name": f"drill-{number}", "desc": "x"}
        healthy[number % 3 + 1].request("POST", "/api/cluster/tenant/create", body)
    healthy.settle()
    eventually(
        "the pushes are through",
        lambda: all(
            broker.request("GET", "/api/cluster/tenant/list").data["total_count"] >= 14
            for broker in healthy.brokers.values()
        ),
    )
    return healthy


@pytest.mark.parametrize("name", EXACT)
def test_an_answer_is_the_recorded_one(written: Cluster, name: str) -> None:
    sample = ADMIN[name]
    broker = written[sample["node"]]
    if name == "create-1-n2":
        broker.request("POST", "/api/cluster/tenant/delete", sample["request_body"])
    answer = ask(broker, sample)
    assert (answer.status, answer.text) == (sample["status"], sample["body"])
    assert steady(answer.headers) == steady(list(sample["headers"].items()))


@pytest.mark.parametrize("name", ALIKE)
def test_an_answer_is_shaped_like_the_recorded_one(written: Cluster, name: str) -> None:
    sample = ADMIN[name]
    answer = ask(written[sample["node"]], sample)
    assert answer.status == sample["status"]
    assert steady(answer.headers) == steady(list(sample["headers"].items()))
    ours, theirs = json.loads(answer.text), json.loads(sample["body"])
    assert shape(ours) == shape(theirs)
    assert list(ours) == list(theirs)


def test_info_lists_its_keys_in_the_recorded_order(written: Cluster) -> None:
    ours = ask(written[1], ADMIN["info-n1"]).data
    theirs = json.loads(ADMIN["info-n1"]["body"])["data"]
    assert list(ours) == list(theirs)
    assert list(ours["broker_node_list"][0]) == list(theirs["broker_node_list"][0])
    assert list(ours["meta"]["data_0"]) == list(theirs["meta"]["data_0"])


def test_info_is_answered_by_the_first_of_meta_addrs_whoever_is_asked(written: Cluster) -> None:
    for broker in written.brokers.values():
        meta = broker.request("GET", "/api/info").data["meta"]
        assert {group["id"] for group in meta.values()} == {1}


def test_a_list_has_ten_unless_told_and_counts_what_matches(written: Cluster) -> None:
    def listed(query: str) -> tuple[list[str], int]:
        data = written[3].request("GET", f"/api/cluster/tenant/list{query}").data
        return [tenant["tenant_name"] for tenant in data["data"]], data["total_count"]

    everything, total = listed("?limit=100000")
    assert len(everything) == total >= 14
    assert listed("") == listed("?limit=0") == (everything[:10], total)
    assert listed("?limit=5&page=2") == (everything[5:10], total)
    names = [name for name in everything if "drill-1" in name]
    assert listed("?tenant_name=drill-1&limit=100") == (names, len(names))
    falling = listed("?limit=3&sort_field=tenant_name&sort_by=desc")
    assert falling == (sorted(everything, reverse=True)[:3], total)


def test_what_is_refused_is_logged(written: Cluster) -> None:
    written[1].request("GET", "/nope", headers={"User-Agent": "a drill"})
    line = (
        r'WARN admin_server::server: CLIENT_ERROR: GET /nope 404 - 127\.0\.0\.1 - "a drill" "-" 0ms'
    )
    assert re.search(line, written[1].output())


# -- who must log in -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "peer", "needed"),
    [
        ("/api/info", "127.0.0.1", False),
        ("/api/info", "127.9.8.7", False),
        ("/api/info", "::1", False),
        ("/api/info", "10.0.0.1", True),
        ("/api/nope", "10.0.0.1", True),
        ("/api/v1/login", "10.0.0.1", False),
        ("/health/ready", "10.0.0.1", False),
        ("/metrics", "10.0.0.1", False),
    ],
)
def test_only_the_loopback_needs_no_token(path: str, peer: str, needed: bool) -> None:
    assert needs_token(path, peer) is needed


def admin_api() -> Admin:
    preset = PRESETS["fast"]
    settings = Settings({**DEFAULTS, "meta_addrs": {"1": "10.0.0.1:1228"}}, "0.4.3")
    book = Logbook([])
    caller = Caller("10.0.0.1:1228", ["10.0.0.1:1228"], preset, book)
    caller.handler = lambda _method, _body: {}
    return Admin(settings, cache=Cache(), caller=caller, meters={}, book=book)


def answer(
    api: Admin, path: str, token: str | None, method: str = "GET", body: bytes = b""
) -> Response:
    headers = {"content-type": "application/json"}
    if token is not None:
        headers["authorization"] = token
    result = api.answer(Request(method, path, "", headers, body, "10.0.0.9"))
    if isinstance(result, Response):
        return result

    async def finish() -> Response:
        return await result

    return asyncio.run(finish())


@pytest.mark.parametrize(
    ("name", "token"), [("info-noauth-n1", None), ("info-bad-token-n1", "Bearer nonsense")]
)
def test_without_a_good_token_the_answer_is_the_recorded_one(name: str, token: str | None) -> None:
    sample = ADMIN[name]
    response = answer(admin_api(), "/api/info", token)
    assert (response.status, response.body.decode()) == (sample["status"], sample["body"])
    assert dict(response.headers) == {
        k: v for k, v in sample["headers"].items() if k not in ("content-length", "date")
    }


def test_a_login_gives_a_token_that_opens_the_api() -> None:
    api = admin_api()
    body = b'{"username":"admin","password":"admin"}'
    login = json.loads(answer(api, "/api/v1/login", None, "POST", body).body)
    assert login["data"]["expires_in"] == 28800
    assert answer(api, "/api/info", f"Bearer {login['data']['token']}").status == 200


def test_the_recorded_token_is_signed_as_ours_are_and_has_expired() -> None:
    token = json.loads(ADMIN["login-n1"]["body"])["data"]["token"]
    tokens = Tokens(DEFAULTS["admin"]["jwt_secret"], 8)
    signed, _, signature = token.rpartition(".")
    assert tokens._sign(signed) == signature
    assert tokens.valid(token) == (time.time() < 1795487229)
    assert tokens.valid(tokens.issue("admin"))
    assert not Tokens("another secret", 8).valid(tokens.issue("admin"))
    assert not Tokens(DEFAULTS["admin"]["jwt_secret"], -1).valid(
        Tokens(DEFAULTS["admin"]["jwt_secret"], -1).issue("admin")
    )


# -- gRPC-web --------------------------------------------------------------------------------


def post(
    broker: Broker, body: bytes, kind: str, method: str = "POST", *, accept: str = "*/*"
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", broker.ports["grpc"], timeout=30)
    path = "/meta.service.common.MetaServiceService/ClusterStatus"
    connection.request(method, path, body, {"Content-Type": kind, "Accept": accept})
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response.status, dict(response.getheaders()), content


@pytest.mark.parametrize(("name", "node"), [("ClusterStatus-n1", 1), ("ClusterStatus-n2", 2)])
def test_cluster_status_has_the_recorded_keys(written: Cluster, name: str, node: int) -> None:
    sample = GRPC[name]
    theirs = bytes.fromhex(sample["frames_hex"][0])
    recorded = json.loads(theirs[theirs.index(b"{") :])
    ours = written[node].status()
    assert ours.keys() == recorded.keys()
    for group, metrics in recorded.items():
        assert shape(ours[group]) == shape(metrics)
        assert list(ours[group]) == list(metrics)


def test_cluster_status_comes_in_the_recorded_frames(written: Cluster) -> None:
    status, headers, body = post(written[1], b"\0" * 5, "application/grpc-web+proto")
    assert status == 200
    assert steady(list(headers.items())) == steady(
        list(GRPC["ClusterStatus-n1"]["headers"].items())
    )
    assert body[:1] == b"\0"
    trailer = GRPC["ClusterStatus-n1"]["trailer"].encode()
    assert body.endswith(b"\x80" + len(trailer).to_bytes(4, "big") + trailer)


def test_grpc_web_text_is_answered_in_base64_to_who_accepts_that(written: Cluster) -> None:
    text = "application/grpc-web-text"
    status, headers, body = post(written[1], b"AAAAAAA=", text)
    assert (status, headers["content-type"]) == (200, "application/grpc-web+proto")
    assert body[:1] == b"\0"
    status, headers, body = post(written[1], b"AAAAAAA=", text, accept=text)
    assert (status, headers["content-type"]) == (200, "application/grpc-web-text+proto")
    assert re.fullmatch(rb"[A-Za-z0-9+/=]+", body)


def test_what_is_no_grpc_web_is_refused_as_recorded(written: Cluster) -> None:
    status, headers, body = post(written[1], b"", "application/grpc-web+proto")
    assert (status, body) == (200, b"")
    assert headers["grpc-status"] == "13"
    assert headers["grpc-message"] == "Missing%20request%20message."
    assert post(written[1], b"{}", "application/json")[0] == 400
    assert post(written[1], b"", "application/grpc-web+proto", "GET")[0] == 400


def test_keys_are_written_through_the_leader_and_refused_elsewhere(written: Cluster) -> None:
    leader, follower = written[1], written[2]
    headers, messages = leader.grpc("Set", "a key", "its value")
    assert "grpc-status" not in headers
    assert messages == [b""]
    assert leader.grpc("Get", "a key")[1] == [b"\x0a\x09its value"]
    eventually("n2 has it", lambda: follower.grpc("Get", "a key")[1] == [b"\x0a\x09its value"])
    assert leader.grpc("Exists", "a key")[1] == [b"\x08\x01"]
    assert leader.grpc("Get", "no key")[1] == [b""]

    headers, messages = follower.grpc("Set", "a key", "another")
    refusal = (
        "has%20to%20forward%20request%20to:%20Some(1),%20Some(Node%20%7B%20node_id:%201,"
        f"%20rpc_addr:%20%22{leader.address}%22%20%7D)"
    )
    assert (headers["grpc-status"], headers["grpc-message"]) == ("13", refusal)
    assert messages == []
    leader.grpc("Delete", "a key")
    assert leader.grpc("Get", "a key")[1] == [b""]


def test_a_node_streams_the_tenants_of_its_own_store(written: Cluster) -> None:
    stores = [broker.tenants() for broker in written.brokers.values()]
    assert stores[0] == stores[1] == stores[2] >= {"default", "drill-2", "drill-12"}


def test_a_kept_connection_is_answered_at_once(written: Cluster) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", written[1].ports["grpc"], timeout=30)
    taken = []
    for _ in range(100):
        began = time.perf_counter()
        connection.request(
            "POST",
            "/meta.service.common.MetaServiceService/ClusterStatus",
            b"\0" * 5,
            {"Content-Type": "application/grpc-web+proto"},
        )
        connection.getresponse().read()
        taken.append(time.perf_counter() - began)
    connection.close()
    assert sorted(taken)[50] < 0.03  # a server that waits for delayed ACKs takes 0.04


# -- metrics ---------------------------------------------------------------------------------


def families(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(("# HELP raft", "# TYPE raft"))]


def series(text: str) -> set[str]:
    return {line.rpartition(" ")[0] for line in text.splitlines() if line.startswith("raft_")}


def test_metrics_have_the_recorded_families_and_series(written: Cluster) -> None:
    recorded = (RECORDED / "metrics.txt").read_text()
    ours = written[2].request("GET", "/metrics").text
    assert families(ours) == families(recorded)
    assert series(recorded) <= series(ours)
    assert "mqtt_connections_count{} 0\n" in ours
    assert ours.endswith("\n# EOF\n")


def test_metrics_count_and_follow_the_log(written: Cluster) -> None:
    def value(broker: Broker, name: str) -> float:
        text = broker.request("GET", "/metrics").text
        return float(re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)[1])  # type: ignore[index]

    last = written[2].status()["metadata_0"]["last_log_index"]
    gauge = 'raft_last_log_index{machine="metadata_0"}'
    eventually("the gauge follows", lambda: value(written[2], gauge) >= last)
    assert value(written[1], 'raft_write_success_total{machine="metadata_0"}') > 13
    assert value(written[2], 'raft_write_success_total{machine="metadata_0"}') == 0
    rpc = 'raft_rpc_success_total{machine="metadata_0",rpc_type="append_entries"}'
    assert value(written[1], rpc) > 20
