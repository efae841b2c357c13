"""Arguments that a task gives as one text: a command line, or what goes to a free-form argument."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Protocol

from raftfleet.errors import SourceError
from raftfleet.inventory.positions import place_of
from raftfleet.inventory.source import MarkedDict, MarkedStr
from raftfleet.playbook.syntax.key_value import as_mapping, first_key
from raftfleet.playbook.syntax.reading import place
from raftfleet.playbook.templating.scope import is_text_template

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.errors import Mark
    from raftfleet.playbook.module import Argument

__all__ = ["ANY", "Declares", "names_of", "read_text"]

ANY = "*"


class Declares(Protocol):
    """What arguments are checked against: a module, or an action of the engine."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def arguments(self) -> Mapping[str, Argument]: ...  # noqa: D102
    @property
    def free_form(self) -> str | None: ...  # noqa: D102
    @property
    def raw(self) -> frozenset[str]: ...  # noqa: D102


def names_of(module: Declares) -> set[str]:
    """Return every name an argument may be given by."""
    declared = module.arguments.items()
    return {word for name, argument in declared for word in (name, *argument.aliases)} - {ANY}


def read_text(module: Declares, text: str, mark: Mark | None) -> MarkedDict:
    """Return the arguments that a task gives as one text; raises `SourceError`."""
    key = module.free_form
    if key is not None and "creates" in module.arguments:
        return _command_line(module, key, text, mark)
    at = place(text, mark)
    pair = first_key(text)
    if pair and (key is None or pair in names_of(module)):
        raise SourceError(
            f"{module.name}: k=v arguments are not supported",
            at,
            hint=f"write a mapping: {as_mapping(module.name, text)}",
            unsupported=True,
        )
    if key is None:
        raise _no_text(module, text, at)
    return MarkedDict({key: text}, mark, values={key: at} if at else {})


def _no_text(module: Declares, text: str, at: Mark | None) -> SourceError:
    first = next((name for name in module.arguments if name != ANY), "name")
    hint = f"write a mapping: {module.name}: {{{first}: ...}}"
    if is_text_template(text):
        message = f"{module.name}: arguments out of a template are not supported"
        return SourceError(message, at, hint=hint, unsupported=True)
    return SourceError(f"{module.name}: takes no plain text", at, hint=hint)


def _command_line(module: Declares, key: str, text: str, mark: Mark | None) -> MarkedDict:
    """Take `chdir=`, `creates=` and the like out of a command's text, as Ansible does."""
    names = "|".join(name for name in module.arguments if name not in {key, "argv", ANY})
    option = re.compile(
        rf"(?:(?<=\s)|^)({names})=(\"[^\"]*\"|'[^']*'|(?:(?>\{{\{{.*?\}}\}})|[^\s\"'{{])+)(?:\s+|$)"
    )
    at = place(text, mark)
    found: dict[Any, Any] = {}
    marks: dict[Any, Mark] = {}
    for said in option.finditer(text):
        where = place_of(text, said.start(2)) if isinstance(text, MarkedStr) else at
        found[said[1]] = MarkedStr(said[2].strip("\"'"), where)
        if where:
            marks[said[1]] = where
    line = option.sub("", text) if found else text
    if line.strip():
        found[key] = MarkedStr(line.strip() if found else line, at)
        if at:
            marks[key] = at
    return MarkedDict(found, mark, values=marks)
