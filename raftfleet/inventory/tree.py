"""What inventory files say, before variables are merged: groups in groups, hosts in groups."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from raftfleet.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from raftfleet.errors import Mark

__all__ = ["GroupNode", "Tree"]


@dataclass(slots=True)
class GroupNode:
    """One group: its direct children and hosts in the order they were named, its own variables."""

    name: str
    children: list[str] = field(default_factory=list)
    hosts: dict[str, None] = field(default_factory=dict)
    variables: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Tree:
    """Groups and hosts as the files name them; several files add to the same tree.

    What a later file says of a variable wins over an earlier one.
    """

    groups: dict[str, GroupNode] = field(default_factory=dict)
    hosts: dict[str, dict[str, Any]] = field(default_factory=dict)
    sources: dict[str, Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.group("all").children.append("ungrouped")
        self.group("ungrouped")

    def group(self, name: str) -> GroupNode:
        """Return the group of this name, made when it is new."""
        return self.groups.setdefault(name, GroupNode(name))

    def add_host(
        self, group: str, name: str, variables: Mapping[str, Any], port: int | None = None
    ) -> None:
        """Put a host into a group and add to its variables.

        As in Ansible a port counts only where the host is named for the first time.
        """
        if name not in self.hosts:
            self.hosts[name] = {"ansible_port": port} if port else {}
        self.hosts[name].update(variables)
        self.group(group).hosts[name] = None

    def add_child(self, parent: str, child: str, mark: Mark | None) -> None:
        """Put a group into another; `SourceError` when that would close a circle."""
        self.group(child)
        if child == "all" or parent in self.descendants(child):
            raise SourceError(f"group {child!r} would contain itself through {parent!r}", mark)
        if child not in (children := self.group(parent).children):
            children.append(child)

    def credit(self, source: Path) -> None:
        """Note that this source was the first to name the hosts that no earlier one did."""
        self.sources = dict.fromkeys(self.hosts, source) | self.sources

    def join(self, host: str, groups: Sequence[str], variables: Mapping[str, Any]) -> None:
        """Put a host that a task names into groups; a new one is in ``all`` itself."""
        if host not in self.hosts:
            self.add_host("all", host, {})
            self.groups["ungrouped"].hosts[host] = None
        self.hosts[host].update(variables)
        for name in groups:
            self.group(name).hosts[host] = None
        if any(name not in {"all", "ungrouped"} for name in groups):
            self.groups["ungrouped"].hosts.pop(host, None)

    def hang(self, names: Iterable[str]) -> None:
        """Hang those of these groups that have no parent below ``all``."""
        below = {child for group in self.groups.values() for child in group.children}
        self.groups["all"].children += [
            name for name in dict.fromkeys(names) if name != "all" and name not in below
        ]

    def above(self, host: str) -> set[str]:
        """Return the groups that a host is in, directly or through a child group, without ``all``."""
        found = {name for name, group in self.groups.items() if host in group.hosts}
        level = found
        while level:
            level = {
                name for name, group in self.groups.items() if not level.isdisjoint(group.children)
            } - found
            found = found | level
        return found - {"all"}

    def descendants(self, name: str) -> list[str]:
        """Return the group and all groups below it, breadth first, each once."""
        found = {name: None}
        level = [name]
        while level:
            level = [child for parent in level for child in self.groups[parent].children]
            level = [child for child in dict.fromkeys(level) if child not in found]
            found |= dict.fromkeys(level)
        return list(found)

    def reconcile(self) -> None:
        """Hang every group without a parent below ``all``, every host without a group in ``ungrouped``."""
        self.hang(self.groups)
        grouped = {host for group in self._named_groups() for host in group.hosts}
        ungrouped = self.groups["ungrouped"]
        everybody = (*ungrouped.hosts, *self.hosts)
        ungrouped.hosts = {host: None for host in everybody if host not in grouped}

    def _named_groups(self) -> Iterator[GroupNode]:
        return (group for name, group in self.groups.items() if name not in {"all", "ungrouped"})

    def members(self, name: str) -> tuple[str, ...]:
        """Return all hosts of a group and of the groups below it, breadth first."""
        return tuple(
            dict.fromkeys(
                host for group in self.descendants(name) for host in self.groups[group].hosts
            )
        )

    def depths(self) -> dict[str, int]:
        """Return how far below ``all`` each group lies, on the longest way."""
        depths = dict.fromkeys(self.groups, 0)
        level = ["all"]
        distance = 0
        while level:
            depths |= dict.fromkeys(level, distance)
            level = list({child for name in level for child in self.groups[name].children})
            distance += 1
        return depths
