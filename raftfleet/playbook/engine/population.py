"""The inventory while a run lasts: hosts may join it, and groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from raftfleet.inventory import Host, Inventory
    from raftfleet.playbook.module import Placement

__all__ = ["Population"]


class Population:
    """The current inventory; each change makes a new one, so that who reads one is undisturbed."""

    def __init__(self, inventory: Inventory) -> None:
        self.inventory = inventory
        self.groups = _members(inventory)

    def host(self, name: str) -> Host:
        """Return a host by name; one that nobody listed is taken at its word."""
        return self.inventory.host(name) or self.inventory.implicit(name)

    def place(self, placement: Placement) -> None:
        """Put a host into groups, with more variables; both are made when they are new."""
        self.inventory = self.inventory.with_host(
            placement.host, placement.groups, placement.parents, placement.variables
        )
        self.groups = _members(self.inventory)


def _members(inventory: Inventory) -> dict[str, list[str]]:
    return {name: list(group.hosts) for name, group in inventory.groups.items()}
