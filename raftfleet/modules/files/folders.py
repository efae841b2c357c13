"""Making folders with all that lead to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raftfleet.errors import TaskError
from raftfleet.modules.files.attributes import Attributes, settle
from raftfleet.modules.files.remote_file import look
from raftfleet.modules.on_host import word

if TYPE_CHECKING:
    from raftfleet.modules.files.remote_file import Remote
    from raftfleet.modules.on_host import OnHost

__all__ = ["make_folders"]


def make_folders(host: OnHost, path: str, wanted: Attributes) -> Remote:
    """Make a folder and those above it that are missing; each new one gets mode and owner."""
    made = None
    for folder in _missing(host, path.rstrip("/") or "/"):
        host.ask(f"mkdir -- {word(folder)} || [ -d {word(folder)} ]", f"create {folder}")
        made = look(host, folder)
        if made is None:
            raise TaskError(f"{folder} was gone again right after it was made")
        made = settle(host, made, wanted)[1]
    if made is None:
        raise TaskError(f"{path} exists and is no directory")
    return made


def _missing(host: OnHost, path: str) -> list[str]:
    """Return the folders that have to be made, the outermost first."""
    line = (
        f'p={word(path)}; while [ ! -e "$p" ] && [ ! -L "$p" ]; do printf "%s\\0" "$p"; '
        "case $p in */*) p=${p%/*} ;; *) break ;; esac; p=${p:-/}; done"
    )
    said = host.ask(line, f"look at {path}").decode("utf-8", "surrogateescape")
    return [folder for folder in reversed(said.split("\0")) if folder]
