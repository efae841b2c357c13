"""Settings say what they mean, and wrong ones say where they are wrong and what was meant."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from raftfleet.errors import SourceError
from raftfleet.serve.config import Scheduled, Settings, read_settings
from raftfleet.serve.timetable import Cron, Every
from raftfleet.shipped import shipped

if TYPE_CHECKING:
    from pathlib import Path

WHOLE = """\
poll_interval: 2s
time_zone: Europe/Berlin
drills:
  - drill: b-rejoin
    cron: "15 3 * * 1-5"
    jitter: 10m
  - name: leaders
    drill: [a-remove, b-rejoin]
    every: 1h30m
    time_zone: UTC
    rounds: 2
    vars: {victim: leader}
"""


def read(tmp_path: Path, text: str) -> Settings:
    path = tmp_path / "serve.yml"
    path.write_text(text)
    return read_settings(path)


def test_a_whole_file(tmp_path: Path) -> None:
    settings = read(tmp_path, WHOLE)
    assert settings.poll_interval == 2.0
    nightly, leaders = settings.scheduled
    assert (nightly.name, nightly.drills, nightly.jitter) == ("b-rejoin", ("b-rejoin",), 600.0)
    assert nightly.when == Cron("15 3 * * 1-5", ZoneInfo("Europe/Berlin"))
    assert leaders.when == Every(5400.0)
    assert leaders.drills == ("a-remove", "b-rejoin")
    assert (leaders.rounds, leaders.variables) == (2, {"victim": "leader"})


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "drills: []\n", "drills:\n"])
def test_an_empty_file_schedules_nothing(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text) == Settings()


def test_a_playbook_of_ones_own_gives_its_name(tmp_path: Path) -> None:
    (one,) = read(tmp_path, "drills: [{drill: drills/my-own.yml, every: 1d}]\n").scheduled
    assert isinstance(one, Scheduled)
    assert one.name == "my-own"


def test_what_ships_can_be_read_and_drills_nothing() -> None:
    assert read_settings(shipped("config", "serve.yml")) == Settings()


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"),
    [
        ("drils: []", "1:1", "'drils' is not a key", "did you mean drills?"),
        ("- a", "1:1", "the settings wants a mapping", "poll_interval"),
        ("drills: {a: b}", "1:9", "drills: wants a list", None),
        ("drills:\n  - b-rejoin", "2:5", "a schedule wants a mapping", "name, drill"),
        ("drills:\n  - {every: 1h}", "2:5", "a schedule needs a drill", "drill: a-remove"),
        ("drills: [{drill: a, evry: 1h}]", "1:21", "'evry' is not a key", "did you mean every?"),
        ("drills: [{drill: a}]", "1:10", "wants either cron: or every:", "every: 6h"),
        ("drills: [{drill: a, cron: '* * * * *', every: 1h}]", "1:10", "either", "cron"),
        ("drills: [{drill: a, cron: '99 * * * *'}]", "1:27", "Bad minute", "minute, hour"),
        ("drills: [{drill: a, cron: '0 0 31 2 *'}]", "1:27", "Bad day-of-month", "minute, hour"),
        ("drills: [{drill: a, every: soon}]", "1:28", "every: wants a duration", "30s, 15m"),
        ("drills: [{drill: a, every: 0}]", "1:28", "at least 1 s", "30s"),
        ("drills: [{drill: a, every: .inf}]", "1:28", "every: wants a duration", "30s"),
        ("drills: [{drill: a, every: 5m, jitter: 5m}]", "1:40", "less than `every:`", None),
        ("drills: [{drill: a, every: 5m, rounds: 0}]", "1:40", "at least 1", None),
        ("drills: [{drill: a, every: 5m, vars: x}]", "1:38", "a mapping of variables", None),
        ("drills: [{drill: [], every: 5m}]", "1:18", "the name of a drill", None),
        ("drills: [{drill: a, name: 'a b', every: 5m}]", "1:27", "a short name", "`name:`"),
        ("time_zone: Europe/Berln", "1:12", "wants a time zone", "did you mean Europe/Berlin?"),
        ("time_zone: ../../etc/passwd", "1:12", "wants a time zone", "Europe/Berlin or UTC"),
        ("poll_interval: 1ms", "1:16", "at least 0.1 s", "30s"),
        ("drills:\n  - {drill: a, every: 1h}\n  - {drill: a, every: 2h}", "3:13", "two", "`name:`"),
    ],
)
def test_what_is_wrong_is_shown_at_its_place(
    tmp_path: Path, text: str, place: str, message: str, hint: str | None
) -> None:
    with pytest.raises(SourceError) as caught:
        read(tmp_path, text)
    assert str(caught.value.mark).endswith(f"serve.yml:{place}")
    assert message in caught.value.message
    assert (hint or "") in (caught.value.hint or "")
