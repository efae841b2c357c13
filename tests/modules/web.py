"""A web server for tests: what it answers depends on the path alone."""

from __future__ import annotations

import base64
import contextlib
import gzip
import http.server
import json
import threading
import urllib.parse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

__all__ = ["FILE", "Web", "serving"]

FILE = b"hello"
_LOGIN = "Basic " + base64.b64encode(b"u:p:w").decode()
_SUMS = b"""\
0000000000000000000000000000000000000000  other
aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d *file.bin
SHA1 (bsd.bin) = aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d
"""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_: object) -> None:
        pass

    def answer(self, status: int, body: bytes = b"", **headers: str | list[str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            for one in value if isinstance(value, list) else [value]:
                self.send_header(name.replace("_", "-"), one)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.seen.append(f"{self.command} {self.path}")
        path = urllib.parse.urlsplit(self.path).path
        name = path.strip("/").split("/", 1)[0]
        getattr(self, f"page_{name}", self.page_other)(path, body)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = handle_any  # noqa: N815

    def page_echo(self, _path: str, body: bytes) -> None:
        told = {
            "method": self.command,
            "path": self.path,
            "body": body.decode("utf-8", "replace"),
            **{name.lower(): value for name, value in self.headers.items()},
        }
        self.answer(200, json.dumps(told).encode(), Content_Type="application/json")

    def page_status(self, path: str, _body: bytes) -> None:
        self.answer(int(path.rpartition("/")[2]), b"said so", Content_Type="text/plain")

    def page_go(self, path: str, _body: bytes) -> None:
        self.answer(int(path.rpartition("/")[2]), Location="/echo?gone")

    def page_away(self, _path: str, _body: bytes) -> None:
        self.answer(302, Location=f"http://localhost:{self.server.server_port}/echo")

    def page_loop(self, _path: str, _body: bytes) -> None:
        self.answer(302, Location="/loop")

    def page_login(self, _path: str, _body: bytes) -> None:
        good = self.headers.get("Authorization") == _LOGIN
        self.answer(
            200 if good else 401, b"in" if good else b"out", WWW_Authenticate='Basic realm="r"'
        )

    def page_digest(self, _path: str, _body: bytes) -> None:
        given = self.headers.get("Authorization", "")
        wanted = 'Digest realm="r", nonce="n", qop="auth", algorithm=MD5'
        good = given.startswith("Digest ") and 'username="u"' in given and "response=" in given
        self.answer(200 if good else 401, given.encode(), WWW_Authenticate=wanted)

    def page_cookies(self, _path: str, _body: bytes) -> None:
        self.answer(302, Set_Cookie=["a=1; Path=/", "b=2; Path=/"], Location="/echo")

    def page_packed(self, _path: str, _body: bytes) -> None:
        self.answer(200, gzip.compress(b"packed"), Content_Encoding="gzip")

    def page_named(self, _path: str, _body: bytes) -> None:
        self.answer(200, b"named", Content_Disposition='attachment; filename="../given.txt"')

    def page_old(self, _path: str, _body: bytes) -> None:
        known = "If-Modified-Since" in self.headers
        self.answer(304 if known else 200, b"" if known else b"new\n")

    def page_cut(self, _path: str, _body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "100")
        self.end_headers()
        self.wfile.write(b"short")
        self.close_connection = True

    def page_silent(self, _path: str, _body: bytes) -> None:
        self.server.over.wait(30)
        self.close_connection = True

    def page_sums(self, _path: str, _body: bytes) -> None:
        self.answer(200, _SUMS)

    def page_other(self, _path: str, _body: bytes) -> None:
        self.answer(200, FILE, Content_Type="application/octet-stream")


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    seen: list[str]
    over: threading.Event


class Web:
    """Where the server is, and what it was asked."""

    def __init__(self, server: _Server, scheme: str) -> None:
        self.port = server.server_port
        self.url = f"{scheme}://127.0.0.1:{server.server_port}"
        self.seen = server.seen


@contextlib.contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[Web]:
    """Serve until the end of the block."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.seen, server.over = [], threading.Event()
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield Web(server, "https" if context else "http")
    finally:
        server.over.set()
        server.shutdown()
        server.server_close()
        thread.join()


def told(values: Any) -> dict[str, Any]:
    """Return what the page /echo said of the request."""
    found: dict[str, Any] = values["json"]
    return found
