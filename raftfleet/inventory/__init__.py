"""From inventory files to hosts, groups and their variables, every value with its place."""

from __future__ import annotations

from raftfleet.inventory.load import load_inventory
from raftfleet.inventory.model import Group, Host, Inventory
from raftfleet.inventory.source import load_yaml, mark_of

__all__ = ["Group", "Host", "Inventory", "load_inventory", "load_yaml", "mark_of"]
