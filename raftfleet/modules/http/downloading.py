"""What an answer's file is called, and whether it is newer than the one that is there."""

from __future__ import annotations

import email.message
import email.utils
import posixpath
import urllib.parse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from raftfleet.modules.files.remote_file import Remote
    from raftfleet.modules.http.exchange import Answer

__all__ = ["file_name", "since", "url_file_name"]


def file_name(answer: Answer) -> str:
    """Return the name that an answer gives its file, else the last part of its URL."""
    head = email.message.Message()
    head["Content-Disposition"] = answer.headers.get("Content-Disposition", "")
    given = head.get_param("filename", header="content-disposition")
    name = posixpath.basename(given) if isinstance(given, str) else ""
    return name if name not in {"", ".", ".."} else url_file_name(answer.url)


def url_file_name(url: str) -> str:
    """Return the last part of a URL's path."""
    name = posixpath.basename(urllib.parse.unquote(urllib.parse.urlsplit(url).path))
    return name if name not in {"", ".", ".."} else "index.html"


def since(there: Remote | None) -> dict[str, str]:
    """Return the header that asks only for what is newer than a file."""
    if there is None or not there.is_file:
        return {}
    return {"If-Modified-Since": email.utils.formatdate(there.modified, usegmt=True)}
