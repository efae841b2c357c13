"""Deploying twice changes nothing, and a wiped cluster starts afresh."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from .conftest import REPOSITORY

if TYPE_CHECKING:
    from .conftest import Fleet

pytestmark = pytest.mark.hosts


def changed(text: str) -> dict[str, int]:
    return {
        host: int(count)
        for host, count in re.findall(r"^(\w+) +: ok=\d+ +changed=(\d+)", text, re.MULTILINE)
    }


def test_a_second_up_changes_nothing(cluster: Fleet) -> None:
    said = cluster.say("up", "-i", cluster.inventory)
    assert said.code == 0, said.text
    assert changed(said.text) == {"n1": 0, "n2": 0, "n3": 0}


def test_a_wiped_cluster_starts_afresh(cluster: Fleet) -> None:
    clean = cluster.say("play", REPOSITORY / "playbooks" / "clean.yml", "-i", cluster.inventory)
    assert clean.code == 0, clean.text
    kept = "test -e /opt/robustmq/bin/broker-server && test -e /opt/robustmq/.raftfleet"
    assert cluster.say("sandbox", "ssh", "--name", cluster.name, "n2", kept).code == 0
    cluster.up()
    status = cluster.say("status", "-i", cluster.inventory)
    assert status.code == 0, status.text
    assert re.search(r"n1 +alive +data_0 +leader +n1 +1 +15 +15 ", status.text), status.text


def test_a_directory_without_our_marker_is_not_wiped(cluster: Fleet) -> None:
    take = "mv /opt/robustmq/data/meta/.raftfleet /tmp/marker"
    give = "mv /tmp/marker /opt/robustmq/data/meta/.raftfleet"
    ssh = ("sandbox", "ssh", "--name", cluster.name, "n3")
    assert cluster.say(*ssh, take).code == 0
    try:
        clean = cluster.say("play", REPOSITORY / "playbooks" / "clean.yml", "-i", cluster.inventory)
        assert clean.code == 2, clean.text
        assert "/opt/robustmq/data/meta" in clean.text
        assert cluster.say(*ssh, "ls /opt/robustmq/data/meta/* >/dev/null").code == 0
    finally:
        assert cluster.say(*ssh, give).code == 0


def test_a_wrong_program_on_a_host_is_sent_again(cluster: Fleet) -> None:
    assert cluster.say("down", "-i", cluster.inventory).code == 0
    spoil = "echo >> /opt/robustmq/bin/broker-server"
    assert cluster.say("sandbox", "ssh", "--name", cluster.name, "n2", spoil).code == 0
    said = cluster.say("up", "-i", cluster.inventory)
    assert said.code == 0, said.text
    installs = said.text.split("Install the program]")[1].split("TASK")[0]
    assert "changed: [n2]" in installs
    assert "ok: [n1]" in installs
