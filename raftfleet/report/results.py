"""How a task's result on one host is shown, in the words of Ansible's default output.

What failed is told in lines that people can read, where Ansible prints one line of JSON.
"""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING, Any, Final

from .text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from raftfleet.journal.events import TaskResult

__all__ = ["STYLES", "fate", "result_lines"]

STYLES: Final = {
    "ok": "green",
    "changed": "yellow",
    "failed": "red",
    "unreachable": "bold red",
    "skipped": "cyan",
}
_OUTPUT_LINES: Final = 20
_WIDE: Final = 3  # from this verbosity on JSON is spread over lines
_SPEAKING: Final = {"debug", "assert"}
"""Modules whose result is what they are for."""
_OUTPUTS: Final = {"stdout", "stderr"}
_TOLD_ELSEWHERE: Final = {"diff", "failed", "skipped"}
_NOT_OF_DEBUG: Final = {
    "changed",
    "ansible_loop_var",
    "ansible_index_var",
    "ansible_loop",
    "skip_reason",
}


def result_lines(
    result: TaskResult, *, module: str = "", where: str = "", verbose: int = 0
) -> Iterator[str]:
    """Yield the lines for one result; ``module`` is the bare name of the task's.

    ``where`` is the task's place, shown with a failure.
    """
    host, item = _where(result), result.item
    label = "" if item is None else f"(item={one_line(item)})"
    if result.status in {"failed", "unreachable"}:
        yield from _failure(result, host, label, verbose)
        if where:
            yield f"    task: {where}"
    else:
        word = "skipping" if result.status == "skipped" else result.status
        shown = [f"{word}: [{host}]", *([label] if label else []), *_said(result, module, verbose)]
        yield " => ".join(shown)
    yield from fate(result)


def fate(result: TaskResult) -> Iterator[str]:
    """Yield what becomes of a failure that is not the end."""
    if result.ignored:
        yield "...ignoring"
    elif result.rescued:
        yield "...rescuing"


def _where(result: TaskResult) -> str:
    """Return the host, and the one it was delegated to."""
    host = one_line(result.host)
    return f"{host} -> {one_line(result.delegated)}" if result.delegated else host


def _said(result: TaskResult, module: str, verbose: int) -> Iterator[str]:
    speaks = module in _SPEAKING and result.status != "skipped" and not result.quiet
    if speaks or verbose:
        values = _of_debug(result.result) if module == "debug" else result.result
        yield _everything(values, wide=speaks or verbose >= _WIDE)


def _of_debug(values: dict[str, Any]) -> dict[str, Any]:
    """Return what was asked for: the message alone, or the variable and the item of the loop."""
    if "msg" in values:
        return {"msg": values["msg"]}
    return {key: value for key, value in values.items() if key not in _NOT_OF_DEBUG}


def _everything(values: dict[str, Any], *, wide: bool) -> str:
    """Return a result without what is told by a word or lines of its own."""
    shown = {key: value for key, value in values.items() if key not in _TOLD_ELSEWHERE}
    for key in _OUTPUTS & shown.keys():  # the journal holds them once
        shown[f"{key}_lines"] = str(shown[key]).splitlines()
    return _json(shown, wide=wide)


def _json(value: object, *, wide: bool = False) -> str:
    dump = functools.partial(
        json.dumps, value, default=repr, ensure_ascii=False, indent=4 if wide else None
    )
    try:
        return dump(sort_keys=True)
    except TypeError:  # keys of several types have no order
        return dump()


def _failure(result: TaskResult, host: str, label: str, verbose: int) -> Iterator[str]:
    if label:
        head = f"failed: [{host}] {label}"
    else:
        word = "UNREACHABLE" if result.status == "unreachable" else "FAILED"
        head = f"fatal: [{host}]: {word}!"
    yield f"{head} => {_why(result.result)}"
    yield from _output(result.result, whole=verbose > 0)
    if verbose:
        yield _indented(_everything(result.result, wide=verbose >= _WIDE))


def _why(values: dict[str, Any]) -> str:
    text = _text(values.get("msg") or values.get("censored") or "it failed without a message")
    code = values.get("rc")
    return f"{text} (rc {code})" if code not in (None, 0) else text


def _text(value: object) -> str:
    return (value if isinstance(value, str) else _json(value)).replace("\n", "\n    ")


def _indented(text: str) -> str:
    return "    " + text.replace("\n", "\n    ")


def _output(values: dict[str, Any], *, whole: bool) -> Iterator[str]:
    """Yield what a failed command was, and the end of what it printed."""
    if "assertion" in values:
        yield f"    assertion: {one_line(values['assertion'])}"
    command = values.get("cmd")
    if command:
        words = command if isinstance(command, list) else [command]
        yield f"    cmd: {one_line(' '.join(map(str, words)))}"
    for name in ("stdout", "stderr"):
        text = values.get(name)
        if not isinstance(text, str) or not text.strip():
            continue
        lines = text.strip("\r\n").splitlines()
        cut = 0 if whole else max(0, len(lines) - _OUTPUT_LINES)
        if cut:
            yield f"    {name}: ({cut} lines before these; -v shows all)"
        for line in lines[cut:]:
            yield f"    {name}: {line}"
