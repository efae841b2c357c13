"""Send a signal to a process and stamp its end: ``PID START SIGNAL GRACE``.

Runs on a host with any Python from 3.7 on, by ``python3 -S -E -c``. START is field 22 of
/proc/PID/stat, SIGNAL a number, GRACE seconds. Prints lines of a key and values; stamps are
seconds on the boot clock, as pairs between which the truth lies. Exit status 3: this host cannot
do it like that, and nothing was sent.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time

SLACK = 0.001  # from the end of the process to its watcher being put on the run queue, and reading the clock
BLIND = 0.01  # where the kernel does not say how long we waited for a processor


def now() -> float:
    """Seconds on the boot clock."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def running(pid: int, start: str) -> bool:
    """Whether the process runs, and is the one meant: a zombie has ended."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - pathlib costs 10 ms to import
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return False
    return fields[19].decode() == start and fields[0] not in (b"Z", b"X")


def queued() -> float:
    """Seconds this process has waited for a processor so far (/proc/PID/schedstat)."""
    try:
        with open("/proc/self/schedstat") as file:  # noqa: PTH123
            return int(file.read().split()[1]) / 1e9
    except (OSError, IndexError):
        return -1.0


def ignored(pid: int) -> str:
    """The mask of the signals the process ignores."""
    with open(f"/proc/{pid}/status") as file:  # noqa: PTH123
        return next((line.split()[1] for line in file if line.startswith("SigIgn:")), "")


def say(key: str, *values: object) -> None:
    """Print a line at once: the connection may not last."""
    shown = (f"{value:.6f}" if isinstance(value, float) else str(value) for value in values)
    sys.stdout.write(" ".join((key, *shown)) + "\n")
    sys.stdout.flush()


def by_descriptor(handle: int, grace: float) -> tuple[float, float] | None:
    """Wait for the kernel to tell us; it was at most as long ago as we then queued to run."""
    poller = select.poll()
    poller.register(handle, select.POLLIN)
    before = queued()
    if not poller.poll(grace * 1000):
        return None
    end = now()
    lag = queued() - before + SLACK if before >= 0 else BLIND
    return end - lag, end


def by_looking(pid: int, start: str, grace: float) -> tuple[float, float] | None:
    """Look each millisecond, where kernel or Python know no descriptors of processes."""
    until = now() + grace
    alive = now()
    while running(pid, start):
        if alive > until:
            return None
        time.sleep(0.001)
        alive = now()
    return alive - 0.001, now()


def main(pid: int, start: str, number: int, grace: float) -> None:
    """Check that it is the right process, signal it, wait, and say what happened when."""
    say("began", now())
    handle = None
    if hasattr(os, "pidfd_open") and hasattr(signal, "pidfd_send_signal"):
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            say("absent", "yes")
            return
        except OSError:
            handle = None
    if not running(pid, start):  # asked after the descriptor was had: it cannot change hands now
        say("absent", "yes")
        return
    say("method", "pidfd" if handle is not None else "looking")
    say("sigign", ignored(pid))
    before = now()
    try:
        if handle is not None:
            signal.pidfd_send_signal(handle, number)
        else:
            os.kill(pid, number)
    except ProcessLookupError:
        say("absent", "yes")
        return
    say("signalled", before, now())
    left = grace - (now() - before)
    gone = by_descriptor(handle, left) if handle is not None else by_looking(pid, start, left)
    if gone is None:
        say("alive", "yes")
    else:
        say("gone", max(gone[0], before), gone[1])
    say("ended", now())


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
    except AttributeError:
        sys.exit(3)
