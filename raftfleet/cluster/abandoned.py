"""What runs that died in a drill wrote and did not remove: known from journals, sought in the stores."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from os.path import commonprefix
from typing import TYPE_CHECKING

from raftfleet.errors import JournalError
from raftfleet.journal import events as ev
from raftfleet.journal import list_runs, read_journal
from raftfleet.journal.reader import JOURNAL
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

    ``prefix`` begins all of them.
    """

    run: str
    prefix: str
    registers: Sequence[str]
    prefixes: Sequence[str]


def abandoned(runs: Path, nodes: Collection[NodeIdentity]) -> Iterator[Abandoned]:
    """Yield every run in this folder that wrote to these nodes and did not remove all of it.

    Left out are data that a run kept on purpose, and what a later run removed. A run that is still
    under way looks like a dead one: ask only while you hold the cluster lock.
    """
    journals: dict[str, Journal] = {}
    for folder in filter(_worth_reading, list_runs(runs)):
        with suppress(JournalError):  # nobody can tell what a broken journal's run had written
            journals[folder.name] = read_journal(folder, live=True)
    later = tuple(
        event.prefix
        for journal in journals.values()
        if not journal.of(ev.WriterStarted)
        for event in journal.of(ev.WritesRemoved)
        if not event.left.count
    )
    for name, journal in journals.items():
        registers, prefixes = _of(journal, nodes, later)
        if registers or prefixes:
            shared = commonprefix([*registers, *prefixes])  # noqa: RUF071 - names, not paths
            yield Abandoned(name, shared, registers, prefixes)


def _worth_reading(folder: Path) -> bool:
    """Whether a journal may tell of such writes: most do not, and reading one takes a second."""
    with suppress(OSError):
        raw = (folder / JOURNAL).read_bytes()
        removed = b'"write.removed"' in raw
        if b'"write.writer_started"' not in raw:
            return removed
        return b'"run.ended"' not in raw[-_LAST:] or (removed and b'"left":{' in raw)
    return False


def _of(
    journal: Journal, nodes: Collection[NodeIdentity], later: tuple[str, ...]
) -> tuple[list[str], list[str]]:
    """Return the registers, and the prefixes of created keys, that may still be there."""
    registers: list[str] = []
    prefixes: list[str] = []
    described = journal.of(ev.ClusterDescribed)
    if not described or set(described[-1].nodes) != set(nodes):
        return registers, prefixes
    ended = bool(journal.of(ev.RunEnded))
    left = {event.prefix: event.left.count for event in journal.of(ev.WritesRemoved)}
    unknown = Counter(w.writer for w in journal.of(ev.WriteEnded) if w.outcome == "unknown")
    for writer in journal.of(ev.WriterStarted):
        stayed = [count for prefix, count in left.items() if writer.prefix.startswith(prefix)]
        done = not any(stayed) and (stayed or ended)
        if done or writer.prefix.startswith(later):
            continue
        if writer.kind == "create":
            prefixes.append(writer.prefix)
        else:
            registers += Registers.names(writer.prefix, unknown[writer.writer])
    return registers, prefixes


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
