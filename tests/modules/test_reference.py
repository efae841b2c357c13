"""What modules say of themselves, in their docstrings and in docs/modules.md, is what they take."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from raftfleet.modules import INSTEAD, generic_modules
from raftfleet.modules.base import REFUSED_ATTRIBUTES, GenericModule
from raftfleet.playbook.builtin import BUILTIN

PAGE = Path(__file__).parents[2] / "docs/modules.md"
MODULES: dict[str, Any] = {**generic_modules(), **BUILTIN}
each = pytest.mark.parametrize("module", MODULES.values(), ids=lambda module: module.name)


def docstring(module: Any) -> str:
    """Return what a module and the one it is made from say, as one line."""
    classes = [one for one in type(module).__mro__ if one not in {GenericModule, object}]
    return " ".join(" ".join((one.__doc__ or "").split()) for one in classes)


def takes(module: Any) -> str:
    """Return the line of the page that names a module's arguments."""
    words = []
    for name, argument in module.arguments.items():
        if name == "*":
            words.append("any name")
            continue
        also = (
            f" ({', '.join(f'`{alias}`' for alias in argument.aliases)})"
            if argument.aliases
            else ""
        )
        words.append(f"`{name}`{also}")
    line = f"Takes: {' · '.join(words)}."
    of_files = {"unsafe_writes", *REFUSED_ATTRIBUTES}  # the page says it once for all modules
    if idle := [f"`{name}`" for name in sorted(module_idle(module) - of_files)]:
        line += f" Without effect: {', '.join(idle)}."
    refused = getattr(module, "refused", {}).items()
    if shown := [f"`{name}` ({way})" for name, way in refused if name not in of_files]:
        line += f" Refused: {', '.join(shown)}."
    return line


def module_idle(module: Any) -> frozenset[str]:
    """Return the arguments that a module takes and does nothing with."""
    return getattr(module, "idle", frozenset())


def sections() -> dict[str, str]:
    parts = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    found = {}
    for part in parts:
        title, _, text = part.partition("\n")
        for name in re.findall(r"`(\w+)`", title):
            found[name] = text
    return found


class TestDocstrings:
    @each
    def test_every_argument_stands_in_it(self, module: Any) -> None:
        text = docstring(module)
        missing = {name for name in module.arguments.keys() - {"*"} if f"``{name}``" not in text}
        assert missing <= module_idle(module)

    @each
    @pytest.mark.parametrize(
        "word", ["Arguments:", "Returns", "heck mode", "Diff: ", "Idempotence: "]
    )
    def test_it_says_what_users_ask(self, module: Any, word: str) -> None:
        assert word in docstring(module)

    @each
    def test_kinds_stand_beside_arguments(self, module: Any) -> None:
        text = docstring(module)
        for name, argument in module.arguments.items():
            if argument.kind in {"bool", "list", "int"} and f"``{name}``" in text:
                said = re.search(rf"``{name}``[^(]*\((?P<what>[^)]*)", text)
                assert said is not None, name
                known = {"bool": "bool", "list": "list", "int": "int"}[argument.kind]
                assert known in said["what"], (name, said["what"])


class TestPage:
    @each
    def test_its_arguments_are_the_declared_ones(self, module: Any) -> None:
        assert takes(module) in sections()[module.name]

    def test_it_tells_of_no_module_that_is_not_there(self) -> None:
        assert sections().keys() == MODULES.keys()

    def test_it_names_every_way_around(self) -> None:
        text = PAGE.read_text(encoding="utf-8")
        for name, way in INSTEAD.items():
            assert f"| `{name}` | {way} |" in text
