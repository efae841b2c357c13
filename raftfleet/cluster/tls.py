"""TLS over any connection, a channel of an SSH connection among them."""

from __future__ import annotations

import contextlib
import ssl
import time
from typing import TYPE_CHECKING

from raftfleet.errors import CertificateError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from raftfleet.transport.protocol import Tunnel

    T = TypeVar("T")

__all__ = ["TlsTunnel"]

_BLOCK = 64 * 1024
_MOMENT = 0.01


class TlsTunnel:
    """A `Tunnel` under TLS; the handshake is done when it has been made.

    ``name`` is whom the certificate must be for, ``what`` says in errors what was connected to.
    Raises `CertificateError` for a certificate that is not to be trusted, `OSError` for whatever
    else goes wrong.
    """

    def __init__(
        self, inner: Tunnel, context: ssl.SSLContext, name: str, what: str, *, timeout: float
    ) -> None:
        self._inner = inner
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name)
        try:
            self._complete(self._tls.do_handshake, timeout)
        except ssl.SSLCertVerificationError as error:
            inner.close()
            raise CertificateError(
                f"{what}: its certificate is not to be trusted: {error.verify_message}",
                hint="api_ca_file names the CA that signed it, api_server_name whom it is for",
            ) from None
        except BaseException:
            inner.close()
            raise

    def _complete(self, step: Callable[[], T], timeout: float) -> T:
        """Do a step of TLS, and carry both ways what it needs for that."""
        until = time.monotonic() + timeout
        while True:
            try:
                done = step()
            except ssl.SSLWantReadError:
                self._flush(until)
                self._incoming_from(self._inner.recv(_BLOCK, timeout=_left(until)))
            except ssl.SSLError:
                # The peer shall learn why: an alert may lie here.
                with contextlib.suppress(OSError):
                    self._flush(until)
                raise
            else:
                self._flush(until)
                return done

    def _flush(self, until: float) -> None:
        if data := self._outgoing.read():
            self._inner.sendall(data, timeout=_left(until))

    def _incoming_from(self, data: bytes) -> None:
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    def sendall(self, data: bytes, *, timeout: float) -> None:
        """Send everything."""
        self._complete(lambda: self._tls.write(data), timeout)

    def recv(self, size: int, *, timeout: float) -> bytes:
        """Return what has arrived, nothing at the end that the peer announced."""
        try:
            return self._complete(lambda: self._tls.read(size), timeout)
        except ssl.SSLZeroReturnError:
            return b""

    @property
    def pending(self) -> bool:
        """Whether something waits to be received; what TLS says for itself does not count."""
        while True:
            try:
                self._tls.read(1)
            except ssl.SSLWantReadError:
                if not self._inner.pending:
                    return False
                self._incoming_from(self._inner.recv(_BLOCK, timeout=_MOMENT))
            except OSError:
                return True
            else:
                return True

    def close(self) -> None:
        """Close, and wake a thread that waits for data."""
        self._inner.close()


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
