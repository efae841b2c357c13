"""Editing a text file of the host: fetched, changed here, delivered only if it became another.

So expressions are Python's whatever the host has, and a file appears whole or not at all.
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from raftfleet.errors import TaskError
from raftfleet.modules.files.attributes import Attributes
from raftfleet.modules.files.delivery import deliver
from raftfleet.modules.files.remote_file import look
from raftfleet.modules.files.safeguards import Safeguards
from raftfleet.playbook.module import Result, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from raftfleet.modules.files.remote_file import Remote
    from raftfleet.modules.on_host import OnHost

__all__ = ["Edited", "Original", "compiled", "deliver_edited", "missing", "read_text"]

_IS_DIRECTORY = 256
_IS_MISSING = 257


@dataclass(frozen=True, slots=True)
class Original:
    """A text file as it is on the host; ``text`` of one that is not there is empty."""

    path: str
    text: str
    found: Remote | None
    encoding: str = "utf-8"

    @property
    def exists(self) -> bool:
        """Whether it is there."""
        return self.found is not None


@dataclass(frozen=True, slots=True)
class Edited:
    """What a file becomes, and what to say of it."""

    text: str
    msg: str


def compiled(expression: str, name: str, flags: re.RegexFlag = re.NOFLAG) -> re.Pattern[str]:
    """Return an expression of an argument compiled; `TaskError` if it is none."""
    try:
        return re.compile(expression, flags)
    except re.error as error:
        raise TaskError(f"{name} {expression!r} is not valid: {error}") from error


def read_text(host: OnHost, path: str, *, encoding: str = "utf-8") -> Original | Result:
    """Return a file's text, or the failure that it is a directory."""
    path = host.path(path)
    found = look(host, path, follow=True)
    if found is None:
        return Original(path, "", None, encoding)
    if found.is_directory:
        return Result(Status.FAILED, f"{path} is a directory", {"rc": _IS_DIRECTORY})
    with tempfile.TemporaryDirectory(prefix="raftfleet-") as folder:
        here = Path(folder, "text")
        context = host.context
        host.transport.get(PurePosixPath(path), here, timeout=host.left, become=context.become)
        try:
            text = here.read_bytes().decode(encoding, _unreadable(encoding))
        except (LookupError, UnicodeError) as error:
            raise TaskError(f"{path} is no text in {encoding}: {error}") from error
    return Original(path, text, found, encoding)


def _unreadable(encoding: str) -> str:
    """Bytes that are no text come back as they were in UTF-8; other encodings are taken strictly."""
    return (
        "surrogateescape" if encoding.lower().replace("_", "-") in {"utf-8", "utf8"} else "strict"
    )


def missing(path: str, hint: str) -> Result:
    """Return the failure that a file is not there."""
    return Result(Status.FAILED, f"{path} does not exist: {hint}", {"rc": _IS_MISSING})


def deliver_edited(
    host: OnHost,
    original: Original,
    arguments: Mapping[str, Any],
    edit: Callable[[str], Edited],
) -> Result:
    """Make the file have its new text, mode and owner; links to it stay links to it."""
    edited = edit(original.text)
    wanted, safeguards = Attributes.of(arguments), Safeguards.of(arguments)
    if edited.text == original.text and not original.exists:
        return Result(Status.OK, values={"msg": edited.msg})
    result = deliver(
        host,
        edited.text.encode(original.encoding, _unreadable(original.encoding)),
        original.path,
        wanted,
        follow=True,
        safeguards=safeguards,
    )
    msg = edited.msg
    if original.found is not None and wanted.lines(original.found):
        msg = " and ".join(filter(None, [msg, "ownership, perms or SE linux context changed"]))
    values = {key: value for key, value in result.values.items() if key != "checksum"}
    # An empty message is registered too: tasks ask whether it is.
    return Result(result.status, values=values | {"msg": msg}, diff=result.diff)
