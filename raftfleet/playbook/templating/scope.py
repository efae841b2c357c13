"""A task's variables on one host, each templated when it is read.

Only what somebody wrote into a file is ever templated: such text is a `MarkedStr` and stands in
marked mappings and lists. Registered output, facts and everything computed are ordinary values
and are handed out as they are, whatever braces they contain.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from raftfleet.errors import UsageError
from raftfleet.inventory import mark_of
from raftfleet.inventory.source import MarkedDict, MarkedList, MarkedStr, Octal
from raftfleet.playbook.templating.failure import TemplatingError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

__all__ = ["OMIT", "Omit", "Scope", "evaluate", "has_template", "is_text_template", "written"]


class Omit:
    """What `omit` stands for: the argument that has this value counts as not written."""

    def __repr__(self) -> str:
        return "omit"


OMIT = Omit()


def is_text_template(value: object) -> bool:
    """Whether a value is a text from a file with a template in it."""
    return isinstance(value, MarkedStr) and ("{{" in value or "{%" in value or "{#" in value)


def has_template(value: object) -> bool:
    """Whether a value from a file holds a template anywhere."""
    if isinstance(value, MarkedDict):
        return any(has_template(key) or has_template(item) for key, item in value.items())
    if isinstance(value, MarkedList):
        return any(map(has_template, value))
    return is_text_template(value)


def written(value: Any) -> Any:
    """Return a value as if it stood in a file: for what a person gave us in another way (`-e`)."""
    if isinstance(value, str) and not isinstance(value, MarkedStr):
        return MarkedStr(value)
    if isinstance(value, dict) and not isinstance(value, MarkedDict):
        return MarkedDict({key: written(item) for key, item in value.items()})
    if isinstance(value, list) and not isinstance(value, MarkedList):
        return MarkedList(map(written, value))
    return value


def _nowhere(kind: str, name: str) -> Path:
    raise UsageError(f"{kind}/{name} cannot be looked up here")


class Scope(Mapping[str, Any]):
    """Layers of variables, the strongest first; for one thread and one moment.

    What was read once is kept, so a scope does not see later changes of what it has read.
    ``find(kind, name)`` looks up files for lookups.
    """

    __slots__ = ("_known", "_layers", "_open", "find")

    def __init__(
        self,
        layers: Sequence[Mapping[str, Any]],
        *,
        find: Callable[[str, str], Path] = _nowhere,
    ) -> None:
        self._layers = tuple(layer for layer in layers if layer)
        self._known: dict[str, Any] = {}
        self._open: list[str] = []
        self.find = find

    def over(self, *layers: Mapping[str, Any]) -> Scope:
        """Return a scope with stronger layers on top."""
        return Scope((*layers, *self._layers), find=self.find)

    def nothing(self) -> Scope:
        """Return a scope without variables that looks up files as this one does."""
        return Scope((), find=self.find)

    def raw(self, name: str) -> Any:
        """Return a variable as it was written; `KeyError` when nobody defines it."""
        for layer in self._layers:
            if name in layer:
                return layer[name]
        raise KeyError(name)

    def read(self, name: str) -> Any:
        """Return a variable templated, perhaps as a `Missing`; `KeyError` when it is unknown."""
        if name in self._known:
            return self._known[name]
        raw = self.raw(name)
        if name in self._open:
            way = " -> ".join([*self._open[self._open.index(name) :], name])
            raise TemplatingError(f"a variable refers to itself: {way}", mark_of(raw))
        self._open.append(name)
        try:
            value = _resolved(raw, self)
        except TemplatingError as failure:
            via = failure.through(name, mark_of(raw))
            if not failure.undefined:
                raise via from None
            value = _deferred(via)
        finally:
            self._open.pop()
        self._known[name] = value
        return value

    def template(self, value: Any) -> Any:
        """Return a value with every template in it evaluated, ready for use.

        Raises `TemplatingError`, also when a part is undefined.
        """
        if isinstance(value, MarkedDict):
            return {self.template(key): self.template(item) for key, item in value.items()}
        if isinstance(value, MarkedList):
            return [self.template(item) for item in value]
        if not is_text_template(value):
            return _scalar(value)
        return evaluate(value, self)

    def __getitem__(self, name: str) -> Any:
        return self.read(name)

    def __contains__(self, name: object) -> bool:
        for layer in self._layers:  # noqa: SIM110 - any() takes three times as long
            if name in layer:
                return True
        return False

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name for layer in self._layers for name in layer))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def evaluate(text: str, scope: Scope, *, of_file: bool = False, condition: bool = False) -> Any:
    """Evaluate a template to a value ready for use.

    ``of_file``: Jinja's own escapes apply. ``condition``: text literals in it may be templates.
    """
    from raftfleet.playbook.templating.machine import finished  # noqa: PLC0415 - Jinja on first use

    return finished(text, scope, of_file=of_file, condition=condition)


def _deferred(failure: TemplatingError) -> Any:
    from raftfleet.playbook.templating.undefined import deferred  # noqa: PLC0415 - Jinja on first use

    return deferred(failure)


def _scalar(value: Any) -> Any:
    return int(value) if isinstance(value, Octal) else value


def _resolved(raw: Any, scope: Scope) -> Any:
    """Template a variable's value; inside mappings and lists an undefined part waits for its use."""
    if isinstance(raw, MarkedDict):
        return {key: _part(item, scope) for key, item in raw.items()}
    if isinstance(raw, MarkedList):
        return [_part(item, scope) for item in raw]
    if not is_text_template(raw):
        return raw
    from raftfleet.playbook.templating.machine import render  # noqa: PLC0415 - Jinja on first use

    return render(raw, scope)


def _part(raw: Any, scope: Scope) -> Any:
    try:
        return _resolved(raw, scope)
    except TemplatingError as failure:
        return _deferred(failure)
