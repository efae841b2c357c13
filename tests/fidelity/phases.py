"""A scenario cut into phases: what was done to the cluster, and what followed until the next deed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .procedure import ACTIONS

if TYPE_CHECKING:
    from .recording import Event, Recording

__all__ = ["MANY", "Phase", "phases_of"]

APART = 1.5
"""Seconds: deeds closer together than this are one, for what they set off has not happened yet."""


MANY = 7
"""Deeds in one phase above which its name is cut, and nothing can be said to have settled."""


class Phase(NamedTuple):
    """A stretch of time after some deeds; it has the same name in both recordings."""

    name: str
    begin: float
    end: float
    deeds: tuple[Event, ...]

    @property
    def victim(self) -> int | None:
        """The one node that something was done to, if it was one."""
        nodes = {deed["node"] for deed in self.deeds if "node" in deed}
        return nodes.pop() if len(nodes) == 1 else None

    def holds(self, t: float) -> bool:
        """Whether an instant belongs to it."""
        return self.begin <= t < self.end


def phases_of(recording: Recording, model: Recording) -> list[Phase]:
    """Cut a recording into phases, at the same deeds as ``model`` is cut."""
    deeds, there = recording.of(*ACTIONS), model.of(*ACTIONS)
    if [_name(deed) for deed in deeds] != [_name(deed) for deed in there]:
        raise ValueError(f"{recording.name} and {model.name} are not the same procedure")
    groups: list[list[int]] = []
    for place, deed in enumerate(there):
        if groups and deed["t"] - there[groups[-1][-1]]["t"] < APART:
            groups[-1].append(place)
        else:
            groups.append([place])
    begins = [deeds[group[0]]["t"] for group in groups]
    ends = [*begins[1:], recording.end]
    return [
        Phase(
            f"{number:02} {_names([there[place] for place in group if _matters(there[place])])}",
            begin, end, tuple(deeds[place] for place in group),
        )
        for number, (group, begin, end) in enumerate(zip(groups, begins, ends, strict=True))
    ]  # fmt: skip


def _names(deeds: list[Event]) -> str:
    """Return the deeds of a phase; a long row by its ends."""
    names = [_name(deed) for deed in deeds]
    if len(names) > MANY:
        names = [names[0], f"{len(names) - 2} more", names[-1]]
    return ", ".join(names)


def _matters(deed: Event) -> bool:
    return bool(deed["kind"] != "setup" or deed["t"] > 0)


def _name(deed: Event) -> str:
    words = [deed["kind"]]
    if deed["kind"] == "signal":
        words = [deed["sig"]]
    if "node" in deed:
        words.append(f"n{deed['node']}")
    return " ".join(words)
