"""What a command, a connection and a file cost over SSH, beside plain paramiko and scp.

    python -m tests.bench.bench_ssh_command [--commands 200] [--megabytes 100] [--connections 10]

Everything is measured in the same run against the same sshd on loopback, turn by turn, so that the
ratios hold on a noisy machine where the figures themselves do not.
"""

# ruff: noqa: T201
from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import tempfile
import threading
import time
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import paramiko

from raftfleet.transport import Command, Fleet, SshOptions, make_transport
from tests.transport.sshd import Sshd

if TYPE_CHECKING:
    from collections.abc import Callable

    from raftfleet.transport import Transport

TARGET_MS = 10.0


def timed(call: Callable[[], object]) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def plain_client(sshd: Sshd, *, nodelay: bool) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect("127.0.0.1", sshd.port, key_filename=str(sshd.key_file), allow_agent=False)
    transport = client.get_transport()
    if nodelay and transport is not None and not isinstance(transport.sock, paramiko.Channel):
        import socket  # noqa: PLC0415 - only this variant needs it

        transport.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client


def hang_up(client: paramiko.SSHClient) -> None:
    transport = client.get_transport()
    client.close()
    if transport is not None:
        transport.join(5)


def plain_command(client: paramiko.SSHClient) -> None:
    transport = client.get_transport()
    assert transport is not None
    channel = transport.open_session()
    channel.exec_command("true")
    while channel.recv(4096):
        pass
    assert channel.recv_exit_status() == 0
    channel.close()


def ours(transport: Transport) -> None:
    assert transport.run(Command("true"), timeout=30).ok


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def bench_commands(sshd: Sshd, count: int) -> bool:
    """Time the same command on open connections of each kind, one after the other in turn."""
    transport = make_transport("bench", sshd.options())
    transport.connect(timeout=30)
    shipped, nodelay = (plain_client(sshd, nodelay=flag) for flag in (False, True))
    variants: dict[str, Callable[[], None]] = {
        "paramiko as shipped": lambda: plain_command(shipped),
        "paramiko, TCP_NODELAY": lambda: plain_command(nodelay),
        "raftfleet": lambda: ours(transport),
    }
    times: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(count):
        for name, call in variants.items():
            times[name].append(timed(call))
    base = statistics.median(times["paramiko as shipped"])
    print(f"a command over an open connection ({count} each, in turn)")
    for name, values in times.items():
        median = statistics.median(values)
        print(
            f"  {name:<24} p10 {percentile(values, 0.1) * 1e3:6.2f}   median {median * 1e3:6.2f}"
            f"   p90 {percentile(values, 0.9) * 1e3:6.2f} ms   {base / median:4.1f} x as fast"
        )
    hang_up(shipped)
    hang_up(nodelay)
    transport.close()
    return statistics.median(times["raftfleet"]) * 1e3 < TARGET_MS


def resident_kib() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


def bench_connections(options: SshOptions, count: int) -> None:
    """Open several connections through a fleet and run a command on each."""
    names = [f"h{number}" for number in range(count)]
    memory, threads = resident_kib(), threading.active_count()
    with Fleet(dict.fromkeys(names, options)) as fleet:
        opened = timed(lambda: on_all(fleet, names, lambda t: t.connect(timeout=60)))
        once = timed(lambda: on_all(fleet, names, ours))
        grown = (resident_kib() - memory) / count
        more = threading.active_count() - threads
        print(f"{count} connections to one sshd")
        print(f"  opened in {opened:.2f} s, a command on all in {once * 1e3:.0f} ms")
        print(f"  {grown:.0f} KiB each, {more} threads (20 of them the pool's, at most)")
    print(f"  threads left after close: {threading.active_count() - threads}")


def on_all(fleet: Fleet, names: list[str], call: Callable[[Transport], object]) -> None:
    for _, result in fleet.each(names, call):
        if isinstance(result, Exception):
            raise result


def bench_files(sshd: Sshd, megabytes: int, rounds: int) -> None:
    """Send one file by turns with put, SFTP and scp."""
    source = sshd.folder / "source"
    source.write_bytes(random_bytes(megabytes * 1_000_000))
    target = PurePosixPath(sshd.folder / "target")
    transport = make_transport("bench", sshd.options())
    transport.connect(timeout=30)
    client = plain_client(sshd, nodelay=True)
    scp = [
        "scp",
        "-q",
        *("-P", str(sshd.port), "-i", str(sshd.key_file)),
        *("-o", "StrictHostKeyChecking=no", "-o", f"UserKnownHostsFile={sshd.folder}/scp_hosts"),
        str(source),
        f"127.0.0.1:{target}",
    ]

    def sftp() -> None:
        with client.open_sftp() as channel:
            channel.put(str(source), str(target))

    variants: dict[str, Callable[[], object]] = {
        "scp": lambda: subprocess.run(scp, check=True),
        "paramiko sftp.put": sftp,
        "raftfleet put": lambda: transport.put(source, target, mode=0o644, timeout=120),
    }
    times: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(rounds):
        for name, call in variants.items():
            Path(target).unlink(missing_ok=True)
            times[name].append(timed(call))
    unchanged = timed(lambda: transport.put(source, target, mode=0o644, timeout=120))
    base = statistics.median(times["scp"])
    print(f"{megabytes} MB to a host ({rounds} each, in turn; ours verifies the digest there)")
    for name, values in times.items():
        median = statistics.median(values)
        speed = megabytes / median
        print(f"  {name:<24} {median:5.2f} s   {speed:5.0f} MB/s   {base / median:4.2f} x scp")
    print(f"  unchanged, not sent      {unchanged:5.2f} s")
    bench_parallel(sshd, source, scp, megabytes)
    hang_up(client)
    transport.close()


def bench_parallel(sshd: Sshd, source: Path, scp: list[str], megabytes: int) -> None:
    """Send one file to five hosts at once, and by five scp at once."""
    names = [f"h{number}" for number in range(5)]
    with Fleet(dict.fromkeys(names, sshd.options())) as fleet:
        on_all(fleet, names, lambda t: t.connect(timeout=60))

        def five_puts() -> None:
            def send(transport: Transport) -> object:
                target = PurePosixPath(sshd.folder / f"target-{transport.host}")
                return transport.put(source, target, mode=0o644, timeout=120)

            on_all(fleet, names, send)

        def five_scps() -> None:
            copies = [subprocess.Popen([*scp[:-1], f"{scp[-1]}-{name}"]) for name in names]
            assert all(copy.wait() == 0 for copy in copies)

        times: dict[str, list[float]] = {"scp": [], "raftfleet": []}
        for _ in range(3):
            for name, call in (("scp", five_scps), ("raftfleet", five_puts)):
                for host in names:
                    (sshd.folder / f"target-{host}").unlink(missing_ok=True)
                times[name].append(timed(call))
    scps, puts = (statistics.median(times[name]) for name in ("scp", "raftfleet"))
    print(
        f"{megabytes} MB to five at once: scp {5 * megabytes / scps:.0f} MB/s, "
        f"raftfleet {5 * megabytes / puts:.0f} MB/s, {scps / puts:.2f} x scp"
    )


def random_bytes(size: int) -> bytes:
    with Path("/dev/urandom").open("rb") as source:
        return source.read(size)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--commands", type=int, default=200)
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--connections", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Sshd(Path(folder)) as sshd:
        fast = bench_commands(sshd, asked.commands)
        bench_connections(sshd.options(), asked.connections)
        bench_files(sshd, asked.megabytes, asked.rounds)
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    print(f"a command takes {'less' if fast else 'MORE'} than {TARGET_MS:g} ms")
    return 0 if fast else 1


if __name__ == "__main__":
    raise SystemExit(main())
