"""Merges the variables of a host by precedence, and makes the inventory.

From the lowest to the highest, as observed in ansible-core 2.19: the inventory files' ``all``,
then their other groups from far to near; ``group_vars/all`` beside the inventory, then beside the
playbook; the other ``group_vars`` from far to near, beside the inventory, then beside the
playbook; the inventory files' hosts; ``host_vars`` beside the inventory, then beside the playbook.
So every group variable inside an inventory file loses to ``group_vars/all`` in a folder.
"""

from __future__ import annotations

import copy
import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from raftfleet.errors import SourceError
from raftfleet.inventory.marked import mark_of
from raftfleet.inventory.model import LOCALHOST, Group, Host, Inventory
from raftfleet.inventory.varsfiles import VarsFolder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from raftfleet.inventory.tree import Tree

__all__ = ["Origin"]

_PRIORITY = "ansible_group_priority"


@dataclass(frozen=True, slots=True)
class Origin:
    """What an inventory is made from: the files' tree, and the folders with variable files.

    ``inventory_folders`` in the order of the sources; ``playbook_folders`` holds one or none.
    """

    tree: Tree
    inventory_folders: tuple[VarsFolder, ...]
    playbook_folders: tuple[VarsFolder, ...] = ()
    warnings: tuple[str, ...] = ()

    def inventory(self) -> Inventory:
        """Return the inventory with all variables merged."""
        return _Assembly(self).inventory()

    def beside(self, playbook_dir: Path) -> Inventory:
        """Return the inventory with the variable files beside a playbook in it."""
        folders = (VarsFolder(playbook_dir),)
        # Its own tree, for hosts may join it while a run lasts.
        tree = copy.deepcopy(self.tree)
        return Origin(tree, self.inventory_folders, folders, self.warnings).inventory()


class _Assembly:
    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self._tree = origin.tree
        self._depths = origin.tree.depths()
        self._merged: dict[tuple[str, ...], dict[str, Any]] = {}

    def inventory(self) -> Inventory:
        memberships = self._memberships()
        hosts = {
            name: self._host(name, tuple(sorted(groups))) for name, groups in memberships.items()
        }
        return Inventory(
            hosts=hosts,
            groups={name: self._group(name) for name in self._tree.groups},
            warnings=self._origin.warnings,
            implicit=self._implicit,
            reload=self._origin.beside,
            joined=self._joined,
        )

    def _joined(
        self,
        known: Inventory,
        host: str,
        groups: Sequence[str],
        parents: Sequence[str],
        variables: Mapping[str, Any],
    ) -> Inventory:
        """Return the inventory with a host in more groups, which are made when they are new."""
        tree, touched = self._tree, {host}
        tree.join(host, groups, variables)
        for parent, group in itertools.product(parents, groups):
            if group not in tree.group(parent).children:
                tree.add_child(parent, group, None)
                touched |= set(tree.members(group))
        tree.hang((*parents, *groups))
        self._depths = tree.depths()
        self._merged.clear()
        above = {name: tree.above(name) for name in touched}
        hosts = {name: self._host(name, tuple(sorted(above[name]))) for name in touched}
        changed = {"all", "ungrouped", *groups, *parents, *itertools.chain(*above.values())}
        made = {
            name: self._group(name) if name in changed else known.groups[name]
            for name in tree.groups
        }
        return replace(known, hosts={**known.hosts, **hosts}, groups=made)

    def _group(self, name: str) -> Group:
        node = self._tree.groups[name]
        members = self._tree.members(name)
        return Group(name, members, tuple(node.children), tuple(node.hosts), self._own(name))

    def _memberships(self) -> dict[str, list[str]]:
        """Return for every host the groups it is in, directly or through a child group."""
        found: dict[str, list[str]] = {name: [] for name in self._tree.hosts}
        for group in self._tree.groups:
            if group != "all":
                for host in self._tree.members(group):
                    found[host].append(group)
        return found

    def _implicit(self, name: str) -> Host:
        here = {"ansible_connection": "local"} if name in LOCALHOST else {}
        return Host(name, {**self._of_groups(()), **here, **self._of_host(name)})

    def _host(self, name: str, groups: tuple[str, ...]) -> Host:
        if groups not in self._merged:
            self._merged[groups] = self._of_groups(tuple(sorted(groups, key=self._nearness)))
        own = {**self._tree.hosts[name], **self._of_host(name)}
        return Host(
            name, {**self._merged[groups], **own}, groups, own, self._tree.sources.get(name)
        )

    def _own(self, group: str) -> dict[str, Any]:
        """Return a group's own variables; a priority is one of them unless it is the usual."""
        own = {**self._tree.groups[group].variables, _PRIORITY: self._priority(group)}
        if own[_PRIORITY] == 1:
            del own[_PRIORITY]
        return own | self._of_folders((group,))

    def _nearness(self, group: str) -> tuple[int, int, str]:
        return self._depths[group], self._priority(group), group

    def _priority(self, group: str) -> int:
        priority = self._tree.groups[group].variables.get(_PRIORITY, 1)
        try:
            return int(priority)
        except (TypeError, ValueError):
            raise SourceError(
                f"{_PRIORITY} of group {group!r} must be a whole number, not {priority!r}",
                mark_of(priority),
            ) from None

    def _of_groups(self, groups: tuple[str, ...]) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        for group in ("all", *groups):
            merged |= self._tree.groups[group].variables
        merged.pop(_PRIORITY, None)
        return {**merged, **self._of_folders(("all",)), **self._of_folders(groups)}

    def _of_folders(self, groups: Iterable[str]) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        for folder in (*self._origin.inventory_folders, *self._origin.playbook_folders):
            for group in groups:
                merged |= folder.group(group)
        return merged

    def _of_host(self, name: str) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        for folder in (*self._origin.inventory_folders, *self._origin.playbook_folders):
            merged |= folder.host(name)
        return merged
