"""What happens in the watched cluster, told in the log: who leads, who is silent, who is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raftfleet.journal import events as ev

if TYPE_CHECKING:
    from raftfleet.journal import Recorder

    from .log import Log

__all__ = ["Telling"]


class Telling:
    """A listener for `Recorder.subscribe`: one line for each thing that changed."""

    def __init__(self, log: Log, recorder: Recorder) -> None:
        self._log = log
        self._recorder = recorder
        self._silent: set[str] = set()
        self._leaders: dict[str, tuple[str, int]] = {}

    def __call__(self, event: ev.Event) -> None:
        """Tell of one event, if it is news."""
        match event:
            case ev.StatusMissed():
                if event.node not in self._silent:
                    self._silent.add(event.node)
                    self._log.warning("node does not answer", node=event.node, reason=event.reason)
            case ev.StatusSeen():
                if event.node in self._silent:
                    self._silent.discard(event.node)
                    self._log.info("node answers again", node=event.node)
                self._look_at_leaders()
            case ev.NodeFound(incarnation=None):
                self._log.warning("node does not run", node=event.node)
            case ev.NodeExited():
                self._log.warning("node has ended", node=event.node, status=event.status)
            case _:
                return

    def _look_at_leaders(self) -> None:
        picture = self._recorder.picture
        for group in picture.groups:
            leader = picture.leader(group)
            if leader is not None and self._leaders.get(group) != (leader.node, leader.term):
                self._leaders[group] = (leader.node, leader.term)
                self._log.info("group is led", group=group, leader=leader.node, term=leader.term)
