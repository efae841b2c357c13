"""What holds for a task because of where it stands: settings, roles and variables on the way to it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.playbook.syntax.nodes import Role, RoleUse, Settings

__all__ = ["Frame"]

_REACH = {"connection": "ansible_connection", "remote_user": "ansible_user"}


@dataclass(frozen=True, slots=True)
class Frame:
    """The way from the play down to a task.

    ``layers`` are the variables of blocks, role entries and tasks, the innermost first;
    ``parameters`` those that win over facts (role parameters, what an include passes on).
    ``rescuable``: a failure here leads to some block's rescue; ``awaited``: to some always.
    ``handling``: this is a handler, or what one includes.
    """

    settings: Settings
    layers: tuple[Mapping[str, Any], ...] = ()
    parameters: tuple[Mapping[str, Any], ...] = ()
    roles: tuple[Role, ...] = ()
    rescuable: bool = False
    awaited: bool = False
    handling: bool = False

    def enter(self, settings: Settings) -> Frame:
        """Return the frame inside a block or task with these settings."""
        layers = (settings.variables, *self.layers) if settings.variables else self.layers
        return replace(self, settings=self.settings.around(_bare(settings)), layers=layers)

    def enter_role(self, use: RoleUse) -> Frame:
        """Return the frame inside a role."""
        inner = self.enter(use.settings)
        parameters = (use.parameters, *self.parameters) if use.parameters else self.parameters
        return replace(inner, roles=(*self.roles, use.role), parameters=parameters)

    def including(self, passed: Mapping[str, Any], apply: Settings | None) -> Frame:
        """Return the frame inside an included file or role.

        Of the include itself only its variables reach inside, and what ``apply`` says.
        """
        frame = replace(self, parameters=(passed, *self.parameters)) if passed else self
        return frame.enter(apply) if apply else frame

    def guarded(self, *, rescue: bool, always: bool) -> Frame:
        """Return the frame inside a block that may have a rescue and an always."""
        return replace(self, rescuable=self.rescuable or rescue, awaited=self.awaited or always)

    @property
    def role(self) -> Role | None:
        """The role that this is part of."""
        return self.roles[-1] if self.roles else None

    @property
    def reach(self) -> dict[str, Any]:
        """What the keywords `connection` and `remote_user` say, by the variables that outrank them."""
        said = {name: self.value(keyword) for keyword, name in _REACH.items()}
        return {name: value for name, value in said.items() if value is not None}

    def value(self, key: str, default: Any = None) -> Any:
        """Return a keyword's value as the nearest place says it."""
        return self.settings.values.get(key, default)


def _bare(settings: Settings) -> Settings:
    """Return settings without variables: those are layers here."""
    return replace(settings, variables={}) if settings.variables else settings
