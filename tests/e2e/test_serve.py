"""The daemon as a user runs it: scraped, probed, drilling on a schedule, ended in the middle."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from .conftest import Fleet

pytestmark = pytest.mark.hosts

PATIENCE = 60.0
SCHEDULE = """\
poll_interval: 200ms
drills:
  - {drill: a-remove, name: leaders, every: 10s, vars: {victim: leader}}
"""


def until(look: Callable[[], Any], what: str, said: Callable[[], str] = str) -> Any:
    """Wait for something that must come; show what was said instead."""
    deadline = time.monotonic() + PATIENCE
    while not (found := look()):
        assert time.monotonic() < deadline, f"never came: {what}\n{said()}"
        time.sleep(0.05)
    return found


class Serving:
    """A daemon that runs, its log read as it comes."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        found = until(lambda: re.search(r"url=(http\S+)/metrics", self.log()), "the url", self.log)
        self.url = found[1]

    def _read(self) -> None:
        assert self.process.stdout
        self.lines.extend(self.process.stdout)

    def log(self) -> str:
        return "".join(self.lines)

    def get(self, page: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(self.url + page, timeout=PATIENCE) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def value(self, name: str, page: str = "/metrics", **labels: str) -> float | None:
        """Return the value of the first series with these labels."""
        for family in text_string_to_metric_families(self.get(page)[1]):
            for sample in family.samples:
                if sample.name == name and labels.items() <= sample.labels.items():
                    return float(sample.value)
        return None

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return code


@contextlib.contextmanager
def serving(cluster: Fleet, *words: str | Path, inventory: Path | None = None) -> Iterator[Serving]:
    listen = ("--listen", "127.0.0.1:0")
    process = cluster.start("serve", "-i", inventory or cluster.inventory, *listen, *words)
    with process:
        try:
            made = Serving(process)
            until(lambda: made.get("/-/ready")[0] == 200, "readiness", made.log)
            yield made
        finally:
            process.kill()


@pytest.fixture
def schedule(cluster: Fleet) -> Path:
    return cluster.write("leaders.yml", SCHEDULE)


def test_a_node_that_goes_down_shows_and_so_does_its_return(cluster: Fleet) -> None:
    killing = cluster.write("kill.yml", "- hosts: raft\n  tasks:\n    - raft_kill: {node: n3}\n")
    with serving(cluster) as daemon:
        until(lambda: daemon.value("raftfleet_cluster_steady") == 1, "a steady state", daemon.log)
        assert daemon.value("probe_success", "/probe?target=raft") == 1
        assert daemon.get("/probe?target=192.0.2.1")[0] == 404
        killed = cluster.say("play", killing, "-i", cluster.inventory)
        assert killed.code == 0, killed.text
        down = {"node": "n3", "standing": "down"}
        until(lambda: daemon.value("raftfleet_node_standing", **down) == 1, "its end", daemon.log)
        assert daemon.value("raftfleet_cluster_steady") == 0
        assert daemon.value("raftfleet_raft_term", node="n3") is None
        assert daemon.value("probe_success", "/probe?target=raft") == 0
        cluster.up()
        until(lambda: daemon.value("raftfleet_cluster_steady") == 1, "its return", daemon.log)
        assert daemon.end() == 0


def test_a_probe_knows_parts_of_the_cluster_and_other_clusters(cluster: Fleet) -> None:
    text = cluster.inventory.read_text()
    address = re.search(r"n1:\n\s+ansible_host: (\S+)", text)
    assert address
    more = f"""\
    west: {{hosts: {{n2: , n3: }}}}
    lone: {{hosts: {{m1: {{ansible_host: {address[1]}, raft_node_id: 1}}}}}}
    empty: {{}}
"""
    inventory = cluster.write("groups.yml", text.rstrip("\n") + "\n" + more)
    with serving(cluster, inventory=inventory) as daemon:
        until(lambda: daemon.value("probe_success", "/probe?target=west") == 1, "all", daemon.log)
        page = "/probe?target=lone"
        assert daemon.value("raftfleet_raft_term", page, cluster="lone", node="m1")
        status, said = daemon.get("/probe?target=empty")
        assert (status, "no hosts in group 'empty'" in said) == (400, True)


def test_a_wrong_key_is_named_and_nothing_crashes(cluster: Fleet) -> None:
    wrong = cluster.folder / "wrong_key"
    if not wrong.exists():
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", wrong], check=True)
    text = cluster.inventory.read_text()
    assert text.count("        n2:\n") == 1
    inventory = cluster.write(
        "wrong.yml",
        text.replace(
            "        n2:\n", f"        n2:\n          ansible_ssh_private_key_file: {wrong}\n"
        ),
    )
    with serving(cluster, inventory=inventory) as daemon:
        trouble = {"node": "n2", "reason": "authentication"}
        until(
            lambda: daemon.value("raftfleet_host_trouble", **trouble) == 1, "its name", daemon.log
        )
        assert daemon.value("raftfleet_host_reachable", node="n1") == 1
        assert daemon.value("raftfleet_raft_term", node="n2") is not None
        assert daemon.log().count("host cannot be asked") == 1
        assert daemon.end(signal.SIGINT) == 0


def test_a_scheduled_drill_ended_in_the_middle_leaves_all_nodes_running(
    cluster: Fleet, schedule: Path
) -> None:
    with serving(cluster, "--config", schedule) as daemon:
        broken = {"drill": "a-remove", "phase": "broken"}
        until(lambda: daemon.value("raftfleet_drill_phase", **broken) == 1, "a broken cluster")
        daemon.process.send_signal(signal.SIGHUP)  # a drill under way is not disturbed by it
        passed = {"schedule": "leaders", "result": "pass"}
        until(
            lambda: daemon.value("raftfleet_schedule_runs_total", **passed), "a drill", daemon.log
        )
        until(lambda: "msg=reloaded" in daemon.log(), "a reload", daemon.log)
        assert daemon.value("raftfleet_drills_total", drill="a-remove", verdict="pass")
        assert daemon.value("raftfleet_failover_last_seconds", drill="a-remove")
        until(lambda: daemon.value("raftfleet_drill_phase", **broken) == 1, "a broken cluster")
        assert daemon.end() == 130
    journal = (cluster.runs / "latest" / "journal.jsonl").read_text().splitlines()
    ended = [event for event in map(json.loads, journal) if event["event"] == "run.ended"]
    assert [event["exit_code"] for event in ended] == [130]
    said = cluster.say("status", "-i", cluster.inventory)
    assert said.code == 0, said.text
    assert "all agree" in said.text
    with serving(cluster) as daemon:  # what was counted is kept over restarts
        assert daemon.value("raftfleet_drills_total", drill="a-remove", verdict="pass")
        (state,) = (cluster.folder / ".raftfleet" / "metrics").glob("*.json")
        kept = state.read_bytes()
        state.write_text("{broken")
        readable = "raftfleet_serve_state_readable"
        until(lambda: daemon.value(readable) == 0, "the complaint", daemon.log)
        assert daemon.value("raftfleet_raft_term", node="n1")
        state.write_bytes(kept)
        until(lambda: daemon.value(readable) == 1, "the end of it", daemon.log)
        assert daemon.log().count("figures of past drills cannot be read") == 1


def test_files_are_checked_without_starting_anything(cluster: Fleet, schedule: Path) -> None:
    said = cluster.say("serve", "-i", cluster.inventory, "--config", schedule, "--check")
    assert said.code == 0, said.text
    assert "schedule leaders: a-remove, next due " in said.text
    wrong = cluster.write("typo.yml", SCHEDULE.replace("a-remove", "a-remov"))
    said = cluster.say("serve", "-i", cluster.inventory, "--config", wrong, "--check")
    assert said.code == 5
    assert "typo.yml:3:13" in said.text
    assert "did you mean a-remove?" in said.text
    said = cluster.say("serve", "-i", cluster.inventory, "--listen", ":0")
    assert said.code == 5
    assert "--web-config" in said.text


def test_sighup_has_every_file_read_anew(cluster: Fleet) -> None:
    schedule = cluster.write("reload.yml", SCHEDULE.replace("10s", "6h"))
    inventory = cluster.write("reload-hosts.yml", cluster.inventory.read_text())
    worked = "raftfleet_config_last_reload_successful"
    due = "raftfleet_schedule_next_timestamp_seconds"
    with serving(cluster, "--config", schedule, inventory=inventory) as daemon:
        assert daemon.value(worked) == 1
        assert daemon.value("raftfleet_host_reachable", node="n3") == 1

        schedule.write_text(SCHEDULE.replace("a-remove", "a-remov"))
        daemon.process.send_signal(signal.SIGHUP)
        until(lambda: daemon.value(worked) == 0, "a complaint", daemon.log)
        assert "did you mean a-remove?" in daemon.log()
        assert daemon.value(due, schedule="leaders") is not None

        schedule.write_text(SCHEDULE.replace("10s", "6h").replace("leaders", "nightly"))
        fewer, count = re.subn(r"        n3:\n(?: {10}.*\n)*", "", inventory.read_text())
        assert count == 1
        inventory.write_text(fewer)
        daemon.process.send_signal(signal.SIGHUP)
        until(lambda: daemon.value(worked) == 1, "a reload", daemon.log)
        assert daemon.value(due, schedule="nightly") is not None
        assert daemon.value(due, schedule="leaders") is None
        until(lambda: daemon.value("raftfleet_host_reachable", node="n2"), "n2", daemon.log)
        assert daemon.value("raftfleet_host_reachable", node="n3") is None
        assert daemon.end() == 0


PROMETHEUS = """\
global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs:
  - job_name: raftfleet
    static_configs: [{targets: ["%s"]}]
  - job_name: raftfleet-probe
    metrics_path: /probe
    static_configs: [{targets: [raft]}]
    relabel_configs:
      - {source_labels: [__address__], target_label: __param_target}
      - {source_labels: [__param_target], target_label: target}
      - {target_label: __address__, replacement: "%s"}
"""


_LAST = 'raftfleet_failover_last_seconds{{group="{}"}}'


@pytest.mark.skipif(not shutil.which("prometheus"), reason="needs Debian's prometheus")
def test_prometheus_reads_what_the_journal_says(
    cluster: Fleet, schedule: Path, tmp_path: Path
) -> None:
    with serving(cluster, "--config", schedule) as daemon, prometheus(tmp_path, daemon) as query:
        query('up{job="raftfleet"} == 1')
        query('probe_success{target="raft"} == 1')
        passed = {"schedule": "leaders", "result": "pass"}
        until(
            lambda: daemon.value("raftfleet_schedule_runs_total", **passed), "a drill", daemon.log
        )
        first = re.findall(r"result=pass \S+ run=(\S+)", daemon.log())[0]
        moved = {one["group"] for one in cluster.summary(first)["failovers"]}
        assert moved
        told = {group: query(_LAST.format(group)) for group in moved}
        # The schedule goes on: what was told may be of the run before the newest.
        passed_runs = re.findall(r"result=pass \S+ run=(\S+)", daemon.log())
        for group, value in told.items():
            known = [
                sum(one["seconds_after_exit"]) / 2
                for run in passed_runs
                for one in cluster.summary(run)["failovers"]
                if one["group"] == group
            ]
            assert any(value == pytest.approx(seconds, abs=0.002) for seconds in known)


@contextlib.contextmanager
def prometheus(folder: Path, daemon: Serving) -> Iterator[Callable[[str], float]]:
    """Run Debian's Prometheus beside a daemon; yield a way to ask it, which waits for an answer."""
    address = daemon.url.removeprefix("http://")
    config = folder / "prometheus.yml"
    config.write_text(PROMETHEUS % (address, address))
    subprocess.run(["promtool", "check", "config", config], check=True, capture_output=True)
    log = folder / "prometheus.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}",
             "--web.listen-address=127.0.0.1:0", "--log.level=info"],
            stderr=out, stdout=out,
        )  # fmt: skip
        try:
            yield _asking(log)
        finally:
            process.terminate()
            process.wait(PATIENCE)


def _asking(log: Path) -> Callable[[str], float]:
    pattern = re.compile(r'"?Listening on"? address=(\S+)')
    address = until(lambda: pattern.search(log.read_text()), "Prometheus", log.read_text)[1]

    def query(what: str) -> float:
        url = f"http://{address}/api/v1/query?{urllib.parse.urlencode({'query': what})}"

        def look() -> list[Any]:
            with (
                contextlib.suppress(urllib.error.URLError),
                urllib.request.urlopen(url, timeout=PATIENCE) as answer,
            ):
                return list(json.load(answer)["data"]["result"])
            return []

        (found, *_) = until(look, what)
        return float(found["value"][1])

    return query
