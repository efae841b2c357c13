"""Nodes to ask about, an access that answers from memory, and what real nodes once answered."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from raftfleet.journal.values import NodeIdentity
from raftfleet.systems import AccessError, Answer, Node

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

RECORDED = Path(__file__).parent / "recorded"


class MakeNode(Protocol):
    def __call__(
        self,
        number: int = 1,
        *,
        machine: str = "",
        home: str = "/opt/robustmq",
        **variables: Any,
    ) -> Node: ...


@pytest.fixture
def make_node() -> MakeNode:
    """Node n1 is id 1 at 10.77.0.11; ``machine`` puts several on one, with one address."""

    def make(
        number: int = 1, *, machine: str = "", home: str = "/opt/robustmq", **variables: Any
    ) -> Node:
        address = machine or f"10.77.0.1{number}"
        identity = NodeIdentity(f"n{number}", str(number), address, f"{address}:22")
        return Node(identity, PurePosixPath(home), variables)

    return make


class FakeAccess:
    """Answers by (port, path); what is missing refuses the connection.

    An answer may be a list, one for each time that it is asked for.
    """

    def __init__(
        self,
        node: Node,
        answers: Mapping[tuple[str, str], Answer | Exception | list[Answer]],
        *,
        over_loopback: bool = True,
    ) -> None:
        self.node = node
        self.answers = answers
        self.asked: list[tuple[str, str, str, bytes]] = []
        self.timeouts: list[float] = []
        self.headers: list[Mapping[str, str]] = []
        self.over_loopback = over_loopback

    def request(
        self,
        port: str,
        method: str,
        path: str,
        *,
        timeout: float,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        self.headers.append(headers or {})
        self.asked.append((port, method, path, body))
        self.timeouts.append(timeout)
        answer = self.answers.get((port, path), AccessError(f"connection to {port} refused"))
        if isinstance(answer, list):
            answer = answer.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def recorded(name: str) -> dict[str, object]:
    loaded = json.loads((RECORDED / name).read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded


def as_answer(sample: Mapping[str, object]) -> Answer:
    """A recorded HTTP answer; of a gRPC-web one, the frames as they stood on the wire."""
    status, headers = sample["status"], sample["headers"]
    assert isinstance(status, int)
    assert isinstance(headers, dict)
    if "frames_hex" not in sample:
        return Answer(status, headers, str(sample["body"]).encode())
    frames, trailer = sample["frames_hex"], str(sample["trailer"]).encode()
    assert isinstance(frames, list)
    payloads = [(0, bytes.fromhex(one)) for one in frames] + [(0x80, trailer)]
    body = b"".join(bytes([flag]) + len(data).to_bytes(4, "big") + data for flag, data in payloads)
    return Answer(status, headers, body)


@pytest.fixture
def recorded_answer() -> Callable[[str], Answer]:
    return lambda name: as_answer(recorded(name))


@pytest.fixture
def recorded_json() -> Callable[[str], dict[str, object]]:
    return recorded


@pytest.fixture
def recorded_bytes() -> Callable[[str], bytes]:
    return lambda name: (RECORDED / name).read_bytes()


@pytest.fixture
def fake_access() -> type[FakeAccess]:
    return FakeAccess
