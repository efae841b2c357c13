"""One connection for each way a host is reached, opened on first use, journalled, and kept."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
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

_CONNECT = 20.0


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
        self._opening: dict[str, threading.Lock] = {}
        self._connected: list[Transport] = []
        self._open: dict[tuple[str, SshOptions | LocalOptions], Transport] = {}

    def of(self, host: Host) -> Transport:
        """Return the transport of a host, connected; raise `UnreachableError` when that fails.

        The host's variables must be templated already.
        """
        transport, options = self._get(host)
        with self._lock:
            opening = self._opening.setdefault(host.name, threading.Lock())
        with opening:
            if transport not in self._connected:
                self._connect(transport, options)
                self._connected.append(transport)
        return transport

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
        return hops(host.name, options, Deadline.after(_CONNECT, self._clock))

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

    def _connect(self, transport: Transport, options: SshOptions | LocalOptions) -> None:
        began = self._clock.monotonic()
        try:
            transport.connect(timeout=_CONNECT)
        except UnreachableError as error:
            self._recorder.record(HostLost(host=transport.host, reason=error.message))
            raise
        if not isinstance(options, LocalOptions):
            # What ssh_config makes of the options is known by now.
            reached = resolve(transport.host, options, Deadline.after(_CONNECT, self._clock))
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
