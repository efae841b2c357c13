"""Getting a connection: ssh_config, keys, throttling, retries, and errors that say what to do next."""

from __future__ import annotations

import contextlib
import random
import socket
import threading
import time
from typing import TYPE_CHECKING

import paramiko

from raftfleet.clock import Deadline, SystemClock
from raftfleet.errors import AuthenticationError, HostKeyError, UnreachableError
from raftfleet.transport.authentication import Keyring
from raftfleet.transport.hostkeys import HostKeyPolicy, KnownHosts, known_as
from raftfleet.transport.link import Link
from raftfleet.transport.route import open_wire
from raftfleet.transport.sshconfig import resolve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from raftfleet.transport.options import SshOptions
    from raftfleet.transport.route import Way

__all__ = ["connect"]

ATTEMPTS = 3
AT_ONCE = 8  # sshd drops some of more than 10 connections that have not logged in (MaxStartups)

_Place = tuple[object, ...]
_gates: dict[_Place, threading.BoundedSemaphore] = {}
_gates_lock = threading.Lock()


def connect(host: str, options: SshOptions, *, timeout: float) -> Link:
    """Open a connection to a host; ``timeout`` (seconds) bounds everything, retries included.

    Raises `AuthenticationError`, `HostKeyError` or `UnreachableError`, and `UsageError` when
    ssh_config cannot be followed. Only trouble on the way is tried again: a refused key will be
    refused again.
    """
    return _connect(host, options, Deadline.after(timeout, SystemClock()), ())


def _connect(host: str, options: SshOptions, deadline: Deadline, way: Way) -> Link:
    seconds = deadline.left
    options = resolve(host, options, deadline)
    seconds = min(seconds, options.connect_timeout)
    deadline = Deadline.after(min(deadline.left, seconds), SystemClock())
    try:
        with Keyring(host, options, deadline) as keyring:
            return _try(host, options, keyring, deadline, seconds, way)
    except UnreachableError as error:
        if options.jump is None or error.message.startswith((f"{host} ", f"{host}:")):
            raise
        raise _on_the_way(host, options.jump.name, error) from error


def _on_the_way(host: str, name: str, error: UnreachableError) -> UnreachableError:
    """Say that it is a machine on the way to a host that failed."""
    way = "" if error.message.startswith(f"{name} via ") else f"{name}: "
    hint = error.hint
    if isinstance(error, AuthenticationError):
        hint = (
            f"{hint}. As with ssh, the key and the user of {host} are not those of the machines on "
            f"the way: they have their own in ssh_config (Host {name}), or user@{name}"
        )
    return type(error)(f"{host} via {way}{error.message}", hint=hint)


def _try(
    host: str,
    options: SshOptions,
    keyring: Keyring,
    deadline: Deadline,
    seconds: float,
    way: Way,
) -> Link:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with _gate(host, options, deadline):
                return _attempt(host, options, keyring, deadline, way)
        except (paramiko.SSHException, OSError, EOFError) as error:
            # With jitter, or all hosts would knock again at the same moment.
            pause = random.uniform(0.1, 0.3) * attempt  # noqa: S311 - not a secret
            if attempt == ATTEMPTS or deadline.left <= pause:
                late = deadline.passed or isinstance(error, TimeoutError)
                reason = f"no answer within {seconds:.3g} s" if late else None
                if late and options.jump is not None and isinstance(error, TimeoutError):
                    reason = f"{reason}: {error}"
                raise _unreachable(host, options, error, reason) from error
            time.sleep(pause)
    raise AssertionError  # pragma: no cover - the last attempt returns or raises


@contextlib.contextmanager
def _gate(host: str, options: SshOptions, deadline: Deadline) -> Iterator[None]:
    """Let only so many connect to one address and port at the same time."""
    # Behind different machines the same address leads to different ones.
    place = (options.address, options.port, options.jump, options.proxy_command)
    with _gates_lock:
        gate = _gates.setdefault(place, threading.BoundedSemaphore(AT_ONCE))
    if not gate.acquire(timeout=deadline.left):
        raise UnreachableError(
            f"{host}: {AT_ONCE} other connections to {options.address}:{options.port} "
            "were still being made"
        )
    try:
        yield
    finally:
        gate.release()


def _attempt(
    host: str, options: SshOptions, keyring: Keyring, deadline: Deadline, way: Way
) -> Link:
    wire = open_wire(host, options, deadline, _connect, way)
    try:
        return Link.open(options, wire, _policy(host, options), keyring, deadline)
    except HostKeyError as error:
        if options.jump is None and options.proxy_command is None:
            raise
        more = "Two networks may use one address: HostKeyAlias in ssh_config tells them apart"
        hint = f"{error.hint}. {more}" if error.hint else more
        raise HostKeyError(error.message, hint=hint) from error
    except (paramiko.SSHException, OSError, EOFError) as error:
        # What carries the connection knows better why it broke.
        if wire.last_words is not None:
            raise paramiko.SSHException(f"ProxyCommand ended: {wire.last_words}") from error
        if wire.reason not in {None, "the connection was closed"}:
            raise paramiko.SSHException(wire.reason) from error
        raise


def _policy(host: str, options: SshOptions) -> HostKeyPolicy:
    alias = options.host_key_alias
    return HostKeyPolicy(
        host,
        alias or known_as(options.address, options.port),
        KnownHosts(options.known_hosts, options.trusted),
        strict=options.strict,
        address=alias or options.address,
    )


def _unreachable(
    host: str, options: SshOptions, error: Exception, reason: str | None
) -> UnreachableError:
    hint = "does the machine run, and sshd on it? ansible_host and ansible_port say where we look"
    if isinstance(error, socket.gaierror):
        reason = f"the name {options.address} is not known"
        hint = f"set ansible_host to its address, or HostName in ssh_config: Host {options.address}"
    elif isinstance(error, OSError) and error.strerror:
        reason = error.strerror.lower()
    if options.proxy_command is not None:
        hint = f"it runs: {options.proxy_command}"
    reason = reason or str(error) or "the connection broke"
    return UnreachableError(f"{host} ({options}) cannot be reached: {reason}", hint=hint)
