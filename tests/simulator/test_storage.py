"""What a group keeps survives being cut off at any byte."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from raftfleet.simulator.storage import HEADER, Log, WalFile
from raftfleet.simulator.values import (
    BLANK,
    COMMAND,
    MEMBERSHIP,
    NOBODY,
    Entry,
    LogId,
    Membership,
    Vote,
)

if TYPE_CHECKING:
    from pathlib import Path

MEMBERS = Membership.of(((1, 2, 3),), {1: "a:1", 2: "b:1", 3: "c:1"})


def entry(index: int, term: int = 1, data: object = None) -> Entry:
    return Entry(LogId(term, 1, index), COMMAND, data)


def write(path: Path) -> None:
    wal = WalFile(path)
    wal.append(Entry(LogId(0, 0, 0), MEMBERSHIP, MEMBERS))
    wal.save_vote(Vote(1, committed=True, node=1))
    wal.append(Entry(LogId(1, 1, 1), BLANK))
    wal.append(entry(2, data={"do": "set", "key": "ü"}))
    wal.save_committed(2)
    wal.append(entry(3))
    wal.cut(3)
    wal.append(entry(3, term=2))
    wal.close()


def test_what_was_written_is_there_again(tmp_path: Path) -> None:
    path = tmp_path / "group.wal"
    assert WalFile(path).saved.fresh
    write(path)
    saved = WalFile(path).saved
    assert not saved.fresh
    assert saved.vote == Vote(1, committed=True, node=1)
    assert saved.committed == 2
    assert [e.id.index for e in saved.log.entries] == [0, 1, 2, 3]
    assert saved.log.last == LogId(2, 1, 3)
    assert saved.log.entries[2].data == {"do": "set", "key": "ü"}
    assert saved.log.membership == (LogId(0, 0, 0), MEMBERS)


def test_a_file_cut_off_anywhere_opens_with_what_is_whole_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for slow in ("os.fsync", "os.fdatasync"):
        monkeypatch.setattr(slow, lambda _: None)
    path = tmp_path / "group.wal"
    write(path)
    whole = path.read_bytes()
    lengths = set()
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        wal = WalFile(path)
        log = wal.saved.log
        lengths.add(len(log.entries))
        wal.append(Entry(LogId(9, 1, log.next), BLANK))
        wal.close()
        assert WalFile(path).saved.log.last == LogId(9, 1, log.next)
    assert lengths == {0, 1, 2, 3, 4}


def test_a_damaged_record_and_what_follows_it_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "group.wal"
    write(path)
    damaged = bytearray(path.read_bytes())
    second = HEADER.size + HEADER.unpack_from(damaged)[0]
    damaged[second + HEADER.size + 3] ^= 0x40
    path.write_bytes(damaged)
    saved = WalFile(path).saved
    assert saved.vote == NOBODY
    assert [e.id.index for e in saved.log.entries] == [0]


def test_trailing_zeros_are_no_record(tmp_path: Path) -> None:
    path = tmp_path / "group.wal"
    write(path)
    path.write_bytes(path.read_bytes() + b"\0" * 64)
    assert WalFile(path).saved.log.last == LogId(2, 1, 3)


def test_nothing_is_on_disk_before_the_flush(tmp_path: Path) -> None:
    path = tmp_path / "group.wal"
    wal = WalFile(path)
    wal.save_vote(Vote(3, committed=False, node=2))
    assert path.stat().st_size == 0
    wal.flush()
    assert WalFile(path).saved.vote == Vote(3, committed=False, node=2)


def test_only_what_matters_is_forced_to_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forced: list[int] = []
    monkeypatch.setattr("os.fdatasync", forced.append)
    wal = WalFile(tmp_path / "group.wal")
    wal.flush()
    wal.save_committed(1)
    wal.flush()
    assert forced == []
    wal.save_vote(Vote(1, committed=False, node=1))
    wal.append(entry(0))
    wal.flush()
    assert len(forced) == 1


def test_a_log_forgets_the_memberships_it_cuts() -> None:
    log = Log([Entry(LogId(0, 0, 0), MEMBERSHIP, MEMBERS), entry(1)])
    joint = Membership.of(((1, 2, 3), (1, 2)), MEMBERS.addresses)
    log.append(Entry(LogId(1, 1, 2), MEMBERSHIP, joint))
    assert log.membership == (LogId(1, 1, 2), joint)
    log.cut(2)
    assert log.membership == (LogId(0, 0, 0), MEMBERS)
    with pytest.raises(ValueError, match="does not fit"):
        log.append(entry(7))


def test_votes_are_ordered_as_elections_need_it() -> None:
    candidates = [Vote(2, committed=False, node=n) for n in (2, 3)]
    leader = Vote(2, committed=True, node=2)
    assert candidates[0] < candidates[1] < leader < Vote(3, committed=False, node=1)
    assert (str(candidates[1]), str(leader)) == ("T2-N3:uncommitted", "T2-N2:committed")
