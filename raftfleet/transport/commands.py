"""What a transport can do once it can begin a command: run, stream, send and fetch."""

from __future__ import annotations

import abc
import threading
import time
from typing import TYPE_CHECKING

from raftfleet.clock import Deadline, SystemClock
from raftfleet.errors import RaftfleetError, TaskError, UnreachableError
from raftfleet.transport import files, shell
from raftfleet.transport.capture import Capture, Lines
from raftfleet.transport.protocol import Exited, Lost, Outcome, Signalled, TimedOut
from raftfleet.transport.running import Broken, BytesFeed, Prefaced
from raftfleet.transport.stream import CommandStream

if TYPE_CHECKING:
    from pathlib import Path, PurePosixPath

    from raftfleet.transport.capture import Sink
    from raftfleet.transport.protocol import Command, Progress, Transfer
    from raftfleet.transport.running import Feed, Running

__all__ = ["CommandTransport"]

_CLOCK = SystemClock()


class CommandTransport(abc.ABC):
    """The half of a transport that is the same over SSH and on this machine."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._under_way: set[Running | CommandStream] = set()
        self._under_way_lock = threading.Lock()

    @property
    def host(self) -> str:
        """The host's inventory name."""
        return self._host

    @abc.abstractmethod
    def _begin(self, command: Command, feed: Feed, out: Sink, deadline: Deadline) -> Running:
        """Ask for a command.

        UnreachableError: it does not run. TimeoutError, `Broken`: nobody knows.
        """

    def run(self, command: Command, *, timeout: float, stdin: bytes = b"") -> Outcome:
        """Run a command to its end; on timeout its remote process group is ended.

        The end of a command is the end of its output: a child left in the background that holds
        on to it counts as still running. UnreachableError if no connection can be had, TaskError
        if the host does not let us become the user.
        """
        out = Capture()
        return self._perform(command, BytesFeed(stdin), out, timeout, capture=out)

    def _perform(
        self,
        command: Command,
        feed: Feed,
        out: Sink,
        timeout: float,
        *,
        capture: Capture | None = None,
    ) -> Outcome:
        """Run a command with its output going to a sink."""
        began = time.monotonic()
        deadline = Deadline.after(timeout, _CLOCK)
        try:
            running = self._begin(command, _prefaced(command, feed), out, deadline)
        except TimeoutError:
            return TimedOut(after=timeout, began=began, ended=time.monotonic())
        except Broken as error:
            return Lost(reason=str(error), began=began, ended=time.monotonic())
        self._note(running)
        try:
            ended = running.drive(deadline)
            gone = ended or running.end()
            stdout = capture.value() if capture else b""
            truncated = capture.truncated if capture else False
            if not ended:
                fields = running.fields(stdout, truncated=truncated)
                return TimedOut(after=timeout, ended_remote=gone, **fields)
            return self._checked(command, running, running.outcome(stdout, truncated=truncated))
        except BaseException:
            running.end()
            raise
        finally:
            self._forget(running)
            running.close()

    def _checked(self, command: Command, running: Running, outcome: Outcome) -> Outcome:
        """Refuse an exit status that is the login shell's or sudo's and not the command's."""
        if isinstance(outcome, Exited | Signalled) and not running.begun:
            raise self._not_begun(command, running)
        return outcome

    def _not_begun(self, command: Command, running: Running) -> RaftfleetError:
        said = running.refusal
        if command.become is not None and "sudo" in said:
            why = "; ".join(line for line in said.splitlines() if "sudo" in line)
            return TaskError(
                f"{self._host}: cannot become {command.become}: {why}", hint=_sudo_hint(why)
            )
        return UnreachableError(
            f"{self._host}: the login shell did not run our command"
            + (f"; it said: {said}" if said else ""),
            hint="give the user a login shell that can run /bin/sh",
        )

    def open(self, command: Command, *, timeout: float) -> CommandStream:
        """Start a command and read its output as it comes; ``timeout`` is for its beginning.

        UnreachableError if it has not begun by then.
        """
        deadline = Deadline.after(timeout, _CLOCK)
        lines = Lines()
        try:
            running = self._begin(command, _prefaced(command, BytesFeed(b"")), lines, deadline)
        except (TimeoutError, Broken) as error:
            raise UnreachableError(f"{self._host} does not answer: {error}") from error
        try:
            self._await_beginning(command, running, deadline)
        except BaseException:
            running.close()
            raise
        stream = CommandStream(running, lines, self._forget)
        self._note(stream)
        return stream

    def _await_beginning(self, command: Command, running: Running, deadline: Deadline) -> None:
        in_time = running.drive(deadline, lambda: running.begun)
        if running.begun:
            return
        if not in_time:
            raise UnreachableError(f"{self._host}: the command did not begin in time")
        outcome = running.outcome()
        if isinstance(outcome, Lost):
            raise UnreachableError(f"{self._host} does not answer: {outcome.reason}")
        raise self._not_begun(command, running)

    def _note(self, one: Running | CommandStream) -> None:
        with self._under_way_lock:
            self._under_way.add(one)

    def _forget(self, one: Running | CommandStream) -> None:
        with self._under_way_lock:
            self._under_way.discard(one)

    def _end_all(self) -> None:
        """End every command under way, in whatever thread it runs."""
        with self._under_way_lock:
            under_way = list(self._under_way)
        for one in under_way:
            if isinstance(one, CommandStream):
                one.close()
            else:
                one.end()

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
        """Bring a file to the host: nothing is sent when its digest is already there.

        The mode is set either way. Where the connection breaks it is made anew, and the file gone
        on with where it was. TaskError names host, path and what is in the way.
        """
        return files.put(
            self._host,
            self._perform,
            source,
            target,
            mode=mode,
            timeout=timeout,
            become=become,
            progress=progress,
        )

    def get(
        self,
        source: PurePosixPath,
        target: Path,
        *,
        offset: int = 0,
        timeout: float,
        become: str | None = None,
    ) -> Transfer:
        """Fetch a file from ``offset`` on; the target then holds exactly those bytes."""
        return files.get(
            self._host,
            self._perform,
            source,
            target,
            offset=offset,
            timeout=timeout,
            become=become,
        )


def _prefaced(command: Command, feed: Feed) -> Feed:
    return Prefaced(shell.preface(command), feed) if command.env else feed


def _sudo_hint(why: str) -> str:
    """Say what would let us become somebody, from what sudo said."""
    for words, hint in {
        "not found": "install sudo there, or log in as that user (ansible_user)",
        "tty": "its sudoers file asks for a terminal: remove `Defaults requiretty`",
        "unknown user": "create that user there, or name another (ansible_become_user)",
    }.items():
        if words in why:
            return hint
    return "no password is ever given: allow it with `USER ALL=(ALL) NOPASSWD: ALL` in its sudoers"
