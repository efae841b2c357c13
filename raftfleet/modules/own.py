"""Modules that do not ship with raftfleet: of a project's folders, and of installed packages.

A file's classes that have a ``name`` and a ``run`` are its modules. Whatever is wrong with one is
told with file and line before anything runs.
"""

from __future__ import annotations

import importlib.util
import inspect
import sys
import traceback
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Final, cast

from raftfleet.errors import Mark, SourceError, UsageError
from raftfleet.modules.base import GenericModule
from raftfleet.modules.own_guard import Guarded, check
from raftfleet.playbook.builtin import BUILTIN
from raftfleet.playbook.syntax.actions import DYNAMIC, STATIC
from raftfleet.playbook.syntax.words import BLOCK, HANDLER

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from importlib.metadata import EntryPoint
    from pathlib import Path
    from types import ModuleType

    from raftfleet.modules.own_guard import Complaint
    from raftfleet.playbook.module import Module

__all__ = ["GROUP", "own_modules"]

GROUP: Final = "raftfleet.modules"
"""The entry point group of modules that packages bring along."""

_TAKEN: Final = {*DYNAMIC, *STATIC, *BUILTIN, *BLOCK, *HANDLER}


@dataclass(frozen=True, slots=True)
class _Found:
    """A module, and how to complain about it."""

    module: Module
    where: str
    complaint: Complaint


def own_modules(folders: Iterable[Path], shipped: Collection[str]) -> dict[str, Module]:
    """Return the modules of folders and of installed packages by name.

    ``shipped`` are names that are taken. Raises `SourceError` with file and line, or `UsageError`
    with the package, for a module that cannot be loaded, is incomplete, or has another's name.
    """
    known: dict[str, _Found] = {}
    for found in (*_of_packages(), *_of_folders(folders)):
        check(found.module, found.complaint)
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
    return {name: Guarded(found.module) for name, found in known.items()}


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


def _made(kind: type, complaint: Complaint, where: str = "") -> _Found:
    try:
        module = kind()
    except Exception as error:  # noqa: BLE001 - and their classes
        problem = f"{kind.__name__}() raises {type(error).__name__}: {error}"
        raise complaint(problem, "a module is made without arguments") from None
    return _Found(module, where or str(complaint("", None)).partition(": ")[0], complaint)


def _place_of(kind: type, path: Path) -> Complaint:
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


def _mark(path: Path, line: int, column: int = 1) -> Mark:
    return Mark(str(path), line, column, path.read_text(encoding="utf-8", errors="replace"))
