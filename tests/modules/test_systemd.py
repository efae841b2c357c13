"""`systemd` and `service` on hosts that systemd runs, over real sshd; and on those it does not."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from raftfleet import sandbox
from raftfleet.errors import SandboxError
from raftfleet.modules.units import Manager
from raftfleet.playbook.module import Result, Status
from raftfleet.sandbox.tools import require_machine, require_systemd
from raftfleet.transport import make_transport, options_from_variables
from raftfleet.transport.protocol import Command, Exited
from tests.modules.conftest import Bench

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from raftfleet.testing.transport import FakeTransport
    from raftfleet.transport import Transport

UNIT = """[Service]
ExecStart=/bin/sleep 1000
ExecReload=/bin/true
[Install]
WantedBy=multi-user.target
"""


def opened(made: sandbox.Sandbox) -> Transport:
    host = made.hosts[0]
    variables = {
        "ansible_host": host.address,
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(made.key_file),
        "ansible_ssh_common_args": f"-o UserKnownHostsFile={made.known_hosts}",
    }
    return make_transport(
        host.name,
        options_from_variables(host.name, variables, project_known_hosts=made.known_hosts),
    )


@pytest.fixture(scope="module")
def hosts() -> Iterator[Callable[[str], Transport]]:
    """The first host of a sandbox with this first process; each is made once."""
    try:
        require_machine()
        require_systemd()
    except SandboxError as missing:
        pytest.skip(str(missing))
    made: dict[str, Transport] = {}
    name = f"mods-{{}}-{os.getpid()}".format

    def get(init: str) -> Transport:
        if init not in made:
            sandbox.down(name(init))
            made[init] = opened(sandbox.up(name(init), 1, disk_mb=64, init=sandbox.Init(init)))
        return made[init]

    yield get
    for transport in made.values():
        transport.close()
    for init in ("systemd", "plain"):
        sandbox.down(name(init))


@pytest.fixture
def on(hosts: Callable[[str], Transport], tmp_path: Path) -> Iterator[Bench]:
    """A bench on a systemd host that has a unit `web`, neither running nor enabled."""
    bench = Bench(tmp_path, hosts("systemd"))
    bench.run("copy", dest="/etc/systemd/system/web.service", content=UNIT)
    shell(bench, "systemctl daemon-reload")
    yield bench
    shell(
        bench,
        "systemctl unmask web; systemctl disable --now web; "
        "rm -f /etc/systemd/system/web.service; systemctl daemon-reload",
    )


def shell(bench: Bench, line: str) -> str:
    said = bench.transport.run(Command(line), timeout=30)
    assert isinstance(said, Exited)
    return said.out.strip()


def changed(result: Result) -> bool:
    assert result.status in {Status.OK, Status.CHANGED}, result
    return result.status is Status.CHANGED


@pytest.mark.hosts
@pytest.mark.parametrize("module", ["systemd", "systemd_service", "service"])
def test_started_and_enabled_once_stopped_and_disabled_once(on: Bench, module: str) -> None:
    assert on.changes(module, name="web", state="started", enabled=True) == [True, False]
    assert shell(on, "systemctl is-active web; systemctl is-enabled web").split() == [
        "active",
        "enabled",
    ]
    assert on.changes(module, name="web", state="stopped", enabled=False) == [True, False]
    assert shell(on, "systemctl is-active web; systemctl is-enabled web").split() == [
        "inactive",
        "disabled",
    ]


@pytest.mark.hosts
def test_restarting_and_reloading_always_change_and_start_what_is_down(on: Bench) -> None:
    for state in ("restarted", "reloaded"):
        shell(on, "systemctl stop web")
        assert changed(on.run("systemd", name="web", state=state))
        first = shell(on, "systemctl show -P MainPID web")
        again = on.run("systemd", name="web", state=state)
        assert changed(again)
        assert again.values["state"] == "started"
        second = shell(on, "systemctl show -P MainPID web")
        assert (first != second) is (state == "restarted")


@pytest.mark.hosts
def test_the_status_is_what_was_found_before(on: Bench) -> None:
    """As in Ansible, whose playbooks ask it with `changed_when` and `when`."""
    assert on.run("systemd", name="web", state="started").values["status"]["ActiveState"] == (
        "inactive"
    )
    found = on.run("systemd", name="web").values["status"]
    assert (found["ActiveState"], found["SubState"]) == ("active", "running")
    assert found["MainPID"] == shell(on, "systemctl show -P MainPID web")


@pytest.mark.hosts
def test_masking_forbids_and_unmasking_allows(on: Bench) -> None:
    shell(on, "mv /etc/systemd/system/web.service /run/systemd/system/; systemctl daemon-reload")
    assert on.changes("systemd", name="web", masked=True) == [True, False]
    assert "masked" in on.failure("systemd", name="web", state="started")
    assert on.changes("systemd", name="web", masked=False) == [True, False]
    shell(on, "rm /run/systemd/system/web.service")


@pytest.mark.hosts
def test_check_mode_predicts_and_does_nothing(on: Bench) -> None:
    bench = on.checking().differing()
    for _ in range(2):
        result = bench.run("service", name="web", state="started", enabled=True)
        assert changed(result)
        assert result.diff == (
            "enabled: False\nstate: inactive\n",
            "enabled: True\nstate: started\n",
        )
    assert shell(on, "systemctl is-active web") == "inactive"


@pytest.mark.hosts
def test_a_new_unit_file_is_seen_after_a_reload(on: Bench) -> None:
    on.run("copy", dest="/etc/systemd/system/web.service", content=UNIT.replace("1000", "2000"))
    result = on.run("systemd", name="web", state="started", daemon_reload=True)
    assert changed(result)
    assert "2000" in shell(on, "systemctl show -P ExecStart web")
    assert not changed(on.run("systemd", daemon_reload=True))
    assert not changed(on.run("systemd", daemon_reexec=True))


@pytest.mark.hosts
def test_service_takes_what_systemd_takes_where_systemd_runs(on: Bench) -> None:
    on.run("copy", dest="/etc/systemd/system/web.service", content=UNIT.replace("1000", "3000"))
    on.run("service", name="web", state="started", daemon_reload=True)
    assert "sleep 3000" in shell(on, "systemctl show -P ExecStart web")
    assert on.run("service", name="web", daemon_reload=True).status is Status.OK
    shell(on, "mv /etc/systemd/system/web.service /run/systemd/system/; systemctl daemon-reload")
    assert on.changes("service", name="web", masked=True) == [True, False]
    assert on.changes("service", name="web", masked=False) == [True, False]
    shell(on, "rm /run/systemd/system/web.service")


@pytest.mark.hosts
@pytest.mark.parametrize("module", ["systemd", "service"])
def test_a_service_that_is_not_there_is_named(on: Bench, module: str) -> None:
    said = on.failure(module, name="nosuch", state="stopped")
    assert "Could not find the requested service nosuch: host" in said


@pytest.mark.hosts
def test_a_service_that_will_not_start_says_what_systemd_says(on: Bench) -> None:
    on.run(
        "copy",
        dest="/etc/systemd/system/web.service",
        content="[Service]\nType=oneshot\nExecStart=/bin/false\n",
    )
    said = on.failure("systemd", name="web", state="started", daemon_reload=True)
    assert "Unable to start service web: Job for web.service failed" in said


@pytest.mark.hosts
def test_no_block_does_not_wait(on: Bench) -> None:
    slow = UNIT.replace("ExecStart=", "ExecStartPre=/bin/sleep 600\nExecStart=")
    on.run("copy", dest="/etc/systemd/system/web.service", content=slow)
    assert changed(
        on.run("systemd", name="web", state="started", daemon_reload=True, no_block=True)
    )
    assert shell(on, "systemctl show -P ActiveState web") == "activating"
    assert not changed(on.run("systemd", name="web", state="started"))


@pytest.mark.hosts
def test_on_a_host_without_systemd_the_first_process_is_named(
    hosts: Callable[[str], Transport], tmp_path: Path
) -> None:
    bench = Bench(tmp_path, hosts("plain"))
    said = bench.failure("systemd", name="web", state="started")
    assert "is not run by systemd (its first process is sh)" in said
    assert "is not run by systemd" in bench.failure("systemd", daemon_reload=True)
    said = bench.failure("service", name="web", state="started")
    assert "Could not find the requested service web: host" in said
    assert "has no /etc/init.d/web" in said
    said = bench.failure("service", name="web", state="started", daemon_reload=True)
    assert "is not run by systemd" in said


@pytest.mark.hosts
def test_init_scripts_do_where_there_is_no_systemd(
    hosts: Callable[[str], Transport], tmp_path: Path
) -> None:
    bench = Bench(tmp_path, hosts("plain"))
    bench.run("file", path="/etc/init.d", state="directory")
    script = """#!/bin/sh
### BEGIN INIT INFO
# Provides: old
# Required-Start:
# Required-Stop:
# Default-Start: 2 3 4 5
# Default-Stop: 0 1 6
### END INIT INFO
echo "$@" >>/run/old.log
case $1 in
start) touch /run/old ;; stop) rm -f /run/old ;; status) [ -e /run/old ] ;; esac
"""
    bench.run("copy", dest="/etc/init.d/old", content=script, mode="0755")
    assert bench.changes("service", name="old", state="started") == [True, False]
    assert changed(bench.run("service", name="old", state="restarted"))
    assert bench.changes("service", name="old", state="stopped") == [True, False]
    done = [line for line in shell(bench, "cat /run/old.log").split() if line != "status"]
    assert done == ["start", "restart", "stop"]
    if shell(bench, "command -v update-rc.d"):
        assert bench.changes("service", name="old", enabled=True) == [True, False]
        assert bench.changes("service", name="old", enabled=False) == [True, False]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "one of name, daemon_reload and daemon_reexec is wanted"),
        ({"state": "started"}, "state wants the name of a unit"),
        ({"name": "web*", "state": "started"}, "not the name of one unit"),
    ],
)
def test_wrong_arguments_are_refused_before_the_host_is_asked(
    faked: Bench, fake: FakeTransport, arguments: dict[str, Any], said: str
) -> None:
    assert said in faked.failure("systemd", **arguments)
    assert fake.calls == []


def test_a_users_manager_is_found_without_a_login(faked: Bench, fake: FakeTransport) -> None:
    fake.on("*show*", Exited(status=0, stdout=b"LoadState=loaded\nActiveState=active\n\1x\n\0010"))
    faked.run("systemd", name="web", state="started", scope="user")
    assert any("XDG_RUNTIME_DIR" in line and "--user show" in line for line in fake.lines())


def test_values_may_go_on_over_several_lines(faked: Bench, fake: FakeTransport) -> None:
    from raftfleet.modules.on_host import OnHost  # noqa: PLC0415

    text = b"LoadState=loaded\nStatusText=one\n two\nMainPID=7\n\1enabled\n\0010"
    fake.on("*show*", Exited(status=0, stdout=text))
    unit = Manager(OnHost(faked.context)).known("web")
    assert unit is not None
    assert unit.status == {"LoadState": "loaded", "StatusText": "one\n two", "MainPID": "7"}
    assert unit.enabled
