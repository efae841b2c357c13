"""The admin API's login: HS256 tokens, and the rule that a node's own loopback needs none."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .values import Json

__all__ = ["Tokens", "is_loopback"]


def is_loopback(peer: str) -> bool:
    """Whether a TCP peer is this machine's loopback; its own other addresses are not."""
    return peer.startswith("127.") or peer in ("::1", "0:0:0:0:0:0:0:1")


class Tokens:
    """Makes and checks JSON Web Tokens."""

    def __init__(self, secret: str, hours: float) -> None:
        self._key = secret.encode()
        self.seconds = int(hours * 3600)

    def issue(self, user: str) -> str:
        """Return a token that is valid for the configured hours."""
        now = int(time.time())
        head = _encode({"typ": "JWT", "alg": "HS256"})
        claims = _encode({"sub": user, "exp": now + self.seconds, "iat": now})
        return f"{head}.{claims}.{self._sign(f'{head}.{claims}')}"

    def valid(self, token: str) -> bool:
        """Whether a token is ours and has not expired."""
        signed, _, signature = token.rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._sign(signed).encode()):
            return False
        try:
            claims = json.loads(_decode(signed.partition(".")[2]))
        except (ValueError, binascii.Error):
            return False
        return bool(claims.get("exp", 0) > time.time())

    def _sign(self, text: str) -> str:
        digest = hmac.new(self._key, text.encode(), hashlib.sha256).digest()
        return _base64(digest)


def _encode(value: Json) -> str:
    return _base64(json.dumps(value, separators=(",", ":")).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
