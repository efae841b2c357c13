"""How a task's result on one host is shown, in the words of Ansible's default output."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from raftfleet.journal.events import TaskResult

__all__ = ["STYLES", "result_lines"]

STYLES = {
    "ok": "green",
    "changed": "yellow",
    "failed": "red",
    "unreachable": "bold red",
    "skipped": "cyan",
}
_OUTPUT_LINES = 20


def result_lines(result: TaskResult, *, verbose: int = 0, always: bool = False) -> Iterator[str]:
    """Yield the lines for one result; ``always`` shows what it says even when all is well."""
    host, item = one_line(result.host), result.item
    label = "" if item is None else f"(item={one_line(item)})"
    failed = result.status in {"failed", "unreachable"}
    if failed:
        yield f"{_failure(result, host, label)} => {_why(result.result)}"
        yield from _output(result.result)
    else:
        word = "skipping" if result.status == "skipped" else result.status
        shown = f" => {label}" if label else ""
        if always and "msg" in result.result:
            shown += f" => {_text(result.result['msg'])}"
        yield f"{word}: [{host}]{shown}"
    if verbose:
        yield f"    {json.dumps(result.result, default=repr, ensure_ascii=False)}"
    if result.ignored:
        yield "...ignoring"


def _failure(result: TaskResult, host: str, label: str) -> str:
    if label:
        return f"failed: [{host}] {label}"
    return f"fatal: [{host}]: {'UNREACHABLE' if result.status == 'unreachable' else 'FAILED'}!"


def _why(values: dict[str, Any]) -> str:
    text = _text(values.get("msg") or values.get("censored") or "it failed without a message")
    code = values.get("rc")
    return f"{text} (rc {code})" if code not in (None, 0) else text


def _text(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=repr, ensure_ascii=False)
    return text.replace("\n", "\n    ")


def _output(values: dict[str, Any]) -> Iterator[str]:
    """Yield the end of what a failed command printed."""
    for name in ("stdout", "stderr"):
        text = values.get(name)
        if not isinstance(text, str) or not text.strip():
            continue
        lines = text.strip().splitlines()
        for line in lines[-_OUTPUT_LINES:]:
            yield f"    {name}: {line}"
