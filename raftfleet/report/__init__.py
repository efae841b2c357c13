"""Reports: views of a run's events, and of the judgement at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .closing import show_closing
from .console import LiveConsole
from .jsonl import JsonLines
from .picture import show_picture
from .terminal import Terminal

if TYPE_CHECKING:
    from .judgement import show_judgement
    from .junit import junit_xml

__all__ = [
    "JsonLines",
    "LiveConsole",
    "Terminal",
    "junit_xml",
    "show_closing",
    "show_judgement",
    "show_picture",
]


def __getattr__(name: str) -> Any:
    """Load what needs the checks when it is asked for: most runs have nothing to judge."""
    if name == "show_judgement":
        from .judgement import show_judgement  # noqa: PLC0415

        return show_judgement
    if name == "junit_xml":
        from .junit import junit_xml  # noqa: PLC0415

        return junit_xml
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
