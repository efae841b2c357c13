"""Which key of a task names its module; and when none does, what was meant instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from raftfleet.errors import SourceError
from raftfleet.playbook.spelling import misspelt
from raftfleet.playbook.syntax.reading import no_word, unknown_word
from raftfleet.playbook.syntax.words import bare, refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.errors import Mark
    from raftfleet.playbook.syntax.free_form import Declares
    from raftfleet.playbook.syntax.reading import Reader

__all__ = ["Naming"]

_OWN: Final = "use command or shell, or add a module of your own"


class Naming:
    """Knows the modules and actions that exist, and what to write instead of others."""

    def __init__(self, actions: Mapping[str, Declares], instead: Mapping[str, str]) -> None:
        self._actions = actions
        self._instead = instead
        self._short = {name.rpartition(".")[2]: way for name, way in instead.items()}

    def key_of(self, reader: Reader, keywords: frozenset[str]) -> str:
        """Return the one key that names a module."""
        found, strange = [], []
        for key in reader.data:
            if isinstance(key, str) and bare(key) in self._actions:
                found.append(key)
            elif key not in keywords:
                strange.append(key)
        if strange:
            raise self._stranger(strange[0], found, keywords, reader)
        if not found:
            raise SourceError(
                "this task names no module", reader.mark, hint="for example `command: uptime`"
            )
        if len(found) > 1:
            raise _two_modules(found[0], found[1], reader)
        return found[0]

    def _stranger(
        self, key: Any, found: list[str], keywords: frozenset[str], reader: Reader
    ) -> SourceError:
        mark = reader.key_at(key)
        if key is None or isinstance(key, bool):
            return no_word(key, mark)
        word = str(key)
        if bare(word) == "import_playbook":
            return SourceError("import_playbook stands among plays, not among tasks", mark)
        if found and (hint := self._misplaced(word, found[0], reader)):
            return SourceError(f"{word!r} is not a keyword of {reader.what}", mark, hint=hint)
        if found and bare(word) in self._instead:
            return _two_modules(found[0], word, reader)
        if found or refusal(bare(word)):
            return unknown_word(word, keywords, reader.what, mark)
        return self._no_module(word, keywords, mark)

    def _misplaced(self, word: str, key: str, reader: Reader) -> str | None:
        """Return the way out for an argument of the module that stands beside it, not below it."""
        declared = self._actions[bare(key)].arguments
        if word not in declared and not any(word in a.aliases for a in declared.values()):
            return None
        if isinstance(reader.data[key], str):
            return f"{word} is an argument of {key}: write it below args:"
        return f"{word} is an argument of {key}: indent it, so that it stands below {key}:"

    def _no_module(self, word: str, keywords: frozenset[str], mark: Mark | None) -> SourceError:
        """Return the error for a task whose module is misspelt, or one of Ansible's only."""
        message = f"there is no module {word!r}"
        name = bare(word)
        instead = self._instead.get(name) or self._short.get(name)
        if instead is None and (close := misspelt(name, [*self._actions, *keywords])):
            return SourceError(message, mark, hint=f"did you mean {close}?")
        hint = f"write {instead}" if instead else _OWN
        return SourceError(message, mark, hint=hint, unsupported=True)


def _two_modules(first: str, second: str, reader: Reader) -> SourceError:
    return SourceError(
        f"a task has one module, not {first} and {second}",
        reader.key_at(second),
        hint="make two tasks of it: each starts with '- '",
    )
