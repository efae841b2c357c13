"""Waits for the cluster: a condition on the picture, a deadline, and what stood in the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raftfleet.journal import Standing, behind, disagreement, watermarks

from .failover import failover

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping, Sequence

    from raftfleet.journal import Picture, Recorder
    from raftfleet.journal.values import Timing

    from .failover import Failover

__all__ = ["Waits", "patience"]

_ELECTIONS = 3
_SLACK = 15.0
_AT_LEAST = 60.0


def patience(timing: Timing | None) -> float:
    """Return the seconds that waits last by default: some elections, and some slack."""
    reaction = timing.predict(_ELECTIONS, survivors_behind=True).hi if timing else 0.0
    return max(_AT_LEAST, reaction + _SLACK)


class Waits:
    """Waits until nothing is lacking; ``check`` raises what went wrong where we watch.

    A wait lasts ``timeout`` seconds, ``patience`` by default, and ends early once its ``stop`` is
    set.
    """

    def __init__(self, recorder: Recorder, check: Callable[[], None], patience: float) -> None:
        self.patience = patience
        self._recorder = recorder
        self._check = check

    def until(
        self,
        lacking: Callable[[Picture], str | None],
        what: str,
        timeout: float | None,
        stop: threading.Event | None,
    ) -> bool:
        """Wait until nothing is lacking; return whether that came before deadline and ``stop``."""

        def met(picture: Picture) -> bool | None:
            self._check()
            return True if lacking(picture) is None else None

        found = self._recorder.wait_for(
            met,
            what=what,
            timeout=self.patience if timeout is None else timeout,
            last_seen=lambda picture: lacking(picture) or "",
            stop=stop,
        )
        return found is True

    def agreement(
        self,
        nodes: Sequence[str] | None = None,
        *,
        timeout: float | None = None,
        stop: threading.Event | None = None,
    ) -> bool:
        """Wait until these nodes, or all that are not down, name the same leader, term and voters."""
        return self.until(
            lambda picture: disagreement(picture, nodes=nodes),
            f"agreement of {_who(nodes)}",
            timeout,
            stop,
        )

    def leaders(self, *, timeout: float | None = None, stop: threading.Event | None = None) -> bool:
        """Wait until every group has a leader that a majority names."""

        def lacking(picture: Picture) -> str | None:
            without = [g for g in picture.groups if picture.leader(g) is None]
            return f"nobody leads {', '.join(without)}" if without else None

        return self.until(lacking, "a leader of every group", timeout, stop)

    def answers(
        self,
        nodes: Sequence[str],
        *,
        timeout: float | None = None,
        stop: threading.Event | None = None,
    ) -> bool:
        """Wait until these nodes, as they run now, have said a word of every group."""

        def lacking(picture: Picture) -> str | None:
            silent = [
                name
                for name in nodes
                if name not in picture.live()
                or set(picture.groups) - picture.node(name).groups.keys()
            ]
            return f"nothing from {', '.join(silent)}" if silent else None

        return self.until(lacking, f"the first word of {_who(nodes)}", timeout, stop)

    def failover(
        self,
        victim: str,
        led: Mapping[str, int],
        *,
        timeout: float | None = None,
        stop: threading.Event | None = None,
    ) -> Failover:
        """Wait until every group that a node led, in these terms, has moved or is back."""
        self.until(
            lambda picture: failover(picture, victim, led).lacks,
            f"failover of {', '.join(sorted(led)) or 'nothing'}, which {victim} led",
            timeout,
            stop,
        )
        return failover(self._recorder.picture, victim, led)

    def converged(
        self,
        nodes: Sequence[str] | None = None,
        *,
        timeout: float | None = None,
        stop: threading.Event | None = None,
    ) -> bool:
        """Wait until these nodes, or all that are not down, have applied what leaders have now.

        "Now" is the first moment at which every group has a leader.
        """
        marks: dict[str, int] = {}

        def lacking(picture: Picture) -> str | None:
            if not marks:
                found = watermarks(picture)
                if not found or set(found) != set(picture.groups):
                    return "not every group has a leader that tells its index"
                marks.update(found)
            down = picture.standing_in(Standing.DOWN)
            names = [one for one in picture.nodes if one not in down] if nodes is None else nodes
            late = behind(picture, marks, names)
            return "; ".join(f"{name}: {what}" for name, what in late.items()) or None

        return self.until(lacking, f"{_who(nodes)} to catch up", timeout, stop)


def _who(nodes: Sequence[str] | None) -> str:
    return "all live nodes" if nodes is None else ", ".join(nodes)
