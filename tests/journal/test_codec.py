"""Nothing is lost between an event and its line, nor between a newer line and us."""

from __future__ import annotations

import json
import math

import msgspec
import pytest

from raftfleet.journal import events as ev
from raftfleet.journal.codec import decode, encode
from raftfleet.journal.log_rules import LogRule, LogVerdict, LogWindow, Spell
from raftfleet.journal.values import (
    GroupStatus,
    Incarnation,
    Interval,
    Lack,
    Leg,
    Role,
    Timing,
)

SAMPLES: list[ev.Event] = [
    ev.RunStarted(run="r", argv=("a",), versions={"v": "1"}, seed=7, inventory={"n1": "::1"}),
    ev.NodeExited(
        seq=3,
        t=1.5,
        node="n1",
        incarnation=Incarnation(1, 2, 3),
        at=Interval(1.0, 1.2),
        status=-9,
        latency=Interval(0.1, 0.2),
    ),
    ev.StatusSeen(
        node="n1",
        since=0.5,
        groups={"g": GroupStatus(term=2, role=Role.LEADER, voters=(("a", "b"), ("a",)))},
    ),
    ev.ClusterDescribed(
        system="s",
        nodes=(),
        groups=("g",),
        timing=Timing("m", 0.1, 1, 2),
        ports={},
        markers={},
        exit_bound=1,
        watchdog=None,
        poll_period=0.02,
        log_rules=(
            LogRule(
                "r",
                LogVerdict.BENIGN,
                levels=("WARN",),
                message="to (?P<peer>.)",
                during=(LogWindow.PEER_AWAY,),
                after_cut=30.0,
                most=9,
            ),
        ),
    ),
    ev.WriteEnded(
        writer="w",
        via="n1",
        key="k",
        value="7",
        sent=1.0,
        intended=0.9,
        outcome="ok",
        legs=(Leg("n1", 1.0, 1.1, "refused", "not the leader"), Leg("n2", 1.1, 1.2, "ok")),
    ),
    ev.StoreRead(
        node="n1",
        round=1,
        sent=2.0,
        values={"k": "7", "j": None},
        count=1,
        digest="ab",
        asked=2,
        lacks=Lack(1, ("j",)),
    ),
    ev.LogTally(
        node="n1",
        rule="r",
        level="WARN",
        target="t",
        template="to #",
        peer="n2",
        spells=(Spell(1.0, 2.5, 3), Spell(-1.0, -1.0, 1)),
        examples=("to 2",),
    ),
]


@pytest.mark.parametrize("event", SAMPLES, ids=lambda event: type(event).__name__)
def test_an_event_comes_back_as_it_was(event: ev.Event) -> None:
    assert decode(encode(event)) == event


def test_every_kind_of_event_has_a_name_of_its_own() -> None:
    kinds = [getattr(ev, name) for name in ev.__all__]
    tags = [kind.__struct_config__.tag for kind in kinds]
    assert len(set(tags)) == len(tags)


def test_an_open_interval_is_null_in_json_and_infinite_again_when_read() -> None:
    event = ev.NodeExited(
        node="n1", incarnation=Incarnation(1, 2, 3), at=Interval(5.0, math.inf), status=0
    )
    raw = encode(event)
    assert json.loads(raw)["at"] == [5.0, None]
    assert decode(raw) == event


def test_a_newer_event_is_kept_whole() -> None:
    raw = b'{"event":"fault.guessed","seq":4,"t":2.5,"fault":"partition","who":["n1",null]}'
    event = decode(raw)
    assert isinstance(event, ev.UnknownEvent)
    assert (event.kind, event.seq, event.t) == ("fault.guessed", 4, 2.5)
    assert event.fields == {"fault": "partition", "who": ["n1", None]}
    assert json.loads(encode(event)) == json.loads(raw)


def test_a_newer_field_is_passed_over() -> None:
    raw = b'{"event":"play.ended","seq":4,"t":2.5,"play":"p","mood":{"x":1}}'
    assert decode(raw) == ev.PlayEnded(seq=4, t=2.5, play="p")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b"12",
        b'{"seq":1}',
        b'{"event":7}',
        b'{"event":"play.ended"}',
        b'{"event":"play.ended","play":3}',
        b'{"event":"node.found","node":"n1","incarnation":[1,null]}',
    ],
)
def test_what_is_no_event_is_refused(raw: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        decode(raw)


@pytest.mark.parametrize(
    "result",
    [
        {"stdout": "caf\udce9"},
        {"deep": [{"\udcff": "\ud800"}]},
        {"odd": object},
        {("a", 1): 1, None: 2},
        {"bytes": b"\xff"},
        {"set": {1, 2}},
        {"nan": math.nan},
    ],
)
def test_whatever_a_host_said_can_be_written(result: dict[str, object]) -> None:
    event = ev.TaskResult(task=1, host="n1", status="ok", seconds=0.5, result=result)
    again = decode(encode(event))
    assert isinstance(again, ev.TaskResult)
    assert len(again.result) == len(result)
