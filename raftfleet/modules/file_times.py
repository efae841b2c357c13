"""Making a file's times what they should be, for `file: state=touch`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from raftfleet.errors import TaskError
from raftfleet.modules.on_host import word
from raftfleet.modules.remote_file import Remote, look

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.modules.on_host import OnHost

__all__ = ["FORMAT", "touch"]

FORMAT: Final = "%Y%m%d%H%M.%S"
"""The form of a time that touch(1) takes."""

_OPTIONS: Final = {"modification_time": "-m", "access_time": "-a"}


def touch(
    host: OnHost, path: str, now: Remote | None, arguments: Mapping[str, Any]
) -> tuple[bool, Remote | None]:
    """Make the file if it is not there, and its times as wanted; say whether that changed it.

    "preserve" leaves a time as it is, "now" always counts as a change.
    """
    wanted = {name: _wanted(arguments, name) for name in _OPTIONS}
    if now is not None:
        is_now = {"modification_time": now.modified, "access_time": now.accessed}
        for name, stamp in list(wanted.items()):
            if stamp == "preserve" or (stamp != "now" and _epoch(host, stamp) == int(is_now[name])):
                del wanted[name]
        if not wanted:
            return False, now
    if host.context.check_mode:
        return True, now
    lines = [] if now is not None else [f"touch -- {word(path)}"]
    for name, stamp in wanted.items():
        if now is not None or stamp not in {"now", "preserve"}:
            at = "" if stamp == "now" else f"-t {stamp} "
            lines.append(f"touch {_OPTIONS[name]} {at}-- {word(path)}")
    host.ask(" && ".join(lines), f"touch {path}")
    return True, look(host, path)


def _wanted(arguments: Mapping[str, Any], name: str) -> str:
    """Return now, preserve, or a time as touch(1) takes it."""
    given, form = arguments[name], arguments[f"{name}_format"]
    if given in {"now", "preserve"}:
        return str(given)
    try:
        return time.strftime(FORMAT, time.strptime(given, form))
    except ValueError:
        raise TaskError(
            f"{name} {given!r} is neither now nor preserve nor a time like {form}"
        ) from None


def _epoch(host: OnHost, stamp: str) -> int:
    """Return a time of the host's clock in seconds since the epoch."""
    day, seconds = stamp.split(".")
    shown = f"{day[:4]}-{day[4:6]}-{day[6:8]} {day[8:10]}:{day[10:12]}:{seconds}"
    return int(host.ask(f"date -d '{shown}' +%s", "read a time"))
