"""The drills that ship with raftfleet, by name, and the order in which a full run takes them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raftfleet.errors import UsageError, nearest
from raftfleet.shipped import shipped

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["FULL", "Step", "drills", "full_run", "playbook_of", "steps_of"]

FULL = "full"
_DECLARES = re.compile(r"^  drill:", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Step:
    """A playbook to run, with variables of its own."""

    path: Path
    extra: Mapping[str, Any] = field(default_factory=dict)


def drills() -> dict[str, str]:
    """Return every drill that ships, with the line that says what it does."""
    found = {}
    for path in sorted(shipped("playbooks").glob("*.yml")):
        text = path.read_text(encoding="utf-8")
        if _DECLARES.search(text):
            found[path.stem] = text.partition("\n")[0].lstrip("# ")
    return found


def playbook_of(name: str) -> Path:
    """Return the playbook of a drill by name, or by its path; `UsageError` with the nearest name."""
    path = Path(name)
    if path.suffix in {".yml", ".yaml"}:
        return path
    known = drills()
    if name in known:
        return shipped("playbooks", f"{name}.yml")
    words = [*known, FULL]
    close = nearest(name, words)
    raise UsageError(
        f"there is no drill {name!r}",
        hint=f"did you mean {close}?" if close else f"drills: {', '.join(words)}",
    )


def full_run(rounds: int | None = None) -> list[Step]:
    """Return the whole set in its traditional order A B D E C F; C leaves all down, so F starts them."""
    more = {} if rounds is None else {"rounds": rounds}
    return [
        Step(playbook_of("a-remove"), {"victim": "follower"}),
        Step(playbook_of("a-remove"), {"victim": "leader"}),
        Step(playbook_of("b-rejoin")),
        Step(playbook_of("d-rolling")),
        Step(playbook_of("e-stress"), more),
        Step(playbook_of("c-shutdown")),
        Step(shipped("playbooks", "start.yml")),
        Step(playbook_of("f-state-machine"), more),
    ]


def steps_of(names: Sequence[str], rounds: int | None, *, clean: bool) -> list[Step]:
    """Return what to run for these names; ``clean``: on data that begin anew."""
    more = {} if rounds is None else {"rounds": rounds}
    found: list[Step] = []
    if clean:
        found = [Step(shipped("playbooks", one)) for one in ("clean.yml", "start.yml")]
    elif FULL in names:
        found = [Step(shipped("playbooks", "start.yml"))]
    for name in names:
        found += full_run(rounds) if name == FULL else [Step(playbook_of(name), more)]
    return found
