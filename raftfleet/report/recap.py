"""The recap's lines: what a run came to on each host, in the columns and colours of Ansible's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .results import STYLES
from .text import cells, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["recap_lines"]

_NAMES: Final = 26  # columns for names at least
_COUNTED: Final = {**STYLES, "rescued": "green", "ignored": "blue"}


def recap_lines(hosts: Mapping[str, Mapping[str, int]]) -> Iterator[list[tuple[str, str]]]:
    """Yield each host's line of the recap in parts with their styles; columns are aligned."""
    names = {host: one_line(host) for host in hosts}
    width = max([_NAMES, *map(cells, names.values())])
    for host, counters in hosts.items():
        bad = counters["failed"] or counters["unreachable"]
        style = STYLES["failed"] if bad else STYLES["changed" if counters["changed"] else "ok"]
        parts = [(names[host], style), (" " * (width - cells(names[host])) + " : ", "")]
        for name, count in counters.items():
            text = f"{name}={count}"
            parts += [
                (text, _COUNTED[name] if count else ""),
                (" " * (len(name) + 6 - len(text)), ""),
            ]
        yield parts[:-1]
