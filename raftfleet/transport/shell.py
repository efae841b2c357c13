"""What is said to a host's shell, so that it means the same whatever the login shell is.

A command is handed to ``/bin/sh`` as an argument, never pasted into a script. Over SSH the login
shell sees one line with nothing in it that bash, dash, ksh, zsh, fish or tcsh would read in
different ways. Before the command runs, the host says on both streams that it now begins, with
the process group it runs in: whatever a login shell prints before that is not ours, and the
group is what gets ended when a deadline passes.
"""

from __future__ import annotations

import re
from shlex import quote
from typing import TYPE_CHECKING

from raftfleet.errors import UsageError

if TYPE_CHECKING:
    from pathlib import PurePosixPath

    from raftfleet.transport.protocol import Command

__all__ = ["ending", "fetching", "inner", "login_line", "mark", "preface", "same", "sending"]

CANNOT_ENTER = 125  # what env --chdir, timeout and chroot exit with when they fail themselves
PART_GONE = 75  # EX_TEMPFAIL of sysexits.h: worth another attempt
LINGER = 15  # seconds a part waits for its sender to come back
LONGEST = 120_000  # bytes; Linux refuses a single argument beyond 128 KiB (MAX_ARG_STRLEN)
# Seven times as fast as coreutils where the processor knows SHA-256, and not always installed.
_HASH = "hash() { openssl dgst -sha256 -r 2>/dev/null || sha256sum; }"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_RISKY = re.compile(r"[\\\n!]")
_QUOTED_RISKY = re.compile(r"[\\\n!']")


def inner(command: Command, prelude: str = "", *, spelled: bool = False) -> str:
    """Return the script that sets the scene and runs ``$1``, the command's own line.

    ``prelude`` is done first, by the user to become. The environment is not in it: everybody on the
    host sees the arguments of sudo for as long as the command runs. `preface` brings it on standard
    input, unless it is to be ``spelled`` out.
    """
    for name, value in command.env.items():
        if not _NAME.match(name):
            raise UsageError(f"{name!r} is not a name for an environment variable")
        if "\0" in value:
            raise UsageError(f"the environment variable {name} contains a NUL character")
    if "\0" in command.line:
        raise UsageError("a command contains a NUL character")
    if len(command.line.encode("utf-8", "surrogateescape")) > LONGEST:
        raise _too_long(command.line)
    parts = [_exports(command) if spelled else _READ_ENVIRONMENT] if command.env else []
    if command.cwd is not None:
        parts.append(_entering(command.cwd))
    run = "; ".join([*([prelude] if prelude else []), *parts, 'exec /bin/sh -c "$1"'])
    if command.become is None:
        return run
    # A user who is already the one to become needs no sudo, which a bare host may lack.
    user = quote(command.become)
    return (
        f'test "$(id -un)" = {user} || exec sudo -n -H -u {user} -- /bin/sh -c {quote(run)} sh "$1"'
        f"; {run}"
    )


_READ_ENVIRONMENT = (
    f'IFS= read -r rf_env || exit {CANNOT_ENTER}; eval "$(printf %b "$rf_env")"; unset rf_env'
)


def preface(command: Command) -> bytes:
    """Return what must come first on standard input: one line that holds the environment."""
    if not command.env:
        return b""
    return _octal(_exports(command)).encode("utf-8", "surrogateescape") + b"\n"


def _exports(command: Command) -> str:
    return "; ".join(f"export {name}={quote(value)}" for name, value in command.env.items())


def _entering(folder: PurePosixPath) -> str:
    where = quote(_path(folder))
    complaint = quote(f"cannot enter {folder}: no such directory, or not allowed")
    return f"cd -P -- {where} 2>/dev/null || {{ echo {complaint} >&2; exit {CANNOT_ENTER}; }}"


def _path(path: PurePosixPath) -> str:
    """Return a path that no command takes for an option, nor `cd` for a word of its own."""
    return str(path) if path.is_absolute() else f"./{path}"


def mark(token: str) -> bytes:
    """Return what the host says on both streams when the command with this token begins."""
    return f"rf-{token} ".encode()


def login_line(command: Command, token: str) -> bytes:
    """Return the line for the login shell: say the mark and the process group, then run.

    The mark is split in the text, so that a login shell that echoes its commands (``set -x``)
    does not say it. The process group is read from /proc because the login shell may have forked.
    It is said by the user to become, so a command that sudo refuses has not begun.
    """
    say = f'echo "rf""-{token} ${{4:-$$}}"'
    prelude = (
        f'read -r s </proc/$$/stat; set -- "$1" ${{s#*) }}; {say}; {say} >&2; set -- "$1"; unset s'
    )
    line = _for_any_shell(inner(command, prelude), command.line)
    encoded = line.encode("utf-8", "surrogateescape")
    if len(encoded) > LONGEST:
        raise _too_long(line)
    return encoded


def _too_long(line: str) -> UsageError:
    return UsageError(
        f"a command of {len(line)} characters is too long for one argument",
        hint="send it as a file and run that",
    )


def _for_any_shell(script: str, line: str) -> str:
    """Quote for shells that disagree about backslash, newline and ! inside single quotes."""
    if _RISKY.search(script) or _RISKY.search(line):
        decode = 'set -- "$(printf %b "$1")"; eval "$(printf %b "$0")"'
        return f"exec /bin/sh -c '{decode}' '{_octal(script)}' '{_octal(line)}'"
    return f"exec /bin/sh -c {quote(script)} sh {quote(line)}"


def _octal(text: str) -> str:
    return _QUOTED_RISKY.sub(lambda found: f"\\0{ord(found.group()):03o}", text)


def ending(group: int) -> str:
    """Return the line that ends a process group and says ``gone``, or ``alive`` if it fails.

    A stopped process takes TERM only when it goes on, hence CONT. Zombies count as gone: they run no more, and an init that never reaps them would otherwise
    make every ending look like a failure. /proc is asked rather than ``kill -0``, which also
    counts zombies and says no for processes of another user. It is read in one go: `read` of a shell
    takes a system call for every byte.
    """
    if group <= 1:
        raise ValueError(f"{group} is no process group to end")
    return f"""
g={group}
alive() {{
  set +f
  all=$(cat /proc/[0-9]*/stat 2>/dev/null)
  set -f
  IFS='
'
  for s in $all; do
    case $s in *" $g "*) ;; *) continue ;; esac
    IFS=' '
    set -- ${{s##*) }}
    [ "$3" = "$g" ] || continue
    case $1 in Z|X) ;; *) return 0 ;; esac
  done
  return 1
}}
for signal in TERM KILL; do
  kill -s "$signal" -- "-$g" 2>/dev/null
  kill -s CONT -- "-$g" 2>/dev/null
  for i in 0.02 0.03 0.05 0.1 0.1 0.2; do sleep $i; alive || {{ echo gone; exit; }}; done
done
echo alive
"""


def same(
    target: PurePosixPath, *, size: int, digest: str, mode: int, name: str | None = None
) -> str:
    """Return the line that says ``same`` if the file is already there, and sets its mode.

    Parts under this ``name`` are removed then. Otherwise it says ``differs``, and how many bytes
    there are of such a part.
    """
    parts = f'"$t".part.{name}.*' if name else ""
    return f"""
{_HASH}
t={quote(_path(target))}
if [ -f "$t" ] && [ "$(stat -L -c %s -- "$t")" = {size} ] && s=$(hash <"$t") \
&& [ "${{s%% *}}" = {digest} ]; then
  for p in {parts}; do rm -f -- "$p"; done
  chmod {mode:04o} -- "$t" && echo same
  exit
fi
n=0
for p in {parts}; do m=$(stat -c %s -- "$p" 2>/dev/null) && [ "$m" -gt "$n" ] && n=$m; done
echo "differs $n"
"""


def sending(
    target: PurePosixPath,
    *,
    size: int,
    digest: str,
    mode: int,
    name: str,
    attempt: int = 1,
    offset: int = 0,
) -> str:
    """Return the line that takes a file from standard input and puts it in place whole.

    Each attempt writes to a part of its own, for an earlier one may still hang on a connection
    that only we know to be dead, and two inventory names of one machine may send the same file at
    once. What an earlier attempt (of this ``name``) got up to ``offset`` is copied; exit status
    `PART_GONE` if that is not there any more. A connection that breaks ends standard input early:
    the part then waits `LINGER` seconds to be taken up again. It is removed whenever something
    else fails, and so are parts that nobody has written to for ten minutes.
    """
    earlier = f"""
for o in "$t".part.{name}.*; do
  [ "$o" != "$p" ] && head -c {offset} -- "$o" >"$p" 2>/dev/null && [ "$(stat -c %s -- "$p")" = {offset} ] && break
done
[ "$(stat -c %s -- "$p" 2>/dev/null)" = {offset} ] || {{ rm -f -- "$p"; exit {PART_GONE}; }}
"""
    return f"""
export LC_ALL=C
{_HASH}
t={quote(_path(target))} p=$t.part.{name}.{attempt}
drop() {{ rm -f -- "$p"; exit 1; }}
wrong() {{ echo "what arrived is not what was sent" >&2; exit 1; }}
trap drop HUP INT TERM PIPE
umask 077
{earlier if offset else ""}
cat >>"$p" || drop
if [ "$(stat -c %s -- "$p")" -lt {size} ]; then
  trap '' PIPE  # nobody may be listening any more
  (sleep {LINGER}; rm -f -- "$p") </dev/null >/dev/null 2>&1 &
  wrong
fi
s=$(hash <"$p") || drop
[ "${{s%% *}}" = {digest} ] || {{ rm -f -- "$p"; wrong; }}
chmod {mode:04o} -- "$p" && mv -fT -- "$p" "$t" || drop
for o in "$t".part.{name}.*; do rm -f -- "$o"; done
for o in "$t".part.*; do [ ! -e "$o" ] || [ -z "$(find "$o" -mmin +10 2>/dev/null)" ] || rm -f -- "$o"; done
"""


def fetching(source: PurePosixPath, *, offset: int) -> str:
    """Return the line that writes a file from ``offset`` on to standard output."""
    path = quote(_path(source))
    return f"export LC_ALL=C; exec tail -c +{offset + 1} -- {path}"
