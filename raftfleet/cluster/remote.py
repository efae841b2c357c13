"""A node's place on its host: where our scripts run, and what comes back from them.

Every script begins with `on_host/state.sh` and prints lines of a key and what it says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from raftfleet.clock import Deadline, SystemClock
from raftfleet.errors import LockLostError, TaskError, UnreachableError
from raftfleet.transport.again import attempts, interrupted
from raftfleet.transport.protocol import Command, Exited, Lost, TimedOut

from .fence import AFTER_LOSS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from raftfleet.systems.protocol import Node
    from raftfleet.transport.protocol import Outcome, Stream, Transport

    from .fence import Fence

__all__ = ["FENCED", "Place", "Reply", "SeveredError", "asset", "number", "plain"]

FENCED = 97
"""Exit status of a command that the host refused because the cluster lock is not ours there."""

_ON_HOST = Path(__file__).parent / "on_host"
_DONE_ONCE = frozenset({"launch.sh", "stop.sh", "wipe.sh"})
"""Scripts that change a node: their end is asked for again when the connection breaks."""
_LOCK = "lock.sh"
"""A step of the cluster lock is never asked again here: it counts its seconds, and tries again itself."""
_CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[ -/]*[0-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class SeveredError(UnreachableError):
    """The connection broke under a command: nobody knows whether it ran to its end."""


@cache
def asset(name: str) -> str:
    """Return the text of a program that runs on hosts."""
    return (_ON_HOST / name).read_text(encoding="utf-8")


def plain(text: str) -> str:
    """Return text of a host without anything a terminal would obey; newlines and tabs stay."""
    return _CONTROL.sub("", text.replace("\r\n", "\n"))


def number(text: str) -> float:
    """Return a number a host said, 0 for anything else."""
    try:
        return float(text)
    except ValueError:
        return 0.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What a script said: lines of a key and a value, keys may repeat.

    It ran between ``sent`` and ``received`` on our monotonic clock. ``text`` is all of it.
    """

    text: str
    sent: float
    received: float
    _said: Mapping[str, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, outcome: Outcome) -> Reply:
        """Read what a command printed."""
        said: dict[str, list[str]] = {}
        for line in outcome.out.splitlines():
            key, _, value = line.partition(" ")
            said.setdefault(key, []).append(value)
        return cls(outcome.out, outcome.began, outcome.ended, said)

    def __contains__(self, key: str) -> bool:
        return key in self._said

    def last(self, key: str, default: str = "") -> str:
        """Return what the last line with this key says."""
        return self._said.get(key, [default])[-1]

    def all(self, key: str) -> list[str]:
        """Return what every line with this key says."""
        return self._said.get(key, [])

    def pair(self, key: str) -> tuple[float, float]:
        """Return the two numbers that a line says."""
        first, second = self.last(key).split()
        return float(first), float(second)


@dataclass(frozen=True, slots=True)
class Place:
    """A node, the way to its host, and where on the host its records lie.

    ``root`` overrides the directory of the records, which is /run/raftfleet for root. ``fence``
    holds what commands that change the host must carry, once the cluster lock has been taken.
    """

    node: Node
    cluster: str
    transport: Transport
    become: str | None = None
    root: str = ""
    fence: Fence | None = None

    @property
    def host(self) -> str:
        """The host's inventory name."""
        return self.transport.host

    def ask(
        self,
        script: str,
        *words: str,
        timeout: float,
        stdin: bytes = b"",
        **variables: str | float,
    ) -> Reply:
        """Run a script of ours with these variables and read what it says.

        ``words`` are its "$@". Raises `TaskError` when it fails, `UnreachableError` when it was
        never begun and `SeveredError` when nobody knows what it did.
        """
        return Reply.of(self._run(script, words, variables, timeout, stdin))

    def follow(self, script: str, *, timeout: float, **variables: str | float) -> Stream:
        """Start a script of ours and read its lines as they come."""
        return self.transport.open(self._command(script, (), variables), timeout=timeout)

    def change(
        self,
        script: str,
        *words: str,
        timeout: float,
        stdin: bytes = b"",
        **variables: str | float,
    ) -> Reply:
        """Run a script that changes the host; it refuses unless the cluster lock is ours there.

        Raises what ``ask`` raises, and `LockLostError` when it was refused.
        """
        if self.fence is None:
            return self.ask(script, *words, timeout=timeout, stdin=stdin, **variables)
        variables = {**variables, "fence": self.fence.pass_()}
        return Reply.of(self._run(script, words, variables, timeout, stdin))

    def fenced(self, line: str) -> str:
        """Return a shell line that does what this one does, if the cluster lock is ours there.

        Its exit status is that of `FENCED` when it is not; raises `LockLostError` when we know.
        """
        if self.fence is None:
            return line
        given = {"fence": self.fence.pass_()}
        if self.host in self.fence.roots:
            given["root"] = self.fence.roots[self.host]
        return "\n".join([*self._preamble(given), asset("fence.sh"), line])

    def _run(
        self,
        script: str,
        words: Sequence[str],
        variables: Mapping[str, str | float],
        timeout: float,
        stdin: bytes,
    ) -> Outcome:
        once = script in _DONE_ONCE
        command = replace(self._command(script, words, variables), resumable=once)
        deadline = Deadline.after(timeout, SystemClock())
        for attempt in attempts(deadline):
            seconds = timeout if attempt == 1 else deadline.left
            outcome = self.transport.run(command, timeout=seconds, stdin=stdin)
            if once or script == _LOCK or not interrupted(outcome):
                break  # what only looks is asked again
        return self._checked(script, outcome)

    def _command(
        self, script: str, words: Sequence[str], variables: Mapping[str, str | float]
    ) -> Command:
        lines = self._preamble(variables)
        if "fence" in variables:
            lines.append(asset("fence.sh"))
        lines += [f"set -- {' '.join(map(quote, words))}", asset(script)]
        return Command("\n".join(lines), become=self.become)

    def _preamble(self, variables: Mapping[str, str | float]) -> list[str]:
        given = {"cluster": self.cluster, "node": self.node.name, "root": self.root, **variables}
        return [
            *(f"{name}={quote(str(value))}" for name, value in given.items()),
            asset("state.sh"),
        ]

    def _checked(self, script: str, outcome: Outcome) -> Outcome:
        if isinstance(outcome, Lost):
            raise SeveredError(f"{self.host}: the connection broke: {outcome.reason}")
        if isinstance(outcome, TimedOut):
            raise SeveredError(f"{self.host}: no answer within {outcome.after:g} s")
        if isinstance(outcome, Exited) and outcome.status == 0:
            return outcome
        if isinstance(outcome, Exited) and outcome.status == FENCED:
            raise self._refused(outcome)
        how = f"exit status {outcome.status}" if isinstance(outcome, Exited) else "a signal"
        said = plain(outcome.err or outcome.out).strip().splitlines()
        last = said[-1] if said else "it said nothing"
        raise TaskError(f"{self.host}: {script} of {self.node.name} ended with {how}: {last}")

    def _refused(self, outcome: Outcome) -> LockLostError:
        said = plain(outcome.err).strip().splitlines()
        reason = said[-1].removeprefix("fenced: ") if said else "the cluster lock is not ours"
        return LockLostError(f"{self.host} refused: {reason}", hint=AFTER_LOSS)
