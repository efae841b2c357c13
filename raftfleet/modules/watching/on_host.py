"""Lines of shell with which a host itself watches for something to happen.

The host looks at once and then after 0.05, 0.1, 0.2 ... seconds, so that a wait ends soon after
what it waits for, and neither the connection nor we are busy meanwhile.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from shlex import quote
from typing import TYPE_CHECKING, Final

from raftfleet.errors import TaskError
from raftfleet.modules.on_host import complaint, word

if TYPE_CHECKING:
    from raftfleet.modules.on_host import OnHost
    from raftfleet.transport.protocol import Outcome

__all__ = ["Watch", "watch_content", "watch_path", "watch_port"]

_PAUSES: Final = (0.05, 0.1, 0.2, 0.5)
_LONGEST: Final = 1.0
_NOT_YET: Final = 3
_MOST: Final = 3 * 1024 * 1024
# /proc/uptime counts in hundredths; a number that starts with 0 would be read as octal.
_LOOP: Final = """
export LC_ALL=C
tick() { read -r up idle </proc/uptime; up=${up%.*}${up#*.}; up=${up#0}; up=${up#0}; }
tick; end=$((up + @HUNDREDTHS@)); seen=$1
set -- @PAUSES@
while ! check; do
  tick; [ "$up" -lt "$end" ] || exit 3
  sleep "$1"; [ $# -eq 1 ] || shift
done
"""


@dataclass(frozen=True, slots=True)
class Watch:
    """Something to watch for: a shell function ``check``, and what to say once it holds."""

    check: str
    longest: float
    then: str = ""

    def run(self, host: OnHost, seconds: float, seen: str = "") -> Outcome:
        """Watch for some seconds; an exit status of 0 means that it holds.

        Raises `TaskError` when the host cannot look at all.
        """
        pauses = [pause for pause in _PAUSES if pause < self.longest]
        pauses.append(max(0.01, min(self.longest, _LONGEST)))
        loop = _LOOP.replace("@HUNDREDTHS@", str(round(seconds * 100)))
        loop = loop.replace("@PAUSES@", " ".join(f"{pause:g}" for pause in pauses))
        line = f"set -- {quote(seen)}\ncheck() {{ {self.check}; }}\n{loop}{self.then}"
        outcome = host.run(line, repeatable=False)
        if not outcome.ok and getattr(outcome, "status", None) != _NOT_YET:
            raise TaskError(f"cannot look: {complaint(outcome)}")
        return outcome


def watch_path(path: str, *, absent: bool, longest: float) -> Watch:
    """Watch for a path to be there, or to be gone."""
    return Watch(f"{'! ' if absent else ''}[ -e {word(path)} ]", longest)


def watch_content(path: str, *, longest: float) -> Watch:
    """Watch for a file to differ from what its signature says, then yield signature and content.

    The signature of a file that is not there is ``none``. Only the end of a large file is read.
    """
    stat = f"stat -L -c '%d %i %s %.9Y' -- {word(path)} 2>/dev/null"
    check = f'now=$({stat}) || now=none; [ "$now" != "$seen" ]'
    then = f'echo "$now"; [ "$now" = none ] || tail -c {_MOST} -- {word(path)}\n'
    return Watch(check, longest, then)


def watch_port(host: str, port: int, *, closed: bool, longest: float, connect: float) -> Watch:
    """Watch for a TCP port to accept connections, or to accept none any more."""
    tried = f"timeout {connect:g} bash -c ': <\"/dev/tcp/$0/$1\"' {quote(host)} {port} 2>/dev/null"
    without = _listening(port) if _is_own(host) else _give_up(host)
    probe = f"if command -v bash >/dev/null; then {tried}; else {without}; fi"
    return Watch(
        f"if {probe}; then {'! :' if closed else ':'}; else {':' if closed else '! :'}; fi", longest
    )


def _is_own(host: str) -> bool:
    """Return whether a name or address always means the host itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _listening(port: int) -> str:
    """Return a condition that reads the kernel's own list; 0A is the state of a listening socket."""
    return (
        "grep -qsE "
        f"'^ *[0-9]+: [0-9A-F]+:{port:04X} [0-9A-F]+:[0-9A-F]+ 0A ' /proc/net/tcp /proc/net/tcp6"
    )


def _give_up(host: str) -> str:
    said = quote(f"only bash can try a port of {host}, and the host has none")
    return f"{{ echo {said} >&2; exit 4; }}"
