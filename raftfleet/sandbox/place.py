"""Whose sandboxes these are: the machine's, made by root, or those of one ordinary user.

An ordinary user's hosts live inside a user namespace of their own, one for each sandbox (see
``rootless``). What is written down about them lies in the user's runtime folder, which is nobody
else's to read.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from raftfleet.errors import SandboxError

__all__ = ["HOME", "HOME_VARIABLE", "INSIDE", "ROOTLESS", "prepare"]

HOME_VARIABLE = "RAFTFLEET_SANDBOX_HOME"
"""Set for the part of ``up`` that runs inside a user namespace, where everybody is root."""

INSIDE = HOME_VARIABLE in os.environ
"""Whether this process was started inside the namespaces of an ordinary user's sandbox."""

ROOTLESS = os.geteuid() != 0 and not INSIDE
"""Whether the sandboxes of this process are an ordinary user's; joining one does not change it."""


def _home() -> Path:
    if INSIDE:
        return Path(os.environ[HOME_VARIABLE])
    if not ROOTLESS:
        return Path("/run/raftfleet/sandbox")
    return _runtime_folder() / "raftfleet/sandbox"


def _runtime_folder() -> Path:
    """Return where the user's own short-lived files go, as the XDG base directories have it."""
    if given := os.environ.get("XDG_RUNTIME_DIR"):
        return Path(given)
    usual = Path(f"/run/user/{os.geteuid()}")
    return usual if usual.is_dir() else Path(f"/tmp/raftfleet-{os.geteuid()}")  # noqa: S108 - checked


HOME = _home()
"""One folder per sandbox lies here; it is its owner's alone."""


def prepare(home: Path) -> Path:
    """Make an ordinary user's folder of sandboxes and return the one above it.

    Raises SandboxError when the runtime folder is not the user's alone: in a folder that others
    may write, they could put a sandbox of theirs in the place of ours.
    """
    runtime = home.parents[1]
    try:
        runtime.mkdir(mode=0o700, exist_ok=True)
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = runtime.lstat()
    except OSError as problem:
        raise SandboxError(
            f"no folder for sandboxes: {problem}", hint="set XDG_RUNTIME_DIR to a folder of yours"
        ) from None
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise SandboxError(
            f"{runtime} must be a folder of yours that nobody else may enter",
            hint=f"chmod 700 {runtime}, or set XDG_RUNTIME_DIR to another folder",
        )
    return home.parent
