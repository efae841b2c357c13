"""Which machine a task acts on, how it is reached and as whom."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from raftfleet.errors import TaskError
from raftfleet.inventory.source import MarkedDict
from raftfleet.playbook.syntax.kinds import WrongKindError, to_flag
from raftfleet.playbook.syntax.words import bare
from raftfleet.playbook.templating import Omit, is_text_template
from raftfleet.transport import CONNECTION_VARIABLES

if TYPE_CHECKING:
    from raftfleet.inventory import Host
    from raftfleet.playbook.engine.frame import Frame
    from raftfleet.playbook.engine.variables import Variables
    from raftfleet.playbook.templating import Scope

__all__ = ["acting_host", "become_user", "environment", "flag", "number", "reached"]

# What is read of a host when it is acted on; every one may be a template, or be set by a task.
_CONNECTION: Final = (*CONNECTION_VARIABLES, "ansible_python_interpreter")


def flag(value: Any, scope: Scope, *, key: str) -> bool:
    """Return a keyword's value as a boolean; absent counts as false."""
    templated = scope.template(value)
    if templated is None or isinstance(templated, Omit):
        return False
    try:
        return to_flag(templated)
    except WrongKindError as error:
        raise TaskError(f"{key}: wants {error.wanted}, not {templated!r}") from None


def number(value: Any, scope: Scope, *, key: str, default: float = 0.0) -> float:
    """Return a keyword's value as a number; ``default`` when it is omitted."""
    templated = scope.template(value)
    if isinstance(templated, Omit):
        return default
    try:
        return float(templated)
    except (TypeError, ValueError):
        raise TaskError(f"{key}: wants a number, not {templated!r}") from None


def acting_host(host: Host, frame: Frame, scope: Scope, variables: Variables) -> Host:
    """Return the host that a task acts on: the one it is delegated to, or its own."""
    said = frame.value("delegate_to")
    target = scope.template(said)
    if said in (None, "") or target is None or isinstance(target, Omit):
        return host
    if not isinstance(target, str) or not target:
        raise TaskError(f"delegate_to: wants the name of a host, not {target!r}")
    return host if target == host.name else variables.population.host(target)


def reached(host: Host, frame: Frame, scope: Scope) -> Host:
    """Return the host with its connection variables as this task sees them, templates done.

    A variable outranks the keyword that says the same (`ansible_user`, `remote_user`).
    """
    changed: dict[str, Any] = {}
    for name in _CONNECTION:
        raw = scope.raw(name) if name in scope else None
        if raw is None or (raw is host.variables.get(name) and not is_text_template(raw)):
            continue
        if not isinstance(value := scope.template(raw), Omit):
            changed[name] = value
    if "ansible_host" not in host.variables and changed.get("ansible_host") == host.name:
        del changed["ansible_host"]
    for name, said in frame.reach.items():
        if name not in scope and not isinstance(value := scope.template(said), Omit):
            changed[name] = value
    return replace(host, variables={**host.variables, **changed}) if changed else host


def become_user(frame: Frame, scope: Scope) -> str | None:
    """Return the user to become, or None to stay who the connection says."""
    wanted = _said("ansible_become", "become", frame, scope)
    if not flag(wanted, scope, key="become"):
        return None
    method = scope.template(_said("ansible_become_method", "become_method", frame, scope))
    if isinstance(method, str) and bare(method) != "sudo":
        raise TaskError(f"become_method: {method} is not supported", hint="use sudo")
    return str(scope.template(_said("ansible_become_user", "become_user", frame, scope)) or "root")


def _said(variable: str, keyword: str, frame: Frame, scope: Scope) -> Any:
    return scope.raw(variable) if variable in scope else frame.value(keyword)


def environment(frame: Frame, scope: Scope) -> dict[str, str]:
    """Return the environment that a task adds; the nearer place wins."""
    merged: dict[str, str] = {}
    for part in frame.settings.environment:
        value = scope.template(part)
        if isinstance(value, Omit) or value in ("", None):
            continue
        if not isinstance(value, dict | MarkedDict):
            raise TaskError(f"environment: wants a mapping, not {value!r}")
        merged |= {str(key): str(item) for key, item in value.items() if not isinstance(item, Omit)}
    return merged
