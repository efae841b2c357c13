"""The filters that playbooks use beyond Jinja's own, by subject."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from raftfleet.playbook.templating.filters import (
    collections,
    formats,
    hashes,
    mappings,
    numbers,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FILTERS", "NOT_OURS"]

FILTERS: dict[str, Callable[..., Any]] = {
    **text.FILTERS,
    **hashes.FILTERS,
    **collections.FILTERS,
    **mappings.FILTERS,
    **formats.FILTERS,
    **numbers.FILTERS,
}

# A filter that is left out on purpose, and the way out.
NOT_OURS: dict[str, str] = {
    "json_query": "use selectattr, map(attribute=...) and the like",
    "ipaddr": "compute addresses in the inventory, or in a module of your own",
    "ipv4": "compute addresses in the inventory, or in a module of your own",
    "ipv6": "compute addresses in the inventory, or in a module of your own",
    "ipwrap": 'write the brackets: "[" ~ address ~ "]"',
    "password_hash": "hash it beforehand and keep the hash in a file that is not committed",
    "vault": "vault is not supported: pass secrets with -e @FILE or lookup('env', ...)",
    "unvault": "vault is not supported: pass secrets with -e @FILE or lookup('env', ...)",
    "win_basename": "Windows hosts are not supported",
    "win_dirname": "Windows hosts are not supported",
}
