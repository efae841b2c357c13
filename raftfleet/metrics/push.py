"""Figures to a Pushgateway: one group for each cluster, replaced as a whole at every push.

A Pushgateway forgets nothing by itself, so a group is deleted only when somebody asks for it.
"""

from __future__ import annotations

from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit, urlunsplit

from raftfleet.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from .figures import Figures

__all__ = ["Pushgateway"]

_JOB = "raftfleet"
_TIMEOUT = 10.0


class Pushgateway:
    """A Pushgateway by its URL, which may hold a user and a password.

    Raises `UsageError` for what is no URL of HTTP.
    """

    def __init__(self, url: str, *, timeout: float = _TIMEOUT) -> None:
        try:
            parts = urlsplit(url if "://" in url else f"http://{url}")
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
            parts = urlsplit("")
        if parts.scheme not in {"http", "https"} or not host or parts.query or parts.fragment:
            raise UsageError(
                f"the Pushgateway {_shown(url)!r} is no address",
                hint="http://HOST:PORT, for instance http://127.0.0.1:9091",
            )
        address = f"[{host}]" if ":" in host else host
        address += f":{port}" if port is not None else ""
        self.url = urlunsplit((parts.scheme, address, parts.path.rstrip("/"), "", ""))
        self._user = unquote(parts.username or "")
        self._password = unquote(parts.password or "")
        self._timeout = timeout

    def push(self, figures: Figures, cluster: str) -> str:
        """Replace a cluster's group by these figures and name it; `UsageError` when that fails."""
        from prometheus_client import push_to_gateway  # noqa: PLC0415 - slow

        from .collector import make_registry  # noqa: PLC0415

        return self._send(push_to_gateway, cluster, registry=make_registry(lambda: figures))

    def delete(self, cluster: str) -> str:
        """Delete a cluster's group and name it; raise `UsageError` when that fails."""
        from prometheus_client import delete_from_gateway  # noqa: PLC0415 - slow

        return self._send(delete_from_gateway, cluster)

    def _send(self, act: Callable[..., None], cluster: str, **more: Any) -> str:
        key = {"cluster": cluster} if cluster else {}
        try:
            act(
                self.url,
                _JOB,
                grouping_key=key,
                timeout=self._timeout,
                handler=self._handler,
                **more,
            )
        except (OSError, HTTPException) as error:
            raise UsageError(
                f"the Pushgateway {self.url} did not take it: {error}",
                hint="the run is not affected; push it later: raftfleet export RUN --push-gateway URL",
            ) from None
        return f"{self.url} (job {_JOB}, cluster {cluster})"

    def _handler(
        self,
        url: str,
        method: str,
        timeout: float | None,
        headers: list[tuple[str, str]],
        data: bytes,
    ) -> Callable[[], None]:
        from prometheus_client.exposition import (  # noqa: PLC0415 - slow
            basic_auth_handler,
            default_handler,
        )

        if not self._user:
            return default_handler(url, method, timeout, headers, data)
        login = (self._user, self._password)
        return basic_auth_handler(url, method, timeout, headers, data, *login)


def _shown(url: str) -> str:
    """Return a URL without what may be a password."""
    return url.rpartition("@")[2]
