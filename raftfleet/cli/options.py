"""Options that several commands share, and what they mean."""

from __future__ import annotations

import functools
import re
import shlex
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from raftfleet.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from raftfleet.cli.session import Asked

__all__ = ["OUTPUT", "RUNS", "Given", "extra_variables", "shared", "without_secrets"]

_SECRET = re.compile(
    r"(passw|secret|token|credential|private_key|api_key).*", re.IGNORECASE | re.DOTALL
)

_LOGIN = re.compile(r"(^|//|=)[^\s/@:=]+:[^\s/@]+@")

RUNS = click.option(
    "--runs",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("runs"),
    show_default=True,
    help="Where run folders are kept; one without a cluster is kept only when this is given.",
)

OUTPUT = click.option(
    "--output",
    type=click.Choice(["text", "jsonl"]),
    default="text",
    show_default=True,
    help="For people, or every event as a line of JSON.",
)

_SHARED = (
    click.option(
        "-i",
        "--inventory",
        "inventories",
        multiple=True,
        required=True,
        type=click.Path(path_type=Path),
        help="An inventory: a file, a folder, or hosts with a comma after each. Repeatable.",
    ),
    click.option(
        "-e",
        "--extra-vars",
        "extra",
        multiple=True,
        metavar="VARS",
        help="Variables that win over all others: k=v, JSON or YAML, or @FILE. Repeatable.",
    ),
    click.option("-l", "--limit", help="Act on these hosts only; the cluster stays whole."),
    click.option("-f", "--forks", default=20, show_default=True, help="Hosts at once."),
    click.option("-v", "--verbose", count=True, help="Show results; twice for more."),
    RUNS,
)


@dataclass(frozen=True, kw_only=True)
class Given:
    """What the shared options were given."""

    inventories: tuple[Path, ...]
    extra: tuple[str, ...]
    limit: str | None
    forks: int
    verbose: int
    runs: Path

    def asked(self, what: str, **more: Any) -> Asked:
        """Return what a session is asked for; ``what`` names the run folder."""
        from raftfleet.cli.session import Asked  # noqa: PLC0415 - not for --help

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
            **more,
        )


def shared(function: Callable[..., int]) -> Callable[..., int]:
    """Give a command the options that every command that acts has, as its first argument."""

    @functools.wraps(function)
    def command(**words: Any) -> int:
        given = Given(**{field.name: words.pop(field.name) for field in fields(Given)})
        return function(given, **words)

    for option in reversed(_SHARED):
        command = option(command)
    return command


def extra_variables(given: Sequence[str]) -> dict[str, Any]:
    """Return the variables of all ``-e``, later ones winning; raise `UsageError` for a wrong one."""
    merged: dict[str, Any] = {}
    for text in given:
        merged |= _variables(text)
    return merged


def without_secrets(argv: Sequence[str]) -> tuple[str, ...]:
    """Return a command line as it may be recorded: words that may hold a secret are cut short."""
    return tuple(_LOGIN.sub(r"\1***@", _SECRET.sub(r"\1***", word)) for word in argv)


def _variables(text: str) -> dict[str, Any]:
    from raftfleet.inventory import load_yaml  # noqa: PLC0415

    if text.startswith("@"):
        path = Path(text[1:])
        if not path.is_file():
            raise UsageError(f"-e {text}: there is no file {path}")
        loaded = load_yaml(path=path)
    elif text.lstrip().startswith(("{", "[")):
        loaded = load_yaml(text=text, file="-e")
    else:
        return _pairs(text)
    if not isinstance(loaded, dict):
        raise UsageError(f"-e {text}: wants a mapping of variables")
    return dict(loaded)


def _pairs(text: str) -> dict[str, str]:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"-e {text}: {error}") from None
    pairs = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name.isidentifier():
            raise UsageError(f"-e {word}: wants name=value", hint="or JSON: -e '{\"name\": true}'")
        pairs[name] = value
    return pairs
