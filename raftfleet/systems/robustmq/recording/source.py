"""The files of a recording, read and checked."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from msgspec.structs import replace

from raftfleet.errors import Mark, SourceError
from raftfleet.journal import events as ev
from raftfleet.journal.values import NodeIdentity
from raftfleet.systems.log_rules import load_log_rules
from raftfleet.systems.robustmq.logs import MARKERS
from raftfleet.systems.robustmq.timing import ERAS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["EPOCH", "GROUPS", "Declared", "Recording", "read_recording"]

EPOCH = 1000.0
"""Where a recording's own zero lies on the clock of its journal: no stamp is zero or below."""
GROUPS = ("data_0", "metadata_0", "offset_0")
E = TypeVar("E", bound=ev.Event)


class Declared(msgspec.Struct, frozen=True):
    """What the drill declares, as a play's `drill:` would; ``from_t`` is where it begins."""

    id: str
    expects: tuple[str, ...]
    from_t: float
    forbids: tuple[str, ...] = ()
    evidence: dict[str, int] = {}
    budget: dict[str, float] = {}
    watch: float = 0.0
    leaves: str = "running"
    allow_quorum_loss: bool = False


@dataclass(frozen=True)
class Recording:
    """A recording's files, read; every ``t`` in them is seconds since its set-up."""

    folder: Path
    events: list[dict[str, Any]]
    statuses: list[dict[str, Any]]
    drill: Declared

    @property
    def setup(self) -> dict[str, Any]:
        """What the recorder said of the cluster when it began."""
        return self.events[0]

    @cached_property
    def nodes(self) -> tuple[NodeIdentity, ...]:
        """The nodes: number 1 is called n1."""
        found = self.setup["nodes"].items()
        return tuple(
            NodeIdentity(f"n{number}", str(number), address, address) for number, address in found
        )

    @cached_property
    def names(self) -> dict[str, str]:
        """The nodes' names by their ids."""
        return {node.id: node.name for node in self.nodes}

    def name(self, number: object) -> str:
        """Return a node's name; an id that the set-up does not know shows as ``#9``."""
        return self.names.get(str(number), f"#{number}")

    @property
    def begin(self) -> float:
        """The time of its first event."""
        return float(self.events[0]["t"])

    @cached_property
    def end(self) -> float:
        """The time of its last event."""
        return max(float(event["t"]) for event in self.events)

    @property
    def gap(self) -> float:
        """Seconds between two polls of a node."""
        return float(self.setup.get("poll_gap_s", 0.05))

    def wall(self, t: float) -> float:
        """Return the Unix time of an instant."""
        return float(self.setup["wall"]) + t - self.begin

    def of_wall(self, wall: float) -> float:
        """Return the instant of a Unix time, on the journal's clock."""
        return EPOCH + self.begin + wall - float(self.setup["wall"])

    def stamped(self, event: E) -> E:
        """Return the event with its wall time."""
        return replace(event, wall=round(self.wall(event.t - EPOCH), 4))

    def described(self) -> ev.ClusterDescribed:
        """Return the description of the cluster, with the rules that hold today."""
        era = ERAS.get(self.setup.get("era", "head"))
        event = ev.ClusterDescribed(
            t=EPOCH + self.begin,
            system="robustmq",
            nodes=self.nodes,
            groups=GROUPS,
            timing=era.timing if era else None,
            ports={},
            markers=dict(MARKERS),
            exit_bound=era.exit_bound if era else 8.0,
            watchdog=era.watchdog if era else 20.0,
            poll_period=self.gap,
            build=str(self.setup.get("build", "")),
            cluster="recorded",
            log_rules=load_log_rules("robustmq"),
        )
        return self.stamped(event)


def read_recording(folder: Path) -> Recording:
    """Read a recording; raise `SourceError` that names the file and line that is wrong."""
    if not folder.is_dir():
        raise SourceError(f"{folder} is not a folder", None, hint=_HINT)
    events = _lines(folder / "events.jsonl", _plain)
    statuses = _lines(folder / "status.jsonl.gz", _unpacked)
    drill = _drill(folder / "drill.json")
    _checked_events(folder / "events.jsonl", events)
    for number, line in enumerate(statuses, 1):
        if not {"node", "t2", "status"} <= line.keys():
            text = "a status line wants node, t2, prev_t1 and status"
            raise _wrong(folder / "status.jsonl.gz", number, text)
    one = Recording(folder, events, statuses, drill)
    if drill.from_t > one.end:
        raise _wrong(folder / "drill.json", 1, "from_t lies after the last event")
    return one


_HINT = "a recording holds events.jsonl, status.jsonl.gz, drill.json and logs/"


def _plain(path: Path) -> bytes:
    return path.read_bytes()


def _unpacked(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes())


def _bytes(path: Path, read: Callable[[Path], bytes]) -> bytes:
    try:
        return read(path)
    except FileNotFoundError:
        text = f"{path.parent} is no recording: {path.name} is missing"
        raise SourceError(text, None, hint=_HINT) from None
    except (OSError, EOFError, zlib.error) as error:
        raise SourceError(f"{path} cannot be read: {error}", None) from None


def _lines(path: Path, read: Callable[[Path], bytes]) -> list[dict[str, Any]]:
    found = []
    decoder = msgspec.json.Decoder()
    for number, line in enumerate(_bytes(path, read).split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            value = decoder.decode(line)
        except msgspec.DecodeError as error:
            raise _wrong(path, number, f"this line is not JSON: {error}") from None
        if not isinstance(value, dict):
            raise _wrong(path, number, "this line is not an object")
        found.append(value)
    return found


_WANTED = {
    "start": ("node",),
    "signal": ("node", "sig"),
    "exited": ("node", "latency", "rc"),
    "no-exit": ("node", "latency", "sig"),
    "wipe": ("node",),
    "nft": ("node", "rules"),
    "write": ("node", "name", "ok", "t1", "t2"),
    "compare": ("result",),
    "broker_node_list": ("node", "list"),
}
"""What an event of a kind must say, beside ``t`` and ``kind``."""


def _checked_events(path: Path, events: list[dict[str, Any]]) -> None:
    if not events or events[0].get("kind") != "setup":
        raise _wrong(path, 1, "the first event must be the set-up with its nodes")
    if not isinstance(events[0].get("nodes"), dict):
        raise _wrong(path, 1, "the set-up wants nodes: the address of each by its number")
    if not isinstance(events[0].get("wall"), int | float):
        raise _wrong(path, 1, "the set-up wants wall, its Unix time")
    for number, event in enumerate(events, 1):
        if not isinstance(event.get("t"), int | float) or not isinstance(event.get("kind"), str):
            raise _wrong(path, number, "an event wants t and kind")
        lacking = [key for key in _WANTED.get(event["kind"], ()) if key not in event]
        if lacking:
            text = f"an event of kind {event['kind']} wants {', '.join(lacking)}"
            raise _wrong(path, number, text)


def _drill(path: Path) -> Declared:
    try:
        return msgspec.json.decode(_bytes(path, _plain), type=Declared)
    except msgspec.MsgspecError as error:
        raise _wrong(path, 1, f"this is no declaration of a drill: {error}") from None


def _wrong(path: Path, line: int, message: str) -> SourceError:
    return SourceError(message, Mark(str(path), line, 1), hint=_HINT)
