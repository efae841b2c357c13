"""Which tasks `--tags`, `--skip-tags` and `--start-at-task` leave."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

__all__ = ["Selection", "starts_at"]

_UNTAGGED = frozenset({"untagged"})


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


def starts_at(wanted: str, title: str, role: str | None) -> bool:
    """Whether this is the task to start at: by name or glob, with its role's name before it or not."""
    names = (title, f"{role} : {title}") if role else (title,)
    return any(wanted == name or fnmatchcase(name, wanted) for name in names)
