"""A YAML inventory file: groups with hosts, vars and children."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from raftfleet.errors import SourceError, nearest
from raftfleet.inventory.marked import MarkedDict, MarkedList, MarkedStr, mark_of
from raftfleet.inventory.names import expand, split_port

if TYPE_CHECKING:
    from raftfleet.errors import Mark
    from raftfleet.inventory.tree import Tree

__all__ = ["add_yaml"]

_SECTIONS: Final = ("hosts", "vars", "children")


def add_yaml(tree: Tree, document: Any, mark: Mark) -> None:
    """Add what a loaded document says; ``mark`` stands for a document without a place of its own.

    Raises `SourceError` for unknown keys, wrong types, broken ranges and groups in a circle.
    """
    if isinstance(document, MarkedList) and any(
        isinstance(item, MarkedDict) and "hosts" in item for item in document
    ):
        raise SourceError(
            "this looks like a playbook, not like an inventory",
            mark_of(document),
            hint="-i names the inventory; playbooks stand without an option",
        )
    if not isinstance(document, MarkedDict) or not document:
        raise SourceError(
            "an inventory is a mapping of groups",
            mark_of(document) or mark,
            hint="start with `all:`, and `hosts:` below it",
        )
    if "plugin" in document and isinstance(document["plugin"], str):
        raise SourceError(
            "inventory plugins are not supported",
            document.key_mark("plugin"),
            hint=f"save what it yields: ansible-inventory -i {mark.file} --list --yaml > hosts.yml",
        )
    if "_meta" in document:
        raise SourceError(
            "this is what a program that is an inventory prints, not an inventory file",
            document.key_mark("_meta"),
            hint="let it be printed as YAML: ansible-inventory -i PROGRAM --list --yaml",
        )
    for name in document:
        if name in _SECTIONS:
            raise SourceError(
                f"{name!r} stands where a group is expected",
                document.key_mark(name),
                hint="put it below `all:`",
            )
        _add_group(tree, document, name)


def _add_group(tree: Tree, parent: MarkedDict, key: object) -> None:
    """Add one group of a mapping of groups."""
    name = _text(parent, key, "a group's name")
    group = tree.group(name)
    body = parent[key]
    if body is None:
        return
    if not isinstance(body, MarkedDict):
        raise SourceError(
            f"group {name!r} must be a mapping",
            parent.value_mark(key),
            hint="below a group stand `hosts:`, `vars:` and `children:`",
        )
    for section in body:
        if section not in _SECTIONS:
            raise _unknown_section(name, body, section)
        value = _section(body, section, name)
        if section == "vars":
            group.variables.update(_variables(value))
        elif section == "hosts":
            _add_hosts(tree, name, value)
        else:
            _add_children(tree, name, value)


def _unknown_section(group: str, body: MarkedDict, key: object) -> SourceError:
    close = nearest(str(key), _SECTIONS)
    if close:
        hint = f"did you mean `{close}`?"
    elif isinstance(body[key], (MarkedDict, type(None))):
        hint = "a child group stands below `children:`, a host below `hosts:`"
    else:
        hint = "a variable stands below `vars:`"
    return SourceError(
        f"{str(key)!r} is not known in group {group!r}; hosts, vars and children are",
        body.key_mark(key),
        hint=hint,
    )


def _section(body: MarkedDict, section: str, group: str) -> MarkedDict:
    """Return a section as a mapping; Ansible takes a lone name for a mapping with one key."""
    value = body[section]
    if value is None:
        return MarkedDict()
    if isinstance(value, MarkedStr) and section != "vars":
        at = {value: value.mark} if value.mark else {}
        return MarkedDict({value: None}, value.mark, at, at)
    if not isinstance(value, MarkedDict):
        hint = (
            "write each as a key, with a colon: `name:`, not `- name`"
            if section != "vars"
            else "write `name: value`"
        )
        raise SourceError(
            f"{section!r} of group {group!r} must be a mapping", body.value_mark(section), hint=hint
        )
    return value


def _add_children(tree: Tree, group: str, children: MarkedDict) -> None:
    for key in children:
        tree.add_child(group, _text(children, key, "a group's name"), children.key_mark(key))
        _add_group(tree, children, key)


def _add_hosts(tree: Tree, group: str, hosts: MarkedDict) -> None:
    for key, value in hosts.items():
        written = _text(hosts, key, "a host's name")
        mark = hosts.key_mark(key)
        if value is not None and not isinstance(value, MarkedDict):
            raise SourceError(
                f"host {written!r} must be a mapping of variables or empty",
                hosts.value_mark(key),
                hint="write `host: {name: value}`; a variable of a host stands below it, further in",
            )
        pattern, port = split_port(written)
        variables = _variables(value or MarkedDict())
        try:
            names = expand(pattern)
        except ValueError as error:
            raise SourceError(
                str(error), mark, hint="as in n[01:10], n[a:e] or n[1:9:2]"
            ) from error
        for name in names:
            tree.add_host(group, name, variables, port)


def _variables(value: MarkedDict) -> dict[str, Any]:
    return {_text(value, key, "a variable's name"): item for key, item in value.items()}


def _text(mapping: MarkedDict, key: object, what: str) -> str:
    if not isinstance(key, str) or not key:
        raise SourceError(
            f"{what} must be a text, not {key!r}",
            mapping.key_mark(key),
            hint="quote it",
        )
    return str(key)
