"""What is wrong with a YAML file, said with its place and a way out."""

from __future__ import annotations

import re
from typing import Final

import yaml
from yaml.reader import Reader, ReaderError

from raftfleet.errors import Mark, SourceError
from raftfleet.inventory.positions import mark_at

__all__ = ["explain", "tag_error", "template_error"]

_TEMPLATE_START = re.compile(r"(?:^|[:\-\[,]\s+|^\s*-\s+)(\{\{|\{%)")
_SECOND_COLON = re.compile(r":\s+[^\"'\[{|>].*:(\s|$)")
_LOOKED_AT: Final = 1000
_OPEN_QUOTE: Final = "found unexpected end of stream"
_QUOTE_BRACKETS: Final = "a text with any of , [ ] { } in it must be quoted inside brackets"
_NO_COLON: Final = "could not find expected ':'"
_TWO_COLONS: Final = "mapping values"
_NO_START: Final = "found character that cannot start any token"


def _line(mark: Mark) -> str:
    lines = mark.lines
    return lines[mark.line - 1] if mark.line <= len(lines) else ""


def _unquoted_template(mark: Mark) -> Mark | None:
    """Find a template that starts a value without a quote, on the line or the one before."""
    lines = mark.lines
    for number in (mark.line, mark.line - 1):
        if 1 <= number <= len(lines) and (found := _TEMPLATE_START.search(lines[number - 1])):
            return Mark(mark.file, number, found.start(1) + 1, mark.source)
    return None


def _tab(mark: Mark) -> Mark | None:
    """Find a tab in the indentation of the line."""
    line = _line(mark)
    indent = line[: len(line) - len(line.lstrip())]
    return (
        Mark(mark.file, mark.line, indent.index("\t") + 1, mark.source) if "\t" in indent else None
    )


def _unexpected_character(mark: Mark) -> str:
    character = _line(mark)[mark.column - 1 : mark.column]
    return f"a value cannot start with {character!r} here" if character else "unexpected character"


_MESSAGES: Final = {
    _NO_COLON: "a key without its ':', or a text that goes on at too little indentation",
    _OPEN_QUOTE: "this quote is never closed",
    "exceeded maximum nesting depth": "nested deeper than the YAML parser goes",
    "mapping values are not allowed in this context": "a second ': ' in one line, or a key at an indentation that fits nothing",
    "did not find expected key": "expected a key here, at the indentation of its neighbours",
    "did not find expected '-' indicator": "expected '- ' here, or another indentation",
    "did not find expected ',' or ']'": "this '[' is never closed, or a ',' is missing",
    "did not find expected ',' or '}'": "this '{' is never closed, or a ',' is missing",
    "did not find expected node content": "expected a value here, or what closes the bracket",
    "found undefined alias": "'*' starts an alias, and no anchor of this name stands above",
    "did not find expected alphabetic or numeric character": "'*' and '&' start an alias or an anchor, and no name follows",
    "found unknown escape character": "this backslash escape means nothing in a text in double quotes",
    "did not find expected comment or line break": "'|' and '>' start a block of text, and something follows them",
    "did not find expected <document start>": "the text above ends the document: a key or '- ' was expected here",
    "but found another document": "a second document starts here ('---'); a file holds one",
}
_AT_CONTEXT: Final = frozenset(
    {
        _OPEN_QUOTE,
        _NO_COLON,
        "did not find expected ',' or ']'",
        "did not find expected ',' or '}'",
    }
)
_HINTS: Final = {
    _NO_COLON: "write `key: value`; a list's item starts with '- '",
    _OPEN_QUOTE: "close it, or quote the text with the other kind of quote",
    "did not find expected key": "compare the indentation with the lines above; text after a closing quote needs quotes around all of it",
    "did not find expected '-' indicator": "compare the indentation with the lines above",
    "did not find expected node content": _QUOTE_BRACKETS,
    "found undefined alias": "a text that starts with '*' must be quoted: \"*.example.org\"",
    "did not find expected alphabetic or numeric character": 'quote it: "*"',
    "found unknown escape character": "use single quotes, or write the backslash twice",
    _NO_START: "quote the value",
    "did not find expected comment or line break": "put the whole value in quotes",
}


def _has_two_colons(mark: Mark) -> bool:
    return _SECOND_COLON.search(_line(mark)[:_LOOKED_AT]) is not None


def _hint(problem: str, mark: Mark) -> str | None:
    if problem.startswith(_TWO_COLONS):
        if _has_two_colons(mark):
            return "a text that contains ': ' must be quoted"
        return (
            "compare the indentation with the lines above, and look for a missing space after ':'"
        )
    return _HINTS.get(problem)


def explain(error: yaml.YAMLError, file: str, text: str) -> SourceError:
    """Turn the parser's error about a file into one that names the place and a way out."""
    if isinstance(error, ReaderError):
        return _control_character(error, file, text)
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return SourceError(f"not valid YAML: {error}", Mark(file, 1, 1, text))
    mark = _place(error.problem_mark, file, text)
    return _indentation(error, mark) or _problem(error, mark)


def _place(mark: yaml.Mark, file: str, text: str) -> Mark:
    """Return the place; libyaml names a line behind the last one for what misses at the end."""
    found = Mark(file, mark.line + 1, mark.column + 1, text)
    if found.line <= len(found.lines):
        return found
    return mark_at(file, text, len(text.rstrip()))


def _control_character(error: ReaderError, file: str, text: str) -> SourceError:
    """Look the character up ourselves: libyaml counts bytes where we count characters."""
    found = Reader.NON_PRINTABLE.search(text)
    if found is None:
        return SourceError(f"not valid YAML: {error.reason}", Mark(file, 1, 1, text))
    return SourceError(
        f"a control character (U+{ord(found[0]):04X}) in the text",
        mark_at(file, text, found.start()),
        hint="remove it",
    )


def _indentation(error: yaml.MarkedYAMLError, mark: Mark) -> SourceError | None:
    """Recognise what lies behind most errors: a tab, or a template without a quote."""
    if tab := _tab(mark):
        return SourceError(
            "a tab in the indentation", tab, hint="indent with spaces: YAML knows no tabs"
        )
    if error.problem != _OPEN_QUOTE and (template := _unquoted_template(mark)):
        return template_error(template)
    return None


def template_error(mark: Mark) -> SourceError:
    """Return the error for a value that starts with ``{{`` outside of quotes."""
    return SourceError(
        "a template starts this value, and no quote before it",
        mark,
        hint='a value that starts with a template must be quoted: "{{ ... }}"',
    )


def _problem(error: yaml.MarkedYAMLError, mark: Mark) -> SourceError:
    problem = error.problem or "not valid YAML"
    if problem in _AT_CONTEXT and error.context_mark is not None:
        start = _place(error.context_mark, mark.file, mark.source or "")
        if problem != _OPEN_QUOTE and start.line == mark.line and mark.column <= len(_line(mark)):
            wanted = problem.removeprefix("did not find expected ")
            return SourceError(f"expected {wanted} here", mark, hint=_QUOTE_BRACKETS)
        mark = start
    message = _MESSAGES.get(problem) or _spoken(error)
    if problem.startswith(_TWO_COLONS) and _has_two_colons(mark):
        message = "a second ': ' in this line"
    if problem == _NO_START:
        message = _unexpected_character(mark)
    return SourceError(message, mark, hint=_hint(problem, mark))


def _spoken(error: yaml.MarkedYAMLError) -> str:
    return " ".join(filter(None, [error.problem, error.context]))


def tag_error(tag: str, mark: Mark) -> SourceError:
    """Return the error for a tag that we give no meaning."""
    if tag in {"!vault", "!vault-encrypted"}:
        return SourceError(
            "vault-encrypted values are not supported",
            mark,
            hint="read the secret from the environment: {{ lookup('env', 'NAME') }}, or pass it with -e @FILE",
            unsupported=True,
        )
    shown = tag.replace("tag:yaml.org,2002:", "!!", 1)
    return SourceError(
        f"the tag {shown!r} is not known",
        mark,
        hint="a text that starts with '!' must be quoted",
        unsupported=shown != tag,
    )
