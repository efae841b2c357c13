"""Which tasks `--tags` and `--skip-tags` leave, and what tags are whose templates are evaluated."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from raftfleet.errors import SourceError
from raftfleet.inventory import mark_of
from raftfleet.playbook.syntax.nodes import Block, RoleUse
from raftfleet.playbook.templating import Omit, is_text_template

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from raftfleet.playbook.syntax.nodes import Node, Play, Settings
    from raftfleet.playbook.templating import Scope

__all__ = ["Selection", "settled", "settled_play", "settled_settings"]

_UNTAGGED = frozenset({"untagged"})
_NodeT = TypeVar("_NodeT", bound="Node")


@dataclass(frozen=True, slots=True)
class Selection:
    """The tags asked for and the tags to skip."""

    only: frozenset[str] = frozenset({"all"})
    skip: frozenset[str] = frozenset()

    def takes(self, tags: frozenset[str]) -> bool:
        """Whether a task with these tags runs, inherited ones included."""
        tags = tags or _UNTAGGED
        return self._wanted(tags) and not self._skipped(tags)

    def _wanted(self, tags: frozenset[str]) -> bool:
        if not self.only or "always" in tags or tags & self.only:
            return True
        if "never" in tags:
            return False
        return "all" in self.only or ("tagged" in self.only and tags != _UNTAGGED)

    def _skipped(self, tags: frozenset[str]) -> bool:
        if "all" in self.skip:
            return "always" not in tags or "always" in self.skip
        return bool(tags & self.skip) or ("tagged" in self.skip and tags != _UNTAGGED)


def settled_play(play: Play, scope: Scope) -> Play:
    """Return a play with no template left in any tag, except in those of handlers, which have no say.

    ``scope`` knows no host: a task has the same tags for all. Raises `SourceError`.
    """
    return replace(
        play,
        settings=settled_settings(play.settings, scope),
        pre_tasks=settled(play.pre_tasks, lambda: scope),
        roles=settled(play.roles, lambda: scope),
        tasks=settled(play.tasks, lambda: scope),
        post_tasks=settled(play.post_tasks, lambda: scope),
    )


def settled(nodes: tuple[_NodeT, ...], scope: Callable[[], Scope]) -> tuple[_NodeT, ...]:
    """Return blocks, roles and tasks with no template left in their tags; raises `SourceError`.

    ``scope`` is called where a template stands, which is seldom.
    """
    return tuple(_node(node, scope) for node in nodes)


def _node(node: _NodeT, scope: Callable[[], Scope]) -> _NodeT:
    changed: dict[str, Any] = {}
    if any(map(is_text_template, node.settings.tags)):
        changed["settings"] = settled_settings(node.settings, scope())
    if isinstance(node, Block):
        parts = {name: getattr(node, name) for name in ("body", "rescue", "always")}
        changed |= _changed(parts, scope)
    elif isinstance(node, RoleUse):
        role = node.role
        inside: dict[str, Any] = _changed(
            {"dependencies": role.dependencies, "tasks": role.tasks}, scope
        )
        if inside:
            changed["role"] = replace(role, **inside)
    return replace(node, **changed) if changed else node


def _changed(
    parts: dict[str, tuple[Node, ...]], scope: Callable[[], Scope]
) -> dict[str, tuple[Node, ...]]:
    """Return those lists of nodes in which a template stood; the others stay the very same."""
    done = {name: settled(nodes, scope) for name, nodes in parts.items()}
    return {
        name: nodes
        for name, nodes in done.items()
        if any(one is not other for one, other in zip(nodes, parts[name], strict=True))
    }


def settled_settings(settings: Settings, scope: Scope) -> Settings:
    """Return settings with no template left in their tags; raises `SourceError`."""
    found = {tag for written in sorted(settings.tags) for tag in _evaluated(written, scope)}
    return replace(settings, tags=frozenset(found))


def _evaluated(written: str, scope: Scope) -> Iterator[str]:
    if not is_text_template(written):
        yield written
        return
    for value in _flat(scope.template(written)):
        if value is None or isinstance(value, Omit):
            continue
        if isinstance(value, dict):
            message = f"tags: wants a text or a list of texts, not {value!r}"
            raise SourceError(message, mark_of(written))
        if text := str(value).strip():
            yield text


def _flat(value: Any) -> Iterable[Any]:
    """Return a value that may be a list of lists as one list."""
    return [one for part in value for one in _flat(part)] if isinstance(value, list) else [value]
