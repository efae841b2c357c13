"""Keys of a sandbox: one pair for whoever logs in, and one host key for each host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raftfleet.sandbox.seed import HOST_KEY, host_folder
from raftfleet.sandbox.tools import call_all

if TYPE_CHECKING:
    from pathlib import Path

    from raftfleet.sandbox.model import Sandbox

__all__ = ["cut_keys"]


def cut_keys(sandbox: Sandbox, *, keep: int) -> None:
    """Make all keys, let the login key into every host, and write known_hosts."""
    host_keys = [host_folder(sandbox, host) / "seed" / HOST_KEY for host in sandbox.hosts]
    commands = [_keygen(sandbox.key_file, f"raftfleet-sandbox-{sandbox.name}")]
    for host, key in zip(sandbox.hosts, host_keys, strict=True):
        commands.append(_keygen(key, host.name))
    call_all(commands, keep=keep)
    login = _public(sandbox.key_file)
    known: list[str] = []
    known6: list[str] = []
    for host, key in zip(sandbox.hosts, host_keys, strict=True):
        authorized = host_folder(sandbox, host) / "seed/root/.ssh/authorized_keys"
        authorized.write_text(login, encoding="ascii")
        authorized.chmod(0o600)  # sshd takes no keys from a file that others may write
        kind, blob = _public(key).split()[:2]
        known.append(f"{host.address},{host.name} {kind} {blob}\n")
        known6 += [f"{host.address6} {kind} {blob}\n"] if host.address6 else []
    sandbox.known_hosts.write_text("".join([*known, *known6]), encoding="ascii")


def _keygen(path: Path, comment: str) -> list[str]:
    return ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)]


def _public(key: Path) -> str:
    return key.with_name(f"{key.name}.pub").read_text(encoding="ascii")
