"""The inventory variables this adapter reads: `robustmq_*`, and `raft_port_offset`.

Their defaults stand here and, for people, in `roles/robustmq/defaults/main.yml`; a test compares
the two. They are read from the inventory and the command line, never from a play, so that
`raftfleet status` sees what `raftfleet play` saw.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from raftfleet.simulator.defects import DEFECTS

from .refusal import meant, place_of, refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.systems.protocol import Node

__all__ = ["PREFIX", "Variables", "check_certificates", "home_of", "read_variables"]

PREFIX = "robustmq_"
_OVERRIDE = "ROBUST_MQ_SERVER_"


@dataclass(frozen=True, slots=True)
class Variables:
    """What the inventory says of one node, checked.

    ``binary`` is a path on the controller or ``simulator``, ``release`` a release tarball, and
    ``digest`` the SHA-256 that file must have. ``config`` overlays server.toml. ``era`` and
    ``timing`` say what elections promise (see `timing`); ``exit_bound`` and ``watchdog`` are
    seconds, None for the era's. ``tls_cert`` and ``tls_key`` are files on the controller.
    ``simulator_defects`` names the known defects that a simulated node is to have.
    """

    home: str = "/opt/robustmq"
    binary: str = ""
    release: str = ""
    digest: str = ""
    version: str = ""
    cluster_name: str = "robustmq-cluster"
    config: Mapping[str, object] = field(default_factory=dict)
    environment: Mapping[str, object] = field(default_factory=dict)
    era: str = ""
    timing: Mapping[str, object] = field(default_factory=dict)
    exit_bound: float | None = None
    watchdog: float | None = None
    tls_cert: str = ""
    tls_key: str = ""
    simulator_defects: list[str] = field(default_factory=list)
    port_offset: int = 0


_NAMES = {
    f"{PREFIX}{f.name}" if f.name != "port_offset" else "raft_port_offset": f.name
    for f in fields(Variables)
}
_MAPPINGS = ("config", "environment", "timing")
_SECONDS = ("exit_bound", "watchdog")


def read_variables(node: str, variables: Mapping[str, object]) -> Variables:
    """Check a host's variables; raise `UsageError` for an unknown name or a wrong type."""
    values: dict[str, object] = {}
    for name in variables:
        if name in _NAMES:
            values[_NAMES[name]] = _checked(node, name, variables)
        elif name.startswith(PREFIX):
            own = {known.removeprefix(PREFIX) for known in _NAMES if known.startswith(PREFIX)}
            hint = meant(name.removeprefix(PREFIX), sorted(own), "").replace(
                "mean ", f"mean {PREFIX}"
            )
            raise refusal(
                f"{node}: {name} is not a variable of the robustmq adapter",
                place_of(variables, name),
                hint or f"name variables of your own without {PREFIX}",
            )
    return Variables(**values)  # type: ignore[arg-type]  # each value was checked by its name


def home_of(node: str, variables: Mapping[str, object]) -> PurePosixPath:
    """Return a node's install root, an absolute path."""
    name = f"{PREFIX}home"
    home = _checked(node, name, variables) if name in variables else Variables().home
    path = PurePosixPath(str(home))
    if not path.is_absolute() or path == path.parent or ".." in path.parts:
        raise refusal(
            f"{node}: {name} wants an absolute path of its own, not {str(home)!r}",
            place_of(variables, name, of_value=True),
            "/opt/robustmq, say: everything in it will be raftfleet's",
        )
    return path


def check_certificates(node: Node) -> None:
    """Raise `UsageError` when the inventory names a certificate without its key or one not there."""
    variables = read_variables(node.name, node.variables)
    given = {"tls_cert": variables.tls_cert, "tls_key": variables.tls_key}
    for name, path in given.items():
        mark = place_of(node.variables, f"{PREFIX}{name}", of_value=True)
        if not path and any(given.values()):
            raise refusal(
                f"{node.name}: {PREFIX}tls_cert and {PREFIX}tls_key belong together, "
                f"but {PREFIX}{name} is not set",
                mark,
            )
        if path and not Path(path).expanduser().is_file():
            raise refusal(
                f"{node.name}: {PREFIX}{name}: {path} does not exist on this machine",
                mark,
                "it wants a PEM file on the controller",
            )


def _checked(node: str, name: str, variables: Mapping[str, object]) -> object:
    field_name, value = _NAMES[name], variables[name]
    if field_name in _MAPPINGS:
        good, wanted = isinstance(value, dict), "a mapping"
    elif field_name in _SECONDS:
        number = _number(value)
        good, wanted, value = value is None or (number or 0) > 0, "seconds above 0", number
    elif field_name == "simulator_defects":
        return _defects(node, name, variables)
    elif field_name == "port_offset":
        number = _number(value)
        good, wanted = number is not None and number == int(number) >= 0, "a whole number from 0"
        value = int(number or 0)
    else:
        good, wanted = isinstance(value, str) or value is None, "a text"
        value = str(value or "")
    if not good:
        raise refusal(
            f"{node}: {name} wants {wanted}, not {variables[name]!r}",
            place_of(variables, name, of_value=True),
        )
    if field_name == "environment" and isinstance(value, dict):
        _check_environment(node, value)
    return value


def _defects(node: str, name: str, variables: Mapping[str, object]) -> list[str]:
    """Read a list of defects; from the command line it comes as text, with commas between."""
    value = variables[name]
    given = value.split(",") if isinstance(value, str) else value
    mark = place_of(variables, name, of_value=True)
    if not isinstance(given, list) or not all(isinstance(defect, str) for defect in given):
        raise refusal(f"{node}: {name} wants a list of texts, not {value!r}", mark)
    names = [text for defect in given if (text := defect.strip())]
    for defect in names:
        if defect not in DEFECTS:
            hint = meant(defect, DEFECTS, f"known: {', '.join(DEFECTS)}")
            raise refusal(f"{node}: {name} does not know {defect!r}", mark, hint)
    return names


def _number(value: object) -> float | None:
    """A number, also one that came as text from the command line."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def _check_environment(node: str, environment: Mapping[str, object]) -> None:
    for key, value in environment.items():
        if str(key).startswith(_OVERRIDE):
            raise refusal(
                f"{node}: {PREFIX}environment: {key} would change server.toml behind our back",
                place_of(environment, key),
                f"set the key in {PREFIX}config instead",
            )
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise refusal(
                f"{node}: {PREFIX}environment: {key} wants a text, not {value!r}",
                place_of(environment, key, of_value=True),
            )
