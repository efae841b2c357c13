"""What a template sees: variables that are read, and templated, only when it asks for them."""

from __future__ import annotations

from collections import ChainMap
from typing import TYPE_CHECKING, Any

from jinja2 import Template
from jinja2.runtime import Context
from jinja2.utils import missing

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["IncludedTemplate", "LazyContext"]


class LazyContext(Context):
    """Reads variables from a scope, which templates each when it is read, and copies none."""

    def derived(self, locals: dict[str, Any] | None = None) -> Context:  # noqa: A002
        """Return a context that also knows the variables of a loop."""
        context = type(self)(self.environment, self.parent, self.name, {})
        given = {key: value for key, value in (locals or {}).items() if value is not missing}
        context.vars = {**self.vars, **given}
        context.eval_ctx = self.eval_ctx
        return context

    def get_all(self) -> Any:
        """Return all variables, for a template that this one includes, still without a copy."""
        return ChainMap(self.vars, self.parent) if self.vars else self.parent

    def resolve_or_missing(self, key: str) -> Any:
        """Return a variable, one of the functions every template has, or Jinja's ``missing``."""
        if key in self.vars:
            return self.vars[key]
        if key in self.parent:
            return self.parent[key]
        if key == "vars":  # everything that this template sees, by name
            return self.parent
        return self.environment.globals.get(key, missing)


class IncludedTemplate(Template):
    """A template that may be included or imported by another one."""

    def new_context(
        self,
        vars: Any = None,  # noqa: A002 - Jinja's name
        shared: bool = False,  # noqa: ARG002, FBT001, FBT002
        locals: Mapping[str, Any] | None = None,  # noqa: A002
    ) -> Context:
        """Return what it sees: the variables of the one that includes it, and its loops'."""
        seen = {} if vars is None else vars
        given = {key: value for key, value in (locals or {}).items() if value is not missing}
        parent: Any = ChainMap(given, seen) if given else seen
        return LazyContext(self.environment, parent, self.name, self.blocks)
