"""What `node:` may say: a node's name, a list of names, or a selector over the observed picture."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from raftfleet.errors import TaskError, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["RaftView", "select"]

SELECTORS = ("all", "any", "down", "follower", "leader", "leader of GROUP")


@dataclass(frozen=True, slots=True)
class RaftView:
    """One frozen picture of the cluster, the same for every host of a task.

    ``leaders`` maps each group to the node that leads it, None when nobody does, and ``terms`` to
    the term it leads in. ``down`` are the nodes whose process is not alive.
    """

    nodes: tuple[str, ...]
    groups: tuple[str, ...]
    leaders: Mapping[str, str | None]
    down: tuple[str, ...]
    terms: Mapping[str, int | None] = field(default_factory=dict)

    @property
    def up(self) -> tuple[str, ...]:
        """The nodes whose process is alive."""
        return tuple(node for node in self.nodes if node not in self.down)

    def led_by(self, node: str) -> tuple[str, ...]:
        """Return the groups this node leads."""
        return tuple(group for group in self.groups if self.leaders.get(group) == node)

    @property
    def leaders_last(self) -> tuple[str, ...]:
        """Every node; those that lead fewer groups first, the first group's leader last."""

        def weight(node: str) -> tuple[bool, int, int]:
            return (self.leader == node, len(self.led_by(node)), -self.nodes.index(node))

        return tuple(sorted(self.nodes, key=weight))

    @property
    def followers(self) -> tuple[str, ...]:
        """Nodes that are up and do not lead the first group, those that lead least first."""
        return tuple(n for n in self.leaders_last if n in self.up and n != self.leader)

    @property
    def leader(self) -> str | None:
        """The leader of the first group."""
        return self.leaders.get(self.groups[0]) if self.groups else None

    def variables(self) -> dict[str, Any]:
        """Return what templates see as ``raft``."""
        return {
            "nodes": list(self.nodes),
            "groups": list(self.groups),
            "down": list(self.down),
            "up": list(self.up),
            "leader": self.leader,
            "leaders": dict(self.leaders),
            "terms": dict(self.terms),
            "followers": list(self.followers),
            "leaders_last": list(self.leaders_last),
        }


def select(view: RaftView, wanted: str | Sequence[str]) -> tuple[str, ...]:
    """Return the nodes that ``node:`` names, in the order to act on them.

    Raises `TaskError` for a name that is none, and for a selector nobody answers to.
    """
    if not isinstance(wanted, str):
        return tuple(dict.fromkeys(node for word in wanted for node in select(view, word)))
    word = wanted.strip()
    if word in view.nodes:
        return (word,)
    if word == "all":
        return view.nodes
    if word == "down":
        return view.down
    if word == "follower":
        return (_somebody(view.followers, "follower"),)
    if word == "any":
        return (_somebody(view.up, "node that is up"),)
    if word == "leader" or word.startswith("leader of "):
        return (_leader(view, word),)
    known = [*view.nodes, *SELECTORS]
    close = nearest(word, known)
    hint = f"did you mean {close}?" if close else f"known: {', '.join(known)}"
    raise TaskError(f"no node is called {word!r}", hint=hint)


def _somebody(nodes: Sequence[str], what: str) -> str:
    if not nodes:
        raise TaskError(f"there is no {what}")
    return nodes[0]


def _leader(view: RaftView, word: str) -> str:
    group = word.removeprefix("leader").removeprefix(" of ").strip() or view.groups[0]
    if group not in view.groups:
        close = nearest(group, view.groups)
        hint = f"did you mean {close}?" if close else f"groups: {', '.join(view.groups)}"
        raise TaskError(f"no group is called {group!r}", hint=hint)
    leader = view.leaders.get(group)
    if leader is None:
        raise TaskError(f"nobody leads {group} right now")
    return leader
