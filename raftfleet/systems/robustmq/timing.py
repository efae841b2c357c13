"""What a node promises about elections and exits.

The election timing is compiled into the broker and shown nowhere, so the inventory says which it
is: `robustmq_era` names a build's era, `robustmq_timing` gives the figures themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from raftfleet.journal.values import Timing
from raftfleet.systems.protocol import ExitRules

from .binary import SIMULATOR
from .logs import MARKERS
from .refusal import meant, place_of, refusal
from .variables import PREFIX, read_variables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.systems.protocol import Node

    from .variables import Variables

__all__ = ["ERAS", "Era", "era_name", "exit_rules_of", "timing_of"]

_IMPLEMENTATION = "openraft-0.9"


@dataclass(frozen=True, slots=True)
class Era:
    """A span of builds with the same constants; all in seconds.

    ``exit_bound`` is how long a graceful exit may take, ``watchdog`` when the node ends itself.
    """

    heartbeat: float
    election_min: float
    election_max: float
    exit_bound: float
    watchdog: float

    @property
    def timing(self) -> Timing:
        """What its constants promise; `timing_of` says why lease and tick follow from them."""
        return Timing(
            _IMPLEMENTATION,
            self.heartbeat,
            self.election_min,
            self.election_max,
            leader_lease=self.election_max,
            tick=round(1.5 * self.heartbeat, 6),
        )


ERAS = {
    # 0.14-0.29 s seen in 115 graceful exits; seven times that leaves room for a busy machine.
    "head": Era(0.5, 10.0, 20.0, exit_bound=2.0, watchdog=20.0),
    # The product's own drill expects 5-7 s.
    "seed": Era(0.5, 1.5, 3.0, exit_bound=8.0, watchdog=20.0),
    # The bundled simulator's, for tests and demonstrations.
    "fast": Era(0.1, 0.6, 1.2, exit_bound=1.5, watchdog=2.0),
}
_UNKNOWN = Era(0.0, 0.0, 0.0, exit_bound=8.0, watchdog=20.0)
_REQUIRED = ("heartbeat", "election_min", "election_max")
_OPTIONAL = ("leader_lease", "tick")


def timing_of(node: Node) -> Timing | None:
    """Return the promise, or None when the inventory does not say what build this is.

    openraft 0.9 waits for the leader's lease, as long as ``election_max``, before its own draw,
    and looks at its timers every one and a half heartbeats (`engine_config.rs`, `raft/mod.rs`).
    A voter that has seen a longer log waits twice ``election_max`` more (`handle_tick_election`).
    """
    variables = read_variables(node.name, node.variables)
    given = _figures(node, variables)
    era = _era(node, variables)
    if era is not None:
        given = {name: float(getattr(era, name)) for name in _REQUIRED} | given
    if not given:
        return None
    missing = [name for name in _REQUIRED if name not in given]
    if missing:
        raise _refuse(node, "timing", f"lacks {', '.join(missing)}", "or name a robustmq_era")
    if not 0 < given["heartbeat"] < given["election_min"] <= given["election_max"]:
        raise _refuse(
            node, "timing", "wants heartbeat < election_min <= election_max, all above 0", None
        )
    given.setdefault("leader_lease", given["election_max"])
    given.setdefault("tick", round(1.5 * given["heartbeat"], 6))
    return Timing(_IMPLEMENTATION, **given)


def exit_rules_of(node: Node) -> ExitRules:
    """Return how this node's exits are classified."""
    variables = read_variables(node.name, node.variables)
    era = _era(node, variables) or _UNKNOWN
    return ExitRules(
        bound=variables.exit_bound or era.exit_bound,
        watchdog=variables.watchdog or era.watchdog,
        markers=MARKERS,
    )


def era_name(variables: Variables) -> str:
    """Return the era that holds for a node: the simulator has one even when none is named."""
    return variables.era or ("head" if variables.binary == SIMULATOR else "")


def _era(node: Node, variables: Variables) -> Era | None:
    name = era_name(variables)
    if not name:
        return None
    if name not in ERAS:
        hint = meant(name, ERAS, f"known: {', '.join(ERAS)}")
        raise _refuse(node, "era", f"does not know {name!r}", hint)
    return ERAS[name]


def _figures(node: Node, variables: Variables) -> dict[str, float]:
    known = (*_REQUIRED, *_OPTIONAL)
    found: dict[str, float] = {}
    timing: Mapping[str, object] = variables.timing
    for name, value in timing.items():
        if name not in known:
            raise refusal(
                f"{node.name}: {PREFIX}timing: {name} is not one of its figures",
                place_of(timing, name),
                meant(name, known, f"known: {', '.join(known)}"),
            )
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise refusal(
                f"{node.name}: {PREFIX}timing: {name} wants seconds, not {value!r}",
                place_of(timing, name, of_value=True),
            )
        found[name] = float(value)
    return found


def _refuse(node: Node, name: str, message: str, hint: str | None) -> Exception:
    mark = place_of(node.variables, f"{PREFIX}{name}", of_value=True)
    return refusal(f"{node.name}: {PREFIX}{name} {message}", mark, hint)
