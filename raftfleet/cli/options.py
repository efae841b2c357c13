"""Options that several commands share, and what they mean."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from raftfleet.cli.extra import extra_variables
from raftfleet.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from raftfleet.cli.asked import Asked

__all__ = [
    "EXTRA",
    "INVENTORIES",
    "RUNS",
    "Given",
    "need_inventory",
    "shared",
    "without_secrets",
]

_SECRET = re.compile(
    r"(passw|secret|token|credential|private_key|api_key).*", re.IGNORECASE | re.DOTALL
)

_LOGIN = re.compile(r"(^|//|=)[^\s/@:=]+:[^\s/@]+@")


def need_inventory(inventories: Sequence[Path]) -> None:
    """Refuse a command line without any inventory."""
    if not inventories:
        raise UsageError("which inventory?", hint="name one: -i FILE, or -i HOST,HOST,")


RUNS = click.option(
    "--runs",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("runs"),
    show_default=True,
    help="Where run folders are kept; one without a cluster is kept only when this is given.",
)

INVENTORIES = click.option(
    "-i",
    "--inventory",
    "--inventory-file",
    "inventories",
    multiple=True,
    type=click.Path(path_type=Path),
    help="An inventory: a file, a folder, or hosts with a comma after each. Repeatable.",
)
EXTRA = click.option(
    "-e",
    "--extra-vars",
    "extra",
    multiple=True,
    metavar="VARS",
    help="Variables that win over all others: k=v, JSON or YAML, or @FILE. Repeatable.",
)

_SHARED = (
    INVENTORIES,
    EXTRA,
    click.option("-l", "--limit", help="Act on these hosts only; the cluster stays whole."),
    click.option(
        *("-f", "--forks"),
        type=click.IntRange(min=1),
        default=20,
        show_default=True,
        help="Hosts at once.",
    ),
    click.option("-u", "--user", help="Log in as this user, unless inventory or play say who."),
    click.option(
        *("-c", "--connection"),
        type=click.Choice(["ssh", "local"]),
        help="How to reach hosts, unless inventory or play say how.",
    ),
    click.option(
        *("--private-key", "--key-file", "private_key"),
        type=click.Path(),
        help="The key to log in with, unless the inventory says which.",
    ),
    click.option(
        *("-T", "--timeout"),
        type=click.IntRange(min=1),
        help="Seconds that connecting may take, unless the inventory says.",
    ),
    click.option(
        "--ssh-common-args", help="As ansible_ssh_common_args, unless the inventory says."
    ),
    click.option("--ssh-extra-args", help="As ansible_ssh_extra_args, unless the inventory says."),
    click.option("-v", "--verbose", count=True, help="Results; -vv: places; -vvv: commands."),
    RUNS,
)


@dataclass(frozen=True, kw_only=True)
class Given:
    """What the shared options were given."""

    inventories: tuple[Path, ...]
    extra: tuple[str, ...]
    limit: str | None
    forks: int
    user: str | None
    connection: str | None
    private_key: str | None
    timeout: int | None
    ssh_common_args: str | None
    ssh_extra_args: str | None
    verbose: int
    runs: Path

    def asked(self, what: str, *, alone: bool = False, **more: Any) -> Asked:
        """Return what a session is asked for; ``what`` names the run folder.

        ``alone``: without an inventory there is this machine.
        """
        if not alone:
            need_inventory(self.inventories)
        from raftfleet.cli.asked import Asked  # noqa: PLC0415 - not for --help

        source = click.get_current_context().get_parameter_source("runs")
        if source is not ParameterSource.DEFAULT:
            more.setdefault("keep", True)
        return Asked(
            what=what,
            inventories=self.inventories,
            runs=self.runs,
            extra=extra_variables(self.extra),
            limit=self.limit,
            forks=self.forks,
            verbose=self.verbose,
            reach=self._reach(),
            **more,
        )

    def _reach(self) -> dict[str, Any]:
        """Return what the options say of reaching hosts as the variables that say the same."""
        said = {
            "ansible_user": self.user,
            "ansible_connection": self.connection,
            "ansible_ssh_private_key_file": self.private_key,
            "ansible_timeout": self.timeout,
            "ansible_ssh_common_args": self.ssh_common_args,
            "ansible_ssh_extra_args": self.ssh_extra_args,
        }
        return {name: value for name, value in said.items() if value is not None}


def shared(function: Callable[..., int]) -> Callable[..., int]:
    """Give a command the options that every command that acts has, as its first argument."""

    @functools.wraps(function)
    def command(**words: Any) -> int:
        given = Given(**{field.name: words.pop(field.name) for field in fields(Given)})
        return function(given, **words)

    for option in reversed(_SHARED):
        command = option(command)
    return command


def without_secrets(argv: Sequence[str]) -> tuple[str, ...]:
    """Return a command line as it may be recorded: words that may hold a secret are cut short."""
    return tuple(_LOGIN.sub(r"\1***@", _SECRET.sub(r"\1***", word)) for word in argv)
