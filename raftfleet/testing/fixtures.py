"""The pytest fixture `fleet_project`: ``pytest_plugins = ["raftfleet.testing.fixtures"]``."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from raftfleet.testing.project import FleetProject

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

__all__ = ["fleet_project"]


@pytest.fixture
def fleet_project(tmp_path: Path) -> Callable[[Mapping[str, object]], FleetProject]:
    """Make a project of files in a folder of its own; `FleetProject.run` runs commands in it."""
    numbers = itertools.count(1)

    def make(files: Mapping[str, object]) -> FleetProject:
        number = next(numbers)
        return FleetProject(tmp_path / ("project" if number == 1 else f"project{number}"), files)

    return make
