"""What stands for a value that nobody defined: it may be asked about, but not used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from jinja2 import StrictUndefined
from jinja2.exceptions import UndefinedError
from jinja2.utils import missing

if TYPE_CHECKING:
    from typing import NoReturn

    from raftfleet.playbook.templating.failure import TemplatingError

__all__ = ["Missing", "MissingUsedError", "deferred"]

_SHOWN = 60


class MissingUsedError(UndefinedError):
    """An undefined value was used; ``name`` is what is missing, ``known`` what there was instead.

    ``known`` is None when a variable is missing: whoever knows the scope knows its neighbours.
    ``failure`` is set when the value is undefined because its own template failed.
    """

    name: str
    known: list[str] | None
    failure: TemplatingError | None
    line: int | None = None


class Missing(StrictUndefined):
    """An undefined value whose attributes and items are undefined too (`a.b.c | default(1)`)."""

    __slots__ = ("_failure",)
    _failure: TemplatingError | None

    def __init__(
        self,
        hint: str | None = None,
        obj: Any = missing,
        name: str | None = None,
        exc: type[UndefinedError] = UndefinedError,
        failure: TemplatingError | None = None,
    ) -> None:
        super().__init__(hint, obj, name, exc)
        self._failure = failure
        self._undefined_exception = self._describe  # type: ignore[assignment]

    @property
    def _undefined_message(self) -> str:
        if self._undefined_hint:
            return self._undefined_hint
        if self._undefined_obj is missing:
            return f"the variable {self._undefined_name!r} is undefined"
        return f"{_shown(self._undefined_obj)} has no attribute {self._undefined_name!r}"

    def _describe(self, message: str) -> MissingUsedError:
        error = MissingUsedError(message)
        error.name = str(self._undefined_name)
        error.failure = self._failure
        holder = self._undefined_obj
        error.known = None if holder is missing else _keys(holder)
        return error

    @property
    def failure(self) -> TemplatingError | None:
        """Why it is undefined, when its own template failed."""
        return self._failure

    def error(self, line: int | None = None) -> MissingUsedError:
        """Return what using the value raises; ``line`` is where its template used it."""
        error = self._describe(self._undefined_message)
        error.line = line
        return error

    def complain(self, line: int | None = None) -> NoReturn:
        """Raise what using the value raises."""
        raise self.error(line)

    def __repr__(self) -> str:
        """Raise: whatever is written as text with this inside would hold a word nobody wrote."""
        self.complain()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __getitem__(self, _key: Any) -> Any:
        return self


def deferred(failure: TemplatingError) -> Missing:
    """Return an undefined value that raises this failure when it is used."""
    return Missing(hint=failure.message, failure=failure)


def _keys(holder: Any) -> list[str]:
    return [str(key) for key in holder] if isinstance(holder, Mapping) else []


def _shown(holder: Any) -> str:
    if isinstance(holder, Mapping):
        keys = ", ".join(map(str, holder))
        return f"a mapping with {keys}" if 0 < len(keys) <= _SHOWN else "the mapping"
    if isinstance(holder, list | tuple):
        return f"a list of {len(holder)}"
    return f"a value of type {type(holder).__name__}"
