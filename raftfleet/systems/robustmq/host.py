"""Whether a node can run on its host: what is asked of the host, and what its answer means.

One shell command reads everything and changes nothing; its output is lines of a word and values.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from raftfleet.systems.protocol import MARKER, Problem
from raftfleet.transport.protocol import Command

from .binary import SIMULATOR

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import PurePosixPath

    from raftfleet.journal.values import Port
    from raftfleet.systems.protocol import Artifact

    from .settings import Settings

__all__ = ["ephemeral_conflicts", "host_command", "problems_of"]

_ROOM_KIB = 16 * 1024

_SCRIPT = """\
echo machine "$(uname -m)"
echo range $(cat /proc/sys/net/ipv4/ip_local_port_range 2>/dev/null)
echo reserved $(cat /proc/sys/net/ipv4/ip_local_reserved_ports 2>/dev/null)
for tool in python3 openssl; do command -v $tool >/dev/null 2>&1 && echo tool $tool; done
cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | while read -r _ local _ state _; do
  [ "$state" = 0A ] && echo "held tcp ${local##*:}"
done
cat /proc/net/udp /proc/net/udp6 2>/dev/null | while read -r _ local _; do
  echo "held udp ${local##*:}"
done
for directory in @directories@; do
  if [ -e "$directory/@marker@" ]; then echo "ours $directory"
  elif [ ! -e "$directory" ]; then echo "absent $directory"
  elif [ ! -d "$directory" ]; then echo "file $directory"
  elif [ -z "$(ls -A "$directory" 2>&1)" ]; then echo "empty $directory"
  else echo "foreign $directory"; fi
done
near=@home@
while [ ! -d "$near" ]; do near=$(dirname "$near"); done
[ -w "$near" ] || echo "readonly $near"
[ -f @program@ ] && echo installed
df -Pk "$near" | while read -r _ _ _ free _ mount; do echo "free $free $mount"; done
echo end
"""


@dataclass(slots=True)
class _Answer:
    """What the host said, by word."""

    words: dict[str, list[str]] = field(default_factory=dict)

    def one(self, word: str) -> str:
        return self.words.get(word, [""])[0]

    def all(self, word: str) -> list[str]:
        return self.words.get(word, [])


def host_command(settings: Settings, program: PurePosixPath) -> Command:
    """Return the command to run on the node's host."""
    directories = " ".join(shlex.quote(str(path)) for path in _owned(settings))
    script = (
        _SCRIPT.replace("@directories@", directories)
        .replace("@marker@", MARKER)
        .replace("@home@", shlex.quote(str(settings.node.home)))
        .replace("@program@", shlex.quote(str(settings.node.home / program)))
    )
    return Command(script)


def _owned(settings: Settings) -> tuple[PurePosixPath, ...]:
    return (settings.node.home, *settings.data_paths)


def problems_of(
    settings: Settings, output: str, program: Artifact | None, *, running: bool
) -> list[Problem]:
    """Return why the node cannot run on the host that said this, the gravest first.

    ``program`` is what is to be installed, None when only a start is intended.
    """
    answer = _read(output)
    if not answer.all("end"):
        return [
            Problem(
                f"{settings.node.name}: the check of its host broke off: {output[-200:].strip()!r}",
                "try again; raftfleet status tells whether the host answers",
            )
        ]
    found = [*_directories(settings, answer), *_ephemeral(settings, answer)]
    if program is not None:
        found = [
            *_program(settings, answer, program),
            *found,
            *_room(settings, answer, program),
        ]
    if not running:
        found += _held(settings, answer)
    return found


def _read(output: str) -> _Answer:
    answer = _Answer()
    for line in output.splitlines():
        word, _, rest = line.partition(" ")
        answer.words.setdefault(word, []).append(rest.strip())
    return answer


def _program(settings: Settings, answer: _Answer, program: Artifact) -> Iterator[Problem]:
    name, machine = settings.node.name, answer.one("machine")
    if program.architecture not in (None, machine):
        yield Problem(
            f"{name}: the program is for {program.architecture}, but its host is {machine}",
            f"install the build for {machine} on it: set robustmq_binary or robustmq_release for {name}",
        )
    if _needs_openssl(settings) and "openssl" not in answer.all("tool"):
        yield Problem(
            f"{name}: its host has no openssl to make a certificate with",
            "apt-get install openssl, or set robustmq_tls_cert and robustmq_tls_key",
        )
    if program.interpreted and "python3" not in answer.all("tool"):
        yield Problem(
            f"{name}: the program is a Python script, but its host has no python3",
            "apt-get install python3-minimal",
        )


def _needs_openssl(settings: Settings) -> bool:
    """The role `broker` serves TLS; the simulator only looks whether the files are there."""
    variables, roles = settings.variables, settings.values["roles"]
    serves = isinstance(roles, list) and "broker" in roles
    return serves and not variables.tls_cert and variables.binary != SIMULATOR


def _directories(settings: Settings, answer: _Answer) -> Iterator[Problem]:
    name = settings.node.name
    for path in answer.all("foreign"):
        yield Problem(
            f"{name}: {path} exists, is not empty and was not made by raftfleet (no {MARKER} in it)",
            f"choose another directory, or make it ours: touch {path}/{MARKER}",
        )
    for path in answer.all("file"):
        yield Problem(f"{name}: {path} is not a directory", "choose another directory")
    for path in answer.all("readonly"):
        yield Problem(
            f"{name}: we may not write to {path}, where {settings.node.home} is to be",
            "log in as another user, or set ansible_become: true",
        )


def _ephemeral(settings: Settings, answer: _Answer) -> Iterator[Problem]:
    keys = {port: key.name for key, port in settings.ports()}
    span, reserved = answer.one("range"), answer.one("reserved")
    try:
        inside = ephemeral_conflicts(keys, span, reserved)
    except ValueError as error:
        yield Problem(
            f"{settings.node.name}: its host does not tell its ephemeral ports ({error})",
            "raftfleet's hosts are Linux machines with /proc",
        )
        return
    if inside:
        shown = ", ".join(f"{port.number} ({keys[port]})" for port in inside)
        more = ",".join([*filter(None, [reserved]), *(str(port.number) for port in inside)])
        yield Problem(
            f"{settings.node.name}: inside its host's ephemeral range {'-'.join(span.split())}, "
            f"where an outgoing connection can hold it, lies port {shown}",
            "choose ports outside, or reserve them: "
            f"sysctl -w net.ipv4.ip_local_reserved_ports={more}",
        )


def ephemeral_conflicts(ports: Iterable[Port], range_text: str, reserved_text: str) -> list[Port]:
    """Return the ports that an outgoing connection of the host can hold by chance.

    The texts are those of /proc/sys/net/ipv4/ip_local_port_range ("32768 60999") and
    ip_local_reserved_ports ("8080,9148-9150", often empty). Raises `ValueError` for other texts.
    """
    limits = range_text.split()
    if len(limits) != 2:
        raise ValueError(f"no range of ports: {range_text!r}")
    low, high = int(limits[0]), int(limits[1])
    spans = [_span(part) for part in reserved_text.strip().split(",") if part]
    return [
        port
        for port in ports
        if low <= port.number <= high and not any(a <= port.number <= b for a, b in spans)
    ]


def _span(part: str) -> tuple[int, int]:
    first, _, last = part.strip().partition("-")
    return int(first), int(last or first)


def _held(settings: Settings, answer: _Answer) -> Iterator[Problem]:
    taken = set()
    for line in answer.all("held"):
        protocol, _, digits = line.partition(" ")
        if re.fullmatch("[0-9A-Fa-f]+", digits):
            taken.add((protocol, int(digits, 16)))
    held = [(k, port) for k, port in settings.ports() if (port.protocol, port.number) in taken]
    if held:
        shown = ", ".join(f"{port.protocol} {port.number} ({key.name})" for key, port in held)
        yield Problem(
            f"{settings.node.name}: already in use on its host: {shown}",
            f"see who holds it: ss -tulnp 'sport = :{held[0][1].number}'",
        )


def _room(settings: Settings, answer: _Answer, program: Artifact) -> Sequence[Problem]:
    numbers = [line.split(" ", 1) for line in answer.all("free") if line[:1].isdecimal()]
    if not numbers:
        return ()
    free, mount = int(numbers[0][0]), numbers[0][-1]
    need = _ROOM_KIB + (0 if answer.all("installed") else program.size // 1024)
    if free >= need:
        return ()
    return (
        Problem(
            f"{settings.node.name}: {mount} on its host is full: {free} KiB are left, "
            f"and the node needs {need} KiB to begin with",
            f"free some room there: du -x -d 2 {mount} | sort -n | tail",
        ),
    )
