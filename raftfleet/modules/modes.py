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


def shown(mode: int) -> str:
    """Return a mode as Ansible shows it: four octal digits."""
    return f"{mode & 0o7777:04o}"


def resolve(wanted: str | int, current: int, *, directory: bool = False) -> int:
    """Return the permission bits that a wanted mode means for a file that has ``current``.

    Symbols follow chmod(1); a clause without u, g, o or a leaves out what a umask of 022 masks.
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
    classes = "ugo" if not who or "a" in who else who
    bits = special = 0
    for one in classes:
        bits |= _class_bits(mode, what, directory=directory) << _SHIFT[one]
        if "s" in what:
            special |= {"u": 0o4000, "g": 0o2000, "o": 0}[one]
    if "t" in what:
        special |= 0o1000
    if not who:
        bits &= ~_UMASK
    if how == "+":
        return mode | bits | special
    if how == "-":
        return mode & ~(bits | special)
    cleared = sum(0o7 << _SHIFT[one] for one in set(classes))
    cleared |= 0o4000 * ("u" in classes) | 0o2000 * ("g" in classes) | 0o1000 * (not who)
    kept = 0o6000 if directory else 0  # chmod keeps set-id bits of directories unless named
    return (mode & ~(cleared & ~kept)) | bits | special


def _class_bits(mode: int, what: str, *, directory: bool) -> int:
    if what in _SHIFT:
        return (mode >> _SHIFT[what]) & 0o7
    bits = sum(_BITS[letter] for letter in set(what) & _BITS.keys())
    return bits | (1 if "X" in what and (directory or mode & 0o111) else 0)
