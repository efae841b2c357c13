"""A Grafana gets every annotation of a run once, with the token and nothing that it must not have."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from raftfleet.checks import judge
from raftfleet.cli import run
from raftfleet.errors import UsageError
from raftfleet.metrics.annotations import Annotation, marks
from raftfleet.metrics.grafana import TOKEN, Grafana
from raftfleet.testing.journal import Story

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GOOD = "glsa_good"


class Played:
    """What Grafana's API does with annotations: keep them, find them by all of their tags."""

    def __init__(self) -> None:
        self.url = ""
        self.kept: list[dict[str, Any]] = []
        self.fails_after = 99
        self.odd: tuple[int, bytes] | None = None

    def answer(self, method: str, path: str, login: str, body: bytes) -> tuple[int, bytes]:
        if self.odd:
            return self.odd
        asked = urlsplit(path)
        if asked.path != "/behind/api/annotations":
            return 404, b'{"message": "Not found"}'
        if login != f"Bearer {GOOD}":
            return 401, b'{"message": "Invalid API\\u001b[31m key"}'
        if method == "GET":
            words = parse_qs(asked.query)
            assert words["type"] == ["annotation"]
            wanted = set(words["tags"])
            found = [one for one in self.kept if wanted <= set(one["tags"])]
            return 200, json.dumps(found[: int(words["limit"][0])]).encode()
        if len(self.kept) >= self.fails_after:
            return 500, b"<html>a page</html>"
        one = json.loads(body)
        assert one.keys() <= {"time", "timeEnd", "tags", "text", "dashboardUID", "panelId"}
        assert isinstance(one["time"], int)
        assert one["time"] > 1e12
        assert isinstance(one.get("timeEnd", 0), int)
        self.kept.append({"timeEnd": one["time"], **one, "id": len(self.kept)})
        return 200, b'{"message": "Annotation added", "id": 1}'


@contextmanager
def played() -> Iterator[Played]:
    api = Played()

    class Handler(BaseHTTPRequestHandler):
        def _take(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, text = api.answer(
                self.command, self.path, self.headers.get("Authorization", ""), body
            )
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            if status == 302:
                self.send_header("Location", "/login")
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = _take  # noqa: N815 - the base's names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        api.url = f"http://127.0.0.1:{server.server_port}/behind"
        yield api
        server.shutdown()
        thread.join()


@pytest.fixture
def api() -> Iterator[Played]:
    with played() as server:
        yield server


def story(folder: Path | None = None) -> Story:
    told = Story(folder=folder).running().drill("leader-moves")
    return told.stop("n1").let(5.1).elect("n2", term=2).let(1).end()


def told_marks() -> tuple[Annotation, ...]:
    journal = story().journal()
    return marks(judge(journal), journal)


def test_a_run_is_marked_once_in_milliseconds(api: Played) -> None:
    told = told_marks()
    said = Grafana(f"{api.url}/", f"{GOOD}\n").annotate(told, "told")
    assert said == f"{api.url} (3 annotations, 0 were there)"
    drill = api.kept[0]
    assert drill["text"].startswith("drill told: ")
    assert told[0].end is not None
    assert (drill["time"], drill["timeEnd"]) == (
        round(told[0].begin * 1000),
        round(told[0].end * 1000),
    )
    assert drill["tags"] == ["raftfleet", "raft", "drill", "told", "told"]
    said = Grafana(api.url, GOOD).annotate(told, "told")
    assert said == f"{api.url} (0 annotations, 3 were there)"
    assert len(api.kept) == 3


def test_what_was_not_taken_the_first_time_is_sent_the_second(api: Played) -> None:
    api.fails_after = 2
    with pytest.raises(UsageError, match="took 2 of 3 annotations: HTTP 500") as refused:
        Grafana(api.url, GOOD).annotate(told_marks(), "told")
    assert "page" not in str(refused.value)
    api.fails_after = 99
    assert "(1 annotations, 2 were" in Grafana(api.url, GOOD).annotate(told_marks(), "told")


def test_a_wrong_token_is_refused_and_not_shown(api: Played) -> None:
    with pytest.raises(UsageError, match=r"HTTP 401 Invalid API \[31m key") as refused:
        Grafana(api.url, "glsa_hunter2").annotate(told_marks(), "told")
    assert "hunter2" not in str(refused.value)
    assert api.kept == []


def test_a_login_for_that_host_in_netrc_does_not_take_the_tokens_place(
    api: Played, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password wrong\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    Grafana(api.url, GOOD).annotate(told_marks(), "told")
    assert len(api.kept) == 3


@pytest.mark.parametrize(
    ("odd", "says"),
    [
        ((302, b""), "redirects to /login"),
        ((200, b"<html>"), "took 0 of 3"),
        ((200, b"[1]"), "took 0 of 3"),
        ((200, b"7"), "took 0 of 3"),
    ],
)
def test_whatever_answers_is_a_clear_error(api: Played, odd: tuple[int, bytes], says: str) -> None:
    api.odd = odd
    with pytest.raises(UsageError, match=says):
        Grafana(api.url, GOOD).annotate(told_marks(), "told")


def test_a_grafana_that_does_not_answer_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"http://127.0.0.1:{mute.getsockname()[1]}"
        with pytest.raises(UsageError, match="took 0 of 3"):
            Grafana(url, GOOD, timeout=0.2).annotate(told_marks(), "told")


@pytest.mark.parametrize(
    "url", ["grafana:3000", "ftp://h", "http://h:port", "http://h/?q", "http://[::1"]
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="is no address"):
        Grafana(url, GOOD)


def test_a_login_in_the_address_is_refused_and_not_shown() -> None:
    with pytest.raises(UsageError, match="holds a login: h:3000 wants a token") as refused:
        Grafana("http://me:hunter2@h:3000", GOOD)
    assert "hunter2" not in f"{refused.value} {refused.value.hint}"


@pytest.mark.parametrize("token", ["", "  ", "glsa_a\r\nX-Other: b", "glsa_é"])
def test_without_a_token_nothing_begins(token: str) -> None:
    with pytest.raises(UsageError, match=TOKEN):
        Grafana("http://h", token)


# --- through the command ---------------------------------------------------------------------


def test_export_marks_a_run(
    api: Played,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    story(tmp_path / "runs" / "one").journal()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(TOKEN, GOOD)
    assert run(["export", "one", "--grafana-url", api.url]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said == [
        "counted: .raftfleet/metrics/raft.json",
        f"{api.url} (3 annotations, 0 were there)",
    ]
    monkeypatch.setenv(TOKEN, "glsa_other")
    assert run(["export", "one", "--grafana-url", api.url]) == 5
    assert "HTTP 401" in capsys.readouterr().err


def test_a_run_that_cannot_be_marked_keeps_its_code_and_says_so(
    api: Played,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "hosts.yml").write_text("all: {hosts: {here: {ansible_connection: local}}}\n")
    (tmp_path / "play.yml").write_text(
        "- hosts: all\n  gather_facts: false\n  tasks: [{debug: {msg: done}}]\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(TOKEN, "glsa_hunter2")
    words = ["play", "-i", "hosts.yml", "--runs", "kept", "play.yml", "--grafana-url", api.url]
    assert run(words) == 0
    said = capsys.readouterr().err
    assert "warning: metrics: Grafana at" in said
    assert "HTTP 401" in said
    kept = [path.read_text() for path in (tmp_path / "kept").rglob("*") if path.is_file()]
    assert kept
    assert not any("hunter2" in text for text in [*kept, said])
    monkeypatch.delenv(TOKEN)
    assert run(words) == 5
    assert len([*(tmp_path / "kept").iterdir()]) == 2  # the first run, and `latest`
