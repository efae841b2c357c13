"""Asking ssh what its configuration says of a host: ``ssh -G``.

A question costs a process. Each is asked once in the life of ours, and one answer does for all
hosts of which the configuration cannot say different things.
"""

from __future__ import annotations

import functools
import os
import pwd
import re
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from raftfleet.errors import UnreachableError, UsageError
from raftfleet.transport.options import SshQuestion

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from raftfleet.clock import Deadline

    Answer = Mapping[str, tuple[str, ...]]

__all__ = ["ask", "command", "home"]

_ANYBODY = "raftfleet-any-host"
_ORDINARY = re.compile(r"[A-Za-z0-9._:-]+(%[A-Za-z0-9._-]+)?")
_LINE = re.compile(r"\s*([A-Za-z0-9]+)(?:\s*=\s*|\s+)(.*?)\s*")
_TELLS_APART = {"match", "hostname", "proxyjump", "canonicalizehostname", "canonicaldomains"}
_DEEPEST = 16  # as many files as OpenSSH reads inside each other

_asking: dict[SshQuestion, threading.Lock] = {}
_answers: dict[SshQuestion, Answer] = {}
_lock = threading.Lock()


def home() -> str:
    """Return the home that ssh takes: the password file's, whatever $HOME says."""
    return pwd.getpwuid(os.getuid()).pw_dir


def command(question: SshQuestion) -> list[str]:
    """Return the command that asks a question."""
    # ssh reads the files of user and machine only by default: -F replaces both.
    config = [] if question.config is None else ["-F", question.config]
    return ["ssh", "-G", "-T", *config, *question.arguments, "--", question.host]


def ask(host: str, question: SshQuestion, deadline: Deadline) -> Answer:
    """Return ssh's answer, its keywords in small letters.

    Raises `UsageError` when ssh is not there or does not understand its configuration, and
    `UnreachableError` when it does not answer in time.
    """
    if not _same_for_all(question):
        return _ask_once(host, question, deadline)
    anybody = SshQuestion(_ANYBODY, question.arguments, question.config)
    return {**_ask_once(host, anybody, deadline), "hostname": (question.host.lower(),)}


def _ask_once(host: str, question: SshQuestion, deadline: Deadline) -> Answer:
    with _lock:
        asking = _asking.setdefault(question, threading.Lock())
    if not asking.acquire(timeout=deadline.left):
        raise UnreachableError(f"{host}: ssh -G did not answer in time")
    try:
        if question not in _answers:
            _answers[question] = _ask(host, question, deadline)
        return _answers[question]
    finally:
        asking.release()


def _ask(host: str, question: SshQuestion, deadline: Deadline) -> Answer:
    try:
        done = subprocess.run(
            command(question),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=max(deadline.left, 0.001),
            check=False,
        )
    except FileNotFoundError:
        raise UsageError(
            f"{host}: the program ssh, which is asked what ssh_config says, is not installed",
            hint="on Debian: apt-get install openssh-client",
        ) from None
    except subprocess.TimeoutExpired:
        raise UnreachableError(
            f"{host}: ssh -G {question.host} did not answer in time",
            hint="a command of Match exec in ssh_config, or a name to be made canonical, takes long",
        ) from None
    if done.returncode != 0:
        said = "; ".join(done.stderr.decode("utf-8", "replace").split("\n")).strip("; \r")
        raise UsageError(
            f"{host}: ssh does not take its configuration: {said.replace(chr(13), '')}",
            hint=f"see: {' '.join(command(question))}",
        )
    answer: dict[str, tuple[str, ...]] = {}
    for line in done.stdout.decode("utf-8", "surrogateescape").splitlines():
        keyword, _, value = line.partition(" ")
        answer[keyword.lower()] = (*answer.get(keyword.lower(), ()), value)
    return answer


def _same_for_all(question: SshQuestion) -> bool:
    """Whether the answer cannot depend on which host is asked for; no when in doubt."""
    arguments = " ".join(question.arguments).lower()
    if "%" in arguments or "-j" in arguments or any(one in arguments for one in _TELLS_APART):
        return False
    return _ORDINARY.fullmatch(question.host) is not None and _tells_nobody_apart(question.config)


@functools.cache
def _tells_nobody_apart(config: str | None) -> bool:
    """Whether a configuration has no word about one host that does not hold for all."""
    if config == "none":
        return True
    files = [Path(home(), ".ssh/config"), Path("/etc/ssh/ssh_config")]
    if config is not None:
        files = [Path(config)]
    for keyword, value in (line for file in files for line in _lines(file, 0)):
        if keyword in _TELLS_APART or "%" in value or (keyword == "host" and value != "*"):
            return False
    return True


def _lines(file: Path, depth: int) -> Iterator[tuple[str, str]]:
    """Yield keyword and value of every line; what cannot be followed counts as a Match."""
    try:
        text = file.read_text("utf-8", "replace")
    except FileNotFoundError:
        return
    except OSError:
        text = "Match unreadable"
    for line in text.splitlines():
        found = _LINE.fullmatch(line)
        if found is None:
            continue
        keyword, value = found[1].lower(), found[2]
        yield keyword, value
        if keyword == "include":
            if depth >= _DEEPEST or any(sign in value for sign in "%$\"'~"):
                yield "match", value
                continue
            folder = Path("/etc/ssh") if file.is_relative_to("/etc/ssh") else Path(home(), ".ssh")
            for pattern in value.split():
                inside = Path(pattern).relative_to("/") if pattern.startswith("/") else pattern
                root = Path("/") if pattern.startswith("/") else folder
                for one in sorted(root.glob(str(inside))):
                    yield from _lines(one, depth + 1)
