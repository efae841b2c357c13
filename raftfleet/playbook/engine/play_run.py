"""One play from its header to its last handler."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from raftfleet.errors import RaftfleetError, SourceError
from raftfleet.inventory.patterns import split
from raftfleet.inventory.source import MarkedDict
from raftfleet.playbook.engine.batches import batches, ordered
from raftfleet.playbook.engine.files import Finder
from raftfleet.playbook.engine.flow import Flow
from raftfleet.playbook.engine.frame import Frame
from raftfleet.playbook.engine.handlers import add_handlers, add_role_handlers
from raftfleet.playbook.engine.header import evaluated, header_of
from raftfleet.playbook.engine.magic import Lazy
from raftfleet.playbook.engine.magic import of_play as magic_of_play
from raftfleet.playbook.engine.play_state import PlayState
from raftfleet.playbook.engine.role_places import places_of, roles_of
from raftfleet.playbook.engine.start import begins_in
from raftfleet.playbook.engine.tags import settled_play
from raftfleet.playbook.engine.vars_files import read_vars_files
from raftfleet.playbook.extension import PlayInfo
from raftfleet.playbook.syntax.nodes import Settings, Task

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from raftfleet.inventory import Host
    from raftfleet.playbook.engine.run_state import RunState
    from raftfleet.playbook.extension import PlayExtension
    from raftfleet.playbook.syntax.nodes import Play
    from raftfleet.playbook.templating import Scope

__all__ = ["PlayRun", "pattern_of"]

_NOBODY: Final = "!all"


class PlayRun:
    """Runs one play."""

    def __init__(self, run: RunState, play: Play, extensions: Mapping[str, PlayExtension]) -> None:
        self._run = run
        self._extensions = extensions
        self._services = run.services
        self._header = header_of(play, roles_of(play), run.services.variables, run.services.library)
        self._play = evaluated(play, self._header)

    def run(self) -> None:
        """Run the play, wrapped in its extensions; raises what they raise, and `InterruptedRun`."""
        options = self._services.options
        inventory = self._services.variables.population.inventory
        pattern = pattern_of(self._play, self._header)
        hosts = inventory.select(pattern, options.limit)
        state = self._state(pattern, hosts)
        proceed: Callable[[], None] = partial(self._batches, state, inventory.unmatched(pattern))
        for key, parsed in reversed(list(self._play.extensions.items())):
            info = PlayInfo(
                name=state.name,
                pattern=pattern,
                hosts=tuple(state.present(hosts)),
                everyone=tuple(inventory.select(pattern)),
                inventory=inventory,
                variables=partial(self._variables, state),
                check_mode=options.check,
                mark=self._play.mark,
            )
            proceed = partial(self._extensions[key].wrap, parsed, info, proceed)
        proceed()

    def _state(self, pattern: str, hosts: list[Host]) -> PlayState:
        state = PlayState(self._play, self._title(pattern), hosts, Frame(Settings()), [])
        self._run.failed |= self._run.marked
        state.gone |= self._run.failed | self._run.unreachable
        if state.present(hosts):
            state.batch = self._divided(hosts)[0]
            known = Lazy(magic_of_play(state, state.frame))
            self._play = state.play = settled_play(self._play, self._header.over(known))
        state.forced = self._forced()
        defaults = Settings(self._services.options.defaults)
        state.frame = Frame(replace(defaults.around(self._play.settings), variables={}))
        entries, imports = places_of(self._play, state.frame)
        state.roles = [place.use for place in (*entries, *imports)]
        add_role_handlers(state, entries, self._header)
        add_handlers(state, self._play.handlers, state.frame, self._header)
        add_role_handlers(state, imports, self._header)
        return state

    def _forced(self) -> bool:
        """Whether handlers run on failed hosts: what the play says outranks the command line."""
        said = self._play.force_handlers
        return self._services.options.force_handlers if said is None else bool(said)

    def _title(self, pattern: str) -> str:
        try:
            return str(self._header.template(self._play.name) or pattern)
        except RaftfleetError:
            return str(self._play.name)

    def _variables(self, state: PlayState, name: str) -> Scope:
        """Return a host's variables as a task of the play sees them."""
        host = self._services.variables.population.host(name)
        finder = Finder((self._play.file.parent,))
        scope = self._services.variables.of_task(host, state, state.frame, finder, {})
        if not self._play.vars_files or name in state.vars_files:
            return scope
        state.vars_files[name] = read_vars_files(self._play, scope, self._services.library)
        return self._services.variables.of_task(host, state, state.frame, finder, {})

    def _batches(self, state: PlayState, unmatched: Sequence[str]) -> None:
        recorder = self._services.recorder
        for number, batch in enumerate(self._divided(state.everyone) or [[]]):
            state.begin(batch)
            present = state.present(batch)
            check = self._services.options.check
            recorder.play_started(state.name, present, () if number else unmatched, check=check)
            try:
                if present:
                    self._batch(state, batch)
            finally:
                self._run.failed |= state.failed
                recorder.play_ended(state.name, cut=state.doomed)
            if self._run.broken or state.over:
                return

    def _divided(self, hosts: Sequence[Host]) -> list[list[Host]]:
        return batches(ordered(hosts, self._play.order), self._play.serial)

    def _batch(self, state: PlayState, batch: list[Host]) -> None:
        before = self._lost(batch, state)
        for host in state.present(batch) if self._play.vars_files else ():
            self._variables(state, host.name)
        flow = Flow(self._run, state)
        self._gather_facts(flow, state)
        for section in self._play.sections:
            flow.section(section)
        lost = self._lost(batch, state) - before
        self._run.broken = self._run.broken or state.doomed or len(lost) == len(batch)

    def _lost(self, batch: list[Host], state: PlayState) -> set[str]:
        return {host.name for host in batch} & (
            state.failed | self._run.failed | self._run.marked | self._run.unreachable
        )

    def _gather_facts(self, flow: Flow, state: PlayState) -> None:
        """Run the module `setup` first, if there is one and the play does not decline."""
        setup = self._services.library.modules.get("setup")
        if setup is None or self._play.gather_facts is False:
            return
        awaited = self._run.start_at
        if awaited is not None and not begins_in(self._play, awaited):
            return
        tags = state.frame.settings.tags or frozenset({"always"})
        if not self._services.options.tags.takes(tags):
            return
        task = Task(
            name="Gathering Facts",
            action="setup",
            module=setup,
            arguments=MarkedDict(self._play.fact_arguments),
            settings=Settings(tags=tags),
            mark=self._play.mark,
            directory=self._play.file.parent,
        )
        hosts = state.present(state.batch)
        state.failed |= flow.task(task, hosts, state.frame)


def pattern_of(play: Play, header: Scope) -> str:
    """Return the play's pattern, templated; the parts of a list are joined.

    A template may give an empty list: then it is nobody. Raises `SourceError` when it comes out
    empty otherwise, or as something else than text.
    """
    value = header.template(play.hosts)
    if value == []:
        return _NOBODY
    parts = value if isinstance(value, list) else [value]
    if not parts or not all(isinstance(part, str) and part.strip() for part in parts):
        raise SourceError(f"hosts: wants a pattern, not {value!r}", play.mark)
    if len(parts) == 1:
        return str(parts[0])
    return ",".join(piece for part in parts for piece in split(part))
