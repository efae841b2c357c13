"""How `serial` and `order` divide a play's hosts."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from raftfleet.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from raftfleet.inventory import Host

__all__ = ["batches", "ordered"]


def ordered(hosts: Sequence[Host], order: str) -> list[Host]:
    """Return hosts in the order in which tasks start on them."""
    if order == "shuffle":
        return random.sample(hosts, len(hosts))
    if order == "inventory":
        return list(hosts)
    if order == "reverse_inventory":
        return list(reversed(hosts))
    return sorted(hosts, key=lambda host: host.name, reverse=order == "reverse_sorted")


def batches(hosts: Sequence[Host], serial: Sequence[Any]) -> list[list[Host]]:
    """Divide hosts into batches; the last size repeats, a percentage is of all hosts.

    A percentage is rounded down but gives at least one host; a size of 0 means all that are left.
    """
    if not serial or not hosts:
        return [list(hosts)] if hosts else []
    sizes = [_size(part, len(hosts)) for part in serial]
    divided: list[list[Host]] = []
    left = list(hosts)
    while left:
        size = sizes[min(len(divided), len(sizes) - 1)] or len(left)
        divided.append(left[:size])
        left = left[size:]
    return divided


def _size(part: Any, total: int) -> int:
    text = str(part).strip()
    try:
        if text.endswith("%"):
            return max(1, total * int(text[:-1]) // 100)
        return max(0, int(text))
    except ValueError:
        raise UsageError(f"serial: {text!r} is neither a number nor a percentage") from None
