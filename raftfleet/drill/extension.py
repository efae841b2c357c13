"""`drill:` at play level: the only key of raftfleet's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from raftfleet.errors import UsageError
from raftfleet.playbook import Scope

if TYPE_CHECKING:
    from collections.abc import Callable

    from raftfleet.cluster import Control
    from raftfleet.drill.declaration import Declaration
    from raftfleet.errors import Mark
    from raftfleet.playbook.extension import PlayInfo

__all__ = ["DrillExtension"]


class DrillExtension:
    """Makes a drill of a play.

    ``control`` is asked for when the drill begins: a playbook can be checked without one.
    """

    forbids: tuple[str, ...] = ("serial", "max_fail_percentage")

    def __init__(self, control: Callable[[], Control]) -> None:
        self._control = control

    def parse(self, value: Any, mark: Mark | None) -> Declaration:
        """Read the declaration when the playbook is loaded."""
        from raftfleet.drill.declaration import parse_declaration  # noqa: PLC0415 - only for a drill

        return parse_declaration(value, mark)

    def wrap(self, parsed: Declaration, play: PlayInfo, proceed: Callable[[], None]) -> None:
        """Conduct the drill around the play's tasks; in check mode only run those."""
        if play.check_mode:
            proceed()
            return
        if not play.everyone:
            raise UsageError(
                f"the drill {parsed.id} has no nodes: no host matches {play.pattern!r}",
                hint="put the nodes' hosts into a group raft, or name theirs: -e raft_group=NAME",
            )
        from raftfleet.drill.conduct import conduct  # noqa: PLC0415 - only for a drill
        from raftfleet.drill.declaration import resolved  # noqa: PLC0415

        variables = play.variables(play.everyone[0].name)
        declared = resolved(parsed, Scope([variables]).template, variables)
        conduct(declared, self._control(), proceed)
