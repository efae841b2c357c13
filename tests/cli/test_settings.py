"""`raftfleet.toml`: small, and never silently misread."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from raftfleet.cli.settings import Settings, project_settings
from raftfleet.errors import SourceError, UsageError

if TYPE_CHECKING:
    from pathlib import Path


def test_a_project_without_settings_has_the_usual_ones(tmp_path: Path) -> None:
    assert project_settings(tmp_path) == Settings()


def test_folders_are_relative_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "raftfleet.toml").write_text('# ours\nmodules = ["mine/"]\n')
    assert project_settings(tmp_path).modules == (tmp_path / "mine",)


@pytest.mark.parametrize(
    ("text", "line", "column", "message", "hint"),
    [
        ("\nmodule = []\n", 2, 1, "unknown setting 'module'", "did you mean modules?"),
        ("[zzz]\na = 1\n", 1, 2, "unknown setting 'zzz'", "settings: modules"),
        ("modules = 'm'\n", 1, 1, "modules wants a list of folders", 'modules = ["modules/"]'),
        ("modules = [1]\n", 1, 1, "modules wants a list of folders", 'modules = ["modules/"]'),
        ('modules = [\n  "gone",\n]\n', 2, 4, "there is no folder gone", None),
        ("modules = [\n", 1, 12, "this is not TOML", None),
        (f"modules = {'[' * 5000}{']' * 5000}\n", 1, 1, "nested too deep", None),
        (f"modules = ['{'x' * 300}']\n", 1, 13, "there is no folder xxx", None),
        ("a = 1\nb == 2\n", 2, 4, "this is not TOML", None),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    tmp_path: Path, text: str, line: int, column: int, message: str, hint: str | None
) -> None:
    (tmp_path / "raftfleet.toml").write_text(text)
    with pytest.raises(SourceError) as caught:
        project_settings(tmp_path)
    assert caught.value.message.startswith(message)
    assert caught.value.mark is not None
    assert (caught.value.mark.line, caught.value.mark.column) == (line, column)
    assert caught.value.hint == hint


def test_a_file_that_everybody_may_write_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "raftfleet.toml"
    path.write_text("modules = []\n")
    path.chmod(0o666)
    with pytest.raises(UsageError, match="everybody may write it"):
        project_settings(tmp_path)
    path.chmod(0o644)
    tmp_path.chmod(0o777)
    with pytest.raises(UsageError, match="everybody may write it"):
        project_settings(tmp_path)


def test_a_file_that_is_no_text_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "raftfleet.toml").write_bytes(b"\xff")
    with pytest.raises(UsageError, match=r"raftfleet.toml:1:1: this is not UTF-8 text"):
        project_settings(tmp_path)
