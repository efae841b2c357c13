"""Templates read but not evaluated: what is wrong with their writing, and at which character."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Final

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.lexer import Lexer

from raftfleet.inventory.positions import place_of
from raftfleet.playbook.spelling import misspelt
from raftfleet.playbook.templating.environments import as_written, with_full_names
from raftfleet.playbook.templating.failure import TemplatingError
from raftfleet.playbook.templating.filters import FILTERS, NOT_OURS
from raftfleet.playbook.templating.predicates import TESTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from raftfleet.inventory.source import MarkedStr

__all__ = ["check_expression", "check_template"]

_BEFORE: Final = "{{ "
_CACHED: Final = 4096
_SYNTAX: Final = "not a template"
# Names and nothing else between the braces: by far the most templates, and no need to parse them.
_SURELY_RIGHT: Final = re.compile(
    r"(?:[^{}]|\{\{ ?(?!(?:and|else|if|in|is|not|or)\b)[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*"
    r"(?: is (?:not )?defined)? ?\}\})*",
    re.ASCII,
)
_QUOTED: Final = re.compile(r"'[^']*'|\"[^\"]*\"")
_END: Final = re.compile(r"(?:token )?'end of print statement'")
_AT: Final = re.compile(r" at \d+$")
_OPERATORS: Final = {
    "=": "two values are compared with ==",
    "&": "write and",
    "|": "write or",
    "!": "write not, or != between two values",
}
_BRACES: Final = "a condition is an expression already: name the variable without braces"
_INSTEAD: Final = "compute the value with other filters, or in a module of your own"


_Wrong = tuple[str, int, str | None, bool]  # message, index, hint, unsupported


class _OffsetLexer(Lexer):
    """Numbers tokens by their place in the text, where Jinja's own lexer counts lines."""

    def tokeniter(
        self,
        source: str,
        name: str | None,
        filename: str | None = None,
        state: str | None = None,
    ) -> Iterator[tuple[int, str, str]]:
        """Yield Jinja's tokens, each with the index of its first character."""
        end = 0
        try:
            for _, kind, text in super().tokeniter(source, name, filename, state):
                start = max(source.find(text, end), end)
                end = start + len(text)
                yield start, kind, as_written(kind, text)
        except TemplateSyntaxError as error:
            error.lineno = end
            raise


class _ReadingEnvironment(Environment):
    @functools.cached_property
    def lexer(self) -> Lexer:
        """The lexer whose tokens know their place."""
        return _OffsetLexer(self)


@functools.cache
def _environment() -> _ReadingEnvironment:
    environment = _ReadingEnvironment(
        trim_blocks=True, keep_trailing_newline=True, autoescape=False
    )
    environment.filters.update(FILTERS)
    environment.tests.update(TESTS)
    for named in (environment.filters, environment.tests):
        named.update(with_full_names(named))
    return environment


def check_template(text: MarkedStr, *, names: bool = True) -> None:
    """Refuse what cannot be read as a template, and with ``names`` filters and tests nobody has.

    Raises `TemplatingError` at the place of the character.
    """
    _raise(_wrong(str(text), names=names), text, 0)


def check_expression(text: MarkedStr) -> None:
    """Refuse what cannot be read as an expression without braces, as `when` takes it.

    Raises `TemplatingError` at the place of the character.
    """
    _raise(_wrong(f"{_BEFORE}{text} }}}}", names=True), text, len(_BEFORE))


def _raise(wrong: _Wrong | None, text: MarkedStr, before: int) -> None:
    if wrong is None:
        return
    message, offset, hint, unsupported = wrong
    at = min(max(offset - before, 0), len(text))
    if before and message.startswith(_SYNTAX):
        message = message.replace(_SYNTAX, "not a condition")
        hint = _OPERATORS.get(text[at : at + 1])
        bare = _QUOTED.sub(lambda quoted: " " * len(quoted[0]), text)
        if "{{" in bare:
            message, hint, at = "a template inside a condition", _BRACES, bare.index("{{")
    error = TemplatingError(message, place_of(text, at), hint=hint)
    error.unsupported = unsupported
    raise error


@functools.lru_cache(maxsize=_CACHED)
def _wrong(text: str, *, names: bool) -> _Wrong | None:
    """Return the first thing that is wrong, or None."""
    if _SURELY_RIGHT.fullmatch(text):
        return None
    try:
        parsed = _environment().parse(text)
        return _unknown_name(parsed, text) if names else None
    except TemplateSyntaxError as error:
        return f"{_SYNTAX}: {_spoken(str(error.message))}", error.lineno, None, False
    except RecursionError:
        return f"{_SYNTAX}: nested too deep", 0, None, False


def _spoken(message: str) -> str:
    """Return Jinja's message without its own words for places."""
    message = message.replace("unexpected 'end of print statement'", "the expression ends too soon")
    return _AT.sub("", _END.sub("the end of the expression", message))


def _way_out(kind: str, name: str) -> tuple[str, bool]:
    """Return what to do, and whether the name may be one of Ansible's only."""
    _, dot, last = name.rpartition(".")
    if last in NOT_OURS:
        return NOT_OURS[last], True
    if dot and not name.startswith("ansible.builtin."):
        return f"{kind}s of collections are not supported: {_INSTEAD}", True
    environment = _environment()
    if kind == "filter" and last in environment.tests:
        return f"{last} is a test: write is {last}", False
    close = misspelt(last, environment.filters if kind == "filter" else environment.tests)
    return (f"did you mean {close}?", False) if close else (_INSTEAD, True)


def _unknown_name(parsed: nodes.Template, text: str) -> _Wrong | None:
    environment = _environment()
    for node in parsed.find_all((nodes.Filter, nodes.Test)):
        kind = "filter" if isinstance(node, nodes.Filter) else "test"
        known = environment.filters if kind == "filter" else environment.tests
        if node.name not in known:
            at = max(text.find(node.name, node.lineno), node.lineno)  # a test's token is its `is`
            return f"there is no {kind} {node.name!r}", at, *_way_out(kind, node.name)
    return None
