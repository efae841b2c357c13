"""What a task module is to the engine: its arguments, its context, its result.

The engine imports no module: they are handed to it by name.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from raftfleet.clock import Clock
    from raftfleet.errors import Mark
    from raftfleet.inventory import Host
    from raftfleet.transport.protocol import Transport

__all__ = ["Argument", "Module", "ModuleContext", "Result", "Status"]


class Status(enum.StrEnum):
    """What a task came to on one host."""

    OK = "ok"
    CHANGED = "changed"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a module.

    ``kind`` is one of str, int, float, bool, path, list, dict, raw, mode; ``choices`` bounds a
    str. A value of the wrong kind is refused with its place before the module runs.
    """

    kind: str = "str"
    required: bool = False
    default: object = None
    choices: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """What a module hands back; ``values`` is what `register` sees beside changed, failed, msg.

    ``facts`` are set on the host as `set_fact` does. ``diff`` is (before, after) as text.
    """

    status: Status = Status.OK
    msg: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    diff: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleContext:
    """What a module may use while it runs.

    ``host`` and ``transport`` are those of the task's (delegated) host; a module with ``once``
    gets those of the first host of the batch. ``hosts`` are all hosts of the play that are still
    in it. ``template`` renders a text with the task's variables; ``find`` looks a file up as
    Ansible does (role ``files/`` or ``templates/``, then the playbook's folder). ``deadline`` is
    seconds for the module as a whole. ``environment`` and ``become`` apply to every command.
    """

    host: Host
    transport: Transport
    hosts: Sequence[Host]
    variables: Mapping[str, Any]
    template: Callable[[str], Any]
    find: Callable[[str, str], Path]
    check_mode: bool
    diff: bool
    deadline: float
    clock: Clock
    environment: Mapping[str, str]
    become: str | None
    progress: Callable[..., None]
    mark: Mark | None = None


class Module(Protocol):
    """A task module. One object serves all hosts and threads: it keeps no state of its own.

    ``free_form`` names the argument that takes a task's plain string (`command: ls`), or is None.
    ``once``: run once per task and not once per host, as Ansible's `pause` does.
    ``local``: needs no connection. ``raw`` names arguments that are not templated (conditions).
    """

    name: str
    arguments: Mapping[str, Argument]
    free_form: str | None
    once: bool
    local: bool
    raw: frozenset[str]

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        """Do it; raise `raftfleet.errors.TaskError` to fail with a message."""
        ...
