"""Templates that a template includes, imports or extends: found beside it, read for this run only."""

from __future__ import annotations

from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import BaseLoader, Environment, TemplateNotFound

from raftfleet.errors import RaftfleetError

if TYPE_CHECKING:
    from collections.abc import Callable

    from raftfleet.playbook.templating.scope import Scope

__all__ = ["RENDERING", "Neighbours"]

RENDERING: ContextVar[Scope] = ContextVar("RENDERING")
"""What the template that is being evaluated sees; it knows where files are looked for."""

_ITSELF = "template_fullpath"


class Neighbours(BaseLoader):
    """Looks templates up where the task's own are, then beside the template that is evaluated."""

    def get_source(
        self, environment: Environment, template: str
    ) -> tuple[str, str, Callable[[], bool]]:
        """Return a template's text and path; `TemplateNotFound` when there is none."""
        del environment
        scope = RENDERING.get()
        try:
            path = scope.find("templates", template)
            return path.read_text(encoding="utf-8"), str(path), lambda: False
        except (RaftfleetError, OSError, UnicodeDecodeError):
            beside = Path(str(scope.get(_ITSELF, "/nowhere"))).parent / template
        try:
            return beside.read_text(encoding="utf-8"), str(beside), lambda: False
        except (OSError, UnicodeDecodeError):
            raise TemplateNotFound(template) from None
