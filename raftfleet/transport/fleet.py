"""Many hosts at once: a pool of threads, transports kept open, results as they come."""

from __future__ import annotations

import concurrent.futures
import functools
import queue
import threading
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

from raftfleet.clock import Deadline, SystemClock
from raftfleet.errors import UsageError
from raftfleet.transport.local import LocalTransport
from raftfleet.transport.options import LocalOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path, PurePosixPath

    from raftfleet.transport.options import SshOptions
    from raftfleet.transport.protocol import Transfer, Transport

__all__ = ["FORKS", "Fleet", "FleetProgress", "make_transport"]

FORKS = 20
STRAGGLING = 5.0  # seconds for calls still under way when a fleet is closed
T = TypeVar("T")


def make_transport(host_name: str, options: SshOptions | LocalOptions) -> Transport:
    """Return a transport for a host; nothing is connected yet."""
    if isinstance(options, LocalOptions):
        return LocalTransport(host_name)
    # Fabric and paramiko take a quarter of a second to import: only those who connect pay.
    from raftfleet.transport.ssh import SshTransport  # noqa: PLC0415

    return SshTransport(host_name, options)


class FleetProgress(Protocol):
    """Told from time to time how many bytes of how many one host has been sent.

    Called from the pool's threads, several at once.
    """

    def __call__(self, host: str, done: int, total: int) -> None:
        """Take note."""
        ...


class Fleet:
    """The transports of an inventory's hosts, by inventory name.

    Two names for one machine have two transports. A context manager that closes them all.
    """

    def __init__(
        self,
        options: Mapping[str, SshOptions | LocalOptions],
        *,
        forks: int = FORKS,
        make: Callable[[str, SshOptions | LocalOptions], Transport] = make_transport,
    ) -> None:
        if forks < 1:
            raise UsageError(f"forks: {forks} is not a number of hosts", hint="1 or more")
        self._options = dict(options)
        self._forks = forks
        self._make = make
        self._lock = threading.Lock()
        self._transports: dict[str, Transport] = {}
        self._pool: concurrent.futures.ThreadPoolExecutor | None = None
        self._futures: set[concurrent.futures.Future[Any]] = set()

    def of(self, host: str) -> Transport:
        """Return the transport of a host, made on first use and kept."""
        with self._lock:
            if host not in self._options:
                raise UsageError(f"{host} is not a host of the inventory")
            if host not in self._transports:
                self._transports[host] = self._make(host, self._options[host])
            return self._transports[host]

    def each(
        self, hosts: Iterable[str], function: Callable[[Transport], T]
    ) -> Iterator[tuple[str, T | Exception]]:
        """Call a function for several hosts at once; yield (host, result) as they finish.

        An exception takes the place of the result. All calls are under way or queued when this
        returns; leaving the iterator early calls off those that have not begun.
        """
        transports = {host: self.of(host) for host in hosts}
        pool = self._threads()
        futures = {pool.submit(function, one): host for host, one in transports.items()}
        with self._lock:
            self._futures = {one for one in self._futures if not one.done()} | futures.keys()
        return _collected(futures)

    def put(
        self,
        hosts: Iterable[str],
        source: Path | bytes,
        target: PurePosixPath,
        *,
        mode: int,
        timeout: float,
        become: str | None = None,
        progress: FleetProgress | None = None,
    ) -> Iterator[tuple[str, Transfer | Exception]]:
        """Send one file to several hosts at once; ``timeout`` is for each of them."""

        def send(transport: Transport) -> Transfer:
            tell = functools.partial(progress, transport.host) if progress else None
            return transport.put(
                source, target, mode=mode, timeout=timeout, become=become, progress=tell
            )

        return self.each(hosts, send)

    def _threads(self) -> concurrent.futures.ThreadPoolExecutor:
        with self._lock:
            if self._pool is None:
                self._pool = concurrent.futures.ThreadPoolExecutor(
                    self._forks, thread_name_prefix="fleet"
                )
            return self._pool

    def close(self) -> None:
        """Let go of every connection; commands still running are ended.

        A function that goes on all the same, opening its connection again, is given 5 s.
        """
        with self._lock:
            pool, self._pool = self._pool, None
            transports = list(self._transports.values())
            futures, self._futures = self._futures, set()
            self._transports.clear()
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)
        deadline = Deadline.after(STRAGGLING, SystemClock())
        _close(transports, self._forks)
        while (running := {one for one in futures if not one.done()}) and not deadline.passed:
            concurrent.futures.wait(running, timeout=0.1)
            _close(transports, self._forks)
        if pool is not None and not running:
            pool.shutdown(wait=True)  # all calls are over: the threads only have to end

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _close(transports: list[Transport], forks: int) -> None:
    with concurrent.futures.ThreadPoolExecutor(forks) as closers:
        list(closers.map(lambda transport: transport.close(), transports))


def _collected(
    futures: dict[concurrent.futures.Future[T], str],
) -> Iterator[tuple[str, T | Exception]]:
    # Not as_completed: it waits for ever for a call that was called off before it began.
    finished: queue.SimpleQueue[concurrent.futures.Future[T]] = queue.SimpleQueue()
    for future in futures:
        future.add_done_callback(finished.put)
    try:
        for _ in futures:
            future = finished.get()
            try:
                yield futures[future], future.result()
            except Exception as error:  # noqa: BLE001 - whatever it is belongs to its host
                yield futures[future], error
    finally:
        for future in futures:
            future.cancel()
