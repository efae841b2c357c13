"""How a broker calls the meta service, keeps its copy of things, and tells others."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import pytest

from raftfleet.simulator.cache import Cache, Pusher
from raftfleet.simulator.caller import Caller, GrpcError
from raftfleet.simulator.errors import BrokenError, LateError, RefusedError, UnreachableError
from raftfleet.simulator.liveness import Presence, send_heartbeats
from raftfleet.simulator.logbook import Logbook, Output
from raftfleet.simulator.presets import PRESETS
from raftfleet.simulator.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

QUICK = PRESETS["fast"]._replace(retry_pause=0.001)
ADDRESSES = ["n1:1228", "n2:1228", "n3:1228"]
NOWHERE = UnreachableError("refused")


def forward(address: str) -> RefusedError:
    text = f'Some(1), Some(Node {{ node_id: 1, rpc_addr: "{address}" }})'
    return RefusedError(f"has to forward request to: {text}")


class Lines:
    """Catches what goes into the log."""

    def __init__(self, folder: Path) -> None:
        targets = [{"path": "", "level": "info"}]
        section = {"kind": "rolling_file", "directory": str(folder), "prefix": "x"}
        self.book = Logbook([Output.read({**section, "targets": targets})])
        self._folder = folder

    def read(self) -> list[str]:
        (path,) = self._folder.glob("x.*.log")
        plain = re.sub(r"\x1b\[[0-9;]*m", "", path.read_text())
        return [line.split("Z ", 1)[1].strip() for line in plain.splitlines()]


def caller_that(lines: Lines, answers: Callable[[str, str], object], asked: list[str]) -> Caller:
    """Return a caller whose calls are answered by a function of address and method."""
    caller = Caller("", ADDRESSES, QUICK, lines.book)

    async def once(address: str, method: str, body: object, timeout: float) -> object:  # noqa: ASYNC109
        del body, timeout
        asked.append(address)
        result = answers(address, method)
        if isinstance(result, Exception):
            raise result
        return result

    caller._once = once  # type: ignore[method-assign]
    return caller


@pytest.fixture
def lines(tmp_path: Path) -> Lines:
    return Lines(tmp_path)


def test_the_first_address_is_asked_first(lines: Lines) -> None:
    asked: list[str] = []
    caller = caller_that(lines, lambda address, _: address, asked)
    assert asyncio.run(caller.call("ClusterStatus")) == "n1:1228"
    assert asked == ["n1:1228"]


def test_a_dead_address_costs_a_try_and_a_line(lines: Lines) -> None:
    asked: list[str] = []
    caller = caller_that(lines, lambda a, _: NOWHERE if a == "n1:1228" else a, asked)
    assert asyncio.run(caller.call("ClusterStatus")) == "n2:1228"
    (line,) = lines.read()
    assert line == (
        "WARN grpc_clients::utils: retry_call PlacementService/ClusterStatus attempt 1: "
        "n1:1228 unreachable: Grpc call of the node failed,Grpc status was refused"
    )


def test_a_redirect_is_followed_and_remembered(lines: Lines) -> None:
    asked: list[str] = []
    caller = caller_that(
        lines, lambda a, _: "done" if a == "n3:1228" else forward("n3:1228"), asked
    )
    assert asyncio.run(caller.call("Set")) == "done"
    assert asyncio.run(caller.call("Set")) == "done"
    assert asked == ["n1:1228", "n3:1228", "n3:1228"]


def test_without_a_leader_the_refusal_is_what_the_client_gets(lines: Lines) -> None:
    asked: list[str] = []
    caller = caller_that(
        lines, lambda a, _: NOWHERE if a == "n1:1228" else forward("n1:1228"), asked
    )
    with pytest.raises(GrpcError, match="has to forward request to"):
        asyncio.run(caller.call("CreateTenant"))
    assert asked == ["n1:1228", "n2:1228", "n1:1228", "n3:1228", "n1:1228"]
    said = [re.sub(r" unreachable:.*", " unreachable", line) for line in lines.read()]
    call = "grpc_clients::utils: retry_call PlacementService/CreateTenant attempt"
    update = "INFO grpc_clients::pool: Update Leader cache for method=PlacementService/CreateTenant"
    assert said == [
        f"WARN {call} 1: n1:1228 unreachable",
        f"INFO {call} 2: n2:1228 redirected to leader n1:1228",
        f"{update}, leader=n1:1228",
        f"WARN {call} 2: redirected leader n1:1228 unreachable",
        f"INFO {call} 3: n3:1228 redirected to leader n1:1228",
        f"{update}, leader=n1:1228",
        f"WARN {call} 3: redirected leader n1:1228 unreachable",
    ]


def test_a_refusal_for_good_is_not_tried_again(lines: Lines) -> None:
    asked: list[str] = []
    caller = caller_that(lines, lambda *_: RefusedError("Tenant x already exists"), asked)
    with pytest.raises(GrpcError, match="Tenant x already exists"):
        asyncio.run(caller.call("CreateTenant"))
    assert len(asked) == 1
    assert "attempt 1: n1:1228 rejected the request (not retried): Grpc call" in lines.read()[0]


def test_a_connection_that_breaks_during_a_call_is_not_tried_again(lines: Lines) -> None:
    asked: list[str] = []
    caller = caller_that(lines, lambda *_: BrokenError("transport error"), asked)
    with pytest.raises(GrpcError, match="transport error"):
        asyncio.run(caller.call("CreateTenant"))
    assert asked == ["n1:1228"]
    assert "attempt 1: n1:1228 rejected the request (not retried)" in lines.read()[0]


def test_silence_is_told_apart_from_refusal(lines: Lines) -> None:
    caller = caller_that(lines, lambda *_: LateError("late"), [])
    with pytest.raises(GrpcError, match="tcp connect error: n3:1228 timed out after 5s"):
        asyncio.run(caller.call("Set"))
    assert "attempt 1/3: n1:1228 did not respond within 5s" in lines.read()[0]


# -- the copies of others --------------------------------------------------------------------


def push(lines: Lines, answers: Callable[[str, str], object]) -> list[str]:
    asked: list[str] = []

    async def work() -> None:
        cache = Cache()
        cache.nodes = {n: {"grpc_addr": address} for n, address in enumerate(ADDRESSES, 1)}
        pusher = Pusher(cache, caller_that(lines, answers, asked), lines.book)
        pusher.start()
        pusher.push("tenant", "t", {"tenant_name": "t"})
        while len(asked) < 3 or (len(asked) < 11 and "ERROR" not in str(lines.read())):
            await asyncio.sleep(0.01)
            if set(asked) == set(ADDRESSES) and answers(ADDRESSES[2], "") is None:
                break
        pusher.stop()

    asyncio.run(asyncio.wait_for(work(), 30))
    return asked


def test_a_change_is_pushed_to_every_known_node(lines: Lines) -> None:
    assert sorted(push(lines, lambda *_: None)) == ADDRESSES


def test_a_node_that_is_away_is_tried_nine_times_and_then_lacks_it(lines: Lines) -> None:
    asked = push(lines, lambda a, _: NOWHERE if a == "n3:1228" else None)
    assert asked.count("n3:1228") == 9
    said = [line for line in lines.read() if "INFO" not in line]
    assert [line.split(" ")[0] for line in said] == ["WARN"] * 9 + ["ERROR"]
    text = "ERROR node_call::handler: Failed to update cache on broker n3:1228 after 3 attempts: "
    assert said[-1].startswith(text)


def test_a_copy_takes_in_pushes() -> None:
    cache = Cache()
    changes = [["tenant", "t", {"tenant_name": "t"}], ["node", 2, {"node_id": 2}]]
    cache.update([*changes, ["topic", "a", {"topic": "a"}]])
    assert (list(cache.tenants), list(cache.nodes), cache.topics) == (["t"], [2], {"a"})
    cache.update([["tenant", "t", None], ["node", 9, None]])
    assert (list(cache.tenants), list(cache.nodes)) == ([], [2])


def test_changes_that_wait_go_together_and_in_order(lines: Lines) -> None:
    sent: list[Any] = []

    async def work() -> None:
        cache = Cache()
        cache.nodes = {1: {"grpc_addr": "n1:1228"}}
        caller = Caller("", ADDRESSES, QUICK, lines.book)

        async def once(_: str, method: str, body: Any, timeout: float) -> None:  # noqa: ASYNC109
            del timeout
            sent.append((method, [key for _, key, _ in body]))

        caller._once = once  # type: ignore[assignment]
        pusher = Pusher(cache, caller, lines.book)
        pusher.start()
        for number in range(150):
            pusher.push("tenant", f"t{number}", {})
        while len(sent) < 2:  # noqa: ASYNC110 - a fake fills the list
            await asyncio.sleep(0.001)
        pusher.stop()

    asyncio.run(asyncio.wait_for(work(), 30))
    names = [f"t{number}" for number in range(150)]
    assert sent == [("UpdateCache", names[:100]), ("UpdateCache", names[100:])]


@pytest.mark.parametrize("refuses", [True, False])
def test_before_it_is_started_a_pusher_refuses_or_keeps_what_it_gets(
    lines: Lines, refuses: bool
) -> None:
    asked: list[str] = []

    async def work() -> None:
        cache = Cache()
        cache.nodes = {1: {"grpc_addr": "n1:1228"}}
        caller = caller_that(lines, lambda *_: None, asked)
        pusher = Pusher(cache, caller, lines.book, refuses=refuses)
        if refuses:
            with pytest.raises(RefusedError, match="global sender is not initialized; call start"):
                pusher.push("tenant", "t", {})
        else:
            pusher.push("tenant", "t", {})
        assert asked == []
        pusher.start()
        pusher.push("tenant", "u", {})
        while not asked:  # noqa: ASYNC110 - a fake fills the list
            await asyncio.sleep(0.001)
        pusher.stop()

    asyncio.run(asyncio.wait_for(work(), 30))


# -- who is alive ----------------------------------------------------------------------------


def test_a_broker_nobody_registered_is_refused(lines: Lines) -> None:
    with pytest.raises(RefusedError, match="Node 4 does not exist"):
        Presence(Store(), 1.0, 0.1, lines.book).heard({"node_id": 4})


@pytest.mark.parametrize("leads", [True, False])
def test_only_the_leader_takes_silent_brokers_off(lines: Lines, leads: bool) -> None:
    store = Store()
    removed: list[Any] = []

    async def remove(body: Any) -> None:
        removed.append(body["node_id"])
        store.nodes.pop(body["node_id"])

    async def work() -> None:
        presence = Presence(store, timeout=0.1, period=0.01, book=lines.book)
        store.nodes = {1: {}, 2: {}}
        judging = asyncio.ensure_future(presence.judge(lambda: leads, remove))
        for _ in range(30):
            presence.heard({"node_id": 1})
            await asyncio.sleep(0.01)
        judging.cancel()

    asyncio.run(work())
    assert removed == ([2] if leads else [])


# -- heartbeats ------------------------------------------------------------------------------


def beat(
    lines: Lines, answers: Callable[[str, str], object], until: Callable[[list[str]], bool]
) -> tuple[list[str], int]:
    """Send heartbeats until something is true; return whom they went to and the registrations."""
    asked: list[str] = []
    registrations = 0

    async def register() -> None:
        nonlocal registrations
        registrations += 1

    async def work() -> None:
        caller = caller_that(lines, lambda a, m: slow(answers(a, m)), asked)
        once = caller._once

        async def waiting(address: str, method: str, body: object, timeout: float) -> object:  # noqa: ASYNC109
            result = await once(address, method, body, timeout)
            return await result if asyncio.iscoroutine(result) else result

        caller._once = waiting  # type: ignore[method-assign]
        sending = send_heartbeats(
            caller,
            ADDRESSES,
            {"node_id": 2, "grpc_addr": "n2:1228"},
            preset=QUICK._replace(broker_heartbeat=0.1),
            book=lines.book,
            register=register,
        )
        task = asyncio.ensure_future(sending)
        while not until(asked):  # noqa: ASYNC110 - a fake fills the list
            await asyncio.sleep(0.005)
        task.cancel()

    asyncio.run(asyncio.wait_for(work(), 30))
    return asked, registrations


def slow(answer: object) -> object:
    return asyncio.sleep(60) if answer == "silence" else answer


def test_a_meta_node_that_swallows_heartbeats_keeps_them_from_those_behind_it(lines: Lines) -> None:
    answers = {"n1:1228": "silence"}
    asked, _ = beat(lines, lambda a, _: answers.get(a), lambda asked: len(asked) >= 3)
    assert set(asked) == {"n1:1228"}
    said = "ERROR broker_core::heartbeat: Heartbeat timeout (0.1s) for node 2 (n2:1228), Meta"
    assert lines.read()[0].startswith(said)


@pytest.mark.parametrize(("forgotten_by", "registers"), [(3, True), (2, False)])
def test_a_broker_registers_again_when_every_meta_node_has_forgotten_it(
    lines: Lines, forgotten_by: int, registers: bool
) -> None:
    forgotten = ADDRESSES[:forgotten_by]
    gone = RefusedError("Node 2 does not exist")
    asked, registrations = beat(
        lines, lambda a, _: gone if a in forgotten else None, lambda asked: len(asked) >= 7
    )
    assert asked[:3] == ADDRESSES
    assert (registrations > 0) == registers
