"""The host keys a project remembers: one file in OpenSSH's format, written by us alone.

An unknown key is accepted once and remembered (OpenSSH's accept-new), `strict` refuses it, a
changed key is always an error. Other files may be looked at as well; they are never written. Several threads and several processes may meet the same host for
the first time at once: the first one writes, the others compare.
"""

from __future__ import annotations

import contextlib
import fcntl
import fnmatch
import os
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import paramiko
from paramiko.hostkeys import HostKeyEntry, HostKeys, InvalidHostKey

from raftfleet.errors import HostKeyError, UsageError
from raftfleet.transport.hostcerts import certificate_problem, is_certificate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from raftfleet.transport.cures import CuredTransport

__all__ = ["HostKeyPolicy", "Known", "KnownHosts", "known_as"]

_lock = threading.Lock()
_ALL_TYPES = (
    "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
    "rsa-sha2-512", "rsa-sha2-256",
)  # fmt: skip


def known_as(address: str, port: int) -> str:
    """Return the name under which OpenSSH files the key of an address and port."""
    return address if port == 22 else f"[{address}]:{port}"


@dataclass(frozen=True, slots=True)
class Known:
    """A remembered key and the line of the file it stands on.

    ``marker`` is ``cert-authority`` for a key that signs certificates of hosts, ``revoked`` for
    one that must never be trusted again.
    """

    file: Path
    line: int
    key: paramiko.PKey
    marker: str = ""


class KnownHosts:
    """A known_hosts file; None for one that remembers nothing. ``also`` are looked at as well."""

    def __init__(self, path: Path | None, also: tuple[Path, ...] = ()) -> None:
        self.path = path
        self._also = also

    @property
    def files(self) -> str:
        """The files in which keys are looked up, for people."""
        return ", ".join(str(one) for one in (self.path, *self._also) if one is not None)

    def look_up(self, name: str) -> list[Known]:
        """Return every key remembered for a host; lines that cannot be read are skipped."""
        files = [one for one in (self.path, *self._also) if one is not None]
        return [known for file in files for known in self._look_into(file, name)]

    @staticmethod
    def _look_into(file: Path, name: str) -> Iterator[Known]:
        for number, line in enumerate(_text(file).splitlines(), start=1):
            marker, rest = "", line
            if line.startswith("@"):
                marker, _, rest = line[1:].partition(" ")
                rest = rest.lstrip()
            names = rest.split(maxsplit=1)
            if names and _names(names[0], name) and (key := _key(rest, number)):
                yield Known(file, number, key, marker)

    def remember(self, name: str, key: paramiko.PKey) -> list[Known]:
        """Add a key unless the host has one by now; return what is remembered before that."""
        if self.path is None:
            return []
        try:
            with self._locked():
                known = [one for one in self.look_up(name) if not one.marker]
                if not known:
                    self._append(f"{name} {key.get_name()} {key.get_base64()}\n")
                return known
        except OSError as error:
            raise UsageError(
                f"{self.path}: cannot remember the key of {name}: {error.strerror}"
            ) from error

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        # A file beside it, for the file itself is replaced by every write.
        path = self._path()
        path.parent.mkdir(parents=True, exist_ok=True)
        with _lock, path.with_name(f"{path.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _append(self, line: str) -> None:
        path = self._path().resolve()
        before = path.read_bytes() if path.exists() else b""
        if before and not before.endswith(b"\n"):
            before += b"\n"
        handle, part = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(before + line.encode())
            Path(part).replace(path)
        except BaseException:
            Path(part).unlink(missing_ok=True)
            raise

    def _path(self) -> Path:
        assert self.path is not None  # noqa: S101 - callers have looked
        return self.path


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise UsageError(f"{path}: cannot read it: {error.strerror}") from error


def _names(patterns: str, name: str) -> bool:
    """Whether the first field of a line names the host: in clear, hashed, or by a pattern."""
    found = False
    for pattern in patterns.split(","):
        if pattern.startswith("|1|"):
            with contextlib.suppress(Exception):
                found = found or HostKeys.hash_host(name, pattern) == pattern
        elif pattern.startswith("!"):
            if _matches(name, pattern[1:]):
                return False
        else:
            found = found or _matches(name, pattern)
    return found


def _matches(name: str, pattern: str) -> bool:
    """Match as OpenSSH does: only ``*`` and ``?`` are special."""
    escaped = pattern.replace("[", "[[]")
    return pattern == name or fnmatch.fnmatchcase(name.lower(), escaped.lower())


def _key(line: str, number: int) -> paramiko.PKey | None:
    with contextlib.suppress(InvalidHostKey, paramiko.SSHException, ValueError):
        entry = HostKeyEntry.from_line(line, number)
        return entry.key if entry else None
    return None


class HostKeyPolicy(paramiko.MissingHostKeyPolicy):
    """Decides about the key of one host, for paramiko's client, which itself knows none.

    ``address`` is the name that a certificate must be for.
    """

    def __init__(
        self,
        host: str,
        name: str,
        known_hosts: KnownHosts,
        *,
        strict: bool,
        address: str | None = None,
    ) -> None:
        self._host = host
        self._name = name
        self._address = address or name
        self._known_hosts = known_hosts
        self._strict = strict

    def prefer(self, make: Callable[..., CuredTransport]) -> Callable[..., CuredTransport]:
        """Return a maker of transports that ask for a key of a type that is remembered first."""
        known = [*self._look_up(), *self._without_port()]
        types = [one.key.get_name() for one in known if not one.marker]
        first: list[str] = []
        if any(one.marker == "cert-authority" for one in known):
            first = [f"{one}-cert-v01@openssh.com" for one in _ALL_TYPES]
        for one in types:
            first += ["rsa-sha2-512", "rsa-sha2-256"] if one == "ssh-rsa" else [one]

        def making(*arguments: Any, **options: Any) -> CuredTransport:
            transport = make(*arguments, **options)
            transport.host_key_types_first = tuple(first)
            return transport

        return making

    def _look_up(self) -> list[Known]:
        """Return what is known of the host."""
        return self._known_hosts.look_up(self._name)

    def _without_port(self) -> list[Known]:
        """Return what is filed without the port: as with ssh, it counts when it is right."""
        if self._address == self._name:
            return []
        return self._known_hosts.look_up(self._address)

    def missing_host_key(self, client: Any, hostname: str, key: paramiko.PKey) -> None:  # noqa: ARG002
        """Accept the key that is remembered, or one nobody knows, or refuse it."""
        known = self._look_up()
        others = self._without_port()
        for one in (*known, *others):
            if one.marker == "revoked" and one.key == key:
                raise HostKeyError(
                    f"{self._host} shows a host key that {one.file}, line {one.line}, revokes: "
                    f"{key.get_name()} {key.fingerprint}"
                )
        problem = self._certificate_problem(key, [*known, *others])
        if problem is None or any(one.key == key for one in (*known, *others) if not one.marker):
            return
        if any(not one.marker for one in known):
            raise self._changed(key, [one for one in known if not one.marker])
        self._meet(key, problem)

    def _certificate_problem(self, key: paramiko.PKey, known: list[Known]) -> str | None:
        """Say why a certificate does not vouch for the host; empty when it showed none."""
        if not is_certificate(key):
            return ""
        # What is revoked must not sign either.
        revoked = {one.key for one in known if one.marker == "revoked"}
        authorities = [one.key for one in known if one.marker == "cert-authority"]
        trusted = [one for one in authorities if one not in revoked]
        return certificate_problem(key, self._address, trusted)

    def _meet(self, key: paramiko.PKey, problem: str | None) -> None:
        """Remember a key nobody knows, unless that is forbidden."""
        shown = f"{self._name} {key.get_name()} {key.fingerprint}"
        certificate = f"; its certificate does not help: {problem}" if problem else ""
        if self._strict:
            raise HostKeyError(
                f"{self._host} shows a host key that is not in {self._known_hosts.files}: "
                f"{shown}{certificate}",
                hint="compare the fingerprint on the host (ssh-keygen -lf /etc/ssh/ssh_host_*.pub), "
                "then connect once with StrictHostKeyChecking=accept-new",
            )
        known = self._known_hosts.remember(self._name, key)
        if known and all(one.key != key for one in known):
            raise self._changed(key, known)

    def _changed(self, key: paramiko.PKey, known: list[Known]) -> HostKeyError:
        """Return the error for a key that is not the one remembered."""
        files = dict.fromkeys(one.file for one in known)
        places = ", ".join(
            f"{file}, line {', '.join(str(one.line) for one in known if one.file == file)}"
            for file in files
        )
        cure = "; ".join(f"ssh-keygen -f {file} -R '{self._name}'" for file in files)
        return HostKeyError(
            f"{self._host} shows another host key than the one remembered in {places}: "
            f"now {key.get_name()} {key.fingerprint}",
            hint=f"somebody may be in between. If the host was set up anew, forget its old key: "
            f"{cure}",
        )
