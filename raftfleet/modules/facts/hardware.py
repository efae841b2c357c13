"""Facts of processors, memory, file systems and the board."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_DMI: Final = {
    "bios_date": "bios_date",
    "bios_vendor": "bios_vendor",
    "bios_version": "bios_version",
    "board_name": "board_name",
    "board_vendor": "board_vendor",
    "product_name": "product_name",
    "product_version": "product_version",
    "sys_vendor": "system_vendor",
}
_ESCAPE: Final = re.compile(r"\\([0-7]{3})")


def cpu(text: str, _before: Mapping[str, Any]) -> dict[str, Any]:
    """Read /proc/cpuinfo; a kernel that tells no sockets has one processor for each line."""
    info, _, usable = text.partition("\1")
    described: list[str] = []
    sockets = set[str]()
    cores = siblings = 1
    for line in info.splitlines():
        name, _, value = (part.strip() for part in line.partition(":"))
        if name in {"processor", "vendor_id", "model name", "Processor"}:
            described.append(value)
        elif name == "physical id":
            sockets.add(value)
        elif name == "cpu cores":
            cores = int(value)
        elif name == "siblings":
            siblings = int(value)
    lines = len(re.findall(r"^processor\s*:", info, re.MULTILINE))
    if not sockets:
        cores = siblings = 1
    threads = max(1, siblings // cores)
    count = len(sockets) or lines
    return {
        "processor": described,
        "processor_count": count,
        "processor_cores": cores,
        "processor_threads_per_core": threads,
        "processor_vcpus": threads * count * cores,
        "processor_nproc": int(usable.strip() or lines),
    }


def memory(text: str, _before: Mapping[str, Any]) -> dict[str, Any]:
    """Read /proc/meminfo; all in MB, rounded down."""
    kb = {}
    for line in text.splitlines():
        name, _, value = line.partition(":")
        kb[name] = int(value.split()[0])
    mb = {name: size // 1024 for name, size in kb.items()}
    total, free = mb["MemTotal"], mb["MemFree"]
    idle = (kb["MemFree"] + kb.get("Cached", 0) + kb.get("Buffers", 0)) // 1024
    swap, swap_free = mb.get("SwapTotal", 0), mb.get("SwapFree", 0)
    return {
        "memtotal_mb": total,
        "memfree_mb": free,
        "swaptotal_mb": swap,
        "swapfree_mb": swap_free,
        "memory_mb": {
            "real": {"total": total, "used": total - free, "free": free},
            "nocache": {"free": idle, "used": total - idle},
            "swap": {
                "total": swap,
                "free": swap_free,
                "used": swap - swap_free,
                "cached": mb.get("SwapCached", 0),
            },
        },
    }


def uptime(text: str, _before: Mapping[str, Any]) -> dict[str, Any]:
    """Read how long the host has been up, in whole seconds."""
    return {"uptime_seconds": int(float(text.split(maxsplit=1)[0]))}


def mounts(text: str, _before: Mapping[str, Any]) -> dict[str, Any]:
    """Read /proc/mounts with each file system's sizes; those of no device are left out."""
    table, _, sizes = text.partition("\1")
    known = {}
    for line in sizes.splitlines():
        *numbers, at = line.split(" ", 5)
        known[at] = tuple(map(int, numbers))
    found = []
    for line in table.splitlines():
        device, at, kind, options, dump, passno = map(_unescaped, line.split())
        if not (device.startswith("/") or ":/" in device) or kind == "none":
            continue
        entry: dict[str, Any] = {
            "mount": at,
            "device": device,
            "fstype": kind,
            "options": options,
            "dump": int(dump),
            "passno": int(passno),
            "uuid": "N/A",
        }
        found.append(entry | _sizes(known[at]) if at in known else entry)
    return {"mounts": found}


def _unescaped(word: str) -> str:
    """Return a word of /proc/mounts, in which spaces and such are octal numbers."""
    return _ESCAPE.sub(lambda match: chr(int(match[1], 8)), word)


def _sizes(numbers: tuple[int, ...]) -> dict[str, int]:
    block, blocks, available, inodes, inodes_free = numbers
    return {
        "block_size": block,
        "block_total": blocks,
        "block_available": available,
        "block_used": blocks - available,
        "size_total": block * blocks,
        "size_available": block * available,
        "inode_total": inodes,
        "inode_available": inodes_free,
        "inode_used": inodes - inodes_free,
    }


def dmi(text: str, _before: Mapping[str, Any]) -> dict[str, Any]:
    """Read what the board says of itself; ``NA`` where it says nothing."""
    said = dict(line.split("\t", 1) for line in text.splitlines())
    return {ours: said.get(name) or "NA" for name, ours in _DMI.items()}
