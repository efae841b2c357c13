"""What stands between a new content and the file it replaces: a copy of the old one, and a test."""

from __future__ import annotations

import contextlib
import posixpath
import secrets
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from raftfleet.errors import RaftfleetError, TaskError
from raftfleet.modules.on_host import complaint, word
from raftfleet.playbook.module import Argument
from raftfleet.transport.protocol import Exited

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from raftfleet.modules.on_host import OnHost

__all__ = ["SAFEGUARDS", "Safeguards", "scratch"]

SAFEGUARDS: Final = {"backup": Argument("bool", default=False), "validate": Argument()}
_PLACE: Final = "%s"


@dataclass(frozen=True, slots=True)
class Safeguards:
    """Whether to keep what is replaced, and the command that has to accept the new content.

    ``validate`` holds ``%s`` where the path of a draft goes; no shell looks at it.
    """

    backup: bool = False
    validate: str | None = None

    @classmethod
    def of(cls, arguments: Mapping[str, Any]) -> Safeguards:
        """Take them from a task's arguments; `TaskError` for a validate without ``%s``."""
        validate = arguments.get("validate")
        if validate is not None and _PLACE not in validate:
            raise TaskError(
                f"validate has no {_PLACE}: {validate!r}",
                hint="%s stands for the path of the new file: validate: visudo -cf %s",
            )
        return cls(bool(arguments.get("backup")), validate)

    def keep(self, host: OnHost, path: str) -> str:
        """Copy what is about to be replaced, with mode, owner and times; return where, or nothing."""
        if not self.backup:
            return ""
        stamp = f"{secrets.token_hex(3)}.$(date +%Y-%m-%d@%H:%M:%S)~"
        line = f'b={word(path)}.{stamp}; cp -p -- {word(path)} "$b" && printf %s "$b"'
        said = host.ask(line, f"keep a copy of {path}").decode("utf-8", "surrogateescape")
        return said if path.startswith("/") else said.removeprefix("./")

    def test(self, host: OnHost, name: str, draft: Callable[[str], None]) -> None:
        """Raise `TaskError` unless the command accepts the draft that ``draft`` writes to a path."""
        if self.validate is None:
            return
        with scratch(host) as folder:
            path = f"{folder}/{posixpath.basename(name)}"
            draft(path)
            words = [part.replace(_PLACE, path) for part in _split(self.validate)]
            outcome = host.run(f"exec {shlex.join(words)}")
            if outcome.ok:
                return
            status = outcome.status if isinstance(outcome, Exited) else outcome.signal
            raise TaskError(
                f"failed to validate: rc:{status} error:{complaint(outcome)}",
                hint=f"{name} is as it was",
            )


def _split(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError as error:
        raise TaskError(f"validate cannot be split into words: {error}") from error


@contextlib.contextmanager
def scratch(host: OnHost) -> Iterator[str]:
    """Yield a new folder of the host, which is removed with all that is in it."""
    made = host.ask("mktemp -d", "make a temporary directory").decode().strip()
    try:
        yield made
    finally:
        with contextlib.suppress(RaftfleetError):  # the error on the way here is the one to tell
            host.run(f"rm -rf -- {word(made)}")
