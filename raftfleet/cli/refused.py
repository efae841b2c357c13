"""Options of ansible-playbook that mean nothing here, each with the way out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from raftfleet.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["refusals"]

_Command = TypeVar("_Command", bound="Callable[..., Any]")

_BECOME: Final = (
    "sudo is never given a password",
    "let the login user use sudo without one (NOPASSWD in sudoers), or log in as root: -u root",
)
_LOGIN: Final = (
    "nobody logs in with a password",
    "use a key file (--private-key) or an SSH agent, which takes keys with a passphrase too",
)
_VAULT: Final = (
    "vaults are not supported",
    "read secrets from the environment, {{ lookup('env', 'NAME') }}, or pass them: -e @FILE",
)
_FILES: Final = (
    "files travel over the host's one SSH connection",
    "--ssh-common-args says how that is made",
)
_REFUSED: Final[tuple[tuple[tuple[str, ...], bool, tuple[str, str]], ...]] = (
    (("-K", "--ask-become-pass"), True, _BECOME),
    (("--become-password-file", "--become-pass-file"), False, _BECOME),
    (("-k", "--ask-pass"), True, _LOGIN),
    (("--connection-password-file", "--conn-pass-file"), False, _LOGIN),
    (("-J", "--ask-vault-password", "--ask-vault-pass"), True, _VAULT),
    (("--vault-password-file", "--vault-pass-file"), False, _VAULT),
    (("--vault-id",), False, _VAULT),
    (("--sftp-extra-args",), False, _FILES),
    (("--scp-extra-args",), False, _FILES),
    (("--toml",), True, ("inventories are not written as TOML", "print YAML (--yaml) or JSON")),
    (
        ("--step",),
        True,
        (
            "there is no asking before each task",
            "look first with --check or --list-tasks; begin later with --start-at-task",
        ),
    ),
    (
        ("-M", "--module-path"),
        False,
        (
            "modules are not looked for in folders of Ansible modules",
            "docs/modules.md says which there are",
        ),
    ),
)


def refusals(command: _Command) -> _Command:
    """Let a command know these options, hidden from its help, so that it can say why not."""
    for names, flag, (why, hint) in _REFUSED:
        command = click.option(
            *names,
            is_flag=flag,
            multiple=not flag,
            hidden=True,
            expose_value=False,
            callback=_refusing(names, why, hint),
        )(command)
    return command


def _refusing(
    names: tuple[str, ...], why: str, hint: str
) -> Callable[[click.Context, click.Parameter, Any], None]:
    def refuse(context: click.Context, _: click.Parameter, value: Any) -> None:
        if value and not context.resilient_parsing:
            raise UsageError(f"{' '.join(names[:2])}: {why}", hint=hint)

    return refuse
