"""A task's loop and its retries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raftfleet.errors import SourceError
from raftfleet.playbook.syntax.nodes import Loop, Retry
from raftfleet.playbook.syntax.reading import Reader
from raftfleet.playbook.syntax.words import LOOP_CONTROL

if TYPE_CHECKING:
    from raftfleet.errors import Mark

__all__ = ["read_loop", "read_retry"]

_FORMS = ("loop", "with_items", "with_dict")


def read_loop(reader: Reader) -> Loop | None:
    """Return what a task repeats over, if anything."""
    forms = [form for form in _FORMS if form in reader]
    if not forms:
        return None
    if len(forms) > 1:
        raise SourceError(
            f"a task has one loop, not {' and '.join(forms)}", reader.key_at(forms[1])
        )
    form, mark = forms[0], reader.at(forms[0])
    if form == "loop" and not isinstance(reader.data["loop"], list | str):
        raise reader.wrong("loop", "a list", hint='a mapping: loop: "{{ x | dict2items }}"')
    return _controlled(reader, form, mark)


def _controlled(reader: Reader, form: str, mark: Mark | None) -> Loop:
    control = Reader(reader.mapping("loop_control"), "loop_control", reader.mark)
    control.only(LOOP_CONTROL)
    return Loop(
        items=reader.data[form],
        form=form,
        variable=control.word("loop_var") or "item",
        index=control.word("index_var"),
        label=control.data.get("label"),
        pause=control.number("pause", 0),
        extended=bool(control.flag("extended", default=False)),
        all_items=bool(control.flag("extended_allitems", default=True)),
        break_when=control.conditions("break_when"),
        mark=mark,
    )


def read_retry(reader: Reader) -> Retry | None:
    """Return how a task is retried; None when it says neither `until` nor `retries`."""
    if "until" not in reader and "retries" not in reader:
        return None
    return Retry(
        until=reader.conditions("until"),
        retries=reader.number("retries"),
        delay=reader.number("delay", 5),
    )
