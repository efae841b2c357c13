"""Data files are found in a checkout and in an installed package alike."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import raftfleet
from raftfleet.errors import UsageError
from raftfleet.systems.robustmq import data

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def package_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    return lambda path: monkeypatch.setattr("raftfleet.shipped.files", lambda _: path)


def test_a_checkout_uses_its_own_config() -> None:
    repository = Path(raftfleet.__file__).parents[1]
    if (repository / "config").is_dir():
        assert data.data_file("server-keys.yml").is_relative_to(repository / "config")


def test_an_installed_package_uses_its_share(
    package_at: Callable[[Path], None], tmp_path: Path
) -> None:
    kept = tmp_path / "raftfleet" / "share" / "config" / "robustmq" / "server-keys.yml"
    kept.parent.mkdir(parents=True)
    kept.touch()
    package_at(tmp_path / "raftfleet")
    assert data.data_file("server-keys.yml") == kept


def test_a_missing_file_is_named_with_where_it_was_looked_for(
    package_at: Callable[[Path], None], tmp_path: Path
) -> None:
    package_at(tmp_path / "raftfleet")
    with pytest.raises(
        UsageError, match=r"server-keys\.yml of the robustmq adapter is missing"
    ) as caught:
        data.data_file("server-keys.yml")
    assert str(tmp_path / "config" / "robustmq") in caught.value.message
