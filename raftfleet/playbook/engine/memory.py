"""What a run has learned about each host: facts, registered results, included variables."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from raftfleet.playbook.module import Placement

__all__ = ["HostMemory", "Memory"]


@dataclass(slots=True)
class HostMemory:
    """One host's: ``gathered`` by `setup`, ``included`` by `include_vars`, ``facts`` set or registered.

    ``hidden`` names those that a task with `no_log` set or registered.
    """

    gathered: dict[str, Any] = field(default_factory=dict)
    included: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)


class Memory:
    """All hosts'. Written between tasks only, so that the threads of a task may read it.

    ``placements`` are the hosts that joined the inventory and its groups, in that order. A memory
    that is handed from one playbook to the next carries all of it on.
    """

    def __init__(self) -> None:
        self.placements: list[Placement] = []
        self._hosts: defaultdict[str, HostMemory] = defaultdict(HostMemory)

    def __getitem__(self, host: str) -> HostMemory:
        return self._hosts[host]
