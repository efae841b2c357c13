"""The host keys a project remembers: one file in OpenSSH's format, written by us alone.

An unknown key is accepted once and remembered (OpenSSH's accept-new), `strict` refuses it, a
changed key is always an error. Several threads and several processes may meet the same host for
the first time at once: the first one writes, the others compare.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import paramiko
from paramiko.hostkeys import HostKeyEntry, HostKeys, InvalidHostKey

from raftfleet.errors import HostKeyError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["HostKeyPolicy", "Known", "KnownHosts", "known_as"]

_lock = threading.Lock()


def known_as(address: str, port: int) -> str:
    """Return the name under which OpenSSH files the key of an address and port."""
    return address if port == 22 else f"[{address}]:{port}"


@dataclass(frozen=True, slots=True)
class Known:
    """A remembered key and the line of the file it stands on."""

    line: int
    key: paramiko.PKey


class KnownHosts:
    """A known_hosts file; None for one that remembers nothing."""

    def __init__(self, path: Path | None) -> None:
        self.path = path

    def look_up(self, name: str) -> list[Known]:
        """Return every key remembered for a host; lines that cannot be read are skipped."""
        found = []
        for number, line in enumerate(self._text().splitlines(), start=1):
            names = line.split(maxsplit=1)
            if names and _names(names[0], name) and (key := _key(line, number)):
                found.append(Known(number, key))
        return found

    def remember(self, name: str, key: paramiko.PKey) -> list[Known]:
        """Add a key unless the host has one by now; return what is remembered before that."""
        if self.path is None:
            return []
        try:
            with self._locked():
                known = self.look_up(name)
                if not known:
                    self._append(f"{name} {key.get_name()} {key.get_base64()}\n")
                return known
        except OSError as error:
            raise UsageError(
                f"{self.path}: cannot remember the key of {name}: {error.strerror}"
            ) from error

    def _text(self) -> str:
        if self.path is None:
            return ""
        try:
            return self.path.read_text("utf-8", "replace")
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise UsageError(f"{self.path}: cannot read it: {error.strerror}") from error

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


def _names(patterns: str, name: str) -> bool:
    """Whether the first field of a line names the host, in clear or hashed."""
    for pattern in patterns.split(","):
        if pattern == name:
            return True
        if pattern.startswith("|1|"):
            with contextlib.suppress(Exception):
                if HostKeys.hash_host(name, pattern) == pattern:
                    return True
    return False


def _key(line: str, number: int) -> paramiko.PKey | None:
    with contextlib.suppress(InvalidHostKey, paramiko.SSHException, ValueError):
        entry = HostKeyEntry.from_line(line, number)
        return entry.key if entry else None
    return None


class HostKeyPolicy(paramiko.MissingHostKeyPolicy):
    """Decides about the key of one host, for paramiko's client."""

    def __init__(self, host: str, name: str, known_hosts: KnownHosts, *, strict: bool) -> None:
        self._host = host
        self._name = name
        self._known_hosts = known_hosts
        self._strict = strict

    def expect(self, client: paramiko.SSHClient) -> None:
        """Tell the client what is remembered, so that it asks for a key of that type first."""
        for known in self._known_hosts.look_up(self._name):
            client.get_host_keys().add(self._name, known.key.get_name(), known.key)

    def missing_host_key(self, client: Any, hostname: str, key: paramiko.PKey) -> None:  # noqa: ARG002
        """Accept a key nobody knows and remember it, or refuse it."""
        if self._strict:
            raise HostKeyError(
                f"{self._host} shows a host key that is not in {self._known_hosts.path}: "
                f"{hostname} {key.get_name()} {key.fingerprint}",
                hint="compare the fingerprint on the host (ssh-keygen -lf /etc/ssh/ssh_host_*.pub), "
                "then connect once with StrictHostKeyChecking=accept-new",
            )
        known = self._known_hosts.remember(hostname, key)
        if known and all(one.key != key for one in known):
            raise self.changed(key)

    def changed(self, key: paramiko.PKey) -> HostKeyError:
        """Return the error for a key that is not the one remembered."""
        path = self._known_hosts.path
        known = self._known_hosts.look_up(self._name)
        lines = ", ".join(str(one.line) for one in known)
        return HostKeyError(
            f"{self._host} shows another host key than the one remembered in {path}, line {lines}: "
            f"now {key.get_name()} {key.fingerprint}",
            hint=f"somebody may be in between. If the host was set up anew, forget its old key: "
            f"ssh-keygen -f {path} -R '{self._name}'",
        )
