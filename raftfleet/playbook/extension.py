"""Keys that a play may carry beyond Ansible's: what they mean is the business of whoever adds them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from raftfleet.errors import Mark
    from raftfleet.inventory import Host, Inventory

__all__ = ["PlayExtension", "PlayInfo"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayInfo:
    """A play that is about to run.

    ``hosts`` are those within `--limit` that have not failed before; ``everyone`` is what the
    pattern names, whatever `--limit` says. ``variables(host_name)`` are that host's variables as a
    task of the play would see them, templated when read.
    """

    name: str
    pattern: str
    hosts: tuple[Host, ...]
    everyone: tuple[Host, ...]
    inventory: Inventory
    variables: Callable[[str], Mapping[str, Any]]
    check_mode: bool
    mark: Mark | None = None


class PlayExtension(Protocol):
    """What an extra key of a play does (`drill:`)."""

    forbids: tuple[str, ...]
    """Keywords of the play that are refused beside the key."""

    def parse(self, value: Any, mark: Mark | None) -> object:
        """Read the key's value when the playbook is loaded; raise `SourceError` when it is wrong."""
        ...

    def wrap(self, parsed: Any, play: PlayInfo, proceed: Callable[[], None]) -> None:
        """Run the play by calling ``proceed`` once, with whatever belongs before and after.

        It is called also when no host matches. ``proceed`` returns when the play ended, however
        its tasks came out, and raises `InterruptedRun` when the run was interrupted. What is
        raised here ends the run.
        """
        ...
