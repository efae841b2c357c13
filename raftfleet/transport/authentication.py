"""Logging in: which keys are tried, in which order, and what is said when none is taken.

The keys that were asked for come first, each as a certificate before it is tried bare; then, unless
only those were asked for, the other keys of the SSH agent. So a long list in the agent does not use
up the attempts that a server allows (MaxAuthTries).
"""

from __future__ import annotations

import contextlib
import getpass
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import paramiko
from paramiko.agent import AgentKey, AgentSSH
from paramiko.pkey import PublicBlob

from raftfleet.errors import AuthenticationError
from raftfleet.transport.keyfiles import KeyFile, bare_key, certificates_beside, public_half

if TYPE_CHECKING:
    from collections.abc import Iterator

    from raftfleet.clock import Deadline
    from raftfleet.transport.cures import CuredTransport
    from raftfleet.transport.options import SshOptions

__all__ = ["Keyring"]

_SHOWN = 6  # keys named in an error


@dataclass(frozen=True, slots=True)
class _Candidate:
    label: str
    key: paramiko.PKey


class _Agent(AgentSSH):
    """The agent at a socket; the one at $SSH_AUTH_SOCK is found by paramiko alone."""

    def __init__(self, path: str, seconds: float) -> None:
        super().__init__()
        conn = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            conn.settimeout(max(seconds, 0.001))
            conn.connect(path)
            self._connect(conn)  # type: ignore[attr-defined]
        except BaseException:
            conn.close()
            raise

    def close(self) -> None:
        self._close()  # type: ignore[attr-defined]


class _AgentCertificate(AgentKey):
    """A certificate that an agent holds: shown whole, and signed for under its own name."""

    def __init__(self, agent: _Agent, key: AgentKey) -> None:
        super().__init__(agent, key.blob, key.comment)
        self.public_blob = PublicBlob(key.get_name(), key.blob)  # type: ignore[assignment]

    def asbytes(self) -> bytes:
        return self.blob


class Keyring:
    """The keys for one host, in the order in which they are tried. A context manager.

    Raises AuthenticationError when a key that must be there is not, or needs a passphrase.
    """

    def __init__(self, host: str, options: SshOptions, deadline: Deadline) -> None:
        self._host = host
        self._options = options
        self._notes: list[str] = []
        self._agent = self._open_agent(deadline)
        try:
            self._candidates = list(self._candidates_in_order())
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the agent."""
        if self._agent is not None:
            self._agent.close()

    def _open_agent(self, deadline: Deadline) -> _Agent | None:
        named = self._options.agent
        path = os.environ.get("SSH_AUTH_SOCK") if named is None else named
        if not path or path == "none":
            return None
        try:
            return _Agent(path, deadline.left)
        except (OSError, paramiko.SSHException) as error:
            reason = getattr(error, "strerror", None) or str(error)
            self._notes.append(f"the SSH agent at {path} was not asked: {reason}")
            return None

    def _agent_keys(self) -> list[AgentKey]:
        return list(self._agent.get_keys()) if self._agent else []

    def _candidates_in_order(self) -> Iterator[_Candidate]:
        options = self._options
        files = [KeyFile(options.key_file, required=True)] if options.key_file else []
        files += [KeyFile(one) for one in options.identities if one != options.key_file]
        seen: set[bytes] = set()
        only = options.identities_only or options.key_file is not None
        if files:
            yield from self._of_files(files, seen)
        if not only:
            yield from self._of_agent(seen)
        if not files:
            home = Path.home() / ".ssh"
            usual = [KeyFile(home / f"id_{kind}") for kind in ("ed25519", "ecdsa", "rsa")]
            yield from self._of_files(usual, seen)

    def _of_files(self, files: list[KeyFile], seen: set[bytes]) -> Iterator[_Candidate]:
        held = {bytes(key.blob): key for key in self._agent_keys()}
        for file in files:
            blob = public_half(file.path)
            if blob in seen:
                continue
            if blob is not None and blob in held:
                key: paramiko.PKey = held[blob]
                yield from self._with_certificates(f"{file.path} from the agent", key, file.path)
            elif loaded := file.load(self._host, self._notes, agent=self._agent is not None):
                blob = loaded.asbytes()
                yield from self._with_certificates(str(file.path), loaded, file.path)
            if blob is not None:
                seen.add(blob)

    def _of_agent(self, seen: set[bytes]) -> Iterator[_Candidate]:
        for key in self._agent_keys():
            if "-cert-" in key.get_name() or key.blob in seen:
                continue
            seen.add(bytes(key.blob))
            yield from self._with_certificates(f"{key.comment or 'a key'} of the agent", key, None)
        if self._agent is not None:
            for one in self._agent_keys():
                # A certificate may be all that an agent has of a key.
                if "-cert-" in one.get_name() and bare_key(one.blob) not in seen:
                    yield self._labelled(f"{one.comment} of the agent", self._certificate(one))

    def _with_certificates(
        self, label: str, key: paramiko.PKey, path: Path | None
    ) -> Iterator[_Candidate]:
        """Yield a key with each certificate for it, and then the bare key."""
        for file, blob in certificates_beside(path, self._options.certificates, key.asbytes()):
            certified = _copy(key, self._agent)
            certified.public_blob = blob
            yield self._labelled(f"{label} with {file.name}", certified)
        for one in self._agent_keys():
            if "-cert-" in one.get_name() and bare_key(one.blob) == key.asbytes():
                yield self._labelled(f"{one.comment} of the agent", self._certificate(one))
        yield self._labelled(label, key)

    def _certificate(self, key: AgentKey) -> paramiko.PKey:
        assert self._agent is not None  # noqa: S101 - the key is the agent's
        return _AgentCertificate(self._agent, key)

    @staticmethod
    def _labelled(label: str, key: paramiko.PKey) -> _Candidate:
        kind = key.public_blob.key_type if key.public_blob else key.get_name()
        return _Candidate(f"{label} ({kind} {key.fingerprint})", key)

    def authenticate(self, transport: CuredTransport) -> None:
        """Log in; what paramiko's client calls once it has checked the host key.

        Raises AuthenticationError, and SSHException or OSError for trouble on the way.
        """
        tried: list[str] = []
        for one in self._candidates:
            tried.append(one.label)
            try:
                wanted = transport.auth_publickey(self._user, one.key)
            except paramiko.BadAuthenticationType as error:
                raise self._refused(
                    tried[:-1], f"it allows {', '.join(error.allowed_types)}"
                ) from error
            except (paramiko.SSHException, EOFError) as error:
                self._give_up(transport, tried, error)
                continue
            if not wanted:
                return
            if "publickey" not in wanted:
                raise self._refused(tried, f"after that key it wants {' or '.join(wanted)}")
        raise self._refused(tried, None)

    def _give_up(self, transport: CuredTransport, tried: list[str], error: Exception) -> None:
        """Raise what a failed attempt means, unless it is that the next key may be tried."""
        if "cannot be used for signing" in str(error):
            raise self._refused(tried, "the SSH agent refused to sign with that key") from error
        if farewell := transport.farewell:
            raise self._refused(
                tried, f"it ended the connection: {farewell}", count=len(tried)
            ) from error
        if not transport.is_active() or "timeout" in str(error).lower():
            # paramiko uses the same class when the connection broke or stalled while logging in.
            raise paramiko.SSHException(f"while logging in: {error}") from error

    @property
    def _user(self) -> str:
        return self._options.user or getpass.getuser()

    def _refused(self, tried: list[str], why: str | None, count: int = 0) -> AuthenticationError:
        shown = tried[:_SHOWN] + [f"{len(tried) - _SHOWN} more"] * (len(tried) > _SHOWN)
        said = "; tried " + ", ".join(shown) if shown else "; there was no key to try"
        notes = "".join(f"; {note}" for note in self._notes)
        hint = "the public half of the key belongs into ~/.ssh/authorized_keys of that user there"
        if count > 1:
            hint = (
                f"it allows no more keys than the {count} it was shown (MaxAuthTries): name the "
                "right one with ansible_ssh_private_key_file, or IdentityFile and IdentitiesOnly"
            )
        elif not tried:
            hint = "name one with ansible_ssh_private_key_file, or put one into an agent: ssh-add"
        return AuthenticationError(
            f"{self._host} ({self._options}) did not let us in{said}"
            + (f"; {why}" if why else "")
            + notes,
            hint=hint,
        )


def _copy(key: paramiko.PKey, agent: _Agent | None) -> paramiko.PKey:
    """Return the same key as another object, so that a certificate can be put on it."""
    if isinstance(key, AgentKey):
        return AgentKey(agent, key.blob, key.comment)  # type: ignore[arg-type]
    copied: paramiko.PKey = object.__new__(type(key))
    with contextlib.suppress(AttributeError):
        copied.__dict__.update(key.__dict__)
    return copied
