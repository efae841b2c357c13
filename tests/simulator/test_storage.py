"""What a group keeps survives being cut off at any byte."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from raftfleet.simulator.log import Log
from raftfleet.simulator.snapshots import SnapshotFiles, pack, snapshot_name, unpack
from raftfleet.simulator.storage import HEADER, WalFile
from raftfleet.simulator.values import (
    BLANK,
    COMMAND,
    MEMBERSHIP,
    NOBODY,
    Entry,
    LogId,
    Membership,
    Snapshot,
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


SNAPSHOT = Snapshot("metadata-1", LogId(1, 1, 6), LogId(0, 0, 0), MEMBERS)


def filled(path: Path, end: int) -> WalFile:
    wal = WalFile(path)
    log = wal.saved.log
    first = Entry(LogId(0, 0, 0), MEMBERSHIP, MEMBERS)
    for one in [first, *(entry(index, data=index) for index in range(1, end))]:
        log.append(one)
        wal.append(one)
    return wal


def test_a_purged_log_remembers_its_end_and_its_membership() -> None:
    log = Log([Entry(LogId(0, 0, 0), MEMBERSHIP, MEMBERS), *(entry(n) for n in range(1, 10))])
    log.purge(6)
    assert (log.first, log.next, log.purged, log.last) == (7, 10, LogId(1, 1, 6), LogId(1, 1, 9))
    assert log.membership == (LogId(0, 0, 0), MEMBERS)
    assert (log.at(6), log.position(6), log.position(5)) == (None, LogId(1, 1, 6), None)
    assert log.holds(LogId(1, 1, 6))
    assert log.holds(LogId(1, 1, 3))
    assert not log.holds(LogId(2, 1, 6))
    assert [e.id.index for e in log.between(0, 9)] == [7, 8]
    log.purge(9)
    assert (log.entries, log.last, log.next) == ([], LogId(1, 1, 9), 10)
    with pytest.raises(ValueError, match="not held"):
        log.purge(11)


def test_a_purge_keeps_the_memberships_that_are_yet_to_be_cut() -> None:
    joint = Membership.of(((1, 2, 3), (1, 2)), MEMBERS.addresses)
    log = Log([Entry(LogId(0, 0, 0), MEMBERSHIP, MEMBERS), *(entry(n) for n in range(1, 5))])
    log.append(Entry(LogId(1, 1, 5), MEMBERSHIP, joint))
    log.purge(3)
    assert log.membership == (LogId(1, 1, 5), joint)
    assert log.membership_at(4) == (LogId(0, 0, 0), MEMBERS)
    log.cut(5)
    assert log.membership == (LogId(0, 0, 0), MEMBERS)


@pytest.mark.parametrize(("fits", "held"), [(True, [7, 8]), (False, [])])
def test_a_snapshot_keeps_what_follows_it_if_it_fits(fits: bool, held: list[int]) -> None:
    term = 1 if fits else 2
    log = Log([Entry(LogId(0, 0, 0), MEMBERSHIP, MEMBERS), *(entry(n, term) for n in range(1, 9))])
    log.install(SNAPSHOT)
    assert (log.purged, [e.id.index for e in log.entries]) == (SNAPSHOT.last, held)
    assert log.membership == (LogId(0, 0, 0), MEMBERS)


def test_snapshots_and_purges_are_there_again(tmp_path: Path) -> None:
    path = tmp_path / "group.wal"
    wal = filled(path, 10)
    wal.save_snapshot(SNAPSHOT)
    wal.saved.log.purge(4)
    wal.purge(4)
    wal.close()
    saved = WalFile(path).saved
    assert (saved.snapshot, saved.log.purged) == (SNAPSHOT, LogId(1, 1, 4))
    assert [e.data for e in saved.log.entries] == [5, 6, 7, 8, 9]


def test_a_snapshot_that_was_installed_is_there_again(tmp_path: Path) -> None:
    path = tmp_path / "group.wal"
    wal = filled(path, 3)
    wal.install(SNAPSHOT)
    wal.close()
    saved = WalFile(path).saved
    assert (saved.snapshot, saved.log.purged, saved.committed) == (SNAPSHOT, SNAPSHOT.last, 6)
    assert saved.log.entries == []
    assert saved.log.membership == (LogId(0, 0, 0), MEMBERS)


def test_a_file_of_purged_entries_is_tidied_and_says_the_same(tmp_path: Path) -> None:
    path = tmp_path / "group.wal"
    wal = filled(path, 200)
    wal.save_vote(Vote(1, committed=True, node=1))
    wal.save_committed(198)
    wal.save_snapshot(SNAPSHOT)
    wal.flush()
    before = path.stat().st_size
    wal.saved.log.purge(195)
    wal.purge(195)
    assert path.stat().st_size < before / 10
    assert list(tmp_path.iterdir()) == [path]
    log = wal.saved.log
    log.append(entry(200, data="later"))
    wal.append(entry(200, data="later"))
    wal.close()
    saved = WalFile(path).saved
    assert saved.vote == Vote(1, committed=True, node=1)
    assert (saved.committed, saved.snapshot, saved.log.purged) == (198, SNAPSHOT, LogId(1, 1, 195))
    assert [e.data for e in saved.log.entries] == [196, 197, 198, 199, "later"]
    assert saved.log.membership == (LogId(0, 0, 0), MEMBERS)


def test_only_the_newest_snapshot_files_are_kept(tmp_path: Path) -> None:
    files = SnapshotFiles(tmp_path / "snapshots", "metadata_0")
    other = SnapshotFiles(tmp_path / "snapshots", "data_0")
    old = Snapshot("data-1", *SNAPSHOT[1:])
    assert other.save(old, b"other") == []
    for number in range(8, 16):
        snapshot = Snapshot(snapshot_name("metadata_0", number), *SNAPSHOT[1:])
        for path in files.save(snapshot, pack({"keys": {"a": str(number)}})):
            path.unlink()
    names = {path.name for path in (tmp_path / "snapshots").iterdir()}
    assert names == {"data-1.bin", *(f"metadata-{number}.bin" for number in range(11, 16))}
    assert unpack(files.load(snapshot)) == {"keys": {"a": "15"}}


def test_votes_are_ordered_as_elections_need_it() -> None:
    candidates = [Vote(2, committed=False, node=n) for n in (2, 3)]
    leader = Vote(2, committed=True, node=2)
    assert candidates[0] < candidates[1] < leader < Vote(3, committed=False, node=1)
    assert (str(candidates[1]), str(leader)) == ("T2-N3:uncommitted", "T2-N2:committed")
