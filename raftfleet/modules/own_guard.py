"""What a module of somebody's own must be, and what keeps its mistakes apart from ours."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from raftfleet.errors import RaftfleetError, TaskError, UsageError
from raftfleet.modules.base import GenericModule
from raftfleet.playbook.module import Argument, Result
from raftfleet.playbook.syntax.kinds import KINDS

if TYPE_CHECKING:
    from raftfleet.playbook.module import Module, ModuleContext

__all__ = ["Complaint", "Guarded", "check"]

Complaint = Callable[[str, str | None], UsageError]
"""Makes of a message and a hint the error that names where the module comes from."""

_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")


class Guarded:
    """A module of somebody's own: what it does not say is as usual, and its mistakes are its own.

    An exception that it does not mean to raise fails the task, with the place in its file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module
        self.name = module.name
        self.arguments: Mapping[str, Argument] = getattr(module, "arguments", MappingProxyType({}))
        self.free_form: str | None = getattr(module, "free_form", None)
        self.once = bool(getattr(module, "once", False))
        self.local = bool(getattr(module, "local", False))
        self.raw = frozenset(getattr(module, "raw", ()))

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        """Run the module."""
        try:
            result = self._module.run(arguments, context)
        except RaftfleetError:
            raise
        except Exception as error:
            frame = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{_short(Path(frame.filename))}:{frame.lineno}"
            raise TaskError(f"{type(error).__name__}: {error} ({where})") from error
        if not isinstance(result, Result):
            raise TaskError(f"the module {self.name} returned {result!r}, and not a Result")
        return result


def check(module: Module, complaint: Complaint) -> None:
    """Complain about what would otherwise go wrong in the middle of a run."""
    name = getattr(module, "name", None)
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise complaint(
            f"name is {name!r}, and must be what a task calls the module by",
            'small letters, digits and _: name = "restart_app"',
        )
    run = getattr(type(module), "run", None)
    if not callable(run) or run is GenericModule.run:
        raise complaint(
            f"the module {name!r} has no method run",
            "def run(self, arguments, context): ... return Result(...)",
        )
    _check_arguments(Guarded(module), complaint)


def _check_arguments(module: Module, complaint: Complaint) -> None:
    arguments: object = module.arguments
    if not isinstance(arguments, Mapping):
        raise complaint(
            f"arguments of {module.name!r} is no mapping", 'arguments = {"path": Argument()}'
        )
    for word, argument in arguments.items():
        if not isinstance(word, str) or not isinstance(argument, Argument):
            raise complaint(
                f"arguments of {module.name!r}: {word!r} is declared as {argument!r}",
                "each is an Argument: Argument(kind='path', required=True)",
            )
        if argument.kind not in KINDS:
            raise complaint(
                f"arguments of {module.name!r}: {word} is of the unknown kind {argument.kind!r}",
                f"kinds: {', '.join(sorted(KINDS))}",
            )
    if module.free_form is not None and module.free_form not in arguments:
        raise complaint(
            f"free_form of {module.name!r} names no argument: {module.free_form!r}", None
        )
    if not set(module.raw) <= set(arguments):
        unknown = ", ".join(sorted(set(module.raw) - set(arguments)))
        raise complaint(f"raw of {module.name!r} names no argument: {unknown}", None)


def _short(path: Path) -> Path:
    """Return a path as people wrote it, when it lies below the current folder."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
