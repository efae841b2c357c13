"""Modes mean what chmod(1) makes of them, and set-id bits of directories what Ansible does."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from raftfleet.errors import TaskError
from raftfleet.modules.files.modes import resolve, shown

if TYPE_CHECKING:
    from pathlib import Path

SYMBOLS = [
    "u=rw,go=r",
    "u+x",
    "+x",
    "a-w",
    "go=",
    "u=rwX,g=rX,o=",
    "a+X",
    "g=u",
    "o=g",
    "u+s",
    "g+s,o-r",
    "+t",
    "ug=rw",
    "u+x-w",
    "=r",
    "+w",
    "-w",
    "=rw",
    "o+w",
]


@pytest.mark.parametrize("symbols", SYMBOLS)
@pytest.mark.parametrize("start", [0o644, 0o755, 0o600, 0o4711])
@pytest.mark.parametrize("directory", [False, True])
def test_symbols_mean_what_chmod_makes_of_them(
    tmp_path: Path, symbols: str, start: int, directory: bool
) -> None:
    path = tmp_path / "x"
    path.mkdir() if directory else path.touch()
    path.chmod(start)
    subprocess.run(["sh", "-c", 'umask 022; chmod -- "$0" "$1"', symbols, path], check=True)
    compared = 0o1777 if directory else 0o7777
    made = path.stat().st_mode & compared
    assert shown(resolve(symbols, start, directory=directory) & compared) == shown(made)


@pytest.mark.parametrize(
    ("symbols", "start", "outcome"),
    [
        ("=", 0o4755, 0o0000),
        ("g=", 0o2775, 0o0705),
        ("u=rwx,g=rx,o=rx", 0o2775, 0o0755),
        ("u=rwx,g=rxs,o=", 0o2775, 0o2750),
        ("g+s", 0o0775, 0o2775),
        ("o=", 0o1777, 0o0770),
        ("+u", 0o4755, 0o4777),
        ("-u", 0o4755, 0o4055),
        ("u=t", 0o2775, 0o2075),
        ("a=s", 0o1777, 0o6000),
    ],
)
def test_special_bits_of_a_directory_as_ansible_core_has_them(
    symbols: str, start: int, outcome: int
) -> None:
    assert shown(resolve(symbols, start, directory=True)) == shown(outcome)


@pytest.mark.parametrize(("written", "mode"), [("0644", 0o644), ("755", 0o755), ("01777", 0o1777)])
def test_octal_digits(written: str, mode: int) -> None:
    assert resolve(written, 0) == mode


def test_a_number_is_taken_as_it_is() -> None:
    assert resolve(0o600, 0o755) == 0o600


@pytest.mark.parametrize("written", ["rw", "u", "u=rq", "0988", "", "u=r;x", "u=r,"])
def test_what_is_no_mode_is_refused(written: str) -> None:
    with pytest.raises(TaskError, match="not a file mode"):
        resolve(written, 0o644)
