"""Commands that a broken connection does not lose: their host keeps a record of each for a while.

A command is run in the foreground as always, but into a record: a directory named by a token of
ours, which only the user who runs it may enter. Making that directory is the one gate: whoever
asks again with the same token finds it and waits for the command's end instead of running it.
So after a broken connection the same thing is simply asked again, with nothing done twice.

A record goes with the next recorded command, or else after ten minutes. It costs the host about
four more processes a command, which is why not every command has one.
"""

from __future__ import annotations

import dataclasses
import secrets
import time
from shlex import quote
from typing import TYPE_CHECKING

from raftfleet.clock import Deadline, SystemClock
from raftfleet.errors import AuthenticationError, HostKeyError, UnreachableError
from raftfleet.transport.again import attempts, interrupted
from raftfleet.transport.protocol import Command, Exited, Lost, Outcome, TimedOut

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Records"]

_CLOCK = SystemClock()
_KEPT = 600  # seconds; much longer than anybody asks again
_AGE = 1  # seconds that a host must at least have run longer than we have asked

# In: $1, the command's own line. The names are such that no command's environment has them.
_SCRIPT = r"""
if [ -w /run ]; then rf_root=/run/raftfleet
elif [ -w /var/lib ]; then rf_root=/var/lib/raftfleet
elif [ -w "${HOME:-/}" ]; then rf_root=$HOME/.raftfleet
else rf_root=/var/tmp/raftfleet-$(id -u)
fi
rf_root=$rf_root/commands rf_mine=$rf_root/$rf_token
[ -d "$rf_root" ] || (umask 077; mkdir -p -- "$rf_root") || exit 125
[ -O "$rf_root" ] || { echo "$rf_root belongs to somebody else" >&2; exit 125; }

rf_now() { read -r rf_up _ </proc/uptime; rf_up=${rf_up%.*}; }
rf_stat() { { read -r rf_line <"/proc/$1/stat"; } 2>/dev/null || return 1; set -- ${rf_line##*) }; rf_group=$3 rf_start=${20}; }
rf_say() { echo "rf-$rf_token $*" >&2; exit 125; }
rf_ended() { { read -r rf_status _ rf_dot <"$rf_mine/status"; } 2>/dev/null && [ "$rf_dot" = . ]; }
rf_now

if [ "$rf_since" -gt 0 ] && [ ! -d "$rf_mine" ]; then
  # The record may have gone with a restart: the first process is as old as what it serves.
  rf_stat 1 || rf_start=0
  [ $((rf_up - rf_start / 100)) -gt "$rf_since" ] || rf_say restarted
fi
rf_in=/dev/null
if [ "$rf_size" -gt 0 ] && [ ! -d "$rf_mine" ]; then
  rf_in=$rf_root/$rf_token.$$
  cat >"$rf_in" && [ "$(stat -c %s -- "$rf_in")" = "$rf_size" ] || { rm -f -- "$rf_in"; rf_say cut; }
fi

if mkdir -m 700 -- "$rf_mine" 2>/dev/null; then
  rf_stat $$
  echo "$$ $rf_start $rf_group" >"$rf_mine/who" || exit 125
  exec 3<"$rf_in"
  [ "$rf_in" = /dev/null ] || rm -f -- "$rf_in"
  if [ -n "$rf_forget" ]; then rm -rf -- "$rf_root/$rf_forget" </dev/null >/dev/null 2>&1 & fi
  for rf_old in "$rf_root"/*/status; do
    { read -r _ rf_then _ <"$rf_old"; } 2>/dev/null || continue
    if [ $((rf_up - rf_then)) -gt "$rf_kept" ] || [ "$rf_up" -lt "$rf_then" ]; then rm -rf -- "${rf_old%/*}"; fi
  done
  /bin/sh -c "$1" <&3 3<&- >"$rf_mine/out" 2>"$rf_mine/err"
  rf_status=$?
  rf_now
  echo "$rf_status $rf_up ." >"$rf_mine/status"
else
  [ "$rf_in" = /dev/null ] || rm -f -- "$rf_in"
  [ -d "$rf_mine" ] || mkdir -m 700 -- "$rf_mine" || exit 125
  rf_turns=0 rf_pid=
  # Whoever ends us means the command.
  trap 'kill -s TERM -- "-$rf_whose"; sleep 0.2; kill -s KILL -- "-$rf_whose"; exit 143' TERM
  until rf_ended; do
    { read -r rf_pid rf_began rf_whose <"$rf_mine/who"; } 2>/dev/null
    if [ -n "$rf_whose" ] && rf_stat "$rf_pid" && [ "$rf_start" = "$rf_began" ]; then rf_turns=0
    else
      rf_turns=$((rf_turns + 1))
      [ "$rf_turns" -lt 20 ] || rf_say ended
    fi
    sleep 0.05
  done
fi
[ ! -s "$rf_mine/out" ] || cat -- "$rf_mine/out"
[ ! -s "$rf_mine/err" ] || cat -- "$rf_mine/err" >&2
exit "$rf_status"
"""

_REASONS = {
    "restarted": "the host was restarted meanwhile",
    "ended": "it was ended together with its connection, and nobody kept how",
}


class Records:
    """Runs commands of one host into records; threads may share it."""

    def __init__(self, run: Callable[[Command, float, bytes], Outcome]) -> None:
        self._run = run
        self._delivered = ""

    def run(self, command: Command, *, timeout: float, stdin: bytes = b"") -> Outcome:
        """Run a command once, however often the connection breaks, and return what came of it.

        `Lost` if that cannot be known; raises UnreachableError if no connection was had at all.
        """
        token = secrets.token_hex(8)
        began = time.monotonic()
        deadline = Deadline.after(timeout, _CLOCK)
        lost: Lost | None = None
        for attempt in attempts(deadline):
            since = time.monotonic() - began if lost else 0.0
            asked = _recorded(command, token, len(stdin), since, self._delivered)
            try:
                outcome = _told(self._run(asked, deadline.left, stdin), token)
            except (HostKeyError, AuthenticationError):
                raise
            except UnreachableError as error:
                if lost is None:
                    raise
                lost = dataclasses.replace(lost, reason=f"{lost.reason}; then {error.message}")
                continue
            if not (isinstance(outcome, Lost) and interrupted(outcome)) or _is_final(outcome):
                # What was asked for twice may still be about to begin, and must find its record.
                self._delivered = token if attempt == 1 else ""
                return _timed(outcome, began, timeout)
            lost = lost or outcome
        assert lost is not None  # noqa: S101 - every other way out has been taken
        return dataclasses.replace(lost, began=began, ended=time.monotonic())


def _is_final(outcome: Lost) -> bool:
    """Whether the host itself says that nobody knows."""
    return outcome.reason in _REASONS.values()


def _recorded(command: Command, token: str, size: int, since: float, forget: str) -> Command:
    """Return the command that runs another one into its record, or waits for its end."""
    given = {
        "token": token,
        "size": size,
        "since": int(since) + _AGE if since else 0,
        "forget": forget,
        "kept": _KEPT,
    }
    head = " ".join(f"rf_{name}={value}" for name, value in given.items())
    line = f"{head}\nset -- {quote(command.line)}{_SCRIPT}"
    return dataclasses.replace(command, line=line, resumable=False)


def _timed(outcome: Outcome, began: float, timeout: float) -> Outcome:
    """Return an outcome that counts from the first attempt."""
    if isinstance(outcome, TimedOut):
        return dataclasses.replace(outcome, began=began, after=timeout)
    return dataclasses.replace(outcome, began=began)


def _told(outcome: Outcome, token: str) -> Outcome:
    """Read what a record's keeper says in place of the command."""
    if isinstance(outcome, Exited) and outcome.status == 125:
        word, _, reason = outcome.err.strip().rpartition(" ")
        if word == f"rf-{token}":
            why = _REASONS.get(reason, "the connection broke")
            return Lost(reason=why, began=outcome.began, ended=outcome.ended)
    return outcome
