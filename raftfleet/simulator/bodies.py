"""Request bodies: JSON objects, and the words in which the broker refuses anything else."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .values import Json
    from .web import Request

__all__ = ["BodyError", "read_body"]

LAST_KEY = re.compile(r'"([^"\\]+)"\s*:\s*$')


class BodyError(Exception):
    """The body is not what the endpoint takes."""


def read_body(request: Request, *required: str, **kinds: type) -> Json:
    """Return the body's object; raises `BodyError`.

    ``required`` fields must be there; those with a kind must be of it, or null where they may lack.
    """
    content_type = request.headers.get("content-type", "").partition(";")[0].strip()
    if content_type != "application/json":
        raise BodyError("Expected request with `Content-Type: application/json`")
    text = request.body.decode("utf-8", "replace")
    try:
        body = json.loads(text)
    except json.JSONDecodeError as error:
        raise BodyError(
            f"Failed to parse the request body as JSON: {_complaint(text, error)}"
        ) from error
    if not isinstance(body, dict):
        raise _unfit("invalid type: expected struct", text)
    for name in required:
        if name not in body:
            raise _unfit(f"missing field `{name}`", text)
    for name, kind in kinds.items():
        value = body.get(name)
        if not isinstance(value, kind) and (name in required or value is not None):
            raise _unfit(f"invalid type for field `{name}`", text)
    return body


def _unfit(reason: str, text: str) -> BodyError:
    lines = text.rstrip("\n").split("\n")
    place = f"line {len(lines)} column {len(lines[-1])}"
    return BodyError(
        f"Failed to deserialize the JSON body into the target type: {reason} at {place}"
    )


def _complaint(text: str, error: json.JSONDecodeError) -> str:
    """Word a syntax error as serde_json does: the key it stands under, what, and where."""
    if error.pos < len(text.rstrip()):
        return f"expected value at line {error.lineno} column {error.colno}"
    key = LAST_KEY.search(text)
    path = f"{key[1]}: " if key else ""
    what = "EOF while parsing a value" if key or not text.strip() else "EOF while parsing an object"
    return f"{path}{what} at line {error.lineno} column {error.colno - 1}"
