"""One large file to several hosts in one go, beside as many scp at once.

    python -m tests.bench.bench_put_many [--hosts 5] [--megabytes 100] [--rounds 5]

Both sides send to the same sandbox hosts, by turns, so that what else loads the machine falls on
both. scp opens its connection in every round; ours is kept, as it is in a run. Ours also verifies
the digest on the host. Needs root.
"""

# ruff: noqa: T201
from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import tempfile
from pathlib import Path, PurePosixPath

from raftfleet.transport import Command, Fleet
from tests.bench.sandboxes import options, scp, some_hosts, timed

WANTED = 0.9
TARGET = "/root/program"


def main() -> int:
    """Measure and print; 1 when ours reaches less than `WANTED` of what scp does."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--hosts", type=int, default=5)
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    disk_mb = 3 * asked.megabytes
    with tempfile.TemporaryDirectory() as folder, some_hosts(asked.hosts, disk_mb=disk_mb) as made:
        source = Path(folder) / "program"
        source.write_bytes(os.urandom(asked.megabytes * 1_000_000))
        names = [host.name for host in made.hosts]
        lines = [scp(made, str(source), name, TARGET) for name in names]

        def scps() -> None:
            copies = [subprocess.Popen(line) for line in lines]
            assert all(copy.wait() == 0 for copy in copies)

        with Fleet(options(made)) as fleet:

            def puts() -> None:
                target = PurePosixPath(TARGET)
                for _, done in fleet.put(names, source, target, mode=0o755, timeout=120):
                    if isinstance(done, Exception):
                        raise done
                    assert done.changed

            def clean() -> None:
                command = Command(f"rm -f {TARGET}; true")
                list(fleet.each(names, lambda one: one.run(command, timeout=30)))

            times: dict[str, list[float]] = {"scp": [], "raftfleet": []}
            cpu: dict[str, list[float]] = {"scp": [], "raftfleet": []}
            for turn in range(asked.rounds):
                pair = [("scp", scps), ("raftfleet", puts)]
                for name, call in pair if turn % 2 else reversed(pair):
                    clean()
                    before = spent()
                    times[name].append(timed(call))
                    cpu[name].append(spent() - before)
    total = asked.hosts * asked.megabytes
    print(f"{asked.megabytes} MB to {asked.hosts} hosts at once, {asked.rounds} rounds by turns")
    for name, values in times.items():
        median = statistics.median(values)
        print(
            f"  {name:<10} median {median:5.2f} s  {total / median:5.0f} MB/s  "
            f"cpu of ours {statistics.median(cpu[name]):.2f} s"
        )
    ratios = [a / b for a, b in zip(times["scp"], times["raftfleet"], strict=True)]
    ratio = statistics.median(ratios)
    shown = " ".join(f"{one:.2f}" for one in sorted(ratios))
    print(f"  {ratio:.2f} x scp (of each pair: {shown}); wanted: {WANTED}")
    return 0 if ratio >= WANTED else 1


def spent() -> float:
    """Return the processor seconds of this process and the children it waited for."""
    own, children = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


if __name__ == "__main__":
    raise SystemExit(main())
