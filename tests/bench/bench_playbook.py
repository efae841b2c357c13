"""A playbook of no-op commands over sandbox hosts, beside ansible-playbook and pyinfra.

    python -m tests.bench.bench_playbook [--hosts 5] [--tasks 10] [--rounds 3]

Every figure is that of a whole process, from its start to its end, in the same run and by turns,
after a round that warms caches up: compiled Python, Ansible's persistent connections. The
hosts are the same and so are the keys. pyinfra runs the same commands as operations. Needs root.
"""

# ruff: noqa: T201
from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tests.bench.peers import peer
from tests.bench.sandboxes import some_hosts, timed

if TYPE_CHECKING:
    from raftfleet.sandbox import Sandbox

OURS = "raftfleet"


class Peer(NamedTuple):
    """A way to run the tasks, and how many times as long as ours it must take."""

    name: str
    command: list[str]
    wanted: float = 1.0
    environment: tuple[tuple[str, str], ...] = ()


def lay_out(folder: Path, made: Sandbox, tasks: int) -> None:
    """Write the inventory, the playbook, and the same for pyinfra."""
    hosts = {
        host.name: {
            "ansible_host": host.address,
            "ansible_user": "root",
            "ansible_ssh_private_key_file": str(made.key_file),
            "ansible_ssh_common_args": f"-o UserKnownHostsFile={made.known_hosts}",
            "ansible_python_interpreter": "/usr/bin/python3",
        }
        for host in made.hosts
    }
    (folder / "hosts.yml").write_text(json.dumps({"all": {"hosts": hosts}}))
    steps = [{"command": "true", "changed_when": False} for _ in range(tasks)]
    play = {"hosts": "all", "gather_facts": False, "tasks": steps}
    (folder / "play.yml").write_text(json.dumps([play]))
    pairs = [
        (
            host.address,
            {
                "ssh_user": "root",
                "ssh_key": str(made.key_file),
                "ssh_known_hosts_file": str(made.known_hosts),
            },
        )
        for host in made.hosts
    ]
    (folder / "inventory.py").write_text(f"hosts = {pairs!r}\n")
    step = "server.shell(commands=['true'])\n"
    (folder / "deploy.py").write_text("from pyinfra.operations import server\n" + step * tasks)
    (folder / "ansible.cfg").write_text("")


def peers() -> list[Peer]:
    """Return everybody who takes part, ourselves first."""
    ours = [sys.executable, "-m", OURS, "play", "-i", "hosts.yml", "play.yml"]
    ansible = [peer("ansible-playbook"), "-i", "hosts.yml", "play.yml"]
    piped = (("ANSIBLE_PIPELINING", "1"),)
    return [
        Peer(OURS, ours),
        Peer("ansible-playbook", ansible, 10),
        Peer("ansible-playbook, pipelining", ansible, 5, piped),
        Peer("pyinfra", [peer("pyinfra"), "-y", "inventory.py", "deploy.py"], 1.5),
    ]


def surroundings(folder: Path) -> dict[str, str]:
    """Return an environment in which everybody keeps what Python compiled.

    pip compiles what it installs; ours stands in a checkout and compiles itself when it first runs.
    """
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "ANSIBLE_CONFIG": str(folder / "ansible.cfg")}


def run(one: Peer, folder: Path) -> None:
    """Run it to its end; raise with what it said when it failed."""
    done = subprocess.run(
        one.command,
        cwd=folder,
        env=surroundings(folder) | dict(one.environment),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{one.name}: {done.stdout[-2000:]}{done.stderr[-2000:]}")


def main() -> int:
    """Measure and print; 1 when a ratio is below what is wanted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--hosts", type=int, default=5)
    parser.add_argument("--tasks", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    everybody = peers()
    times: dict[str, list[float]] = {one.name: [] for one in everybody}
    with some_hosts(asked.hosts) as made, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lay_out(folder, made, asked.tasks)
        for turn in range(asked.rounds + 1):
            for one in everybody:
                took = timed(lambda one=one: run(one, folder))  # type: ignore[misc]
                if turn:
                    times[one.name].append(took)
    print(f"{asked.tasks} commands on each of {asked.hosts} hosts, {asked.rounds} rounds by turns")
    own = statistics.median(times[OURS])
    missed = False
    for one in everybody:
        median = statistics.median(times[one.name])
        ratio = median / own
        missed = missed or ratio < one.wanted
        wanted = "" if one.name == OURS else f"  {ratio:5.1f} x ours, wanted {one.wanted:g}"
        print(f"  {one.name:<29} median {median:6.2f} s{wanted}")
    print(f"  load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    return int(missed)


if __name__ == "__main__":
    raise SystemExit(main())
