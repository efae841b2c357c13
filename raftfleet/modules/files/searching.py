"""Walking through folders of a host, and testing what is there: for `find`.

The host's find(1) lists and stat(1) describes; a mark nobody can foresee stands before each
description, so that no file's name can pass for one.
"""

from __future__ import annotations

import posixpath
import re
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from raftfleet.errors import TaskError
from raftfleet.modules.files.remote_file import FORMAT, Remote, described_by
from raftfleet.modules.on_host import complaint, word

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from raftfleet.modules.files.filter import Filter
    from raftfleet.modules.on_host import OnHost

__all__ = ["Seen", "checksums", "walk"]

_COMPLAINT: Final = re.compile(r"find: ['`\"]?(?P<path>.+?)['\"]?: (?P<why>[^:]+)")
_SUMS_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Seen:
    """What a walk came to; ``now`` is the host's clock, ``skipped`` says why by path."""

    found: Sequence[Remote] = ()
    examined: int = 0
    now: float = 0.0
    skipped: Mapping[str, str] = field(default_factory=dict)


def walk(host: OnHost, path: str, wanted: Filter) -> Seen:
    """Return what find(1) lets through below a folder, with all that stat(1) says of it."""
    mark = secrets.token_hex(8)
    levels = "" if wanted.levels is None else f" -maxdepth {wanted.levels}"
    option = "-L " if wanted.follow else ""
    count = f"-exec sh -c 'echo \"{mark}=$#\"' sh {{}} +"
    describe = f"-exec stat -c '{mark}:{FORMAT}/%n' -- {{}} +"
    # A slash at the end makes find enter a folder behind a link.
    top = f"{word(path).removesuffix('/')}/"
    line = (
        f"export LC_ALL=C; [ -d {word(path)} ] || {{ echo 'is not a directory' >&2; exit 9; }}; "
        f'echo "{mark}@$(date +%s)"; '
        f"find {option}{top} -mindepth 1{levels} {count} {wanted.tests()} {describe}"
    )
    outcome = host.run(line)
    if getattr(outcome, "status", None) == 9:
        return Seen(skipped={path: f"'{path}' is not a directory"})
    if outcome.truncated:
        raise TaskError(
            f"more is below {path} than can be listed", hint="narrow it: patterns, depth, hidden"
        )
    if mark.encode() not in outcome.stdout:
        raise TaskError(f"cannot look through {path}: {complaint(outcome)}")
    return _read(outcome.stdout.decode("utf-8", "surrogateescape"), mark, outcome.err, path)


def _read(said: str, mark: str, complaints: str, path: str) -> Seen:
    found: list[Remote] = []
    examined, now = 0, 0.0
    for record in said.split(mark)[1:]:
        kind, text = record[0], record[1:].removesuffix("\n")
        if kind == "=":
            examined += int(text)
        elif kind == "@":
            now = float(text)
        else:
            described, name = text.split("/", 12)[:12], text.split("/", 12)[12]
            name = posixpath.normpath(name if path.startswith("/") else name.removeprefix("./"))
            found.append(described_by(name, "/".join(described)))
    skipped = {}
    for line in complaints.splitlines():
        if problem := _COMPLAINT.fullmatch(line):
            skipped[posixpath.normpath(problem["path"])] = problem["why"]
    return Seen(found, examined, now, skipped)


def checksums(host: OnHost, files: Sequence[Remote], algorithm: str) -> dict[str, dict[str, str]]:
    """Return the checksums of the regular files among these, by path."""
    regular = [one.path for one in files if one.is_file]
    sums: dict[str, dict[str, str]] = {}
    for start in range(0, len(regular), _SUMS_AT_ONCE):
        some = regular[start : start + _SUMS_AT_ONCE]
        script = "".join(f"{algorithm}sum <{word(one)} || echo -\n" for one in some)
        outcome = host.run(
            "exec sh -s 2>/dev/null", stdin=script.encode("utf-8", "surrogateescape")
        )
        for one, line in zip(some, outcome.out.splitlines(), strict=False):
            if line != "-":
                sums[one] = {"checksum": line.split(" ", 1)[0]}
    return sums
