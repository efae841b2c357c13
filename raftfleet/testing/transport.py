"""A transport without a host: what commands answer is programmed, files live in memory.

It keeps the contract of `raftfleet.transport.protocol` that the real ones keep, on a clock that
may be a fake one, and it can freeze, lose its connection and run out of disk on request.
"""

from __future__ import annotations

import dataclasses
import fnmatch
import hashlib
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from raftfleet.clock import Clock, FakeClock
from raftfleet.errors import TaskError, UnreachableError
from raftfleet.testing.stream import FakeStream
from raftfleet.transport import shell
from raftfleet.transport.direct import SocketTunnel
from raftfleet.transport.protocol import (
    Command,
    Endpoint,
    Exited,
    Lost,
    Outcome,
    TimedOut,
    Transfer,
)
from raftfleet.transport.transfer import Source, landing

if TYPE_CHECKING:
    import re
    from collections.abc import Callable
    from pathlib import Path, PurePosixPath

    from raftfleet.transport.protocol import Progress

    Answer = Outcome | Callable[[Command, bytes], Outcome]

__all__ = ["Call", "FakeFile", "FakeTransport"]


@dataclass(frozen=True, slots=True)
class FakeFile:
    """A file on the fake host."""

    data: bytes
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class Call:
    """One call that was made: its name, and what it was about."""

    name: str
    command: Command | None = None
    path: PurePosixPath | None = None
    stdin: bytes = b""
    become: str | None = None

    @property
    def line(self) -> str:
        """The command's line, or nothing."""
        return self.command.line if self.command else ""


@dataclass(slots=True)
class _Rule:
    matches: Callable[[str], bool]
    answers: deque[Answer]
    lasting: float

    def answer(self, command: Command, stdin: bytes) -> Outcome:
        """Return the next answer; the last one is given for ever."""
        answer = self.answers[0] if len(self.answers) == 1 else self.answers.popleft()
        return answer(command, stdin) if callable(answer) else answer


@dataclass(slots=True, eq=False)
class FakeTransport:
    """One host that exists only here.

    ``files`` is its disk, of which ``capacity`` bytes (None: no limit) can be used. ``folders``
    are those that a command's ``cwd`` may name; None lets all exist. ``calls`` records every
    call in order.
    """

    name: str
    clock: Clock = field(default_factory=FakeClock)
    files: dict[PurePosixPath, FakeFile] = field(default_factory=dict)
    folders: set[PurePosixPath] | None = None
    capacity: int | None = None
    endpoints: dict[tuple[str, int], Endpoint] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    frozen: bool = False
    _rules: list[_Rule] = field(default_factory=list)
    _loss: str | None = None
    _refusal: UnreachableError | None = None
    _streams: list[FakeStream] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    @property
    def host(self) -> str:
        """The host's inventory name."""
        return self.name

    def on(self, pattern: str | re.Pattern[str], *answers: Answer, lasting: float = 0.0) -> None:
        """Program what command lines that match get back; the latest rule that matches counts.

        A string is a shell pattern for the whole line, a compiled expression is searched for.
        Several answers are given in turn, the last one from then on; none means success without
        output. ``lasting`` is how many seconds the command takes (`math.inf`: it never ends).
        """
        if isinstance(pattern, str):
            wanted = pattern

            def matches(line: str) -> bool:
                return fnmatch.fnmatchcase(line, wanted)
        else:
            expression = pattern

            def matches(line: str) -> bool:
                return expression.search(line) is not None

        self._rules.insert(0, _Rule(matches, deque(answers or (Exited(status=0),)), lasting))

    def freeze(self) -> None:
        """Stop answering: every call uses up its whole deadline."""
        self.frozen = True

    def thaw(self) -> None:
        """Answer again."""
        with self._changed:
            self.frozen = False
            self._changed.notify_all()

    def lose(self, reason: str = "the host closed the connection") -> None:
        """Let the connection break: under what streams, else under the next command or transfer.

        The call after that works again.
        """
        for stream in self._streams:
            stream.lose(reason)
        self._loss = None if self._streams else reason

    def refuse(self, error: UnreachableError | None) -> None:
        """Let every call raise this error, as if no connection could be had; None ends that."""
        self._refusal = error

    def lines(self, name: str = "run") -> list[str]:
        """Return the lines of the commands that were asked for by ``run`` (or ``open``)."""
        return [call.line for call in self.calls if call.name == name]

    def connect(self, *, timeout: float) -> None:
        """Do nothing, unless the host is frozen or refuses."""
        self.calls.append(Call("connect"))
        self._reach(timeout)

    def _reach(self, timeout: float) -> None:
        if self._refusal is not None:
            raise self._refusal
        if self.frozen:
            self._pass(timeout)
            raise UnreachableError(f"{self.name}: no answer within {timeout:g} s")

    def _pass(self, seconds: float) -> None:
        with self._changed:
            self.clock.wait(self._changed, seconds)

    def _break(self) -> str | None:
        reason, self._loss = self._loss, None
        return reason

    def run(self, command: Command, *, timeout: float, stdin: bytes = b"") -> Outcome:
        """Answer as programmed; AssertionError for a line nobody programmed."""
        self.calls.append(Call("run", command, stdin=stdin))
        began = self.clock.monotonic()
        outcome = self._ran(command, timeout, stdin)
        return dataclasses.replace(outcome, began=began, ended=self.clock.monotonic())

    def _ran(self, command: Command, timeout: float, stdin: bytes) -> Outcome:
        if self._refusal is not None:
            raise self._refusal
        if self.frozen:
            self._pass(timeout)
            return TimedOut(after=timeout)
        if reason := self._break():
            return Lost(reason=reason)
        outcome, lasting = self._answer(command, stdin)
        if lasting > timeout:
            self._pass(timeout)
            return TimedOut(
                after=timeout, ended_remote=True, stdout=outcome.stdout, stderr=outcome.stderr
            )
        if lasting:
            self._pass(lasting)
        return outcome

    def _answer(self, command: Command, stdin: bytes) -> tuple[Outcome, float]:
        shell.inner(command)  # refuses what no host could be told
        if self.folders is not None and command.cwd not in {None, *self.folders}:
            complaint = f"cannot enter {command.cwd}: no such directory, or not allowed\n"
            return Exited(status=shell.CANNOT_ENTER, stderr=complaint.encode()), 0.0
        for rule in self._rules:
            if rule.matches(command.line):
                return rule.answer(command, stdin), rule.lasting
        raise AssertionError(f"{self.name}: nobody programmed an answer to: {command.line}")

    def open(self, command: Command, *, timeout: float) -> FakeStream:
        """Answer as programmed, line by line."""
        self.calls.append(Call("open", command))
        self._reach(timeout)
        if reason := self._break():
            raise UnreachableError(f"{self.name} does not answer: {reason}")
        outcome, lasting = self._answer(command, b"")
        stream = FakeStream(self, outcome, lasting)
        self._streams.append(stream)
        return stream

    def put(
        self,
        source: Path | bytes,
        target: PurePosixPath,
        *,
        mode: int,
        timeout: float,
        become: str | None = None,
        progress: Progress | None = None,
    ) -> Transfer:
        """Keep a file in memory; nothing is sent when its digest is already there."""
        self.calls.append(Call("put", path=target, become=become))
        what = Source.of(source)
        data = source if isinstance(source, bytes) else source.read_bytes()
        self._transferring(target, timeout)
        found = self.files.get(target)
        changed = found is None or hashlib.sha256(found.data).hexdigest() != what.digest
        if changed:
            used = sum(len(file.data) for path, file in self.files.items() if path != target)
            if self.capacity is not None and used + what.size > self.capacity:
                raise TaskError(
                    f"{self.name}: cannot send {target}: No space left on device",
                    hint="the host's disk is full; nothing was left behind",
                )
        if progress is not None:
            progress(what.size, what.size)
        self.files[target] = FakeFile(data, mode)
        return Transfer(changed=changed, size=what.size, digest=what.digest)

    def get(
        self,
        source: PurePosixPath,
        target: Path,
        *,
        offset: int = 0,
        timeout: float,
        become: str | None = None,
    ) -> Transfer:
        """Write a file of the fake host from ``offset`` on."""
        self.calls.append(Call("get", path=source, become=become))
        self._transferring(source, timeout)
        file = self.files.get(source)
        if file is None:
            raise TaskError(f"{self.name}: cannot fetch {source}: No such file or directory")
        with landing(target) as sink:
            sink.feed(file.data[offset:])
        return Transfer(changed=sink.size > 0, size=sink.size, digest=sink.digest)

    def _transferring(self, path: PurePosixPath, timeout: float) -> None:
        self._reach(timeout)
        if reason := self._break():
            raise UnreachableError(f"{self.name}: connection lost, {path} is not there: {reason}")

    def forward(self, host: str, port: int, *, timeout: float) -> Endpoint:  # noqa: ARG002
        """Return what ``endpoints`` says about the port, or the port itself."""
        self.calls.append(Call("forward"))
        if self._refusal is not None:
            raise self._refusal
        return self.endpoints.get((host, port), Endpoint(host, port, lambda: None))

    def tunnel(self, host: str, port: int, *, timeout: float) -> SocketTunnel:
        """Connect to where ``endpoints`` says the port is, or to the port itself."""
        self.calls.append(Call("tunnel"))
        if self._refusal is not None:
            raise self._refusal
        end = self.endpoints.get((host, port), Endpoint(host, port, lambda: None))
        return SocketTunnel(end.host, end.port, timeout=timeout)

    def close(self) -> None:
        """End all streams."""
        self.calls.append(Call("close"))
        for stream in list(self._streams):
            stream.close()

    def forget(self, stream: FakeStream) -> None:
        """Let go of a stream that was closed."""
        if stream in self._streams:
            self._streams.remove(stream)

    def wait(self, seconds: float) -> None:
        """Let time pass on the clock."""
        self._pass(seconds)
