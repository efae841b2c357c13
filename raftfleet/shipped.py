"""What ships with raftfleet beside its code: playbooks, roles and config.

An installed raftfleet carries them below `raftfleet/share`; in a checkout they lie beside the
package.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from raftfleet.errors import UsageError

__all__ = ["shipped"]


def shipped(*parts: str) -> Path:
    """Return the path of a shipped file or folder; raise `UsageError` when it is not there."""
    package = Path(str(files("raftfleet")))
    places = [package / "share", package.parent]
    for place in places:
        path = place.joinpath(*parts)
        if path.exists():
            return path
    looked = " and ".join(str(place.joinpath(*parts)) for place in places)
    raise UsageError(
        f"{'/'.join(parts)} does not ship with this raftfleet (looked for {looked})",
        hint="install raftfleet again: its wheel carries playbooks, roles and config",
    )
