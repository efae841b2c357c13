"""What the engine does itself: includes, imports and `meta`, declared as modules declare themselves."""

from __future__ import annotations

from typing import Final

from raftfleet.playbook.module import Argument
from raftfleet.playbook.syntax.nodes import Signature

__all__ = ["DYNAMIC", "META", "META_REFUSED", "STATIC"]

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
