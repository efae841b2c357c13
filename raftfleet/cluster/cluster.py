"""The cluster: its nodes' lives, and what watches, fences and waits for them, put together."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

from raftfleet.errors import RaftfleetError, UsageError, nearest
from raftfleet.journal import events as ev

from .access import NodeAccess
from .describing import described
from .fence import Fence
from .healing import leftovers
from .hostclock import HostClocks
from .life import NodeLife
from .lock import LIFE, ClusterLock
from .logs import NodeLogs
from .naming import user_to_become
from .observe import PERIOD, TIMEOUT, Observer
from .reach import way_to
from .remote import Place
from .starting import Starts
from .stopping import Ending, Stopped
from .traffic import Rates, Traffic
from .waits import Waits, patience
from .watching import Watching

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from raftfleet.clock import Clock
    from raftfleet.journal import Recorder
    from raftfleet.journal.values import Port
    from raftfleet.systems.protocol import Node, System
    from raftfleet.transport.protocol import Transport

    from .failover import Failover
    from .healing import Leftover
    from .holder import Holder

__all__ = ["Cluster"]

_GRACE = 30.0
_FORKS = 20


def _access(
    node: Node, ports: Mapping[str, Port], transports: Mapping[str, Transport]
) -> NodeAccess:
    return NodeAccess(node, ports, way_to(node, ports, transports[node.name]))


class Cluster:
    """The nodes of one inventory group, whatever `--limit` or failed hosts say.

    ``name`` is the group's. ``transports`` holds the way to each node's host. ``period`` and
    ``timeout`` (seconds) are of the polls; ``root`` overrides where hosts keep the records of
    processes. With a ``holder`` (who we are) there is a cluster lock, and hosts refuse whatever
    would change them unless ``lock`` was acquired. ``waits`` waits for what its nodes say.
    """

    def __init__(
        self,
        name: str,
        system: System,
        nodes: Sequence[Node],
        transports: Mapping[str, Transport],
        recorder: Recorder,
        clock: Clock,
        *,
        period: float = PERIOD,
        timeout: float = TIMEOUT,
        root: str = "",
        holder: Holder | None = None,
        lock_life: float = LIFE,
    ) -> None:
        self.name = name
        self.system = system
        self.nodes = tuple(nodes)
        self.recorder = recorder
        self.clocks = HostClocks(recorder, clock)
        self._period = period
        fence = Fence() if holder else None
        self._places = {
            node.name: Place(
                node, name, transports[node.name], user_to_become(node.variables), root, fence
            )
            for node in nodes
        }
        self.lock: ClusterLock | None = None
        if holder and fence:
            places = tuple(self._places.values())
            self.lock = ClusterLock(places, fence, holder, recorder, clock, life=lock_life)
        self._lives = {
            one: NodeLife(place, system, recorder, self.clocks)
            for one, place in self._places.items()
        }
        self._logs = {
            one: NodeLogs(place, system, recorder, self.clocks, [node.identity for node in nodes])
            for one, place in self._places.items()
        }
        self._accesses = {
            node.name: _access(node, {port.name: port for port in system.ports(node)}, transports)
            for node in nodes
        }
        observer = Observer(
            system,
            self._accesses,
            {node.identity.id: node.name for node in nodes},
            recorder,
            clock,
            settle=lambda name: self._lives[name].settle(),
            period=period,
            timeout=timeout,
        )
        self._clock = clock
        self._watching = Watching(system, observer, self._places, self._accesses, recorder, clock)
        self._led: dict[str, Mapping[str, int]] = {}
        self._starts = Starts(system, recorder, clock, observer.check)
        self.waits = Waits(recorder, observer.check, patience(system.timing(nodes[0])))

    # --- who and what ----------------------------------------------------------------------

    @property
    def names(self) -> tuple[str, ...]:
        """The nodes' names, in the inventory's order."""
        return tuple(self._places)

    def life(self, name: str) -> NodeLife:
        """Return the life cycle of a node."""
        if name not in self._lives:
            close = nearest(name, self._lives)
            hint = f"did you mean {close}?" if close else f"its nodes: {', '.join(self.names)}"
            raise UsageError(f"{self.name} has no node {name!r}", hint=hint)
        return self._lives[name]

    def access(self, name: str) -> NodeAccess:
        """Return the way to a node's API."""
        self.life(name)
        return self._accesses[name]

    def describe(self, build: str = "") -> None:
        """Record the cluster with all that judging needs of its system."""
        self.recorder.record(
            described(self.name, self.system, self.nodes, period=self._period, build=build)
        )

    def deployed(self, name: str, path: str, digest: str) -> None:
        """Record which program was brought to a node's host: what runs from there must be that."""
        self.life(name).deployed[path] = digest
        self.recorder.record(ev.NodeDeployed(node=name, path=path, digest=digest))

    @property
    def patience(self) -> float:
        """Seconds that waits last by default: some elections, and some slack."""
        return self.waits.patience

    def fenced(self, name: str, line: str) -> str:
        """Return a shell line for a node's host that does nothing unless the lock is ours there."""
        self.life(name)
        return self._places[name].fenced(line)

    def leftovers(self) -> tuple[list[Leftover], dict[str, RaftfleetError]]:
        """Return what dead runs left on the hosts; see `healing.leftovers`."""
        return leftovers(tuple(self._places.values()))

    # --- seeing ----------------------------------------------------------------------------

    def find(self) -> dict[str, RaftfleetError]:
        """Ask every host at once what runs there, and read its clocks.

        Returns the nodes whose hosts could not say, with the reason.
        """

        def ask(name: str) -> None:
            self._lives[name].found()
            self.clocks.fresh(self._places[name])

        return self._each(ask, self.names)

    def _each(
        self, act: Callable[[str], object], names: Sequence[str]
    ) -> dict[str, RaftfleetError]:
        """Act on several nodes at once; return what went wrong by node."""
        failed: dict[str, RaftfleetError] = {}
        with ThreadPoolExecutor(min(_FORKS, len(names) or 1), "cluster") as pool:
            for name, future in {name: pool.submit(act, name) for name in names}.items():
                try:
                    future.result()
                except RaftfleetError as error:
                    failed[name] = error
        return failed

    # --- watching --------------------------------------------------------------------------

    @contextmanager
    def observing(self) -> Iterator[None]:
        """Watch every node while the block lasts; see `Watching.observing`."""
        with self._watching.observing():
            yield

    @contextmanager
    def sampling(self) -> Iterator[None]:
        """Sample processor time and node lists while the block lasts, besides observing."""
        with self._watching.sampling():
            yield

    def sample(self) -> None:
        """Record now, and not only at the next second, how well each node has been watched."""
        self._watching.observer.sample()

    def close(self) -> None:
        """Let go of the connections to the nodes' APIs; the transports are not ours."""
        self._watching.close()

    def traffic(self, prefix: str, rates: Rates, stop: threading.Event) -> Traffic:
        """Return traffic for this cluster; no key of it has been used before."""
        return Traffic(
            self.system,
            self._accesses,
            self.recorder,
            self._clock,
            prefix=prefix,
            rates=rates,
            stop=stop,
        )

    # --- acting ----------------------------------------------------------------------------

    def start(
        self,
        names: Sequence[str],
        *,
        timeout: float | None = None,
        stop: threading.Event | None = None,
    ) -> tuple[str, ...]:
        """Start nodes one at a time, the next when the one before is up; return those started.

        A node that needs more voters than run is left waiting, and the next start waits for it
        too. ``timeout`` (seconds) is for each. Raises `NodeError` when one ends, or is not up by
        then, and `InterruptedRun` when ``stop`` is set.
        """
        with self.observing():
            lives = [self.life(name) for name in names]
            within = self.patience if timeout is None else timeout
            return tuple(one.name for one in lives if self._starts.start(one, within, stop))

    def launch(self, name: str) -> bool:
        """Start a node's process and do not wait until it is up; False when it ran already."""
        return self._starts.launch(self.life(name))

    def await_ready(
        self, *, timeout: float | None = None, stop: threading.Event | None = None
    ) -> tuple[str, ...]:
        """Wait until every node that was started is up; return those that are not.

        Raises `NodeError` when one has ended.
        """
        with self.observing():
            self._starts.wait(self.patience if timeout is None else timeout, stop)
        return self._starts.pending

    def stop(
        self, name: str, signal: str = "TERM", grace: float = _GRACE, *, passing: bool = False
    ) -> Stopped:
        """Signal a node and wait for its end; see `stopping.stop`.

        ``passing``: it is to be started again, and the host keeps a record that says so.
        """
        life = self.life(name)
        self._starts.forget(name)
        undo = self.lock.holder.lines() if self.lock and passing else ""
        stopped = life.stop(signal, grace, undo=undo)
        if stopped.ending is not Ending.NOT_RUNNING:
            self._led[name] = stopped.led
        return stopped

    def wipe(self, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Empty the data directories of nodes that are down; when all are, a generation begins.

        Returns the directories that held anything. Raises `NodeError` before it has touched anything of the node.
        """
        wiped = {name: self.life(name).wipe() for name in names}
        if set(names) == set(self.names):
            generation = self.recorder.picture.generation + 1
            self.recorder.record(ev.ClusterGeneration(generation=generation))
        return wiped

    # --- logs ------------------------------------------------------------------------------

    def remember_logs(self) -> None:
        """Take note of where every log ends; a host that cannot say is recorded."""
        self._each(lambda name: self._logs[name].remember(), self.names)

    def collect_logs(self) -> None:
        """Look at every process once more, then fetch and read what was logged since.

        Nothing is raised for a host or a log that cannot be had: it is recorded.
        """

        def collect(name: str) -> None:
            try:
                self._lives[name].found()
            finally:
                self._logs[name].collect()

        self._each(collect, self.names)

    def await_failover(
        self,
        victim: str,
        *,
        led: Mapping[str, int] | None = None,
        timeout: float | None = None,
        stop: threading.Event | None = None,
    ) -> Failover:
        """Wait until every group that ``victim`` led has another leader, or has it back.

        ``led`` maps groups to terms; by default what it led when it was last stopped.
        """
        before = self._led.get(victim, {}) if led is None else led
        return self.waits.failover(victim, before, timeout=timeout, stop=stop)
