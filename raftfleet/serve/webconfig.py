"""Who may ask, and under which certificate: the web configuration file that Prometheus's own use.

The format is the one of the Prometheus exporter toolkit (`--web.config.file`): `tls_server_config`
with certificate, key and the CA of clients, and `basic_auth_users` with bcrypt hashes. Keys that
only other servers have are refused by name, for a setting that is not kept would be a hole.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import re
import ssl
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from raftfleet.errors import SourceError, UsageError, nearest
from raftfleet.inventory import load_yaml, mark_of
from raftfleet.inventory.marked import MarkedDict

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from raftfleet.errors import Mark

__all__ = ["Users", "WebConfig", "read_web_config"]

_NOT_OURS = {
    "http_server_config": "this server speaks HTTP/1.1 and sends no other headers: leave it out",
    "rate_limit": "this server has limits of its own: leave it out",
}
_KEYS = ("tls_server_config", "basic_auth_users")
_TLS_KEYS = ("cert_file", "key_file", "client_ca_file", "client_auth_type", "min_version")
_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
_CLIENTS = ("NoClientCert", "RequireAndVerifyClientCert")
_NOBODY = b"$2b$10$L4qDhvfctqpBMqeW1.joUO9wRB033.osdErkg5mu9dM9DTyIl.Yl."
"""A hash to compare with when the user is unknown: the time it takes must not say so."""
_REMEMBERED = 128
_BCRYPT = re.compile(r"\$2[aby]\$(0[4-9]|1\d|2\d|3[01])\$[./A-Za-z0-9]{53}")


class Users:
    """Names and bcrypt hashes. What was decided is remembered: a hash takes a tenth of a second."""

    def __init__(self, hashes: Mapping[str, bytes]) -> None:
        self._hashes = dict(hashes)
        self._salt = os.urandom(16)
        self._lock = threading.Lock()
        self._decided: OrderedDict[bytes, bool] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._hashes)

    def allow(self, header: str) -> bool:
        """Whether an Authorization header names one of them with the right password."""
        kind, _, word = header.strip().partition(" ")
        if kind.lower() != "basic":
            return False
        try:
            name, colon, password = base64.b64decode(word.strip(), validate=True).partition(b":")
        except (binascii.Error, ValueError):
            return False
        if not colon:
            return False
        return self._right(name, password)

    def _right(self, name: bytes, password: bytes) -> bool:
        key = hmac.digest(self._salt, name + b"\0" + password, hashlib.sha256)
        with self._lock:
            if key in self._decided:
                self._decided.move_to_end(key)
                return self._decided[key]
            # One at a time: guessing passwords must not keep more than one core busy.
            right = self._compare(name, password)
            self._decided[key] = right
            while len(self._decided) > _REMEMBERED:
                self._decided.popitem(last=False)
            return right

    def _compare(self, name: bytes, password: bytes) -> bool:
        import bcrypt  # noqa: PLC0415 - only where passwords are asked for

        known = self._hashes.get(name.decode("utf-8", "replace"))
        same = bcrypt.checkpw(password[:72], known or _NOBODY)
        return same and known is not None


@dataclass(frozen=True, slots=True)
class WebConfig:
    """``tls`` is what connections are wrapped in, None for plain HTTP.

    ``certifies``: clients must show a certificate.
    """

    tls: ssl.SSLContext | None = None
    certifies: bool = False
    users: Users = field(default_factory=lambda: Users({}))

    @property
    def is_closed(self) -> bool:
        """Whether nobody gets in without TLS and credentials."""
        return self.tls is not None and (self.certifies or bool(self.users))


def read_web_config(path: Path) -> WebConfig:
    """Read a web configuration file; raise `SourceError` at the word that is wrong.

    Paths in it are relative to its folder.
    """
    loaded = load_yaml(path)
    if loaded is None:
        return WebConfig()
    whole = _checked(loaded, _KEYS, "the web configuration", mark_of(loaded))
    tls, certifies = None, False
    if whole.get("tls_server_config") is not None:
        tls, certifies = _tls(whole, path.parent)
    return WebConfig(tls, certifies, Users(_users(whole)))


def _checked(given: Any, known: Collection[str], what: str, mark: Mark | None) -> MarkedDict:
    if not isinstance(given, MarkedDict):
        raise SourceError(f"{what} wants a mapping", mark, hint=f"its keys: {', '.join(known)}")
    for key in given:
        if key not in known:
            close = nearest(str(key), known)
            hint = f"did you mean {close}?" if close else f"known: {', '.join(known)}"
            raise SourceError(
                f"{key!r} is not a key of {what} that raftfleet keeps",
                given.key_mark(key),
                hint=_NOT_OURS.get(str(key), hint),
            )
    return given


def _tls(whole: MarkedDict, folder: Path) -> tuple[ssl.SSLContext, bool]:
    mark = whole.key_mark("tls_server_config")
    given = _checked(whole["tls_server_config"], _TLS_KEYS, "tls_server_config", mark)
    for key in ("cert_file", "key_file"):
        if not isinstance(given.get(key), str):
            raise SourceError(f"tls_server_config wants {key}", mark, hint=f"{key}: server.pem")
    version = _word(given, "min_version", _VERSIONS, "TLS12")
    clients = _word(given, "client_auth_type", _CLIENTS, "")
    certifies = clients == "RequireAndVerifyClientCert"
    if certifies != bool(given.get("client_ca_file")):
        raise SourceError(
            "client_auth_type: RequireAndVerifyClientCert and client_ca_file belong together",
            given.key_mark("client_ca_file" if "client_ca_file" in given else "client_auth_type"),
        )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[version]
    _load(given, "cert_file", lambda: _chain(context, given, folder))
    if certifies:
        context.verify_mode = ssl.CERT_REQUIRED
        _load(
            given,
            "client_ca_file",
            lambda: context.load_verify_locations(folder / given["client_ca_file"]),
        )
    return context, certifies


def _chain(context: ssl.SSLContext, given: MarkedDict, folder: Path) -> None:
    certificate, key = folder / given["cert_file"], folder / given["key_file"]
    for name, file in (("cert_file", certificate), ("key_file", key)):
        if not os.access(file, os.R_OK):
            why = "cannot be read" if file.exists() else "does not exist"
            raise SourceError(f"{name}: {file} {why}", given.value_mark(name))

    def asked() -> str:
        raise UsageError(f"key_file: {key} is encrypted", hint="a daemon has nobody to ask")

    context.load_cert_chain(certificate, key, password=asked)


def _load(given: MarkedDict, key: str, load: Any) -> None:
    try:
        load()
    except SourceError:
        raise
    except UsageError as error:
        raise SourceError(error.message, given.value_mark("key_file"), hint=error.hint) from None
    except (OSError, ssl.SSLError) as error:
        reason = getattr(error, "reason", None) or error.strerror or str(error)
        raise SourceError(
            f"{key} cannot be used: {reason}",
            given.value_mark(key),
            hint="PEM files: the certificate (with its chain), and the key that belongs to it",
        ) from None


def _word(given: MarkedDict, key: str, known: Collection[str], default: str) -> str:
    word = given.get(key, default)
    if key in given and word not in known:
        close = nearest(str(word), known)
        raise SourceError(
            f"{key}: wants one of {', '.join(known)}, not {word!r}",
            given.value_mark(key),
            hint=f"did you mean {close}?" if close else None,
        )
    return str(word)


def _users(whole: MarkedDict) -> dict[str, bytes]:
    given = whole.get("basic_auth_users")
    if given is None:
        return {}
    if not isinstance(given, MarkedDict):
        raise SourceError(
            "basic_auth_users wants names and bcrypt hashes", whole.value_mark("basic_auth_users")
        )
    hashes = {}
    for name, hashed in given.items():
        # The value may be a password in the clear: nothing of the line is shown.
        mark = given.value_mark(name)
        if not isinstance(hashed, str) or not _BCRYPT.fullmatch(hashed):
            raise SourceError(
                f"the password of {name} is not a bcrypt hash",
                None if mark is None else type(mark)(mark.file, mark.line, mark.column),
                hint="htpasswd -nBC 10 '' makes one (Debian: apache2-utils)",
            )
        hashes[str(name)] = str(hashed).encode()
    return hashes
