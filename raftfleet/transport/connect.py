"""Getting a connection: keys, throttling, retries, and errors that say what to do next."""

from __future__ import annotations

import contextlib
import random
import socket
import threading
import time
from typing import TYPE_CHECKING

import paramiko

from raftfleet.clock import Deadline, SystemClock
from raftfleet.errors import AuthenticationError, RaftfleetError, UnreachableError
from raftfleet.transport.hostkeys import HostKeyPolicy, KnownHosts, known_as
from raftfleet.transport.link import Link
from raftfleet.transport.wire import dial

if TYPE_CHECKING:
    from collections.abc import Iterator

    from raftfleet.transport.options import SshOptions

__all__ = ["connect"]

ATTEMPTS = 3
AT_ONCE = 8  # sshd drops some of more than 10 connections that have not logged in (MaxStartups)

_gates: dict[tuple[str, int], threading.BoundedSemaphore] = {}
_gates_lock = threading.Lock()


def connect(host: str, options: SshOptions, *, timeout: float) -> Link:
    """Open a connection to a host; ``timeout`` (seconds) bounds everything, retries included.

    Raises `AuthenticationError`, `HostKeyError` or `UnreachableError`. Only trouble on the way is
    tried again: a refused key will be refused again.
    """
    deadline = Deadline.after(timeout, SystemClock())
    key = _key(host, options)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with _gate(host, options, deadline):
                return _attempt(host, options, key, deadline)
        except (paramiko.SSHException, OSError, EOFError) as error:
            # With jitter, or all hosts would knock again at the same moment.
            pause = random.uniform(0.1, 0.3) * attempt  # noqa: S311 - not a secret
            if attempt == ATTEMPTS or deadline.left <= pause:
                late = deadline.passed or isinstance(error, TimeoutError)
                reason = f"no answer within {timeout:.3g} s" if late else None
                raise _unreachable(host, options, error, reason) from error
            time.sleep(pause)
    raise AssertionError  # pragma: no cover - the last attempt returns or raises


@contextlib.contextmanager
def _gate(host: str, options: SshOptions, deadline: Deadline) -> Iterator[None]:
    """Let only so many connect to one address and port at the same time."""
    with _gates_lock:
        place = (options.address, options.port)
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


def _attempt(host: str, options: SshOptions, key: paramiko.PKey | None, deadline: Deadline) -> Link:
    name = known_as(options.address, options.port)
    policy = HostKeyPolicy(host, name, KnownHosts(options.known_hosts), strict=options.strict)
    wire = dial(options.address, options.port, deadline)
    try:
        return Link.open(options, wire, policy, key, deadline)
    except paramiko.BadHostKeyException as error:
        raise policy.changed(error.key) from error
    except paramiko.BadAuthenticationType as error:
        raise _refused(host, options, key, f"it allows {', '.join(error.allowed_types)}") from error
    except paramiko.AuthenticationException as error:
        # paramiko uses the same class when the connection broke or stalled while logging in.
        if "timeout" in str(error).lower() or "EOF" in str(error):
            raise paramiko.SSHException(f"while logging in: {wire.reason or error}") from error
        raise _refused(host, options, key, None) from error
    except paramiko.SSHException as error:
        if "No authentication methods available" in str(error):
            raise _refused(host, options, key, "there was no key to try") from error
        raise


def _key(host: str, options: SshOptions) -> paramiko.PKey | None:
    """Load the key file, when one is given; then nothing else is tried."""
    path = options.key_file
    if path is None:
        return None
    try:
        return paramiko.PKey.from_path(path)
    except FileNotFoundError:
        raise AuthenticationError(
            f"{host}: the key file {path} does not exist",
            hint="see ansible_ssh_private_key_file",
        ) from None
    except OSError as error:
        raise AuthenticationError(f"{host}: the key file {path}: {error.strerror}") from error
    except Exception as error:
        if "password" in str(error).lower():
            raise AuthenticationError(
                f"{host}: the key file {path} needs a passphrase",
                hint="ssh-add it to an agent and leave ansible_ssh_private_key_file unset",
            ) from error
        raise AuthenticationError(
            f"{host}: the key file {path} holds no private key that can be read: {error}"
        ) from error


def _refused(
    host: str, options: SshOptions, key: paramiko.PKey | None, why: str | None
) -> RaftfleetError:
    if key is None:
        tried = "the keys of the SSH agent and ~/.ssh/id_*"
    else:
        tried = f"{options.key_file} ({key.get_name()} {key.fingerprint})"
    return AuthenticationError(
        f"{host} ({options}) did not let us in; tried {tried}" + (f"; {why}" if why else ""),
        hint="the public half of the key belongs into ~/.ssh/authorized_keys of that user there",
    )


def _unreachable(
    host: str, options: SshOptions, error: Exception, reason: str | None
) -> UnreachableError:
    hint = "does the machine run, and sshd on it? ansible_host and ansible_port say where we look"
    if isinstance(error, socket.gaierror):
        reason = f"the name {options.address} is not known"
        hint = "set ansible_host to its address; ~/.ssh/config is not read"
    elif isinstance(error, OSError) and error.strerror:
        reason = error.strerror.lower()
    reason = reason or str(error) or "the connection broke"
    return UnreachableError(f"{host} ({options}) cannot be reached: {reason}", hint=hint)
