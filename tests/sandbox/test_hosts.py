"""What a host is like from inside: build.sh, serve.sh and the files of seed.py."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

from raftfleet.sandbox import network
from raftfleet.sandbox.seed import SYSTEM
from raftfleet.sandbox.waiting import until

if TYPE_CHECKING:
    from raftfleet.sandbox import Sandbox

    class OnHost(Protocol):
        def __call__(self, host: str, text: str, /, *, check: bool = True) -> str: ...


pytestmark = pytest.mark.hosts

NAMES = ("n1", "n2", "n3")
CAP_SYS_TIME, CAP_NET_ADMIN = 1 << 25, 1 << 12
DROPPED = {
    "SYS_MODULE": 16,
    "SYS_RAWIO": 17,
    "SYS_BOOT": 22,
    "SYS_TIME": 25,
    "MKNOD": 27,
    "MAC_OVERRIDE": 32,
    "MAC_ADMIN": 33,
    "SYSLOG": 34,
    "WAKE_ALARM": 35,
}
PYTHON = "/usr/bin/python3 -c"


@pytest.mark.parametrize("name", NAMES)
def test_a_host_answers_under_its_own_name_and_key(trio: Sandbox, on: OnHost, name: str) -> None:
    assert on(name, "uname -n; cat /etc/hostname; id -u").split() == [name, name, "0"]
    shown = (trio.host(name).root / "etc/ssh/ssh_host_ed25519_key.pub").read_text()
    known = trio.known_hosts.read_text()
    assert f"{trio.host(name).address},{name} {' '.join(shown.split()[:2])}\n" in known


def test_a_host_with_another_key_than_known_is_refused(trio: Sandbox, tmp_path: Path) -> None:
    address, other = trio.host("n1").address, trio.host("n2").address
    swapped = trio.known_hosts.read_text().replace(f"{address},n1", "x")
    (tmp_path / "known").write_text(swapped.replace(f"{other},n2", address))
    argv = [
        word.replace(str(trio.known_hosts), str(tmp_path / "known"))
        for word in trio.ssh_argv("n1", ["true"])
    ]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 255
    assert "HOST IDENTIFICATION HAS CHANGED" in done.stderr


def test_only_the_sandboxs_key_opens_the_door(trio: Sandbox, tmp_path: Path) -> None:
    stranger = tmp_path / "key"
    keygen = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(stranger)]
    subprocess.run(keygen, check=True)
    argv = [
        word.replace(str(trio.key_file), str(stranger)) for word in trio.ssh_argv("n1", ["true"])
    ]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 255
    assert "Permission denied" in done.stderr


def test_every_namespace_is_the_hosts_own(trio: Sandbox) -> None:
    for kind in ("net", "uts", "mnt", "pid", "ipc", "cgroup", "time"):
        places = [f"/proc/{host.init_pid}/ns/{kind}" for host in trio.hosts]
        inodes = {os.stat(place).st_ino for place in [*places, f"/proc/self/ns/{kind}"]}  # noqa: PTH116
        assert len(inodes) == 4, kind


CLOCKS = "import time as t; print(t.monotonic(), t.clock_gettime(t.CLOCK_BOOTTIME), t.time())"


def test_a_host_answers_under_its_ipv6_address_too(trio: Sandbox) -> None:
    if not network.has_ipv6():
        pytest.skip("this kernel has no IPv6")
    host = trio.host("n2")
    there = [
        w.replace(f"root@{host.address}", f"root@{host.address6}") for w in trio.ssh_argv("n2")
    ]
    done = subprocess.run(
        [*there, f"uname -n; head -n 1 </dev/tcp/{trio.host('n3').address6}/22"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("n2\nSSH-2.0-")


@pytest.mark.parametrize("name", NAMES)
def test_a_hosts_clocks_are_off_by_what_the_record_says(
    trio: Sandbox, on: OnHost, name: str
) -> None:
    host = trio.host(name)
    sent = time.monotonic(), time.clock_gettime(time.CLOCK_BOOTTIME), time.time()
    theirs = [float(text) for text in on(name, f"{PYTHON} {shlex.quote(CLOCKS)}").split()]
    received = time.monotonic(), time.clock_gettime(time.CLOCK_BOOTTIME), time.time()
    for lo, reading, hi, offset in zip(
        sent, theirs, received, (host.monotonic_offset, host.boottime_offset, 0), strict=True
    ):
        assert lo + offset - 0.001 <= reading <= hi + offset + 0.001


def test_proc_uptime_shows_the_hosts_boot_clock(trio: Sandbox, on: OnHost) -> None:
    before = time.clock_gettime(time.CLOCK_BOOTTIME)
    shown = float(on("n2", "cat /proc/uptime").split()[0]) - trio.host("n2").boottime_offset
    assert before - 0.02 <= shown <= time.clock_gettime(time.CLOCK_BOOTTIME) + 0.02


def test_a_hosts_processes_carry_the_hosts_start_times(trio: Sandbox, on: OnHost) -> None:
    """The fold tells incarnations apart by (pid, start time): both must be read on one clock."""
    ticks = os.sysconf("SC_CLK_TCK")
    inside = int(on("n1", "sed 's/.*) //' /proc/self/stat").split()[19]) / ticks
    uptime = float(on("n1", "cat /proc/uptime").split()[0])
    assert uptime - 30 < inside <= uptime + 1
    assert inside > trio.host("n1").boottime_offset


def status_of_all(trio: Sandbox, name: str, field: str) -> dict[str, int]:
    """Return one hexadecimal field of /proc/PID/status for every process of a host."""
    pids = [entry.name for entry in (trio.host(name).root / "proc").glob("[0-9]*")]
    found = {}
    for pid in pids:
        try:
            text = (trio.host(name).root / "proc" / pid / "status").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue  # the session of an earlier test, just ending
        match = re.search(rf"^{field}:\s*([0-9a-f]+)$", text, re.MULTILINE)
        assert match is not None
        found[f"{pid} {text.split()[1]}"] = int(match[1], 16)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_no_process_of_a_host_has_or_can_get_a_right_over_the_machine(
    trio: Sandbox, name: str
) -> None:
    for field in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        held = status_of_all(trio, name, field)
        assert len(held) >= 2
        for process, mask in held.items():
            for right, bit in DROPPED.items():
                assert not mask >> bit & 1, f"{process} has {right} in {field}"


def test_a_host_may_not_set_the_clock_and_the_clock_stays(trio: Sandbox, on: OnHost) -> None:
    # Looked at first: were the right there, the attempt would set the clock of this machine.
    assert not any(m & CAP_SYS_TIME for m in status_of_all(trio, "n1", "CapEff").values())
    step = time.time() - time.monotonic()
    said = on("n1", 'date -s "@$(( $(date +%s) + 3600 ))"; echo "status $?"', check=False)
    assert "Operation not permitted" in said
    assert "status 1" in said
    assert abs(time.time() - time.monotonic() - step) < 60


def test_a_host_may_neither_make_devices_nor_turn_the_kernels_switches(on: OnHost) -> None:
    said = on("n1", "mknod /tmp/disk b 8 0", check=False)
    assert "Operation not permitted" in said
    for switch in ("vm/swappiness", "kernel/pid_max", "fs/file-max"):
        said = on("n1", f"cat /proc/sys/{switch} >/proc/sys/{switch}", check=False)
        assert "Read-only file system" in said


def test_a_host_may_turn_the_switches_of_its_own_network(on: OnHost) -> None:
    switch = "/proc/sys/net/ipv4/ip_local_port_range"
    ours = Path(switch).read_text(encoding="ascii")
    was = on("n1", f"cat {switch}")
    assert on("n1", f"echo 40000 50000 >{switch}; cat {switch}").split() == ["40000", "50000"]
    assert Path(switch).read_text(encoding="ascii") == ours
    on("n1", f"echo {was} >{switch}")


@pytest.mark.skipif(shutil.which("nft") is None, reason="nftables is not installed")
def test_a_host_filters_packets_by_peer(trio: Sandbox, on: OnHost) -> None:
    table = "add table inet sbx; add chain inet sbx in { type filter hook input priority 0; }"
    peer = trio.host("n2").address
    on("n1", f"nft '{table}; add rule inet sbx in ip saddr {peer} drop'")
    try:
        knock = f"timeout 0.5 bash -c 'exec 3<>/dev/tcp/{trio.host('n1').address}/22; head -c4 <&3'"
        assert on("n2", knock, check=False) == ""
        assert on("n3", knock) == "SSH-"
    finally:
        on("n1", "nft delete table inet sbx")
    assert on("n2", knock) == "SSH-"


@pytest.mark.skipif(shutil.which("iptables") is None, reason="iptables is not installed")
def test_a_host_has_iptables_of_its_own(on: OnHost) -> None:
    on("n1", "iptables -A INPUT -p tcp --dport 9 -j DROP")
    assert "--dport 9" in on("n1", "iptables -S INPUT")
    ours = subprocess.run(["iptables", "-S"], capture_output=True, text=True, check=True).stdout
    assert "--dport 9" not in ours
    on("n1", "iptables -F INPUT")


def test_hosts_reach_each_other_and_the_machine_and_nothing_else(trio: Sandbox, on: OnHost) -> None:
    for host in trio.hosts:
        assert on("n1", f"head -c4 </dev/tcp/{host.address}/22") == "SSH-"
    assert "Network is unreachable" in on("n1", "</dev/tcp/192.0.2.1/22", check=False)
    assert on("n1", "ip route").splitlines() == [
        f"{trio.subnet} dev eth0 proto kernel scope link src {trio.host('n1').address}"
    ]


def test_hosts_know_each_other_by_name(trio: Sandbox, on: OnHost) -> None:
    assert on("n1", "getent hosts n3").split() == [trio.host("n3").address, "n3"]


def test_an_unknown_name_is_answered_at_once(on: OnHost) -> None:
    assert on("n1", "timeout 5 getent hosts nowhere.example; echo $?") == "2"


def test_orphans_are_reaped(on: OnHost) -> None:
    orphan = on("n1", "sh -c 'sleep 0.05 >/dev/null 2>&1 & echo $!'")

    def look() -> str | None:
        return on("n1", f"cat /proc/{orphan}/stat 2>/dev/null", check=False) or None

    until(look, seconds=10, what=f"end of process {orphan}")


def test_a_program_started_over_ssh_ignores_and_blocks_no_signal(on: OnHost) -> None:
    masks = on("n1", "grep -E 'Sig(Ign|Blk)' /proc/self/status").split()
    assert masks == ["SigBlk:", "0" * 16, "SigIgn:", "0" * 16]
    assert on("n1", "kill -INT $$; echo still here", check=False) == ""


def test_sshd_comes_back_when_it_dies(trio: Sandbox, on: OnHost) -> None:
    on("n3", "kill -9 $(cat /run/sshd.pid)", check=False)

    def look() -> str | None:
        done = subprocess.run(
            trio.ssh_argv("n3", ["true"]), capture_output=True, text=True, timeout=30, check=False
        )
        return done.stderr if done.returncode else None

    until(look, seconds=20, what="sshd of n3")


def test_the_login_shell_is_clean_and_finds_python(on: OnHost) -> None:
    assert on("n1", "cd; pwd; ls -A; command -v python3; echo $SHELL").split() == [
        "/root",
        ".ssh",
        "/usr/bin/python3",
        "/bin/bash",
    ]
    assert "PYENV" not in on("n1", "env")


def test_what_is_the_machines_and_no_operating_systems_is_not_there(
    on: OnHost, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("ours")
    assert on("n1", f"ls -d {tmp_path} {Path(__file__).parent}; true").count("No such file") == 2
    empty = ("boot", "home", "media", "mnt", "opt", "srv", "tmp")
    own = {"dev", "proc", "root", "run", "sys", *empty}
    assert set(on("n1", "ls -A /").split()) <= SYSTEM | own
    assert (
        on("n1", f"ls -A {' '.join(f'/{name}' for name in empty)} | grep -v :", check=False) == ""
    )
    assert on("n1", "ls /var/tmp") == ""
    assert on("n1", "ls /etc/ssh/ssh_host_*").split() == [
        "/etc/ssh/ssh_host_ed25519_key",
        "/etc/ssh/ssh_host_ed25519_key.pub",
    ]


def test_the_machines_password_hashes_do_not_reach_a_host(on: OnHost) -> None:
    hashes = {line.split(":")[1] for line in on("n1", "cat /etc/shadow").splitlines()}
    assert hashes == {"*"}


def test_a_hosts_files_are_its_own(on: OnHost) -> None:
    on("n1", "echo mine >/etc/raftfleet-test; echo other >>/etc/hosts")
    assert "No such file" in on("n2", "cat /etc/raftfleet-test", check=False)
    assert "other" not in on("n2", "cat /etc/hosts")
    assert not Path("/etc/raftfleet-test").exists()
    on("n1", "rm /etc/raftfleet-test; sed -i '/^other$/d' /etc/hosts")


def test_the_machine_sees_no_mount_of_a_host(trio: Sandbox) -> None:
    assert str(trio.directory) not in Path("/proc/self/mountinfo").read_text(encoding="utf-8")


def test_a_hosts_disk_is_as_small_as_asked_and_full_is_full(trio: Sandbox, on: OnHost) -> None:
    said = on("n1", "dd if=/dev/zero of=/var/lib/big bs=1M count=64", check=False)
    try:
        assert "No space left on device" in said
        size = int(on("n1", "stat -c %s /var/lib/big"))
        assert trio.disk_mb - 2 << 20 < size <= trio.disk_mb << 20
        assert on("n1", "df --output=size,avail -m / | tail -1").split() == ["32", "0"]
        assert "No space left" in on("n1", "dd if=/dev/zero of=/root/x bs=1M count=1", check=False)
        # What undoes faults lives in /run and must go on working then.
        assert on("n1", "echo deadline >/run/lock/x; cat /run/lock/x; rm /run/lock/x") == "deadline"
        assert on("n2", "dd if=/dev/zero of=/root/x bs=1M count=4 status=none; rm /root/x") == ""
        assert not Path("/var/lib/big").exists()
        assert list((trio.directory / "n1/disk").iterdir()) == []
    finally:
        on("n1", "rm -f /var/lib/big /root/x")
    assert int(on("n1", "df --output=avail -m / | tail -1")) > 28


def test_sftp_and_a_terminal_work(trio: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "up").write_text("over and back")
    options = trio.ssh_argv("n1")[1:-2]
    batch = f"put {tmp_path}/up /tmp/up\nget /tmp/up {tmp_path}/down\nrm /tmp/up\n"
    argv = ["sftp", "-q", "-b", "-", *options, f"root@{trio.host('n1').address}"]
    subprocess.run(argv, input=batch.encode(), check=True, capture_output=True, timeout=30)
    assert (tmp_path / "down").read_text() == "over and back"
    argv = trio.ssh_argv("n1", ["tty"])
    argv.insert(1, "-tt")
    done = subprocess.run(
        argv, capture_output=True, text=True, timeout=30, check=True, stdin=subprocess.DEVNULL
    )
    assert done.stdout.strip() == "/dev/pts/0"


def test_a_program_keeps_running_after_its_session_until_the_host_ends(on: OnHost) -> None:
    start = "setsid -f sh -c 'echo $$ >/run/pid; exec sleep 300' </dev/null >/dev/null 2>&1"
    pid = on("n1", f"{start}; until [ -s /run/pid ]; do sleep 0.01; done; cat /run/pid")
    assert "sleep" in on("n1", f"cat /proc/{pid}/comm /proc/{pid}/cmdline | tr '\\0' ' '")
    on("n1", f"kill {pid}; rm /run/pid")
