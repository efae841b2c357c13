"""The body of a request, in the formats that `uri` knows."""

from __future__ import annotations

import json
import mimetypes
import urllib.parse
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from raftfleet.errors import TaskError
from raftfleet.modules.on_host import complaint, word

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from raftfleet.modules.on_host import OnHost

__all__ = ["body_of"]

_FORM: Final = "application/x-www-form-urlencoded"  # what urllib calls a body of no known type


def body_of(arguments: Mapping[str, Any], host: OnHost) -> tuple[dict[str, str], bytes | None]:
    """Return the headers that say what the body is, unless the task says so, and the body."""
    if arguments["src"] is not None:
        kind, encoded = _FORM, _file(arguments, host)
        return _typed(kind, arguments), encoded
    body = arguments["body"]
    if body is None and arguments["body_format"] != "form-multipart":
        return {}, None
    kind, encoded = _FORMATS[arguments["body_format"]](body, host.context.find)
    return _typed(kind, arguments), encoded


def _typed(kind: str, arguments: Mapping[str, Any]) -> dict[str, str]:
    own = {str(name).lower() for name in arguments["headers"]}
    return {} if "content-type" in own else {"Content-Type": kind}


def _file(arguments: Mapping[str, Any], host: OnHost) -> bytes:
    if not arguments["remote_src"]:
        source = host.context.find("files", arguments["src"])
        try:
            return source.read_bytes()
        except OSError as error:
            raise TaskError(f"cannot read {source}: {error.strerror}") from error
    path = host.path(arguments["src"])
    outcome = host.run(f"export LC_ALL=C; cat -- {word(path)}")
    if not outcome.ok or outcome.truncated:
        why = "it is too large" if outcome.truncated else complaint(outcome)
        raise TaskError(f"cannot read {path}: {why}")
    return outcome.stdout


def _raw(body: Any, _find: Callable[[str, str], Path]) -> tuple[str, bytes]:
    text = body if isinstance(body, str) else json.dumps(body)
    return _FORM, text.encode()


def _json(body: Any, _find: Callable[[str, str], Path]) -> tuple[str, bytes]:
    """Encode a value; a text is taken for JSON already."""
    text = body if isinstance(body, str) else json.dumps(body)
    return "application/json", text.encode()


def _form(body: Any, _find: Callable[[str, str], Path]) -> tuple[str, bytes]:
    """Encode a mapping, or a list of pairs; a list as value stands for the name several times."""
    kind = _FORM
    if isinstance(body, str):
        return kind, body.encode()
    pairs = list(body.items()) if isinstance(body, dict) else body
    if not isinstance(pairs, list) or not all(
        isinstance(pair, (list, tuple)) and len(pair) == 2 for pair in pairs
    ):
        raise TaskError("body_format: form-urlencoded wants a mapping, or a list of pairs")
    flat: list[tuple[str, str]] = []
    for name, value in pairs:
        values = value if isinstance(value, list) else [value]
        flat += [(str(name), str(one)) for one in values if one is not None]
    return kind, urllib.parse.urlencode(flat).encode()


def _multipart(body: Any, find: Callable[[str, str], Path]) -> tuple[str, bytes]:
    """Encode a mapping: a text, or filename (looked up in `files`), content, mime_type."""
    from urllib3.fields import RequestField  # noqa: PLC0415 - only where it is used
    from urllib3.filepost import encode_multipart_formdata  # noqa: PLC0415

    if not isinstance(body, dict) or not body:
        raise TaskError("body_format: form-multipart wants a mapping")
    fields = []
    for name, value in body.items():
        part = value if isinstance(value, dict) else {"content": value}
        content, filename = part.get("content"), part.get("filename")
        if content is None and filename is None:
            raise TaskError(f"the part {name!r} of the body wants filename or content")
        data = find("files", str(filename)).read_bytes() if content is None else str(content)
        shown = PurePosixPath(str(filename)).name if filename is not None else None
        made = RequestField(name=str(name), data=data, filename=shown)
        guessed = mimetypes.guess_type(shown)[0] if shown else "text/plain"
        made.make_multipart(
            content_type=part.get("mime_type") or guessed or "application/octet-stream"
        )
        fields.append(made)
    encoded, kind = encode_multipart_formdata(fields)
    return kind, encoded


_FORMATS = {
    "raw": _raw,
    "json": _json,
    "form-urlencoded": _form,
    "form-multipart": _multipart,
}
