"""An inventory as `ansible-inventory` prints it: for programs, as YAML, and as a tree."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, Final

from raftfleet.inventory.marked import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from raftfleet.inventory.model import Host, Inventory

__all__ = ["as_groups", "as_tree", "drawn", "shown_variables"]

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


def as_groups(
    inventory: Inventory, hosts: Collection[str], variables: Callable[[Host], Mapping[str, Any]],
    *, export: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Return what a program that is an inventory prints: every group, and all hosts' variables.

    Only these hosts are in it. ``variables`` gives those of a host; with ``export`` every variable
    stands at the group or host that it was written for. Groups with nothing in them are only named as children.
    """
    said = operator.attrgetter("own") if export else variables
    known = {name: said(host) for name, host in inventory.hosts.items() if name in hosts}
    hostvars = {name: shown for name, own in known.items() if (shown := shown_variables(own))}
    printed: dict[str, Any] = {"_meta": {"hostvars": hostvars, "profile": "inventory_legacy"}}
    for name, group in inventory.groups.items():
        body = {
            "hosts": [host for host in group.direct if host in hosts and name != "all"],
            "children": list(group.children),
            "vars": shown_variables(group.own) if export else {},
        }
        if filled := {key: value for key, value in body.items() if value}:
            printed[name] = filled
    return printed


def as_tree(
    inventory: Inventory, hosts: Collection[str], variables: Callable[[Host], Mapping[str, Any]],
    *, export: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Return an inventory file that says the same; the arguments are those of `as_groups`.

    Groups with nothing in them are left out.
    """
    body = _Tree(inventory, hosts, variables, export=export).below("all")
    return {"all": body} if body else {}


class _Tree:
    """Says everything of a group or host where it is met first, and later only its name."""

    def __init__(
        self, inventory: Inventory, hosts: Collection[str],
        variables: Callable[[Host], Mapping[str, Any]], *, export: bool,
    ) -> None:  # fmt: skip
        self._inventory = inventory
        self._hosts = hosts
        self._variables = operator.attrgetter("own") if export else variables
        self._export = export
        self._said: set[str] = set()

    def below(self, name: str) -> dict[str, Any]:
        group = self._inventory.groups[name]
        children: dict[str, Any] = {}
        for child in group.children:
            if f"@{child}" in self._said:
                children[child] = {}
            elif body := self.below(child):
                self._said.add(f"@{child}")
                children[child] = body
        body = {
            "children": children,
            "hosts": {
                host: self._host(host)
                for host in group.direct
                if host in self._hosts and name != "all"
            },
            "vars": shown_variables(group.own) if self._export else {},
        }
        return {key: value for key, value in body.items() if value}

    def _host(self, name: str) -> dict[str, Any]:
        if name in self._said:
            return {}
        self._said.add(name)
        return shown_variables(self._variables(self._inventory.hosts[name]))


def drawn(
    inventory: Inventory,
    group: str = "all",
    variables: Callable[[Host], Mapping[str, Any]] | None = None,
    depth: int = 0,
) -> Iterator[str]:
    """Yield the lines of a tree from a group down; with variables when somebody gives them."""
    known = inventory.groups[group]
    yield _branch(f"@{group}:", depth)
    for child in known.children:
        yield from drawn(inventory, child, variables, depth + 1)
    for host in known.direct if group != "all" else ():
        yield _branch(host, depth + 1)
        if variables is not None:
            yield from _leaves(variables(inventory.hosts[host]), depth + 2)
    if variables is not None:
        yield from _leaves(known.own, depth + 1)


def _leaves(variables: Mapping[str, Any], depth: int) -> Iterator[str]:
    for name, value in sorted(shown_variables(variables).items()):
        yield _branch(f"{{{name} = {value}}}", depth)


def _branch(text: str, depth: int) -> str:
    return "  " * min(depth, 1) + "|  " * (depth - 1) + "|--" * min(depth, 1) + text
