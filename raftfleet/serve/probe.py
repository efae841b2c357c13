"""`/probe`: one look at a cluster, made when somebody asks for it.

Every node is asked for its own view at once. A target is an inventory group: that of a cluster, or
some of a cluster's nodes. All of the cluster is asked, and the target's nodes are judged: they must
answer, and follow the same leaders in the same terms.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from raftfleet.cluster.describing import described
from raftfleet.cluster.polling import named
from raftfleet.errors import RaftfleetError
from raftfleet.journal import Recorder, disagreement
from raftfleet.journal.events import StatusMissed, StatusSeen
from raftfleet.metrics import Figures, Live
from raftfleet.systems.protocol import AccessError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from raftfleet.clock import Clock
    from raftfleet.journal.values import GroupStatus
    from raftfleet.systems import Node, System
    from raftfleet.systems.protocol import Access

__all__ = ["Probed", "Target", "probe"]

_FORKS = 64
_MARGIN = 0.1
_LEAST = 0.05


@dataclass(frozen=True, slots=True)
class Target:
    """A cluster with the ways to its nodes' APIs, and the nodes among them that are asked about."""

    cluster: str
    system: System
    nodes: Sequence[Node]
    accesses: Mapping[str, Access]
    wanted: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Probed:
    """What a probe came to: ``trouble`` says why it failed, None when it did not."""

    trouble: str | None
    seconds: float
    figures: Figures


def probe(target: Target, clock: Clock, *, budget: float) -> Probed:
    """Ask every node once, all at the same time, within ``budget`` seconds."""
    began = clock.monotonic()
    recorder = Recorder(None, clock)
    live = Live(recorder, clock)
    recorder.record(described(target.cluster, target.system, target.nodes, period=budget, build=""))
    names = {node.identity.id: node.name for node in target.nodes}

    def ask(node: Node) -> Mapping[str, GroupStatus] | str:
        try:
            seen = target.system.status(
                target.accesses[node.name], timeout=max(_LEAST, budget - _MARGIN)
            )
        except AccessError as error:
            return str(error)
        except RaftfleetError as error:
            return error.message
        except Exception as error:  # noqa: BLE001 - one node's odd answer is no reason to show nothing
            return f"bad answer: {error!r}"
        return {group: named(status, names) for group, status in seen.items()}

    with ThreadPoolExecutor(min(_FORKS, len(target.nodes)), "probe") as pool:
        answers = dict(
            zip([n.name for n in target.nodes], pool.map(ask, target.nodes), strict=True)
        )
    now = clock.monotonic()
    for name, answer in answers.items():
        if isinstance(answer, str):
            recorder.record(StatusMissed(node=name, since=began, t=now, reason=answer))
        else:
            recorder.record(StatusSeen(node=name, since=began, t=now, groups=dict(answer)))
    silent = [
        f"{name}: {answers[name]}" for name in target.wanted if isinstance(answers[name], str)
    ]
    trouble = "; ".join(silent) or disagreement(recorder.picture, nodes=target.wanted, now=now)
    return Probed(trouble, now - began, live.figures())
