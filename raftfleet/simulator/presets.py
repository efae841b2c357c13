"""How fast a simulated node lives: its election timing, its start-up and its exit.

All figures are seconds, but for the two about snapshots, which count entries. A pair is a range
from which a node draws evenly. The figures of elections, snapshots and connections are openraft
0.9's and the broker's own; everything else is what was measured on the real broker with each of
these timings.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random

__all__ = ["PRESETS", "Preset", "Range", "chosen", "draw"]

Range = tuple[float, float]

PREFIX = "RAFTFLEET_SIMULATOR_"


class Preset(NamedTuple):
    """The timing of one simulated node.

    A follower stands for election when the leader's lease and its own draw from ``election`` have
    passed since the last contact. It looks at that only every ``tick``, and so a leader sends
    heartbeats only at ticks: `heartbeat` is the least time between two, not the usual one.
    """

    heartbeat: float
    election: Range
    lease: float
    # Start-up: when signals begin to be handled (from exec; the second for a node without data),
    # the pauses before the gRPC and admin ports, between two looks whether an own port is open,
    # between loading the caches and registering, until the storage engine is up, at some inner
    # topics, and before the protocol ports.
    handler: Range
    fresh_handler: Range
    servers: float
    look: float
    register: Range
    engine: Range
    topic: float
    settle: Range
    # A stop: how often the flag set by the signal is looked at, and how long draining takes.
    poll: float
    drain: Range
    watchdog: float
    # Calls between nodes.
    append_timeout: float = 0.5
    connect_timeout: float = 5.0
    call_timeout: float = 5.0
    retry_pause: float = 0.1
    cluster_pause: float = 1.0
    broker_heartbeat: float = 3.0
    # A connection on which nothing has come for so long is asked whether it lives, and given up
    # when it does not say so in time (HTTP/2 keep-alive); a call that is not given a shorter
    # deadline ends after `channel_timeout`.
    keep_alive: float = 30.0
    keep_alive_timeout: float = 60.0
    channel_timeout: float = 60.0
    # How long a group that was kept from running needs before it answers other nodes again.
    wake: Range = (0.03, 0.3)
    # Snapshots, in entries: how many are applied between two, how many are kept before the last.
    snapshot_every: float = 100.0
    log_kept: float = 1000.0

    @property
    def tick(self) -> float:
        """The period of openraft's clock: one and a half heartbeats."""
        return 1.5 * self.heartbeat

    @property
    def longer_log_wait(self) -> float:
        """What a node adds to its next election timeout once it has seen a longer log."""
        return 2 * self.election[1]


HEAD = Preset(
    heartbeat=0.5,
    election=(10.0, 20.0),
    lease=20.0,
    handler=(0.28, 0.42),
    fresh_handler=(0.14, 0.32),
    servers=0.05,
    look=0.1,
    register=(0.015, 0.06),
    engine=(0.07, 0.15),
    topic=0.1,
    settle=(2.95, 3.15),
    poll=0.1,
    drain=(0.12, 0.17),
    watchdog=20.0,
)

PRESETS: Mapping[str, Preset] = {
    # the broker as it is built today
    "head": HEAD,
    # the broker of the drill document: shorter elections, an exit that really drains
    "seed": HEAD._replace(election=(1.5, 3.0), lease=3.0, poll=1.0, drain=(5.0, 5.9)),
    # for tests of tools: the same behaviour in a fraction of the time
    "fast": Preset(
        heartbeat=0.1,
        election=(0.6, 1.2),
        lease=1.2,
        handler=(0.02, 0.04),
        fresh_handler=(0.02, 0.12),
        servers=0.02,
        look=0.05,
        register=(0.0, 0.005),
        engine=(0.01, 0.02),
        topic=0.01,
        settle=(0.12, 0.16),
        poll=0.05,
        drain=(0.05, 0.08),
        watchdog=2.0,
        broker_heartbeat=0.5,
        cluster_pause=0.2,
        keep_alive=2.0,
        keep_alive_timeout=4.0,
        wake=(0.01, 0.03),
    ),
}


def chosen(environment: Mapping[str, str] = os.environ) -> Preset:
    """Return the preset that the environment asks for.

    ``RAFTFLEET_SIMULATOR_PRESET`` names it, ``head`` without one. Any figure can be set by its
    own variable: ``RAFTFLEET_SIMULATOR_LEASE=60``, ``RAFTFLEET_SIMULATOR_ELECTION=1.5-3``. Raises
    SystemExit for what is neither.
    """
    name = environment.get(f"{PREFIX}PRESET", "head")
    if name not in PRESETS:
        known = ", ".join(sorted(PRESETS))
        raise SystemExit(f"{PREFIX}PRESET={name}: no such preset (known: {known})")
    preset = PRESETS[name]
    given = {figure: environment.get(PREFIX + figure.upper()) for figure in preset._fields}
    changes = {
        figure: _figure(figure, text, spans=isinstance(getattr(preset, figure), tuple))
        for figure, text in given.items()
        if text is not None
    }
    return preset._replace(**changes)


def _figure(name: str, text: str, *, spans: bool) -> Any:
    """Read one figure, or a range of two, of which the second may be left out."""
    try:
        numbers = [float(number) for number in text.split("-")]
    except ValueError:
        numbers = []
    if len(numbers) not in ((1, 2) if spans else (1,)):
        raise SystemExit(f"{PREFIX}{name.upper()}={text}: not seconds such as 1.5")
    return (numbers[0], numbers[-1]) if spans else numbers[0]


def draw(random: Random, span: Range) -> float:
    """Draw evenly from a range."""
    return random.uniform(*span)
