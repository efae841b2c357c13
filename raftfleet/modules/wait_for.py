"""`wait_for`: until a port answers or is closed, or a path or a text in it is there or gone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from raftfleet.clock import Deadline
from raftfleet.errors import InterruptedRun, TaskError
from raftfleet.modules.base import GenericModule, arguments
from raftfleet.modules.on_host import OnHost
from raftfleet.modules.pause import linger
from raftfleet.modules.watching.connections import ACTIVE, watch_connections
from raftfleet.modules.watching.on_host import watch_path, watch_port
from raftfleet.modules.watching.text import Reader, Sight, heard, wanted_text
from raftfleet.playbook.module import Argument, Result, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from raftfleet.playbook.module import ModuleContext

__all__ = ["WaitFor"]

_GONE: Final = ("absent", "stopped")
_THERE: Final = ("started", "present")
_SLICE: Final = 2.0


class WaitFor(GenericModule):
    """Wait until something holds on the host; the host looks, with short pauses in between.

    Arguments: ``port`` (int, with ``host``, "127.0.0.1", as the host reaches it) or ``path``;
    without both, ``timeout`` just passes. ``search_regex`` (Python's: the text must be in the
    file; with ``port``: what the port says first), ``state`` (started or present;
    stopped or absent; drained: no connections to the port are left; started), ``exclude_hosts``
    (list of addresses) and ``active_connection_states`` (list), for drained: connections that do
    not count, and those that do; ``timeout`` (seconds, 300), ``delay`` (seconds before the first
    look, 0), ``sleep`` (the longest pause between looks, 1), ``connect_timeout`` (seconds, 5),
    ``msg`` (text for a failure).
    Returns: elapsed (seconds), state, host, port, path, search_regex, match_groups,
    match_groupdict. A failure says what was last seen.
    Never counts as a change. Check mode: skipped. Diff: none. Idempotence: full. A port is tried
    with bash; a host without bash can only tell whether something listens on its own ports.
    """

    name = "wait_for"
    arguments = arguments(
        host=Argument(default="127.0.0.1"),
        port=Argument("int"),
        path=Argument("path"),
        search_regex=Argument(),
        state=Argument(
            choices=("started", "present", "stopped", "absent", "drained"), default="started"
        ),
        exclude_hosts=Argument("list", default=()),
        active_connection_states=Argument("list", default=ACTIVE),
        timeout=Argument("float", default=300),
        delay=Argument("float", default=0),
        sleep=Argument("float", default=1),
        connect_timeout=Argument("float", default=5),
        msg=Argument(),
    )
    exclusive = (("port", "path"),)

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        """Wait for it; a failure when the time is up."""
        _check(arguments)
        if context.check_mode:
            return Result(Status.SKIPPED, "nothing is waited for in check mode")
        began = context.clock.monotonic()
        host = OnHost(context)
        if arguments["delay"] > 0:
            linger(context, arguments["delay"])
        if arguments["port"] is None and arguments["path"] is None:
            linger(context, arguments["timeout"])
            seen = Sight(holds=True, words="the time has passed")
        else:
            seen = _wait(host, _looking(host, arguments), arguments["timeout"])
        values = {
            "elapsed": round(context.clock.monotonic() - began),
            "state": arguments["state"],
            "host": arguments["host"],
            "port": arguments["port"],
            "path": arguments["path"],
            "search_regex": arguments["search_regex"],
            "match_groups": list(seen.found.groups()) if seen.found else [],
            "match_groupdict": seen.found.groupdict() if seen.found else {},
        }
        if seen.holds:
            return Result(values=values)
        late = arguments["msg"] or f"Timeout when waiting for {_awaited(arguments, seen)}"
        return Result(Status.FAILED, late, values | {"last_seen": seen.words})


def _awaited(arguments: Mapping[str, Any], seen: Sight) -> str:
    """Name what did not come in the words that Ansible's users look for."""
    port, path, state = arguments["port"], arguments["path"], arguments["state"]
    where = path if port is None else f"{arguments['host']}:{port}"
    if state == "drained":
        return f"{where} to drain"
    if state in _GONE:
        return f"{where} to be absent." if port is None else f"{where} to stop."
    if arguments["search_regex"] is not None:
        return f"search string {arguments['search_regex']} in {where}; last seen: {seen.words}"
    return f"file {where}" if port is None else where


def _check(arguments: Mapping[str, Any]) -> None:
    port, path, state = arguments["port"], arguments["path"], arguments["state"]
    if port is not None and path is not None:
        raise TaskError("port and path exclude each other")
    if path is not None and state == "stopped":
        raise TaskError("state: stopped wants port", hint="of a path: state: absent")
    if state == "drained" and port is None:
        raise TaskError("state: drained wants port")
    if port is not None and arguments["search_regex"] is not None and state not in _THERE:
        raise TaskError("search_regex of a port wants state: started")
    if port is not None and not 0 < port < 65536:
        raise TaskError(f"{port} is not a port")


def _wait(host: OnHost, look: Callable[[float], Sight], timeout: float) -> Sight:
    """Let the host look in slices, so that an interruption is noticed in between."""
    context = host.context
    end = Deadline.after(min(timeout, host.left), context.clock)
    while True:
        seen = look(min(_SLICE, end.left))
        if seen.holds or end.passed:
            return seen
        if context.stopping():
            raise InterruptedRun(f"interrupted while waiting; last seen: {seen.words}")
        context.progress(f"waiting, {end.left:.0f} s left: {seen.words}")


def _looking(host: OnHost, arguments: Mapping[str, Any]) -> Callable[[float], Sight]:
    """Return what looks for some seconds and says what it saw."""
    gone = arguments["state"] in _GONE
    longest = arguments["sleep"]
    if arguments["port"] is not None:
        where = f"{arguments['host']}:{arguments['port']}"
        if arguments["state"] == "drained":
            watch = watch_connections(arguments, longest=longest)
            words = f"{where} has connections"
            return lambda seconds: Sight(watch.run(host, seconds).ok, words)
        if arguments["search_regex"] is not None:
            wanted = wanted_text(arguments["search_regex"])
            return lambda seconds: heard(host, arguments, wanted, seconds)
        watch = watch_port(
            arguments["host"],
            arguments["port"],
            closed=gone,
            longest=longest,
            connect=arguments["connect_timeout"],
        )
        words = f"{where} accepts connections" if gone else f"{where} accepts no connection"
        return lambda seconds: Sight(watch.run(host, seconds).ok, words)
    path = host.path(arguments["path"])
    if arguments["search_regex"] is not None and not gone:
        return Reader(host, path, wanted_text(arguments["search_regex"]), longest)
    watch = watch_path(path, absent=gone, longest=longest)
    words = f"{path} exists" if gone else f"{path} does not exist"
    return lambda seconds: Sight(watch.run(host, seconds).ok, words)
