"""What `uri` and `get_url` share: arguments, credentials, redirects, cookies."""

from __future__ import annotations

import base64
import contextlib
import http.cookiejar
import urllib.parse
import urllib.request
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from raftfleet.errors import TaskError
from raftfleet.modules.http.credentials import digest_proof
from raftfleet.modules.http.exchange import Answer, Request, bare_url, exchange
from raftfleet.modules.http.proxies import Proxies
from raftfleet.modules.http.tls import tls_of
from raftfleet.playbook.module import Argument

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from raftfleet.modules.on_host import OnHost

__all__ = ["WEB_ARGUMENTS", "Web"]

WEB_ARGUMENTS: Final = {
    "url": Argument(required=True),
    "headers": Argument("dict", default={}),
    "unredirected_headers": Argument("list", default=()),
    "force": Argument("bool", default=False),
    "force_basic_auth": Argument("bool", default=False),
    "validate_certs": Argument("bool", default=True),
    "ca_path": Argument("path"),
    "client_cert": Argument("path"),
    "client_key": Argument("path"),
    "use_proxy": Argument("bool", default=True),
    "http_agent": Argument(default="raftfleet"),
    "decompress": Argument("bool", default=True),
    "ciphers": Argument("list", default=()),
    "use_gssapi": Argument("bool", default=False),
    "use_netrc": Argument("bool", default=False),
}
_SECONDS: Final = 10.0
_MOST_REDIRECTS: Final = 10
_MOVED: Final = frozenset({301, 302, 303, 307, 308})
_UNAUTHORIZED: Final = 401


@dataclass(slots=True)
class Web:
    """Asks from a host, as a task's arguments say; one for each task and host."""

    host: OnHost
    arguments: Mapping[str, Any]
    follow: str = "all"
    _jar: http.cookiejar.CookieJar = field(default_factory=http.cookiejar.CookieJar)

    @classmethod
    def plain(cls, host: OnHost, url: str, *, validate_certs: bool = True) -> Web:
        """Return what asks for a URL with nothing said about how."""
        given = {name: argument.default for name, argument in WEB_ARGUMENTS.items()}
        login = {"url_username": None, "url_password": None}
        more = {"url": url, "validate_certs": validate_certs, "timeout": _SECONDS}
        return cls(host, {**given, **login, **more})

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies that answers have set."""
        return {cookie.name: cookie.value or "" for cookie in self._jar}

    @contextlib.contextmanager
    def ask(
        self, method: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> Iterator[Answer]:
        """Yield the answer that redirects and a request for credentials lead to.

        Raises `NoAnswerError` when there is none.
        """
        given = self.arguments
        for name in ("use_gssapi", "use_netrc"):
            if given[name]:
                raise TaskError(f"{name} is not supported", hint="url_username and url_password")
        sent = {str(name): str(value) for name, value in {**given["headers"], **headers}.items()}
        if not any(name.lower() == "user-agent" for name in sent):
            sent["User-Agent"] = given["http_agent"]
        first = Request(
            method=method,
            url=bare_url(given["url"]),
            headers=sent,
            body=body,
            seconds=given["timeout"],
            tls=tls_of(self.host, given),
        )
        first.place  # noqa: B018 - refuses what is no URL
        request = self._with_credentials(first) if self._known_user and self._at_once else first
        for left in range(_MOST_REDIRECTS, -2, -1):
            with exchange(self.host, self._with_cookies(request), self._proxies) as answer:
                self._keep_cookies(answer, request)
                following = self._next(request, answer, first)
                if following is None or left < 0:
                    yield answer
                    return
            request = following

    @property
    def _proxies(self) -> Proxies:
        return Proxies(self.host.context.environment if self.arguments["use_proxy"] else {})

    def _next(self, request: Request, answer: Answer, first: Request) -> Request | None:
        """Return the request that an answer makes necessary, or None."""
        if answer.status == _UNAUTHORIZED and self._known_user:
            same = urllib.parse.urlsplit(first.url)[:2] == request.parts[:2]
            if same and not _has(request.headers, "Authorization"):
                return self._answering(request, answer.headers.get_all("WWW-Authenticate") or [])
        where = answer.headers.get("Location")
        if answer.status not in _MOVED or not where or not self._follows(request.method):
            return None
        return self._moved(request, urllib.parse.urljoin(request.url, where), answer.status)

    def _follows(self, method: str) -> bool:
        if self.follow == "safe":
            return method in {"GET", "HEAD"}
        return self.follow in {"all", "yes", "urllib2"}

    def _moved(self, request: Request, url: str, status: int) -> Request:
        """Return the request for where an answer points to; credentials stay with their origin."""
        method, body = request.method, request.body
        dropped = {str(name).lower() for name in self.arguments["unredirected_headers"]}
        if (status in {302, 303} and method != "HEAD") or (status == 301 and method == "POST"):
            method, body = "GET", None
            dropped |= {"content-length", "content-type"}
        if urllib.parse.urlsplit(url)[:2] != request.parts[:2]:
            dropped |= {"authorization", "cookie"}
        headers = {k: v for k, v in request.headers.items() if k.lower() not in dropped}
        return replace(request, url=url, method=method, body=body, headers=headers)

    @property
    def _at_once(self) -> bool:
        return bool(self.arguments["force_basic_auth"])

    @property
    def _known_user(self) -> tuple[str, str] | None:
        user, password = self.arguments["url_username"], self.arguments["url_password"]
        if user is not None:
            return user, password or ""
        parts = urllib.parse.urlsplit(self.arguments["url"])
        if parts.username is None:
            return None
        return urllib.parse.unquote(parts.username), urllib.parse.unquote(parts.password or "")

    def _with_credentials(self, request: Request) -> Request:
        user, password = self._known_user or ("", "")
        word = base64.b64encode(f"{user}:{password}".encode()).decode()
        return replace(request, headers={**request.headers, "Authorization": f"Basic {word}"})

    def _answering(self, request: Request, challenges: list[str]) -> Request | None:
        """Return the request with what a server asks for: a password, or a proof of knowing it."""
        for challenge in challenges:
            scheme, _, rest = challenge.partition(" ")
            if scheme.lower() == "basic":
                return self._with_credentials(request)
            if scheme.lower() == "digest":
                proof = digest_proof(request, rest, self._known_user or ("", ""))
                return replace(request, headers={**request.headers, "Authorization": proof})
        return None

    def _with_cookies(self, request: Request) -> Request:
        asking = urllib.request.Request(request.url)  # noqa: S310 - never opened
        self._jar.add_cookie_header(asking)
        cookies = asking.get_header("Cookie")
        if cookies is None or _has(request.headers, "Cookie"):
            return request
        return replace(request, headers={**request.headers, "Cookie": cookies})

    def _keep_cookies(self, answer: Answer, request: Request) -> None:
        asked = urllib.request.Request(request.url)  # noqa: S310 - never opened
        self._jar.extract_cookies(answer, asked)  # type: ignore[arg-type]


def _has(headers: Mapping[str, str], name: str) -> bool:
    return any(one.lower() == name.lower() for one in headers)
