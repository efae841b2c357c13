"""Templates that a template includes, imports or extends: found beside it, read anew each time."""

from __future__ import annotations

from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import BaseLoader, Environment, TemplateNotFound

from raftfleet.errors import RaftfleetError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from raftfleet.playbook.templating.scope import Scope

__all__ = ["RENDERING", "Neighbours"]

RENDERING: ContextVar[tuple[Scope, tuple[str, ...]]] = ContextVar("RENDERING")
"""What the template that is being evaluated sees, and the folders in which it has neighbours."""


class Neighbours(BaseLoader):
    """Looks templates up in a template's own folders, then where the task's are looked for."""

    def get_source(
        self, environment: Environment, template: str
    ) -> tuple[str, str, Callable[[], bool]]:
        """Return a template's text and path; `TemplateNotFound` when there is none."""
        del environment
        for path in _places(template):
            try:
                return path.read_text(encoding="utf-8"), str(path), lambda: False
            except (OSError, UnicodeDecodeError):
                continue
        raise TemplateNotFound(template)


def _places(name: str) -> Iterator[Path]:
    scope, folders = RENDERING.get()
    for folder in folders:
        yield Path(folder) / name
    try:
        yield scope.find("templates", name)
    except RaftfleetError:
        return
