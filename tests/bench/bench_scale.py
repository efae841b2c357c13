"""How wall time grows with hosts, and a template over a large inventory.

    python -m tests.bench.bench_scale [--hosts 50] [--inventory 1000]

As many hosts as forks are the measure: all of them may take no longer than hosts
divided by forks times that. The template of 200 variables is rendered for every host of an
inventory that nothing connects to. Needs root.
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

from tests.bench.bench_playbook import lay_out
from tests.bench.sandboxes import some_hosts, timed

VARIABLES = 200
MOST_SECONDS = 5.0


def play(folder: Path, *more: str) -> float:
    """Return the seconds of one run, the median of three; raise when one fails."""
    command = [sys.executable, "-m", "raftfleet", "play", "-i", "hosts.yml", "play.yml", *more]

    def run() -> None:
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)

    return statistics.median(timed(run) for _ in range(3))


def growth(count: int, forks: int) -> bool:
    """Print how ten commands grow from as many hosts as forks to all; whether it is too much."""
    with some_hosts(count, disk_mb=16) as made, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lay_out(folder, made, tasks=10)
        few = ",".join(host.name for host in made.hosts[:forks])
        play(folder, "--forks", str(forks), "--limit", few)
        small = play(folder, "--forks", str(forks), "--limit", few)
        large = play(folder, "--forks", str(forks))
    ratio, allowed = large / small, count / forks
    print(f"  {forks} hosts {small:.2f} s, {count} hosts {large:.2f} s, forks {forks}: ", end="")
    print(f"{ratio:.1f} x, wanted at most {allowed:g}")
    return ratio > allowed


def templates(count: int) -> bool:
    """Print how long a template takes for every host; whether that is too long."""
    names = [f"variable_{number}" for number in range(VARIABLES)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        variables = {one: f"value of {one} on {{{{ inventory_hostname }}}}" for one in names}
        hosts = {f"h{number}": {"ansible_connection": "local"} for number in range(count)}
        (folder / "hosts.yml").write_text(json.dumps({"all": {"hosts": hosts, "vars": variables}}))
        (folder / "all.j2").write_text("".join(f"{one} = {{{{ {one} }}}}\n" for one in names))
        step = {"set_fact": {"rendered": "{{ lookup('template', 'all.j2') }}"}}
        what = [{"hosts": "all", "gather_facts": False, "tasks": [step]}]
        (folder / "play.yml").write_text(json.dumps(what))
        took = play(folder)
    print(f"  a template of {VARIABLES} variables for {count} hosts {took:.2f} s, ", end="")
    print(f"wanted under {MOST_SECONDS:g} s for 1000")
    return took > MOST_SECONDS * count / 1000


def main() -> int:
    """Measure and print; 1 when something takes longer than is wanted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--hosts", type=int, default=50)
    parser.add_argument("--forks", type=int, default=10)
    parser.add_argument("--inventory", type=int, default=1000)
    asked = parser.parse_args()
    missed = [templates(asked.inventory), growth(asked.hosts, asked.forks)]
    print(f"  load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    return int(any(missed))


if __name__ == "__main__":
    raise SystemExit(main())
