"""Looking at the door to a host: how fast it is, and what about the host is odd.

Nothing is left there. A program is made in /tmp, tried and removed, for that alone shows whether
programs may run from there.
"""

from __future__ import annotations

import dataclasses
import statistics
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from raftfleet.errors import TaskError, UnreachableError
from raftfleet.transport.protocol import Command, Exited

if TYPE_CHECKING:
    from collections.abc import Iterator

    from raftfleet.transport.protocol import Outcome, Transport

__all__ = ["Health", "concerns", "probe"]

_TRIES = 5
_TIMEOUT = 20.0
_SECOND_SESSION = 1.5
_SLOW_SHELL = 0.03
_CLOCK_OFF = 0.5
_TICK = 0.01

# The login shell became this very process, so its age is what the login shell took.
_AGE = "read -r up _ </proc/uptime; read -r s </proc/$$/stat; set -- ${s##*) }; echo $up ${20}"

_FACTS = r"""
has() { if command -v "$1" >/dev/null 2>&1; then echo "has $1"; fi; }
echo "user $(id -un)"
echo "shell ${SHELL:-}"
for one in python3 perl openssl setsid flock sudo; do has $one; done
[ -d "${HOME:-}" ] && [ -w "$HOME" ] && echo "home $HOME"
if t=$(mktemp /tmp/raftfleet-ping.XXXXXXXX 2>/dev/null); then
  printf '#!/bin/sh\nexit 0\n' >"$t" && chmod 700 "$t" && "$t" 2>/dev/null && echo "tmp runs"
  rm -f -- "$t"
fi
:
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Health:
    """What was found out about a host; times in seconds.

    ``shell_cost`` is what the login shell takes of each command, known to some milliseconds.
    ``clock`` is how far the host's wall clock is ahead of ours, between these two bounds.
    ``via`` are the machines on the way to it, the nearest to us first.
    ``become`` is the user that was to be become and ``become_fails`` why that is not possible.
    """

    host: str
    connect: float
    command: float
    command_min: float
    user: str = ""
    shell: str = ""
    shell_cost: float = 0.0
    preamble: str = ""
    programs: frozenset[str] = field(default_factory=frozenset)
    home: bool = True
    tmp_runs: bool = True
    one_session: bool = False
    clock: tuple[float, float] | None = None
    become: str | None = None
    become_fails: str = ""
    via: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """Return it as JSON has it."""
        return {**dataclasses.asdict(self), "programs": sorted(self.programs)}


def probe(transport: Transport, *, become: str | None) -> Health:
    """Connect unless that was done, run a few commands, and look around.

    Raises UnreachableError when the host cannot be reached or runs no commands.
    """
    began = time.monotonic()
    transport.connect(timeout=_TIMEOUT)
    connect = time.monotonic() - began
    ages, times, preamble = [], [], b""
    for _ in range(_TRIES):
        outcome = _asked(transport, _AGE)
        preamble = preamble or outcome.preamble
        times.append(outcome.ended - outcome.began)
        ages += list(_age(outcome))
    said = [line.partition(" ") for line in _asked(transport, _FACTS).out.splitlines()]
    facts = {key: value for key, _, value in said}
    return Health(
        host=transport.host,
        connect=connect,
        command=statistics.median(times),
        command_min=min(times),
        user=facts.get("user", ""),
        shell=facts.get("shell", ""),
        shell_cost=statistics.mean(ages) if ages else 0.0,
        preamble=preamble.decode("utf-8", "replace"),
        programs=frozenset(value for key, _, value in said if key == "has"),
        home="home" in facts,
        tmp_runs="tmp" in facts,
        clock=_clock(transport),
        one_session=_one_session(transport),
        become=become,
        become_fails=_become_fails(transport, become) if become else "",
    )


def _asked(transport: Transport, line: str) -> Outcome:
    outcome = transport.run(Command(line), timeout=_TIMEOUT)
    if isinstance(outcome, Exited):
        return outcome
    raise UnreachableError(
        f"{transport.host} lets us in, but runs no command to its end within {_TIMEOUT:g} s",
        hint="log in with ssh and look what its login shell does",
    )


def _age(outcome: Outcome) -> Iterator[float]:
    """Yield how old the process is that the login shell became; its two stamps are cut to 10 ms."""
    words = outcome.out.split()
    if len(words) == 2:
        yield max(0.0, float(words[0]) - int(words[1]) * _TICK)


def _one_session(transport: Transport) -> bool:
    """Whether the host refuses a second command while one runs (MaxSessions 1)."""
    with transport.open(Command("echo; exec sleep 60"), timeout=_TIMEOUT) as stream:
        next(stream.lines(timeout=_TIMEOUT), None)
        try:
            return not transport.run(Command(":"), timeout=_SECOND_SESSION).ok
        except UnreachableError as error:
            return "does not open a session" in error.message


def _clock(transport: Transport) -> tuple[float, float] | None:
    """Return bounds of how far the host's wall clock is ahead: it was read while we waited."""
    sent = time.time()
    outcome = _asked(transport, "date +%s.%N")
    received = time.time()
    try:
        theirs = float(outcome.out)
    except ValueError:  # a date without %N
        return None
    return theirs - received, theirs - sent


def _become_fails(transport: Transport, user: str) -> str:
    try:
        outcome = transport.run(Command("id -un", become=user), timeout=_TIMEOUT)
    except TaskError as error:
        return str(error)
    became = outcome.out.strip()
    return "" if became == user else f"sudo made us {became or 'nobody'} instead"


def concerns(health: Health) -> Iterator[str]:
    """Yield what is odd about a host and what follows from it, one sentence each."""
    cost = health.shell_cost
    if cost > _SLOW_SHELL:
        where = (
            "~/.bashrc runs under sshd" if health.shell.endswith("/bash") else "see what it reads"
        )
        yield f"login shell costs {cost * 1e3:.0f} ms a command: {where}"
    if health.preamble.strip():
        first = health.preamble.strip().splitlines()[0]
        yield f"its login shell prints before every command (it is left out): {first[:100]}"
    if not health.programs & {"python3", "perl"}:
        yield "neither python3 nor perl: the instant of an exit is known to 10 ms only"
    if "setsid" not in health.programs or "flock" not in health.programs:
        yield "no setsid or flock (util-linux): nodes cannot be started here"
    if not health.home:
        yield f"{health.user or 'the user'} has no home directory that can be written to"
    if not health.tmp_runs:
        yield "nothing can be run from /tmp (noexec, or full); raftfleet itself needs not to"
    if health.one_session:
        yield "MaxSessions is 1: commands wait for each other, and none can be ended early"
    if health.clock and (health.clock[0] > _CLOCK_OFF or health.clock[1] < -_CLOCK_OFF):
        ahead = sum(health.clock) / 2
        side = "ahead of" if ahead > 0 else "behind"
        yield f"its wall clock is {abs(ahead):.1f} s {side} ours"
    if health.become_fails:
        yield health.become_fails
