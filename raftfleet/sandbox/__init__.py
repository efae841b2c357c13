"""Test hosts on this machine: namespaces, each with an sshd, address, disk and clocks of its own.

``up`` makes them, ``down`` removes them, and both may be killed at any moment: ``down`` finds
whatever is left. Hosts outlive the process that made them. They share the files of the machine's
operating system and its kernel, and nothing else of it; in particular their monotonic and boot
clocks are months away from ours, and none of them may set the wall clock.

Root makes hosts on the machine; an ordinary user makes them inside a user namespace, where the
kernel allows that, and ``join`` moves a process to where such hosts can be reached.

They are a test bed for well-meaning software, not a jail for malice. Do not install or upgrade
packages on the machine while hosts are up: what they see of a changed file is undefined.
"""

from __future__ import annotations

from raftfleet.sandbox.lookup import exists, join, load, names
from raftfleet.sandbox.making import running, up
from raftfleet.sandbox.model import Init, Sandbox, SandboxHost
from raftfleet.sandbox.removal import Removed, down

__all__ = [
    "Init",
    "Removed",
    "Sandbox",
    "SandboxHost",
    "down",
    "exists",
    "join",
    "load",
    "names",
    "running",
    "up",
]
