"""A TCP proxy like a router on the way: it counts, resets, and forgets flows without a word."""

from __future__ import annotations

import contextlib
import selectors
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable

_GLANCE = 0.02


@dataclass(eq=False)
class Flow:
    """One connection through the proxy."""

    client: socket.socket
    server: socket.socket
    passed: int = 0
    last: float = field(default_factory=time.monotonic)
    forgotten: bool = False

    def other(self, one: socket.socket) -> socket.socket:
        return self.server if one is self.client else self.client


class Proxy:
    """Passes connections on to an address; a flow idle for ``forgets`` seconds is forgotten.

    What belongs to a forgotten flow is taken and thrown away: both ends go on believing in it.
    ``watch`` is called with each flow after it passed something on.
    """

    def __init__(self, address: str, port: int, *, forgets: float = float("inf")) -> None:
        self._target = (address, port)
        self._forgets = forgets
        self._lock = threading.RLock()
        self._selector = selectors.DefaultSelector()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._done = False
        self._open = threading.Event()
        self._open.set()
        self.port: int = self._listener.getsockname()[1]
        self.flows: list[Flow] = []
        self.accepted = 0
        self.watch: Callable[[Flow], None] = lambda _: None
        self._selector.register(self._listener, selectors.EVENT_READ, None)
        self._thread = threading.Thread(target=self._work, name="proxy")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done = True
        self._thread.join(10)
        self.reset()
        self._listener.close()
        self._selector.close()

    def _work(self) -> None:
        while not self._done:
            if not self._open.wait(_GLANCE):
                continue
            for key, _ in self._selector.select(_GLANCE):
                with self._lock, contextlib.suppress(OSError, KeyError):
                    if key.data is None:
                        self._accept()
                    else:
                        self._pass(key.data, key.fileobj)

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        self.accepted += 1
        try:
            server = socket.create_connection(self._target, timeout=5)
        except OSError:
            client.close()
            return
        flow = Flow(client, server)
        self.flows.append(flow)
        for one in (client, server):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._selector.register(one, selectors.EVENT_READ, flow)

    def _pass(self, flow: Flow, one: object) -> None:
        assert isinstance(one, socket.socket)
        now = time.monotonic()
        flow.forgotten |= now - flow.last > self._forgets
        try:
            data = one.recv(65536)
            if flow.forgotten:
                if not data:
                    self._selector.unregister(one)
                return
            if data:
                flow.other(one).sendall(data)
        except OSError:
            data = b""
        if not data:
            self._drop(flow)
            return
        flow.last = now
        flow.passed += len(data)
        self.watch(flow)

    def _drop(self, flow: Flow, *, rudely: bool = False) -> None:
        if flow in self.flows:
            self.flows.remove(flow)
        for one in (flow.client, flow.server):
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(one)
            if rudely:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            one.close()

    def reset(self) -> None:
        """Cut every flow with a TCP reset on both sides."""
        with self._lock:
            for flow in list(self.flows):
                self._drop(flow, rudely=True)

    def hold(self) -> None:
        """Pass nothing on until `release`."""
        self._open.clear()

    def release(self) -> None:
        """Go on after `hold`."""
        self._open.set()

    def forget(self) -> None:
        """Forget every flow without a word."""
        with self._lock:
            for flow in self.flows:
                flow.forgotten = True
