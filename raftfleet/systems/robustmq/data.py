"""The product's data files, which people may edit: `config/robustmq/`."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import yaml

from raftfleet.errors import UsageError
from raftfleet.shipped import shipped

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["data_file", "server_keys_data"]


def data_file(name: str) -> Path:
    """Return the path of a file of `config/robustmq/`; raise `UsageError` when there is none."""
    try:
        return shipped("config", "robustmq", name)
    except UsageError as error:
        raise UsageError(
            f"the data file {name} of the robustmq adapter is missing: {error.message}",
            hint=error.hint,
        ) from None


@cache
def server_keys_data() -> dict[str, dict[str, object]]:
    """Return `server-keys.yml` as written: dotted key -> its attributes."""
    path = data_file("server-keys.yml")
    loaded = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    if not isinstance(loaded, dict) or not all(isinstance(v, dict) for v in loaded.values()):
        raise UsageError(f"{path}: wants a mapping of keys to their attributes")
    return {str(key): dict(value) for key, value in loaded.items()}
