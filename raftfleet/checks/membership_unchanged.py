"""`membership-unchanged`: the voters stay who they were, at every moment and in every view.

They begin anew with every generation of the cluster's data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from raftfleet.journal import events as ev

from .finding import Check, Finding, Severity
from .membership_agrees import sets_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .window import View, Window

__all__ = ["MEMBERSHIP_UNCHANGED"]

_NAME = "membership-unchanged"


def _judge(window: Window) -> Iterator[Finding]:
    expected: dict[tuple[str, int], View] = {}
    wrong: dict[tuple[str, str], tuple[View, View]] = {}
    begun = [event.t for event in window.of(ev.ClusterGeneration)]
    for view in (*window.opening, *window.views):
        if not view.status.voters:
            continue
        generation = sum(t <= view.t for t in begun)
        baseline = expected.setdefault((view.group, generation), view)
        if view.status.voters != baseline.status.voters:
            wrong.setdefault((view.group, view.node), (view, baseline))
    for view, baseline in wrong.values():
        yield _changed(view, baseline)
    yield from _forgotten(window)
    shown = {group for group, _ in expected}
    for group in window.after.groups or ("every group",):
        if group not in shown:
            text = f"{group}: no node showed its voters"
            yield Finding(_NAME, Severity.GAP, text, group=group)


def _changed(view: View, baseline: View) -> Finding:
    before, now = sets_text(baseline.status.voters), sets_text(view.status.voters)
    return Finding(
        _NAME,
        Severity.VIOLATION,
        f"{view.group}: {view.node} sees {now}, the voters were {before}",
        view.node,
        view.group,
        view.t,
    )


def _forgotten(window: Window) -> Iterator[Finding]:
    """Find nodes that are up when the drill ends and know of no voters at all."""
    for name, node in sorted(window.after.nodes.items()):
        if not node.ready:
            continue
        for group, sight in sorted(node.groups.items()):
            if sight.status.voters == ():
                text = f"{group}: {name} knows of no voters any more"
                yield Finding(_NAME, Severity.VIOLATION, text, name, group, sight.t)


MEMBERSHIP_UNCHANGED = Check(_NAME, _judge)
