"""The checksum that a download must have: given, or in a list on the web."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any, Final

from raftfleet.errors import TaskError
from raftfleet.modules.files.remote_file import SUMS
from raftfleet.modules.http.answers import content_of
from raftfleet.modules.http.downloading import url_file_name
from raftfleet.modules.http.exchange import NoAnswerError, bare_url
from raftfleet.modules.http.web import Web

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


__all__ = ["require_checksum", "wanted_checksum"]

_OK: Final = 200
_LONGEST_LIST: Final = 4 * 1024 * 1024
_BSD: Final = re.compile(r"\w+ ?\((?P<name>.+)\) ?= (?P<sum>\w+)")
_GNU: Final = re.compile(r"(?P<sum>\w+)\s+[*]?(?:\./)?(?P<name>.+)")


def require_checksum(here: Path, algorithm: str, digest: str) -> None:
    """Raise `TaskError` unless a file here has the digest, if one is asked for."""
    if not digest:
        return
    with here.open("rb") as file:
        found = hashlib.file_digest(file, algorithm).hexdigest()
    if found != digest:
        raise TaskError(
            f"The checksum of what came did not match {algorithm}:{digest}; it was {found}",
            hint="nothing on the host was changed",
        )


def wanted_checksum(web: Web, arguments: Mapping[str, Any]) -> tuple[str, str]:
    """Return the algorithm and digest that are asked for, empty for none."""
    given = arguments["checksum"].strip()
    if not given:
        return "", ""
    algorithm, colon, digest = given.partition(":")
    algorithm = algorithm.strip().lower()
    if not colon or algorithm not in SUMS:
        raise TaskError(
            f"checksum wants ALGORITHM:DIGEST, not {given!r}", hint=f"known: {', '.join(SUMS)}"
        )
    if "://" in digest:
        digest = _listed(web, digest.strip(), url_file_name(arguments["url"]))
    digest = re.sub(r"\W+", "", digest).lower()
    if not re.fullmatch(r"[0-9a-f]+", digest):
        raise TaskError(f"{digest!r} is no digest in hexadecimal digits")
    return algorithm, digest


def _listed(web: Web, url: str, name: str) -> str:
    """Return the digest that a list on the web gives for a file."""
    asking = Web(web.host, {**web.arguments, "url": url})
    try:
        with asking.ask("GET", {}) as answer:
            if answer.status != _OK:
                raise TaskError(f"{bare_url(url)} cannot be had: status {answer.status}")
            text = content_of(answer, decompress=True, most=_LONGEST_LIST).decode(
                "utf-8", "replace"
            )
    except NoAnswerError as error:
        raise TaskError(f"{bare_url(url)} cannot be had: {error}") from error
    lines = text.splitlines()
    if len(lines) == 1 and len(lines[0].split()) == 1:
        return lines[0]
    for line in lines:
        found = _BSD.fullmatch(line) or _GNU.fullmatch(line)
        if found and found["name"].rpartition("/")[2] == name:
            return found["sum"]
    raise TaskError(f"{bare_url(url)} has no digest of {name!r}")
