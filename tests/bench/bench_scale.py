"""How wall time grows with hosts, and templates over a large inventory.

    python -m tests.bench.bench_scale [--hosts 100] [--forks 10 20 50] [--inventory 1000]

As many hosts as forks are the measure: all of them may take no longer than hosts divided by
forks times that. What every run takes before it meets a host is shown, and the growth without it.
The template of 200 variables is rendered for every host of an inventory that nothing
connects to, by a lookup and as files of their own; ansible-playbook does the same. Needs root.
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

from tests.bench.bench_playbook import lay_out, surroundings
from tests.bench.peers import peer
from tests.bench.sandboxes import some_hosts, timed

VARIABLES = 200
MOST_SECONDS = 5.0
OURS = (sys.executable, "-m", "raftfleet", "play")


def play(folder: Path, *more: str, program: tuple[str, ...] = OURS, rounds: int = 3) -> float:
    """Return the seconds of one run, the median of some; raise when one fails."""
    command = [*program, "-i", "hosts.yml", "play.yml", *more]

    def run() -> None:
        subprocess.run(
            command, cwd=folder, env=surroundings(folder), check=True, stdout=subprocess.DEVNULL
        )

    return statistics.median(timed(run) for _ in range(rounds))


def growth(count: int, all_forks: list[int]) -> bool:
    """Print how ten commands grow from as many hosts as forks to all; whether it is too much."""
    missed = False
    with some_hosts(count, disk_mb=16) as made, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lay_out(folder, made, tasks=10)
        play(folder, rounds=1)
        begins = play(folder, "--syntax-check")
        print(f"  {begins:.2f} s before the first host is met")
        for forks in all_forks:
            few = ",".join(host.name for host in made.hosts[:forks])
            small = play(folder, "--forks", str(forks), "--limit", few)
            large = play(folder, "--forks", str(forks))
            ratio, allowed = large / small, count / forks
            without = (large - begins) / (small - begins)
            print(
                f"  forks {forks}: {forks} hosts {small:.2f} s, {count} hosts {large:.2f} s, ",
                end="",
            )
            print(f"{ratio:.1f} x ({without:.1f} x without the start), wanted at most {allowed:g}")
            missed = missed or ratio > allowed
    return missed


def afresh(folder: Path, *program: str) -> float:
    """Return the seconds of one run that finds no file of an earlier one."""
    for file in folder.glob("h[0-9]*"):
        file.unlink()
    return play(folder, program=program or OURS, rounds=1)


def templates(count: int) -> bool:
    """Print how long a template takes for every host; whether that is too long."""
    names = [f"variable_{number}" for number in range(VARIABLES)]
    rendered = {"set_fact": {"rendered": "{{ lookup('template', 'all.j2') }}"}}
    written = {"template": {"src": "all.j2", "dest": "{{ playbook_dir }}/{{ inventory_hostname }}"}}
    missed = False
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "ansible.cfg").write_text("")
        variables = {one: f"value of {one} on {{{{ inventory_hostname }}}}" for one in names}
        hosts = {
            f"h{number}": {
                "ansible_connection": "local",
                "ansible_python_interpreter": "/usr/bin/python3",
            }
            for number in range(count)
        }
        (folder / "hosts.yml").write_text(json.dumps({"all": {"hosts": hosts, "vars": variables}}))
        (folder / "all.j2").write_text("".join(f"{one} = {{{{ {one} }}}}\n" for one in names))
        for what, step in (("a lookup", rendered), ("files of their own", written)):
            plays = [{"hosts": "all", "gather_facts": False, "tasks": [step]}]
            (folder / "play.yml").write_text(json.dumps(plays))
            took = statistics.median(afresh(folder) for _ in range(3))
            theirs = afresh(folder, peer("ansible-playbook"))
            print(f"  a template of {VARIABLES} variables for {count} hosts, {what}: ", end="")
            print(
                f"{took:.2f} s (ansible-playbook {theirs:.1f} s, {theirs / took:.1f} x), ", end=""
            )
            print(f"wanted under {MOST_SECONDS:g} s for 1000")
            missed = missed or took > MOST_SECONDS * count / 1000
    return missed


def main() -> int:
    """Measure and print; 1 when something takes longer than is wanted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--hosts", type=int, default=100)
    parser.add_argument("--forks", type=int, nargs="+", default=[10, 20, 50])
    parser.add_argument("--inventory", type=int, default=1000)
    asked = parser.parse_args()
    print(f"  load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    missed = [growth(asked.hosts, asked.forks), templates(asked.inventory)]
    print(f"  load average {os.getloadavg()[0]:.1f} afterwards")
    return int(any(missed))


if __name__ == "__main__":
    raise SystemExit(main())
