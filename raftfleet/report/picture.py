"""The cluster at one moment: every node's own view of every group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raftfleet.journal import Standing, disagreement

from .terminal import Terminal
from .text import aligned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from raftfleet.journal import Picture

__all__ = ["show_picture"]

_HEAD = ("node", "process", "group", "role", "names", "term", "applied", "log", "voters")
_COLOURS = {Standing.ALIVE: "green", Standing.DOWN: "red", Standing.UNKNOWN: "yellow"}


def show_picture(picture: Picture, terminal: Terminal | None = None) -> None:
    """Print each node's standing and views, and whether they agree."""
    out = terminal or Terminal()
    rows = [row for name in sorted(picture.nodes) for row in _rows(picture, name)]
    lines = aligned([_HEAD, *rows])
    out.line(lines[0], "bold")
    for row, line in zip(rows, lines[1:], strict=True):
        out.line(line, _COLOURS.get(Standing(row[1]) if row[1] else Standing.ALIVE, ""))
    trouble = disagreement(picture, nodes=picture.nodes)
    if trouble is None:
        out.line("all agree", "green")
    else:
        out.line(f"not in agreement: {trouble}", "yellow")


def _rows(picture: Picture, name: str) -> Iterator[tuple[str, ...]]:
    first = (name, str(picture.standing(name)))
    node = picture.node(name)
    if not node.groups:
        yield (*first, *[""] * (len(_HEAD) - 2))
    for number, (group, sight) in enumerate(sorted(node.groups.items())):
        status = sight.status
        yield (
            name if number == 0 else "",
            first[1] if number == 0 else "",
            group,
            _shown(status.role),
            _shown(status.leader),
            _shown(status.term),
            _shown(status.last_applied),
            _shown(status.last_log),
            " and ".join("[" + " ".join(part) + "]" for part in status.voters or ()) or "?",
        )


def _shown(value: object) -> str:
    return "?" if value is None else str(value)
