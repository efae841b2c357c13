"""A TCP port of the host's network, reachable on this machine's loopback."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from typing import TYPE_CHECKING

from raftfleet.errors import UnreachableError
from raftfleet.transport.protocol import Endpoint
from raftfleet.transport.running import Broken, Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    import paramiko

    from raftfleet.transport.link import Link

__all__ = ["Forwarder"]

_BLOCK = 64 * 1024


class Forwarder:
    """Listens on 127.0.0.1 and carries every connection through the host."""

    def __init__(
        self,
        name: str,
        tunnel: Callable[[], tuple[Link, paramiko.Channel]],
        forget: Callable[[Forwarder], None],
    ) -> None:
        self._name = name
        self._tunnel = tunnel
        self._forget = forget
        self._lock = threading.Lock()
        self._threads: set[threading.Thread] = set()
        self._sockets: set[socket.socket] = set()
        self._channels: dict[paramiko.Channel, Link] = {}
        self._closed = False
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        port: int = self._listener.getsockname()[1]
        self.endpoint = Endpoint("127.0.0.1", port, self.close)
        self._spawn(self._accept)

    def _spawn(self, target: Callable[..., None], *arguments: object) -> threading.Thread:
        def work() -> None:
            try:
                target(*arguments)
            finally:
                with self._lock:
                    self._threads.discard(thread)

        thread = threading.Thread(target=work, name=f"forward {self._name}", daemon=True)
        with self._lock:
            self._threads.add(thread)
        thread.start()
        return thread

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._sockets.add(client)
                closed = self._closed
            if closed:
                self._hang_up(client)
                return
            self._spawn(self._carry, client)

    def _carry(self, client: socket.socket) -> None:
        """Carry one connection both ways until both sides are done."""
        try:
            link, channel = self._tunnel()
        except (UnreachableError, Broken, Refused, TimeoutError):
            # The client shall see a reset and not the end of an empty answer.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._hang_up(client)
            return
        with self._lock:
            self._channels[channel] = link
            closed = self._closed
        try:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            back = self._spawn(_downstream, channel, client)
            if _upstream(client, channel) and not closed:
                back.join()
        finally:
            with self._lock:
                del self._channels[channel]
            link.shut(channel)
            back.join()
            self._hang_up(client)

    def _hang_up(self, client: socket.socket) -> None:
        with self._lock:
            self._sockets.discard(client)
        client.close()

    def close(self) -> None:
        """Stop listening and cut what is being carried; harmless when repeated."""
        with self._lock:
            self._closed = True
            sockets, threads = list(self._sockets), list(self._threads)
            channels = list(self._channels.items())
        # Only shutdown wakes a thread that is blocked in accept or recv.
        for sock in [self._listener, *sockets]:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for channel, link in channels:
            link.shut(channel)
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(2.0)
        self._forget(self)


def _upstream(client: socket.socket, channel: paramiko.Channel) -> bool:
    """Carry what the client sends; True when it ended by itself and that was passed on."""
    try:
        while data := client.recv(_BLOCK):
            while data:
                sent = channel.send(data)
                if sent == 0:
                    return False
                data = data[sent:]
        channel.shutdown_write()
    except (OSError, EOFError):
        return False
    return True


def _downstream(channel: paramiko.Channel, client: socket.socket) -> None:
    with contextlib.suppress(OSError, EOFError):
        while data := channel.recv(_BLOCK):
            client.sendall(data)
        client.shutdown(socket.SHUT_WR)
