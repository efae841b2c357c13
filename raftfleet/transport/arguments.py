"""What may stand on ssh's command line in an inventory, and what becomes of it."""

from __future__ import annotations

import getopt
import re
import shlex
from dataclasses import dataclass

from raftfleet.errors import UsageError, nearest

__all__ = ["Arguments", "read_arguments"]

# Of these ssh is asked, and its answer is followed.
_FOLLOWED = (
    "AddressFamily", "BindAddress", "CanonicalDomains", "CanonicalizeFallbackLocal",
    "CanonicalizeHostname", "CanonicalizeMaxDots", "CanonicalizePermittedCNAMEs",
    "CertificateFile", "ConnectTimeout", "GlobalKnownHostsFile", "HostKeyAlias", "HostName",
    "IdentitiesOnly", "IdentityAgent", "IdentityFile", "Port", "ProxyCommand", "ProxyJump",
    "ServerAliveInterval", "StrictHostKeyChecking", "Tag", "User", "UserKnownHostsFile",
)  # fmt: skip

# These change neither where a connection leads nor whom it trusts; they speak of ssh's own ways.
_IGNORED = (
    "AddKeysToAgent", "BatchMode", "CASignatureAlgorithms", "ChallengeResponseAuthentication",
    "ChannelTimeout", "CheckHostIP", "Ciphers", "Compression", "ConnectionAttempts",
    "ControlMaster", "ControlPath", "ControlPersist", "EnableEscapeCommandline", "EscapeChar",
    "ExitOnForwardFailure", "FingerprintHash", "ForwardX11", "ForwardX11Timeout",
    "ForwardX11Trusted", "GSSAPIAuthentication", "GSSAPIDelegateCredentials", "HashKnownHosts",
    "HostbasedAuthentication", "HostKeyAlgorithms", "IPQoS", "KbdInteractiveAuthentication",
    "KexAlgorithms", "LogLevel", "LogVerbose", "MACs", "NumberOfPasswordPrompts",
    "ObscureKeystrokeTiming", "PasswordAuthentication", "PreferredAuthentications",
    "PubkeyAcceptedAlgorithms", "PubkeyAcceptedKeyTypes", "RekeyLimit", "RequestTTY",
    "RequiredRSASize", "SendEnv", "ServerAliveCountMax", "TCPKeepAlive", "UpdateHostKeys",
    "VisualHostKey", "WarnWeakCrypto", "XAuthLocation",
)  # fmt: skip

_SWITCHES = "46CTaknqvx"
_VALUED = {"-F", "-J", "-b", "-c", "-i", "-l", "-m", "-o", "-p"}
_TWICE = {"ForwardAgent": "no", "PubkeyAuthentication": "yes", "PermitLocalCommand": "no"}
_YES_NO = {"true": "yes", "false": "no"}


@dataclass(frozen=True, slots=True)
class Arguments:
    """Arguments for ssh, one word each, and the few that must not wait for its answer.

    ``config`` is what -F says: a file, or ``none``. ``known_hosts`` are the files of
    UserKnownHostsFile, ``keys`` the key files that are asked for here.
    """

    words: tuple[str, ...] = ()
    config: str | None = None
    known_hosts: tuple[str, ...] | None = None
    keys: tuple[str, ...] = ()

    def __add__(self, other: Arguments) -> Arguments:
        """Join two; as with ssh, what came first stays."""
        return Arguments(
            self.words + other.words,
            self.config or other.config,
            other.known_hosts if self.known_hosts is None else self.known_hosts,
            self.keys + other.keys,
        )


def read_arguments(where: str, text: str) -> Arguments:
    """Read what is written for ssh's command line; `UsageError` names what is not supported."""
    try:
        flags = _SWITCHES + "".join(f"{flag[1]}:" for flag in sorted(_VALUED))
        pairs, rest = getopt.getopt(shlex.split(text), flags)
    except (getopt.GetoptError, ValueError) as error:
        raise UsageError(f"{where}: {error}", hint=_supported()) from None
    if rest:
        raise UsageError(f"{where}: {rest[0]!r} is not an option", hint=_supported())
    read = Arguments()
    for flag, value in pairs:
        read += _keyword(where, value) if flag == "-o" else _flag(where, flag, value)
    return read


def _flag(where: str, flag: str, value: str) -> Arguments:
    words = (flag, value) if flag in _VALUED else (flag,)
    if flag == "-p":
        _check("Port", f"{where}: -p", value)
    if flag == "-F":
        # ssh is asked once with all arguments, and takes one -F only.
        return Arguments(config=value)
    if flag == "-i":
        return Arguments(words, keys=(value,))
    return Arguments(words)


def _keyword(where: str, text: str) -> Arguments:
    # As ssh takes it: Name=Value, Name Value, Name = Value.
    name, value = (*re.split(r"\s*=\s*|\s+", text.strip(), maxsplit=1), "")[:2]
    known = {one.lower(): one for one in (*_FOLLOWED, *_IGNORED, *_TWICE)}
    keyword = known.get(name.lower())
    if keyword is None:
        close = nearest(name.lower(), known)
        meant = f"did you mean {known[close]}? " if close else ""
        raise UsageError(f"{where}: -o {name} is not supported", hint=meant + _supported())
    if not value:
        raise UsageError(f"{where}: -o {keyword} has no value")
    _check(keyword, f"{where}: -o {keyword}", value)
    if keyword in _IGNORED or keyword in _TWICE:
        return Arguments()
    words = ("-o", f"{keyword}={value}")
    files = _files(f"{where}: -o {keyword}", value) if keyword.endswith("File") else ()
    if keyword == "UserKnownHostsFile":
        return Arguments(words, known_hosts=files)
    return Arguments(words, keys=files if keyword == "IdentityFile" else ())


def _check(keyword: str, where: str, value: str) -> None:
    """Refuse a value before ssh does, which would not say where it stands."""
    low = value.lower()
    if keyword == "Port" and not (value.isascii() and value.isdigit() and 0 < int(value) < 65536):
        raise UsageError(f"{where}: {value!r} is not a port", hint="a number from 1 to 65535")
    if keyword == "ConnectTimeout" and not (value.isascii() and value.isdigit() and int(value)):
        raise UsageError(f"{where}: {value!r} is not a number of seconds")
    # `no` and `off` of OpenSSH also accept a changed key, with a warning nobody reads: not here.
    accepted = {"yes", "true", "no", "false", "off", "accept-new"}
    if keyword == "StrictHostKeyChecking" and low not in accepted:
        raise UsageError(f"{where}: {value!r} is not supported", hint="use yes or accept-new")
    if keyword in _TWICE and _YES_NO.get(low, low) != _TWICE[keyword]:
        raise UsageError(f"{where}: {value!r} is not supported", hint=f"use {_TWICE[keyword]}")


def _files(where: str, value: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(value))
    except ValueError as error:
        raise UsageError(f"{where}: {error}") from None


def _supported() -> str:
    return f"supported: {', '.join(sorted(_VALUED))}, -o with {', '.join(_FOLLOWED)}"
