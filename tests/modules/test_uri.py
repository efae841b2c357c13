"""`uri` against a real server: what is sent, what is registered, what fails."""

from __future__ import annotations

import ipaddress
import json
import shutil
import ssl
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509

from raftfleet.playbook.module import Result, Status
from raftfleet.transport import make_transport
from tests.cluster.test_ways import certificate
from tests.modules.web import FILE, Web, serving, told
from tests.transport.sshd import Sshd, missing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.modules.conftest import Bench


@pytest.fixture
def web() -> Iterator[Web]:
    """A server without TLS."""
    with serving() as one:
        yield one


def echo(bench: Bench, web: Web, **arguments: Any) -> dict[str, Any]:
    return told(bench.run("uri", url=f"{web.url}/echo", **arguments).values)


class TestSent:
    def test_a_plain_request(self, bench: Bench, web: Web) -> None:
        result = bench.run("uri", url=f"{web.url}/echo?a=%20b&c", headers={"X-Test": 1})
        seen = told(result.values)
        assert (seen["method"], seen["path"], seen["x-test"]) == ("GET", "/echo?a=%20b&c", "1")
        assert seen["host"] == f"127.0.0.1:{web.port}"
        assert (result.status, result.values["status"], result.values["redirected"]) == (
            Status.OK,
            200,
            False,
        )
        assert result.values["content_type"] == "application/json"
        assert "content" not in result.values

    @pytest.mark.parametrize(
        ("arguments", "kind", "body"),
        [
            ({"body": {"a": [1]}, "body_format": "json"}, "application/json", '{"a": [1]}'),
            ({"body": '{"b":1}', "body_format": "json"}, "application/json", '{"b":1}'),
            (
                {"body": {"a": 1, "b": ["x", "y z"]}, "body_format": "form-urlencoded"},
                "application/x-www-form-urlencoded",
                "a=1&b=x&b=y+z",
            ),
            (
                {"body": [["a", 1], ["a", 2]], "body_format": "form-urlencoded"},
                "application/x-www-form-urlencoded",
                "a=1&a=2",
            ),
            ({"body": "text"}, "application/x-www-form-urlencoded", "text"),
            ({"body": "x", "headers": {"content-type": "text/x"}}, "text/x", "x"),
        ],
    )
    def test_bodies(
        self, bench: Bench, web: Web, arguments: dict[str, Any], kind: str, body: str
    ) -> None:
        seen = echo(bench, web, method="POST", **arguments)
        assert (seen["method"], seen["content-type"], seen["body"]) == ("POST", kind, body)

    def test_a_body_in_parts(self, bench: Bench, web: Web, tmp_path: Path) -> None:
        (tmp_path / "up.txt").write_text("from here")
        body = {
            "a": "text",
            "f": {"filename": "up.txt"},
            "j": {"content": "{}", "mime_type": "x/y"},
        }
        seen = echo(bench, web, method="POST", body=body, body_format="form-multipart")
        assert seen["content-type"].startswith("multipart/form-data; boundary=")
        for text in ('name="a"', 'filename="up.txt"', "from here", "Content-Type: x/y"):
            assert text in seen["body"]

    def test_a_file_as_body(self, bench: Bench, web: Web, tmp_path: Path) -> None:
        (tmp_path / "files").mkdir()
        (tmp_path / "files/b").write_text("of the playbook")
        (tmp_path / "there").write_text("of the host")
        assert echo(bench, web, method="PUT", src="b")["body"] == "of the playbook"
        on_host = {"src": f"{tmp_path}/there", "remote_src": True}
        assert echo(bench, web, method="PUT", **on_host)["body"] == "of the host"

    def test_a_proxy_of_the_environment_is_used_unless_told_not_to(
        self, bench: Bench, web: Web
    ) -> None:
        bench.environment["http_proxy"] = web.url
        seen = told(bench.run("uri", url="http://nowhere.invalid/echo").values)
        assert (seen["path"], seen["host"]) == ("http://nowhere.invalid/echo", "nowhere.invalid")
        bench.environment["no_proxy"] = "127.0.0.1"
        assert echo(bench, web)["path"] == "/echo"
        del bench.environment["no_proxy"]
        assert echo(bench, web, use_proxy=False)["path"] == "/echo"


class TestAnswers:
    def test_a_status_that_is_not_expected_fails_with_all_that_was_said(
        self, bench: Bench, web: Web
    ) -> None:
        result = bench.run("uri", url=f"{web.url}/status/404", return_content=True)
        assert result.status is Status.FAILED
        assert result.msg == "Status code was 404 and not [200]: HTTP Error 404: Not Found"
        assert (result.values["status"], result.values["content"]) == (404, "said so")

    @pytest.mark.parametrize("expected", [404, [200, 404], ["404"], "200, 404"])
    def test_expected_ones(self, bench: Bench, web: Web, expected: Any) -> None:
        assert (
            bench.run("uri", url=f"{web.url}/status/404", status_code=expected).status is Status.OK
        )

    @pytest.mark.parametrize(
        ("url", "why"),
        [("http://127.0.0.1:1/", "connection refused"), ("{}/cut", "95 bytes are missing")],
    )
    def test_no_answer_is_a_status_that_can_be_asked_for(
        self, bench: Bench, web: Web, url: str, why: str
    ) -> None:
        result = bench.run("uri", url=url.format(web.url))
        assert (result.status, result.values["status"]) == (Status.FAILED, -1)
        assert result.msg.startswith("Status code was -1 and not [200]: Request failed: ")
        assert result.msg.endswith(why)

    def test_a_server_that_says_nothing(self, bench: Bench, web: Web) -> None:
        result = bench.run("uri", url=f"{web.url}/silent", timeout=0.2)
        assert (result.values["status"], "timed out" in result.msg) == (-1, True)

    def test_content_and_its_packing(self, bench: Bench, web: Web) -> None:
        packed = {"url": f"{web.url}/packed", "return_content": True}
        assert bench.run("uri", **packed).values["content"] == "packed"
        assert bench.run("uri", **packed, decompress=False).values["content"] != "packed"

    def test_cookies_are_kept_on_the_way(self, bench: Bench, web: Web) -> None:
        values = bench.run("uri", url=f"{web.url}/cookies").values
        assert values["cookies"] == {"a": "1", "b": "2"}
        assert (told(values)["cookie"], values["redirected"]) == ("a=1; b=2", True)


class TestRedirects:
    @pytest.mark.parametrize(
        ("status", "method", "follow", "seen"),
        [
            (302, "GET", "safe", "GET"),
            (308, "HEAD", "safe", "HEAD"),
            (302, "POST", "safe", None),
            (302, "POST", "all", "GET"),
            (303, "PUT", "all", "GET"),
            (301, "PUT", "all", "PUT"),
            (307, "POST", "all", "POST"),
            (301, "GET", "none", None),
        ],
    )
    def test_which_are_followed_and_how(
        self, bench: Bench, web: Web, status: int, method: str, follow: str, seen: str | None
    ) -> None:
        body = {"body": "b"} if method in {"POST", "PUT"} else {}
        result = bench.run(
            "uri", url=f"{web.url}/go/{status}", method=method, follow_redirects=follow, **body
        )
        asked = [f"{method} /go/{status}"] + ([f"{seen} /echo?gone"] if seen else [])
        assert web.seen == asked
        assert result.values["status"] == (200 if seen else status)
        if seen is None:
            assert result.values["location"] == f"{web.url}/echo?gone"

    def test_a_circle_ends(self, bench: Bench, web: Web) -> None:
        result = bench.run("uri", url=f"{web.url}/loop")
        assert (result.status, result.values["status"]) == (Status.FAILED, 302)
        assert len(web.seen) < 15

    def test_a_password_does_not_go_to_another_server(self, bench: Bench, web: Web) -> None:
        values = bench.run(
            "uri", url=f"{web.url}/away", user="u", password="p:w", force_basic_auth=True
        ).values
        assert "authorization" not in told(values)
        assert values["url"] == f"http://localhost:{web.port}/echo"


class TestCredentials:
    @pytest.mark.parametrize("at_once", [True, False])
    def test_a_login(self, bench: Bench, web: Web, at_once: bool) -> None:
        result = bench.run(
            "uri",
            url=f"{web.url}/login",
            url_username="u",
            url_password="p:w",
            force_basic_auth=at_once,
            return_content=True,
        )
        assert (result.values["content"], len(web.seen)) == ("in", 1 if at_once else 2)
        assert "p:w" not in json.dumps(dict(result.values)) + result.msg

    def test_a_proof_instead_of_the_password(self, bench: Bench, web: Web) -> None:
        login = {"url_username": "u", "url_password": "p"}
        result = bench.run("uri", url=f"{web.url}/digest", return_content=True, **login)
        assert "response=" in result.values["content"]

    def test_those_of_the_url_are_used_and_not_shown(self, bench: Bench, web: Web) -> None:
        url = web.url.replace("//", "//u:p%3Aw@")
        result = bench.run("uri", url=f"{url}/login", return_content=True)
        assert (result.values["content"], result.values["url"]) == ("in", f"{web.url}/login")
        lost = bench.run("uri", url="http://u:sesame@127.0.0.1:1/")
        assert "sesame" not in lost.msg + str(lost.values)

    def test_wrong_ones_are_tried_once(self, bench: Bench, web: Web) -> None:
        result = bench.run("uri", url=f"{web.url}/login", user="u", password="x")
        assert (result.values["status"], len(web.seen)) == (401, 2)


class TestFiles:
    def test_the_answer_becomes_a_file(self, bench: Bench, web: Web, tmp_path: Path) -> None:
        wanted = {"url": f"{web.url}/a/file.bin", "dest": f"{tmp_path}/f", "mode": "0600"}
        assert bench.changes("uri", **wanted) == [True, False]
        assert (tmp_path / "f").read_bytes() == FILE
        folder = bench.run("uri", url=f"{web.url}/named", dest=str(tmp_path))
        assert folder.values["path"] == f"{tmp_path}/given.txt"

    def test_what_is_not_newer_stays(self, bench: Bench, web: Web, tmp_path: Path) -> None:
        (tmp_path / "f").write_text("mine")
        wanted = {"url": f"{web.url}/old", "dest": f"{tmp_path}/f"}
        assert bench.run("uri", **wanted).status is Status.OK
        assert (tmp_path / "f").read_text() == "mine"
        assert bench.run("uri", **wanted, force=True).status is Status.CHANGED

    def test_creates_removes_and_check_mode_ask_nothing(
        self, bench: Bench, web: Web, tmp_path: Path
    ) -> None:
        there = bench.run("uri", url=web.url, creates=str(tmp_path))
        gone = bench.run("uri", url=web.url, removes=f"{tmp_path}/*")
        assert (there.status, gone.status) == (Status.OK, Status.OK)
        assert "skipped, since" in gone.values["stdout"]
        assert bench.checking().run("uri", url=web.url).status is Status.SKIPPED
        assert web.seen == []


class TestTls:
    def test_a_certificate_is_judged(self, bench: Bench, tmp_path: Path) -> None:
        context = certificate(tmp_path, x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
        with serving(context) as web:

            def ask(**more: Any) -> Result:
                return bench.run("uri", url=f"{web.url}/x", **more)

            refused = ask()
            assert (refused.values["status"], "not to be trusted" in refused.msg) == (-1, True)
            assert web.seen == []
            assert ask(ca_path=f"{tmp_path}/ca.pem").status is Status.OK
            assert ask(validate_certs=False).status is Status.OK
            assert "cannot be used" in bench.failure(
                "uri", url=web.url, client_cert=f"{tmp_path}/key.pem"
            )

    def test_a_client_shows_its_own(self, bench: Bench, tmp_path: Path) -> None:
        context = certificate(tmp_path, x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(tmp_path / "ca.pem")
        ca = {"ca_path": f"{tmp_path}/ca.pem"}
        own = {"client_cert": f"{tmp_path}/ca.pem", "client_key": f"{tmp_path}/key.pem"}
        with serving(context) as web:
            assert bench.run("uri", url=web.url, **ca).values["status"] == -1
            assert bench.run("uri", url=web.url, **ca, **own).status is Status.OK


@pytest.mark.skipif(missing() is not None, reason="needs sshd")
class TestThroughSsh:
    def test_a_host_needs_no_program_for_it(self, bench: Bench, web: Web, tmp_path: Path) -> None:
        tools = tmp_path / "tools"
        tools.mkdir()
        for name in ("sh", "cat", "stat", "readlink", "sha1sum", "mv", "chmod", "rm", "mkdir"):
            (tools / name).symlink_to(shutil.which(name) or "/nonexistent")
        home = tmp_path / "sshd"
        home.mkdir()
        with Sshd(home) as sshd:
            transport = make_transport("h1", sshd.options())
            over = replace(bench, transport=transport)
            assert echo(over, web)["method"] == "GET"
            closed = over.run("uri", url="http://127.0.0.1:1/")
            assert "connection refused" in closed.msg
            over.run("get_url", url=f"{web.url}/f.bin", dest=f"{tmp_path}/got", mode="0600")
            assert (tmp_path / "got").read_bytes() == FILE
            transport.close()

    def test_a_host_that_does_not_forward_is_told_apart(
        self, bench: Bench, web: Web, tmp_path: Path
    ) -> None:
        with Sshd(tmp_path, environment="AllowTcpForwarding no\n") as sshd:
            transport = make_transport("h1", sshd.options())
            said = replace(bench, transport=transport).failure("uri", url=web.url)
            assert "sshd_config" in said
            assert "curl" in said
            transport.close()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"url": "nonsense"}, "is no URL"),
        ({"url": "ftp://x/"}, "is no URL"),
        ({"url": "http://x:port/"}, "is no URL"),
        ({"url": "http://x/", "method": "A B"}, "method wants one word"),
        ({"url": "http://x/", "status_code": ["ok"]}, "status_code wants numbers"),
        ({"url": "http://x/", "body": "a", "src": "b"}, "exclude each other"),
        ({"url": "http://x/", "body": [1], "body_format": "form-urlencoded"}, "list of pairs"),
        ({"url": "http://x/", "body": "a", "body_format": "form-multipart"}, "wants a mapping"),
        ({"url": "http://x/", "src": "nope"}, "nope does not exist"),
    ],
)
def test_what_is_refused(bench: Bench, arguments: dict[str, Any], message: str) -> None:
    assert message in bench.failure("uri", **arguments)
