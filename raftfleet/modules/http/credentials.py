"""Proving to a web server who asks."""

from __future__ import annotations

import urllib.request
from typing import TYPE_CHECKING

from raftfleet.modules.http.exchange import NoAnswerError

if TYPE_CHECKING:
    from raftfleet.modules.http.exchange import Request


__all__ = ["digest_proof"]


def digest_proof(request: Request, challenge: str, user: tuple[str, str]) -> str:
    """Return the proof that RFC 7616 asks for, made by the standard library."""
    known = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    known.add_password(None, request.url, *user)
    asked = urllib.request.Request(request.url, method=request.method)  # noqa: S310 - never opened
    wanted = urllib.request.parse_keqv_list(urllib.request.parse_http_list(challenge))
    handler = urllib.request.AbstractDigestAuthHandler(known)
    proof = handler.get_authorization(asked, wanted)
    if not proof:
        raise NoAnswerError("the server asks for a kind of login that is not known")
    return f"Digest {proof}"
