"""One connection for each way a host is reached, opened on first use, journalled, and kept."""

from __future__ import annotations

import math
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from raftfleet.clock import Deadline
from raftfleet.errors import UnreachableError
from raftfleet.journal.events import HostConnected, HostLost
from raftfleet.transport import (
    LocalOptions,
    hops,
    make_transport,
    options_from_variables,
    resolve,
    unless_said,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from raftfleet.clock import Clock
    from raftfleet.inventory import Host
    from raftfleet.journal import Recorder
    from raftfleet.transport import SshOptions, Transport

__all__ = ["Connections"]

_LOOKUP = 20.0  # seconds in which ssh_config must have told what it makes of the options
_AT_MOST = 600.0  # seconds; what a host says of its own (ConnectTimeout, 10 by default) is shorter


@dataclass(slots=True, eq=False)
class _Opening:
    """The making of one host's connections: one at a time, ``tries`` so far, the last one's end."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    tries: int = 0
    error: UnreachableError | None = None


class Connections:
    """The transports of a run, by host name and options.

    ``otherwise`` are connection variables for hosts that say nothing of their own.
    """

    def __init__(
        self,
        known_hosts: Path,
        recorder: Recorder,
        clock: Clock,
        otherwise: Mapping[str, object] | None = None,
    ) -> None:
        self._known_hosts = known_hosts
        self._otherwise = otherwise or {}
        self._recorder = recorder
        self._clock = clock
        self._lock = threading.Lock()
        self._opening: dict[str, _Opening] = {}
        self._connected: list[Transport] = []
        self._open: dict[tuple[str, SshOptions | LocalOptions], Transport] = {}

    def of(self, host: Host, *, timeout: float = math.inf) -> Transport:
        """Return the transport of a host, connected; raise `UnreachableError` when that fails.

        The host's variables must be templated already. The host's own time for connecting holds,
        and ``timeout`` (seconds) where that is shorter. Several who want a host that does not
        answer wait for one and the same try.
        """
        transport, options = self._get(host)
        deadline = Deadline.after(timeout, self._clock)
        with self._lock:
            opening = self._opening.setdefault(host.name, _Opening())
        tries = opening.tries
        if not opening.lock.acquire(timeout=min(deadline.left, threading.TIMEOUT_MAX)):
            raise UnreachableError(f"{host.name}: the connection was still being made")
        try:
            if transport not in self._connected:
                if opening.tries != tries and opening.error is not None:
                    raise type(opening.error)(opening.error.message, hint=opening.error.hint)
                self._open_now(transport, options, deadline, opening)
        finally:
            opening.lock.release()
        return transport

    def _open_now(
        self,
        transport: Transport,
        options: SshOptions | LocalOptions,
        deadline: Deadline,
        opening: _Opening,
    ) -> None:
        opening.error = None
        try:
            self._connect(transport, options, min(deadline.left, _AT_MOST))
        except UnreachableError as error:
            opening.error = error
            raise
        finally:
            opening.tries += 1
        self._connected.append(transport)

    def of_all(self, hosts: Sequence[Host]) -> dict[str, Transport]:
        """Connect to several hosts at once; one that does not answer is recorded and tried again."""

        def reach(host: Host) -> Transport:
            with suppress(UnreachableError):
                self.of(host)
            return self._get(host)[0]

        with ThreadPoolExecutor(len(hosts)) as pool:
            return dict(zip([h.name for h in hosts], pool.map(reach, hosts), strict=True))

    def unopened(self, host: Host) -> Transport:
        """Return the transport of a host as it is; whoever uses it connects it."""
        return self._get(host)[0]

    def way(self, host: Host) -> tuple[str, ...]:
        """Return the machines on the way to a host that is connected, the nearest to us first."""
        options = self._get(host)[1]
        if isinstance(options, LocalOptions):
            return ()
        return hops(host.name, options, Deadline.after(_LOOKUP, self._clock))

    def _get(self, host: Host) -> tuple[Transport, SshOptions | LocalOptions]:
        options = options_from_variables(
            host.name,
            unless_said(host.variables, self._otherwise),
            project_known_hosts=self._known_hosts,
        )
        with self._lock:
            if (host.name, options) not in self._open:
                self._open[host.name, options] = make_transport(host.name, options)
            return self._open[host.name, options], options

    def _connect(
        self, transport: Transport, options: SshOptions | LocalOptions, timeout: float
    ) -> None:
        began = self._clock.monotonic()
        try:
            transport.connect(timeout=timeout)
        except UnreachableError as error:
            self._recorder.record(HostLost(host=transport.host, reason=error.message))
            raise
        if not isinstance(options, LocalOptions):
            # What ssh_config makes of the options is known by now.
            reached = resolve(transport.host, options, Deadline.after(_LOOKUP, self._clock))
            self._recorder.record(
                HostConnected(
                    host=transport.host,
                    address=str(reached),
                    seconds=self._clock.monotonic() - began,
                )
            )

    def close(self) -> None:
        """Let go of every connection, all at once."""
        transports, self._open = list(self._open.values()), {}
        if transports:
            with ThreadPoolExecutor(len(transports)) as pool:
                list(pool.map(lambda transport: transport.close(), transports))
