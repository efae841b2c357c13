"""The inventory while a run lasts: hosts may join it, and groups."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from raftfleet.inventory import Group, Host, Inventory

if TYPE_CHECKING:
    from raftfleet.playbook.module import Placement

__all__ = ["Population"]

_EMPTY = Host("")


class Population:
    """The current inventory; each change makes a new one, so that who reads one is undisturbed."""

    def __init__(self, inventory: Inventory) -> None:
        self.inventory = inventory
        self.groups = _members(inventory)

    def host(self, name: str) -> Host:
        """Return a host by name; one that nobody listed is taken at its word."""
        return self.inventory.host(name) or Host(name)

    def place(self, placement: Placement) -> None:
        """Put a host into groups, with more variables; both are made when they are new."""
        known = self.inventory.hosts.get(placement.host, _EMPTY)
        joined = dict.fromkeys((*known.groups, *placement.groups, *placement.parents))
        joined.pop("all", None)
        if len(joined) > 1 or placement.groups:
            joined.pop("ungrouped", None)
        names = tuple(sorted(joined)) or ("ungrouped",)
        host = Host(placement.host, {**known.variables, **placement.variables}, names)
        groups = dict(self.inventory.groups)
        for name in ("all", *names):
            groups[name] = _with(groups.get(name) or Group(name), placement.host)
        for parent in placement.parents:
            groups[parent] = _above(groups.get(parent) or Group(parent), placement.groups)
        hosts = {**self.inventory.hosts, host.name: host}
        self.inventory = replace(self.inventory, hosts=hosts, groups=groups)
        self.groups = _members(self.inventory)


def _with(group: Group, host: str) -> Group:
    return group if host in group.hosts else replace(group, hosts=(*group.hosts, host))


def _above(group: Group, children: tuple[str, ...]) -> Group:
    return replace(group, children=tuple(dict.fromkeys((*group.children, *children))))


def _members(inventory: Inventory) -> dict[str, list[str]]:
    return {name: list(group.hosts) for name, group in inventory.groups.items()}
