r"""Jinja, set up for playbooks: sandboxed, strict, native types, compiled once.

Two environments differ in one thing. In a playbook a backslash inside a template's text literal
stands for itself (`regex_replace('\d', '')`), in a template file Jinja's own escapes apply.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from jinja2 import Template, nodes
from jinja2.lexer import Lexer
from jinja2.nativetypes import NativeCodeGenerator
from jinja2.runtime import Context
from jinja2.sandbox import SandboxedEnvironment
from jinja2.utils import missing

from raftfleet.playbook.templating.embedded import EVALUATOR, Embedding, evaluated
from raftfleet.playbook.templating.filters import FILTERS
from raftfleet.playbook.templating.lookups import GLOBALS
from raftfleet.playbook.templating.neighbours import RENDERING, Neighbours
from raftfleet.playbook.templating.predicates import TESTS
from raftfleet.playbook.templating.settled import joined
from raftfleet.playbook.templating.undefined import Missing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from raftfleet.playbook.templating.text import Syntax

__all__ = [
    "LazyContext",
    "as_written",
    "compiled",
    "environment_of",
    "template_line",
    "with_full_names",
]

_CACHED = 4096
_ABOUT_UNDEFINED = frozenset(
    {"d", "default", "defined", "mandatory", "ternary", "type_debug", "undefined"}
)


class _NativeCode(NativeCodeGenerator):
    """Keeps the type of a lone constant, which Jinja would turn into text."""

    def _output_const_repr(self, group: Iterable[Any]) -> str:
        return repr(joined(list(group)))


class LazyContext(Context):
    """Reads variables from a scope, which templates each when it is read, and copies none."""

    def derived(self, locals: dict[str, Any] | None = None) -> Context:  # noqa: A002
        """Return a context that also knows the variables of a loop."""
        context = type(self)(self.environment, self.parent, self.name, {})
        given = {key: value for key, value in (locals or {}).items() if value is not missing}
        context.vars = {**self.vars, **given}
        context.eval_ctx = self.eval_ctx
        context.blocks.update((name, list(blocks)) for name, blocks in self.blocks.items())
        return context

    def get_all(self) -> Any:
        """Return what a template sees that this one includes."""
        return self.parent.over(self.vars) if self.vars else self.parent  # type: ignore[attr-defined]

    def resolve_or_missing(self, key: str) -> Any:
        """Return a variable, one of the functions every template has, or Jinja's ``missing``."""
        if key in self.vars:
            return self.vars[key]
        if key in self.parent:
            return self.parent[key]
        if key == "vars":  # everything that this template sees, by name
            return self.parent
        return self.environment.globals.get(key, missing)


class _LazyTemplate(Template):
    """Hands a scope on to what it includes without reading all of it."""

    def new_context(
        self,
        vars: Any = None,  # noqa: A002
        shared: bool = False,  # noqa: FBT001, FBT002
        locals: Mapping[str, Any] | None = None,  # noqa: A002
    ) -> Context:
        """Return the context of an included template; without ``shared`` it sees no variables."""
        scope, _ = RENDERING.get()
        parent: Any = vars if shared else scope.nothing()
        context = LazyContext(self.environment, parent, self.name, self.blocks)
        context.vars = {key: value for key, value in (locals or {}).items() if value is not missing}
        return context


class _Environment(SandboxedEnvironment):
    code_generator_class = _NativeCode
    context_class = LazyContext
    template_class = _LazyTemplate
    conditional = False

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        """Parse a template; literals in it that are templates themselves are prepared for that."""
        if name and self.keep_trailing_newline:  # what is included ends where its last line does
            source = source.removesuffix("\n")
        tree = super()._parse(source, name, filename)
        if source.count("{{") + source.count("{%") > 1:
            Embedding(everywhere=self.conditional).visit(tree)
        return tree

    @staticmethod
    def concat(values: Iterable[Any]) -> Any:
        """Keep the type of a lone value; join several as text. Nothing is None."""
        parts: list[Any] = []
        lines: dict[int, int | None] = {}
        for value in values:
            if isinstance(value, Missing) and isinstance(values, types.GeneratorType):
                lines[len(parts)] = template_line(values.gi_frame)
            parts.append(value)
        if sum(part is not None for part in parts) > 1:
            for index, line in lines.items():
                parts[index].complain(line)
        return joined(parts)


def as_written(kind: str, text: str) -> str:
    """Return a token of a playbook's template: a backslash inside a text literal stands for itself."""
    return text.replace("\\", "\\\\") if kind == "string" else text


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
            yield line, kind, as_written(kind, text)


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


def _passing_on(work: Callable[..., Any]) -> Callable[..., Any]:
    """Return a filter or test that, given an undefined value, hands it on instead of working.

    So `nosuch | upper | default('x')` is x, and `nosuch is string` raises where it is used. What
    a filter yields piece by piece becomes a list.
    """

    @functools.wraps(work)
    def passing_on(*arguments: Any, **options: Any) -> Any:
        for value in (*arguments, *options.values()):
            if isinstance(value, Missing):
                return value
        found = work(*arguments, **options)
        return list(found) if isinstance(found, Iterator) else found

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
    "loader": Neighbours(),
    "cache_size": 0,
}


@functools.cache
def environment_of(kind: str, syntax: Syntax = ()) -> _Environment:
    """Return the environment for files, playbooks or conditions, with a file's own syntax."""
    return _prepared(_KINDS[kind](**{**_OPTIONS, **dict(syntax)}))


@functools.lru_cache(maxsize=_CACHED)
def compiled(text: str, kind: str, syntax: Syntax = ()) -> Template:
    """Return a template, compiled once."""
    return environment_of(kind, syntax).from_string(text)


def template_line(frame: types.FrameType | None, at: int | None = None) -> int | None:
    """Return the line of a template that a line of its compiled code comes from."""
    template = frame.f_globals.get("__jinja_template__") if frame else None
    if frame is None or template is None or template.name is not None:
        return None  # no template, or one that was included: where that was says more
    line: int = template.get_corresponding_lineno(at or frame.f_lineno)
    return line
