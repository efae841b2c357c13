"""The nodes' logs in a recording: marker lines, and all others counted by rule and template."""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING, NamedTuple

from raftfleet.journal import events as ev
from raftfleet.journal.values import Interval
from raftfleet.systems.log_rules import load_log_rules
from raftfleet.systems.robustmq.logs import MARKERS, parse_log, redact
from raftfleet.systems.tally import Line, tally

from .source import EPOCH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .source import Recording

__all__ = ["listening_times", "log_events", "log_trouble"]

_LAST_LISTENER = "NATS Tcp Server started successfully, listening port"
_SLACK = 0.005
_LONGEST_MESSAGE = 2000


class _Log(NamedTuple):
    """A node's log as far as it could be read, and what is wrong with it."""

    path: str
    content: bytes
    trouble: str


def _read(one: Recording, node: str) -> _Log:
    name = f"logs/{node}.server.log.gz"
    path = one.folder / name
    try:
        packed = path.read_bytes()
    except OSError as error:
        return _Log(name, b"", error.strerror or str(error))
    unpacker = zlib.decompressobj(wbits=31)
    try:
        content = unpacker.decompress(packed) + unpacker.flush()
    except zlib.error as error:
        return _Log(name, b"", f"it is damaged: {error}")
    if not unpacker.eof:
        return _Log(name, content, f"it is truncated after {len(content)} bytes")
    if unpacker.unused_data:
        content = gzip.decompress(packed)
    return _Log(name, content, "" if content.strip() else "it is empty")


def log_trouble(one: Recording, node: str) -> str:
    """Return what is wrong with a node's log, empty when it could be read to its end."""
    return _read(one, node).trouble


def listening_times(one: Recording) -> list[tuple[float, str]]:
    """Return when each node said that its last listener was up, on the journal's clock."""
    found = [
        (one.of_wall(stamp), node.name)
        for node in one.nodes
        for stamp, _, _, message in parse_log(_read(one, node.name).content)
        if message.startswith(_LAST_LISTENER)
    ]
    return sorted(found)


def log_events(one: Recording) -> Iterator[ev.Event]:
    """Yield what a collection of the logs at the end of the recording would have written."""
    t = EPOCH + one.end
    rules = load_log_rules("robustmq")
    for node in one.nodes:
        log = _read(one, node.name)
        if log.trouble:
            yield ev.LogMissing(t=t, node=node.name, path=log.path, reason=log.trouble)
        if not log.content:
            continue
        lines = [
            Line(one.of_wall(stamp), level, target, _masked(message))
            for stamp, level, target, message in parse_log(log.content)
        ]
        yield from _marked(t, node.name, lines)
        yield from tally(node.name, lines, rules, one.nodes, t=t)
        yield ev.LogCollected(
            t=t,
            node=node.name,
            path=log.path,
            start=0,
            end=len(log.content),
            lines=log.content.count(b"\n"),
            newest=max((line.t for line in lines if line.t is not None), default=None),
        )


def _masked(message: str) -> str:
    return redact(message.encode("utf-8", "replace")).decode("utf-8", "replace")


def _marked(t: float, node: str, lines: list[Line]) -> Iterator[ev.Event]:
    for line in lines:
        for marker, text in MARKERS.items():
            if text in line.message and line.t is not None:
                yield ev.LogLine(
                    t=t,
                    node=node,
                    marker=marker,
                    level=line.level,
                    target=line.target,
                    message=line.message[:_LONGEST_MESSAGE],
                    at=Interval(line.t - _SLACK, line.t + _SLACK),
                )
