"""Runs a playbook against an inventory; what happens is told in events, and nowhere else."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from raftfleet.errors import ExitCode, UsageError, nearest
from raftfleet.playbook.engine.attempt import refuse_when_stopped
from raftfleet.playbook.engine.job import Services
from raftfleet.playbook.engine.memory import Memory
from raftfleet.playbook.engine.options import Options
from raftfleet.playbook.engine.play_run import PlayRun
from raftfleet.playbook.engine.pool import Pool
from raftfleet.playbook.engine.population import Population
from raftfleet.playbook.engine.recorder import Recorder
from raftfleet.playbook.engine.run_state import RunState
from raftfleet.playbook.engine.tags import Selection, starts_at
from raftfleet.playbook.engine.variables import Variables
from raftfleet.playbook.syntax.nodes import Block, Task

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from raftfleet.clock import Clock
    from raftfleet.inventory import Inventory
    from raftfleet.journal.events import Event
    from raftfleet.playbook.engine.job import Stop, Transports
    from raftfleet.playbook.extension import PlayExtension
    from raftfleet.playbook.recap import Recap
    from raftfleet.playbook.syntax.load import Playbook
    from raftfleet.playbook.syntax.nodes import Node

__all__ = ["Engine", "PlaybookResult", "which_starts"]


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
    for the variables `inventory_file` and `inventory_dir`. ``memory`` is what playbooks before this
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


def which_starts(playbooks: Sequence[Playbook], title: str | None) -> int:
    """Return which of the playbooks has the task to start at; the first for no task.

    Refuses, as `UsageError`, a task that is not there: nothing would run and look like success.
    """
    if title is None:
        return 0
    tasks = [
        (number, role, task.title)
        for number, playbook in enumerate(playbooks)
        for play in playbook.plays
        for section in play.sections
        for role, task in _tasks(section, None)
    ]
    for number, role, one in tasks:
        if starts_at(title, one, role):
            return number
    close = nearest(title, [one for _, _, one in tasks])
    hint = f"did you mean {close!r}?" if close else "tasks of included files cannot be started at"
    raise UsageError(f"--start-at-task: there is no task {title!r}", hint=hint)


def _tasks(nodes: Iterable[Node], role: str | None) -> Iterator[tuple[str | None, Task]]:
    """Yield every task with the name of the role that it is part of."""
    for node in nodes:
        if isinstance(node, Task):
            yield role, node
        elif isinstance(node, Block):
            yield from _tasks((*node.body, *node.rescue, *node.always), role)
        else:
            yield from _tasks((*node.role.dependencies, *node.role.tasks), node.role.name)
