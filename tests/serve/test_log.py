"""One line an event, whatever hosts put into it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import io

    from raftfleet.serve.log import Log


def test_a_line_has_time_level_message_and_fields(log: Log, lines: io.StringIO) -> None:
    log.warning("node is away", node="n1", reason="connection refused")
    line = lines.getvalue()
    assert line.startswith("ts=20")
    assert line.endswith('level=warn msg="node is away" node=n1 reason="connection refused"\n')


@pytest.mark.parametrize(
    "evil", ["a\nts=0 level=info", "\x1b[2Jx", 'say "hi"', "\x9b31m", "\u2028"]
)
def test_nothing_breaks_out_of_its_line(log: Log, lines: io.StringIO, evil: str) -> None:
    log.info("said", what=evil)
    (line,) = lines.getvalue().splitlines()
    assert line.isprintable()
    assert line.count("level=") == 1 + evil.count("level=")


def test_a_reader_that_went_away_is_no_error(log: Log, lines: io.StringIO) -> None:
    lines.close()
    log.info("nobody listens")
