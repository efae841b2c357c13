"""Hosts whose first process is systemd."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from raftfleet import sandbox
from raftfleet.errors import SandboxError
from raftfleet.sandbox import Init, cgroups, making, place, systemd, tools

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from raftfleet.sandbox import Sandbox

    Shell = Callable[[Sandbox], Callable[..., str]]

ROOT = Path(__file__).parents[2]
CAP_SYS_TIME = 1 << 25
UNIT = """cat >/etc/systemd/system/slow.service <<'END'
[Service]
ExecStart=/bin/sh -c "trap 'exit 0' TERM; while :; do sleep 0.05; done"
[Install]
WantedBy=multi-user.target
END
systemctl daemon-reload
"""
DIES_AT_SSHD = """
import os, signal, sys
from raftfleet import sandbox
def progress(step):
    if step == "sshd":
        os.kill(os.getpid(), signal.SIGKILL)
sandbox.up(sys.argv[1], 2, disk_mb=32, init=sandbox.Init.SYSTEMD, progress=progress)
"""


@pytest.fixture(scope="module")
def pair() -> Iterator[Sandbox]:
    name = f"sbx-systemd-{os.getpid()}"
    sandbox.down(name)
    with sandbox.running(name, 2, disk_mb=64, init=Init.SYSTEMD) as made:
        yield made


def machines_groups() -> set[str]:
    """Return all control groups of the machine but those in sandboxes' own trees."""
    return {folder for folder, _, _ in os.walk("/sys/fs/cgroup") if "/rf-" not in folder}


@pytest.mark.hosts
def test_systemd_runs_and_nothing_of_the_machines_with_it(pair: Sandbox, shell: Shell) -> None:
    on = shell(pair)
    said = on("n1", "cat /proc/1/comm; systemctl is-system-running --wait; uname -n")
    assert said.split() == ["systemd", "running", "n1"]
    units = on("n1", "systemctl list-units --plain --no-legend --type=service --state=active")
    services = {line.split()[0] for line in units.splitlines()}
    assert services <= {
        "ssh.service",
        "systemd-journald.service",
        "systemd-remount-fs.service",
        "systemd-tmpfiles-setup.service",
        "dbus.service",
    }
    assert on("n1", "systemctl list-timers --all --no-legend") == ""


@pytest.mark.hosts
def test_no_process_of_it_may_set_the_clock(pair: Sandbox, shell: Shell) -> None:
    on = shell(pair)
    status = "for p in /proc/[0-9]*; do grep CapBnd $p/status; done"
    bounding = [int(line.split()[1], 16) for line in on("n1", status).splitlines()]
    assert len(bounding) > 2
    assert not any(mask & CAP_SYS_TIME for mask in bounding)
    on("n1", UNIT.replace("slow", "clock").replace("trap", "echo; trap"))
    on("n1", "systemctl start clock")
    pid = on("n1", "systemctl show -P MainPID clock")
    assert not int(on("n1", f"awk '/CapEff/ {{print $2}}' /proc/{pid}/status"), 16) & CAP_SYS_TIME
    on("n1", "systemctl stop clock; rm /etc/systemd/system/clock.service; systemctl daemon-reload")


@pytest.mark.hosts
def test_units_start_stop_and_leave_stamps(pair: Sandbox, shell: Shell) -> None:
    on = shell(pair)
    on("n2", UNIT + "systemctl enable --now slow")
    assert on("n2", "systemctl is-active slow") == "active"
    on("n2", "systemctl stop slow")
    wanted = "ExecMainExitTimestampMonotonic,ExecMainCode,ExecMainStatus,NRestarts"
    shown = dict(
        line.split("=") for line in on("n2", f"systemctl show -p {wanted} slow").splitlines()
    )
    assert shown["ExecMainCode"] == "1"  # CLD_EXITED
    assert shown["ExecMainStatus"] == "0"
    exited = int(shown["ExecMainExitTimestampMonotonic"]) / 1e6
    assert abs(exited - pair.host("n2").monotonic_offset) < 10_000_000, "not the host's own clock"
    on("n2", "systemctl disable slow; rm /etc/systemd/system/slow.service; systemctl daemon-reload")


@pytest.mark.hosts
def test_what_is_enabled_starts_again_and_nothing_else_is_enabled(
    pair: Sandbox, shell: Shell
) -> None:
    on = shell(pair)
    enabled = on("n1", "find /etc/systemd/system -name '*.service' -printf '%P\\n'")
    assert set(enabled.split()) == {
        "ssh.service",
        "sshd.service",
        "multi-user.target.wants/ssh.service",
        "sysinit.target.wants/systemd-journald.service",
        "sysinit.target.wants/systemd-tmpfiles-setup.service",
    }
    assert on("n1", "systemctl is-enabled ssh sshd", check=False).split() == ["enabled", "alias"]


@pytest.mark.hosts
def test_nothing_stays_not_even_a_control_group(
    fresh: str, remains: Callable[[str], list[str]], shell: Shell
) -> None:
    before = machines_groups()
    made = sandbox.up(fresh, 2, disk_mb=64, init=Init.SYSTEMD)
    assert remains(fresh)
    shell(made)("n1", UNIT + "systemctl start slow")
    assert machines_groups() == before
    removed = sandbox.down(fresh)
    assert removed.cgroups == tuple(host.link for host in made.hosts)
    assert remains(fresh) == []
    assert machines_groups() == before


@pytest.mark.hosts
def test_after_a_maker_that_was_killed_down_leaves_nothing(
    fresh: str, remains: Callable[[str], list[str]]
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", DIES_AT_SSHD, fresh],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert done.returncode == -9
    assert any("cgroup" in what for what in remains(fresh))
    assert sandbox.down(fresh).cgroups
    assert remains(fresh) == []


def test_a_machine_without_systemd_or_its_groups_is_told_both(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(place, "ROOTLESS", False)
    monkeypatch.setattr(tools, "_SYSTEMD", str(tmp_path / "systemd"))
    monkeypatch.setattr(cgroups, "_ROOT", tmp_path)
    with pytest.raises(SandboxError) as caught:
        making.up("sbx-nowhere", 1, init=Init.SYSTEMD)
    assert "systemd is missing" in caught.value.message
    assert "is not cgroup2" in caught.value.message
    assert "apt-get install systemd" in (caught.value.hint or "")
    assert "mount -t cgroup" in (caught.value.hint or "")


def test_an_ordinary_user_is_told_why_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "ROOTLESS", True)
    with pytest.raises(SandboxError, match="need root: an ordinary user's hosts") as caught:
        making.up("sbx-nowhere", 1, init=Init.SYSTEMD)
    assert "sudo" in (caught.value.hint or "")


def test_what_pulls_the_machines_units_in_is_hidden() -> None:
    hidden = systemd.hidden()
    assert all(not name.startswith("/") for name in hidden)
    for folder in Path("/lib/systemd/system").glob("*.wants"):
        assert str(folder.resolve()).lstrip("/") in hidden
