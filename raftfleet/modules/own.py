"""Modules that do not ship with raftfleet: of a project's folders, and of installed packages.

A file's classes that have a ``name`` and a ``run`` are its modules. Whatever is wrong with one is
told with file and line before anything runs.
"""

from __future__ import annotations

import importlib.util
import inspect
import re
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, cast

from raftfleet.errors import Mark, RaftfleetError, SourceError, TaskError, UsageError
from raftfleet.modules.base import GenericModule
from raftfleet.playbook.module import Argument, Result
from raftfleet.playbook.syntax.actions import DYNAMIC, STATIC
from raftfleet.playbook.syntax.kinds import KINDS
from raftfleet.playbook.syntax.words import BLOCK, HANDLER

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from importlib.metadata import EntryPoint
    from types import ModuleType

    from raftfleet.playbook.module import Module, ModuleContext

__all__ = ["GROUP", "own_modules"]

GROUP: Final = "raftfleet.modules"
"""The entry point group of modules that packages bring along."""

_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")
_TAKEN: Final = {*DYNAMIC, *STATIC, *BLOCK, *HANDLER, "add_host", "group_by", "include_vars"}


class _Guarded:
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


@dataclass(frozen=True, slots=True)
class _Found:
    """A module, and how to complain about it."""

    module: Module
    where: str
    complaint: Callable[[str, str | None], UsageError]


def own_modules(folders: Iterable[Path], shipped: Collection[str]) -> dict[str, Module]:
    """Return the modules of folders and of installed packages by name.

    ``shipped`` are names that are taken. Raises `SourceError` with file and line, or `UsageError`
    with the package, for a module that cannot be loaded, is incomplete, or has another's name.
    """
    known: dict[str, _Found] = {}
    for found in (*_of_packages(), *_of_folders(folders)):
        _check(found)
        name = found.module.name
        if name in shipped or name in _TAKEN:
            what = (
                "a module that ships with raftfleet" if name in shipped else "a word of playbooks"
            )
            raise found.complaint(f"the name {name!r} is that of {what}", "give it another")
        if name in known:
            other = known[name].where
            raise found.complaint(f"there is another module {name!r}: {other}", None)
        known[name] = found
    return {name: _Guarded(found.module) for name, found in known.items()}


# --- where they come from -----------------------------------------------------------------------


def _of_folders(folders: Iterable[Path]) -> Iterator[_Found]:
    for folder in folders:
        for path in sorted(folder.glob("*.py")):
            if not path.name.startswith("_"):
                yield from _of_file(path)


def _of_file(path: Path) -> Iterator[_Found]:
    """Yield the modules of a file; one without any is a mistake."""
    loaded = _loaded(path)
    classes = [
        kind
        for kind in vars(loaded).values()
        if inspect.isclass(kind) and kind.__module__ == loaded.__name__ and _is_module(kind)
    ]
    if not classes:
        raise SourceError(
            "there is no module in this file: a class with a name and a method run",
            _mark(path, 1),
            hint="a file whose name begins with _ is not looked at",
        )
    for kind in classes:
        yield _made(kind, _place_of(kind, path))


def _is_module(kind: type) -> bool:
    """Whether a class means to be a task module."""
    alike = hasattr(kind, "run") and hasattr(kind, "name")
    return not kind.__name__.startswith("_") and (alike or issubclass(kind, GenericModule))


def _loaded(path: Path) -> ModuleType:
    """Import a file under a name of its own, so that two of the same name do not meet."""
    name = f"raftfleet_own_{abs(hash(str(path.resolve())))}_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:  # only a name that does not end in .py has none
        raise UsageError(f"{path}: cannot be imported")
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[name] = loaded
    try:
        spec.loader.exec_module(loaded)
    except SyntaxError as error:
        raise SourceError(
            f"this is not Python: {error.msg}", _mark(path, error.lineno or 1, error.offset or 1)
        ) from None
    except Exception as error:  # noqa: BLE001 - what somebody's file raises is theirs to see
        raise SourceError(
            f"the file cannot be imported: {type(error).__name__}: {error}",
            _mark(path, _line_of(error, path)),
        ) from None
    return loaded


def _of_packages() -> Iterator[_Found]:
    for entry in entry_points(group=GROUP):
        yield _of_package(entry)


def _of_package(entry: EntryPoint) -> _Found:
    package = entry.dist.name if entry.dist is not None else "an installed package"

    def complaint(message: str, hint: str | None) -> UsageError:
        return UsageError(f"{GROUP}: {entry.name} of {package}: {message}", hint=hint)

    try:
        loaded = entry.load()
    except Exception as error:  # noqa: BLE001 - and so it is with their packages
        raise complaint(
            f"cannot be imported: {type(error).__name__}: {error}",
            f"uninstall {package}, or install what it needs",
        ) from None
    if inspect.isclass(loaded):
        return _made(loaded, complaint, package)
    return _Found(cast("Module", loaded), package, complaint)


def _made(
    kind: type, complaint: Callable[[str, str | None], UsageError], where: str = ""
) -> _Found:
    try:
        module = kind()
    except Exception as error:  # noqa: BLE001 - and their classes
        problem = f"{kind.__name__}() raises {type(error).__name__}: {error}"
        raise complaint(problem, "a module is made without arguments") from None
    return _Found(module, where or str(complaint("", None)).partition(": ")[0], complaint)


def _place_of(kind: type, path: Path) -> Callable[[str, str | None], UsageError]:
    """Return how to complain about a class, at the line where it begins."""
    try:
        line = inspect.getsourcelines(kind)[1]
    except (OSError, TypeError):
        line = 1
    return lambda message, hint: SourceError(message, _mark(path, line), hint=hint)


def _line_of(error: Exception, path: Path) -> int:
    """Return the last line of the file that the error passed through."""
    frames = traceback.extract_tb(error.__traceback__)
    return next((f.lineno or 1 for f in reversed(frames) if f.filename == str(path)), 1)


def _short(path: Path) -> Path:
    """Return a path as people wrote it, when it lies below the current folder."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _mark(path: Path, line: int, column: int = 1) -> Mark:
    return Mark(str(path), line, column, path.read_text(encoding="utf-8", errors="replace"))


# --- what they must be --------------------------------------------------------------------------


def _check(found: _Found) -> None:
    """Complain about what would otherwise go wrong in the middle of a run."""
    module, complaint = found.module, found.complaint
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
    _check_arguments(_Guarded(module), complaint)


def _check_arguments(module: Module, complaint: Callable[[str, str | None], UsageError]) -> None:
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
