"""A play's header: what it sees, which is everything but what depends on a host, and says."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from raftfleet.errors import RaftfleetError, SourceError
from raftfleet.inventory import Host
from raftfleet.playbook.engine import magic
from raftfleet.playbook.engine.vars_files import read_vars_files
from raftfleet.playbook.syntax.kinds import to_flag
from raftfleet.playbook.syntax.plays import ONLY_LINEAR, ORDERS, STRATEGIES
from raftfleet.playbook.syntax.reading import place
from raftfleet.playbook.templating import Omit
from raftfleet.playbook.together import together

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from raftfleet.playbook.engine.frame import Frame
    from raftfleet.playbook.engine.variables import Variables
    from raftfleet.playbook.syntax.load import Library
    from raftfleet.playbook.syntax.nodes import Play, RoleUse
    from raftfleet.playbook.templating import Scope

__all__ = ["evaluated", "header_of"]

_OF_ONE_HOST: Final = frozenset(
    {"inventory_hostname", "inventory_hostname_short", "group_names", "ansible_facts"}
)


def header_of(
    play: Play,
    uses: Sequence[RoleUse],
    variables: Variables,
    library: Library,
    frame: Frame | None = None,
) -> Scope:
    """Return the variables that a play has without any host: `-e`, its own, those of its roles.

    ``uses`` are the roles. Of `vars_files` those count that can be read without a host. ``frame``
    adds what holds at a place inside the play.
    """
    roles = [use.role for use in reversed(uses) if use.public]
    weaker = together(
        play.settings.variables,
        *(frame.role_defaults if frame else ()),
        *(part for role in roles for part in (role.defaults, role.needed_defaults)),
    )
    stronger = (
        *((*frame.parameters, *frame.layers, *frame.role_variables) if frame else ()),
        *(part for role in roles for part in (role.variables, role.needed_variables)),
    )
    read = _files(play, variables.of_play(together(*stronger, weaker)), library)
    scope = variables.of_play(together(*stronger, *read, weaker))
    return scope.over(magic.Lazy(_of_run(variables)))


def _files(play: Play, scope: Scope, library: Library) -> Iterator[Mapping[str, Any]]:
    """Yield what stands in the files of variables, the strongest first.

    One that cannot be read may need a host: tasks read all of them again, and say what is wrong.
    """
    for entry in reversed(play.vars_files):
        with suppress(RaftfleetError):
            yield from read_vars_files(replace(play, vars_files=(entry,)), scope, library)


def _of_run(variables: Variables) -> dict[str, Any]:
    """Return the variables that nobody defines and that are the same for all hosts."""
    known = magic.of_host(Host(""), variables)
    return {name: make for name, make in known.items() if name not in _OF_ONE_HOST}


def evaluated(play: Play, scope: Scope) -> Play:
    """Return a play whose header holds values, where templates may have stood.

    Raises `SourceError` for one that cannot be evaluated, or comes out as something else.
    """
    header = _Header(play, scope)
    return replace(
        play,
        gather_facts=header.value("gather_facts", to_flag, "true or false"),
        force_handlers=header.value("force_handlers", to_flag, "true or false"),
        max_fail_percentage=header.value("max_fail_percentage", _percentage, "a number"),
        order=header.value("order", _one_of(ORDERS), f"one of {', '.join(ORDERS)}") or ORDERS[0],
        strategy=header.value("strategy", _one_of(STRATEGIES), "linear", hint=ONLY_LINEAR),
        serial=tuple(size for written in play.serial for size in header.several(written)),
    )


@dataclass(frozen=True, slots=True)
class _Header:
    play: Play
    scope: Scope

    def value(
        self, key: str, convert: Callable[[Any], Any], wanted: str, *, hint: str | None = None
    ) -> Any:
        """Return what a keyword says; None when it says nothing."""
        written = getattr(self.play, key)
        value = self.scope.template(written)
        if value is None or isinstance(value, Omit):
            return None
        try:
            return convert(value)
        except (TypeError, ValueError):
            mark = place(written, self.play.mark)
            raise SourceError(f"{key}: wants {wanted}, not {value!r}", mark, hint=hint) from None

    def several(self, written: Any) -> list[Any]:
        """Return what stands for one value or several."""
        value = self.scope.template(written)
        return value if isinstance(value, list) else [value]


def _percentage(value: Any) -> float:
    if isinstance(value, bool):
        raise TypeError
    return float(str(value).replace("%", ""))


def _one_of(words: Sequence[str]) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        return words[words.index(value)]

    return check
