"""What lines of a log mean, as data: rules that people edit, and the runs of lines they sort."""

from __future__ import annotations

import enum

import msgspec

__all__ = ["LogRule", "LogVerdict", "LogWindow", "Spell"]


class LogVerdict(enum.StrEnum):
    """What a line means where its rule allows it; outside every line of a rule is a problem."""

    BENIGN = "benign"
    NOTE = "note"
    PROBLEM = "problem"


class LogWindow(enum.StrEnum):
    """When a line may come, seen from the node that wrote it.

    `start` and `stop`: its own. `peer-start`: another node's. `peer-away`: the node the line
    names, or any other when it names none, is down, paused, cut off from it or starting. `away`:
    it is itself paused or cut off. `election`: a role, leader or term changed somewhere. `fault`:
    from the first thing that was done to any node until all are back.
    """

    START = "start"
    STOP = "stop"
    PEER_START = "peer-start"
    PEER_AWAY = "peer-away"
    AWAY = "away"
    ELECTION = "election"
    FAULT = "fault"


class LogRule(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One rule; the first that fits a line names it.

    A line fits by its parsed ``levels``, the beginning of its ``target`` and a search of
    ``message`` (a regular expression) in its text; what is left out fits any. A group named
    ``peer`` in the expression holds the id or address of the node the line is about.

    ``during``: only in these windows may it come, else it is a problem; none means always.
    ``before`` and ``after`` widen each window, in seconds; ``after_cut`` takes the place of
    ``after`` where a node had been paused or cut off, as old connections recover late. ``by`` is ``leader`` for lines that
    only a node that leads or stands for election may write. More than ``most`` lines a minute on
    one node are a problem as well. ``why`` is for people.
    """

    name: str
    judge: LogVerdict
    levels: tuple[str, ...] = ()
    target: str = ""
    message: str = ""
    during: tuple[LogWindow, ...] = ()
    before: float = 0.5
    after: float = 2.0
    after_cut: float | None = None
    by: str = ""
    most: int | None = None
    why: str = ""


class Spell(msgspec.Struct, frozen=True, array_like=True):
    """Lines that came close together: the first's and the last's time on our clock, and how many.

    Both are below zero when the stamps could not be placed on our clock.
    """

    first: float
    last: float
    count: int
