"""The cluster lock: one controller at a time, held on a majority of the cluster's hosts.

A record on each host names the holder by its token and carries two times on that host's own boot
clock. Until ``holds`` nobody else may take the lock there; until ``acts`` the host obeys the
holder's commands. They differ so that a host can be sure of the majority without asking it:

* Each round of renewal makes a majority hold for ``life`` seconds from no earlier than its start.
* ``acts`` is the host's own clock as read *before* the start of a round that a majority granted,
  plus ``life``. So while ``acts`` lies ahead, a majority still holds, whatever the host has missed.

Hence a host never obeys two controllers in turn while the first still holds elsewhere, and a
controller that slept past its lock's expiry is refused by every host, whether or not somebody else
came meanwhile. Clocks need not agree, only run at about the same speed (``_DRIFT``). The epoch
rises with every taker; it orders holders for people and refuses a take that was long on its way.
"""

from __future__ import annotations

import random
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from raftfleet.clock import Deadline
from raftfleet.errors import LockHeldError, RaftfleetError
from raftfleet.journal import events as ev

from .holder import Holder, Sighting
from .remote import number
from .seats import Seats, taken

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from raftfleet.clock import Clock
    from raftfleet.journal import Recorder

    from .fence import Fence
    from .remote import Place, Reply

__all__ = ["LIFE", "ClusterLock"]

LIFE = 30.0
"""Seconds a lock holds without renewal: some renewals may fail on a busy host, people can wait."""

_RENEWALS = 6
"""Renewals in one life."""

_DRIFT = 1 / 30
"""The part of a life that is given away for clocks that run at different speeds, and rounding."""

_PATIENCE = 5.0
_JITTER = (0.02, 0.3)
_GIVING_BACK = 2.0
_GIVES_BACK_AFTER = (0.01, 0.06)


class ClusterLock:
    """Takes, renews and gives back the lock of one cluster for one run.

    ``places`` are those of all nodes; see `Seats`. ``life`` is in seconds. One thread at a time may acquire and release.
    """

    def __init__(
        self,
        places: Sequence[Place],
        fence: Fence,
        holder: Holder,
        recorder: Recorder,
        clock: Clock,
        *,
        life: float = LIFE,
    ) -> None:
        self._seats = Seats(places, fence)
        self._fence = fence
        self._holder = holder
        self._recorder = recorder
        self._clock = clock
        self._life = life
        self._read: dict[str, int] = {}  # each host's clock as last read
        self._proven: dict[str, int] = {}  # the same, before the last round a majority granted
        self._lacking: set[str] = set()  # hosts that answer and do not obey us yet
        self._granted = 0.0
        self._epoch = 0
        self._after = ""
        self._turn = threading.Condition()
        self._ending = False
        self._renewer: threading.Thread | None = None

    @property
    def holder(self) -> Holder:
        """Who we say we are."""
        return self._holder

    @property
    def life(self) -> float:
        """Seconds a lock holds without renewal."""
        return self._life

    @property
    def held(self) -> bool:
        """Whether the lock was acquired and not given back; it may have been lost since."""
        return self._renewer is not None

    def look(self) -> dict[str, Sighting | RaftfleetError]:
        """Ask every host who holds the lock there, or why it cannot be asked."""
        return self._seats.look()

    # --- taken -------------------------------------------------------------------------------

    def acquire(self, *, patience: float = _PATIENCE, stop: threading.Event | None = None) -> str:
        """Take the lock and keep it renewed; do nothing when it has been taken already.

        Takes over what has expired, and at once from a holder on this machine whose process is
        dead; returns whose it was, nothing when nobody left one. Raises `LockHeldError` naming the holder when a majority could not be had within
        ``patience`` seconds, and `UnreachableError` when so many hosts do not answer.
        """
        if self.held:
            return ""
        deadline = Deadline.after(patience, self._clock)
        while (refusal := self._attempt()) is not None:
            if deadline.passed or (stop is not None and stop.is_set()):
                raise refusal
            turn = threading.Condition()
            with turn:  # a different time for each, or two who race would meet again
                self._clock.wait(turn, min(random.uniform(*_JITTER), deadline.left))  # noqa: S311
        self._fence.open()
        self._ending = False
        self._renewer = threading.Thread(target=self._keep, name="lock", daemon=True)
        self._renewer.start()
        return self._after

    def _attempt(self) -> RaftfleetError | None:
        """Try once; return why it did not work, with nothing of ours left on any host."""
        seen = self._seats.look()
        shown = {host: one for host, one in seen.items() if isinstance(one, Sighting)}
        if len(shown) < self._seats.majority:
            return self._seats.silent(seen)
        dead = {s.token for s in shown.values() if s.held and s.holder.is_dead(self._holder)}
        passing = {*dead, self._fence.token}  # ours, where a giving back got lost
        others = [s for s in shown.values() if s.held and s.token not in passing]
        if len(self._seats) - len(others) < self._seats.majority:
            return taken(others)
        self._read = {host: one.now for host, one in shown.items()}
        self._epoch = 1 + max(one.epoch for one in shown.values())
        refusal = self._take(shown, dead)
        if refusal is None and self._round() < self._seats.majority:
            refusal = LockHeldError("the cluster lock slipped away while it was being taken")
        if refusal is not None:
            self._give_back()
            return refusal
        self._complete()
        before = next((s for s in shown.values() if s.is_left_from(self._fence.token, dead)), None)
        self._after = before.describe(dead=before.token in dead) if before else ""
        self._recorder.record(
            ev.LockAcquired(
                epoch=self._epoch, hosts=tuple(self._read), life=self._life, after=self._after
            )
        )
        return None

    def _complete(self) -> None:
        """Wait a moment for hosts that somebody who lost the race is just giving back."""
        deadline, turn = Deadline.after(_GIVING_BACK, self._clock), threading.Condition()
        while self._lacking and not deadline.passed:
            with turn:
                self._clock.wait(turn, min(random.uniform(*_GIVES_BACK_AFTER), deadline.left))  # noqa: S311
            self._round()

    def _take(self, shown: Mapping[str, Sighting], dead: set[str]) -> RaftfleetError | None:
        """Take the lock on every host; return why a majority did not grant it."""
        began = self._clock.boottime()
        replies = self._seats.ask(lambda host: self._taking(shown.get(host), dead))
        if self._grant(began, replies) >= self._seats.majority:
            return None
        seen = [Sighting.of(r) for r in replies.values() if not isinstance(r, RaftfleetError)]
        if held := [s for s in seen if s.held and s.token != self._fence.token]:
            return taken(held)
        if any(s.refusal == "acting" for s in seen):
            return LockHeldError(
                "a command of the run before is still under way on a host",
                hint="try again when it is done",
            )
        if any(s.refusal == "young" for s in seen):
            return LockHeldError(
                f"hosts were rebooted less than {self._life:g} s ago",
                hint="a lock taken before that may not have expired yet; try again in a moment",
            )
        return LockHeldError("another controller is taking the cluster lock right now")

    def _taking(self, seen: Sighting | None, dead: set[str]) -> Mapping[str, str | float]:
        over = seen.token if seen and seen.token in dead else ""
        return {
            "act": "take",
            "epoch": self._epoch,
            "life": _ticks(self._life),
            "holder": self._holder.lines(),
            "over": over,
        }

    # --- kept --------------------------------------------------------------------------------

    def _round(self) -> int:
        """Renew on every host, take what is free; return how many hosts hold it for us now."""
        start = self._clock.boottime()
        limit = _ticks(self._life * (1 - _DRIFT))
        acts = {host: read + limit for host, read in self._proven.items()}

        def words(host: str) -> Mapping[str, str | float]:
            if host not in self._read:
                return self._taking(None, set())
            given = {"epoch": self._epoch, "life": _ticks(self._life)}
            return {"act": "renew", "acts": acts.get(host, 0), **given}

        replies = self._seats.ask(words)
        held = self._grant(start, replies)
        self._lacking = {
            host
            for host, reply in replies.items()
            if not isinstance(reply, RaftfleetError) and not ("renewed" in reply and host in acts)
        }
        return held

    def _grant(self, start: float, replies: Mapping[str, Reply | RaftfleetError]) -> int:
        """Take note of a round that began at ``start``; return how many hosts granted it."""
        granted = {
            host: int(reply.last("now"))
            for host, reply in replies.items()
            if not isinstance(reply, RaftfleetError) and ("taken" in reply or "renewed" in reply)
        }
        for host, reply in replies.items():
            if isinstance(reply, RaftfleetError):
                continue
            self._fence.roots[host] = reply.last("root")
            # One who lost the race may have left a higher one on a host that is ours to take.
            self._epoch = max(self._epoch, int(number(reply.last("epoch", "0"))))
            if reply.last("refused", "busy").partition(" ")[0] != "busy":
                self._read.pop(host, None)  # it is to be taken anew, if it is free
                self._proven.pop(host, None)
        if len(granted) >= self._seats.majority:
            self._proven = dict(self._read)
            self._granted = start
        self._read |= granted
        return len(granted)

    def _keep(self) -> None:
        """Renew until the lock is given back or lost."""
        while True:
            with self._turn:
                if not self._ending:
                    self._clock.wait(self._turn, self._life / _RENEWALS)
                if self._ending:
                    return
            before = self._granted
            held = self._round()
            late = self._clock.boottime() - before
            if held < self._seats.majority and (late > self._life or self._outvoted()):
                self._lose(held, late)
                return
            if held >= self._seats.majority and late > self._life / 2:
                self._note(ev.LockRenewedLate(seconds=late))

    def _outvoted(self) -> bool:
        """Whether so many hosts refuse us that no renewal can succeed any more."""
        return len(self._read) < self._seats.majority

    def _lose(self, held: int, late: float) -> None:
        reason = (
            f"the cluster lock is lost: {held} of {len(self._seats)} hosts still hold it for us, "
            f"{late:.1f} s after the last renewal"
        )
        self._fence.close(reason)
        self._note(ev.LockLost(reason=reason))

    # --- given back --------------------------------------------------------------------------

    def release(self) -> None:
        """Give the lock back, if it was taken; what cannot be given back expires."""
        if self._renewer is None:
            return
        with self._turn:
            self._ending = True
            self._turn.notify_all()
        self._renewer.join()
        self._renewer = None
        self._fence.close("the cluster lock has been given back")
        self._give_back()
        self._note(ev.LockReleased(epoch=self._epoch))

    def _note(self, event: ev.Event) -> None:
        """Record what happened; a full disk here must not keep the lock from others."""
        with suppress(RaftfleetError):
            self._recorder.record(event)

    def _give_back(self) -> None:
        self._seats.ask(lambda _: {"act": "release"})
        self._read, self._proven = {}, {}


def _ticks(seconds: float) -> int:
    return round(seconds * 100)
