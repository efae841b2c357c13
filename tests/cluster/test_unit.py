"""What stands in the unit of a node, read as systemd reads it."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pytest

from raftfleet.cluster.unit import MANAGER, Unit, unit_of
from raftfleet.errors import UsageError
from raftfleet.testing.system import FakeSystem, toy_node
from raftfleet.transport import Command

if TYPE_CHECKING:
    from pathlib import Path

    from raftfleet.systems.protocol import Node

HOME = PurePosixPath("/opt/toy")
CONSOLE = HOME / "logs/console.log"


class Odd(FakeSystem):
    """A system whose command holds everything that systemd would read as its own."""

    def start(self, node: Node) -> Command:
        env = {"SECRET": 'a"b$c`d\\e%n', "PLAIN": "x y"}
        return Command("exec ./run \"$HOME\" 100% '\\n'", env=env, cwd=node.home)


def managed(by: str) -> Node:
    return replace(toy_node("n1", 1, HOME, 1), variables={MANAGER: by})


def unit(system: FakeSystem | None = None) -> Unit:
    return Unit(system or FakeSystem(), toy_node("n1", 1, HOME, 1), "c")


def test_only_where_the_inventory_says_so() -> None:
    system = FakeSystem()
    assert unit_of(system, toy_node("n1", 1, HOME, 1), "c") is None
    assert unit_of(system, managed("none"), "c") is None
    made = unit_of(system, managed("systemd"), "c")
    assert made is not None
    assert made.name == f"{system.name}-n1.service"


def test_another_manager_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="is none or systemd, not 'sytemd'") as caught:
        unit_of(FakeSystem(), managed("sytemd"), "c")
    assert caught.value.hint == "did you mean systemd?"


def test_the_environment_lies_apart_because_anybody_may_read_a_unit() -> None:
    made = unit(Odd())
    assert "SECRET" not in made.text(CONSOLE)
    assert 'SECRET="a\\"b\\$c\\`d\\\\e%n"\n' in made.environment()


def test_nothing_in_it_is_a_specifier_or_a_variable_of_systemds() -> None:
    line = next(one for one in unit(Odd()).text(CONSOLE).splitlines() if "ExecStart=" in one)
    assert line == 'ExecStart=/bin/sh -c "exec ./run \\"$$HOME\\" 100%% \'\\\\n\'"'


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd")
def test_systemd_finds_nothing_wrong_with_it(tmp_path: Path) -> None:
    made = unit(Odd())
    file = tmp_path / made.name
    file.write_text(made.text(CONSOLE).replace(str(made.environment_path), "/dev/null"))
    said = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.name not in said.stderr, said.stderr
