"""Nodes' logs: where each ended is remembered, what came after is fetched, kept and read.

A file is its inode, so that one rotated away is read to its end under its new name. What cannot
be had is recorded as missing, by name: a gap in evidence.
"""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from raftfleet.errors import RaftfleetError, TaskError
from raftfleet.journal import events as ev
from raftfleet.journal.values import Interval
from raftfleet.systems.tally import Line, tally

from .life import CONSOLE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from raftfleet.journal import Recorder
    from raftfleet.journal.values import NodeIdentity
    from raftfleet.systems.protocol import System

    from .hostclock import HostClocks
    from .remote import Place, Reply

__all__ = ["NodeLogs"]

_TIMEOUT = 10.0
_FETCH = 300.0
_CONTROL = re.compile(rb"\x1b\[[0-9;:]*[A-Za-z]")
_LONGEST_MESSAGE = 2000
_HEAD = 256


@dataclass(frozen=True, slots=True)
class _File:
    """A file on the host: ``path`` as it was listed, below the node's home or absolute.

    ``head`` is a checksum of its first 256 bytes, "-" when not asked for.
    """

    inode: int
    size: int
    head: str
    path: str

    def begins_as(self, before: _File) -> bool:
        """Whether it is still the file that begins as it did."""
        return "-" in {self.head, before.head} or before.size < _HEAD or self.head == before.head


@dataclass(frozen=True, slots=True)
class _Listing:
    files: tuple[_File, ...]
    beside: dict[int, _File]
    unreadable: tuple[str, ...]
    unmatched: tuple[str, ...]

    @classmethod
    def of(cls, reply: Reply) -> _Listing:
        """Read what a host listed; several patterns may name one file."""
        files = {one.inode: one for one in map(_file, reply.all("file"))}
        beside = {one.inode: one for one in map(_file, reply.all("beside"))}
        unmatched = tuple(reply.all("no")) + tuple(reply.all("homeless"))
        return cls(tuple(files.values()), beside, tuple(reply.all("unreadable")), unmatched)


def _file(line: str) -> _File:
    inode, size, head, path = line.split(" ", 3)
    return _File(int(inode), int(size), head, path)


class NodeLogs:
    """One node's logs, from `remember` to each `collect`."""

    def __init__(
        self,
        place: Place,
        system: System,
        recorder: Recorder,
        clocks: HostClocks,
        nodes: Sequence[NodeIdentity] = (),
    ) -> None:
        self._place = place
        self._system = system
        self._recorder = recorder
        self._clocks = clocks
        self._nodes = tuple(nodes)
        self._lines: list[Line] = []
        self._read: dict[int, _File] = {}
        markers = system.exit_rules(place.node).markers
        self._markers = {meaning: text.encode() for meaning, text in markers.items()}

    @property
    def _node(self) -> str:
        return self._place.node.name

    @property
    def _patterns(self) -> tuple[str, ...]:
        return (*self._system.log_files(self._place.node), CONSOLE)

    def remember(self) -> None:
        """Take note of where every file ends now; what is before that is not collected."""
        try:
            self._read = {one.inode: one for one in self._list().files}
        except RaftfleetError as error:
            for pattern in self._patterns:
                self._missing(pattern, f"where it ended before is not known: {error.message}")

    def _list(self) -> _Listing:
        home = str(self._place.node.home)
        return _Listing.of(self._place.ask("logs.sh", *self._patterns, timeout=_TIMEOUT, home=home))

    def collect(self) -> None:
        """Fetch what was written since and keep it in the run folder.

        Its marker lines are recorded, and all its lines counted by the system's rules. Nothing is raised for a log that cannot be had: it is recorded as missing.
        """
        try:
            self._clocks.read(self._place)
            listing = self._list()
        except RaftfleetError as error:
            for pattern in self._patterns:
                self._missing(pattern, error.message)
            return
        for pattern in listing.unmatched:
            self._missing(pattern, "no such file on the host")
        for path in listing.unreadable:
            self._missing(path, "not a file that we may read")
        for file, start in self._due(listing):
            self._fetch(file, start)
        for counted in tally(self._node, self._lines, self._system.log_rules(), self._nodes):
            self._recorder.record(counted)
        self._lines = []

    def _due(self, listing: _Listing) -> Iterator[tuple[_File, int]]:
        """Yield each file with the offset to read from; record what is lost."""
        here = {one.inode: one for one in listing.files}
        for inode, before in self._read.items():
            now = here.get(inode) or listing.beside.get(inode)
            if now is None:
                self._missing(
                    before.path, f"it is gone: its {before.size} bytes were read, what followed not"
                )
            elif now.size < before.size or not now.begins_as(before):
                self._missing(
                    now.path,
                    f"it was {before.size} bytes long and was emptied, it is {now.size} bytes long "
                    "now: what stood between is lost",
                )
                yield now, 0
            else:
                yield now, before.size
        for inode, now in here.items():
            if inode not in self._read:
                yield now, 0

    def _missing(self, path: str, reason: str) -> None:
        full = str(self._place.node.home / path)
        self._recorder.record(ev.LogMissing(node=self._node, path=full, reason=reason))

    def _fetch(self, file: _File, start: int) -> None:
        source = self._place.node.home / file.path
        kept = _below(file.path)
        if kept is None:
            self._missing(file.path, "its name would leave the run folder")
            return
        try:
            content = self._content(source, start)
        except RaftfleetError as error:
            self._missing(file.path, error.message)
            return
        end = start + len(content)
        newest = None if file.path == CONSOLE else self._sort(content)
        self._recorder.record(
            ev.LogCollected(
                node=self._node,
                path=str(source),
                start=start,
                end=end,
                lines=content.count(b"\n"),
                kept=self._keep(kept, content),
                newest=newest,
            )
        )
        self._read[file.inode] = _File(file.inode, end, file.head, file.path)
        if file.path != CONSOLE:
            self._note(content, start)

    def _content(self, source: PurePosixPath, start: int) -> bytes:
        with tempfile.TemporaryDirectory(prefix="raftfleet-log-") as folder:
            target = Path(folder) / "part"
            self._place.transport.get(
                source, target, offset=start, timeout=_FETCH, become=self._place.become
            )
            if not target.is_file():
                raise TaskError(f"{self._place.host}: {source} did not arrive")
            return target.read_bytes()

    def _keep(self, kept: PurePosixPath, content: bytes) -> str:
        """Append to the copy in the run folder, secrets masked; return its path below it."""
        folder = self._recorder.folder
        if folder is None:
            return ""
        path = PurePosixPath("logs", self._node) / kept
        target = folder / path
        for parent in reversed(
            path.parents[:-1]
        ):  # with `parents=True` only the last gets the mode
            (folder / parent).mkdir(mode=0o700, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(target, flags, 0o600), "ab") as out:
            out.write(self._system.redact(content))
        return str(path)

    def _sort(self, content: bytes) -> float | None:
        """Take every record for the tally; return when the last was written, on our clock."""
        newest = None
        for stamp, level, target, message in self._system.parse_log(self._system.redact(content)):
            at = self._clocks.of_wall(self._place.host, stamp)
            newest = at.middle if at else newest
            self._lines.append(Line(at.middle if at else None, level, target, message))
        return newest

    def _note(self, content: bytes, start: int) -> None:
        """Record every line that a marker names."""
        offset = start
        for line in content.splitlines(keepends=True):
            said = _CONTROL.sub(b"", line) if b"\x1b" in line else line
            if any(text in said for text in self._markers.values()):
                self._record_line(line, offset)
            offset += len(line)

    def _record_line(self, line: bytes, offset: int) -> None:
        for stamp, level, target, message in self._system.parse_log(line):
            at = self._clocks.of_wall(self._place.host, stamp)
            masked = self._system.redact(message.encode()).decode("utf-8", "replace")
            for meaning, text in self._markers.items():
                if text.decode() in message:
                    self._recorder.record(
                        ev.LogLine(
                            node=self._node,
                            marker=meaning,
                            level=level,
                            target=target,
                            message=masked[:_LONGEST_MESSAGE],
                            at=at or Interval(0.0, float("inf")),
                            offset=offset,
                        )
                    )


def _below(path: str) -> PurePosixPath | None:
    """Return where a file of the host is kept below the node's own folder, or None to refuse it."""
    parts = PurePosixPath(path.lstrip("/")).parts
    if not parts or ".." in parts or any(not part.isprintable() for part in parts):
        return None
    return PurePosixPath(*parts)
