"""Hosts, groups, and the inventory that holds them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from raftfleet.errors import UsageError, nearest
from raftfleet.inventory import patterns

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    Joined = Callable[
        ["Inventory", str, Sequence[str], Sequence[str], Mapping[str, Any]], "Inventory"
    ]

__all__ = ["LOCALHOST", "Group", "Host", "Inventory"]

LOCALHOST: Final = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Host:
    """A machine of the inventory; its name is its identity, never its address.

    ``variables`` are merged from all groups and files by precedence and not templated yet; ``own``
    are those that were written for this host alone. ``groups`` are the names of all groups it is
    in, sorted, without ``all``. ``source`` is the inventory file, or list of names, that named it
    first; None when a task did.
    """

    name: str
    variables: Mapping[str, Any] = field(default_factory=dict, compare=False)
    groups: tuple[str, ...] = field(default=(), compare=False)
    own: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)
    source: Path | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Group:
    """A named set of hosts.

    ``hosts`` are all its hosts, those of child groups included, in the order that decides who is
    first: breadth first over the child groups. ``children`` are its direct child groups, and
    ``direct`` the hosts that were put into this very group. ``own`` are the variables that were
    written for it.
    """

    name: str
    hosts: tuple[str, ...] = ()
    children: tuple[str, ...] = ()
    direct: tuple[str, ...] = ()
    own: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Inventory:
    """All hosts and groups, in the order of the inventory's files.

    ``groups`` holds ``all`` and ``ungrouped`` first. ``warnings`` are for the user, one line each.
    ``implicit`` makes the host for a name that nobody listed; ``reload`` reads the variable files
    beside a playbook; ``joined`` makes the inventory that a host has joined.
    """

    hosts: Mapping[str, Host]
    groups: Mapping[str, Group]
    warnings: tuple[str, ...] = ()
    implicit: Callable[[str], Host] = field(repr=False, compare=False, kw_only=True)
    reload: Callable[[Path], Inventory] = field(repr=False, compare=False, kw_only=True)
    joined: Joined = field(repr=False, compare=False, kw_only=True)

    def host(self, name: str) -> Host | None:
        """Return a host by name; this machine under its local names even when nobody listed it.

        Where it is listed under one of them, that host answers to all of them.
        """
        if name in self.hosts or name not in LOCALHOST:
            return self.hosts.get(name)
        listed = next((self.hosts[one] for one in self.hosts if one in LOCALHOST), None)
        return listed or self.implicit(name)

    def select(self, pattern: str, limit: str | None = None) -> list[Host]:
        """Return the hosts that a pattern names and a limit allows, in the pattern's order.

        A name nobody knows matches nothing (`unmatched` tells). Raises `UsageError` for an empty
        pattern, a broken regular expression, a subscript past the end and a limit file that cannot
        be read.
        """
        chosen = patterns.evaluate(self, patterns.split(pattern))
        return (
            chosen if limit is None else patterns.within(self, chosen, patterns.split_limit(limit))
        )

    def check_limit(self, limit: str | None) -> None:
        """Refuse, as `UsageError`, a limit that names something nobody knows, or nobody at all."""
        if limit is None:
            return
        unknown = self.unmatched(limit)
        if unknown:
            close = nearest(unknown[0].lstrip("&!"), [*self.hosts, *self.groups])
            hint = f"did you mean {close}?" if close else "name hosts or groups of the inventory"
            raise UsageError(f"--limit: no host or group matches {', '.join(unknown)}", hint=hint)
        if not self.select("all", limit) and not self.select(limit):
            raise UsageError(f"--limit {limit} leaves no host")

    def unmatched(self, pattern: str) -> list[str]:
        """Return the parts of a pattern or limit that match no host and no group."""
        return patterns.unmatched(self, patterns.split_limit(pattern))

    def beside(self, playbook_dir: Path) -> Inventory:
        """Return this inventory with the playbook's own ``group_vars`` and ``host_vars`` in it."""
        return self.reload(playbook_dir)

    def with_host(
        self, name: str, groups: Sequence[str], parents: Sequence[str], variables: Mapping[str, Any]
    ) -> Inventory:
        """Return this inventory with a host in more groups and with more variables.

        Hosts and groups are made when they are new; each of ``parents`` contains all ``groups``.
        Only the newest inventory may be asked, and only one that `beside` returned.
        """
        return self.joined(self, name, groups, parents, variables)
