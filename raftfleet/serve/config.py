"""The daemon's own settings: how often it looks, and which drills it runs when."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from raftfleet.errors import SourceError, nearest
from raftfleet.inventory import load_yaml, mark_of
from raftfleet.inventory.marked import MarkedDict, MarkedList, plain

from .timetable import Cron, Every

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from raftfleet.errors import Mark

    from .timetable import When

__all__ = ["Scheduled", "Settings", "read_settings"]

_KEYS = ("poll_interval", "time_zone", "drills")
_DRILL_KEYS = ("name", "drill", "cron", "every", "time_zone", "jitter", "rounds", "vars")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,62}")
_FASTEST = 0.1
_SHORTEST = 1.0


@dataclass(frozen=True, slots=True)
class Scheduled:
    """Drills to run in order as one run, and when.

    ``name`` is its label in metrics, ``jitter`` seconds by which a slot may be put off at random,
    ``variables`` win over the inventory's, ``mark`` is where its `drill:` was written.
    """

    name: str
    drills: tuple[str, ...]
    when: When
    jitter: float = 0.0
    rounds: int | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)
    mark: Mark | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """``poll_interval`` is seconds between two polls of a node."""

    poll_interval: float = 1.0
    scheduled: tuple[Scheduled, ...] = ()


def read_settings(path: Path) -> Settings:
    """Read a file of settings; raise `SourceError` at the word that is wrong."""
    loaded = load_yaml(path)
    if loaded is None:
        return Settings()
    whole = _Reader(loaded, _KEYS, "the settings")
    zone = whole.zone(ZoneInfo("UTC"))
    drills = whole.given.get("drills") or []
    if not isinstance(drills, MarkedList | list):
        raise whole.wrong("drills", "a list, one item for each schedule")
    scheduled: list[Scheduled] = []
    for place, item in enumerate(drills):
        mark = drills.item_mark(place) if isinstance(drills, MarkedList) else None
        one = _scheduled(item, zone, mark)
        if any(one.name == other.name for other in scheduled):
            raise SourceError(
                f"there are two schedules named {one.name}",
                one.mark,
                hint="give each its own `name:`: metrics are told apart by it",
            )
        scheduled.append(one)
    return Settings(whole.duration("poll_interval", 1.0, _FASTEST), tuple(scheduled))


def _scheduled(item: Any, zone: ZoneInfo, mark: Mark | None) -> Scheduled:
    one = _Reader(item, _DRILL_KEYS, "a schedule", mark)
    drills = one.drills()
    when = one.when(one.zone(zone))
    jitter = one.duration("jitter", 0.0, 0.0)
    if isinstance(when, Every) and jitter >= when.seconds:
        raise one.wrong("jitter", "less than `every:`")
    return Scheduled(
        name=one.name(drills),
        drills=drills,
        when=when,
        jitter=jitter,
        rounds=one.count("rounds"),
        variables=one.variables(),
        mark=one.mark_of("drill"),
    )


class _Reader:
    """Reads one mapping of the file, and says where it is wrong."""

    def __init__(
        self, given: Any, known: Collection[str], what: str, mark: Mark | None = None
    ) -> None:
        self._mark = mark_of(given) or mark
        if not isinstance(given, dict):
            raise SourceError(
                f"{what} wants a mapping, not {given!r}",
                self._mark,
                hint=f"its keys: {', '.join(known)}",
            )
        self.given: Mapping[Any, Any] = given
        for key in given:
            if key not in known:
                close = nearest(str(key), known)
                raise SourceError(
                    f"{key!r} is not a key of {what}",
                    given.key_mark(key) if isinstance(given, MarkedDict) else self._mark,
                    hint=f"did you mean {close}?" if close else f"its keys: {', '.join(known)}",
                )

    def mark_of(self, key: str) -> Mark | None:
        """Return where a key's value was written, the mapping's own place without it."""
        if isinstance(self.given, MarkedDict) and key in self.given:
            return self.given.value_mark(key)
        return self._mark

    def wrong(self, key: str, wants: str, hint: str | None = None) -> SourceError:
        """Return the complaint about a key's value."""
        return SourceError(
            f"{key}: wants {wants}, not {plain(self.given.get(key))!r}",
            self.mark_of(key),
            hint=hint,
        )

    def drills(self) -> tuple[str, ...]:
        """Return the names of the drills to run."""
        if "drill" not in self.given:
            raise SourceError("a schedule needs a drill", self._mark, hint="drill: a-remove")
        given = self.given["drill"]
        names = [given] if isinstance(given, str) else given
        if not isinstance(names, list) or not names or not all(isinstance(n, str) for n in names):
            raise self.wrong("drill", "the name of a drill, or a list of names")
        return tuple(str(name) for name in names)

    def name(self, drills: tuple[str, ...]) -> str:
        """Return what the schedule is called: by default as its drills are."""
        default = "+".join(drill.rpartition("/")[2].rpartition(".")[0] or drill for drill in drills)
        name = self.given.get("name", default)
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            key = "name" if "name" in self.given else "drill"
            raise self.wrong(
                key,
                "a short name of letters, digits and . _ + -",
                "set `name:`, a label in metrics",
            )
        return str(name)

    def when(self, zone: ZoneInfo) -> When:
        """Return the rule for its slots: exactly one of `cron:` and `every:`."""
        if ("cron" in self.given) == ("every" in self.given):
            raise SourceError(
                "a schedule wants either cron: or every:",
                self._mark,
                hint="cron: '15 3 * * 1-5', or every: 6h",
            )
        if "every" in self.given:
            return Every(self.duration("every", _SHORTEST, _SHORTEST))
        given = self.given["cron"]
        if not isinstance(given, str):
            raise self.wrong("cron", "five fields as a text", "cron: '15 3 * * 1-5'")
        try:
            return Cron(str(given), zone)
        except ValueError as error:
            raise SourceError(
                f"cron: {str(given)!r}: {error}",
                self.mark_of("cron"),
                hint="minute, hour, day of month, month, day of week: '15 3 * * 1-5'",
            ) from None

    def zone(self, default: ZoneInfo) -> ZoneInfo:
        """Return the time zone."""
        given = self.given.get("time_zone")
        if given is None:
            return default
        try:
            return ZoneInfo(str(given))
        except (ZoneInfoNotFoundError, ValueError, OSError):
            close = nearest(str(given), available_timezones())
            hint = f"did you mean {close}?" if close else "a name such as Europe/Berlin or UTC"
            raise self.wrong("time_zone", "a time zone", hint) from None

    def duration(self, key: str, default: float, least: float) -> float:
        """Return seconds: a number, or digits with units as Prometheus writes them (`1h30m`)."""
        given = self.given.get(key, default)
        seconds = _seconds(given)
        if seconds is None or not least <= seconds < math.inf:
            more = f" of at least {least:g} s" if least else ""
            raise self.wrong(key, f"a duration{more}", "30s, 15m, 6h, 1d, or a number of seconds")
        return seconds

    def count(self, key: str) -> int | None:
        """Return a whole number of at least 1, None without one."""
        given = self.given.get(key)
        if given is None:
            return None
        if isinstance(given, bool) or not isinstance(given, int) or given < 1:
            raise self.wrong(key, "a whole number of at least 1")
        return int(given)

    def variables(self) -> Mapping[str, Any]:
        """Return the extra variables."""
        given = self.given.get("vars") or {}
        if not isinstance(given, dict):
            raise self.wrong("vars", "a mapping of variables")
        return given


def _seconds(given: object) -> float | None:
    """Return what a duration means in seconds, None for what is none."""
    if isinstance(given, int | float) and not isinstance(given, bool):
        return float(given)
    if not isinstance(given, str):
        return None
    parts = _DURATION.findall(given)
    if not parts or "".join(number + unit for number, unit in parts) != given:
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in parts)
