"""The keywords that plays, blocks, role entries and tasks have in common."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from raftfleet.errors import SourceError
from raftfleet.inventory.positions import place_of
from raftfleet.inventory.source import MarkedDict, MarkedList, MarkedStr
from raftfleet.playbook.syntax.nodes import Settings
from raftfleet.playbook.syntax.words import INHERITED
from raftfleet.playbook.templating.scope import is_text_template

if TYPE_CHECKING:
    from collections.abc import Iterator

    from raftfleet.playbook.syntax.reading import Reader

__all__ = ["read_settings"]

_FLAGS = frozenset({
    "any_errors_fatal", "become", "check_mode", "delegate_facts", "diff", "ignore_errors",
    "ignore_unreachable", "no_log", "run_once",
})  # fmt: skip
_NUMBERS = frozenset({"throttle", "timeout"})
_METHODS = frozenset({"sudo", "ansible.builtin.sudo"})
_CONNECTIONS = frozenset(
    {"ssh", "local", "smart", "paramiko", "ansible.builtin.ssh", "ansible.builtin.local"}
)
_PART: Final = re.compile(r"(?:\{\{.*?\}\}|\{%.*?%\}|[^,])+", re.DOTALL)
_KEYWORDS = (INHERITED | {"delegate_to", "delegate_facts"}) - {"environment"}


def read_settings(reader: Reader) -> Settings:
    """Return what this mapping says for itself and for what is inside it."""
    return Settings(
        values={key: _value(reader, key) for key in sorted(_KEYWORDS & reader.data.keys())},
        variables=_variables(reader),
        conditions=reader.conditions("when"),
        tags=_tags(reader),
        environment=_environment(reader),
        notify=reader.texts("notify"),
    )


def _value(reader: Reader, key: str) -> Any:
    if key in _FLAGS:
        return reader.flag(key)
    if key in _NUMBERS:
        return reader.number(key)
    text = reader.text(key)
    if key == "become_method" and text not in _METHODS and not is_text_template(text):
        hint = "hosts are entered as root or become root with sudo"
        raise reader.wrong(key, "sudo", hint=hint, unsupported=True)
    if key == "connection" and text not in _CONNECTIONS and not is_text_template(text):
        hint = "other connections are not supported"
        raise reader.wrong(key, "ssh or local", hint=hint, unsupported=True)
    return text


def _variables(reader: Reader) -> MarkedDict:
    value = reader.data.get("vars")
    if isinstance(value, MarkedList):
        raise reader.wrong("vars", "a mapping", hint="join the list's mappings into one")
    found = reader.mapping("vars")
    for name in found:
        if not isinstance(name, str) or not name.isidentifier():
            raise SourceError(
                f"{name!r} is not a name for a variable",
                found.key_mark(name),
                hint="letters, digits and _, not starting with a digit",
            )
    return found


def _tags(reader: Reader) -> frozenset[str]:
    """Return tags, perhaps templates; a text may hold several, with commas between them."""
    found: set[str] = set()
    for item, mark in reader.items("tags"):
        if not isinstance(item, str | int) or isinstance(item, bool):
            raise reader.wrong_item("tags", item, mark, "a text or a list of texts")
        if isinstance(item, MarkedStr) and is_text_template(item):
            found |= set(_divided(item))
        else:
            found |= {part.strip() for part in str(item).split(",") if part.strip()}
    return frozenset(found)


def _divided(text: MarkedStr) -> Iterator[MarkedStr]:
    """Yield the parts of a text between commas; those inside a template divide nothing."""
    for part in _PART.finditer(text):
        if tag := part[0].strip():
            yield MarkedStr(tag, place_of(text, part.start() + part[0].index(tag)))


def _environment(reader: Reader) -> tuple[Any, ...]:
    for part, mark in reader.items("environment"):
        if not isinstance(part, MarkedDict) and not is_text_template(part):
            raise reader.wrong_item("environment", part, mark, "a mapping of names to values")
    return tuple(part for part, _ in reader.items("environment"))
