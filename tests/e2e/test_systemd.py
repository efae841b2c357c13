"""The same cluster with its nodes as units of systemd: started, stopped, drilled, healed."""

from __future__ import annotations

import os
import re
import time
from typing import TYPE_CHECKING, Any

import pytest

from raftfleet.errors import SandboxError
from raftfleet.sandbox.tools import require_systemd
from tests.e2e.conftest import REPOSITORY, Fleet, need_hosts
from tests.e2e.test_deploy import changed
from tests.e2e.test_drills import events
from tests.e2e.test_heal import killed_drill

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.hosts

UNCHANGED = {"n1": 0, "n2": 0, "n3": 0}


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Three hosts with systemd, and an inventory that makes it run the nodes."""
    need_hosts()
    try:
        require_systemd()
    except SandboxError as missing:
        pytest.skip(str(missing))
    folder = tmp_path_factory.mktemp("units")
    made = Fleet(f"e2e-units-{os.getpid()}", folder, folder / "hosts.yml")
    said = made.say("sandbox", "up", "--name", made.name, "--init", "systemd")
    assert said.code == 0, said.text
    try:
        listed = made.say("sandbox", "inventory", "--name", made.name)
        more = ("robustmq_binary: simulator", "robustmq_era: fast", "raft_service_manager: systemd")
        head = "\n    ".join(("ansible_user: root", *more))
        made.inventory.write_text(listed.text.replace("ansible_user: root", head, 1))
        yield made
    finally:
        said = made.say("sandbox", "down", "--name", made.name)
        assert said.code == 0, said.text


@pytest.fixture
def running(units: Fleet) -> Fleet:
    units.up()
    return units


def on(fleet: Fleet, host: str, line: str) -> str:
    said = fleet.say("sandbox", "ssh", "--name", fleet.name, host, line)
    return said.text.strip()


def state(fleet: Fleet, host: str) -> str:
    return on(fleet, host, f"systemctl is-active robustmq-{host}")


def latest(fleet: Fleet) -> list[dict[str, Any]]:
    return events(fleet.runs / "latest")


def until_state(fleet: Fleet, host: str, wanted: str) -> None:
    line = f"timeout 20 sh -c 'until [ $(systemctl is-active robustmq-{host}) = {wanted} ]; do :; done'"
    on(fleet, host, line)
    assert state(fleet, host) == wanted


def test_a_second_up_changes_nothing_and_the_nodes_are_units(running: Fleet) -> None:
    said = running.say("up", "-i", running.inventory)
    assert said.code == 0, said.text
    assert changed(said.text) == UNCHANGED
    for host in ("n1", "n2", "n3"):
        assert state(running, host) == "active"
        record = on(running, host, "cat /run/raftfleet/clusters/raft/*/life-*")
        main = on(running, host, f"systemctl show -P MainPID robustmq-{host}")
        assert f"pid {main}" in record
        assert on(running, host, f"systemctl is-enabled robustmq-{host}") == "disabled"


@pytest.mark.parametrize("drill", ["a-remove", "c-shutdown"])
def test_a_drill_comes_to_the_verdict_it_comes_to_without_systemd(
    running: Fleet, drill: str
) -> None:
    said = running.say("drill", drill, "-i", running.inventory)
    assert said.code == 0, said.text
    summary = running.summary()
    assert summary["verdict"] == "pass"
    exits = summary["exits"]
    assert {one["class"] for one in exits} == {"graceful"}
    assert len(exits) == {"a-remove": 1, "c-shutdown": 3}[drill]
    for one in exits:
        low, high = one["seconds"]
        assert high - low < 0.1


def test_systemd_stamps_an_exit_that_nobody_watched(running: Fleet) -> None:
    """Killed from outside: the record on the host holds systemd's own instant, and the signal."""
    on(running, "n2", "systemctl kill --signal=KILL robustmq-n2")
    until_state(running, "n2", "failed")
    records = on(
        running, "n2", "tail -n +1 $(ls -t /run/raftfleet/clusters/raft/n2/exit-* | head -1)"
    )
    shown = on(running, "n2", "systemctl show -P ExecMainExitTimestampMonotonic robustmq-n2")
    assert "status 137" in records
    low, high = map(float, re.findall(r"^at (\S+) (\S+)$", records, re.MULTILINE)[0])
    assert high - low < 0.001
    # The boot clock is ahead of the monotonic one by whole seconds here.
    ahead = (low + high) / 2 - int(shown) / 1e6
    assert abs(ahead - round(ahead)) < 0.001
    assert running.say("status", "-i", running.inventory).code == 2
    running.up()
    assert state(running, "n2") == "active"


def test_a_stop_of_ours_is_not_undone_by_a_restart_of_systemds(running: Fleet) -> None:
    drop = "/etc/systemd/system/robustmq-n3.service.d"
    on(
        running,
        "n3",
        f"mkdir {drop}; printf '[Service]\\nRestart=always\\nRestartSec=50ms\\n' >{drop}/again.conf; "
        "systemctl daemon-reload",
    )
    try:
        play = running.write(
            "kill.yml",
            "- hosts: raft\n  gather_facts: false\n  tasks:\n    - raft_kill: {node: n3}\n",
        )
        said = running.say("play", play, "-i", running.inventory)
        assert said.code == 0, said.text
        until_state(running, "n3", "inactive")
        began = time.monotonic()
        on(running, "n3", "sleep 1")  # twenty times what it waits before it starts one again
        assert time.monotonic() - began >= 1
        assert state(running, "n3") == "inactive"
        # Somebody else's kill it does undo, and the new life is on record.
        running.up()
        on(running, "n3", "systemctl kill --signal=KILL robustmq-n3")
        until_state(running, "n3", "active")
        line = "timeout 20 sh -c 'until [ $(systemctl show -P NRestarts robustmq-n3) -gt 0 ]; do :; done'"
        on(running, "n3", line)
        until_state(running, "n3", "active")
        main = on(running, "n3", "systemctl show -P MainPID robustmq-n3")
        newest = on(running, "n3", "cat $(ls -t /run/raftfleet/clusters/raft/n3/life-* | head -1)")
        assert f"pid {main}" in newest
    finally:
        on(running, "n3", f"rm -r {drop}; systemctl daemon-reload")


def test_heal_starts_the_unit_that_a_killed_drill_had_stopped(running: Fleet) -> None:
    run = killed_drill(running)
    victim = next(e["node"] for e in events(run) if e["event"] == "node.exited")
    assert state(running, victim) == "inactive"
    said = running.say("heal", "-i", running.inventory)
    assert said.code == 0, said.text
    assert f"{victim} started" in said.text
    assert state(running, victim) == "active"
    assert running.say("heal", "-i", running.inventory).text == "nothing to heal\n"


def test_what_is_stopped_and_started_by_hand_is_seen(running: Fleet) -> None:
    on(running, "n1", "systemctl stop robustmq-n1")
    assert running.say("status", "-i", running.inventory).code == 2
    on(running, "n1", "systemctl start robustmq-n1")
    said = running.say("up", "-i", running.inventory)
    assert said.code == 0, said.text
    assert changed(said.text) == UNCHANGED


def test_a_node_that_came_up_with_its_host_is_found(running: Fleet) -> None:
    """All that a reboot leaves of our records is nothing, and the unit may have been enabled."""
    on(running, "n2", "systemctl stop robustmq-n2; rm -r /run/raftfleet/clusters/raft/n2")
    on(running, "n2", "systemctl start robustmq-n2")
    said = running.say("up", "-i", running.inventory)
    assert said.code == 0, said.text
    assert changed(said.text) == UNCHANGED
    assert running.say("status", "-i", running.inventory).code == 0


def test_a_unit_of_somebody_elses_is_refused(running: Fleet) -> None:
    unit = "/etc/systemd/system/robustmq-n1.service"
    on(running, "n1", f"cp {unit} /root/kept; printf '[Service]\\nExecStart=/bin/true\\n' >{unit}")
    try:
        said = running.say("play", REPOSITORY / "playbooks/deploy.yml", "-i", running.inventory)
        assert said.code == 2, said.text
        assert "was not written by raftfleet" in said.text
    finally:
        on(running, "n1", f"cp /root/kept {unit}; systemctl daemon-reload")
