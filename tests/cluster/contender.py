"""A controller in a process of its own, told what to do line by line; for the tests of the lock.

    contender.py SANDBOX RUN LIFE INSIDE [BUG]

``race`` tries for the lock and, when it is in, shows it: INSIDE is made by whoever is in and must
not be there. ``hold`` takes the lock and changes every host again and again until one refuses.
BUG plants a bug that the tests must see: ``unfenced`` (hosts do not look), ``minority`` (one host
is enough for the lock).
"""

from __future__ import annotations

import os
import sys
import time

from raftfleet import sandbox
from raftfleet.clock import SystemClock
from raftfleet.cluster.fence import Fence
from raftfleet.cluster.holder import Holder
from raftfleet.cluster.lock import ClusterLock
from raftfleet.cluster.remote import Place
from raftfleet.cluster.seats import Seats
from raftfleet.errors import LockHeldError, LockLostError
from raftfleet.journal import Recorder
from raftfleet.testing.system import toy_node
from raftfleet.transport import Command, SshOptions, make_transport

TICKS = "/var/log/raftfleet-ticks"


class Contender:
    """A lock, and the ways to the hosts."""

    def __init__(self, name: str, run: str, life: float, *, sees_the_dead: bool = True) -> None:
        made = sandbox.load(name)
        self.fence = Fence()
        self.places = []
        for host in made.hosts:
            options = SshOptions(
                address=host.address,
                user="root",
                key_file=made.key_file,
                known_hosts=made.known_hosts,
                strict=True,
            )
            node = toy_node(host.name, host.index, "/root", 1, address=host.address)  # type: ignore[arg-type]
            transport = make_transport(host.name, options)
            transport.connect(timeout=20)
            self.places.append(Place(node, "contended", transport, fence=self.fence))
        holder = Holder.ourselves(run, time.time())
        if not sees_the_dead:
            holder = Holder(holder.user, holder.machine, "", holder.pid, holder.start, run, "")
        self.recorder = Recorder(None, SystemClock())
        self.lock = ClusterLock(
            self.places, self.fence, holder, self.recorder, SystemClock(), life=life
        )

    def change(self, place: Place, line: str) -> str:
        """Change a host; return nothing, or why not."""
        try:
            outcome = place.transport.run(Command(place.fenced(line)), timeout=20)
        except LockLostError as error:
            return error.message
        return "" if outcome.ok else outcome.err.strip() or repr(outcome)

    def close(self) -> None:
        self.lock.release()
        for place in self.places:
            place.transport.close()


def race(us: Contender, inside: str) -> str:
    """Return how it went: lost, won, or what was wrong."""
    try:
        us.lock.acquire(patience=0.1)
    except LockHeldError:
        return "lost"
    try:
        os.close(os.open(inside, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    except FileExistsError:
        return "BOTH IN"
    # The hosts see it too: an entry that is still there when the next one comes would fail it.
    said = [us.change(place, "mkdir /run/rf-inside && rmdir /run/rf-inside") for place in us.places]
    os.unlink(inside)  # noqa: PTH108
    us.lock.release()
    return "; ".join(filter(None, said)) or "won"


def hold(us: Contender) -> str:
    """Change hosts until one refuses; return what each says then."""
    us.lock.acquire(patience=20)
    sys.stdout.write("in\n")
    sys.stdout.flush()
    while not any(us.change(place, f"echo tick >>{TICKS}") for place in us.places):
        pass
    return "; ".join(us.change(place, f"echo tick >>{TICKS}") or "OBEYED" for place in us.places)


def plant(us: Contender, bug: str) -> None:
    if bug == "minority":
        Seats.majority = 1  # type: ignore[method-assign,assignment]
    if bug:
        us.fence.open()
        Place.fenced = lambda self, line: line  # type: ignore[method-assign] # noqa: ARG005


def main(name: str, run: str, life: str, inside: str, bug: str = "") -> None:
    us = Contender(name, run, float(life))
    plant(us, bug)
    for line in sys.stdin:
        said = race(us, inside) if line.strip() == "race" else hold(us)
        sys.stdout.write(f"{said}\n")
        sys.stdout.flush()
    us.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
