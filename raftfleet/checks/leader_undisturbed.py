"""`leader-undisturbed` (warning): no healthy leader loses its group to a node that came back.

A node that was cut off raises its term all the while, and without a vote beforehand it deposes a
healthy leader when it is back, at once or when an old connection recovers: half a minute later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .finding import Check, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .failovers import Move
    from .window import Window

__all__ = ["LEADER_UNDISTURBED"]

_NAME = "leader-undisturbed"


def _judge(window: Window) -> Iterator[Finding]:
    for move in window.succession.moves:
        if move.returned:
            yield _disturbed(window, move)
    if not window.before.claims and not window.after.claims:
        yield Finding(_NAME, Severity.GAP, "no node ever said that it led")


def _disturbed(window: Window, move: Move) -> Finding:
    back = max(a.hi for a in window.returns if a.hi <= move.t and a.node in move.returned)
    what = "lost it and won it back" if move.old == move.new else f"lost it to {move.new}"
    text = (
        f"{move.group}: {move.old}, which led it in term {move.old_term}, {what} "
        f"(term {move.new_term}) {move.t - back:.1f} s after the {move.cause} was over"
    )
    return Finding(_NAME, Severity.WARNING, text, move.old, move.group, move.t, move.cause)


LEADER_UNDISTURBED = Check(_NAME, _judge)
