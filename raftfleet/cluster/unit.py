"""A node as a unit of its host's systemd, where the inventory says ``raft_service_manager: systemd``.

The unit runs the node's own command; around it, hooks keep the same records as our own waiter does:
which process each life is, whoever started it, and how it ended. The instant of the end is systemd's
(``ExecMainExitTimestampMonotonic``, microseconds), so an exit is stamped even when nobody watches.

A node that is held down stays down: while its record says so, systemd's own restarts (``Restart=``
in a drop-in) are turned away, and a start by hand is not. Nothing is enabled: at boot nodes stay down
until somebody starts them, or enables the unit; the records begin anew then, as the host does.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from shlex import quote
from typing import TYPE_CHECKING, Final

from raftfleet.errors import UsageError, nearest

from .remote import asset

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.systems.protocol import Node, System

__all__ = ["MANAGER", "Unit", "unit_of"]

MANAGER: Final = "raft_service_manager"
"""Inventory variable: ``systemd``, or ``none`` for our own waiter."""

UNITS: Final = PurePosixPath("/etc/systemd/system")
_ROOT: Final = "/run/raftfleet"
_ODD: Final = re.compile(r"[^A-Za-z0-9_.-]")
_ESCAPE: Final = re.compile(r'["\\`$]')
_BACKSLASH: Final = r"\\\g<0>"


class Unit:
    """A node's unit: what it is called, where its files lie and what stands in them.

    The environment has a file of its own, because what stands in a unit anybody on the host may read.
    """

    def __init__(self, system: System, node: Node, cluster: str, root: str = "") -> None:
        self.name = _ODD.sub("-", f"{system.name}-{node.name}") + ".service"
        self.path = UNITS / self.name
        self.environment_path = node.home / "config" / "unit.env"
        self.keeper_path = node.home / "config" / "unit.sh"
        self.mark = f"# raftfleet: node {node.name} of cluster {cluster}"
        self._system = system
        self._node = node
        self._state = f"{root or _ROOT}/clusters/{cluster}/{node.name}"

    def text(self, console: PurePosixPath) -> str:
        """Return the unit file; ``console`` is where the node prints to."""
        command = self._system.start(self._node)
        lines = [
            self.mark,
            "# Written by raftfleet: a deploy overwrites it. Own settings go into a drop-in beside it.",
            "[Unit]",
            f"Description={self._system.name} node {_escaped(self._node.name)}",
            "After=network.target",
            "StartLimitIntervalSec=0",
            "",
            "[Service]",
            "Type=exec",
            f"WorkingDirectory={_escaped(str(command.cwd or '/'))}",
            f"EnvironmentFile={_escaped(str(self.environment_path))}",
            f"ExecCondition={self._hook('before', str(console))}",
            f"ExecStart=/bin/sh -c {_quoted(command.line, dollars=True)}",
            f"ExecStartPost=-{self._hook('began')}",
            f"ExecStopPost=-{self._hook('ended')}",
            f"StandardOutput=append:{_escaped(str(console))}",
            "StandardError=inherit",
            "KillMode=mixed",
            "KillSignal=SIGINT",
            "TimeoutStopSec=30",
            "IgnoreSIGPIPE=no",
            "Restart=no",
            "",
            "[Install]",
            "WantedBy=multi-user.target",
        ]
        return "\n".join(lines) + "\n"

    @staticmethod
    def keeper() -> str:
        """Return the script that keeps the records; it lies beside the environment."""
        return asset("unit.sh")

    def environment(self) -> str:
        """Return the file that holds the node's environment, as systemd.exec(5) reads it."""
        given = self._system.start(self._node).env
        return "".join(
            f'{key}="{_ESCAPE.sub(_BACKSLASH, value)}"\n' for key, value in given.items()
        )

    def _hook(self, act: str, *more: str) -> str:
        """Return a call of the script that keeps the records; without it the node runs all the same."""
        script = quote(str(self.keeper_path))
        words = " ".join(map(quote, (act, self._state, self.name, *more)))
        line = f"test ! -f {script} || exec sh {script} {words}"
        return f"/bin/sh -c {_quoted(line, dollars=True)}"


def unit_of(system: System, node: Node, cluster: str, root: str = "") -> Unit | None:
    """Return a node's unit, or None where raftfleet's own waiter starts it.

    Raises `UsageError` for a service manager nobody knows.
    """
    return Unit(system, node, cluster, root) if _by_systemd(node.name, node.variables) else None


def _by_systemd(name: str, variables: Mapping[str, object]) -> bool:
    wanted = str(variables.get(MANAGER, "none"))
    if wanted not in {"none", "systemd"}:
        close = nearest(wanted, ("none", "systemd"))
        raise UsageError(
            f"{name}: {MANAGER} is none or systemd, not {wanted!r}",
            hint=f"did you mean {close}?"
            if close
            else "leave it out: raftfleet's own waiter is used",
        )
    return wanted == "systemd"


def _escaped(text: str) -> str:
    """Return text for a setting in which systemd would replace specifiers."""
    return text.replace("%", "%%")


def _quoted(text: str, *, dollars: bool = False) -> str:
    """Return one word for systemd; in a command line a dollar sign would name a variable."""
    text = _escaped(text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n"))
    return '"' + (text.replace("$", "$$") if dollars else text) + '"'
