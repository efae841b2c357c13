"""Waiting for a text: in a file of the host, or in what a port of it says."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from raftfleet.clock import Deadline
from raftfleet.errors import TaskError
from raftfleet.modules.pause import linger
from raftfleet.modules.watching.on_host import Watch, watch_content

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.modules.on_host import OnHost


__all__ = ["Reader", "Sight", "heard", "wanted_text"]

_PIECE: Final = 4096


@dataclass(frozen=True, slots=True)
class Sight:
    """What the last look showed: whether it is what was waited for, and in words."""

    holds: bool
    words: str
    found: re.Match[str] | None = None


def wanted_text(expression: str) -> re.Pattern[str]:
    """Return an expression compiled; `TaskError` for one that is none."""
    try:
        return re.compile(expression, re.MULTILINE)
    except re.error as error:
        raise TaskError(f"search_regex {expression!r} is not valid: {error}") from error


def heard(
    host: OnHost, arguments: Mapping[str, Any], wanted: re.Pattern[str], seconds: float
) -> Sight:
    """Connect from the host and listen to what is said, for some seconds."""
    where, end = (arguments["host"], arguments["port"]), Deadline.after(seconds, host.context.clock)
    said, words = b"", f"{where[0]}:{where[1]} accepts no connection"
    with contextlib.suppress(OSError):  # refused, or silent: the words say which
        tunnel = host.transport.tunnel(*where, timeout=arguments["connect_timeout"])
        words = f"{where[0]}:{where[1]} says nothing that matches {wanted.pattern!r}"
        with contextlib.closing(tunnel):
            while not end.passed and (piece := tunnel.recv(_PIECE, timeout=max(end.left, 0.01))):
                said += piece
                if found := wanted.search(said.decode("utf-8", "replace")):
                    return Sight(holds=True, words="", found=found)
    linger(host.context, min(arguments["sleep"], end.left))
    return Sight(holds=False, words=words)


class Reader:
    """Searches a file again whenever it has changed."""

    def __init__(
        self,
        host: OnHost,
        path: str,
        wanted: re.Pattern[str],
        longest: float,
    ) -> None:
        self._host = host
        self._path = path
        self._wanted = wanted
        self._watch: Watch = watch_content(path, longest=longest)
        self._signature = ""
        self._seen = Sight(holds=False, words=f"{path} was not looked at")

    def __call__(self, seconds: float) -> Sight:
        """Look for some seconds, and say what was seen last."""
        outcome = self._watch.run(self._host, seconds, self._signature)
        if outcome.ok:
            signature, _, text = outcome.stdout.partition(b"\n")
            self._signature = signature.decode()
            self._seen = self._judged(text.decode("utf-8", "replace"))
        return self._seen

    def _judged(self, text: str) -> Sight:
        if self._signature == "none":
            return Sight(holds=False, words=f"{self._path} does not exist")
        found = self._wanted.search(text)
        has = "matches" if found else "has nothing that matches"
        words = f"{self._path} {has} {self._wanted.pattern!r}"
        return Sight(found is not None, words, found)
