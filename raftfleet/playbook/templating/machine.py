"""Evaluates templates, and says what went wrong in one and where.

Jinja is imported by this module and its neighbours only, and this module only on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jinja2 import TemplateError, TemplateNotFound, TemplateSyntaxError
from jinja2.exceptions import SecurityError, TemplateAssertionError, TemplateRuntimeError

from raftfleet.errors import RaftfleetError, nearest
from raftfleet.inventory import mark_of
from raftfleet.playbook.templating.environments import (
    LazyContext,
    compiled,
    environment_of,
    template_line,
)
from raftfleet.playbook.templating.failure import TemplatingError, place_inside
from raftfleet.playbook.templating.filters import NOT_OURS
from raftfleet.playbook.templating.neighbours import RENDERING
from raftfleet.playbook.templating.settled import listed, settle
from raftfleet.playbook.templating.text import Syntax, TemplateFile
from raftfleet.playbook.templating.undefined import Missing, MissingUsedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from raftfleet.errors import Mark
    from raftfleet.playbook.templating.scope import Scope

__all__ = ["finished", "render"]

_SHOWN = 60  # characters of a mapping's keys


def render(text: str, scope: Scope) -> Any:
    """Evaluate a template; a lone expression keeps its type, and parts of it may be undefined.

    Raises `TemplatingError` with the place of the text, as far as it carries one.
    """
    value = _guarded(_render, text, scope, "inline")
    if isinstance(value, Missing):
        raise value.failure or _undefined(value.error(), scope, mark_of(text))
    return value


def finished(text: str, scope: Scope, *, of_file: bool = False, condition: bool = False) -> Any:
    """Evaluate a template to a value ready for use; an undefined one is a `TemplatingError`."""
    kind = "file" if of_file else "condition" if condition else "inline"
    return _guarded(lambda *a: settle(_render(*a)), text, scope, kind)


def _render(text: str, scope: Scope, kind: str) -> Any:
    syntax: Syntax = ()
    if not text:
        return text
    folders: tuple[str, ...] = ()
    if isinstance(text, TemplateFile):
        syntax, folders, scope = text.syntax, text.folders, scope.over(text.variables)
    template = compiled(str(text), kind, syntax)
    context = LazyContext(template.environment, scope, None, template.blocks)  # type: ignore[arg-type]
    token = RENDERING.set((scope, folders))
    try:
        value = template.environment.concat(template.root_render_func(context))
    finally:
        RENDERING.reset(token)
    if not isinstance(value, str):
        return listed(value)
    return value if isinstance(text, TemplateFile) else _with_ends(value, text)


def _with_ends(value: str, text: str) -> str:
    """Return a text with as many line ends as its template has: Jinja drops some of them."""
    ends = len(text) - len(text.rstrip("\n"))
    return value + "\n" * (ends - len(value) + len(value.rstrip("\n"))) if ends else value


def _guarded(work: Callable[..., Any], text: str, scope: Scope, kind: str) -> Any:
    """Do the work; whatever goes wrong inside becomes a `TemplatingError` with a place."""
    try:
        return work(text, scope, kind)
    except RaftfleetError as error:
        raise _ours(error, mark_of(text)) from None
    except RecursionError:
        raise TemplatingError("variables refer to each other without end", mark_of(text)) from None
    except Exception as error:  # noqa: BLE001 - whatever a template's author made happen is theirs
        raise _explained(error, text, scope) from None


def _ours(error: RaftfleetError, mark: Mark | None) -> RaftfleetError:
    return error.located(mark) if isinstance(error, TemplatingError) else error


def _explained(error: Exception, text: str, scope: Scope) -> TemplatingError:
    mark = place_inside(text, mark_of(text), _line(error))
    if isinstance(error, MissingUsedError):
        return _undefined(error, scope, mark)
    if isinstance(error, TemplateAssertionError):
        return TemplatingError(str(error.message), mark, hint=_other_name(str(error.message)))
    if isinstance(error, TemplateSyntaxError):
        return TemplatingError(f"not a template: {error.message}", mark)
    if isinstance(error, TemplateNotFound):
        looked = ", ".join(text.folders) if isinstance(text, TemplateFile) else ""
        hint = f"looked in {looked}" if looked else None
        return TemplatingError(f"there is no template {error.name!r}", mark, hint=hint)
    if isinstance(error, SecurityError):
        return TemplatingError(f"not allowed in a template: {error}", mark)
    if isinstance(error, TemplateRuntimeError | TemplateError):
        return TemplatingError(str(error), mark)
    # What filters say of values they are not for stands by itself; other errors need their name.
    kind = "" if type(error) in {TypeError, ValueError} else f"{type(error).__name__}: "
    return TemplatingError(f"the template failed: {kind}{error}", mark)


def _undefined(error: MissingUsedError, scope: Scope, mark: Mark | None) -> TemplatingError:
    if error.failure is not None:
        return error.failure.located(mark)
    known = scope if error.known is None else error.known
    close = nearest(error.name, known)
    hint = f"did you mean {close}?" if close else None
    if not close and error.known and len(keys := ", ".join(error.known)) <= _SHOWN:
        hint = f"known: {keys}"
    return TemplatingError(str(error), mark, hint=hint, undefined=True)


def _other_name(message: str) -> str | None:
    """Name the nearest filter or test when Jinja knows none of that name."""
    name = message.split("'")[1] if message.count("'") > 1 else ""
    if name in NOT_OURS:
        return NOT_OURS[name]
    environment = environment_of("inline")
    close = nearest(name, environment.filters if "filter" in message else environment.tests)
    return f"did you mean {close}?" if close else None


def _line(error: Exception) -> int | None:
    """Return the template's line that an error belongs to."""
    if isinstance(error, TemplateSyntaxError):
        return error.lineno
    if isinstance(error, MissingUsedError) and error.line:
        return error.line
    line, step = None, error.__traceback__
    while step is not None:
        line = template_line(step.tb_frame, step.tb_lineno) or line
        step = step.tb_next
    return line
