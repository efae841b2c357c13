"""What holds for a task because of where it stands: settings, roles and variables on the way to it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from raftfleet.playbook.syntax.nodes import Role, RoleUse, Settings

__all__ = ["Frame"]

_REACH = {"connection": "ansible_connection", "remote_user": "ansible_user"}


@dataclass(frozen=True, slots=True)
class Frame:
    """The way from the play down to a task.

    ``layers`` are the variables of blocks, imports and tasks, the innermost first; ``passed`` what
    includes pass on, which wins over facts. ``uses`` are the roles on the way, the innermost last.
    ``rescuable``: a failure here leads to some block's rescue; ``awaited``: to some always.
    ``handling``: this is a handler, or what one includes.
    """

    settings: Settings
    layers: tuple[Mapping[str, Any], ...] = ()
    passed: tuple[Mapping[str, Any], ...] = ()
    uses: tuple[RoleUse, ...] = ()
    rescuable: bool = False
    awaited: bool = False
    handling: bool = False

    def enter(self, settings: Settings) -> Frame:
        """Return the frame inside a block or task with these settings."""
        layers = (settings.variables, *self.layers) if settings.variables else self.layers
        return replace(self, settings=self.settings.around(_bare(settings)), layers=layers)

    def enter_role(self, use: RoleUse) -> Frame:
        """Return the frame inside a role.

        A role that imports or includes another passes its own parameters on once more, and they
        win over those of the roles that the other one needs.
        """
        inner = self.enter(use.settings)
        again = self.uses[-1].parameters if use.imported and self.uses else {}
        passed = (again, *self.passed) if again else self.passed
        return replace(inner, uses=(*self.uses, use), passed=passed)

    def including(self, passed: Mapping[str, Any], apply: Settings | None) -> Frame:
        """Return the frame inside an included file or role.

        Of the include itself only its variables reach inside, and what ``apply`` says.
        """
        frame = replace(self, passed=(passed, *self.passed)) if passed else self
        return frame.enter(apply) if apply else frame

    def guarded(self, *, rescue: bool, always: bool) -> Frame:
        """Return the frame inside a block that may have a rescue and an always."""
        return replace(self, rescuable=self.rescuable or rescue, awaited=self.awaited or always)

    @property
    def role(self) -> Role | None:
        """The role that this is part of."""
        return self.uses[-1].role if self.uses else None

    @property
    def roles(self) -> list[Role]:
        """The role that this is part of, and those that led to it, the innermost first."""
        return [use.role for use in reversed(self.uses)]

    @property
    def parameters(self) -> tuple[Mapping[str, Any], ...]:
        """What wins over facts, the strongest first."""
        return (*self.passed, *(use.parameters for use in reversed(self.uses)))

    @property
    def role_variables(self) -> Iterator[Mapping[str, Any]]:
        """The variables of the roles on the way, the strongest first.

        An entry's own `vars` win over the variables of its role only inside that very role.
        """
        *outer, inner = self.uses or (None,)
        if inner is not None:
            yield from (inner.variables, inner.role.variables, inner.role.needed_variables)
        for use in reversed(outer):
            yield from (use.role.variables, use.variables)

    @property
    def role_defaults(self) -> Iterator[Mapping[str, Any]]:
        """The defaults of the roles on the way, the strongest first."""
        yield from (role.defaults for role in self.roles)
        if self.role is not None:
            yield self.role.needed_defaults

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
