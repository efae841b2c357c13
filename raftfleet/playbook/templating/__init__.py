"""Templates and variables: Jinja in a sandbox, strict, with native types, evaluated when used.

Importing this room does not import Jinja; the first template does.
"""

from __future__ import annotations

from raftfleet.playbook.templating.conditions import expression, first_false, holds
from raftfleet.playbook.templating.failure import TemplatingError
from raftfleet.playbook.templating.scope import (
    OMIT,
    Omit,
    Scope,
    evaluate,
    has_template,
    is_text_template,
    written,
)
from raftfleet.playbook.templating.text import TemplateFile

__all__ = [
    "OMIT",
    "Omit",
    "Scope",
    "TemplateFile",
    "TemplatingError",
    "evaluate",
    "expression",
    "first_false",
    "has_template",
    "holds",
    "is_text_template",
    "written",
]
