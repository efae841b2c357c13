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

__all__ = ["Argument", "Module", "ModuleContext", "Placement", "Result", "Status"]


def _never() -> bool:
    return False


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
class Placement:
    """A host, new or known, with more variables and in more groups; ``parents`` contain these."""

    host: str
    groups: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    variables: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Result:
    """What a module hands back; ``values`` is what `register` sees beside changed, failed, msg.

    A module that failed and yet may have changed something (a command) says ``changed: True`` in
    ``values``: `failed_when: false` must not turn it into a task that changed nothing.
    ``facts`` are set on the host as `set_fact` does. ``gathered`` was found out about the host, as
    `setup` does: it goes below play variables and into ``ansible_facts``. ``included`` are
    variables read from a file of the playbook, templates in them included. ``placements`` put
    hosts into groups for the rest of the run. ``diff`` is (before, after) as text. ``quiet``: the
    result is registered, and not worth showing.
    """

    status: Status = Status.OK
    msg: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    gathered: Mapping[str, Any] = field(default_factory=dict)
    included: Mapping[str, Any] = field(default_factory=dict)
    placements: tuple[Placement, ...] = ()
    diff: tuple[str, str] | None = None
    quiet: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleContext:
    """What a module may use while it runs.

    ``host`` and ``transport`` are those of the task's (delegated) host; a module with ``once``
    gets those of the first host of the batch. ``hosts`` are all hosts of the play that are still
    in it. ``template`` renders a text with the task's variables: one lone expression keeps its
    type. A text whose mark's source is the text itself is a file: Jinja's own escapes apply, and
    errors name the line. ``condition`` evaluates one condition, or a list of which all must hold;
    it raises when the outcome is no boolean or the condition is not the author's own text. ``find(kind, name)`` looks a file up as Ansible
    does: in ``files`` or ``templates`` (``kind``) of the role, beside the tasks, beside the
    playbook. ``deadline`` is seconds for the module as a whole. ``environment`` and ``become``
    apply to every command. ``progress(text, done=None, total=None)`` shows something while the
    module is busy. ``stopping`` says that the run was interrupted: a module that waits
    asks it at every turn and gives up.
    """

    host: Host
    transport: Transport
    hosts: Sequence[Host]
    variables: Mapping[str, Any]
    template: Callable[[str], Any]
    condition: Callable[[Any], bool]
    find: Callable[[str, str], Path]
    check_mode: bool
    diff: bool
    deadline: float
    clock: Clock
    environment: Mapping[str, str]
    become: str | None
    progress: Callable[..., None]
    mark: Mark | None = None
    stopping: Callable[[], bool] = _never


class Module(Protocol):
    """A task module. One object serves all hosts and threads: it keeps no state of its own.

    ``arguments`` declares every argument; the key ``*`` stands for any other name (`set_fact`).
    `run` is given all declared arguments under their own names (never an alias), converted to
    their kind, with the default where the task says nothing, as plain dict, list and str.
    ``free_form`` names the argument that takes a task's plain string (`command: ls`), or is None.
    ``once``: run once per task and not once per host, as Ansible's `pause` does.
    ``local``: needs no connection. ``raw`` names arguments that are not templated (conditions).
    A module may have ``exclusive`` and ``one_of`` too: groups of names of which at most one may,
    or at least one has to be given; and ``nullable``: names for which null is a value, where it
    otherwise counts as not given.
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
