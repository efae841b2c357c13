"""What the author of a playbook should know though nothing is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from raftfleet.errors import Mark

__all__ = ["Notices"]


class Notices:
    """Remarks on what is accepted and means nothing; of each kind only the first is kept."""

    def __init__(self) -> None:
        self._found: dict[str, str] = {}

    def add(self, remark: str, mark: Mark | None) -> None:
        """Keep a remark with its place, unless the same was made before."""
        self._found.setdefault(remark, f"{mark}: {remark}" if mark else remark)

    @property
    def texts(self) -> tuple[str, ...]:
        """The remarks, one line each."""
        return tuple(self._found.values())
