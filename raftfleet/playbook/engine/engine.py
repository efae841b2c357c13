"""Runs a playbook against an inventory; what happens is told in events, and nowhere else."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from raftfleet.playbook.engine.attempt import refuse_when_stopped
from raftfleet.playbook.engine.job import Services
from raftfleet.playbook.engine.memory import Memory
from raftfleet.playbook.engine.options import Options
from raftfleet.playbook.engine.play_run import PlayRun
from raftfleet.playbook.engine.pool import Pool
from raftfleet.playbook.engine.population import Population
from raftfleet.playbook.engine.recorder import Recorder
from raftfleet.playbook.engine.run_state import RunState
from raftfleet.playbook.engine.start import which_starts
from raftfleet.playbook.engine.tags import Selection
from raftfleet.playbook.engine.variables import Variables

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

    from raftfleet.clock import Clock
    from raftfleet.errors import ExitCode
    from raftfleet.inventory import Inventory
    from raftfleet.journal.events import Event
    from raftfleet.playbook.engine.job import Stop, Transports
    from raftfleet.playbook.extension import PlayExtension
    from raftfleet.playbook.recap import Recap
    from raftfleet.playbook.syntax.load import Playbook

__all__ = ["Engine", "PlaybookResult"]


@dataclass(frozen=True, slots=True)
class PlaybookResult:
    """What a run came to. ``defects`` are exceptions that are raftfleet's own fault."""

    recap: Recap
    exit_code: ExitCode
    defects: tuple[Exception, ...] = ()


class Engine:
    """Runs one playbook once.

    ``transports`` gives the transport of a host whose connection variables are templated already;
    it is asked for every task and should keep what it gave. ``record`` is called with one event
    at a time, from any thread. ``tags`` and ``skip_tags`` are as on the command line, empty means
    all and none. ``defaults`` are keywords that hold unless a play says otherwise (`become`,
    `remote_user`). ``variable_providers`` are asked at most once a task. ``inventory_file`` is
    for `ansible_inventory_sources`. ``memory`` is what playbooks before this
    one have left of facts and added hosts. Once ``stop`` is set nothing new starts.
    """

    def __init__(
        self,
        playbook: Playbook,
        inventory: Inventory,
        *,
        transports: Transports,
        record: Callable[[Event], object],
        clock: Clock,
        extra_vars: Mapping[str, Any] | None = None,
        limit: str | None = None,
        tags: Collection[str] = (),
        skip_tags: Collection[str] = (),
        start_at_task: str | None = None,
        check: bool = False,
        diff: bool = False,
        force_handlers: bool = False,
        forks: int = 20,
        defaults: Mapping[str, Any] | None = None,
        extensions: Mapping[str, PlayExtension] | None = None,
        variable_providers: Mapping[str, Callable[[], object]] | None = None,
        inventory_file: Path | None = None,
        verbosity: int = 0,
        memory: Memory | None = None,
        stop: Stop | None = None,
    ) -> None:
        self.playbook = playbook
        self._extensions = extensions or {}
        self._stop = stop or threading.Event()
        self._recorder = Recorder(record)
        options = Options(
            extra_vars=extra_vars or {},
            limit=limit,
            tags=Selection(frozenset(tags) or frozenset({"all"}), frozenset(skip_tags)),
            start_at_task=start_at_task,
            check=check,
            diff=diff,
            force_handlers=force_handlers,
            forks=forks,
            defaults=defaults or {},
            providers=variable_providers or {},
            playbook_dir=playbook.directory,
            inventory_file=inventory_file,
            verbosity=verbosity,
        )
        memory = memory or Memory()
        population = Population(inventory.beside(playbook.directory))
        for placement in memory.placements:
            population.place(placement)
        self._services = Services(
            options=options,
            clock=clock,
            recorder=self._recorder,
            transports=transports,
            stop=self._stop,
            variables=Variables(options, population, memory),
            library=playbook.library,
        )

    @property
    def recap(self) -> Recap:
        """What the run has come to so far, per host."""
        return self._recorder.recap

    def run(self) -> PlaybookResult:
        """Run all plays.

        Raises `UsageError` before anything runs when `--limit` or `--start-at-task` name nothing,
        `InterruptedRun` when the run was interrupted, and what an extension raises.
        """
        options = self._services.options
        self._services.variables.population.inventory.check_limit(options.limit)
        which_starts([self.playbook], options.start_at_task)
        pool = Pool(options.forks, self._stop)
        run = RunState(self._services, pool, options.start_at_task)
        try:
            for play in self.playbook.plays:
                refuse_when_stopped(self._stop)
                PlayRun(run, play, self._extensions).run()
                if run.broken:
                    break
        finally:
            pool.close()
        return PlaybookResult(self.recap, run.exit_code, tuple(run.defects))
