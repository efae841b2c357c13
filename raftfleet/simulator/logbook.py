"""The node's log: lines as Rust's `tracing` writes them, to stdout and to rolling files.

Every line carries ANSI colours, in files too::

    2026-11-23T18:28:39.440341Z  INFO openraft::...::server_state_handler: become leader id=3

The logger file (TOML) has one section per output: ``kind`` console or rolling_file, ``targets``
(the longest matching ``path`` decides its ``level``), and for files ``directory`` and ``prefix``.
Files are named ``<prefix>.<UTC day>.log`` and appended to across restarts.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .values import Json

__all__ = ["Logbook", "Output"]

LEVELS = {"off": 0, "error": 1, "warn": 2, "info": 3, "debug": 4, "trace": 5}
COLOURS = {"ERROR": "\x1b[31mERROR", "WARN": "\x1b[33m WARN", "INFO": "\x1b[32m INFO"}
BOLD, DIM, ITALIC, PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[3m", "\x1b[0m"
STDOUT = 1


class Output:
    """One place lines go to: stdout when ``prefix`` is None, else a file per UTC day."""

    def __init__(
        self, targets: Mapping[str, str], directory: str = "", prefix: str | None = None
    ) -> None:
        self._targets = {path: LEVELS.get(level, 3) for path, level in targets.items()}
        self._directory = Path(directory)
        self._prefix = prefix
        self._wanted: dict[tuple[str, str], bool] = {}
        self._day = ""
        self._fd = -1

    @classmethod
    def read(cls, section: Mapping[str, Json]) -> Output:
        """Read one section of the logger file."""
        targets = {t["path"]: t["level"] for t in section.get("targets", [])}
        if section.get("kind") != "rolling_file":
            return cls(targets)
        return cls(targets, str(section["directory"]), str(section["prefix"]))

    def wants(self, level: str, target: str) -> bool:
        """Whether lines of this level and target go here."""
        key = (level, target)
        if key not in self._wanted:
            paths = [p for p in self._targets if target == p or target.startswith(f"{p}::")]
            if "" in self._targets:
                paths.append("")
            limit = self._targets[max(paths, key=len)] if paths else 0
            self._wanted[key] = LEVELS[level.lower()] <= limit
        return self._wanted[key]

    def write(self, day: str, line: bytes) -> None:
        """Append a line; a full disk or a closed pipe loses it, as it does for the broker."""
        try:
            os.write(self._open(day), line)
        except OSError:
            return

    def _open(self, day: str) -> int:
        if self._prefix is None:
            return STDOUT
        if day != self._day:
            if self._fd >= 0:
                os.close(self._fd)
            self._fd, self._day = -1, ""
            self._directory.mkdir(parents=True, exist_ok=True)
            path = self._directory / f"{self._prefix}.{day}.log"
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            self._fd, self._day = os.open(path, flags, 0o644), day
        return self._fd


class Logbook:
    """Writes each line to every output that wants it."""

    def __init__(self, outputs: list[Output]) -> None:
        self._outputs = outputs

    def info(self, target: str, message: str, /, **fields: object) -> None:
        """Write a line; fields are appended as ``name=value``."""
        self._write("INFO", target, message, fields)

    def info_in(self, span: str, target: str, message: str) -> None:
        """Write a line with the span it belongs to before its target."""
        self._write("INFO", target, message, {}, f"{BOLD}{span}{PLAIN}{DIM}:{PLAIN} ")

    def warn(self, target: str, message: str, /, **fields: object) -> None:
        """Write a warning."""
        self._write("WARN", target, message, fields)

    def error(self, target: str, message: str, /, **fields: object) -> None:
        """Write an error."""
        self._write("ERROR", target, message, fields)

    def _write(
        self,
        level: str,
        target: str,
        message: str,
        fields: Mapping[str, object],
        span: str = "",
    ) -> None:
        outputs = [output for output in self._outputs if output.wants(level, target)]
        if not outputs:
            return
        now = time.time()
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
        stamp = f"{seconds}.{int(now % 1 * 1_000_000):06}Z"
        named = "".join(
            f" {ITALIC}{name}{PLAIN}{DIM}={PLAIN}{value}" for name, value in fields.items()
        )
        head = f"{DIM}{stamp}{PLAIN} {COLOURS[level]}{PLAIN} {span}"
        line = f"{head}{DIM}{target}{PLAIN}{DIM}:{PLAIN} {message}{named}\n".encode()
        for output in outputs:
            output.write(stamp[:10], line)
