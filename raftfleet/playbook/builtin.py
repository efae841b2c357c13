"""Modules that act on the playbook itself and not on a host: variables from files, hosts and groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from raftfleet.errors import TaskError
from raftfleet.inventory import load_yaml
from raftfleet.inventory.source import MarkedDict
from raftfleet.playbook.module import Argument, Placement, Result, Status

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from raftfleet.playbook.module import Module, ModuleContext

__all__ = ["BUILTIN"]

_INCLUDE_VARS: Final = {
    "file": Argument(),
    "dir": Argument(),
    "name": Argument(),
    "extensions": Argument(kind="list", default=["yml", "yaml", "json"]),
    "ignore_unknown_extensions": Argument(kind="bool", default=False),
}
_ADD_HOST: Final = {
    "name": Argument(required=True, aliases=("host", "hostname")),
    "groups": Argument(kind="list", default=[], aliases=("group", "groupname")),
    "*": Argument(kind="raw"),
}
_GROUP_BY: Final = {
    "key": Argument(required=True),
    "parents": Argument(kind="list", default=["all"]),
}


class _IncludeVars:
    """`include_vars`: variables from a file, or from all files of a folder in name order.

    With ``name`` they become one mapping of that name. Nothing changes on a host; the same in
    check mode.
    """

    name = "include_vars"
    arguments: Mapping[str, Argument] = _INCLUDE_VARS
    free_form: str | None = "file"
    once = False
    local = True
    raw: frozenset[str] = frozenset()

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        """Read the files; raises `TaskError` when one holds no mapping."""
        files = self._files(arguments, context)
        merged: dict[str, Any] = {}
        for file in files:
            merged |= _mapping(file)
        found = {arguments["name"]: MarkedDict(merged)} if arguments["name"] else merged
        return Result(included=found, values={"ansible_included_var_files": list(map(str, files))})

    @staticmethod
    def _files(arguments: Mapping[str, Any], context: ModuleContext) -> list[Path]:
        if arguments["file"]:
            return [context.find("vars", arguments["file"])]
        if not arguments["dir"]:
            raise TaskError("include_vars wants file or dir")
        folder = context.find("vars", arguments["dir"])
        endings = {f".{ending.lstrip('.')}" for ending in arguments["extensions"]}
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        strange = [path for path in files if path.suffix not in endings]
        if strange and not arguments["ignore_unknown_extensions"]:
            raise TaskError(
                f"{strange[0]} ends in none of {', '.join(sorted(endings))}",
                hint="extensions: [...], or ignore_unknown_extensions: true",
            )
        return [path for path in files if path.suffix in endings]


def _mapping(file: Path) -> Mapping[str, Any]:
    value = load_yaml(file)
    if value is not None and not isinstance(value, MarkedDict):
        raise TaskError(f"{file} wants a mapping of variables")
    return value or {}


class _AddHost:
    """`add_host`: a host for later plays, with groups and variables; once for all hosts of a task.

    Nothing changes on any machine; the same in check mode.
    """

    name = "add_host"
    arguments: Mapping[str, Argument] = _ADD_HOST
    free_form: str | None = None
    once = True
    local = True
    raw: frozenset[str] = frozenset()

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        """Return the placement; it changes something unless the host is there already."""
        del context
        variables = {key: value for key, value in arguments.items() if key not in self.arguments}
        groups = tuple(map(str, arguments["groups"]))
        added = {"host_name": arguments["name"], "groups": list(groups), "host_vars": variables}
        placement = Placement(arguments["name"], groups, variables=variables)
        return Result(Status.CHANGED, values={"add_host": added}, placements=(placement,))


class _GroupBy:
    """`group_by`: puts each host into a group that a variable names.

    Nothing changes on any machine; the same in check mode.
    """

    name = "group_by"
    arguments: Mapping[str, Argument] = _GROUP_BY
    free_form: str | None = None
    once = False
    local = True
    raw: frozenset[str] = frozenset()

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        """Return the placement; it changes something unless the host is in that group."""
        group = str(arguments["key"]).replace(" ", "-")
        parents = tuple(str(name).replace(" ", "-") for name in arguments["parents"])
        status = Status.OK if group in context.host.groups else Status.CHANGED
        placement = Placement(context.variables["inventory_hostname"], (group,), parents)
        return Result(status, values={"add_group": group}, placements=(placement,))


BUILTIN: Final[dict[str, Module]] = {
    module.name: module for module in (_IncludeVars(), _AddHost(), _GroupBy())
}
