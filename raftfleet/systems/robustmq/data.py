"""The product's data files, which people may edit: `config/robustmq/`.

An installed raftfleet carries them below `raftfleet/share`; in a checkout they lie beside the package.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path

import yaml

from raftfleet.errors import UsageError

__all__ = ["data_file", "server_keys_data"]


def data_file(name: str) -> Path:
    """Return the path of a file of `config/robustmq/`; raise `UsageError` when there is none."""
    package = Path(str(files("raftfleet")))
    places = [package / "share" / "config", package.parent / "config"]
    for place in places:
        path = place / "robustmq" / name
        if path.is_file():
            return path
    looked = " and ".join(str(place / "robustmq") for place in places)
    raise UsageError(
        f"the data file {name} of the robustmq adapter is missing (looked in {looked})",
        hint="install raftfleet again: its wheel carries this file",
    )


@cache
def server_keys_data() -> dict[str, dict[str, object]]:
    """Return `server-keys.yml` as written: dotted key -> its attributes."""
    path = data_file("server-keys.yml")
    loaded = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    if not isinstance(loaded, dict) or not all(isinstance(v, dict) for v in loaded.values()):
        raise UsageError(f"{path}: wants a mapping of keys to their attributes")
    return {str(key): dict(value) for key, value in loaded.items()}
