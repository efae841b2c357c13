from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec
import pytest

from raftfleet import sandbox
from raftfleet.errors import SandboxError
from raftfleet.sandbox import birth, making, reach, state
from raftfleet.sandbox.model import HOME, Phase
from raftfleet.sandbox.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from raftfleet.sandbox import Sandbox

    class OnHost(Protocol):
        def __call__(self, host: str, text: str, /, *, check: bool = True) -> str: ...

    Shell = Callable[[Sandbox], OnHost]


pytestmark = pytest.mark.hosts

ROOT = Path(__file__).parents[2]


def test_a_second_up_is_refused_and_harms_nothing(trio: Sandbox, on: OnHost) -> None:
    with pytest.raises(SandboxError, match="is up already, with 3 hosts") as caught:
        sandbox.up(trio.name)
    assert caught.value.hint == f"raftfleet sandbox down --name {trio.name}"
    assert on("n1", "hostname -s || uname -n") == "n1"


def test_a_sandbox_that_is_up_is_found_again(trio: Sandbox) -> None:
    assert sandbox.load(trio.name) == trio
    assert sandbox.exists(trio.name)
    assert trio.name in sandbox.names()
    assert all(host.alive for host in trio.hosts)


def test_a_sandbox_that_is_not_there_is_refused_with_the_nearest_name(trio: Sandbox) -> None:
    typo = trio.name.replace("trio", "tiro")
    assert not sandbox.exists(typo)
    with pytest.raises(SandboxError, match=f"there is no sandbox {typo};") as caught:
        sandbox.load(typo)
    assert caught.value.hint == f"did you mean {trio.name}?"


def test_two_sandboxes_side_by_side_do_not_touch_each_other(fresh: str, shell: Shell) -> None:
    other = f"{fresh}-b"
    with sandbox.running(fresh, 2, disk_mb=16) as first:
        with sandbox.running(other, 2, disk_mb=16) as second:
            assert first.subnet != second.subnet
            assert first.bridge != second.bridge
            assert first.hosts[0].monotonic_offset != second.hosts[0].monotonic_offset
            for made in (first, second):
                for host in made.hosts:
                    shown = shell(made)(host.name, "ip -br addr show eth0")
                    assert host.address in shown
            there = second.hosts[0].address
            knock = f"</dev/tcp/{there}/22"
            assert "Network is unreachable" in shell(first)("n1", knock, check=False)
        assert not sandbox.exists(other)
        assert shell(first)("n2", f"head -c4 </dev/tcp/{first.hosts[0].address}/22") == "SSH-"
    assert sandbox.down(other).folders == ()


def test_many_made_at_once_get_different_subnets(fresh: str) -> None:
    names = [f"{fresh}-{letter}" for letter in "abcd"]
    made: list[Sandbox] = []
    makers = [
        threading.Thread(target=lambda name=name: made.append(sandbox.up(name, 1, disk_mb=8)))
        for name in names
    ]
    try:
        for maker in makers:
            maker.start()
        for maker in makers:
            maker.join(60)
        assert len({one.subnet for one in made}) == 4
    finally:
        for name in names:
            sandbox.down(name)


def test_of_two_makers_of_one_name_one_wins_and_the_other_is_told(fresh: str) -> None:
    results: list[Sandbox | SandboxError] = []

    def make() -> None:
        try:
            results.append(sandbox.up(fresh, 1, disk_mb=8))
        except SandboxError as refused:
            results.append(refused)

    makers = [threading.Thread(target=make) for _ in range(3)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join(60)
    won = [result for result in results if isinstance(result, sandbox.Sandbox)]
    lost = [result.message for result in results if isinstance(result, SandboxError)]
    assert len(won) == 1
    assert len(lost) == 2
    assert all("is up already" in text or "has just been made" in text for text in lost)
    assert sandbox.load(fresh) == won[0]


@pytest.mark.parametrize("mask", [0o000, 0o077])
def test_the_makers_umask_does_not_matter(fresh: str, shell: Shell, mask: int) -> None:
    was = os.umask(mask)
    try:
        with sandbox.running(fresh, 1, disk_mb=8) as made:
            run = shell(made)
            modes = run("n1", "stat -c %a / /etc /usr /var /etc/ssh /tmp /root").split()
            assert modes == ["755"] * 5 + ["1777", "700"]
            assert run("n1", "umask") == "0022"
            assert made.key_file.stat().st_mode & 0o077 == 0
            assert made.directory.stat().st_mode & 0o077 == 0
    finally:
        os.umask(was)


def test_hosts_are_spared_what_the_maker_ignores_knows_and_is_killed_by(
    fresh: str, shell: Shell
) -> None:
    """Shells make background commands ignore signals; a terminal hangs up; makers hold secrets."""
    text = (
        "import os, signal, sys; from raftfleet import sandbox; "
        "signal.signal(signal.SIGINT, signal.SIG_IGN); "
        "signal.signal(signal.SIGUSR1, signal.SIG_IGN); "
        "sandbox.up(sys.argv[1], 2, disk_mb=8); "
        "signal.signal(signal.SIGINT, signal.SIG_DFL); print('up', flush=True); signal.pause()"
    )
    maker = subprocess.Popen(
        [sys.executable, "-c", text, fresh],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT), "SECRET": "hunter2"},
        start_new_session=True,
    )
    with maker:
        assert maker.stdout is not None
        assert maker.stdout.readline() == b"up\n"
        os.killpg(maker.pid, signal.SIGINT)
        os.killpg(maker.pid, signal.SIGHUP)
        assert maker.wait(10) < 0
    made = sandbox.load(fresh)
    run = shell(made)
    assert run("n2", "grep SigIgn /proc/self/status").split()[1] == "0" * 16
    assert "hunter2" not in run("n1", "cat /proc/[0-9]*/environ")
    for host in made.hosts:
        assert host.keeper is not None
        assert os.getsid(host.keeper.pid) != maker.pid


def test_the_end_of_the_keeper_is_the_end_of_the_host(fresh: str) -> None:
    made = sandbox.up(fresh, 2, disk_mb=8)
    keeper = made.hosts[1].keeper
    assert keeper is not None
    os.kill(keeper.pid, signal.SIGKILL)
    until(lambda: "alive" if made.hosts[1].alive else None, seconds=10, what="end of host n2")
    with pytest.raises(SandboxError, match=f"sandbox {fresh} has lost: n2"):
        sandbox.load(fresh)
    assert made.hosts[0].alive


def test_a_host_that_cannot_be_built_is_reported_in_its_own_words_and_leaves_nothing(
    fresh: str, monkeypatch: pytest.MonkeyPatch, remains: Callable[[str], list[str]]
) -> None:
    """Planted: a first process that fails after everything else has been made."""
    plain = birth.Newborn.go

    def go(self: birth.Newborn) -> None:
        script = HOME / fresh / "n2/seed/etc/raftfleet-host"
        script.write_text("echo the dog ate it >&2; exit 3\n")
        plain(self)

    monkeypatch.setattr(birth.Newborn, "go", go)
    with pytest.raises(SandboxError, match=r"host n2 died: .*the dog ate it"):
        sandbox.up(fresh, 2, disk_mb=8)
    assert remains(fresh) == []


def test_a_host_that_never_says_its_pid_is_reported(
    fresh: str, monkeypatch: pytest.MonkeyPatch, remains: Callable[[str], list[str]]
) -> None:
    monkeypatch.setattr(birth, "_NAMESPACES", ("--no-such-namespace",))
    with pytest.raises(SandboxError, match=r"host n1 did not start: .*unrecognized option"):
        sandbox.up(fresh, 2, disk_mb=8)
    assert remains(fresh) == []


def test_an_sshd_that_will_not_run_is_quoted(
    fresh: str, monkeypatch: pytest.MonkeyPatch, remains: Callable[[str], list[str]]
) -> None:
    monkeypatch.setattr("raftfleet.sandbox.seed._SSHD_CONFIG", "NoSuchOption yes\n")
    monkeypatch.setattr(reach, "_PATIENCE", 1.0)
    with pytest.raises(SandboxError, match=r"sshd of host n1 .*NoSuchOption"):
        sandbox.up(fresh, 1, disk_mb=8)
    assert remains(fresh) == []


def test_an_interrupt_while_making_leaves_nothing(
    fresh: str, remains: Callable[[str], list[str]]
) -> None:
    def interrupt(step: str) -> None:
        if step == "sshd":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sandbox.up(fresh, 2, disk_mb=8, progress=interrupt)
    assert remains(fresh) == []


def test_a_firewall_between_hosts_is_noticed_and_named(
    fresh: str, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = Path("/proc/thread-self/ns/net")
    before = ours.readlink()
    with sandbox.running(fresh, 2, disk_mb=8) as made:
        reach.check_neighbours(made)
        shell(made)("n2", f"ip route add blackhole {made.hosts[0].address}/32")
        monkeypatch.setattr(reach, "_NEIGHBOURLY", 0.2)
        with pytest.raises(SandboxError, match="from host n1 to host n2") as caught:
            reach.check_neighbours(made)
        assert "iptables -I FORWARD -i rf-+" in (caught.value.hint or "")
        assert ours.readlink() == before


def test_up_replaces_what_a_dead_maker_left(fresh: str) -> None:
    made = sandbox.up(fresh, 2, disk_mb=8)
    state.write(msgspec.structs.replace(made, phase=Phase.MAKING))
    with pytest.raises(SandboxError, match=r"is not up \(state: making\)"):
        sandbox.load(fresh)
    again = sandbox.up(fresh, 1, disk_mb=8)
    assert len(again.hosts) == 1
    assert not any(host.alive for host in made.hosts)
    assert sandbox.load(fresh) == again


def test_up_replaces_a_sandbox_of_before_the_reboot(fresh: str) -> None:
    made = sandbox.up(fresh, 1, disk_mb=8)
    sandbox.down(fresh)
    gone = msgspec.structs.replace(made, boot_id="before")
    with state.register():
        os.close(state.publish(gone))
    again = sandbox.up(fresh, 1, disk_mb=8)
    assert again.hosts[0].alive


@pytest.mark.parametrize("links_too", [False, True])
def test_up_replaces_what_is_left_after_its_folder_was_deleted(fresh: str, links_too: bool) -> None:
    made = sandbox.up(fresh, 1, disk_mb=8)
    shutil.rmtree(made.directory)
    for link in (made.bridge, made.hosts[0].link) if links_too else ():
        subprocess.run(["ip", "link", "del", link], check=True)
    again = sandbox.up(fresh, 1, disk_mb=8)
    assert not made.hosts[0].alive
    assert again.hosts[0].alive


def test_a_record_that_cannot_be_read_is_nothing_to_build_over(fresh: str) -> None:
    made = sandbox.up(fresh, 1, disk_mb=8)
    (made.directory / "state.json").write_text("{")
    with pytest.raises(SandboxError, match=r"record of sandbox .* cannot be read") as caught:
        sandbox.up(fresh, 1, disk_mb=8)
    assert caught.value.hint == f"raftfleet sandbox down --name {fresh}"
    assert made.hosts[0].alive
    assert sandbox.down(fresh).hosts == ("n1",)


def test_running_takes_the_sandbox_down_when_its_block_fails(
    fresh: str, remains: Callable[[str], list[str]]
) -> None:
    with pytest.raises(ZeroDivisionError), making.running(fresh, 1, disk_mb=8):
        _ = 1 / 0
    assert remains(fresh) == []


def test_a_single_host_is_enough(fresh: str, shell: Shell) -> None:
    with sandbox.running(fresh, 1, disk_mb=8) as made:
        assert shell(made)("n1", "echo here") == "here"


def test_ten_hosts_come_up_together(fresh: str) -> None:
    before = time.monotonic()
    with sandbox.running(fresh, 10, disk_mb=8) as made:
        assert len(made.hosts) == 10
    assert time.monotonic() - before < 30
