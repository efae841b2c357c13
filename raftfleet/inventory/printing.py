"""An inventory as `ansible-inventory` prints it: for programs, as YAML, and as a tree."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from raftfleet.inventory.marked import plain

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from raftfleet.inventory.model import Group, Host, Inventory

__all__ = ["Printout", "shown_variables"]

# Every run gives these their values, so that what an inventory says of them counts for nothing.
_GIVEN: Final = frozenset(
    {
        "ansible_config_file", "ansible_diff_mode", "ansible_facts", "ansible_forks",
        "ansible_inventory_sources", "ansible_limit", "ansible_playbook_python",
        "ansible_run_tags", "ansible_skip_tags", "ansible_verbosity", "ansible_version",
        "group_names", "groups", "inventory_dir", "inventory_file", "inventory_hostname",
        "inventory_hostname_short", "playbook_dir",
    }
)  # fmt: skip


def shown_variables(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return variables without places, and without those that a run gives itself."""
    return {str(name): plain(value) for name, value in variables.items() if name not in _GIVEN}


@dataclass(frozen=True, slots=True)
class Printout:
    """An inventory, to be printed.

    Only the hosts of these names are in it. ``extra`` variables win over every host's. With
    ``export`` each variable stands at the group or host that it was written for, and ``extra``
    nowhere.
    """

    inventory: Inventory
    hosts: Collection[str]
    extra: Mapping[str, Any] = field(default_factory=dict)
    export: bool = False

    def variables(self, host: Host) -> dict[str, Any]:
        """Return what is shown of a host."""
        return shown_variables(host.own if self.export else {**host.variables, **self.extra})

    def groups(self) -> dict[str, Any]:
        """Return what a program that is an inventory prints.

        Groups with nothing in them are only named as children.
        """
        known = {name: host for name, host in self.inventory.hosts.items() if name in self.hosts}
        hostvars = {name: said for name, host in known.items() if (said := self.variables(host))}
        printed: dict[str, Any] = {"_meta": {"hostvars": hostvars, "profile": "inventory_legacy"}}
        for name, group in self.inventory.groups.items():
            body = self._body(group, list(self._direct(group)), list(group.children))
            if body:
                printed[name] = body
        return printed

    def tree(self) -> dict[str, Any]:
        """Return an inventory file that says the same; groups with nothing in them are left out."""
        body = self._below(self.inventory.groups["all"], set())
        return {"all": body} if body else {}

    def _below(self, group: Group, said: set[str]) -> dict[str, Any]:
        """Say everything of a group or host where it is met first, and later only its name."""
        children: dict[str, Any] = {}
        for name in group.children:
            child = f"group {name}"
            if child in said:
                children[name] = {}
            elif body := self._below(self.inventory.groups[name], said):
                said.add(child)
                children[name] = body
        hosts: dict[str, Any] = {}
        for name in self._direct(group):
            hosts[name] = {} if name in said else self.variables(self.inventory.hosts[name])
            said.add(name)
        return self._body(group, hosts, children)

    def _direct(self, group: Group) -> Iterator[str]:
        """Yield the hosts that stand in a group itself; in `all` none does."""
        if group.name != "all":
            yield from (name for name in group.direct if name in self.hosts)

    def _body(self, group: Group, hosts: object, children: object) -> dict[str, Any]:
        own = shown_variables(group.own) if self.export else {}
        body = {"hosts": hosts, "children": children, "vars": own}
        return {key: value for key, value in body.items() if value}

    def drawn(self, group: str = "all", *, with_variables: bool, depth: int = 0) -> Iterator[str]:
        """Yield the lines of a drawing of a group and what is below it."""
        known = self.inventory.groups[group]
        yield _branch(f"@{group}:", depth)
        for child in known.children:
            yield from self.drawn(child, with_variables=with_variables, depth=depth + 1)
        for name in self._direct(known):
            yield _branch(name, depth + 1)
            if with_variables:
                yield from _leaves(self.variables(self.inventory.hosts[name]), depth + 2)
        if with_variables:
            yield from _leaves(shown_variables(known.own), depth + 1)


def _leaves(variables: Mapping[str, Any], depth: int) -> Iterator[str]:
    for name, value in sorted(variables.items()):
        yield _branch(f"{{{name} = {value}}}", depth)


def _branch(text: str, depth: int) -> str:
    return "  " * min(depth, 1) + "|  " * (depth - 1) + "|--" * min(depth, 1) + text
