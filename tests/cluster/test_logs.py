"""What was logged is fetched from where it ended before, and what cannot be had is named."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from raftfleet.cluster.hostclock import HostClocks
from raftfleet.cluster.logs import NodeLogs, _below
from raftfleet.cluster.remote import Place
from raftfleet.errors import UnreachableError
from raftfleet.journal.events import LogCollected, LogLine, LogMissing, LogTally
from raftfleet.testing.system import FakeSystem
from raftfleet.testing.transport import FakeTransport

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from raftfleet.systems.protocol import Node
    from tests.cluster.bench import Bench


class Logged:
    """A node that has written a log, and what collects it."""

    def __init__(self, bench: Bench, system: FakeSystem | None = None) -> None:
        self.bench = bench
        place = bench.place()
        self.folder = bench.folder / "n1/logs"
        self.folder.mkdir()
        self.log = self.folder / "toy.log"
        self.console = self.folder / "console.log"
        self.console.write_text("")
        clocks = HostClocks(bench.recorder, bench.clock)
        self.logs = NodeLogs(place, system or FakeSystem(), bench.recorder, clocks)

    def write(self, *messages: str, path: Path | None = None) -> None:
        with (path or self.log).open("a") as file:
            file.writelines(f"{stamp()} INFO toy: {message}\n" for message in messages)

    @property
    def kept(self) -> str:
        return (self.bench.folder / "run/logs/n1/logs/toy.log").read_text()

    def missing(self) -> list[str]:
        return [f"{event.path}: {event.reason}" for event in self.bench.all(LogMissing)]

    def collected(self) -> list[tuple[str, int, int, int]]:
        return [
            (os.path.basename(one.path), one.start, one.end, one.lines)  # noqa: PTH119
            for one in self.bench.all(LogCollected)
            if not one.path.endswith("console.log")
        ]


def stamp() -> str:
    return datetime.now(tz=UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@pytest.fixture
def logged(bench: Bench) -> Logged:
    return Logged(bench)


def test_only_what_is_new_is_collected(logged: Logged) -> None:
    logged.write("of another day", "toy node is ready")
    size = logged.log.stat().st_size
    logged.logs.remember()
    logged.write("one", "two")
    logged.logs.collect()
    assert logged.collected() == [("toy.log", size, logged.log.stat().st_size, 2)]
    assert [line.rsplit(" ", 1)[1] for line in logged.kept.splitlines()] == ["one", "two"]
    assert logged.bench.all(LogLine) == []
    assert logged.missing() == []


def test_a_second_collection_goes_on_where_the_first_ended(logged: Logged) -> None:
    logged.logs.remember()
    logged.write("one")
    logged.logs.collect()
    logged.write("two")
    logged.logs.collect()
    assert [line.rsplit(" ", 1)[1] for line in logged.kept.splitlines()] == ["one", "two"]
    first, second = logged.collected()
    assert second[1] == first[2]


def test_a_log_that_began_later_is_read_from_its_beginning(logged: Logged) -> None:
    logged.logs.remember()
    logged.write("one")
    logged.logs.collect()
    assert logged.collected()[0][:2] == ("toy.log", 0)


def test_marker_lines_are_recorded_with_their_place_and_time(logged: Logged) -> None:
    bench = logged.bench
    logged.logs.remember()
    before = bench.clock.monotonic()
    logged.write("nothing", "shutdown requested by signal 2", "and then", "terminating")
    after = bench.clock.monotonic()
    logged.logs.collect()
    requested, terminating = bench.all(LogLine)
    assert (requested.marker, requested.message) == (
        "shutdown_requested",
        "shutdown requested by signal 2",
    )
    assert (requested.level, requested.target) == ("INFO", "toy")
    assert terminating.marker == "terminating"
    for line in (requested, terminating):
        assert line.at.lo <= after + 0.001
        assert line.at.hi >= before - 0.001
        assert line.at.width < 5
        text = logged.log.read_bytes()[line.offset :].split(b"\n")[0].decode()
        assert text.endswith(line.message)


def test_offsets_count_from_the_files_beginning(logged: Logged) -> None:
    logged.write("of another day")
    logged.logs.remember()
    logged.write("nothing", "terminating")
    logged.logs.collect()
    (line,) = logged.bench.all(LogLine)
    assert logged.log.read_bytes()[line.offset :].startswith(b"20")
    assert b"terminating" in logged.log.read_bytes()[line.offset :].split(b"\n")[0]


def test_a_marker_inside_a_colour_is_found_and_one_in_a_continuation_is_not(
    logged: Logged,
) -> None:
    logged.logs.remember()
    with logged.log.open("a") as file:
        file.write(f"{stamp()} INFO toy: \x1b[31mtermin\x1b[0mating\n")
        file.write("  terminating, said the banner\n")
    logged.logs.collect()
    assert logged.bench.all(LogLine) == [], "the toy's own parser does not take colours off"
    with logged.log.open("a") as file:
        file.write(f"{stamp()} INFO toy: \x1b[31mterminating\x1b[0m\n")
    logged.logs.collect()
    assert [line.marker for line in logged.bench.all(LogLine)] == ["terminating"]


def test_secrets_are_kept_neither_in_the_copy_nor_in_the_journal(logged: Logged) -> None:
    logged.logs.remember()
    logged.write("toy node 1 starts, password=secret-of-the-toy")
    logged.console.write_text("secret-of-the-toy\n")
    logged.logs.collect()
    assert logged.bench.all(LogLine)[0].message == "toy node 1 starts, password=***"
    kept = logged.bench.folder / "run"
    for file in kept.rglob("*"):
        if file.is_file():
            assert b"secret-of-the-toy" not in file.read_bytes()
            assert file.stat().st_mode & 0o777 == 0o600
    assert (kept / "logs/n1").stat().st_mode & 0o777 == 0o700


def test_the_console_is_kept_but_says_nothing_a_log_says(logged: Logged) -> None:
    logged.logs.remember()
    logged.write("terminating", path=logged.console)
    logged.write("terminating")
    logged.logs.collect()
    assert [line.marker for line in logged.bench.all(LogLine)] == ["terminating"]
    assert "terminating" in (logged.bench.folder / "run/logs/n1/logs/console.log").read_text()


# --- rotated, emptied, gone --------------------------------------------------------------------


def test_a_rotated_log_is_read_to_its_end_under_its_new_name(logged: Logged) -> None:
    logged.write("before")
    logged.logs.remember()
    logged.write("rest of the old one")
    logged.log.rename(logged.folder / "toy.log.1")
    logged.write("the new one")
    logged.logs.collect()
    assert sorted(name for name, *_ in logged.collected()) == ["toy.log", "toy.log.1"]
    copies = logged.bench.folder / "run/logs/n1/logs"
    assert (copies / "toy.log.1").read_text().endswith("rest of the old one\n")
    assert (copies / "toy.log").read_text().endswith("the new one\n")
    assert logged.missing() == []


def test_a_rolled_log_of_a_new_day_is_read_too(logged: Logged) -> None:
    logged.logs.remember()
    logged.write("yesterday")
    logged.write("terminating", path=logged.folder / "toy-2.log")
    logged.logs.collect()
    assert sorted(name for name, *_ in logged.collected()) == ["toy-2.log", "toy.log"]
    assert [line.marker for line in logged.bench.all(LogLine)] == ["terminating"]


def test_a_log_that_shrank_is_a_gap_and_its_rest_is_read(logged: Logged) -> None:
    logged.write("before", "before")
    logged.logs.remember()
    logged.write("lost")
    logged.log.write_text("")
    logged.write("kept")
    logged.logs.collect()
    (missing,) = logged.missing()
    assert str(logged.log) in missing
    assert "was emptied" in missing
    assert logged.kept.endswith("kept\n")
    assert "lost" not in logged.kept


def test_a_log_emptied_and_written_longer_than_before_is_a_gap(logged: Logged) -> None:
    """Its length alone would not tell."""
    logged.write(*["before, with a line that is long enough to be told apart"] * 4)
    assert logged.log.stat().st_size > 256
    logged.logs.remember()
    logged.write("lost")
    logged.log.write_text("")
    logged.write(*["after, " + "x" * 80] * 10)
    logged.logs.collect()
    assert len(logged.missing()) == 1
    assert logged.collected()[0][1] == 0


def test_a_log_that_is_gone_is_named(logged: Logged) -> None:
    logged.write("before")
    logged.logs.remember()
    logged.write("lost")
    logged.log.unlink()
    logged.logs.collect()
    missing = logged.missing()
    assert any(f"{logged.log}: it is gone" in one for one in missing)
    assert any("toy*.log: no such file" in one for one in missing)
    assert logged.collected() == []


def test_a_log_that_was_removed_and_written_anew_is_a_gap(logged: Logged) -> None:
    logged.write("before")
    logged.logs.remember()
    descriptor = os.open(logged.log, os.O_RDONLY)  # keeps its inode from being given out again
    logged.write("lost")
    logged.log.unlink()
    logged.write("new")
    logged.logs.collect()
    os.close(descriptor)
    assert len(logged.missing()) == 1
    assert logged.kept.endswith("new\n")


def test_a_log_that_never_was_is_named_by_its_pattern(bench: Bench) -> None:
    logged = Logged(bench)
    logged.logs.remember()
    logged.logs.collect()
    assert logged.missing() == [f"{bench.folder}/n1/logs/toy*.log: no such file on the host"]


def test_a_home_that_is_gone_is_named(logged: Logged) -> None:
    logged.logs.remember()
    logged.folder.parent.rename(logged.bench.folder / "moved")
    logged.logs.collect()
    assert any(f"{logged.bench.folder}/n1: no such file" in one for one in logged.missing())


def test_what_is_no_file_is_not_read(logged: Logged) -> None:
    (logged.folder / "toy.log").mkdir()
    logged.logs.collect()
    assert any("not a file that we may read" in one for one in logged.missing())


class OddNames(FakeSystem):
    """A system whose logs have names of any kind."""

    def __init__(self, *patterns: str) -> None:
        super().__init__()
        self._patterns = patterns

    def log_files(self, node: Node) -> Sequence[str]:
        del node
        return self._patterns


def test_a_name_that_leads_out_of_the_run_folder_is_refused(bench: Bench) -> None:
    logged = Logged(bench, OddNames("../outside/*.log"))
    (bench.folder / "outside").mkdir()
    logged.write("terminating", path=bench.folder / "outside/evil.log")
    logged.logs.collect()
    assert any("would leave the run folder" in one for one in logged.missing())
    assert not list(bench.folder.glob("run/**/evil.log"))
    assert bench.all(LogLine) == []


def test_an_absolute_pattern_is_kept_below_the_nodes_folder(bench: Bench) -> None:
    (bench.folder / "var log").mkdir()
    logged = Logged(bench, OddNames(f"{bench.folder}/var log/*.log"))
    logged.write("terminating", path=bench.folder / "var log/a b.log")
    logged.logs.collect()
    assert [line.marker for line in bench.all(LogLine)] == ["terminating"]
    assert (bench.folder / f"run/logs/n1{bench.folder}/var log/a b.log").is_file()


def test_a_file_that_two_patterns_name_is_read_once(bench: Bench) -> None:
    logged = Logged(bench, OddNames("logs/*.log", "logs/toy.log"))
    logged.write("terminating")
    logged.logs.collect()
    assert len(bench.all(LogLine)) == 1


def test_a_link_in_the_run_folder_is_not_followed(logged: Logged) -> None:
    copies = logged.bench.folder / "run/logs/n1/logs"
    copies.mkdir(parents=True)
    (copies / "toy.log").symlink_to(logged.bench.folder / "precious")
    logged.write("one")
    with pytest.raises(OSError, match="symbolic links"):
        logged.logs.collect()
    assert not (logged.bench.folder / "precious").exists()


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("logs/a.log", "logs/a.log"),
        ("/var/log/a.log", "var/log/a.log"),
        ("../a.log", None),
        ("logs/../../a.log", None),
        ("", None),
        ("logs/a\x1b.log", None),
    ],
)
def test_names_are_kept_below_or_refused(path: str, kept: str | None) -> None:
    found = _below(path)
    assert (None if found is None else str(found)) == kept


def test_a_host_that_does_not_answer_leaves_every_log_missing(bench: Bench) -> None:
    transport = FakeTransport("n1")
    transport.refuse(UnreachableError("n1 is away"))
    here = bench.place()
    place = Place(here.node, here.cluster, transport)
    logs = NodeLogs(place, FakeSystem(), bench.recorder, HostClocks(bench.recorder, bench.clock))
    logs.remember()
    logs.collect()
    reasons = [event.reason for event in bench.all(LogMissing)]
    assert [reason for reason in reasons if reason == "n1 is away"] == ["n1 is away"] * 2
    assert len(reasons) == 4


def test_every_line_is_counted_by_its_rule_and_the_last_ones_time_is_kept(logged: Logged) -> None:
    logged.logs.remember()
    logged.write("request 1 took 5 ms", "request 2 took 7 ms", "oops, secret-of-the-toy")
    logged.logs.collect()
    counted = {one.template: one for one in logged.bench.all(LogTally)}
    assert {(one.rule, one.count) for one in counted.values()} == {("", 2), ("oops", 1)}
    assert "secret" not in str(counted)
    newest = max(one.newest or 0.0 for one in logged.bench.all(LogCollected))
    assert 0 <= logged.bench.clock.monotonic() - newest < 60
    assert all(one.spells[0].first > 0 for one in counted.values())


def test_lines_are_counted_once_though_logs_are_collected_again(logged: Logged) -> None:
    logged.logs.remember()
    logged.write("one")
    logged.logs.collect()
    logged.write("two")
    logged.logs.collect()
    assert [one.template for one in logged.bench.all(LogTally)] == ["one", "two"]
