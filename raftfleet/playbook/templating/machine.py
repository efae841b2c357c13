r"""Jinja, set up for playbooks: sandboxed, strict, native types, compiled once.

Two environments differ in one thing. In a playbook a backslash inside a template's text literal
stands for itself (`regex_replace('\d', '')`), in a template file Jinja's own escapes apply.
Jinja is imported by this module and its neighbours only, and this module only on first use.
"""

from __future__ import annotations

import functools
import types
from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping, ValuesView
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any

from jinja2 import (
    FileSystemLoader,
    Template,
    TemplateError,
    TemplateNotFound,
    TemplateSyntaxError,
    Undefined,
    nodes,
)
from jinja2.exceptions import SecurityError, TemplateAssertionError, TemplateRuntimeError
from jinja2.lexer import Lexer
from jinja2.nativetypes import NativeCodeGenerator
from jinja2.runtime import Context
from jinja2.sandbox import SandboxedEnvironment
from jinja2.utils import missing

from raftfleet.errors import RaftfleetError, nearest
from raftfleet.inventory import mark_of
from raftfleet.inventory.source import MarkedStr
from raftfleet.playbook.templating.embedded import EVALUATOR, Embedding, evaluated
from raftfleet.playbook.templating.failure import TemplatingError, place_inside
from raftfleet.playbook.templating.filters import FILTERS, NOT_OURS
from raftfleet.playbook.templating.lookups import GLOBALS
from raftfleet.playbook.templating.predicates import TESTS
from raftfleet.playbook.templating.text import Syntax, TemplateFile
from raftfleet.playbook.templating.undefined import Missing, MissingUsedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from raftfleet.errors import Mark
    from raftfleet.playbook.templating.scope import Scope

__all__ = ["finished", "render", "settle", "with_full_names"]

_CACHED = 4096
_INCLUDED = 100
_ABOUT_UNDEFINED = frozenset(
    {"d", "default", "defined", "mandatory", "ternary", "type_debug", "undefined"}
)
_SIMPLE = frozenset(
    {str, MarkedStr, int, bool, float, type(None)}
)  # by far the most, and never open
_LISTABLE = (Iterator, tuple, range, AbstractSet, ValuesView)  # keys() and items() are sets


class _NativeCode(NativeCodeGenerator):
    """Keeps the type of a lone constant, which Jinja would turn into text."""

    def _output_const_repr(self, group: Iterable[Any]) -> str:
        values = list(group)
        return repr(values[0] if len(values) == 1 else _joined(values))


class _LazyContext(Context):
    """Reads variables from a scope, which templates each when it is read, and copies none."""

    def derived(self, locals: dict[str, Any] | None = None) -> Context:  # noqa: A002
        """Return a context that also knows the variables of a loop."""
        context = type(self)(self.environment, self.parent, self.name, {})
        given = {key: value for key, value in (locals or {}).items() if value is not missing}
        context.vars = {**self.vars, **given}
        context.eval_ctx = self.eval_ctx
        return context

    def get_all(self) -> Any:
        """Return all variables, for a template that this one includes, still without a copy."""
        return ChainMap(self.vars, self.parent) if self.vars else self.parent

    def resolve_or_missing(self, key: str) -> Any:
        """Return a variable, one of the functions every template has, or Jinja's ``missing``."""
        if key in self.vars:
            return self.vars[key]
        if key in self.parent:
            return self.parent[key]
        if key == "vars":  # everything that this template sees, by name
            return self.parent
        return self.environment.globals.get(key, missing)


class _Template(Template):
    """A template that may be included or imported by another one."""

    def new_context(
        self,
        vars: Any = None,  # noqa: A002 - Jinja's name
        shared: bool = False,  # noqa: ARG002, FBT001, FBT002
        locals: Mapping[str, Any] | None = None,  # noqa: A002
    ) -> Context:
        """Return what it sees: the variables of the one that includes it, and its loops'."""
        seen = {} if vars is None else vars
        given = {key: value for key, value in (locals or {}).items() if value is not missing}
        parent: Any = ChainMap(given, seen) if given else seen
        return _LazyContext(self.environment, parent, self.name, self.blocks)


class _Environment(SandboxedEnvironment):
    code_generator_class = _NativeCode
    context_class = _LazyContext
    template_class = _Template
    conditional = False

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        """Parse a template; literals in it that are templates themselves are prepared for that."""
        tree = super()._parse(source, name, filename)
        if source.count("{{") + source.count("{%") > 1:
            Embedding(everywhere=self.conditional).visit(tree)
        return tree

    @staticmethod
    def concat(values: Iterable[Any]) -> Any:
        """Keep the type of a lone value; join several as text."""
        parts: list[Any] = []
        lines: dict[int, int | None] = {}
        for value in values:
            if isinstance(value, Missing) and isinstance(values, types.GeneratorType):
                lines[len(parts)] = _template_line(values.gi_frame)
            parts.append(value)
        if len(parts) == 1:
            return parts[0]
        for index, line in lines.items():
            parts[index].complain(line)
        return _joined(parts)


class _LiteralBackslashes(Lexer):
    """Reads a backslash inside a text literal as itself."""

    def tokeniter(
        self,
        source: str,
        name: str | None,
        filename: str | None = None,
        state: str | None = None,
    ) -> Iterator[tuple[int, str, str]]:
        """Yield Jinja's tokens, text literals with their backslashes doubled."""
        for line, kind, text in super().tokeniter(source, name, filename, state):
            yield line, kind, text.replace("\\", "\\\\") if kind == "string" else text


class _InlineEnvironment(_Environment):
    @functools.cached_property
    def lexer(self) -> Lexer:
        """The lexer for templates that stand in a playbook."""
        return _LiteralBackslashes(self)


class _ConditionEnvironment(_InlineEnvironment):
    conditional = True


_KINDS: dict[str, type[_Environment]] = {
    "file": _Environment,
    "inline": _InlineEnvironment,
    "condition": _ConditionEnvironment,
}


def _joined(values: Iterable[Any]) -> str:
    return "".join("" if value is None else str(settle(value)) for value in values)


def _passing_on(work: Callable[..., Any]) -> Callable[..., Any]:
    """Return a filter or test that, given an undefined value, hands it on instead of working.

    So `nosuch | upper | default('x')` is x, and `nosuch is string` raises where it is used.
    """

    @functools.wraps(work)
    def passing_on(*arguments: Any, **options: Any) -> Any:
        for value in (*arguments, *options.values()):
            if isinstance(value, Missing):
                return value
        return work(*arguments, **options)

    return passing_on


def with_full_names(named: Mapping[str, Any]) -> dict[str, Any]:
    """Return filters or tests under the names that Ansible's own collection gives them."""
    return {f"ansible.builtin.{name}": function for name, function in named.items()}


def _prepared(environment: _Environment) -> _Environment:
    environment.filters.update(FILTERS)
    environment.tests.update(TESTS)
    kinds: tuple[dict[str, Any], ...] = (environment.filters, environment.tests)
    for named in kinds:
        for name in named.keys() - _ABOUT_UNDEFINED:
            named[name] = _passing_on(named[name])
    environment.globals.update(GLOBALS)
    for named in kinds:
        named.update(with_full_names(named))
    environment.filters[EVALUATOR] = evaluated
    return environment


_OPTIONS: dict[str, Any] = {
    "undefined": Missing,
    "trim_blocks": True,
    "keep_trailing_newline": True,
    "cache_size": 0,
}


@functools.cache
def _environment(kind: str, syntax: Syntax = (), folders: tuple[str, ...] = ()) -> _Environment:
    options = {**_OPTIONS, **dict(syntax)}
    if folders:
        options |= {"loader": FileSystemLoader(folders), "cache_size": _INCLUDED}
    return _prepared(_KINDS[kind](**options))


@functools.lru_cache(maxsize=_CACHED)
def _compiled(text: str, kind: str, syntax: Syntax = (), folders: tuple[str, ...] = ()) -> Template:
    return _environment(kind, syntax, folders).from_string(text)


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
    folders: tuple[str, ...] = ()
    if isinstance(text, TemplateFile):
        syntax, folders, scope = text.syntax, text.folders, scope.over(text.variables)
    template = _compiled(str(text), kind, syntax, folders)
    context = _LazyContext(template.environment, scope, None, template.blocks)  # type: ignore[arg-type]
    return _listed(template.environment.concat(template.root_render_func(context)))


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
    return TemplatingError(f"the template failed: {type(error).__name__}: {error}", mark)


def _undefined(error: MissingUsedError, scope: Scope, mark: Mark | None) -> TemplatingError:
    if error.failure is not None:
        return error.failure.located(mark)
    known = scope if error.known is None else error.known
    close = nearest(error.name, known)
    hint = f"did you mean {close}?" if close else None
    return TemplatingError(str(error), mark, hint=hint, undefined=True)


def _other_name(message: str) -> str | None:
    """Name the nearest filter or test when Jinja knows none of that name."""
    name = message.split("'")[1] if message.count("'") > 1 else ""
    if name in NOT_OURS:
        return NOT_OURS[name]
    environment = _environment("inline")
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
        line = _template_line(step.tb_frame, step.tb_lineno) or line
        step = step.tb_next
    return line


def _template_line(frame: types.FrameType | None, at: int | None = None) -> int | None:
    """Return the line of a template that a line of its compiled code comes from."""
    template = frame.f_globals.get("__jinja_template__") if frame else None
    if frame is None or template is None or template.name is not None:
        return None  # no template, or one that was included: where that was says more
    line: int = template.get_corresponding_lineno(at or frame.f_lineno)
    return line


def _listed(value: Any) -> Any:
    """Turn what can be read only once, or not by its index, into a list."""
    if type(value) in _SIMPLE:
        return value
    return [_listed(item) for item in value] if isinstance(value, _LISTABLE) else value


def settle(value: Any) -> Any:
    """Return a value ready for use outside of templates; raises when a part is undefined."""
    if type(value) in _SIMPLE:
        return value
    if isinstance(value, Undefined):
        if not isinstance(value, Missing):
            raise TemplateRuntimeError("the inline `if` is false and has no else")
        value.complain()
    value = _listed(value)
    if isinstance(value, list):
        return value if _simple(value) else [settle(item) for item in value]
    if isinstance(value, Mapping):
        if isinstance(value, dict) and _simple(value.values()):
            return value
        return {key: settle(item) for key, item in value.items()}
    return value


def _simple(values: Iterable[Any]) -> bool:
    """Whether nothing in here can be undefined, or a list in disguise."""
    return all(type(value) in _SIMPLE for value in values)
