"""`blockinfile`: lines between two marks, in a text file or gone from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from raftfleet.modules.base import ATTRIBUTES, REFUSED_ATTRIBUTES, GenericModule, arguments
from raftfleet.modules.files.blocks import BlockEdit
from raftfleet.modules.files.editing import Edited, compiled, deliver_edited, missing, read_text
from raftfleet.modules.files.remote_file import parent
from raftfleet.modules.files.safeguards import SAFEGUARDS
from raftfleet.modules.on_host import OnHost, word
from raftfleet.playbook.module import Argument, Result, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.playbook.module import ModuleContext

__all__ = ["Blockinfile"]

_ENDS: Final = ("BOF", "EOF")
_MARK: Final = "{mark}"


class Blockinfile(GenericModule):
    """Make some lines stand in a text file between two marks, or be gone from it with them.

    Arguments: ``path`` (path, required; also ``dest``, ``destfile``, ``name``), ``block`` (text;
    also ``content``; empty: as absent), ``marker`` (the line above and below, in which {mark} is
    ``marker_begin`` (BEGIN) or ``marker_end`` (END); "# {mark} ANSIBLE MANAGED BLOCK"), ``state``
    (present, absent), ``insertafter`` (expression, or EOF, the default) or ``insertbefore``
    (expression, or BOF): where a new block goes, at the last match. ``prepend_newline``,
    ``append_newline`` (bool: an empty line before, after it), ``create`` (bool: make the file),
    ``backup`` (bool: keep a copy of what was), ``validate`` (command with %s, which must accept
    the new file), ``mode``, ``owner``, ``group``.
    Returns: msg, backup_file; dest, state, mode, owner, group, uid, gid, size.
    Check mode: predicts. Diff: the text before and after. Idempotence: full.
    """

    name = "blockinfile"
    arguments = arguments(
        path=Argument("path", required=True, aliases=("dest", "destfile", "name")),
        state=Argument(choices=("present", "absent"), default="present"),
        block=Argument(default="", aliases=("content",)),
        marker=Argument(default=f"# {_MARK} ANSIBLE MANAGED BLOCK"),
        marker_begin=Argument(default="BEGIN"),
        marker_end=Argument(default="END"),
        insertafter=Argument(),
        insertbefore=Argument(),
        prepend_newline=Argument("bool", default=False),
        append_newline=Argument("bool", default=False),
        create=Argument("bool", default=False),
        **SAFEGUARDS,
        **ATTRIBUTES,
    )
    idle = frozenset({"unsafe_writes"})
    refused = REFUSED_ATTRIBUTES
    exclusive = (("insertafter", "insertbefore"),)

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        """Edit the file."""
        edit = _edit(arguments)
        there = arguments["state"] == "present" and bool(edit.block)
        host = OnHost(context)
        original = read_text(host, arguments["path"])
        if isinstance(original, Result):
            return original
        if not original.exists and not arguments["create"]:
            return missing(original.path, "create: true makes it")
        if not original.exists and arguments["state"] == "absent":
            return Result(msg=f"File {original.path} not present")
        if not original.exists and context.check_mode:
            text = edit.present("")
            return Result(Status.CHANGED, "File created", {"dest": original.path}, diff=("", text))
        if not original.exists:
            host.ask(f"mkdir -p -- {word(parent(original.path))}", f"create {original.path}")

        def edited(text: str) -> Edited:
            new = edit.present(text) if there else edit.absent(text)
            if not original.exists:
                return Edited(new, "File created")
            done = "Block inserted" if there else "Block removed"
            return Edited(new, done if new != text else "")

        return deliver_edited(host, original, arguments, edited)


def _edit(arguments: Mapping[str, Any]) -> BlockEdit:
    """Compile what is asked for; `TaskError` for an expression that is none."""
    where = "insertbefore" if arguments["insertbefore"] is not None else "insertafter"
    anchor = arguments[where] or "EOF"
    marker = arguments["marker"]
    return BlockEdit(
        begin=marker.replace(_MARK, arguments["marker_begin"]),
        end=marker.replace(_MARK, arguments["marker_end"]),
        block=arguments["block"],
        anchor=None if anchor in _ENDS else compiled(anchor, where),
        before=where == "insertbefore",
        at_start=anchor == "BOF",
        blank_before=arguments["prepend_newline"],
        blank_after=arguments["append_newline"],
    )
