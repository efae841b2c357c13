"""docs/output.md says what events there are: its table is made from `journal/events.py`."""

from __future__ import annotations

import inspect
from pathlib import Path

from raftfleet.cli.output import _OPTIONS
from raftfleet.journal import events
from raftfleet.journal.events import Event, UnknownEvent

PAGE = Path(__file__).parents[2] / "docs" / "output.md"
HEAD = "| event | fields | meaning |\n|---|---|---|\n"


def table() -> str:
    """The table as it must stand on the page; `python -m tests.report.test_output_page` prints it."""
    rows = []
    for kind in vars(events).values():
        if not (isinstance(kind, type) and issubclass(kind, Event)) or kind in {
            Event,
            UnknownEvent,
        }:
            continue
        own = [
            f"`{name}`" for name in kind.__struct_fields__ if name not in Event.__struct_fields__
        ]
        said = inspect.getdoc(kind) or ""
        first = said.split("\n\n")[0].replace("\n", " ").replace("``", "`").replace("|", "\\|")
        rows.append(f"| `{kind.__struct_config__.tag}` | {', '.join(own)} | {first} |\n")
    return HEAD + "".join(rows)


def test_every_event_stands_in_the_table_with_its_fields() -> None:
    page = PAGE.read_text()
    begin = page.index(HEAD)
    assert page[begin : page.index("\n\n", begin) + 1] == table()


def test_every_option_of_output_is_explained() -> None:
    page = PAGE.read_text()
    names = ["--output", "--color", "--junit"]
    assert len(names) == len(_OPTIONS)
    assert all(f"`{name}" in page for name in names)


if __name__ == "__main__":
    print(table(), end="")  # noqa: T201 - that is what it is for
