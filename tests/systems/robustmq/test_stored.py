"""Registers and stored tenants over gRPC-web: what is refused, what is unknown, what is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from raftfleet.systems import AccessError, Answer, UnsentError
from raftfleet.systems.protocol import Ack, Refused, Unknown, WriteOutcome
from raftfleet.systems.robustmq.grpcweb import encoded, frame
from raftfleet.systems.robustmq.stored import (
    delete_register,
    read_registers,
    set_register,
    stored_tenants,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.systems.conftest import FakeAccess, MakeNode

SERVICE = "/meta.service.common.MetaServiceService/"
OK = b"\x80\x00\x00\x00\x0fgrpc-status:0\r\n"
NOT_LEADER = (
    "has%20to%20forward%20request%20to:%20Some(2),%20Some(Node%20%7B%20node_id:%202,"
    "%20rpc_addr:%20%2210.0.0.2:1228%22%20%7D)"
)


def grpc(*messages: bytes) -> Answer:
    headers = {"content-type": "application/grpc-web+proto"}
    return Answer(200, headers, b"".join(map(frame, messages)) + OK)


def failed(message: str) -> Answer:
    headers = {
        "content-type": "application/grpc-web+proto",
        "grpc-status": "13",
        "grpc-message": message,
    }
    return Answer(200, headers, b"")


def bincode(name: str) -> bytes:
    raw = name.encode()
    return len(raw).to_bytes(8, "little") + raw + bytes(8) + bytes(36)


def field(payload: bytes) -> bytes:
    assert len(payload) < 128
    return bytes([0x0A, len(payload)]) + payload


@pytest.fixture
def access(make_node: MakeNode, fake_access: type[FakeAccess]) -> Callable[..., FakeAccess]:
    def make(method: str, answer: Answer | Exception) -> FakeAccess:
        return fake_access(make_node(), {("grpc", f"{SERVICE}{method}"): answer})

    return make


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (grpc(b""), Ack()),
        (failed(NOT_LEADER), "2"),
        (failed("has%20to%20forward%20request%20to:%20None,%20None"), ""),
        (failed("raft%20write%20timed%20out"), Unknown),
        (UnsentError("connection refused"), ""),
        (AccessError("connection reset"), Unknown),
        (Answer(502, {}, b"bad gateway"), Unknown),
    ],
    ids=["ok", "leader named", "no leader", "timed out", "unsent", "broken", "no grpc"],
)
def test_only_proof_that_nothing_was_written_is_a_refusal(
    access: Callable[..., FakeAccess], answer: Answer | Exception, outcome: Any
) -> None:
    asked = access("Set", answer)
    said: WriteOutcome = set_register(asked, "k", "v", timeout=2.0)
    if isinstance(outcome, str):
        assert isinstance(said, Refused)
        assert said.leader == outcome
    elif outcome is Unknown:
        assert isinstance(said, Unknown)
    else:
        assert said == outcome
    assert asked.asked == [("grpc", "POST", f"{SERVICE}Set", frame(b"\x0a\x01k\x12\x01v"))]


def test_a_register_is_deleted_by_its_key(access: Callable[..., FakeAccess]) -> None:
    asked = access("Delete", grpc(b""))
    assert delete_register(asked, "k", timeout=2.0) == Ack()
    assert asked.asked[0][3] == frame(b"\x0a\x01k")


def test_an_empty_value_is_none_at_all(access: Callable[..., FakeAccess]) -> None:
    assert read_registers(access("Get", grpc(b"")), ["a"], timeout=2.0) == {"a": None}
    assert read_registers(access("Get", grpc(encoded("7"))), ["a", "b"], timeout=2.0) == {
        "a": "7",
        "b": "7",
    }


def test_the_deadline_holds_for_all_registers_together(access: Callable[..., FakeAccess]) -> None:
    with pytest.raises(AccessError, match="0 of 2 registers"):
        read_registers(access("Get", grpc(b"")), ["a", "b"], timeout=0.0)


def test_tenants_of_the_store_are_told_by_name(access: Callable[..., FakeAccess]) -> None:
    stream = [field(bincode(name)) for name in ("default", "x-2", "x-1")]
    assert stored_tenants(access("ListTenant", grpc(*stream)), "x-", timeout=2.0) == ["x-1", "x-2"]
    assert stored_tenants(access("ListTenant", grpc()), "x-", timeout=2.0) == []


def test_what_is_no_tenant_is_refused(access: Callable[..., FakeAccess]) -> None:
    with pytest.raises(AccessError, match="no tenant"):
        stored_tenants(access("ListTenant", grpc(field(b"\xff" * 20))), "", timeout=2.0)


def test_a_long_text_is_encoded_with_two_bytes_of_length() -> None:
    assert encoded("x" * 300)[:3] == b"\x0a\xac\x02"
