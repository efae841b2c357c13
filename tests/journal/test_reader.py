"""Journals are read as they were left, and what is wrong with one is said with its line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from raftfleet.errors import JournalError
from raftfleet.journal import events as ev
from raftfleet.journal import read_journal
from raftfleet.testing.journal import Story

if TYPE_CHECKING:
    from pathlib import Path


def written(folder: Path) -> Path:
    told = Story(folder=folder).running().drill("starts").stop("n3").end()
    told.record(ev.RunEnded(exit_code=0))
    told.recorder.close()
    return folder / "journal.jsonl"


def test_a_folder_and_its_file_read_the_same(tmp_path: Path) -> None:
    file = written(tmp_path / "run")
    journal = read_journal(tmp_path / "run")
    assert journal.events == read_journal(file).events
    assert len(journal.spans()) == 1
    assert (journal.cut_short, journal.torn, journal.holes) == (False, b"", ())


def test_reading_and_writing_again_changes_no_byte_not_even_of_what_we_do_not_know(
    tmp_path: Path,
) -> None:
    file = written(tmp_path / "run")
    data = file.read_bytes()
    number = data.count(b"\n") + 1
    data += b'{"event":"play.ended","seq":%d,"t":9.0,"play":"p","mood":"new"}\n' % number
    data += b'{"event":"from.tomorrow","seq":%d,"t":9.5,"x":[1,null]}\n' % (number + 1)
    file.write_bytes(data)
    assert read_journal(file).encode() == data


@pytest.mark.parametrize("torn", [b'{"event":"play.en', b"{", b"\0\0\0"])
def test_an_unfinished_last_line_is_tolerated_and_kept(tmp_path: Path, torn: bytes) -> None:
    file = written(tmp_path / "run")
    whole = read_journal(file).events
    file.write_bytes(file.read_bytes() + torn)
    journal = read_journal(file)
    assert journal.events == whole
    assert journal.torn == torn


def test_a_bad_line_in_the_middle_is_an_error_that_names_it(tmp_path: Path) -> None:
    file = written(tmp_path / "run")
    lines = file.read_bytes().splitlines(keepends=True)
    lines[4] = lines[4][:20] + b"\n"
    file.write_bytes(b"".join(lines))
    with pytest.raises(JournalError, match=r"journal\.jsonl:5: this line is not an event"):
        read_journal(file)


def test_lines_that_were_taken_out_leave_holes(tmp_path: Path) -> None:
    file = written(tmp_path / "run")
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:3] + lines[5:]))
    assert read_journal(file).holes == ((4, 5),)


def test_a_run_without_its_last_event_was_cut_short_unless_it_is_still_going_on(
    tmp_path: Path,
) -> None:
    told = Story(folder=tmp_path / "run").running()
    assert read_journal(tmp_path / "run").cut_short
    assert not told.recorder.journal().cut_short


def test_no_journal_is_an_error_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="cannot read") as caught:
        read_journal(tmp_path)
    assert caught.value.hint is not None


def test_a_journal_without_a_drill_has_no_span() -> None:
    assert Story().running().journal().spans() == ()


def test_a_drill_that_never_ended_reaches_to_the_next(tmp_path: Path) -> None:
    told = Story(folder=tmp_path / "run").running().drill("starts").let(1).drill("starts").let(1)
    journal = told.end().journal()
    first, second = journal.spans()
    assert first.end is None
    assert first.until == second.start
    assert second.end is not None
