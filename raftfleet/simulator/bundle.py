"""Packs the simulator into one executable file, to be shipped to hosts like the real binary.

The file is a zip archive that Python runs, behind a ``#!`` line. It holds the sources, and beside
them the bytecode of the Python that packs it: a host with that version starts in half the time,
any other compiles the sources. Equal sources packed by equal Pythons give equal bytes (names are
sorted, times fixed, nothing is compressed), so hosts can be compared by digest.
"""

from __future__ import annotations

import importlib.util
import io
import marshal
import zipfile
from functools import cache
from pathlib import Path

__all__ = ["bundle"]

INTERPRETER = b"#!/usr/bin/env -S python3 -IS\n"
"""Without site packages: the sooner Python is up, the fewer signals meet it before the simulator."""
PACKAGE = "simulator"
START = """\
import signal

if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # an early Ctrl-C kills, as it does a binary

from simulator.main import main

main()
"""
EPOCH = (1980, 1, 1, 0, 0, 0)
MODE = 0o100644 << 16
UNCHECKED = (1).to_bytes(4, "little")
"""The flags of bytecode that belongs to its source by hash and is not checked again (PEP 552)."""


@cache
def bundle() -> bytes:
    """Return the bytes of the executable file."""
    buffer = io.BytesIO()
    buffer.write(INTERPRETER)
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in sorted(_members().items()):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.create_system = 3
            entry.external_attr = MODE
            archive.writestr(entry, content)
    return buffer.getvalue()


def _members() -> dict[str, bytes]:
    here = Path(__file__)
    members = {"__main__.py": START.encode()}
    for path in here.parent.glob("*.py"):
        if path != here:
            name = f"{PACKAGE}/{path.name}"
            members[name] = path.read_bytes()
            members[f"{name}c"] = _bytecode(name, members[name])
    return members


def _bytecode(name: str, source: bytes) -> bytes:
    """Return the source compiled; marshal's version 2 is the last whose bytes never vary."""
    code = compile(source, name, "exec", dont_inherit=True)
    checksum = importlib.util.source_hash(source)
    return b"".join([importlib.util.MAGIC_NUMBER, UNCHECKED, checksum, marshal.dumps(code, 2)])
