"""`replace`: every match of an expression in a text file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from raftfleet.errors import TaskError
from raftfleet.modules.base import ATTRIBUTES, REFUSED_ATTRIBUTES, GenericModule, arguments
from raftfleet.modules.files.editing import Edited, compiled, deliver_edited, missing, read_text
from raftfleet.modules.files.safeguards import SAFEGUARDS
from raftfleet.modules.on_host import OnHost
from raftfleet.playbook.module import Argument, Result

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.playbook.module import ModuleContext

__all__ = ["Replace"]


class Replace(GenericModule):
    r"""Replace every match of an expression in a text file.

    Arguments: ``path`` (path, required; also ``dest``, ``destfile``, ``name``), ``regexp``
    (Python's, required; ``^`` and ``$`` match at every line, ``.`` no newline), ``replace`` (text
    with ``\1`` or ``\g<name>``; nothing: matches go), ``after``, ``before`` (expressions: only
    what lies between their first matches, where ``.`` matches a newline too), ``encoding``
    (text, utf-8), ``backup`` (bool: keep a copy of what was), ``validate`` (command with %s, which
    must accept the new file), ``mode``, ``owner``, ``group``.
    Returns: msg (how many replacements), rc; backup_file; dest, state, mode, owner, group, uid,
    gid, size.
    Check mode: predicts. Diff: the text before and after. Idempotence: full, as long as
    ``regexp`` does not match what it put there.
    """

    name = "replace"
    arguments = arguments(
        path=Argument("path", required=True, aliases=("dest", "destfile", "name")),
        regexp=Argument(required=True),
        replace=Argument(default=""),
        after=Argument(),
        before=Argument(),
        encoding=Argument(default="utf-8"),
        **SAFEGUARDS,
        **ATTRIBUTES,
    )
    idle = frozenset({"unsafe_writes"})
    refused = REFUSED_ATTRIBUTES

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        """Edit the file."""
        host = OnHost(context)
        original = read_text(host, arguments["path"], encoding=arguments["encoding"])
        if isinstance(original, Result):
            return original
        if not original.exists:
            return missing(original.path, "nothing in it can be replaced")
        start, end = _section(original.text, arguments["after"] or "", arguments["before"] or "")
        if start < 0:
            part = _between(arguments["after"] or "", arguments["before"] or "")
            said = f"Pattern for before/after params did not match the given file: {part}"
            return Result(msg=said, values={"rc": 0})
        wanted = compiled(arguments["regexp"], "regexp", re.MULTILINE)

        def edit(text: str) -> Edited:
            new, count = _substituted(wanted, arguments["replace"], text[start:end])
            said = f"{count} replacements made" if new != text[start:end] else ""
            return Edited(text[:start] + new + text[end:], said)

        result = deliver_edited(host, original, arguments, edit)
        return Result(result.status, values={**result.values, "rc": 0}, diff=result.diff)


def _section(text: str, after: str, before: str) -> tuple[int, int]:
    """Return where the part between two expressions begins and ends; -1 when there is none."""
    if not after and not before:
        return 0, len(text)
    found = compiled(_between(after, before), "after and before", re.DOTALL).search(text)
    return found.span("subsection") if found else (-1, -1)


def _between(after: str, before: str) -> str:
    return f"{after}(?P<subsection>{'.*?' if after and before else '.*'}){before}"


def _substituted(wanted: re.Pattern[str], replacement: str, text: str) -> tuple[str, int]:
    try:
        return wanted.subn(replacement, text)
    except (re.error, IndexError) as error:
        raise TaskError(f"replace {replacement!r} cannot be filled in: {error}") from error
