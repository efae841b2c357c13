"""Annotations to Grafana's HTTP API: each once, however often a run is told.

POST /api/annotations takes one, with times in milliseconds of Unix time; GET finds those that are
there by their tags (Grafana's documentation, "Annotations HTTP API"). They belong to no dashboard:
one that asks for the tag `raftfleet` shows them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from raftfleet.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import requests

    from .annotations import Annotation

__all__ = ["TOKEN", "Grafana"]

TOKEN = "RAFTFLEET_GRAFANA_TOKEN"  # noqa: S105 - the variable that holds it
_TIMEOUT = 10.0
_MOST = 10_000
"""How many annotations of one run are looked for at most."""


class Grafana:
    """A Grafana by its URL and the token of a service account that may edit annotations.

    Raises `UsageError` for what is no URL of HTTP, for a login in it, and without a token.
    """

    def __init__(self, url: str, token: str, *, timeout: float = _TIMEOUT) -> None:
        self.url = _address(url)
        self._token = token.strip()
        self._timeout = timeout
        if not self._token or not self._token.isascii() or not self._token.isprintable():
            raise UsageError(
                f"--grafana-url wants the token of a service account in {TOKEN}"
                + (", and what is there is none" if token else ""),
                hint="Grafana: Administration, Service accounts, role Editor, Add token",
            )

    def annotate(self, marks: Iterable[Annotation], run: str) -> str:
        """Send the marks of a run that are not there yet, and say how many.

        Raises `UsageError` when Grafana does not take them.
        """
        import requests  # noqa: PLC0415 - slow

        bodies = [_body(mark) for mark in marks]
        sent = 0
        try:
            with requests.Session() as session:
                session.auth = self._sign  # or a login in ~/.netrc would take the token's place
                words = {"tags": ["raftfleet", run], "limit": str(_MOST), "type": "annotation"}
                answer = self._ask(session, "GET", params=words)
                there = {(one.get("time"), one.get("text")) for one in answer.json()}
                for body in bodies:
                    if (body["time"], body["text"]) not in there:
                        self._ask(session, "POST", json=body)
                        sent += 1
        except (requests.RequestException, ValueError, AttributeError, TypeError) as error:
            raise UsageError(
                f"Grafana at {self.url} took {sent} of {len(bodies)} annotations: {_said(error)}",
                hint="the run is not affected; send them later: raftfleet export RUN --grafana-url URL",
            ) from None
        return f"{self.url} ({sent} annotations, {len(bodies) - sent} were there)"

    def _ask(self, session: requests.Session, method: str, **words: Any) -> requests.Response:
        url = f"{self.url}/api/annotations"
        answer = session.request(method, url, timeout=self._timeout, allow_redirects=False, **words)
        answer.raise_for_status()
        if answer.is_redirect:
            raise ValueError(f"it redirects to {answer.headers['Location']}; name that address")
        return answer

    def _sign(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _body(mark: Annotation) -> dict[str, Any]:
    body: dict[str, Any] = {"time": round(mark.begin * 1000)}
    if mark.end is not None:
        body["timeEnd"] = round(mark.end * 1000)
    return body | {"tags": list(mark.tags), "text": mark.text}


def _address(url: str) -> str:
    """Return an address as requests are put together from; raise `UsageError` for any other."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in {"http", "https"} and parts.hostname and (parts.port or 1)
    except ValueError:
        good, parts = False, urlsplit("")
    if not good or parts.query or parts.fragment:
        shown = url.rpartition("@")[2]
        raise UsageError(
            f"--grafana-url {shown!r} is no address",
            hint="http://HOST:PORT, for instance http://127.0.0.1:3000",
        )
    if "@" in parts.netloc:
        raise UsageError(
            f"--grafana-url holds a login: {parts.netloc.rpartition('@')[2]} wants a token",
            hint=f"put the token of a service account into {TOKEN}",
        )
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))


def _said(error: Exception) -> str:
    """Say what is wrong in one printable line; whatever answers may be anything."""
    said, response = str(error), getattr(error, "response", None)
    if response is not None:
        try:
            why = response.json()["message"]
        except (ValueError, KeyError, TypeError):
            why = response.reason
        said = f"HTTP {response.status_code} {why}"
    return "".join(one if one.isprintable() else " " for one in said)[:300]
