"""Host patterns: names, groups, globs, `~regex`, `[n]`, `[a:b]`, and `:` `,` `&` `!` between them."""

from __future__ import annotations

import fnmatch
import functools
import ipaddress
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from raftfleet.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from raftfleet.inventory.model import Host, Inventory

__all__ = ["evaluate", "split", "split_limit", "unmatched", "within"]

_PARTS: Final = re.compile(r"(?:[^\s:\[\]]|\[[^\]]*\])+")
_SUBSCRIPT: Final = re.compile(r"(?P<name>.+)\[(?:(?P<one>-?\d+)|(?P<first>\d+):(?P<last>\d*))\]")
_OLD_SUBSCRIPT: Final = re.compile(r".+\[\d+-\d*\]")
_GLOB: Final = frozenset("*?[.")


def split(pattern: str) -> list[str]:
    """Split a pattern at commas, or else at colons outside of brackets."""
    if "," in pattern:
        parts = [part.strip() for part in pattern.split(",")]
    elif _is_ipv6(pattern):
        parts = [pattern.strip()]
    else:
        parts = _PARTS.findall(pattern)
    return [part for part in parts if part]


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text.strip())
    except ValueError:
        return False
    return True


def split_limit(limit: str) -> list[str]:
    """Split a limit; a part `@FILE` stands for the patterns in that file, one or more a line."""
    parts: list[str] = []
    for part in split(limit):
        if not part.startswith("@"):
            parts.append(part)
            continue
        try:
            lines = Path(part[1:]).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(
                f"cannot read the limit file {part[1:]}: {error}",
                hint="--limit @FILE names a file with one pattern a line",
            ) from error
        for line in lines:
            parts += split(line)
    return parts


def evaluate(inventory: Inventory, parts: Sequence[str]) -> list[Host]:
    """Return the hosts of a split pattern: what is named, then `&` narrows, then `!` removes.

    Hosts keep the order in which the parts name them. A pattern of `&` and `!` alone starts from
    all hosts.
    """
    if not parts:
        raise UsageError("a host pattern is empty", hint="`all` names every host")
    named = [part for part in parts if part[0] not in "&!"] or ["all"]
    chosen: dict[str, Host] = {}
    for part in named:
        for host in _match(inventory, part):
            chosen.setdefault(_identity(inventory, host), host)
    for part in parts:
        if part[0] == "&":
            kept = {_identity(inventory, host) for host in _match(inventory, part[1:])}
            chosen = {name: host for name, host in chosen.items() if name in kept}
    for part in parts:
        if part[0] == "!":
            for host in _match(inventory, part[1:]):
                chosen.pop(_identity(inventory, host), None)
    return list(chosen.values())


def within(inventory: Inventory, hosts: Iterable[Host], limit: Sequence[str]) -> list[Host]:
    """Return those hosts that a split limit names, in their own order."""
    allowed = {_identity(inventory, host) for host in evaluate(inventory, limit)}
    return [host for host in hosts if _identity(inventory, host) in allowed]


def _identity(inventory: Inventory, host: Host) -> str:
    """Return the host's name, and one name for this machine while nobody lists it under any."""
    return host.name if host.name in inventory.hosts else "localhost"


def unmatched(inventory: Inventory, parts: Iterable[str]) -> list[str]:
    """Return the parts that match no host and no group."""
    return [
        part
        for part in parts
        if (bare := part.lstrip("&!")) != "all"
        and bare not in inventory.hosts
        and not _groups(inventory, name := _subscript(bare)[0])
        and not _named(inventory, name)
    ]


def _match(inventory: Inventory, part: str) -> list[Host]:
    """Return the hosts of one part without `&` or `!`."""
    if not part:
        return []
    if part in inventory.hosts:
        return [inventory.hosts[part]]
    name, subscript = _subscript(part)
    hosts = _named(inventory, name)
    if subscript is None or not hosts:
        return hosts
    if isinstance(subscript, slice):
        return hosts[subscript]
    if not -len(hosts) <= subscript < len(hosts):
        raise UsageError(
            f"no host matches {part!r}: {name} has {len(hosts)} "
            f"host{'s' * (len(hosts) != 1)}, counted from 0"
        )
    return [hosts[subscript]]


def _subscript(part: str) -> tuple[str, int | slice | None]:
    """Split `name[2]`, `name[1:3]` (the end is included) or `name[1:]` into name and subscript."""
    if part.startswith("~"):
        return part, None
    if _OLD_SUBSCRIPT.fullmatch(part):
        name, _, subscript = part.rpartition("[")
        raise UsageError(
            f"{part!r} is neither a subscript nor, as Ansible reads it, a glob",
            hint=f"write {name}[{subscript.replace('-', ':')} for some hosts of {name}, "
            f"or ~{part}$ for names that end so",
        )
    if (found := _SUBSCRIPT.fullmatch(part)) is None:
        return part, None
    if found["one"]:
        return found["name"], int(found["one"])
    last = int(found["last"]) + 1 if found["last"] else None
    return found["name"], slice(int(found["first"]), last)


def _groups(inventory: Inventory, name: str) -> list[str]:
    return [name] if name in inventory.groups else list(filter(_matcher(name), inventory.groups))


def _named(inventory: Inventory, name: str) -> list[Host]:
    """Return the hosts of all groups that match, and matching hosts unless a group's plain name did.

    A host that is found on several ways is there several times, and a subscript counts each.
    """
    groups = _groups(inventory, name)
    found = [inventory.hosts[host] for group in groups for host in inventory.groups[group].hosts]
    if not groups or name.startswith("~") or _GLOB & set(name):
        matches = _matcher(name)
        found += [known for host, known in inventory.hosts.items() if matches(host)]
    if not found and not groups and (implicit := inventory.host(name)):
        return [implicit]
    return found


@functools.cache
def _compiled(name: str) -> re.Pattern[str]:
    try:
        return re.compile(name[1:] if name.startswith("~") else fnmatch.translate(name))
    except re.error as error:
        raise UsageError(f"{name!r} is not a valid host pattern: {error}") from error


def _matcher(name: str) -> functools.partial[bool]:
    return functools.partial(_matches, _compiled(name))


def _matches(expression: re.Pattern[str], text: str) -> bool:
    return expression.match(text) is not None
