"""What all tests rely on: a process that was handed no ignored signals."""

from __future__ import annotations

import ctypes
import os

pytest_plugins = ["raftfleet.testing.fixtures"]

_RT_SIGACTION = {"x86_64": 13, "aarch64": 134}
_LIBRARYS_OWN = (32, 33)


def pytest_configure() -> None:
    """Undo what GNU make leaves: posix_spawn of glibc 2.36 ignores the library's own two signals.

    Tests assert that nodes and hosts ignore nothing, and what we ignore they would inherit. The
    library refuses to touch these two itself, so the kernel is asked.
    """
    number = _RT_SIGACTION.get(os.uname().machine)
    if number is None:
        return
    default = ctypes.create_string_buffer(64)  # a struct sigaction of zeros is SIG_DFL
    libc = ctypes.CDLL(None, use_errno=True)
    for signal in _LIBRARYS_OWN:
        libc.syscall(number, signal, default, None, ctypes.c_size_t(8))
