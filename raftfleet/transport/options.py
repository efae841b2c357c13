"""How a host is reached, read from its inventory variables."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from raftfleet.errors import UsageError, nearest
from raftfleet.transport.arguments import Arguments, read_arguments

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "CONNECTION_VARIABLES",
    "LocalOptions",
    "SshOptions",
    "SshQuestion",
    "options_from_variables",
    "unless_said",
]

CONNECT_TIMEOUT = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalOptions:
    """The host is this machine itself; no connection is made."""


@dataclass(frozen=True, slots=True)
class SshQuestion:
    """What ``ssh -G`` is asked about a host.

    ``config`` is the file to read instead of ~/.ssh/config and /etc/ssh/ssh_config, or ``none``.
    """

    host: str
    arguments: tuple[str, ...] = ()
    config: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SshOptions:
    """The host is reached over SSH.

    With a ``question`` the rest is what the inventory alone says, and `resolve` fills in what
    ssh_config adds. Without one this is all there is, and no ssh_config is read.

    ``user`` None means the user who runs raftfleet. ``key_file`` is a key that must be there, and
    nothing but it and ``identities`` is tried; ``identities`` are tried first when they are there,
    and with ``identities_only`` nothing else is; without either it is the keys of the SSH agent
    and the ``~/.ssh/id_*`` files. ``agent`` is the agent's socket, ``none`` for no agent, and None
    for $SSH_AUTH_SOCK.

    A new host key is remembered in ``known_hosts``; None keeps no record. Keys are looked up
    there and in ``trusted``, under ``host_key_alias`` or the address. ``strict`` refuses a host
    whose key is in neither; a changed key is refused either way.

    ``connect_timeout`` (seconds) bounds connecting as a whole, name lookup, jumps, key exchange,
    authentication and retries included. Each ``keepalive`` seconds without traffic the host is
    asked whether it is there; ``unanswered`` such questions in a row end the connection.
    ``family`` is ``any``, ``inet`` or ``inet6``.
    """

    address: str
    port: int = 22
    user: str | None = None
    key_file: Path | None = None
    known_hosts: Path | None = None
    strict: bool = False
    connect_timeout: float = CONNECT_TIMEOUT
    keepalive: float = 15.0
    unanswered: int = 3
    identities: tuple[Path, ...] = ()
    identities_only: bool = False
    certificates: tuple[Path, ...] = ()
    agent: str | None = None
    trusted: tuple[Path, ...] = ()
    host_key_alias: str | None = None
    family: str = "any"
    bind_address: str | None = None
    jump: SshOptions | None = None
    proxy_command: str | None = None
    question: SshQuestion | None = None

    @property
    def name(self) -> str:
        """What the machine was called where it was named."""
        return self.question.host if self.question else self.address

    def __str__(self) -> str:
        address = f"[{self.address}]" if ":" in self.address else self.address
        user = f"{self.user}@" if self.user else ""
        return f"{user}{address}:{self.port}"


_ARGUMENTS = ("ansible_ssh_args", "ansible_ssh_common_args", "ansible_ssh_extra_args")
# Where both are set the one with ssh in it wins, as in Ansible.
_HOST = ("ansible_ssh_host", "ansible_host")
_PORT = ("ansible_ssh_port", "ansible_port")
_USER = ("ansible_ssh_user", "ansible_user")
_KEY = ("ansible_ssh_private_key_file", "ansible_private_key_file")
_CHECKING = ("ansible_ssh_host_key_checking", "ansible_host_key_checking")
_TIMEOUT = ("ansible_ssh_timeout", "ansible_timeout")

_ALIASES = (_HOST, _PORT, _USER, _KEY, _CHECKING, _TIMEOUT)

CONNECTION_VARIABLES = (
    "ansible_connection",
    *_ARGUMENTS,
    *(name for names in _ALIASES for name in names),
)
"""The inventory variables that `options_from_variables` reads."""

# How Ansible itself works with ssh, or what it has found out; nothing here depends on it.
_IGNORED = {
    "ansible_ssh_control_path", "ansible_ssh_control_path_dir", "ansible_ssh_pipelining",
    "ansible_ssh_reconnection_retries", "ansible_ssh_retries", "ansible_ssh_transfer_method",
    "ansible_ssh_use_tty", "ansible_ssh_verbosity",
}  # fmt: skip
_SECRETS = (
    "ansible_password", "ansible_ssh_pass", "ansible_ssh_password",
    "ansible_ssh_private_key", "ansible_private_key",
    "ansible_ssh_private_key_passphrase", "ansible_private_key_passphrase",
)  # fmt: skip


def options_from_variables(
    host_name: str, variables: Mapping[str, object], *, project_known_hosts: Path
) -> SshOptions | LocalOptions:
    """Read the connection variables of one host; `UsageError` names the one that is wrong.

    What is asked of ssh has Ansible's order, in which the first value wins: ``ansible_ssh_args``,
    the variables, ``ansible_ssh_common_args``, ``ansible_ssh_extra_args``, and then ssh_config.
    """
    read = _Variables(host_name, variables)
    kind = (read.text("ansible_connection") or "ssh").removeprefix("ansible.builtin.")
    if kind == "local":
        return LocalOptions()
    if kind not in {"ssh", "smart"}:
        raise UsageError(
            f"{host_name}: ansible_connection: {kind} is not supported",
            hint="use ssh, or local for this machine",
        )
    read.refuse_unsupported()
    before, common, extra = (read.arguments(name) for name in _ARGUMENTS)
    key_file = read.text(*_KEY)
    key_file = key_file and str(Path(key_file).expanduser())
    named = Arguments(("-i", key_file), keys=(key_file,)) if key_file else Arguments()
    given = before + read.own_arguments() + named + common + extra
    address = (read.text(*_HOST) or host_name).removeprefix("[").removesuffix("]")
    return SshOptions(
        address=address,
        key_file=Path(given.keys[0]).expanduser() if given.keys else None,
        known_hosts=_known_hosts(given, project_known_hosts),
        trusted=tuple(Path(one).expanduser() for one in (given.known_hosts or ())[1:]),
        question=SshQuestion(address, given.words, given.config),
    )


def unless_said(
    variables: Mapping[str, object], otherwise: Mapping[str, object]
) -> dict[str, object]:
    """Return the variables, and of the others what none of them says, under whatever alias."""
    said = {name for names in _ALIASES if any(map(variables.get, names)) for name in names}
    return {
        **{name: value for name, value in otherwise.items() if name not in said},
        **variables,
    }


def _known_hosts(given: Arguments, project: Path) -> Path | None:
    if given.known_hosts is None:
        return project
    first = next(iter(given.known_hosts), "none")
    return None if first.lower() in {"none", "/dev/null"} else Path(first).expanduser()


@dataclass(frozen=True, slots=True)
class _Variables:
    host_name: str
    variables: Mapping[str, object]

    def text(self, *names: str) -> str | None:
        """Return the first of these variables that is set, as text."""
        for name in names:
            value = self.variables.get(name)
            if value is None or value == "":
                continue
            if isinstance(value, bool) or not isinstance(value, str | int | Path):
                raise UsageError(
                    f"{self.host_name}: {name}: expected text, found {type(value).__name__}"
                )
            return str(value)
        return None

    def arguments(self, name: str) -> Arguments:
        """Read one of the variables that hold arguments for ssh."""
        return read_arguments(f"{self.host_name}: {name}", self.text(name) or "")

    def own_arguments(self) -> Arguments:
        """Say with arguments what the variables say, in Ansible's order."""
        words: list[str] = []
        checking = self._flag(*_CHECKING)
        if checking is not None:
            # Ansible then asks, and whoever cannot be asked is refused.
            words += ["-o", f"StrictHostKeyChecking={'yes' if checking else 'accept-new'}"]
        if port := self._number("a port", 65535, *_PORT):
            words += ["-p", port]
        if user := self.text(*_USER):
            words += ["-l", user]
        if seconds := self._number("a number of seconds", 86_400, *_TIMEOUT):
            words += ["-o", f"ConnectTimeout={seconds}"]
        return Arguments(tuple(words))

    def _number(self, what: str, most: int, *names: str) -> str | None:
        for name in names:
            value = self.text(name)
            if value is None:
                continue
            if value.isascii() and value.isdigit() and 0 < int(value) <= most:
                return value
            raise UsageError(
                f"{self.host_name}: {name}: {value!r} is not {what}",
                hint=f"a number from 1 to {most}",
            )
        return None

    def _flag(self, *names: str) -> bool | None:
        for name in names:
            value = self.variables.get(name)
            word = str(value).lower()
            if value is None or word == "":
                continue
            if word in {"true", "yes", "on", "1"}:
                return True
            if word in {"false", "no", "off", "0"}:
                return False
            raise UsageError(f"{self.host_name}: {name}: {value!r} is neither true nor false")
        return None

    def refuse_unsupported(self) -> None:
        """Refuse what would be expected to matter and does not, and words nobody knows."""
        for name in _SECRETS:
            if self.variables.get(name) is not None:
                raise UsageError(
                    f"{self.host_name}: {name}: logging in with a password, or a key that is not "
                    "a file, is not supported",
                    hint="use a key file (ansible_ssh_private_key_file) or an SSH agent, which "
                    "takes keys with a passphrase too: ssh-add FILE",
                )
        known = {*CONNECTION_VARIABLES, *_IGNORED}
        for name in self.variables:
            if not name.startswith("ansible_ssh_") or name in known:
                continue
            if name.startswith("ansible_ssh_host_key_") and name.endswith(("_public", "_keytype")):
                continue  # a fact
            if name == "ansible_ssh_executable" and Path(str(self.text(name))).name == "ssh":
                continue
            close = nearest(name, known)
            raise UsageError(
                f"{self.host_name}: {name} is not supported",
                hint=f"did you mean {close}?" if close else None,
            )
