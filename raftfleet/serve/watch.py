"""Watching one cluster for as long as the daemon lives, whatever happens to its nodes and hosts.

The observer is the one that drills use, at a modest period. Its journal lies in memory and keeps
only the newest events: what is worth keeping of a watch is in Prometheus, and drills have run
folders. Nobody here can change anything: the cluster lock is looked at and never taken, and hosts
refuse every change of whoever does not hold it.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Self

from raftfleet.clock import Deadline
from raftfleet.cluster import Cluster, Holder, Sighting
from raftfleet.errors import RaftfleetError, UnreachableError
from raftfleet.journal import Recorder, disagreement
from raftfleet.metrics import Live

from .patience import PatientTransport, reason_of
from .telling import Telling

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from raftfleet.clock import Clock
    from raftfleet.journal import Picture
    from raftfleet.systems import Node, System
    from raftfleet.transport import Transport

    from .log import Log

__all__ = ["Watch"]

KEPT = 1000
"""Events of a watch that stay in memory."""

_TIMEOUT = 2.0
_HOSTS_EVERY = 15.0
_BLIND = 10.0
_FORKS = 20
_JOIN = 15.0


class Watch:
    """Watches the nodes of one inventory group from `__enter__` to `__exit__`.

    ``period`` is seconds between two polls of a node, ``root`` overrides where hosts keep their
    records. While `busy` is set hosts are not asked about processes: a drill does so itself.
    `trouble` holds the nodes whose hosts cannot be asked, with one of `patience.REASONS` (or
    ``failed``) and what was said.
    """

    def __init__(
        self,
        group: str,
        system: System,
        nodes: Sequence[Node],
        transports: Mapping[str, Transport],
        clock: Clock,
        log: Log,
        *,
        period: float,
        root: str = "",
    ) -> None:
        self.group = group
        self.recorder = Recorder(None, clock, keep=KEPT)
        self.busy = threading.Event()
        self.recorder.subscribe(Telling(log, self.recorder))
        self.live = Live(self.recorder, clock)
        self.trouble: dict[str, tuple[str, str]] = {}
        self._clock = clock
        self._log = log
        self._transports = {
            name: PatientTransport(transport, clock) for name, transport in transports.items()
        }
        self.cluster = Cluster(
            *(group, system, nodes, self._transports, self.recorder, clock),
            period=period,
            timeout=max(_TIMEOUT, period),
            root=root,
            holder=Holder.ourselves("serve", clock.wall()),
        )
        self._turn = threading.Condition()
        self._ending = False
        self._looked = False
        self._stack = ExitStack()
        self._thread = threading.Thread(target=self._look_at_hosts, name="hosts", daemon=True)

    @property
    def system(self) -> System:
        """The adapter of the product."""
        return self.cluster.system

    @property
    def names(self) -> tuple[str, ...]:
        """The nodes' names."""
        return self.cluster.names

    @property
    def picture(self) -> Picture:
        """What is known right now."""
        return self.recorder.picture

    @property
    def ready(self) -> bool:
        """Whether every host was asked once, and every node has had its chance to answer."""
        return self._looked

    @property
    def blind(self) -> float:
        """Seconds since the observer last took note of anything, its tick of each second included."""
        return max(0.0, self._clock.monotonic() - self.picture.t)

    @property
    def alive(self) -> bool:
        """Whether somebody still watches."""
        return self._thread.is_alive() and self.blind < _BLIND

    # --- whether a drill may begin -------------------------------------------------------------

    def unsteady(self) -> str | None:
        """Return why the cluster is not whole and of one mind, None when it is."""
        return disagreement(self.picture, nodes=self.names, now=self._clock.monotonic())

    def locked(self) -> str | None:
        """Ask the hosts who holds the cluster lock; None when nobody does.

        Raises `UnreachableError` naming a host that does not say, or did not when last asked.
        """
        for _, message in list(self.trouble.values()):
            raise UnreachableError(message)
        lock = self.cluster.lock
        seen = lock.look().values() if lock else ()
        for one in seen:
            if isinstance(one, Sighting) and one.held and not one.holder.is_dead(lock.holder):  # type: ignore[union-attr]
                return one.describe()
        for one in seen:
            if isinstance(one, RaftfleetError):
                raise UnreachableError(one.message, hint=one.hint)
        return None

    # --- from beginning to end -----------------------------------------------------------------

    def __enter__(self) -> Self:
        self.cluster.describe()
        self._stack.enter_context(self.cluster.observing())
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._turn:
            self._ending = True
            self._turn.notify_all()
        for transport in self._transports.values():
            transport.close()  # ends what is asked of hosts right now
        self._thread.join(_JOIN)
        # What went wrong in a poller was said in metrics and the log when it happened.
        with suppress(RaftfleetError, RuntimeError):
            self._stack.close()
        for transport in self._transports.values():
            transport.close()

    def _look_at_hosts(self) -> None:
        """Ask every host about its node now and then: that is how one is known to be back."""
        while not self._ending:
            if not self.busy.is_set():
                with ThreadPoolExecutor(min(_FORKS, len(self.names)), "hosts") as pool:
                    list(pool.map(self._look_at, self.names))
                self._looked = True
            self._pause(_HOSTS_EVERY)

    def _pause(self, seconds: float) -> None:
        """Wait so long, or until the watch ends."""
        deadline = Deadline.after(seconds, self._clock)
        with self._turn:
            while not (self._ending or deadline.passed):
                self._clock.wait(self._turn, deadline.left)

    def _look_at(self, name: str) -> None:
        try:
            self.cluster.life(name).settle()
        except UnreachableError as error:
            self._troubled(name, reason_of(error), error)
        except RaftfleetError as error:
            self._troubled(name, "failed", error)
        else:
            if self.trouble.pop(name, None):
                self._log.info("host is back", node=name)

    def _troubled(self, name: str, reason: str, error: RaftfleetError) -> None:
        before = self.trouble.get(name)
        self.trouble[name] = (reason, error.message)
        if before is None or before[0] != reason:
            hint = {"hint": error.hint} if error.hint else {}
            self._log.warning(
                "host cannot be asked", node=name, reason=reason, error=error.message, **hint
            )
