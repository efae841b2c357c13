"""systemd's units on a host: what is known of one, and bringing it to a wanted state."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from shlex import quote
from typing import TYPE_CHECKING, Any, Final

from raftfleet.errors import TaskError
from raftfleet.modules.on_host import complaint
from raftfleet.playbook.module import Result, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.modules.on_host import OnHost

__all__ = ["Manager", "Unit", "settle"]

_NO_SYSTEMD: Final = 99
_PROPERTY: Final = re.compile(r"([A-Za-z][A-Za-z0-9]*)=(.*)")
_RUNNING: Final = frozenset({"active", "activating", "reloading"})
# What `is-enabled` calls enabled without meaning "at every boot"; enabling such a unit is a change.
_NOT_QUITE: Final = frozenset({"enabled-runtime", "indirect", "alias"})
_ACTIONS: Final = {"started": "start", "stopped": "stop"}


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit as it is: all that ``systemctl show`` says, and the words of ``is-enabled``."""

    name: str
    status: Mapping[str, str]
    enabled_word: str
    enabled_code: int

    @property
    def exists(self) -> bool:
        """Whether systemd knows it: from a unit file, an init script, or because it runs."""
        return self.status.get("LoadState", "not-found") != "not-found"

    @property
    def masked(self) -> bool:
        """Whether starting it is forbidden."""
        return self.enabled_word == "masked"

    @property
    def enabled(self) -> bool:
        """Whether it starts at boot, or as part of something else."""
        return self.enabled_code == 0 and self.enabled_word not in _NOT_QUITE

    @property
    def running(self) -> bool:
        """Whether it runs or is about to."""
        return self.status.get("ActiveState") in _RUNNING

    @property
    def stopped(self) -> bool:
        """Whether it neither runs nor is about to end."""
        return not self.running and self.status.get("ActiveState") != "deactivating"


@dataclass(frozen=True, slots=True)
class Manager:
    """A host's systemd; ``scope`` is system, user or global."""

    host: OnHost
    scope: str = "system"
    options: tuple[str, ...] = ()

    def known(self, unit: str) -> Unit | None:
        """Ask about a unit; None on a host that systemd does not run."""
        said = self.host.run(
            f"[ -d /run/systemd/system ] && command -v systemctl >/dev/null || exit {_NO_SYSTEMD}\n"
            f"{self._line('show', unit)}; printf '\\1'; {self._line('is-enabled', unit)}; "
            "printf '\\1%s' \"$?\""
        )
        if not said.ok:
            if getattr(said, "status", None) == _NO_SYSTEMD:
                return None
            raise TaskError(f"cannot ask systemd about {unit}: {complaint(said)}")
        shown, word, code = said.out.split("\1")
        if not shown.strip():
            raise TaskError(f"cannot ask systemd about {unit}: {complaint(said)}")
        return Unit(unit, _properties(shown), word.strip(), int(code))

    def do(self, action: str, unit: str | None = None) -> str | None:
        """Run a verb of systemctl, once however often the connection breaks; return its complaint."""
        said = self.host.run(self._line(action, unit), resumable=True)
        return None if said.ok else said.err.strip() or complaint(said)

    def _line(self, action: str, unit: str | None) -> str:
        scope = () if self.scope == "system" else (f"--{self.scope}",)
        words = ["systemctl", *scope, *self.options, action]
        home = 'XDG_RUNTIME_DIR="${XDG_RUNTIME_DIR:-/run/user/$(id -u)}" ' if scope else ""
        return home + " ".join(words) + (f" -- {quote(unit)}" if unit else "")


def _properties(text: str) -> dict[str, str]:
    """Read ``systemctl show``; a value may go on over several lines."""
    found: dict[str, str] = {}
    last = None
    for line in text.splitlines():
        match = _PROPERTY.fullmatch(line)
        if match:
            last = match[1]
            found[last] = match[2]
        elif last is not None:
            found[last] += f"\n{line}"
    return found


@dataclass(slots=True)
class _Change:
    """What has been changed so far, or would be."""

    manager: Manager
    check: bool
    values: dict[str, Any]
    before: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)

    def make(self, key: str, was: object, becomes: object, action: str, unit: str) -> None:
        self.before.append(f"{key}: {was}\n")
        self.after.append(f"{key}: {becomes}\n")
        if self.check:
            return
        said = self.manager.do(action, unit)
        if said is not None:
            what = (
                "Failed to {} the service ({})" if "mask" in action else "Unable to {} service {}"
            )
            raise TaskError(f"{what.format(action, unit)}: {said}")


def settle(manager: Manager, unit: Unit, wanted: Mapping[str, Any]) -> Result:
    """Bring a unit to the wanted ``masked``, ``enabled`` and ``state``, as far as given.

    ``status`` in the result is what was found, before anything was done, as in Ansible.
    """
    context = manager.host.context
    values: dict[str, Any] = {"name": unit.name, "status": dict(unit.status)}
    change = _Change(manager, context.check_mode, values)
    masked = wanted.get("masked")
    if masked is not None and masked != unit.masked:
        change.make("masked", unit.masked, masked, "mask" if masked else "unmask", unit.name)
    if wanted.get("enabled") is not None:
        _enable(change, unit, enabled=wanted["enabled"])
    if wanted.get("state") is not None:
        _run(change, unit, wanted["state"])
    changed = bool(change.after)
    diff = ("".join(change.before), "".join(change.after)) if changed and context.diff else None
    return Result(Status.CHANGED if changed else Status.OK, values=values, diff=diff)


def _enable(change: _Change, unit: Unit, *, enabled: bool) -> None:
    _require(unit, change.manager)
    change.values["enabled"] = enabled
    if enabled != unit.enabled:
        action = "enable" if enabled else "disable"
        change.make("enabled", unit.enabled, enabled, action, unit.name)


def _run(change: _Change, unit: Unit, state: str) -> None:
    _require(unit, change.manager)
    change.values["state"] = state if state in _ACTIONS else "started"
    now = unit.status.get("ActiveState", "unknown")
    if state == "started" and unit.running:
        return
    if state == "stopped" and unit.stopped:
        return
    action = _ACTIONS.get(state) or (state.removesuffix("ed") if unit.running else "start")
    change.make("state", now, change.values["state"], action, unit.name)


def _require(unit: Unit, manager: Manager) -> None:
    if not unit.exists:
        raise TaskError(
            f"Could not find the requested service {unit.name}: host",
            hint="a unit file that has just been written: daemon_reload: true",
        )
    if unit.status.get("LoadState") == "error":
        host = manager.host.transport.host
        raise TaskError(f"{host} cannot load {unit.name}: {unit.status.get('LoadError', '')}")
