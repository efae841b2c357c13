"""Figures reach a real Pushgateway, under their cluster, and leave it when asked."""

from __future__ import annotations

import base64
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest

from raftfleet.checks import judge
from raftfleet.cli import run
from raftfleet.errors import UsageError
from raftfleet.metrics import run_figures
from raftfleet.metrics.push import Pushgateway
from raftfleet.testing.journal import Story
from tests.metrics.servers import fetch, promtool, running, tool, until
from tests.simulator.processes import free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from raftfleet.metrics import Figures


def figures(*, moves: bool = True) -> Figures:
    story = Story().running().drill("leader-moves").stop("n1" if moves else "n3").let(5)
    if moves:
        story.elect("n2", term=2).let(1)
    journal = story.end().journal()
    return run_figures(judge(journal), journal)


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[str]:
    program = tool("prometheus-pushgateway", "prometheus-pushgateway")
    url = f"http://127.0.0.1:{free_ports(1)}"
    words = [f"--web.listen-address={url[7:]}", f"--persistence.file={tmp_path}/kept"]
    with running([program, *words], f"{url}/-/ready"):
        yield url


def held(gateway: str) -> list[str]:
    text = fetch(f"{gateway}/metrics").decode()
    return [line for line in text.splitlines() if line.startswith("raftfleet_")]


def test_a_cluster_has_a_group_of_its_own_that_is_replaced_as_a_whole(gateway: str) -> None:
    push = Pushgateway(gateway)
    push.push(figures(), "raft")
    assert any(line.startswith("raftfleet_failover_last_seconds{") for line in held(gateway))
    assert all('cluster="raft"' in line and 'job="raftfleet"' in line for line in held(gateway))
    promtool("check", "metrics", stdin="\n".join([*_typed(gateway), ""]).encode())
    push.push(figures(moves=False), "raft")
    assert not any(line.startswith("raftfleet_failover_last_seconds{") for line in held(gateway))
    push.push(figures(), "other")
    push.delete("raft")  # a Pushgateway takes note of that, and does it a moment later
    until(lambda: all('cluster="other"' in line for line in held(gateway)), "raft is deleted")
    assert held(gateway)


def _typed(gateway: str) -> list[str]:
    lines = fetch(f"{gateway}/metrics").decode().splitlines()
    return [line for line in lines if "raftfleet_" in line]


def test_a_gateway_that_is_not_there_is_named() -> None:
    with socket.socket() as held_port:
        held_port.bind(("127.0.0.1", 0))  # nobody listens there
        url = f"http://127.0.0.1:{held_port.getsockname()[1]}"
        with pytest.raises(UsageError, match=f"the Pushgateway {url} did not take it"):
            Pushgateway(url, timeout=1).push(figures(), "raft")


def test_a_gateway_that_does_not_answer_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"http://127.0.0.1:{mute.getsockname()[1]}"
        with pytest.raises(UsageError, match="did not take it"):
            Pushgateway(url, timeout=0.2).push(figures(), "raft")


@pytest.mark.parametrize(
    "url", ["", "http://", "ftp://h:1", "http://h:port", "http://h/?q=1", "http://[::1"]
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="is no address"):
        Pushgateway(url)


def test_a_password_is_used_and_never_shown() -> None:
    gateway = Pushgateway("https://me:p%40ss@push.example:9091/behind/")
    assert gateway.url == "https://push.example:9091/behind"
    assert (gateway._user, gateway._password) == ("me", "p@ss")
    with pytest.raises(UsageError) as refused:
        Pushgateway("ftp://me:hunter2@push.example")
    assert "hunter2" not in str(refused.value)


def test_the_login_goes_with_every_request() -> None:
    seen: list[tuple[str, str, str]] = []

    class Gateway(BaseHTTPRequestHandler):
        def _take(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            seen.append((self.command, self.path, self.headers["Authorization"]))
            self.send_response(202)
            self.end_headers()

        do_PUT = do_DELETE = _take  # noqa: N815 - the base's names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with HTTPServer(("127.0.0.1", 0), Gateway) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        push = Pushgateway(f"http://me:p%40ss@127.0.0.1:{server.server_port}")
        push.push(figures(), "raft/1")
        push.delete("raft/1")
        server.shutdown()
        thread.join()
    login = "Basic " + base64.b64encode(b"me:p@ss").decode()
    (put, put_path, _), (delete, delete_path, _) = seen
    assert (put, delete) == ("PUT", "DELETE")
    assert put_path == delete_path
    assert put_path.startswith("/metrics/job/raftfleet/cluster@base64/")
    assert [one[2] for one in seen] == [login, login]


def test_export_pushes_and_deletes(
    gateway: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    story = Story(folder=tmp_path / "runs" / "one").running().drill("exits-graceful").stop("n3")
    story.let(1).end().journal()
    monkeypatch.chdir(tmp_path)
    assert run(["export", "one", "--push-gateway", gateway]) == 0
    assert any(line.startswith("raftfleet_drill_verdict{") for line in held(gateway))
    assert run(["export", "one", "--push-gateway", gateway, "--delete"]) == 0
    until(lambda: not held(gateway), "the group is deleted")
    group = f"{gateway} (job raftfleet, cluster raft)"
    assert capsys.readouterr().out.splitlines() == [
        *("counted: .raftfleet/metrics/raft.json", group, f"deleted: {group}")
    ]


def test_an_address_may_leave_its_scheme_out() -> None:
    assert Pushgateway("push:9091").url == "http://push:9091"
    assert Pushgateway("[::1]:9091").url == "http://[::1]:9091"
