"""Templates inside the text literals of expressions: `when: "'{{ x }}' == 'a'"`, `lookup('file', '{{ x }}')`.

Ansible evaluates them in conditions and in the terms of lookups, and nowhere else. Only literals
of the author's own expression count: a value that merely looks like a template is left alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jinja2 import nodes, pass_context
from jinja2.visitor import NodeTransformer

from raftfleet.inventory.source import MarkedStr
from raftfleet.playbook.templating.scope import evaluate, is_text_template

if TYPE_CHECKING:
    from jinja2.runtime import Context

__all__ = ["EVALUATOR", "Embedding", "evaluated"]

EVALUATOR = "evaluated literal"  # no name that a template can write
_LOOKUPS = frozenset({"lookup", "query", "q"})


class Embedding(NodeTransformer):
    """Wraps literals that hold templates: ``everywhere``, or else in the terms of lookups."""

    def __init__(self, *, everywhere: bool) -> None:
        self._depth = int(everywhere)

    def visit_Call(self, node: nodes.Call) -> nodes.Node:  # noqa: N802 - Jinja's name
        """Look into the arguments of lookups."""
        inside = isinstance(node.node, nodes.Name) and node.node.name in _LOOKUPS
        self._depth += inside
        self.generic_visit(node)
        self._depth -= inside
        return node

    def visit_Const(self, node: nodes.Const) -> nodes.Node:  # noqa: N802 - Jinja's name
        """Replace a literal with its evaluation."""
        if not self._depth or not is_text_template(_own(node.value)):
            return node
        return nodes.Filter(node, EVALUATOR, [], [], None, None, lineno=node.lineno)


def _own(value: Any) -> Any:
    return MarkedStr(value) if isinstance(value, str) else value


@pass_context
def evaluated(context: Context, text: str) -> Any:
    """Return what a literal's template comes to."""
    return evaluate(MarkedStr(text), context.parent)  # type: ignore[arg-type]
