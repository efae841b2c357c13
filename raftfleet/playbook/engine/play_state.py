"""One play while it runs: its hosts, its batch, who is out, who was notified."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from raftfleet.inventory import Host

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from raftfleet.playbook.engine.frame import Frame
    from raftfleet.playbook.syntax.nodes import Handler, Play, Role, RoleUse

__all__ = ["HandlerEntry", "PlayState"]


@dataclass(slots=True, eq=False)
class HandlerEntry:
    """A handler with its frame, and the hosts that have notified it since it last ran."""

    handler: Handler
    frame: Frame
    source: int
    role: str | None = None
    name: str | None = None
    notified: dict[str, None] = field(default_factory=dict)

    @property
    def names(self) -> set[str]:
        """What it answers to, beside the topics it listens to."""
        if self.name is None:
            return set()
        return {self.name, f"{self.role} : {self.name}"} if self.role else {self.name}


@dataclass(slots=True)
class PlayState:
    """What changes while a play runs.

    ``everyone`` are all hosts of the play in inventory order, ``batch`` those whose turn it is, in
    the order of execution. ``gone`` take no further part: unreachable, ended, or failed for good.
    ``failed`` failed without rescue; in an `always` they still take part, and only those that have
    none before them, and no forced handlers, are ``fallen``, which `max_fail_percentage` counts.
    ``forced``: handlers run on hosts that have failed too. ``pardoned`` have not failed since
    `clear_host_errors`, ``leaving`` skip the rest of their role. ``past`` went down with a `run_once`
    that failed on another host: the block around it does nothing for them.
    ``done_roles`` are the hosts that have had a use of a role, by its identity; ``active`` those on
    which a task of a role was not skipped, by its path: others have not had it.
    ``pending`` are notifications by host, until handlers are flushed.
    ``doomed``: a failure ended the play for every host; ``silent``: with it `max_fail_percentage`
    was exceeded, and not even forced handlers run. ``over``: no further batch.
    """

    play: Play
    name: str
    everyone: list[Host]
    frame: Frame
    roles: list[RoleUse]
    forced: bool = False
    batch: list[Host] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    fallen: set[str] = field(default_factory=set)
    pardoned: set[str] = field(default_factory=set)
    leaving: set[str] = field(default_factory=set)
    past: set[str] = field(default_factory=set)
    ended: bool = False
    over: bool = False
    doomed: bool = False
    silent: bool = False
    handlers: list[HandlerEntry] = field(default_factory=list)
    pending: dict[str, dict[str, None]] = field(default_factory=dict)
    done_roles: dict[str, set[str]] = field(default_factory=dict)
    active: dict[Path, set[str]] = field(default_factory=dict)
    vars_files: dict[str, tuple[Mapping[str, Any], ...]] = field(default_factory=dict)

    def begin(self, batch: list[Host]) -> None:
        """Start with the next batch of hosts."""
        self.batch = batch
        self.ended = False
        self.pending.clear()
        for entry in self.handlers:
            entry.notified.clear()

    def welcome(self, name: str) -> None:
        """Count a host that has just been added; it gets no tasks in this play."""
        if all(host.name != name for host in self.everyone):
            self.everyone = [*self.everyone, Host(name)]

    def be_active(self, role: Role, name: str) -> None:
        """Note that a task of a role was not skipped on a host."""
        self.active.setdefault(role.path, set()).add(name)

    def leave(self, failed: set[str]) -> set[str]:
        """Leave the innermost block; return which of its failed hosts it does nothing for."""
        past = self.past & failed
        self.past -= past
        return past

    def hosts_in_play(self) -> list[str]:
        """Return the names of all hosts that are still in the play."""
        out = self.gone | self.failed
        return [host.name for host in self.everyone if host.name not in out]

    def hosts_in_batch(self) -> list[str]:
        """Return the names of the batch's hosts that are still in the play, as they are run."""
        left = set(self.hosts_in_play())
        return [host.name for host in self.batch if host.name in left]

    def present(self, hosts: Sequence[Host]) -> list[Host]:
        """Return those hosts that still take part."""
        return [] if self.ended else [host for host in hosts if host.name not in self.gone]

    def standing(self) -> list[Host]:
        """Return those hosts of the batch that take part and have not failed."""
        return [host for host in self.present(self.batch) if host.name not in self.failed]

    def role_names(self) -> list[str]:
        """Return the names of the play's roles, those that others need left out."""
        return [use.role.name for use in self.roles]

    def exported(self) -> list[Role]:
        """Return the roles whose defaults and variables the whole play sees, the strongest first."""
        return [use.role for use in reversed(self.roles) if use.public]
