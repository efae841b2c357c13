"""Modules that act on the playbook itself and not on a host: variables from files, hosts and groups."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from raftfleet.errors import TaskError
from raftfleet.inventory import load_yaml
from raftfleet.inventory.source import MarkedDict
from raftfleet.playbook.module import Argument, Placement, Result, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.playbook.module import Module, ModuleContext

__all__ = ["BUILTIN"]

_INCLUDE_VARS: Final = {
    "file": Argument(),
    "dir": Argument(),
    "name": Argument(),
    "depth": Argument(kind="int", default=0),
    "files_matching": Argument(),
    "ignore_files": Argument(kind="list", default=[]),
    "extensions": Argument(kind="list", default=["yml", "yaml", "json"]),
    "ignore_unknown_extensions": Argument(kind="bool", default=False),
    "hash_behaviour": Argument(choices=("replace", "merge")),
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

    Arguments: ``file`` (path, looked up in ``vars``; also as plain text) or ``dir`` (folder,
    looked up likewise), ``name`` (text: the variables become one mapping of that name); for a
    folder: ``depth`` (int: how many levels down, 0 for all), ``files_matching`` (expression,
    searched in a file's name), ``ignore_files`` (list of names to leave out), ``extensions`` (list,
    yml, yaml, json), ``ignore_unknown_extensions`` (bool: leave others out instead of failing);
    ``hash_behaviour`` (replace, merge: mappings of several files, or a variable that is there).
    Returns: ansible_included_var_files (list).
    Nothing changes on a host; the same in check mode. Diff: none. Idempotence: full.
    """

    name = "include_vars"
    arguments: Mapping[str, Argument] = _INCLUDE_VARS
    free_form: str | None = "file"
    once = False
    local = True
    raw: frozenset[str] = frozenset()
    exclusive = (("file", "dir"),)
    one_of = (("file", "dir"),)

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        """Read the files; raises `TaskError` when one holds no mapping."""
        files = [Path(arguments["file"])] if arguments["file"] else []
        files = [context.find("vars", str(file)) for file in files] or _below(arguments, context)
        merge = arguments["hash_behaviour"] == "merge"
        merged: dict[str, Any] = {}
        for file in files:
            merged = _merged(merged, _mapping(file)) if merge else {**merged, **_mapping(file)}
        found = {arguments["name"]: MarkedDict(merged)} if arguments["name"] else merged
        if merge:
            there = {name: context.variables[name] for name in found if name in context.variables}
            found = _merged(there, found)
        return Result(included=found, values={"ansible_included_var_files": list(map(str, files))})


def _below(arguments: Mapping[str, Any], context: ModuleContext) -> list[Path]:
    """Return the files of a folder that are wanted, in name order."""
    folder = context.find("vars", arguments["dir"])
    if not folder.is_dir():
        raise TaskError(f"{folder} is no folder", hint="include_vars takes a file as file:")
    endings = {f".{ending.lstrip('.')}" for ending in arguments["extensions"]}
    ignored, depth = set(map(str, arguments["ignore_files"])), arguments["depth"]
    matching = _expression(arguments["files_matching"])
    files = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and path.name not in ignored
        and (not depth or len(path.relative_to(folder).parts) <= depth)
        and (matching is None or matching.search(path.name))
    ]
    strange = [path for path in files if path.suffix not in endings]
    if strange and not arguments["ignore_unknown_extensions"]:
        raise TaskError(
            f"{strange[0]} ends in none of {', '.join(sorted(endings))}",
            hint="extensions: [...], or ignore_unknown_extensions: true",
        )
    return [path for path in files if path.suffix in endings]


def _expression(text: str | None) -> re.Pattern[str] | None:
    try:
        return None if text is None else re.compile(text)
    except re.error as error:
        raise TaskError(f"files_matching {text!r} is not valid: {error}") from error


def _merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return two mappings as one; what both have as mappings is merged too."""
    merged = dict(under)
    for name, value in over.items():
        there = merged.get(name)
        if isinstance(there, dict) and isinstance(value, dict):
            merged[name] = MarkedDict(_merged(there, value))
        else:
            merged[name] = value
    return merged


def _mapping(file: Path) -> Mapping[str, Any]:
    value = load_yaml(file)
    if value is not None and not isinstance(value, MarkedDict):
        raise TaskError(f"{file} wants a mapping of variables")
    return value or {}


class _AddHost:
    """`add_host`: a host for later plays, with groups and variables; once for all hosts of a task.

    Arguments: ``name`` (text, required; also ``host``, ``hostname``; a port may stand behind it), ``groups`` (list; also
    ``group``, ``groupname``); each other one is a variable of the host.
    Returns: add_host (host_name, groups, host_vars). "Changed" unless host, groups and variables
    are there already.
    Nothing changes on any machine; the same in check mode. Diff: none. Idempotence: full.
    """

    name = "add_host"
    arguments: Mapping[str, Argument] = _ADD_HOST
    free_form: str | None = None
    once = True
    local = True
    raw: frozenset[str] = frozenset()

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        """Return the placement; it changes something unless the host is there already."""
        variables = {key: value for key, value in arguments.items() if key not in self.arguments}
        groups = tuple(map(str, arguments["groups"]))
        name, port = _without_port(arguments["name"])
        if port is not None:
            variables["ansible_ssh_port"] = port
        added = {"host_name": name, "groups": list(groups), "host_vars": variables}
        placement = Placement(name, groups, variables=variables)
        known = _is_known(name, groups, variables, context)
        status = Status.OK if known else Status.CHANGED
        return Result(status, values={"add_host": added}, placements=(placement,))


def _without_port(written: str) -> tuple[str, int | None]:
    """Return a host's name without the port behind it, and that port; an IPv6 address has none."""
    name, _, port = written.rpartition(":")
    if not name or not port.isdecimal() or (":" in name and not name.endswith("]")):
        return written, None
    return name.removeprefix("[").removesuffix("]"), int(port)


def _is_known(
    name: str, groups: tuple[str, ...], variables: Mapping[str, Any], context: ModuleContext
) -> bool:
    """Return whether a host is in these groups already, with these variables."""
    members, hosts = context.variables.get("groups", {}), context.variables.get("hostvars", {})
    if any(name not in members.get(group, ()) for group in ("all", *groups)):
        return False
    known = hosts[name]
    return all(key in known and known[key] == value for key, value in variables.items())


class _GroupBy:
    """`group_by`: puts each host into a group that a variable names.

    Arguments: ``key`` (text, required: the group), ``parents`` (list, all: groups around it).
    Returns: add_group, parent_groups.
    Nothing changes on any machine; the same in check mode. Diff: none. Idempotence: full.
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
        name, members = context.variables["inventory_hostname"], context.variables["groups"]
        known = all(name in members.get(one, ()) for one in (group, *parents))
        status = Status.OK if known else Status.CHANGED
        placement = Placement(name, (group,), parents)
        values = {"add_group": group, "parent_groups": list(parents)}
        return Result(status, values=values, placements=(placement,))


BUILTIN: Final[dict[str, Module]] = {
    module.name: module for module in (_IncludeVars(), _AddHost(), _GroupBy())
}
