"""Reports: views of a run's events, and of the judgement at its end."""

from __future__ import annotations

from .console import LiveConsole
from .jsonl import JsonLines
from .judgement import show_judgement
from .junit import junit_xml
from .picture import show_picture
from .terminal import Terminal

__all__ = ["JsonLines", "LiveConsole", "Terminal", "junit_xml", "show_judgement", "show_picture"]
