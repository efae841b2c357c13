"""What `raftfleet ping` does and shows."""

from __future__ import annotations

import json
import queue
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from raftfleet.cli.session import Session
from raftfleet.cluster.naming import user_to_become
from raftfleet.errors import ExitCode, UnreachableError, UsageError, nearest
from raftfleet.report import Terminal
from raftfleet.transport.probe import Health, concerns, probe

if TYPE_CHECKING:
    from raftfleet.cli.asked import Asked
    from raftfleet.inventory import Host

    _Found = Health | UnreachableError

__all__ = ["ping"]


def ping(asked: Asked, pattern: str, *, as_json: bool) -> ExitCode:
    """Probe the hosts of a pattern, as many at once as ``forks``, and show them as they answer."""
    with Session(asked) as session:
        hosts = session.inventory.select(pattern, asked.limit)
        if not hosts:
            raise _nobody(pattern, session)
        terminal = Terminal()
        show = _show_json if as_json else _show
        width = max(len(host.name) for host in hosts)
        found: queue.SimpleQueue[tuple[str, _Found]] = queue.SimpleQueue()
        with ThreadPoolExecutor(min(asked.forks, len(hosts))) as pool:
            futures = [pool.submit(_probed, session, host, found) for host in hosts]
            for _ in hosts:
                show(terminal, *found.get(), width)
        lost = sum(future.result() for future in futures)
        if not as_json:
            terminal.line(f"{len(hosts) - lost} of {len(hosts)} hosts answer")
        return ExitCode.UNREACHABLE if lost else ExitCode.PASSED


def _nobody(pattern: str, session: Session) -> UsageError:
    known = [*session.inventory.groups, *session.inventory.hosts]
    close = nearest(pattern, known)
    return UsageError(
        f"no host matches {pattern!r}"
        + (f" --limit {session.asked.limit}" if session.asked.limit else ""),
        hint=f"did you mean {close}?" if close else f"known: {', '.join(known)}",
    )


def _probed(session: Session, host: Host, found: queue.SimpleQueue[tuple[str, _Found]]) -> bool:
    """Probe one host; return whether it is lost."""
    result: _Found
    try:
        variables = session.fleet.variables(host)
        began = time.monotonic()
        reached = replace(host, variables=variables)
        transport = session.connections.of(reached)
        connect = time.monotonic() - began
        health = probe(transport, become=user_to_become(variables))
        result = replace(health, connect=connect, via=session.connections.way(reached))
    except UnreachableError as error:
        result = error
    except BaseException as error:
        found.put((host.name, UnreachableError(f"{host.name}: {error}")))
        raise
    found.put((host.name, result))
    return isinstance(result, UnreachableError)


def _show_json(_: Terminal, name: str, result: _Found, __: int) -> None:
    if isinstance(result, Health):
        shown = {**result.as_json(), "reachable": True, "concerns": list(concerns(result))}
    else:
        lost = {"reason": result.message, "hint": result.hint}
        shown = {"host": name, "reachable": False, **lost}
    print(json.dumps(shown), flush=True)  # noqa: T201 - JSON is for programs, not for a terminal


def _show(terminal: Terminal, name: str, result: _Found, width: int) -> None:
    if not isinstance(result, Health):
        terminal.line(f"unreachable: {result.message}", "red")
        if result.hint:
            terminal.line(f"  hint: {result.hint}")
        return
    odd = list(concerns(result))
    words = [
        f"connected in {result.connect:.2f} s"
        + (f" via {', '.join(result.via)}" if result.via else ""),
        f"command {result.command * 1e3:.1f} ms (min {result.command_min * 1e3:.1f})",
        f"{result.shell or 'login shell'} {result.shell_cost * 1e3:.0f} ms",
        f"exits {_exactness(result)}",
    ]
    if result.clock:
        low, high = (bound * 1e3 for bound in result.clock)
        words.append(f"clock {(low + high) / 2:+.0f} ± {(high - low) / 2:.0f} ms")
    if result.become:
        words.append(f"become {result.become}: {'NO' if result.become_fails else 'yes'}")
    terminal.line(f"{name.ljust(width)}  {', '.join(words)}", "" if odd else "green")
    for one in odd:
        terminal.line(f"{name}: {one}", "yellow")


def _exactness(health: Health) -> str:
    """Say how exactly the host can stamp the end of a process, and by what."""
    for program in ("python3", "perl"):
        if program in health.programs:
            return f"exact ({program})"
    return "to 10 ms (shell)"
