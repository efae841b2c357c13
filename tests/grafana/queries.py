"""PromQL that several panels need."""

from __future__ import annotations

CLUSTER = 'cluster=~"$cluster"'
DRILL = f'{CLUSTER},drill=~"$drill"'
FAILOVER = f'{DRILL},group=~"$group"'
RAFT = f'{CLUSTER},group=~"$group"'


def within(series: str, window: str = "$window") -> str:
    """What was counted within a window.

    `increase` does not see what a series held when it first appeared: the first run of a cluster,
    and every drill and group that is new. All that such a series holds is of this window.
    """
    return f"(increase({series}[{window}]) and {series} offset {window} or {series})"


def quantile(part: float, series: str, by: str) -> str:
    """A quantile of a histogram's observations within the window."""
    return f"histogram_quantile({part}, sum by ({by}, le) ({within(series)}))"


def last(metric: str, by: str, labels: str) -> str:
    """A gauge, whichever way it came."""
    return f"max by ({by}) ({metric}{{{labels}}})"


def state(metric: str, label: str, values: tuple[str, ...], by: str, labels: str) -> str:
    """Which of a metric's states holds, as its place in ``values`` from 1."""
    each = " or ".join(
        f'{place} * {metric}{{{labels},{label}="{value}"}}' for place, value in enumerate(values, 1)
    )
    return f"max by ({by}) ({each}) > 0"
