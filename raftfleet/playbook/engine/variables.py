"""Which variables a task sees on a host, from the weakest to the strongest.

address, `remote_user` and `connection` < role defaults < inventory < gathered facts < play vars < vars_files <
role vars and the entry's vars < block and task vars < include_vars < set_fact and register <
role parameters < include vars < -e < providers < magic < loop variables
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from raftfleet.playbook.engine import magic
from raftfleet.playbook.engine.memory import Memory
from raftfleet.playbook.templating import Scope, written

if TYPE_CHECKING:
    from collections.abc import Callable

    from raftfleet.inventory import Host
    from raftfleet.playbook.engine.files import Finder
    from raftfleet.playbook.engine.frame import Frame
    from raftfleet.playbook.engine.options import Options
    from raftfleet.playbook.engine.play_state import PlayState
    from raftfleet.playbook.engine.population import Population

__all__ = ["Provided", "Variables"]


class Provided(Mapping[str, Any]):
    """Variables that somebody else provides, asked for at most once and then the same for all."""

    def __init__(self, providers: Mapping[str, Callable[[], object]]) -> None:
        self._providers = providers
        self._values: dict[str, object] = {}
        self._lock = threading.Lock()

    def __getitem__(self, name: str) -> Any:
        with self._lock:
            if name not in self._values:
                self._values[name] = self._providers[name]()
            return self._values[name]

    def __contains__(self, name: object) -> bool:
        return name in self._providers

    def __iter__(self) -> Iterator[str]:
        return iter(self._providers)

    def __len__(self) -> int:
        return len(self._providers)


class Variables:
    """All variables of a run."""

    def __init__(
        self, options: Options, population: Population, memory: Memory | None = None
    ) -> None:
        self.options = options
        self.population = population
        self.memory = memory or Memory()
        self.extra = {name: written(value) for name, value in options.extra_vars.items()}

    def of_task(
        self,
        host: Host,
        state: PlayState,
        frame: Frame,
        finder: Finder,
        provided: Mapping[str, Any],
        fresh: Mapping[str, Any] | None = None,
    ) -> Scope:
        """Return what a task sees on a host; ``fresh`` are facts set by its own loop so far."""
        host = self.population.inventory.host(host.name) or host  # it may have joined groups
        known = self.memory[host.name]
        makers = {**magic.of_host(host, self), **magic.of_play(state, frame)}
        exported = state.exported()
        layers = (
            magic.Lazy(makers),
            provided,
            self.extra,
            *frame.parameters,
            fresh or {},
            known.facts,
            known.included,
            *frame.layers,
            *frame.role_variables,
            *(part for role in exported for part in (role.variables, role.needed_variables)),
            *state.vars_files.get(host.name, ()),
            state.play.settings.variables,
            known.gathered,
            host.variables,
            *frame.role_defaults,
            *(part for role in exported for part in (role.defaults, role.needed_defaults)),
            {"ansible_host": host.name, **frame.reach},
        )
        return Scope(layers, find=finder.find)

    def of_host(self, host: Host) -> Scope:
        """Return what other hosts see of a host: its inventory variables and its facts."""
        known = self.memory[host.name]
        layers = (
            magic.Lazy(magic.of_host(host, self)),
            self.extra,
            known.facts,
            known.included,
            known.gathered,
            host.variables,
            {"ansible_host": host.name},
        )
        return Scope(layers)

    def of_play(self, variables: Mapping[str, Any]) -> Scope:
        """Return what the header of a play sees: no host, but `-e` and the play's own variables."""
        nobody: dict[str, Any] = {
            "groups": self.population.groups,
            "hostvars": self.hostvars(),
            "playbook_dir": str(self.options.playbook_dir),
            "ansible_check_mode": self.options.check,
        }
        return Scope((nobody, self.extra, variables))

    def hostvars(self) -> HostVars:
        """Return every host's variables by host name."""
        return HostVars(self)


class HostVars(Mapping[str, Scope]):
    """`hostvars`: each host's variables, templated when read."""

    def __init__(self, variables: Variables) -> None:
        self._variables = variables
        self._known: dict[str, Scope] = {}

    def __getitem__(self, name: str) -> Scope:
        if name not in self._known:
            host = self._variables.population.inventory.host(name)
            if host is None:
                raise KeyError(name)
            self._known[name] = self._variables.of_host(host)
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._variables.population.inventory.hosts)

    def __len__(self) -> int:
        return len(self._variables.population.inventory.hosts)
