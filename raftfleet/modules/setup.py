"""`setup`: facts about the host, gathered at the start of a play unless it declines."""

from __future__ import annotations

from fnmatch import fnmatchcase
from shlex import quote
from typing import TYPE_CHECKING, Any, Final

from raftfleet.errors import TaskError
from raftfleet.modules.base import GenericModule, arguments
from raftfleet.modules.facts import chosen, read_facts, script
from raftfleet.modules.on_host import OnHost, complaint
from raftfleet.playbook.module import Argument, Result
from raftfleet.transport import CONNECTION_VARIABLES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.playbook.module import ModuleContext

__all__ = ["Setup"]

_PREFIX: Final = "ansible_"
# A fact outweighs the inventory, so no fact may say how to reach the host or as whom to act:
# an interface may be called anything.
_NEVER: Final = frozenset({*CONNECTION_VARIABLES, "ansible_python_interpreter"})


class Setup(GenericModule):
    """Find out about the host, with one command that needs no more than sh and coreutils.

    Arguments: ``gather_subset`` (list, all: min, hardware, network, virtual, or the name of one
    part such as date_time; ``!`` excludes; ``min`` is always in unless ``!min`` says otherwise),
    ``filter`` (list of patterns for names of facts, with ``ansible_`` or without), ``fact_path``
    (path, /etc/ansible/facts.d: ``*.fact`` files for ``ansible_local``), ``gather_timeout``
    (seconds for each part that may hang, 10).
    Returns: ansible_facts. Each fact is a variable (`ansible_hostname`), below play variables, and
    stands in `ansible_facts` without the prefix (`ansible_facts.hostname`). docs/facts.md lists
    them.
    Never changes anything; the same in check mode. Diff: none. Idempotence: full.
    """

    name = "setup"
    arguments = arguments(
        gather_subset=Argument("list", default=("all",)),
        filter=Argument("list", default=()),
        fact_path=Argument("path", default="/etc/ansible/facts.d"),
        gather_timeout=Argument("float", default=10),
    )

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        """Ask and read."""
        subsets = _words(arguments["gather_subset"])
        python = context.host.variables.get("ansible_python_interpreter", "")
        line = script(
            chosen(subsets),
            python=quote(python) if isinstance(python, str) and python.startswith("/") else "",
            local=quote(arguments["fact_path"]),
            limit=arguments["gather_timeout"],
        )
        outcome = OnHost(context).run(line)
        if not outcome.ok or outcome.truncated:
            why = "the answer is too long" if outcome.truncated else complaint(outcome)
            raise TaskError(f"cannot gather facts: {why}")
        found = read_facts(outcome.stdout.decode("utf-8", "replace"))
        facts = {_PREFIX + name: value for name, value in found.items()}
        facts = {name: value for name, value in facts.items() if _allowed(name)}
        facts = _filtered(facts, _words(arguments["filter"]))
        facts |= {"gather_subset": subsets, "module_setup": True}
        return Result(values={"ansible_facts": facts}, gathered=facts)


def _words(given: Any) -> list[str]:
    """Return a list of words; one text may hold several, with commas between."""
    texts = [given] if isinstance(given, str) else given
    return [word.strip() for text in texts for word in str(text).split(",") if word.strip()]


def _allowed(name: str) -> bool:
    return name not in _NEVER and not name.startswith("ansible_become")


def _filtered(facts: Mapping[str, Any], patterns: list[str]) -> dict[str, Any]:
    if not patterns:
        return dict(facts)
    return {
        name: value
        for name, value in facts.items()
        if any(fnmatchcase(name, p) or fnmatchcase(name.removeprefix(_PREFIX), p) for p in patterns)
    }
