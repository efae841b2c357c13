"""Filters that encode and digest text."""

from __future__ import annotations

import base64
import hashlib
import uuid
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FILTERS"]

_NAMESPACE = uuid.UUID("361e6d51-faec-444a-9079-341386da8e2e")  # the one Ansible documents


def _b64encode(value: Any, encoding: str = "utf-8") -> str:
    return base64.b64encode(str(value).encode(encoding)).decode("ascii")


def _b64decode(value: Any, encoding: str = "utf-8") -> str:
    return base64.b64decode(str(value)).decode(encoding, "replace")


def _hash(value: Any, hashtype: str = "sha1") -> str:
    return hashlib.new(hashtype, str(value).encode(), usedforsecurity=False).hexdigest()


def _to_uuid(value: Any, namespace: Any = _NAMESPACE) -> str:
    return str(uuid.uuid5(uuid.UUID(str(namespace)), str(value)))


FILTERS: dict[str, Callable[..., Any]] = {
    "b64decode": _b64decode,
    "b64encode": _b64encode,
    "checksum": _hash,
    "hash": _hash,
    "md5": lambda value: _hash(value, "md5"),
    "sha1": _hash,
    "to_uuid": _to_uuid,
}
