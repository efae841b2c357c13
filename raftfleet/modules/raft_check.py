"""`raft_check`: refuse what cannot work before anything is touched."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from raftfleet.cluster.naming import user_to_become
from raftfleet.errors import TaskError, UnreachableError
from raftfleet.modules.raft_base import RaftModule
from raftfleet.playbook.module import Result
from raftfleet.transport import Lost

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from raftfleet.cluster import Control
    from raftfleet.playbook.module import ModuleContext
    from raftfleet.systems import Node, Problem

__all__ = ["RaftCheck", "checked"]

_LOOK = 20.0


class RaftCheck(RaftModule):
    """Check all nodes' settings together, the program, and every host.

    Arguments: none. Returns: nodes (list). Check mode: the same, it changes nothing.
    Idempotence: never "changed".
    """

    name = "raft_check"

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        """Fail with every problem of every host at once, not only the first."""
        del arguments
        return checked(self.control_as(context))


def checked(control: Control) -> Result:
    """Check settings and hosts, outside of any task too; raise `TaskError` with all problems."""
    control.system.check(control.nodes)
    view = control.look()
    problems = [
        problem
        for node in control.nodes
        for problem in _host(control, node, running=node.name in view.up)
    ]
    if problems:
        raise TaskError(
            "\n".join(problem.message for problem in problems),
            hint="; ".join(dict.fromkeys(problem.hint for problem in problems)),
        )
    return Result(values={"nodes": list(view.nodes)})


def _host(control: Control, node: Node, *, running: bool) -> Sequence[Problem]:
    # What may be written there depends on who asks.
    become = user_to_become(node.variables)
    command = replace(control.system.host_check(node), become=become, resumable=True)
    outcome = control.transport(node.name).run(command, timeout=_LOOK)
    if isinstance(outcome, Lost):
        raise UnreachableError(f"{node.name}: {outcome.reason}")
    return control.system.judge_host(node, outcome.out, running=running)
