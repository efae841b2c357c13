"""`service`: a service started, stopped, enabled, by whatever runs services on the host."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING, Any, Final

from raftfleet.errors import TaskError
from raftfleet.modules.base import GenericModule, arguments
from raftfleet.modules.on_host import OnHost, complaint
from raftfleet.modules.systemd import UNIT_ARGUMENTS, prepared, unit_name
from raftfleet.modules.units import settle
from raftfleet.playbook.module import Argument, Result, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.playbook.module import ModuleContext

__all__ = ["Service"]

_USES: Final = ("auto", "service", "systemd", "sysvinit", "openrc")

# An init script is asked for its status (LSB: 0 is running); links or OpenRC say whether it starts
# at boot. The first line names what enables scripts here.
_ASK: Final = """
[ -x "/etc/init.d/$1" ] || exit 98
if command -v rc-update; then rc-update show | grep -q "^ *$1 |"
elif command -v update-rc.d || command -v chkconfig; then ls /etc/rc?.d /etc/init.d/rc?.d 2>/dev/null | grep -q "^S[0-9]*$1\\$"
else echo none; false
fi; echo "$?"
if command -v service >/dev/null; then service "$1" status; else "/etc/init.d/$1" status; fi >/dev/null 2>&1
echo "$?"
"""
_ENABLE: Final = {
    "rc-update": ("rc-update add {} default", "rc-update del {} default"),
    "update-rc.d": (
        "update-rc.d {0} defaults && update-rc.d {0} enable",
        "update-rc.d {0} disable",
    ),
    "chkconfig": ("chkconfig {} on", "chkconfig {} off"),
}
_NO_SCRIPT: Final = 98
_OF_SYSTEMD: Final = ("masked", "daemon_reload", "daemon_reexec", "no_block", "force")


class Service(GenericModule):
    """Bring a service to a state, now and for the next boot.

    Where systemd runs the host this is `systemd`; elsewhere an init script in /etc/init.d is used,
    through `service` if there is one, and update-rc.d, chkconfig or rc-update.

    Arguments: ``name`` (required), ``state`` (started, stopped, restarted, reloaded), ``enabled``
    (bool), ``use`` (auto, systemd, sysvinit, openrc, service; auto). One of state and enabled.
    Only under systemd: ``masked``, ``daemon_reload``, ``daemon_reexec``, ``no_block``, ``force``
    (bool), ``scope``.
    ``arguments`` goes to an init script; ``pattern``, ``runlevel`` and ``sleep`` are accepted and
    do nothing.
    Returns: name, state, enabled; under systemd ``status``, as from `systemd`.
    Check mode: predicts. Diff: state and enabled before and after.
    Idempotence: full, except restarted and reloaded.
    """

    name = "service"
    arguments = arguments(
        name=Argument(required=True),
        **UNIT_ARGUMENTS,
        use=Argument(choices=_USES, default="auto"),
        arguments=Argument(default="", aliases=("args",)),
        pattern=Argument(),
        runlevel=Argument(),
        sleep=Argument("float"),
    )
    idle = frozenset({"pattern", "runlevel", "sleep"})

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        """Settle the service with systemd, or else with its init script."""
        wanted = [name for name in ("state", "enabled", *_OF_SYSTEMD) if arguments[name]]
        if not wanted and arguments["enabled"] is None and arguments["masked"] is None:
            raise TaskError("neither state nor enabled is given")
        name = unit_name(arguments["name"])
        host = OnHost(context)
        if arguments["use"] in {"auto", "systemd"}:
            manager = prepared(host, arguments)
            unit = manager.known(name)
            if unit is not None:
                return settle(manager, unit, arguments)
            if arguments["use"] == "systemd":
                raise TaskError(f"{host.transport.host} is not run by systemd")
        if only := next((one for one in _OF_SYSTEMD if arguments[one]), None):
            raise TaskError(f"{only} wants systemd, which does not run {host.transport.host}")
        return _by_script(host, name, arguments)


def _by_script(host: OnHost, name: str, arguments: Mapping[str, Any]) -> Result:
    """Settle a service that is an init script."""
    said = host.run(f"set -- {quote(name)}\n{_ASK}")
    if getattr(said, "status", None) == _NO_SCRIPT:
        raise TaskError(
            f"Could not find the requested service {name}: host",
            hint=f"{host.transport.host} is not run by systemd, and has no /etc/init.d/{name}",
        )
    lines = said.out.split()
    if not said.ok or len(lines) < 3:
        raise TaskError(f"cannot ask about the service {name}: {complaint(said)}")
    tool, enabled, running = lines[0].rpartition("/")[2], lines[-2] == "0", lines[-1] == "0"
    steps = []
    if arguments["enabled"] is not None and arguments["enabled"] != enabled:
        steps.append(
            (
                f"enabled: {enabled}\n",
                f"enabled: {not enabled}\n",
                _enabling(tool, name, on=not enabled),
            )
        )
    action = _action(arguments["state"], running=running)
    if action:
        was, becomes = ("started" if up else "stopped" for up in (running, action != "stop"))
        steps.append(
            (f"state: {was}\n", f"state: {becomes}\n", _verb(name, action, arguments["arguments"]))
        )
    if not host.context.check_mode:
        for _, after, line in steps:
            host.ask(line, f"bring the service {name} to {after.strip()}")
    values = {"name": name}
    if arguments["enabled"] is not None:
        values["enabled"] = arguments["enabled"]
    if arguments["state"] is not None:
        values["state"] = "stopped" if arguments["state"] == "stopped" else "started"
    diff = ("".join(s[0] for s in steps), "".join(s[1] for s in steps)) if steps else None
    return Result(Status.CHANGED if steps else Status.OK, values=values, diff=diff)


def _action(state: str | None, *, running: bool) -> str | None:
    if state is None or (state == "started" and running) or (state == "stopped" and not running):
        return None
    if state == "stopped":
        return "stop"
    return state.removesuffix("ed") if running and state != "started" else "start"


def _enabling(tool: str, name: str, *, on: bool) -> str:
    if tool not in _ENABLE:
        raise TaskError(f"nothing on this host can enable the service {name}")
    return _ENABLE[tool][0 if on else 1].format(quote(name))


def _verb(name: str, action: str, more: str) -> str:
    words = f"{action} {more}".strip()
    script = quote(f"/etc/init.d/{name}")
    return (
        f"if command -v service >/dev/null; then service {quote(name)} {words}; "
        f"else {script} {words}; fi </dev/null"
    )
