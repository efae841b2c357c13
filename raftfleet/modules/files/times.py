"""Making a file's times what they should be, for `file`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from raftfleet.errors import TaskError
from raftfleet.modules.files.remote_file import Remote, look
from raftfleet.modules.on_host import word

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.modules.on_host import OnHost

__all__ = ["FORMAT", "set_times", "touch"]

FORMAT: Final = "%Y%m%d%H%M.%S"
"""The form of a time that touch(1) takes."""

_OPTIONS: Final = {"modification_time": "-m", "access_time": "-a"}


def touch(
    host: OnHost, path: str, now: Remote | None, arguments: Mapping[str, Any]
) -> tuple[bool, Remote | None]:
    """Make the file if it is not there, and its times as wanted; say whether that changed it."""
    if now is not None:
        changed = set_times(host, now, arguments, otherwise="now")
        return changed, look(host, path) if changed and not host.context.check_mode else now
    for name in _OPTIONS:
        _wanted(arguments, name, "now")
    if host.context.check_mode:
        return True, None
    host.ask(f"touch -- {word(path)}", f"touch {path}")
    made = look(host, path)
    if made is not None and set_times(host, made, arguments, otherwise="preserve"):
        made = look(host, path)
    return True, made


def set_times(host: OnHost, now: Remote, arguments: Mapping[str, Any], *, otherwise: str) -> bool:
    """Set the times of something that is there; return whether they were others.

    "preserve" leaves a time as it is, "now" always counts as a change; ``otherwise`` is what a
    time that nothing is said about means. Those of a link are those of what it leads to.
    """
    wanted = {name: _wanted(arguments, name, otherwise) for name in _OPTIONS}
    if set(wanted.values()) == {"preserve"}:
        return False
    there = (look(host, now.path, follow=True) if now.is_link else now) or now
    is_now = {"modification_time": there.modified, "access_time": there.accessed}
    lines = []
    for name, stamp in wanted.items():
        if stamp == "preserve" or (stamp != "now" and _epoch(host, stamp) == is_now[name]):
            continue
        at = "" if stamp == "now" else f"-t {stamp} "
        lines.append(f"touch {_OPTIONS[name]} {at}-- {word(now.path)}")
    if list(wanted.values()) == ["now", "now"]:  # the only times that need not be one's own file
        lines = [f"touch -- {word(now.path)}"]
    if lines and not host.context.check_mode:
        host.ask(" && ".join(lines), f"set the times of {now.path}")
    return bool(lines)


def _wanted(arguments: Mapping[str, Any], name: str, otherwise: str) -> str:
    """Return now, preserve, or a time as touch(1) takes it."""
    given, form = arguments[name] or otherwise, arguments[f"{name}_format"]
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
