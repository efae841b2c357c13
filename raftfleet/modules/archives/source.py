"""Where `unarchive` has its archive from, and which of tar's options it heeds."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from raftfleet.errors import TaskError
from raftfleet.modules.files.contents import refuse_encrypted
from raftfleet.modules.http.exchange import NoAnswerError, bare_url
from raftfleet.modules.http.web import Web

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.modules.on_host import OnHost


__all__ = ["STRIP", "archive_here", "stripped_folders"]

STRIP: Final = "--strip-components="
_STRIP_WORDS: Final = ("--strip-components", "--strip")
_DONE_ANYWAY: Final = ("--no-same-owner", "--overwrite", "-v", "--verbose")


def archive_here(host: OnHost, arguments: Mapping[str, Any], folder: Path) -> Path:
    """Return the archive on this machine, brought here if it is not."""
    given = arguments["src"]
    here = folder / "archive"
    if "://" in given:
        web = Web.plain(host, given, validate_certs=arguments["validate_certs"])
        try:
            with web.ask("GET", {}) as answer:
                if answer.status != 200:
                    raise TaskError(f"{bare_url(given)} cannot be had: status {answer.status}")
                with here.open("wb") as file:
                    file.writelines(answer.pieces())
        except NoAnswerError as error:
            raise TaskError(f"{bare_url(given)} cannot be had: {error}") from error
        return here
    if not arguments["remote_src"] and arguments["copy"] is not False:
        found = host.context.find("files", given)
        refuse_encrypted(found, decrypt=arguments["decrypt"])
        return found
    path = PurePosixPath(host.path(given))
    host.transport.get(path, here, timeout=host.left, become=host.context.become)
    return here


def stripped_folders(options: list[str]) -> int:
    """Return how many leading folders to drop; `TaskError` for any other option."""
    count, left = 0, list(options)
    while left:
        option = left.pop(0)
        if option in _DONE_ANYWAY:
            continue
        name, equals, number = option.partition("=")
        if name in _STRIP_WORDS and not equals and left:
            number = left.pop(0)
        if name not in _STRIP_WORDS or not number.isdecimal():
            raise TaskError(f"the option {option!r} is not supported", hint=f"supported: {STRIP}N")
        count = int(number)
    return count
