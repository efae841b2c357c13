"""`/metrics` over HTTP while a run lasts."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self
from wsgiref.simple_server import WSGIRequestHandler, make_server

from raftfleet.errors import UsageError

if TYPE_CHECKING:
    from .collector import Source

__all__ = ["Listener"]


class _Quiet(WSGIRequestHandler):
    """Says nothing about requests: the run's own output is on the terminal."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing."""


class Listener:
    """Serves figures on 127.0.0.1; OpenMetrics with exemplars to whoever asks for it.

    The port is taken at once, so that a busy one is known before anything is done; answers come
    from `start` on. Port 0 takes any that is free. Raises `UsageError` when the port cannot be had.
    """

    def __init__(self, port: int, *sources: Source) -> None:
        from prometheus_client.exposition import (  # noqa: PLC0415 - slow
            ThreadingWSGIServer,
            make_wsgi_app,
        )

        from .collector import make_registry  # noqa: PLC0415

        app = make_wsgi_app(make_registry(*sources))
        try:
            self._server = make_server(
                "127.0.0.1", port, app, server_class=ThreadingWSGIServer, handler_class=_Quiet
            )
        except OSError as error:
            raise UsageError(
                f"cannot serve metrics on 127.0.0.1:{port}: {error.strerror}",
                hint="choose another port, or 0 for any that is free",
            ) from None
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """Where the metrics are."""
        return f"http://127.0.0.1:{self._server.server_port}/metrics"

    def start(self) -> Self:
        """Begin to answer."""
        self._thread.start()
        return self

    def close(self) -> None:
        """Answer no more and give the port back."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()
