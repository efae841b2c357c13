"""A task's arguments, held against what its module declares: before anything runs, and again when it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from raftfleet.errors import SourceError, nearest
from raftfleet.inventory.source import MarkedDict, Octal, plain
from raftfleet.playbook.syntax.free_form import ANY, names_of, read_text
from raftfleet.playbook.syntax.kinds import WrongKindError, convert
from raftfleet.playbook.syntax.reading import place
from raftfleet.playbook.syntax.templates import check_raw, check_value
from raftfleet.playbook.syntax.words import TASK
from raftfleet.playbook.templating.scope import OMIT, has_template

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.errors import Mark
    from raftfleet.playbook.syntax.free_form import Declares

__all__ = ["check_arguments", "finish_arguments", "read_arguments"]


def read_arguments(module: Declares, value: Any, more: MarkedDict, mark: Mark | None) -> MarkedDict:
    """Return what a task gives its module, under declared names; ``more`` is the keyword `args`.

    A plain text goes to the module's free-form argument. Raises `SourceError`.
    """
    if value is None:
        given = MarkedDict({}, mark)
    elif isinstance(value, MarkedDict):
        given = value
    elif isinstance(value, str):
        given = read_text(module, value, mark)
    elif module.free_form is not None:
        given = MarkedDict({module.free_form: value}, mark, values=_at(module.free_form, mark))
    else:
        raise SourceError(f"{module.name}: wants a mapping of arguments", place(value, mark))
    return _named(module, _both(given, more))


def _at(key: str, mark: Mark | None) -> dict[str, Mark]:
    return {key: mark} if mark else {}


def _both(given: MarkedDict, more: MarkedDict) -> MarkedDict:
    if not more:
        return given
    merged = {**more, **given}
    keys = {key: m for key in merged if (m := (given if key in given else more).key_mark(key))}
    values = {key: m for key in merged if (m := (given if key in given else more).value_mark(key))}
    return MarkedDict(merged, given.mark or more.mark, keys, values)


def _named(module: Declares, given: MarkedDict) -> MarkedDict:
    """Put arguments under their declared names; refuse those that nobody declared."""
    aliases = {alias: name for name, a in module.arguments.items() for alias in a.aliases}
    named: dict[Any, Any] = {}
    keys: dict[Any, Mark] = {}
    values: dict[Any, Mark] = {}
    for key, value in given.items():
        name = aliases.get(key, key)
        if name not in module.arguments and ANY not in module.arguments:
            raise _unknown(module, str(key), given.key_mark(key))
        if name in named:
            raise SourceError(
                f"{module.name}: {key} says {name} a second time", given.key_mark(key)
            )
        named[name] = value
        if mark := given.key_mark(key):
            keys[name] = mark
        if mark := given.value_mark(key):
            values[name] = mark
    return MarkedDict(named, given.mark, keys, values)


def _unknown(module: Declares, key: str, mark: Mark | None) -> SourceError:
    if instead := getattr(module, "refused", {}).get(key):
        message = f"{module.name}: {key} is not supported"
        return SourceError(message, mark, hint=instead, unsupported=True)
    known = names_of(module)
    close = nearest(key, known)
    if key in TASK:
        hint = f"{key} is a keyword of the task: write it beside {module.name}:, not below it"
        return SourceError(f"{module.name} has no argument {key!r}", mark, hint=hint)
    hint = f"did you mean {close}?" if close else f"known: {', '.join(sorted(known)) or 'none'}"
    return SourceError(f"{module.name} has no argument {key!r}", mark, hint=hint)


def check_arguments(module: Declares, given: MarkedDict, mark: Mark | None) -> None:
    """Refuse before anything runs what no template can make right any more.

    ``mark`` is where the module is named.
    """
    _require(module, given, mark)
    for name, value in given.items():
        argument = module.arguments.get(name)
        if name in module.raw:
            check_raw(value)
            continue
        check_value(value)
        if argument is not None and value is not None and not has_template(value):
            _converted(module, name, value, given.value_mark(name) or mark)


def finish_arguments(module: Declares, given: Mapping[str, Any], written: Any) -> dict[str, Any]:
    """Return templated arguments converted, with defaults; ``written`` knows their places.

    An argument that came out as `omit` counts as not given. Raises `SourceError`.
    """
    kept = {name: value for name, value in given.items() if value is not OMIT}
    mark = place(written)
    _require(module, kept, mark)
    finished = {name: a.default for name, a in module.arguments.items() if name != ANY}
    nullable = getattr(module, "nullable", ())
    for name, value in kept.items():
        if value is None and name in module.arguments and name not in nullable:
            continue
        if name in module.raw or name not in module.arguments:
            finished[name] = value if name in module.raw else plain(value)
            continue
        at = written.value_mark(name) if isinstance(written, MarkedDict) else None
        finished[name] = _converted(module, name, value, at or mark)
    return finished


def _require(module: Declares, given: Mapping[str, Any], mark: Mark | None) -> None:
    for name, argument in module.arguments.items():
        if argument.required and given.get(name) is None:
            raise SourceError(f"{module.name}: the argument {name!r} is missing", mark)
    there = {name for name, value in given.items() if value is not None}
    for names in getattr(module, "one_of", ()):
        if not there.intersection(names):
            raise SourceError(f"{module.name} wants {' or '.join(names)}", mark)
    # A template may still come out as `omit`.
    fixed = [name for name in given if name in there and not has_template(given[name])]
    for names in getattr(module, "exclusive", ()):
        if len(both := [name for name in fixed if name in names]) > 1:
            second = given.key_mark(both[1]) if isinstance(given, MarkedDict) else None
            message = f"{module.name}: {' and '.join(both)} exclude each other"
            raise SourceError(message, second or mark)


def _converted(module: Declares, name: str, value: Any, mark: Mark | None) -> Any:
    argument = module.arguments[name]
    try:
        return convert(value, argument)
    except WrongKindError as error:
        close = nearest(str(value), argument.choices)
        raise SourceError(
            f"{module.name}: {name} wants {error.wanted}, not {_shown(value)}",
            mark,
            hint=f"did you mean {close}?" if close else error.hint,
        ) from None


_LONGEST = 60


def _shown(value: Any) -> str:
    text = value.text if isinstance(value, Octal) else str(value)
    text = repr(text) if isinstance(value, str) else text
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
