"""What an answer from the web comes to: its content, and what a task registers of it."""

from __future__ import annotations

import gzip
import urllib.parse
import zlib
from typing import TYPE_CHECKING, Any

from raftfleet.errors import TaskError
from raftfleet.modules.http.exchange import NoAnswerError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.modules.http.exchange import Answer


__all__ = ["content_of", "values_of"]


def content_of(answer: Answer, *, decompress: bool, most: int) -> bytes:
    """Return the whole body; `TaskError` when it is larger than ``most`` bytes."""
    pieces, size = [], 0
    for piece in answer.pieces():
        size += len(piece)
        if size > most:
            raise TaskError(
                f"the answer is larger than {most} bytes", hint="use get_url, or uri with dest"
            )
        pieces.append(piece)
    content = b"".join(pieces)
    if decompress and answer.headers.get("Content-Encoding", "").lower() == "gzip":
        try:
            return gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise NoAnswerError(f"the answer is no gzip: {error}") from error
    return content


def values_of(answer: Answer, cookies: Mapping[str, str]) -> dict[str, Any]:
    """Return what an answer registers: status, url, msg, cookies, and each header by its name."""
    values: dict[str, Any] = {}
    for name in answer.headers:
        values[name.lower().replace("-", "_")] = ", ".join(answer.headers.get_all(name) or [])
    if "location" in values:
        values["location"] = urllib.parse.urljoin(answer.url, values["location"])
    length = values.get("content_length", "unknown")
    good = answer.status < 300
    values |= {
        "status": answer.status,
        "url": answer.url,
        "msg": f"OK ({length} bytes)" if good else f"HTTP Error {answer.status}: {answer.reason}",
        "cookies": dict(cookies),
        "cookies_string": "; ".join(f"{name}={value}" for name, value in cookies.items()),
    }
    return values
