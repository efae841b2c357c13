"""An INI inventory file: `[group]`, `[group:children]`, `[group:vars]` and `name key=value` lines."""

from __future__ import annotations

import ast
import re
import shlex
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from raftfleet.errors import Mark, SourceError, nearest
from raftfleet.inventory.marked import MarkedDict, MarkedList, MarkedStr
from raftfleet.inventory.names import expand, split_port

if TYPE_CHECKING:
    from raftfleet.inventory.tree import Tree

__all__ = ["add_ini", "looks_like_ini"]

_SECTION: Final = re.compile(r"\[(?P<group>[^:\]\s]+)(?::(?P<kind>\w+))?\]\s*(?:#.*)?")
_ADDRESS: Final = re.compile(r"\[[0-9A-Fa-f:.]+\]")
_HEADER: Final = re.compile(r"^\[[^\[\]]+\]\s*(?:#.*)?$", re.MULTILINE)
_ASSIGNMENT: Final = re.compile(r"^\S+\s+\w+=", re.MULTILINE)
_KINDS: Final = ("hosts", "vars", "children")


def looks_like_ini(text: str, *, called_yaml: bool = False) -> bool:
    """Return whether a file is written as INI and not as YAML.

    One that is ``called_yaml`` must have a section or a host with variables in it; of others an
    empty file and a list of names are INI too.
    """
    lines = [
        line for line in Mark("", 1, 1, text).lines if line.strip() and line.strip()[0] not in "#;"
    ]
    if not lines:
        return not called_yaml
    if lines[0].startswith(("---", "{")) or lines[0].rstrip().endswith(":"):
        return False
    if _HEADER.search(text) or _ASSIGNMENT.search(text):
        return True
    return not called_yaml and all(":" not in line for line in lines)


def add_ini(tree: Tree, text: str, file: str) -> None:
    """Add what an INI inventory says; `SourceError` for a line that means nothing."""
    reader = _Reader(tree, text, file)
    for number, line in enumerate(Mark(file, 1, 1, text).lines, start=1):
        reader.line(line, number)
    reader.finish()


class _Reader:
    def __init__(self, tree: Tree, text: str, file: str) -> None:
        self._tree = tree
        self._text = text
        self._file = file
        self._group = "ungrouped"
        self._kind = "hosts"
        self._declared = set(tree.groups)
        self._needed: dict[str, Mark] = {}

    def line(self, line: str, number: int) -> None:
        bare = line.strip()
        if not bare or bare[0] in "#;":
            return
        mark = Mark(self._file, number, len(line) - len(line.lstrip()) + 1, self._text)
        if section := _SECTION.fullmatch(bare):
            self._section(section, mark)
        elif bare.startswith("[") and not _ADDRESS.match(bare):
            raise SourceError(
                f"{bare!r} is no section",
                mark,
                hint="write [group] or [group:vars], without blanks",
            )
        elif self._kind == "hosts":
            self._host(bare, mark)
        elif self._kind == "vars":
            self._variable(bare, mark)
        else:
            self._child(bare, mark)

    def finish(self) -> None:
        """Refuse a group that is only ever referred to."""
        for name, mark in self._needed.items():
            if name not in self._declared:
                close = nearest(name, self._declared)
                hint = f"did you mean {close!r}?" if close else f"declare it: [{name}]"
                raise SourceError(f"the group {name!r} is declared nowhere", mark, hint=hint)

    def _section(self, section: re.Match[str], mark: Mark) -> None:
        self._group, self._kind = section["group"], section["kind"] or "hosts"
        if self._kind not in _KINDS:
            close = nearest(self._kind, _KINDS)
            raise SourceError(
                f"a section of kind {self._kind!r} is not known; hosts, vars and children are",
                mark,
                hint=f"did you mean [{self._group}:{close}]?" if close else None,
            )
        self._tree.group(self._group)
        if self._kind == "vars":
            self._needed.setdefault(self._group, mark)
        else:
            self._declared.add(self._group)

    def _host(self, line: str, mark: Mark) -> None:
        try:
            name, *pairs = shlex.split(line, comments=True)
            pattern, port = split_port(name)
            hosts = expand(pattern)
        except ValueError as error:
            raise SourceError(f"this host line cannot be read: {error}", mark) from error
        variables: dict[str, Any] = {}
        for pair in pairs:
            key, equals, value = pair.partition("=")
            if not equals:
                spaced = re.search(r"\s=|=\s", line)
                hint = "no blanks around the `=`" if spaced else "a host has a line of its own"
                at = replace(mark, column=mark.column + max(0, line.find(pair, len(name))))
                raise SourceError(f"expected key=value, not {pair!r}", at, hint=hint)
            variables[key] = _literal(value, mark)
        for host in hosts:
            self._tree.add_host(self._group, host, variables, port)

    def _variable(self, line: str, mark: Mark) -> None:
        key, equals, value = line.partition("=")
        if not equals:
            raise SourceError(
                f"expected key=value, not {line!r}",
                mark,
                hint=f"hosts stand below [{self._group}], variables below [{self._group}:vars]",
            )
        self._tree.group(self._group).variables[key.strip()] = _literal(value.strip(), mark)

    def _child(self, line: str, mark: Mark) -> None:
        name = line.split("#", 1)[0].strip()
        self._needed.setdefault(name, mark)
        self._tree.add_child(self._group, name, mark)


def _literal(value: str, mark: Mark) -> Any:
    """Read a value as a Python literal, as Ansible does; anything else is text."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            return _marked(ast.literal_eval(value), mark)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return MarkedStr(value, mark)


def _marked(value: Any, mark: Mark) -> Any:
    if isinstance(value, dict):
        return MarkedDict({str(key): _marked(item, mark) for key, item in value.items()}, mark)
    if isinstance(value, (list, tuple, set)):
        return MarkedList([_marked(item, mark) for item in value], mark)
    if isinstance(value, (bool, int, float)) or value is None:
        return value
    return MarkedStr(value if isinstance(value, str) else str(value), mark)
