"""A task about to run on some hosts, and what running it needs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from raftfleet.playbook.engine.files import Finder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from raftfleet.clock import Clock
    from raftfleet.inventory import Host
    from raftfleet.playbook.engine.frame import Frame
    from raftfleet.playbook.engine.options import Options
    from raftfleet.playbook.engine.play_state import PlayState
    from raftfleet.playbook.engine.recorder import Recorder
    from raftfleet.playbook.engine.variables import Variables
    from raftfleet.playbook.syntax.load import Library
    from raftfleet.playbook.syntax.nodes import Task
    from raftfleet.playbook.templating import Scope
    from raftfleet.transport.protocol import Transport

__all__ = ["Job", "Services", "Stop", "Transports"]


class Stop(Protocol):
    """Whether the run was interrupted; a `threading.Event` is one."""

    def is_set(self) -> bool:
        """Return True once the run is to end."""
        ...


class Transports(Protocol):
    """Gives a host's transport, connected."""

    def __call__(self, host: Host, *, timeout: float = math.inf) -> Transport:
        """Return it; raise `UnreachableError` when that fails, or takes longer than ``timeout``.

        The timeout, in seconds, is what a task has for all it does; a host's own for connecting
        may be shorter.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What every part of a run uses."""

    options: Options
    clock: Clock
    recorder: Recorder
    transports: Transports
    stop: Stop
    variables: Variables
    library: Library


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A task with its frame, the same for all hosts it runs on."""

    number: int
    task: Task
    frame: Frame
    state: PlayState
    hosts: Sequence[Host]
    provided: Mapping[str, Any]
    services: Services

    def scope(self, host: Host, fresh: Mapping[str, Any] | None = None) -> Scope:
        """Return the task's variables on a host."""
        services = self.services
        finder = Finder.of(self.task, self.frame, self.state.play.file.parent)
        return services.variables.of_task(
            host, self.state, self.frame, finder, self.provided, fresh
        )
