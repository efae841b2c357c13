"""Certificates of hosts, as an @cert-authority of known_hosts signs them.

Source: PROTOCOL.certkeys of OpenSSH, and sshd(8), SSH_KNOWN_HOSTS FILE FORMAT.
"""

from __future__ import annotations

import base64
import fnmatch
import time
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization as ssh

if TYPE_CHECKING:
    from collections.abc import Iterable

    import paramiko

__all__ = ["certificate_problem", "is_certificate"]


def is_certificate(key: paramiko.PKey) -> bool:
    """Whether a host showed a certificate and not just a key."""
    return key.public_blob is not None and "-cert-" in key.public_blob.key_type


def certificate_problem(
    key: paramiko.PKey, name: str, authorities: Iterable[paramiko.PKey]
) -> str | None:
    """Say why a host's certificate proves nothing; None when an authority vouches for the name."""
    blob = key.public_blob
    assert blob is not None  # noqa: S101 - callers have looked
    text = f"{blob.key_type} ".encode() + base64.b64encode(blob.key_blob)
    try:
        shown = ssh.load_ssh_public_identity(text)
    except Exception as error:  # noqa: BLE001 - whatever a host sends that cannot be read
        return f"it cannot be read: {error}"
    if not isinstance(shown, ssh.SSHCertificate):
        return "it is none"
    openssh = (ssh.Encoding.OpenSSH, ssh.PublicFormat.OpenSSH)
    signer = shown.signature_key().public_bytes(*openssh).split()[1]
    if signer.decode() not in {one.get_base64() for one in authorities}:
        return "no authority we know has signed it"
    try:
        shown.verify_cert_signature()
    except InvalidSignature:
        return "its signature is wrong"
    if shown.type is not ssh.SSHCertificateType.HOST:
        return "it is a user's"
    if shown.critical_options:
        return f"it has options we do not know: {', '.join(map(repr, shown.critical_options))}"
    if not shown.valid_after <= time.time() < shown.valid_before:
        return "it is not valid now"
    principals = [one.decode("utf-8", "replace") for one in shown.valid_principals]
    if principals and not any(fnmatch.fnmatchcase(name, one) for one in principals):
        return f"it is for {', '.join(principals)} and not for {name}"
    return None
