"""The project's settings: `raftfleet.toml` in the folder where raftfleet is run."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final

from raftfleet.errors import SourceError, UsageError, nearest
from raftfleet.inventory.positions import mark_at
from raftfleet.inventory.source import read_text

if TYPE_CHECKING:
    from pathlib import Path

    from raftfleet.errors import Mark

__all__ = ["SETTINGS", "Settings", "project_settings"]

SETTINGS: Final = "raftfleet.toml"
_AT: Final = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a project says for all its runs; paths are relative to its folder.

    ``modules`` are folders with task modules of the project's own.
    """

    modules: tuple[Path, ...] = ()


def project_settings(folder: Path) -> Settings:
    """Return a project's settings, the default ones where there is no file.

    Raises `SourceError` with the place of what is wrong, and `UsageError` for a file that others
    may write: it names code that is run.
    """
    path = folder / SETTINGS
    if not path.exists():
        return Settings()
    text = read_text(path, str(path))
    _refuse_foreign(path)
    try:
        said = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _broken(error, path, text) from None
    except RecursionError:
        raise SourceError("nested too deep", mark_at(str(path), text, 0)) from None
    known = [field.name for field in fields(Settings)]
    for word in said:
        if word not in known:
            close = nearest(word, known)
            hint = f"did you mean {close}?" if close else f"settings: {', '.join(known)}"
            raise SourceError(f"unknown setting {word!r}", _mark(path, text, word), hint=hint)
    return Settings(modules=_folders(said.get("modules", []), folder, path, text))


def _refuse_foreign(path: Path) -> None:
    """Refuse a file that somebody else than root and we can write."""
    for one in (path, path.absolute().parent):
        found = one.stat()
        writable = found.st_mode & stat.S_IWOTH and not found.st_mode & stat.S_ISVTX
        if writable or found.st_uid not in {0, os.geteuid()}:
            raise UsageError(
                f"{path} is not used: {one} is another's, or everybody may write it",
                hint=f"it names code that is run here: chmod o-w {one}",
            )


def _broken(error: tomllib.TOMLDecodeError, path: Path, text: str) -> SourceError:
    message = str(error)
    at = _AT.search(message)
    index = len(text.rstrip())
    if at and at[1]:
        before = text.split("\n")[: int(at[1]) - 1]
        index = sum(len(line) + 1 for line in before) + int(at[2]) - 1
    return SourceError(f"this is not TOML: {_AT.sub('', message)}", mark_at(str(path), text, index))


def _mark(path: Path, text: str, word: str, value: str = "") -> Mark:
    """Return where a setting stands, or one of the values in it: the parser does not say."""
    key = re.search(rf"^\s*\[?\[?\s*[\"']?({re.escape(word)})\b", text, re.MULTILINE)
    at = key.start(1) if key else 0
    if value:
        at = max(at, text.find(value, at))
    return mark_at(str(path), text, at)


def _folders(value: object, folder: Path, path: Path, text: str) -> tuple[Path, ...]:
    if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
        raise SourceError(
            "modules wants a list of folders",
            _mark(path, text, "modules"),
            hint='modules = ["modules/"]',
        )
    found = []
    for part in value:
        named = folder / str(part)
        if not _is_folder(named):
            raise SourceError(f"there is no folder {part}", _mark(path, text, "modules", str(part)))
        found.append(named)
    return tuple(found)


def _is_folder(path: Path) -> bool:
    """Whether there is such a folder; a name that no file system can hold is none."""
    try:
        return path.is_dir()
    except OSError:
        return False
