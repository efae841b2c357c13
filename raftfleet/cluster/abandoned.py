"""What runs that died in a drill wrote and did not remove: known from journals, sought in the stores."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from os.path import commonprefix
from typing import TYPE_CHECKING

from raftfleet.errors import JournalError
from raftfleet.journal import events as ev
from raftfleet.journal import list_runs
from raftfleet.journal.reader import JOURNAL, parse_journal
from raftfleet.journal.values import Lack
from raftfleet.systems.protocol import AccessError

from .entry import Entries
from .keys import Registers

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from raftfleet.clock import Clock
    from raftfleet.journal import Journal
    from raftfleet.journal.values import NodeIdentity
    from raftfleet.systems.protocol import Access, System

__all__ = ["Abandoned", "abandoned", "remove"]

_TIMEOUT = 20.0
_LAST = 4096


@dataclass(frozen=True, slots=True)
class Abandoned:
    """What may still be there of a run: registers by name, and created keys by how they begin.

    ``prefix`` begins all of them. ``unsaid``: the journal does not tell whether they were to stay,
    so they do: what was removed cannot be had back, what was left can still be removed.
    """

    run: str
    prefix: str
    registers: Sequence[str]
    prefixes: Sequence[str]
    unsaid: bool = False


def abandoned(runs: Path, nodes: Collection[NodeIdentity]) -> Iterator[Abandoned]:
    """Yield every run in this folder that wrote to these nodes and did not remove all of it.

    Left out are data that a run kept on purpose, and what a later run removed. A run that is still
    under way looks like a dead one: ask only while you hold the cluster lock.
    """
    journals: dict[str, Journal] = {}
    for folder in list_runs(runs):
        with suppress(
            JournalError, OSError
        ):  # what a broken one's run had written, nobody can tell
            raw = (folder / JOURNAL).read_bytes()
            if _tells(raw):
                journals[folder.name] = parse_journal(raw, folder / JOURNAL, live=True)
    later = tuple(
        event.prefix
        for journal in journals.values()
        if not journal.of(ev.WriterStarted)
        for event in journal.of(ev.WritesRemoved)
        if not event.left.count
    )
    for name, journal in journals.items():
        described = journal.of(ev.ClusterDescribed)
        if described and set(described[-1].nodes) == set(nodes):
            yield from _of(name, journal, later)


def _tells(raw: bytes) -> bool:
    """Whether a journal may tell of such writes: most do not, and decoding one takes a second."""
    removed = b'"write.removed"' in raw
    if b'"write.writer_started"' not in raw:
        return removed
    return b'"run.ended"' not in raw[-_LAST:] or (removed and b'"left":{' in raw)


def _of(run: str, journal: Journal, later: tuple[str, ...]) -> Iterator[Abandoned]:
    """Yield what may still be there of one run, what its journal calls unsaid by itself."""
    unknown = Counter(w.writer for w in journal.of(ev.WriteEnded) if w.outcome == "unknown")
    registers: dict[bool, list[str]] = {False: [], True: []}
    prefixes: dict[bool, list[str]] = {False: [], True: []}
    for writer, keep in _left_behind(journal):
        if keep or writer.prefix.startswith(later):
            continue
        if writer.kind == "create":
            prefixes[keep is None].append(writer.prefix)
        else:
            registers[keep is None] += Registers.names(writer.prefix, unknown[writer.writer])
    for unsaid in (False, True):
        both = [*registers[unsaid], *prefixes[unsaid]]
        if both:
            shared = commonprefix(both)  # noqa: RUF071 - names, not paths
            yield Abandoned(run, shared, registers[unsaid], prefixes[unsaid], unsaid)


def _left_behind(journal: Journal) -> Iterator[tuple[ev.WriterStarted, bool | None]]:
    """Yield the writers whose keys were not all removed, and whether they were to be kept.

    A run that began to remove keys kept none of them.
    """
    ended = bool(journal.of(ev.RunEnded))
    left = {event.prefix: event.left.count for event in journal.of(ev.WritesRemoved)}
    keep: bool | None = None
    for event in journal.events:
        if isinstance(event, ev.DrillStarted):
            keep = event.keep_data
        elif isinstance(event, ev.WriterStarted) and event.prefix:  # "" begins other people's too
            stayed = [count for prefix, count in left.items() if event.prefix.startswith(prefix)]
            if any(stayed) or not (stayed or ended):
                yield event, False if stayed else keep


def remove(
    system: System, accesses: Mapping[str, Access], clock: Clock, what: Abandoned
) -> ev.WritesRemoved:
    """Remove what the nodes' own stores hold of it; return how many keys went, and which stayed.

    Raises `AccessError` when no node says what it holds.
    """
    left = _there(system, accesses, what)
    there = len(left)
    entries = Entries(system, accesses, clock)
    for turn in range(len(accesses)):  # a key that one node does not remove is given to the next
        for key in entries.remove_all(left, list(accesses), turn=turn):
            del left[key]
    gone, stayed = there - len(left), sorted(left)
    return ev.WritesRemoved(prefix=what.prefix, count=gone, left=Lack.of(stayed))


def _there(system: System, accesses: Mapping[str, Access], what: Abandoned) -> dict[str, str]:
    """Return the keys that any node's store holds, with their kinds."""
    found: dict[str, str] = {}
    problem: AccessError | None = None
    answered = False
    for access in accesses.values():
        try:
            values = system.read(access, what.registers, timeout=_TIMEOUT)
            found |= {key: "register" for key, value in values.items() if value is not None}
            for prefix in what.prefixes:
                found |= dict.fromkeys(system.store(access, prefix, timeout=_TIMEOUT), "create")
            answered = True
        except AccessError as error:
            problem = error
    if problem is not None and not answered:
        raise problem
    return found
