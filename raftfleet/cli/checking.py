"""What the inventory says of reaching hosts, looked at before anything is done."""

from __future__ import annotations

import difflib
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from raftfleet.errors import SourceError, UsageError
from raftfleet.inventory import mark_of
from raftfleet.transport import CONNECTION_VARIABLES, options_from_variables

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from raftfleet.inventory import Host

__all__ = ["check_connection", "odd_variables"]

_METHOD: Final = "ansible_become_method"
_UNUSED: Final = {
    "ansible_become_pass": "sudo is never given a password",
    "ansible_become_password": "sudo is never given a password",
    "ansible_become_exe": "it is sudo that is called",
    "ansible_become_flags": "sudo is called as `sudo -n`",
}
_MEANT: Final = (
    *CONNECTION_VARIABLES,
    *("ansible_become", "ansible_become_user", _METHOD),
    *("ansible_python_interpreter", "ansible_group_priority"),
)
_ALIKE: Final = 0.9


def check_connection(host: Host, variables: Mapping[str, object], known_hosts: Path) -> None:
    """Refuse connection variables that cannot be followed; no host and no ssh is asked.

    ``variables`` are the host's, templated. Raises `SourceError` with the place of the one that is
    wrong, where it has one; of a line that may hold a secret nothing is shown.
    """
    try:
        _check_method(host, variables)
        options_from_variables(host.name, variables, project_known_hosts=known_hosts)
    except UsageError as error:
        wrong = [one for one in variables if error.message.startswith(f"{host.name}: {one}:")]
        mark = mark_of(host.variables.get(wrong[0])) if wrong else None
        if mark is None:
            raise
        if wrong[0] not in _MEANT:
            mark = replace(mark, source=None)
        raise SourceError(error.message, mark, hint=error.hint) from None


def _check_method(host: Host, variables: Mapping[str, object]) -> None:
    method = str(variables.get(_METHOD) or "sudo").removeprefix("ansible.builtin.")
    if method != "sudo":
        raise UsageError(f"{host.name}: {_METHOD}: {method} is not supported", hint="use sudo")


def odd_variables(variables: Mapping[str, object]) -> Iterator[str]:
    """Yield a warning for each variable that changes nothing, though it looks as if it did."""
    for name, value in variables.items():
        if not name.startswith("ansible_") or name in _MEANT:
            continue
        mark = mark_of(value)
        where = f" ({mark})" if mark else ""
        if name in _UNUSED:
            yield f"{name} is not used: {_UNUSED[name]}{where}"
        elif close := difflib.get_close_matches(name, _MEANT, n=1, cutoff=_ALIKE):
            yield f"{name} means nothing; did you mean {close[0]}?{where}"
