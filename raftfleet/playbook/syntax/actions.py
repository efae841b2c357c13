"""What the engine does itself: includes, imports and `meta`, declared as modules declare themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from raftfleet.errors import SourceError, nearest
from raftfleet.playbook.module import Argument
from raftfleet.playbook.syntax.nodes import Signature
from raftfleet.playbook.templating.scope import is_text_template

if TYPE_CHECKING:
    from raftfleet.inventory.source import MarkedDict

__all__ = ["DYNAMIC", "META", "META_REFUSED", "STATIC", "check_meta"]

_FROM: Final = {
    name: Argument(kind="str")
    for name in ("tasks_from", "vars_from", "defaults_from", "handlers_from")
}
_ROLE: Final = {
    "name": Argument(required=True, aliases=("role",)),
    **_FROM,
    "allow_duplicates": Argument(kind="bool", default=True),
    "rolespec_validate": Argument(kind="bool", default=True),
    "public": Argument(kind="bool", default=False),
}

META: Final = (
    "flush_handlers",
    "end_play",
    "end_batch",
    "end_host",
    "end_role",
    "clear_facts",
    "clear_host_errors",
    "noop",
    "reset_connection",
)
META_REFUSED: Final = {
    "refresh_inventory": "add hosts with add_host",
}

# Carried out while the playbook runs.
DYNAMIC: Final = {
    "meta": Signature("meta", {"action": Argument(required=True)}, "action"),
    "include_tasks": Signature(
        "include_tasks",
        {"file": Argument(required=True), "apply": Argument(kind="raw")},
        "file",
        frozenset({"apply"}),
    ),
    "include_role": Signature(
        "include_role", {**_ROLE, "apply": Argument(kind="raw")}, None, frozenset({"apply"})
    ),
}

# Carried out while the playbook is read.
STATIC: Final = {
    "import_tasks": Signature("import_tasks", {"file": Argument(required=True)}, "file"),
    "import_role": Signature("import_role", _ROLE),
}


def check_meta(arguments: MarkedDict) -> None:
    """Refuse an action of `meta` that there is not, and a template."""
    action = arguments["action"]
    mark = arguments.value_mark("action")
    if is_text_template(action):
        raise SourceError("meta: the action cannot be a template", mark, hint="use when:")
    if action in META_REFUSED:
        raise SourceError(
            f"meta: {action} is not supported",
            mark,
            hint=META_REFUSED[action],
            unsupported=True,
        )
    if action not in META:
        close = nearest(str(action), META)
        hint = f"did you mean {close}?" if close else f"known: {', '.join(META)}"
        raise SourceError(f"meta: there is no action {action!r}", mark, hint=hint)
