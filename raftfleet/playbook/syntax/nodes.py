"""What a playbook says, read and checked but not yet run: plays, blocks, tasks, roles.

Values stay as they were written, templates included; nothing here changes after loading.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from raftfleet.errors import Mark
    from raftfleet.playbook.module import Argument, Module

__all__ = [
    "Block",
    "Handler",
    "HandlerList",
    "Loop",
    "Node",
    "Play",
    "Retry",
    "Role",
    "RoleUse",
    "Settings",
    "Signature",
    "Task",
]


@dataclass(frozen=True, slots=True)
class Settings:
    """What a play, block, role entry or task says for itself and for everything inside it.

    ``values`` holds plain keywords (become, no_log, ...), where the nearer place wins, as it does
    for ``notify``; the other fields add up on the way from the play to the task. Tags may be
    templates until their play or include begins.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, Any] = field(default_factory=dict)
    conditions: tuple[Any, ...] = ()
    tags: frozenset[str] = frozenset()
    environment: tuple[Any, ...] = ()
    notify: tuple[Any, ...] = ()

    def around(self, inner: Settings) -> Settings:
        """Return these settings and the inner ones in one; of variables the inner win."""
        return Settings(
            {**self.values, **inner.values},
            {**self.variables, **inner.variables},
            self.conditions + inner.conditions,
            self.tags | inner.tags,
            self.environment + inner.environment,
            inner.notify or self.notify,
        )


@dataclass(frozen=True, slots=True)
class Signature:
    """What the engine's own actions (`meta`, `include_tasks`) tell of themselves, as modules do."""

    name: str
    arguments: Mapping[str, Argument]
    free_form: str | None = None
    raw: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Loop:
    """A task's loop: ``items`` as written; ``form`` is loop, with_items or with_dict."""

    items: Any
    form: str = "loop"
    variable: str = "item"
    index: str | None = None
    label: Any = None
    pause: Any = 0
    extended: bool = False
    all_items: bool = True
    break_when: tuple[Any, ...] = ()
    mark: Mark | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """How often a task is tried again, and until when."""

    until: tuple[Any, ...] = ()
    retries: Any = None
    delay: Any = 5


@dataclass(frozen=True, slots=True)
class Task:
    """One action. ``module`` is None for what the engine does itself (`meta`, `include_tasks`).

    ``written`` is the action's name as the task has it, maybe with `ansible.builtin.` before it.
    ``arguments`` stand under their declared names; ``directory`` is the folder of its file.
    """

    name: str | None
    action: str
    module: Module | None
    arguments: Mapping[str, Any]
    settings: Settings
    mark: Mark
    directory: Path
    loop: Loop | None = None
    register: str | None = None
    retry: Retry | None = None
    changed_when: tuple[Any, ...] = ()
    failed_when: tuple[Any, ...] = ()
    apply: Settings | None = None
    written: str = ""

    @property
    def title(self) -> str:
        """The name, or the action's, both as written; with it which role is included."""
        action = self.written or self.action
        if self.name is None and self.action == "include_role":
            return f"{action} : {self.arguments.get('name')}"
        return self.name or action


@dataclass(frozen=True, slots=True)
class Block:
    """Tasks with common settings; ``rescue`` runs where one failed, ``always`` everywhere."""

    settings: Settings
    body: tuple[Node, ...]
    rescue: tuple[Node, ...] = ()
    always: tuple[Node, ...] = ()
    name: str | None = None
    mark: Mark | None = None


@dataclass(frozen=True, slots=True)
class Handler:
    """A task that runs when it was notified, by its name or by a topic it listens to."""

    task: Task
    listen: tuple[str, ...] = ()


HandlerList: TypeAlias = tuple[Handler, ...]


@dataclass(frozen=True, slots=True)
class Role:
    """A role as its folder holds it; ``dependencies`` run before it.

    ``needed_defaults`` and ``needed_variables`` are those of the roles it depends on.
    """

    name: str
    path: Path
    defaults: Mapping[str, Any]
    variables: Mapping[str, Any]
    tasks: tuple[Node, ...]
    handlers: HandlerList
    dependencies: tuple[RoleUse, ...] = ()
    allow_duplicates: bool = False
    needed_defaults: Mapping[str, Any] = field(default_factory=dict)
    needed_variables: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RoleUse:
    """A role at one place. ``parameters`` win over facts, an entry's ``variables`` do not.

    ``imported`` by a task (or included), not named in a list of roles. ``once`` roles run a second
    time only when something differs; ``public`` ones show their defaults and variables to the whole
    play.
    """

    role: Role
    settings: Settings
    parameters: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, Any] = field(default_factory=dict)
    imported: bool = False
    once: bool = True
    public: bool = True
    mark: Mark | None = None

    @property
    def identity(self) -> str:
        """What makes two uses of a role the same use; of an import only its variables count."""
        said: tuple[object, ...] = (self.parameters, self.variables, self.imported)
        if not self.imported:
            said = (*said, self.settings.conditions, sorted(self.settings.tags))
        return repr((str(self.role.path), said, len(self.role.tasks)))


Node: TypeAlias = Task | Block | RoleUse


@dataclass(frozen=True, slots=True)
class Play:
    """Tasks for the hosts of a pattern. ``file`` is where it stands, ``extensions`` what `drill:` and the like say.

    What stands in its header may be a template until the play begins.
    """

    name: str | None
    hosts: Any
    settings: Settings
    file: Path
    mark: Mark
    pre_tasks: tuple[Node, ...] = ()
    roles: tuple[RoleUse, ...] = ()
    tasks: tuple[Node, ...] = ()
    post_tasks: tuple[Node, ...] = ()
    handlers: HandlerList = ()
    vars_files: tuple[Any, ...] = ()
    gather_facts: Any = None
    fact_arguments: Mapping[str, Any] = field(default_factory=dict)
    serial: tuple[Any, ...] = ()
    max_fail_percentage: Any = None
    force_handlers: Any = None
    order: str = "inventory"
    strategy: str = "linear"
    extensions: Mapping[str, object] = field(default_factory=dict)

    @property
    def sections(self) -> tuple[tuple[Node, ...], ...]:
        """The three sections after each of which handlers run."""
        return (self.pre_tasks, (*self.roles, *self.tasks), self.post_tasks)
