"""A drill on paper: its playbook run against an imagined cluster, to be looked at beforehand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from raftfleet.drill.declaration import Declaration, parse_declaration, resolved
from raftfleet.errors import UsageError
from raftfleet.playbook import Scope
from raftfleet.playbook.module import Result, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from raftfleet.drill.imagined import Imagined
    from raftfleet.errors import Mark
    from raftfleet.playbook.extension import PlayInfo
    from raftfleet.playbook.module import Argument, Module, ModuleContext

__all__ = ["PaperExtension", "on_paper"]

_REAL = frozenset({"assert", "debug", "fail", "set_fact"})
"""Modules that do no more than look at variables: they run on paper as they do in earnest."""


class PaperExtension:
    """Takes the place of `DrillExtension`: what comes before and after the tasks is written down."""

    forbids: tuple[str, ...] = ("serial", "max_fail_percentage")

    def __init__(self, imagined: Imagined) -> None:
        self._imagined = imagined

    def parse(self, value: Any, mark: Mark | None) -> Declaration:
        """Read the declaration when the playbook is loaded."""
        return parse_declaration(value, mark)

    def wrap(self, parsed: Declaration, play: PlayInfo, proceed: Callable[[], None]) -> None:
        """Write the drill down around its tasks."""
        if not play.everyone:
            raise UsageError(
                f"the drill {parsed.id} has no nodes: no host matches {play.pattern!r}"
            )
        variables = play.variables(play.everyone[0].name)
        drill = resolved(parsed, Scope([variables]).template, variables)
        self._imagined.begin(drill)
        proceed()
        self._imagined.finish(drill)


def on_paper(modules: Mapping[str, Module], imagined: Imagined) -> dict[str, Module]:
    """Return modules that write down what they would do; those that only compute stay as they are."""
    return {
        name: module if name in _REAL else cast("Module", _Paper(module, imagined))
        for name, module in modules.items()
    }


class _Paper:
    """Stands in for a module that acts on a host."""

    local = True

    def __init__(self, module: Module, imagined: Imagined) -> None:
        self.name = module.name
        self.arguments: Mapping[str, Argument] = module.arguments
        self.free_form = module.free_form
        self.once = module.once
        self.raw = module.raw
        self._imagined = imagined

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        """Write down what would be done; say that it went well."""
        given = {
            name: value
            for name, value in arguments.items()
            if value is not None and value != self.arguments[name].default
        }
        shown = " ".join(f"{name}={value}" for name, value in given.items())
        seconds = float(given.get("seconds", 0) or 0) if self.name == "pause" else context.deadline
        self._imagined.note(context.host.name, f"{self.name} {shown}".strip(), seconds)
        return Result(Status.OK, values={"stdout": "", "stdout_lines": [], "rc": 0})
