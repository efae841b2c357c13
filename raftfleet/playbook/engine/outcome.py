"""What came of a task on one host, in the form that `register` sees."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from raftfleet.inventory.source import plain
from raftfleet.playbook.module import Result, Status
from raftfleet.playbook.templating import is_text_template

if TYPE_CHECKING:
    from collections.abc import Sequence

    from raftfleet.errors import RaftfleetError
    from raftfleet.playbook.module import Placement

__all__ = ["Outcome", "bare_data"]


@dataclass(slots=True)
class Outcome:
    """``values`` is what `register` sees; the rest is what the run has to remember.

    ``defect`` is an exception that nobody meant to happen, ``fatal`` an error that ends the run.
    ``secret``: nothing of it may be shown or recorded. ``ignored``: a failure that counts as none.
    ``notify`` names handlers. ``owner`` is the host that the facts are set on, when that is another
    one. ``parts`` are the outcomes of a loop's items.
    ``delegated`` is the host acted on instead. ``diff`` is the one of ``values`` as it may be shown.
    ``quiet``: not worth showing.
    """

    values: dict[str, Any]
    facts: dict[str, Any] = field(default_factory=dict)
    gathered: dict[str, Any] = field(default_factory=dict)
    included: dict[str, Any] = field(default_factory=dict)
    placements: list[Placement] = field(default_factory=list)
    defect: Exception | None = None
    fatal: RaftfleetError | None = None
    secret: bool = False
    delegated: str = ""
    diff: Any = None
    quiet: bool = False
    ignored: bool = False
    notify: tuple[str, ...] = ()
    owner: str | None = None
    parts: tuple[Outcome, ...] = ()

    @property
    def status(self) -> Status:
        """The one word for it; unreachable outranks failed, which outranks the others."""
        if self.values.get("unreachable"):
            return Status.UNREACHABLE
        if self._failed:
            return Status.FAILED
        if self.values.get("skipped"):
            return Status.SKIPPED
        return Status.CHANGED if self.values.get("changed") else Status.OK

    @property
    def _failed(self) -> bool:
        """Whether it counts as a failure: where there is a `failed_when`, that alone decides."""
        found = [self.values, *(part.values for part in self.parts)]
        judged = [values for values in found if "failed_when_result" in values]
        if judged:
            return any(values["failed_when_result"] for values in judged)
        return bool(self.values.get("failed"))

    @classmethod
    def of(cls, result: Result, *, diff: bool) -> Outcome:
        """Return what a module's result comes to."""
        values = bare_data(result.values)
        if result.facts:
            values["ansible_facts"] = bare_data(result.facts)
        if result.msg:
            values["msg"] = str(result.msg)
        if diff and result.diff is not None:
            before, after = result.diff
            values["diff"] = {"before": before, "after": after}
        values["changed"] = bool(result.status is Status.CHANGED or values.get("changed", False))
        values["failed"] = result.status is Status.FAILED
        if result.status is Status.SKIPPED:
            values |= {"skipped": True, "changed": False}
        if result.status is Status.UNREACHABLE:
            values |= {"unreachable": True, "changed": False}
        return cls(
            values,
            bare_data(result.facts),
            bare_data(result.gathered),
            dict(result.included),
            list(result.placements),
            quiet=result.quiet,
        )

    @classmethod
    def failed(cls, message: str, **more: Any) -> Outcome:
        """Return a failure with a message."""
        return cls({"changed": False, "failed": True, "msg": message, **more})

    @classmethod
    def unreachable(cls, message: str) -> Outcome:
        """Return that the host did not answer."""
        return cls({"changed": False, "unreachable": True, "msg": message})

    @classmethod
    def skipped(cls, condition: Any = None) -> Outcome:
        """Return that nothing was done, because of a condition that did not hold."""
        reason = "Conditional result was False"
        values: dict[str, Any] = {"changed": False, "skipped": True, "skip_reason": reason}
        if condition is not None:
            values["false_condition"] = False if is_text_template(condition) else plain(condition)
        return cls(values)

    @classmethod
    def of_loop(cls, parts: Sequence[Outcome]) -> Outcome:
        """Return what a loop's items come to together."""
        results = [part.values for part in parts]
        values: dict[str, Any] = {
            "changed": any(values.get("changed") for values in results),
            "results": results,
            "skipped": all(values.get("skipped") for values in results),
        }
        if not results:
            return cls(values | {"skipped_reason": "No items in the list"})
        values["msg"] = "All items completed"
        if any(values.get("failed") for values in results):  # tried in vain in check mode, too
            values |= {"failed": True, "msg": "One or more items failed"}
        if values["skipped"]:
            values["msg"] = "All items skipped"
        if any(values.get("unreachable") for values in results):
            values |= {"unreachable": True, "msg": results[-1].get("msg", "")}
        merged = cls(values, secret=any(part.secret for part in parts), parts=tuple(parts))
        bad = [
            part for part in parts if part.values.get("failed") or part.values.get("unreachable")
        ]
        merged.ignored = bool(bad) and all(part.ignored for part in bad)
        if values["changed"] and not bad:  # a task that failed notifies nobody, whatever changed
            merged.notify = tuple(dict.fromkeys(name for part in parts for name in part.notify))
        ways = {part.delegated for part in parts}
        merged.delegated = ways.pop() if len(ways) == 1 else ""
        for part in parts:
            merged.placements += part.placements
            merged.defect = merged.defect or part.defect
            merged.fatal = merged.fatal or part.fatal
        return merged


def bare_data(value: Any) -> Any:
    """Return a value made of dict, list, str and scalars only.

    So it can be written as JSON, and none of it is the author's own text any more: whatever a host
    said will never be taken for a template.
    """
    if isinstance(value, Mapping):
        return {_key(key): bare_data(item) for key, item in value.items()}
    if isinstance(value, AbstractSet):
        return sorted((bare_data(item) for item in value), key=str)
    if isinstance(value, list | tuple) or (
        hasattr(value, "__next__") and hasattr(value, "__iter__")
    ):
        return [bare_data(item) for item in value]
    return _scalar(value)


def _scalar(value: Any) -> Any:
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode() if _lone_surrogates(value) else str(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, bytes | bytearray):
        return bytes(value).decode("utf-8", "replace")
    if isinstance(value, dt.datetime | dt.date):
        return value.isoformat()
    return str(value)


def _key(key: Any) -> Any:
    """Return a key that JSON can have: a text or a number."""
    plain = _scalar(key)
    return str(plain) if plain is None or isinstance(plain, bool) else plain


def _lone_surrogates(text: str) -> bool:
    """Whether a text holds halves of characters, as undecodable bytes leave them behind."""
    if text.isascii():
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
