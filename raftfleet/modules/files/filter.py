"""What a file must be like to be found: its name, kind, mode, size, age and what is in it."""

from __future__ import annotations

import fnmatch
import posixpath
import re
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from shlex import quote
from typing import TYPE_CHECKING, Any, Final

from raftfleet.errors import TaskError
from raftfleet.modules.files import modes
from raftfleet.modules.files.editing import compiled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from raftfleet.modules.files.remote_file import Remote
    from raftfleet.modules.on_host import OnHost


__all__ = ["EVERYTHING", "Contents", "Filter"]

_SECONDS: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_BYTES: Final = {"": 1, "b": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
_TYPES: Final = {"file": "f", "directory": "d", "link": "l"}
_IS: Final[Mapping[str, Callable[[int], bool]]] = {
    "file": stat.S_ISREG,
    "directory": stat.S_ISDIR,
    "link": stat.S_ISLNK,
    "any": lambda _: True,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What a file must be like, its content aside; ``size`` and ``age`` as their arguments say."""

    patterns: tuple[re.Pattern[str], ...]
    excludes: tuple[re.Pattern[str], ...]
    globs: tuple[str, ...]
    file_type: str
    levels: int | None
    hidden: bool
    follow: bool
    size: int | None
    age: int | None
    age_stamp: str
    mode: str | None
    exact_mode: bool

    @classmethod
    def of(cls, arguments: Mapping[str, Any]) -> Filter:
        """Take it from a task's arguments; `TaskError` for one that says nothing."""
        regex = arguments["use_regex"]
        globs = [] if regex else [str(one) for one in arguments["patterns"]]
        limit, depth = arguments["limit"], arguments["depth"]
        if limit is not None and limit <= 0:
            raise TaskError("limit wants a number above 0")
        return cls(
            patterns=_patterns(arguments["patterns"], "patterns", regex=regex),
            excludes=_patterns(arguments["excludes"], "excludes", regex=regex),
            globs=tuple(globs),
            file_type=arguments["file_type"],
            levels=(depth or None) if arguments["recurse"] else 1,
            hidden=arguments["hidden"],
            follow=arguments["follow"],
            size=_amount("size", arguments["size"], _BYTES),
            age=_amount("age", arguments["age"], _SECONDS),
            age_stamp=arguments["age_stamp"],
            mode=arguments["mode"],
            exact_mode=arguments["exact_mode"],
        )

    def tests(self) -> str:
        """Return what find(1) can already sort out; it lets through whatever `accepts` would."""
        tests = [] if self.hidden else ["! -name '.*'"]
        if self.file_type in _TYPES and not self.follow:
            tests.append(f"-type {_TYPES[self.file_type]}")
        # BusyBox takes a leading dot for something a wildcard does not stand for.
        if self.globs and not self.hidden and not any("\\" in one for one in self.globs):
            names = " -o ".join(f"-name {quote(one)}" for one in self.globs)
            tests.append(f"\\( {names} \\)")
        return " ".join(tests)

    def accepts(self, one: Remote, now: float) -> bool:
        """Return whether a file is like that."""
        name = posixpath.basename(one.path)
        if self.patterns and not any(wanted.match(name) for wanted in self.patterns):
            return False
        if any(unwanted.match(name) for unwanted in self.excludes):
            return False
        if not self.hidden and name.startswith("."):
            return False
        if not _IS[self.file_type](one.mode) or not self._has_mode(one):
            return False
        times = {"mtime": one.modified, "atime": one.accessed, "ctime": one.changed}
        if not _reaches(now - times[self.age_stamp], self.age):
            return False
        return not one.is_file or _reaches(one.size, self.size)

    def _has_mode(self, one: Remote) -> bool:
        if self.mode is None:
            return True
        wanted = modes.resolve(self.mode, 0)
        has = one.mode & 0o7777
        return has == wanted if self.exact_mode else bool(has & wanted)


EVERYTHING: Final = Filter(
    patterns=(),
    excludes=(),
    globs=(),
    file_type="any",
    levels=None,
    hidden=True,
    follow=False,
    size=None,
    age=None,
    age_stamp="mtime",
    mode=None,
    exact_mode=True,
)


def _patterns(given: Iterable[Any], name: str, *, regex: bool) -> tuple[re.Pattern[str], ...]:
    words = map(str, given)
    return tuple(compiled(one if regex else fnmatch.translate(one), name) for one in words)


def _amount(name: str, text: str | None, units: Mapping[str, int]) -> int | None:
    if text is None:
        return None
    found = re.fullmatch(r"(-?\d+)([a-z]?)", text.lower())
    if found is None or found[2] not in units:
        known = ", ".join(filter(None, units))
        raise TaskError(f"{name} {text!r} is no number with one of {known} behind it")
    return int(found[1]) * units[found[2]]


def _reaches(value: float, wanted: int | None) -> bool:
    """Return whether a value is at least what is wanted; a negative one means at most."""
    if wanted is None:
        return True
    return value >= wanted if wanted >= 0 else value <= -wanted


@dataclass(frozen=True, slots=True)
class Contents:
    """What must be in a file; None: anything."""

    wanted: re.Pattern[str] | None
    whole: bool
    encoding: str

    @classmethod
    def of(cls, arguments: Mapping[str, Any]) -> Contents:
        """Take it from a task's arguments."""
        expression = arguments["contains"]
        applies = expression is not None and arguments["file_type"] == "file"
        wanted = compiled(expression, "contains") if applies else None
        return cls(wanted, arguments["read_whole_file"], arguments["encoding"])

    def match(self, host: OnHost, one: Remote) -> bool:
        """Fetch a file and search it; one that cannot be read matches nothing."""
        if self.wanted is None:
            return True
        with tempfile.TemporaryDirectory(prefix="raftfleet-") as folder:
            here = Path(folder, "content")
            become, where = host.context.become, PurePosixPath(one.path)
            try:
                host.transport.get(where, here, timeout=host.left, become=become)
            except TaskError:
                return False
            try:
                return self._in(here)
            except LookupError as error:
                raise TaskError(f"encoding: {error}") from error

    def _in(self, here: Path) -> bool:
        assert self.wanted is not None  # noqa: S101 - asked for above
        with here.open(encoding=self.encoding, errors="surrogateescape") as file:
            if self.whole:
                return self.wanted.search(file.read()) is not None
            return any(self.wanted.match(line) for line in file)
