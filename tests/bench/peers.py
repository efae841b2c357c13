"""The tools beside which playbooks are timed, in a virtual environment of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

__all__ = ["peer"]

_FOLDER = Path(__file__).parents[2] / ".venv-peers"
_WANTED = ("ansible-core==2.19.*", "pyinfra>=3")


def peer(name: str) -> str:
    """Return the path of a peer's program; the first call installs all of them."""
    ready = _FOLDER / ".ready"
    if not ready.exists():
        sys.stderr.write("installing the peers\n")
        subprocess.run([sys.executable, "-m", "venv", _FOLDER], check=True)
        pip = _FOLDER / "bin" / "pip"
        subprocess.run([pip, "install", "--quiet", *_WANTED], check=True)
        ready.touch()
    return str(_FOLDER / "bin" / name)
