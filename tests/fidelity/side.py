"""One side of a comparison: a recording, cut into phases, with the histories of its groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .phases import phases_of
from .recording import NODES
from .views import GROUPS, Seen, at, histories

if TYPE_CHECKING:
    from .phases import Phase
    from .recording import Event, Recording

__all__ = ["Side", "side_of"]

Views = dict[int, list[Seen]]


@dataclass(frozen=True)
class Side:
    """A recording and what was worked out of it."""

    recording: Recording
    phases: list[Phase]
    views: dict[str, Views]

    def leader(self, group: str, t: float) -> int | None:
        """Return who led a group at an instant, in the highest term."""
        led = [(at(self.views[group][node], t).term, node) for node in NODES
               if at(self.views[group][node], t).role == "Leader"]  # fmt: skip
        return max(led)[1] if led else None

    def in_phase(self, phase: Phase, *kinds: str) -> list[Event]:
        """Return the events of some kinds in a phase."""
        return [event for event in self.recording.of(*kinds) if phase.holds(event["t"])]

    def cause(self, phase: Phase) -> float:
        """Return the instant from which a phase's consequences count: the exit, or the deed."""
        exits = [event["t"] for event in self.in_phase(phase, "exited")]
        return float(exits[0] if exits else phase.begin)

    def down_before(self, place: int) -> float:
        """Return how long the victim of a phase had been without contact when it began."""
        if place == 0:
            return 0.0
        return self.phases[place].begin - self.cause(self.phases[place - 1])


def side_of(recording: Recording, model: Recording) -> Side:
    """Work a recording out, phase by phase as the model has them."""
    views = histories(recording)
    return Side(recording, phases_of(recording, model), {group: views[group] for group in GROUPS})
