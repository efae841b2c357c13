"""Procedures of which robustmq.md tells figures but no recording is kept, as scripts to be done.

Each begins with the boot of a recorded scenario. What must come of them: `figures`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .recording import Event, Recording

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["BOOT", "SCRIPTS", "scripted"]

BOOT = "follower-partitioned"
"""The recording whose boot they share."""
PERIOD = 0.3
LEAVE = "/api/cluster/node/leave"


class _Script:
    """Deeds, one after the other; ``t`` is when the next would be done."""

    def __init__(self, boot: Recording) -> None:
        place = next(i for i, event in enumerate(boot.events) if event.get("what") == "booted")
        self.events = [event for event in boot.events[: place + 1] if event["kind"] != "write"]
        self.t = float(self.events[-1]["t"])
        self.samples: dict[str, Event] = {}

    def pause(self, seconds: float) -> None:
        self.t += seconds

    def do(self, kind: str, **what: Any) -> None:
        self.t += 0.01
        self.events.append({"t": self.t, "kind": kind, **what})

    def waits(self, what: str) -> None:
        self.do("waited", what=what, took=0.0)

    def stops(self, node: int) -> None:
        self.do("signal", node=node, sig="SIGINT")
        self.exits(node)

    def exits(self, node: int) -> None:
        self.do("exited", node=node, sig="SIGINT", latency=0.0, rc=None)

    def comes_up(self, node: int) -> None:
        self.do("start", node=node)
        self.waits(f"n{node}: ready")
        self.waits(f"n{node}: last listener")

    def writes(self, prefix: str, node: int, seconds: float) -> None:
        """Create tenants through a node from now on, beside what follows."""
        for number in range(1, round(seconds / PERIOD) + 1):
            t = self.t + number * PERIOD
            self.events.append({"t": t, "kind": "write", "node": node, "ok": True, "t1": t, "t2": t,
                                "name": f"{prefix}-{number}"})  # fmt: skip

    def leaves(self, name: str, via: int, node: int, *, force: bool = False) -> None:
        self.samples[f"{name}-n{via}"] = {
            "method": "POST", "auth": "Bearer", "content_type": "application/json",
            "request_body": {"node_id": node, "force": force},
        }  # fmt: skip
        self.do("api", name=name, node=via, path=LEAVE, ms=5.0)

    def ends(self) -> None:
        self.waits("converged")
        self.pause(1.0)
        self.do("compare", what="end", result={})


def _follower_paused(script: _Script) -> None:
    script.writes("fz-n1", 1, 98.0)
    script.writes("fz-n3", 3, 98.0)
    script.pause(3.0)
    script.do("sigstop", node=2)
    script.pause(60.0)
    script.do("sigcont", node=2)
    script.pause(36.0)
    script.ends()


def _wiped_follower(script: _Script) -> None:
    script.writes("wf", 1, 6.0)
    script.pause(7.0)
    script.stops(3)
    script.do("wipe", node=3)
    script.comes_up(3)
    script.ends()


def _wiped_leader(script: _Script) -> None:
    script.pause(1.0)
    script.stops(1)
    script.do("wipe", node=1)
    script.do("start", node=1)
    script.exits(1)


def _leave_and_orphan(script: _Script) -> None:
    script.stops(3)
    script.leaves("leave-early", 1, 3)
    script.pause(33.0)
    script.leaves("leave", 2, 3)
    script.pause(2.5)
    script.leaves("leave-again", 1, 3)
    script.leaves("leave-unknown", 1, 9)
    script.leaves("leave-below", 1, 2, force=True)
    script.comes_up(3)
    script.writes("orphan", 3, 6.0)
    script.pause(80.0)
    script.stops(3)
    script.do("wipe", node=3)
    script.comes_up(3)
    script.ends()


SCRIPTS: dict[str, Callable[[_Script], None]] = {
    "follower-paused": _follower_paused,
    "wiped-follower": _wiped_follower,
    "wiped-leader": _wiped_leader,
    "leave-and-orphan": _leave_and_orphan,
}


def scripted(name: str, boot: Recording) -> Recording:
    """Return a script in the form of a recording in which nothing was seen."""
    script = _Script(boot)
    SCRIPTS[name](script)
    script.do("polls")
    events = sorted(script.events, key=lambda event: float(event["t"]))
    return Recording(name, events, [], {1: [], 2: [], 3: []}, script.samples)
