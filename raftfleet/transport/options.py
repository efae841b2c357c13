"""How a host is reached, read from its inventory variables."""

from __future__ import annotations

import getopt
import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from raftfleet.errors import UsageError, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["LocalOptions", "SshOptions", "options_from_variables"]

CONNECT_TIMEOUT = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalOptions:
    """The host is this machine itself; no connection is made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SshOptions:
    """The host is reached over SSH.

    ``user`` None means the user who runs raftfleet; ``key_file`` None means the keys of the SSH
    agent and the ``~/.ssh/id_*`` files. Host keys are looked up in ``known_hosts`` and nowhere
    else; None keeps no record at all. ``strict`` refuses a host whose key is not there yet;
    a changed key is refused either way. ``connect_timeout`` (seconds) bounds connecting as a
    whole, name lookup, key exchange, authentication and retries included.
    """

    address: str
    port: int = 22
    user: str | None = None
    key_file: Path | None = None
    known_hosts: Path | None = None
    strict: bool = False
    connect_timeout: float = CONNECT_TIMEOUT
    keepalive: float = 15.0

    def __str__(self) -> str:
        address = f"[{self.address}]" if ":" in self.address else self.address
        user = f"{self.user}@" if self.user else ""
        return f"{user}{address}:{self.port}"


def options_from_variables(
    host_name: str, variables: Mapping[str, object], *, project_known_hosts: Path
) -> SshOptions | LocalOptions:
    """Read the connection variables of one host; `UsageError` names the one that is wrong.

    Variables win over what ``ansible_ssh_common_args`` says about the same thing, as they do in
    Ansible, where they come first on the command line of ssh.
    """
    read = _Variables(host_name, variables)
    read.refuse_passwords()
    kind = (read.text("ansible_connection") or "ssh").removeprefix("ansible.builtin.")
    if kind == "local":
        return LocalOptions()
    if kind not in {"ssh", "smart"}:
        raise UsageError(
            f"{host_name}: ansible_connection: {kind} is not supported",
            hint="use ssh, or local for this machine",
        )
    base = SshOptions(address=host_name, known_hosts=project_known_hosts)
    for name in ("ansible_ssh_common_args", "ansible_ssh_extra_args"):
        base = _with_arguments(base, f"{host_name}: {name}", read.text(name) or "")
    key_file = read.text("ansible_ssh_private_key_file", "ansible_private_key_file")
    port = read.text("ansible_port", "ansible_ssh_port")
    return replace(
        base,
        address=read.text("ansible_host", "ansible_ssh_host") or host_name,
        port=_port(f"{host_name}: ansible_port", port) if port else base.port,
        user=read.text("ansible_user", "ansible_ssh_user") or base.user,
        key_file=Path(key_file).expanduser() if key_file else base.key_file,
    )


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

    def refuse_passwords(self) -> None:
        for name in ("ansible_password", "ansible_ssh_pass", "ansible_ssh_password"):
            if self.variables.get(name) is not None:
                raise UsageError(
                    f"{self.host_name}: {name}: logging in with a password is not supported",
                    hint="use a key: ansible_ssh_private_key_file, or an SSH agent",
                )


def _port(where: str, value: str) -> int:
    if value.isascii() and value.isdigit() and 0 < int(value) < 65536:
        return int(value)
    raise UsageError(f"{where}: {value!r} is not a port", hint="a number from 1 to 65535")


def _strict(where: str, value: str) -> bool:
    word = value.lower()
    if word in {"yes", "true"}:
        return True
    # `no` and `off` of OpenSSH also accept a changed key, with a warning nobody reads: not here.
    if word in {"no", "false", "off", "accept-new"}:
        return False
    raise UsageError(f"{where}: {value!r} is not supported", hint="use yes or accept-new")


def _seconds(where: str, value: str) -> float:
    if value.isascii() and value.isdigit() and int(value) > 0:
        return float(value)
    raise UsageError(f"{where}: {value!r} is not a number of seconds")


def _known_hosts(where: str, value: str) -> Path | None:
    files = shlex.split(value)
    if len(files) != 1:
        raise UsageError(f"{where}: {value!r}: expected one file")
    if files[0].lower() in {"none", "/dev/null"}:
        return None
    return Path(files[0]).expanduser()


def _set_port(options: SshOptions, where: str, value: str) -> SshOptions:
    return replace(options, port=_port(where, value))


def _set_key_file(options: SshOptions, _where: str, value: str) -> SshOptions:
    return replace(options, key_file=Path(value).expanduser())


def _set_known_hosts(options: SshOptions, where: str, value: str) -> SshOptions:
    return replace(options, known_hosts=_known_hosts(where, value))


def _set_strict(options: SshOptions, where: str, value: str) -> SshOptions:
    return replace(options, strict=_strict(where, value))


def _set_connect_timeout(options: SshOptions, where: str, value: str) -> SshOptions:
    return replace(options, connect_timeout=_seconds(where, value))


def _no_proxy(_options: SshOptions, where: str, _value: str) -> SshOptions:
    raise UsageError(
        f"{where}: reaching a host through another one is not yet supported",
        hint="run raftfleet on the jump host, or forward a port with ssh -L and set ansible_port",
    )


_KEYWORDS: dict[str, Callable[[SshOptions, str, str], SshOptions]] = {
    "UserKnownHostsFile": _set_known_hosts,
    "StrictHostKeyChecking": _set_strict,
    "ConnectTimeout": _set_connect_timeout,
    "ProxyJump": _no_proxy,
    "ProxyCommand": _no_proxy,
}
_FLAGS = {"-i": _set_key_file, "-p": _set_port, "-J": _no_proxy}


def _with_arguments(options: SshOptions, where: str, text: str) -> SshOptions:
    """Apply arguments written for ssh's command line."""
    try:
        pairs, rest = getopt.getopt(shlex.split(text), "o:i:p:J:")
    except (getopt.GetoptError, ValueError) as error:
        raise UsageError(f"{where}: {error}", hint=_supported()) from None
    if rest:
        raise UsageError(f"{where}: {rest[0]!r} is not an option", hint=_supported())
    # ssh keeps the first value it is given, so the last to be applied here is the first.
    for flag, value in reversed(pairs):
        if flag == "-o":
            options = _with_keyword(options, where, value)
        else:
            options = _FLAGS[flag](options, f"{where}: {flag}", value)
    return options


def _with_keyword(options: SshOptions, where: str, text: str) -> SshOptions:
    name, _, value = text.strip().partition("=" if "=" in text else " ")
    name, value = name.strip(), value.strip()
    known = {keyword.lower(): keyword for keyword in _KEYWORDS}
    keyword = known.get(name.lower())
    if keyword is None:
        close = nearest(name.lower(), known)
        meant = f"did you mean {known[close]}? " if close else ""
        raise UsageError(f"{where}: -o {name} is not supported", hint=meant + _supported())
    if not value:
        raise UsageError(f"{where}: -o {keyword} has no value")
    return _KEYWORDS[keyword](options, f"{where}: -o {keyword}", value)


def _supported() -> str:
    return f"supported: -i, -p, -o {', -o '.join(k for k in _KEYWORDS if 'Proxy' not in k)}"
