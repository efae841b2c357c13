"""What the daemon says on standard error: one line an event, `key=value`, as Prometheus's own do."""

from __future__ import annotations

import re
import sys
import threading
from datetime import UTC, datetime
from typing import IO

__all__ = ["Log"]

_PLAIN = re.compile(r"[^\s\"=\\]+")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class Log:
    """Writes lines; any thread may. A reader that went away is not an error."""

    def __init__(self, file: IO[str] | None = None) -> None:
        self._file = file
        self._lock = threading.Lock()

    def info(self, message: str, **fields: object) -> None:
        """Say what happened."""
        self._say("info", message, fields)

    def warning(self, message: str, **fields: object) -> None:
        """Say what somebody should look at."""
        self._say("warn", message, fields)

    def error(self, message: str, **fields: object) -> None:
        """Say what did not work."""
        self._say("error", message, fields)

    def _say(self, level: str, message: str, fields: dict[str, object]) -> None:
        stamp = datetime.now(tz=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        said = {"ts": stamp, "level": level, "msg": message, **fields}
        line = " ".join(f"{name}={_quoted(str(value))}" for name, value in said.items())
        with self._lock:
            try:
                print(line, file=self._file or sys.stderr, flush=True)
            except (OSError, ValueError):
                return


def _quoted(text: str) -> str:
    """Return a value that stays on its line and that no terminal obeys."""
    if _PLAIN.fullmatch(text):
        return _UNPRINTABLE.sub(_escaped, text)
    text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{_UNPRINTABLE.sub(_escaped, text)}"'


def _escaped(found: re.Match[str]) -> str:
    return {"\n": "\\n", "\t": "\\t"}.get(found[0], f"\\u{ord(found[0]):04x}")
