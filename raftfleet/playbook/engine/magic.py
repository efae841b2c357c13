"""The variables that nobody defines: who the host is, what else there is, how the run was started."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from raftfleet.playbook.templating import OMIT

if TYPE_CHECKING:
    from collections.abc import Callable

    from raftfleet.inventory import Host
    from raftfleet.playbook.engine.frame import Frame
    from raftfleet.playbook.engine.play_state import PlayState
    from raftfleet.playbook.engine.variables import Variables

__all__ = ["Lazy", "of_host", "of_play"]


# What playbooks ask before they use what came with some version of ansible-core.
_VERSION: Final = {"full": "2.19.14", "major": 2, "minor": 19, "revision": 14, "string": "2.19.14"}


class Lazy(Mapping[str, Any]):
    """Variables that are computed when somebody asks, and then kept."""

    def __init__(self, makers: Mapping[str, Callable[[], Any]]) -> None:
        self._makers = makers
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = self._makers[name]()
        return self._made[name]

    def __contains__(self, name: object) -> bool:
        return name in self._makers

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)


def of_host(host: Host, variables: Variables) -> dict[str, Callable[[], Any]]:
    """Return what is known of a host outside of any play."""
    options = variables.options
    found: dict[str, Callable[[], Any]] = {
        "inventory_hostname": lambda: host.name,
        "inventory_hostname_short": lambda: host.name.split(".")[0],
        "group_names": lambda: list(host.groups),
        "groups": lambda: variables.population.groups,
        "hostvars": variables.hostvars,
        "inventory_file": lambda: None if host.source is None else str(host.source),
        "inventory_dir": lambda: _folder(host),
        "playbook_dir": lambda: str(options.playbook_dir),
        "omit": lambda: OMIT,
        "ansible_version": lambda: dict(_VERSION),
        "ansible_playbook_python": lambda: sys.executable,
        "ansible_check_mode": lambda: options.check,
        "ansible_diff_mode": lambda: options.diff,
        "ansible_forks": lambda: options.forks,
        "ansible_verbosity": lambda: options.verbosity,
        "ansible_run_tags": lambda: sorted(options.tags.only),
        "ansible_skip_tags": lambda: sorted(options.tags.skip),
        "ansible_facts": lambda: _without_prefix(variables.memory[host.name].gathered),
    }
    if options.limit is not None:
        found["ansible_limit"] = lambda: options.limit
    if options.inventory_file is not None:
        found["ansible_inventory_sources"] = lambda: [str(options.inventory_file)]
    return found


def _folder(host: Host) -> str | None:
    """Return the folder of the file that named a host; a list of names has none."""
    source = host.source
    return str(source.parent) if source is not None and source.is_absolute() else None


def _needed_roles(state: PlayState) -> list[str]:
    """Return the roles that the play's roles need."""
    found: dict[str, None] = {}
    uses = [need for use in state.roles for need in use.role.dependencies]
    while uses:
        use = uses.pop(0)
        found[use.role.name] = None
        uses += use.role.dependencies
    return list(found)


def _without_prefix(gathered: Mapping[str, Any]) -> dict[str, Any]:
    """Return facts as `ansible_facts` holds them; the host's own facts keep their name there."""
    return {
        name if name == "ansible_local" else name.removeprefix("ansible_"): value
        for name, value in gathered.items()
    }


def of_play(state: PlayState, frame: Frame) -> dict[str, Callable[[], Any]]:
    """Return what is known of the play, and of the role that a task is part of."""
    found: dict[str, Callable[[], Any]] = {
        "play_hosts": state.hosts_in_batch,
        "ansible_play_hosts": state.hosts_in_play,
        "ansible_play_batch": state.hosts_in_batch,
        "ansible_play_hosts_all": lambda: [host.name for host in state.everyone],
        "ansible_play_name": lambda: state.name,
        "playbook_dir": lambda: str(state.play.file.parent),
        "ansible_play_role_names": state.role_names,
        "ansible_dependent_role_names": lambda: _needed_roles(state),
        "role_names": state.role_names,
        "ansible_role_names": lambda: list(
            dict.fromkeys((*state.role_names(), *_needed_roles(state)))
        ),
    }
    role = frame.role
    if role is not None:
        found["role_name"] = found["ansible_role_name"] = lambda: role.name
        found["role_path"] = lambda: str(role.path)
    parents = [
        parent.role for parent, use in zip(frame.uses, frame.uses[1:], strict=False) if use.imported
    ]
    if parents:
        found["ansible_parent_role_names"] = lambda: [role.name for role in reversed(parents)]
        found["ansible_parent_role_paths"] = lambda: [str(role.path) for role in reversed(parents)]
    return found
