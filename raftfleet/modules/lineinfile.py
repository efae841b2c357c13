"""`lineinfile`: a line that is in a text file, or is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from raftfleet.errors import TaskError
from raftfleet.modules.base import ATTRIBUTES, REFUSED_ATTRIBUTES, GenericModule, arguments
from raftfleet.modules.files.editing import Edited, compiled, deliver_edited, missing, read_text
from raftfleet.modules.files.lines import LineEdit
from raftfleet.modules.files.remote_file import parent
from raftfleet.modules.files.safeguards import SAFEGUARDS
from raftfleet.modules.on_host import OnHost, word
from raftfleet.playbook.module import Argument, Result, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.playbook.module import ModuleContext

__all__ = ["Lineinfile"]

_ENDS: Final = ("BOF", "EOF")


class Lineinfile(GenericModule):
    r"""Make a line be in a text file, or make lines be gone from it.

    Arguments: ``path`` (path, required; also ``dest``, ``destfile``, ``name``), ``line`` (text;
    also ``value``), ``regexp`` (Python's, searched in each line; also ``regex``) or
    ``search_string`` (text): the last line that matches is replaced by ``line``, and when none
    does, ``line`` is added. ``insertafter`` (expression, or EOF, the default) or ``insertbefore``
    (expression, or BOF): where to add it, at the last match. ``firstmatch`` (bool): the first
    match counts instead. ``backrefs`` (bool): ``\1`` in ``line`` is what ``regexp`` caught, and
    nothing is added. ``state`` (present; absent removes every line that matches, or equals
    ``line``), ``create`` (bool: make the file), ``backup`` (bool: keep a copy of what was),
    ``validate`` (command with %s, which must accept the new file), ``mode``, ``owner``, ``group``.
    Returns: msg, backup (path of the copy, or nothing), found (number removed); dest, state, mode,
    owner, group, uid, gid, size.
    Check mode: predicts. Diff: the text before and after. Idempotence: full, as long as the new
    line matches ``regexp`` itself.
    """

    name = "lineinfile"
    arguments = arguments(
        path=Argument("path", required=True, aliases=("dest", "destfile", "name")),
        state=Argument(choices=("present", "absent"), default="present"),
        line=Argument(aliases=("value",)),
        regexp=Argument(aliases=("regex",)),
        search_string=Argument(),
        backrefs=Argument("bool", default=False),
        insertafter=Argument(),
        insertbefore=Argument(),
        firstmatch=Argument("bool", default=False),
        create=Argument("bool", default=False),
        **SAFEGUARDS,
        **ATTRIBUTES,
    )
    idle = frozenset({"unsafe_writes"})
    refused = REFUSED_ATTRIBUTES
    exclusive = (("regexp", "search_string"), ("insertafter", "insertbefore"))

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        """Edit the file."""
        present = arguments["state"] == "present"
        edit = _edit(arguments)
        host = OnHost(context)
        original = read_text(host, arguments["path"])
        if isinstance(original, Result):
            return original
        if not original.exists and not present:
            return Result(msg="file not present", values={"found": 0, "backup": ""})
        if not original.exists and not arguments["create"]:
            return missing(original.path, "create: true makes it")
        if not original.exists:
            if context.check_mode:
                return _predicted(original.path, *edit.present(""))
            host.ask(f"mkdir -p -- {word(parent(original.path))}", f"create {original.path}")
        counted = {"found": 0}

        def edited(text: str) -> Edited:
            if present:
                return Edited(*edit.present(text))
            new, counted["found"] = edit.absent(text)
            said = f"{counted['found']} line(s) removed" if counted["found"] else ""
            return Edited(new, said)

        result = deliver_edited(host, original, arguments, edited)
        values = dict(result.values)
        values["backup"] = values.pop("backup_file", "")
        values |= {} if present else counted
        return Result(result.status, values=values, diff=result.diff)


def _predicted(path: str, text: str, msg: str) -> Result:
    """Return that a file would be made, if anything would be in it."""
    status = Status.CHANGED if text else Status.OK
    return Result(status, msg, {"dest": path, "backup": ""}, diff=("", text))


def _edit(arguments: Mapping[str, Any]) -> LineEdit:
    """Compile what is asked for; `TaskError` for what does not go together."""
    line, regexp, wanted = arguments["line"], arguments["regexp"], arguments["search_string"]
    if arguments["state"] == "present":
        if line is None:
            raise TaskError("state: present wants line")
        if arguments["backrefs"] and regexp is None:
            raise TaskError("backrefs wants regexp")
    elif line is None and regexp is None and wanted is None:
        raise TaskError("state: absent wants line, regexp or search_string")
    where = "insertbefore" if arguments["insertbefore"] is not None else "insertafter"
    anchor = arguments[where] or "EOF"
    return LineEdit(
        line=line or "",
        regexp=None if regexp is None else compiled(regexp, "regexp"),
        search_string=wanted,
        anchor=None if anchor in _ENDS else compiled(anchor, where),
        before=where == "insertbefore",
        at_start=anchor == "BOF",
        first=arguments["firstmatch"],
        backrefs=arguments["backrefs"],
    )
