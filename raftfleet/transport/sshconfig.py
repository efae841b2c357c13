"""What ssh_config says about a host, as ssh itself understands it.

Include, Match, canonical names and the rule that the first value wins are OpenSSH's own, of whatever
release is installed. Tokens in file names and commands are left in its answer; they are replaced
here (ssh_config(5), TOKENS).
"""

from __future__ import annotations

import getpass
import os
import pwd
import re
import socket
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from raftfleet.errors import UsageError
from raftfleet.transport.options import SshOptions, SshQuestion
from raftfleet.transport.sshask import ask, command, home

if TYPE_CHECKING:
    from collections.abc import Callable

    from raftfleet.clock import Deadline
    from raftfleet.transport.sshask import Answer

__all__ = ["hops", "resolve"]

_DEFAULT_KEYS = {f"~/.ssh/id_{kind}" for kind in ("rsa", "ecdsa", "ecdsa_sk", "ed25519")} | {
    f"~/.ssh/id_{kind}" for kind in ("ed25519_sk", "xmss", "dsa", "mldsa44_ed25519")
}
# Followed by ssh, not by us, and not to be passed over: they say where to go or whom to trust.
_UNSUPPORTED = {
    "bindinterface": {"none"},
    "knownhostscommand": {"none"},
    "proxyusefdpass": {"no"},
    "pubkeyauthentication": {"true", "yes", "unbound", "host-bound"},
    "revokedhostkeys": {"none"},
}
_NOT_GIVEN = {"none", "0", ""}


def resolve(host: str, options: SshOptions, deadline: Deadline) -> SshOptions:
    """Return the options with what ssh_config adds; each question is asked once per process.

    Raises `UsageError` when ssh does not understand its configuration, or when it holds what
    raftfleet cannot follow, and `UnreachableError` when ssh does not answer in time.
    """
    if options.question is None:
        return options
    answer = ask(host, options.question, deadline)
    for keyword, harmless in _UNSUPPORTED.items():
        for value in answer.get(keyword, ()):
            if value.lower() not in harmless:
                raise UsageError(
                    f"{host}: ssh_config says {keyword} {value}, which is not supported",
                    hint=f"see: {' '.join(command(options.question))}",
                )
    return _Reader(host, options, answer).read()


def hops(host: str, options: SshOptions, deadline: Deadline) -> tuple[str, ...]:
    """Return the machines on the way to a host, by name, the nearest to us first.

    Raises as `resolve` does. For a host that is connected: nothing stops a way that leads round.
    """
    jump = resolve(host, options, deadline).jump
    return (*hops(jump.name, jump, deadline), jump.name) if jump else ()


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads an answer of ssh."""

    host: str
    options: SshOptions
    answer: Answer

    def one(self, keyword: str) -> str | None:
        """Return the value of a keyword; None for one that is not set."""
        value = self.answer.get(keyword, ("",))[0]
        return None if value.lower() in _NOT_GIVEN else value

    def read(self) -> SshOptions:
        given, question = self.options, self.options.question
        assert question is not None  # noqa: S101 - callers have looked
        identities = self._identities()
        known_hosts, trusted = self._known_hosts()
        timeout, alive = self.one("connecttimeout"), self.one("serveraliveinterval")
        options = replace(
            given,
            address=(self.one("hostname") or given.address).removeprefix("[").removesuffix("]"),
            port=int(self.one("port") or 22),
            user=self.one("user"),
            strict=self.one("stricthostkeychecking") in {"true", "yes"},
            identities=identities,
            identities_only=self.one("identitiesonly") == "yes" or given.key_file is not None,
            known_hosts=known_hosts,
            trusted=trusted,
            host_key_alias=self.one("hostkeyalias"),
            family=self.one("addressfamily") or "any",
            bind_address=self.one("bindaddress"),
            connect_timeout=float(timeout) if timeout else given.connect_timeout,
            keepalive=float(alive) if alive else given.keepalive,
            unanswered=int(self.one("serveralivecountmax") or given.unanswered),
            question=None,
        )
        expand = _Tokens(self.host, question.host, options, self.one("proxyjump") or "").expand
        key_file = given.key_file and Path(expand(str(given.key_file)))
        return replace(
            options,
            key_file=key_file,
            identities=tuple(_file(expand(str(one))) for one in identities),
            certificates=tuple(
                _file(expand(one)) for one in self.answer.get("certificatefile", ())
            ),
            agent=self._agent(expand),
            proxy_command=self._proxy_command(expand),
            jump=self._jump(expand),
        )

    def _identities(self) -> tuple[Path, ...]:
        files = self.answer.get("identityfile", ())
        if set(files) <= _DEFAULT_KEYS and len(files) > 3:
            return ()
        return tuple(Path(one) for one in files if one.lower() != "none")

    def _known_hosts(self) -> tuple[Path | None, tuple[Path, ...]]:
        """Return the file that is written, and those in which keys are looked up as well.

        Without a word about it, keys are remembered in the project, and ssh's files are read.
        """
        users = self.answer.get("userknownhostsfile", ("",))[0].split()
        usual = [f"{home()}/.ssh/known_hosts", f"{home()}/.ssh/known_hosts2"]
        machines = self.answer.get("globalknownhostsfile", ("",))[0].split()
        known_hosts, trusted = self.options.known_hosts, self.options.trusted
        question = self.options.question
        asked = question is not None and any(
            word.lower().startswith("userknownhostsfile") for word in question.arguments
        )
        if not asked and users == usual:
            trusted = tuple(_file(one) for one in users)
        elif not asked and users:
            none = users[0].lower() in {"none", "/dev/null"}
            known_hosts = None if none else _file(users[0])
            trusted = tuple(_file(one) for one in users[1:])
        return known_hosts, (*trusted, *(_file(one) for one in machines if one != "none"))

    def _agent(self, expand: Callable[[str], str]) -> str | None:
        value = self.answer.get("identityagent", ("SSH_AUTH_SOCK",))[0]
        if value.lower() == "none":
            return "none"
        if value == "SSH_AUTH_SOCK":
            return None
        if value.startswith("$") and not value.startswith("${"):
            return os.environ.get(value[1:], "none")
        return str(_file(expand(value)))

    def _proxy_command(self, expand: Callable[[str], str]) -> str | None:
        value = self.one("proxycommand")
        return expand(value) if value else None

    def _jump(self, expand: Callable[[str], str]) -> SshOptions | None:
        """Return the last machine on the way; the ones before are its own affair, as with ssh.

        What is said on the command line about the host itself says nothing about that machine:
        ssh hands on where the configuration is, and no more.
        """
        value = self.one("proxyjump")
        if value is None:
            return None
        assert self.options.question is not None  # noqa: S101 - callers have looked
        *before, last = expand(value).split(",")
        user, address, port = _destination(self.host, last)
        arguments: list[str] = []
        if before:
            arguments += ["-J", ",".join(before)]
        if user:
            arguments += ["-l", user]
        if port:
            arguments += ["-p", port]
        question = SshQuestion(address, tuple(arguments), self.options.question.config)
        return SshOptions(address=address, known_hosts=self.options.known_hosts, question=question)


_DESTINATION = re.compile(
    r"(?:ssh://)?(?:(?P<user>.+)@)?(?:\[(?P<bracketed>[^\]]+)\]|(?P<plain>[^:@]+))"
    r"(?::(?P<port>[0-9]+))?/?"
)


def _destination(host: str, text: str) -> tuple[str | None, str, str | None]:
    """Take ``user@host:port`` apart; an IPv6 address with a port stands in brackets."""
    found = _DESTINATION.fullmatch(text.strip())
    if found is None:
        raise UsageError(
            f"{host}: ProxyJump: {text!r} is no [user@]host[:port]",
            hint="an IPv6 address with a port is written [::1]:22",
        )
    return found["user"], found["bracketed"] or found["plain"], found["port"]


def _file(text: str) -> Path:
    """Expand ``~`` as ssh does: the home of the password file, whatever $HOME says."""
    if text == "~" or text.startswith("~/"):
        return Path(home() + text[1:])
    return Path(text).expanduser()


class _Tokens:
    """The tokens of ssh_config(5)."""

    def __init__(self, host: str, asked: str, options: SshOptions, jump: str) -> None:
        name = socket.gethostname()
        self._host = host
        self._values = {
            "%": "%",
            "d": home(),
            "h": options.address,
            "i": str(os.getuid()),
            "j": jump,
            "k": options.host_key_alias or asked,
            "L": name.partition(".")[0],
            "l": name,
            "n": asked,
            "p": str(options.port),
            "r": options.user or getpass.getuser(),
            "u": pwd.getpwuid(os.getuid()).pw_name,
        }

    def expand(self, text: str) -> str:
        """Replace ``%h`` and its like, and ``${NAME}`` by the environment."""
        return re.sub(r"%(.?)|\$\{(\w+)\}", self._one, text)

    def _one(self, found: re.Match[str]) -> str:
        if found[2]:
            if found[2] in os.environ:
                return os.environ[found[2]]
            raise UsageError(f"{self._host}: ssh_config: ${{{found[2]}}} is not in the environment")
        if found[1] in self._values:
            return self._values[found[1]]
        raise UsageError(f"{self._host}: ssh_config: the token %{found[1]} is not supported")
