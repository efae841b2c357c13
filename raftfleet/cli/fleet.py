"""The fleet that an inventory describes: its hosts with their variables, and the cluster's nodes."""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

import click

from raftfleet.cli.asked import PROJECT
from raftfleet.cli.checking import check_connection, odd_variables
from raftfleet.errors import RaftfleetError
from raftfleet.inventory import load_inventory
from raftfleet.playbook import Scope, has_template, written
from raftfleet.transport import unless_said

if TYPE_CHECKING:
    from raftfleet.cli.asked import Asked
    from raftfleet.inventory import Host, Inventory
    from raftfleet.systems import Node, System

__all__ = ["Fleet"]


class Fleet:
    """What the inventory and `-e` say; no host is touched.

    Refuses, before anything is done, what no host can be reached with, and says what is odd.
    """

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self.inventory: Inventory = load_inventory(asked.inventories)
        for warning in self.inventory.warnings:
            click.echo(f"warning: {warning}", err=True)
        self._join_sandbox()
        self._extra = {name: written(value) for name, value in asked.extra.items()}
        self._check_connections()

    def _join_sandbox(self) -> None:
        """Move to where the hosts of an ordinary user's sandbox can be reached."""
        variables = [host.variables for host in self.inventory.hosts.values()]
        if any("raftfleet_sandbox" in one for one in variables):
            from raftfleet.sandbox import join  # noqa: PLC0415 - only for such hosts

            join(variables)

    @property
    def group(self) -> str:
        """The inventory group whose hosts are the cluster's nodes."""
        return str(self._asked.extra.get("raft_group", "raft"))

    @cached_property
    def hosts(self) -> dict[str, Host]:
        """The inventory hosts of the cluster's nodes."""
        known = self.group in self.inventory.groups
        return {host.name: host for host in (self.inventory.select(self.group) if known else [])}

    @cached_property
    def system(self) -> System:
        """The adapter of the product under drill, `raft_system` of the first node."""
        from raftfleet.systems import system_named  # noqa: PLC0415 - only for a cluster

        first = next(iter(self.hosts.values()))
        return system_named(str(self.variables(first).get("raft_system", "robustmq")))

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """The nodes, their settings checked; no host is touched."""
        if not self.hosts:
            return ()
        from raftfleet.cluster import check_reach, make_nodes  # noqa: PLC0415 - only for a cluster

        nodes = make_nodes(
            self.system, {name: self.variables(host) for name, host in self.hosts.items()}
        )
        self.system.check(nodes)
        for warning in check_reach(self.system, nodes):
            click.echo(f"warning: {warning}", err=True)
        return nodes

    def variables(self, host: Host) -> dict[str, Any]:
        """Return a host's inventory variables and `-e`, templated, marks kept where possible.

        What the command line says of reaching hosts is there where nothing else is said.
        """
        scope = self._scope(host)
        found = {name: _value(scope, name) for name in sorted({*host.variables, *self._extra})}
        if "ansible_ssh_host" in found:
            found["ansible_host"] = found["ansible_ssh_host"]
        return unless_said(found, self._asked.reach)

    def _scope(self, host: Host) -> Scope:
        known = {
            "inventory_hostname": host.name,
            "group_names": list(host.groups),
            "groups": {name: list(group.hosts) for name, group in self.inventory.groups.items()},
        }
        return Scope((known, self._extra, host.variables))

    def _check_connections(self) -> None:
        """Refuse what no host can be reached with before anything is done.

        A variable whose template needs more than the inventory is looked at when it is used.
        """
        odd: dict[str, None] = {}
        for host in self.inventory.hosts.values():
            odd |= dict.fromkeys(odd_variables(host.variables))
            scope = self._scope(host)
            known: dict[str, object] = {}
            for name in (one for one in scope if one.startswith("ansible_")):
                with suppress(RaftfleetError):
                    known[name] = _value(scope, name)
            known = unless_said(known, self._asked.reach)
            check_connection(host, known, PROJECT / "knownhosts")
        for warning in odd:
            click.echo(f"warning: {warning}", err=True)


def _value(scope: Scope, name: str) -> Any:
    raw = scope.raw(name)
    return scope.template(raw) if has_template(raw) else raw
