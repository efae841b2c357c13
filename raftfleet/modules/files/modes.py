"""File modes as tasks write them: octal digits or symbols."""

from __future__ import annotations

import re
from typing import Final

from raftfleet.errors import TaskError

__all__ = ["resolve", "shown"]

_CLAUSE: Final = re.compile(r"(?P<who>[ugoa]*)(?P<changes>(?:[-+=](?:[rwxXst]*|[ugo]))+)")
_CHANGE: Final = re.compile(r"(?P<how>[-+=])(?P<what>[rwxXst]*|[ugo])(?![rwxXstugo])")
_SHIFT: Final = {"u": 6, "g": 3, "o": 0}
_BITS: Final = {"r": 4, "w": 2, "x": 1}
_UMASK: Final = 0o022
_SPECIAL: Final = {"u": ("s", 0o4000), "g": ("s", 0o2000), "o": ("t", 0o1000)}


def shown(mode: int) -> str:
    """Return a mode as Ansible shows it: four octal digits."""
    return f"{mode & 0o7777:04o}"


def resolve(wanted: str | int, current: int, *, directory: bool = False) -> int:
    """Return the permission bits that a wanted mode means for a file that has ``current``.

    Symbols mean what Ansible makes of them: = takes set-id bits of a directory away too, where
    chmod(1) leaves them. A clause without u, g, o or a leaves out what a umask of 022 masks.
    """
    if isinstance(wanted, int):
        return wanted & 0o7777
    if re.fullmatch(r"[0-7]{1,5}", wanted):
        return int(wanted, 8) & 0o7777
    mode = current & 0o7777
    for clause in wanted.split(","):
        found = _CLAUSE.fullmatch(clause.strip())
        if found is None:
            raise TaskError(
                f"{wanted!r} is not a file mode", hint='write "0644" in quotes, or u=rw,go=r'
            )
        for change in _CHANGE.finditer(found["changes"]):
            mode = _change(mode, found["who"], change["how"], change["what"], directory=directory)
    return mode


def _change(mode: int, who: str, how: str, what: str, *, directory: bool) -> int:
    """Return a mode after one change: class by class, so that a later one sees what went before."""
    for one in "ugo" if not who or "a" in who else who:
        bits = _bits(mode, one, what, directory=directory, masked=not who)
        if how == "=":
            mode &= ~((0o7 << _SHIFT[one]) | _SPECIAL[one][1])
        mode = mode & ~bits if how == "-" else mode | bits
    return mode


def _bits(mode: int, one: str, what: str, *, directory: bool, masked: bool) -> int:
    """Return the bits that some letters mean for one class."""
    if what in _SHIFT:
        return ((mode >> _SHIFT[what]) & 0o7) << _SHIFT[one]
    bits = sum(_BITS[letter] for letter in set(what) & _BITS.keys())
    if "X" in what and (directory or mode & 0o111):
        bits |= 1
    letter, special = _SPECIAL[one]
    shifted = bits << _SHIFT[one]
    return (shifted & ~_UMASK if masked else shifted) | (special if letter in what else 0)
