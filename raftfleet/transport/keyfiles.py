"""Key files: the public half without a passphrase, the private one, and certificates."""

from __future__ import annotations

import base64
import binascii
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from paramiko.pkey import PublicBlob

from raftfleet.errors import AuthenticationError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["KeyFile", "bare_key", "certificates_beside", "public_half"]

_BEGIN = "-----BEGIN OPENSSH PRIVATE KEY-----"
_MAGIC = b"openssh-key-v1\0"


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A file that may hold a private key; ``required`` makes it an error when it does not."""

    path: Path
    required: bool = False

    def load(self, host: str, notes: list[str], *, agent: bool) -> paramiko.PKey | None:
        """Return the private key; when it cannot be had, raise if it is required, else note why.

        ``agent`` says whether an agent was asked for it first.
        """
        try:
            return paramiko.PKey.from_path(self.path)
        except FileNotFoundError:
            why, hint = "does not exist", "see ansible_ssh_private_key_file"
        except OSError as error:
            why, hint = f"cannot be read: {error.strerror}", None
        except Exception as error:  # noqa: BLE001 - paramiko raises many kinds
            why, hint = self._why(error, agent=agent)
        if self.required:
            raise AuthenticationError(f"{host}: the key file {self.path} {why}", hint=hint)
        if self.path.exists():
            notes.append(f"{self.path} {why}")
        return None

    def _why(self, error: Exception, *, agent: bool) -> tuple[str, str]:
        if "password" in str(error).lower() or "passphrase" in str(error).lower():
            missing = "and the SSH agent does not hold it" if agent else "and there is no SSH agent"
            return f"needs a passphrase, {missing}", f"ssh-add {self.path}"
        if _public_text(self.path):
            private = self.path.with_suffix("") if self.path.suffix == ".pub" else self.path
            return "holds only the public half, and no SSH agent the other", f"ssh-add {private}"
        return f"holds no private key that can be read: {error}", "see ansible_ssh_private_key_file"


def public_half(path: Path) -> bytes | None:
    """Return the public key that belongs to a file: its own, or the one of FILE.pub beside it.

    A private key in OpenSSH's format carries it in clear, whatever its passphrase
    (PROTOCOL.key of OpenSSH).
    """
    return _public_text(path) or _header(path) or _public_text(path.with_name(f"{path.name}.pub"))


def certificates_beside(
    path: Path | None, named: tuple[Path, ...], blob: bytes
) -> Iterator[tuple[Path, PublicBlob]]:
    """Yield the certificates for a key: of the files that were named, and of FILE-cert.pub."""
    stem = path and (path.with_suffix("") if path.suffix == ".pub" else path)
    beside = (stem.with_name(f"{stem.name}-cert.pub"),) if stem else ()
    for file in dict.fromkeys((*named, *beside)):
        with contextlib.suppress(OSError, ValueError, paramiko.SSHException, binascii.Error):
            found = PublicBlob.from_file(str(file))
            if bare_key(found.key_blob) == blob:
                yield file, found


def bare_key(certificate: bytes) -> bytes | None:
    """Return the public key inside a certificate; None for what is none that can be read."""
    kind = paramiko.Message(certificate).get_text()
    text = f"{kind} ".encode() + base64.b64encode(certificate)
    try:
        shown = serialization.load_ssh_public_identity(text)
    except (ValueError, UnsupportedAlgorithm):
        return None
    if not isinstance(shown, serialization.SSHCertificate):
        return None
    form = serialization.PublicFormat.OpenSSH
    public = shown.public_key().public_bytes(serialization.Encoding.OpenSSH, form)
    return base64.b64decode(public.split()[1])


def _public_text(path: Path) -> bytes | None:
    with contextlib.suppress(OSError, ValueError, binascii.Error):
        kind, blob, *_ = path.read_text("ascii").split(maxsplit=2)
        data = base64.b64decode(blob, validate=True)
        if data[4 : 4 + len(kind)] == kind.encode():
            return data
    return None


def _header(path: Path) -> bytes | None:
    with contextlib.suppress(OSError, ValueError, binascii.Error):
        text = path.read_text("ascii").strip()
        if text.startswith(_BEGIN):
            data = base64.b64decode("".join(text.splitlines()[1:-1]))
            message = paramiko.Message(data.removeprefix(_MAGIC))
            for _ in ("cipher", "key derivation", "its options"):
                message.get_binary()
            message.get_int()
            return message.get_binary() or None
    return None
