"""`systemd` and `systemd_service`: units of systemd started, stopped, enabled, masked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from raftfleet.errors import TaskError
from raftfleet.modules.base import GenericModule, arguments
from raftfleet.modules.on_host import OnHost
from raftfleet.modules.units import Manager, settle
from raftfleet.playbook.module import Argument, Result

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.playbook.module import ModuleContext

__all__ = ["UNIT_ARGUMENTS", "Systemd", "SystemdService", "prepared", "unit_name"]

STATES: Final = ("reloaded", "restarted", "started", "stopped")
_ASKED: Final = ("state", "enabled", "masked")


UNIT_ARGUMENTS: Final = {
    "state": Argument(choices=STATES),
    "enabled": Argument("bool"),
    "masked": Argument("bool"),
    "daemon_reload": Argument("bool", default=False, aliases=("daemon-reload",)),
    "daemon_reexec": Argument("bool", default=False, aliases=("daemon-reexec",)),
    "scope": Argument(choices=("system", "user", "global"), default="system"),
    "no_block": Argument("bool", default=False),
    "force": Argument("bool", default=False),
}


class Systemd(GenericModule):
    """Bring a unit of systemd to a state, now and for the next boot.

    Arguments: ``name`` (also ``service``, ``unit``), ``state`` (started, stopped, restarted,
    reloaded), ``enabled`` (bool), ``masked`` (bool), ``daemon_reload`` (bool: read the unit files
    again first), ``daemon_reexec`` (bool), ``scope`` (system, user, global; system), ``no_block``
    (bool: do not wait until it has started or stopped), ``force`` (bool: replace links when
    enabling). A name alone reads the unit's status.
    Returns: name, state, enabled, and ``status``, what `systemctl show` said before anything was
    done (ActiveState, SubState, MainPID, ...).
    Check mode: predicts, and neither reloads nor executes systemd anew. Diff: state, enabled and
    masked before and after.
    Idempotence: full, except restarted and reloaded. Reloading unit files never counts as a change.
    """

    name = "systemd"
    arguments = arguments(
        name=Argument(aliases=("service", "unit")),
        **UNIT_ARGUMENTS,
    )

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        """Reload first if asked to, then settle the unit."""
        _check(arguments)
        manager = prepared(OnHost(context), arguments)
        if arguments["name"] is None:
            return Result(values={"name": None, "status": {}})
        unit = manager.known(unit_name(arguments["name"]))
        if unit is None:
            raise _no_systemd(manager)
        return settle(manager, unit, arguments)


class SystemdService(Systemd):  # noqa: D101 - it has the one of `systemd`
    __doc__ = Systemd.__doc__

    name = "systemd_service"


def prepared(host: OnHost, arguments: Mapping[str, Any]) -> Manager:
    """Return the host's systemd, which has read its unit files again if that was asked for."""
    flags = {"--no-block": arguments["no_block"], "--force": arguments["force"]}
    options = tuple(flag for flag, given in flags.items() if given)
    manager = Manager(host, arguments["scope"], options)
    for verb in ("daemon_reload", "daemon_reexec"):
        if arguments[verb] and not host.context.check_mode:
            _manage(manager, verb.replace("_", "-"))
    return manager


def unit_name(name: str) -> str:
    """Return a unit's name; raise `TaskError` for a pattern, and for what can be no name."""
    if not name or "\0" in name or any(sign in name for sign in "*?["):
        raise TaskError(f"{name!r} is not the name of one unit", hint="patterns do not work here")
    return name


def _check(arguments: Mapping[str, Any]) -> None:
    asked = [name for name in _ASKED if arguments[name] is not None]
    if asked and arguments["name"] is None:
        raise TaskError(f"{asked[0]} wants the name of a unit")
    if not any(arguments[name] for name in ("name", "daemon_reload", "daemon_reexec")):
        raise TaskError("one of name, daemon_reload and daemon_reexec is wanted")


def _manage(manager: Manager, verb: str) -> None:
    said = manager.do(verb)
    if said is None:
        return
    if "not been booted with systemd" in said or "not found" in said:
        raise _no_systemd(manager)
    raise TaskError(f"systemctl {verb}: {said}")


def _no_systemd(manager: Manager) -> TaskError:
    host = manager.host
    first = host.run("cat /proc/1/comm").out.strip()
    return TaskError(
        f"{host.transport.host} is not run by systemd"
        + (f" (its first process is {first})" if first else ""),
        hint="service works with init scripts too",
    )
