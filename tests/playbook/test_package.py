"""The room's door: every public name is there, and opening it costs little."""

from __future__ import annotations

import subprocess
import sys

import pytest

import raftfleet.playbook


@pytest.mark.parametrize("name", raftfleet.playbook.__all__)
def test_a_public_name_is_there(name: str) -> None:
    assert getattr(raftfleet.playbook, name) is not None


def test_public_names_are_sorted_and_others_are_refused() -> None:
    names = raftfleet.playbook.__all__
    assert names == sorted(names, key=lambda name: (name.islower(), name))
    with pytest.raises(AttributeError, match="'nothing'"):
        _ = raftfleet.playbook.nothing


def test_neither_the_contract_nor_the_engine_imports_jinja() -> None:
    code = (
        "import sys; import raftfleet.playbook.module; assert 'yaml' not in sys.modules; "
        "from raftfleet.playbook import Engine, load_playbook; assert 'jinja2' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
