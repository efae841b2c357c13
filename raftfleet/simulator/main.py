"""The command: reads its arguments and files, prints what the broker prints, runs the node.

Exit statuses are the broker's: 0 for a stop and for the watchdog, 1 for a start that fails after
the configuration, 2 for wrong usage, 101 for a configuration or a data directory it cannot use.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import NoReturn

from .defects import chosen_defects
from .errors import StartError
from .logbook import Logbook, Output
from .node import LockedError, Node
from .presets import Preset, chosen, draw
from .settings import Settings, SettingsError, load, load_outputs
from .shutdown import Shutdown, leave
from .startup import start

__all__ = ["main"]

USAGE = """\
Usage: broker-server [OPTIONS]

Options:
  -c, --conf <CONF>  broker server configuration file path [default: config/server.toml]
  -h, --help         Print help
  -V, --version      Print version
"""
BANNER = """
    ╭──────────────────────────────────────────────────────────────────╮
    │                                                                  │
    │    RobustMQ, as raftfleet simulates it                           │
    │                                                                  │
    │    Raft, the admin API and the logs are like the real broker's;  │
    │    nothing here carries a message.                               │
    │                                                                  │
    ╰──────────────────────────────────────────────────────────────────╯
"""
SEED = "RAFTFLEET_SIMULATOR_SEED"
PANIC = 101


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command; never returns."""
    path = _configuration_path(sys.argv[1:] if arguments is None else arguments)
    preset, defects = chosen(), chosen_defects()
    try:
        settings = load(path)
        sections = load_outputs(settings.tree["log"]["log_config"])
        book = Logbook([Output.read(section) for section in sections.values()])
        asyncio.run(_run(settings, preset, book, defects))
    except (SettingsError, LockedError, OSError) as error:
        _panic(str(error))
    raise AssertionError("a node runs until it leaves")


def _configuration_path(arguments: list[str]) -> str:
    path = "config/server.toml"
    rest = iter(arguments)
    for argument in rest:
        name, equals, value = argument.partition("=")
        if argument in ("-h", "--help"):
            _finish(USAGE.rstrip())
        elif argument in ("-V", "--version"):
            _finish("cmd 0.3.3")
        elif name in ("-c", "--conf"):
            path = value if equals else next(rest, "")
            if not path:
                _misused("a value is required for '--conf <CONF>' but none was supplied")
        else:
            _misused(f"unexpected argument '{argument}' found")
    return path


def _finish(text: str) -> NoReturn:
    print(text)
    sys.exit(0)


def _misused(text: str) -> NoReturn:
    usage = USAGE.partition("\n")[0]
    print(f"error: {text}\n\n{usage}\n\nFor more information, try '--help'.", file=sys.stderr)
    sys.exit(2)


def _panic(text: str) -> NoReturn:
    print(
        f"thread 'main' panicked:\n{text}\n"
        "note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace",
        file=sys.stderr,
        flush=True,
    )
    leave(PANIC)


async def _run(settings: Settings, preset: Preset, book: Logbook, defects: frozenset[str]) -> None:
    book.info("common_base::version::logo", BANNER)
    book.info("common_base::version::logo", f"version: {settings.version}")
    book.info("broker_server::common", f"broker config:{settings.dump()}")
    node = Node(settings, preset, book, seed=os.environ.get(SEED), defects=defects)
    span = preset.fresh_handler if node.fresh else preset.handler
    handler = draw(node.random("handler"), span)
    await _until(handler / 2)
    node.open_groups()
    await _until(handler)
    shutdown = Shutdown(node)
    shutdown.install()
    await asyncio.sleep(preset.servers)
    try:
        await start(node)
    except StartError as error:
        book.error(error.target, str(error))
        leave(1)
    shutdown.started.set()
    await asyncio.Event().wait()


async def _until(age: float) -> None:
    """Wait until the process is this old, counted from its exec."""
    await asyncio.sleep(max(0.0, age - _age()))


def _age() -> float:
    """Return seconds since the kernel started this process."""
    stat = Path("/proc/self/stat").read_text(encoding="ascii", errors="replace")
    ticks = int(stat.rpartition(")")[2].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
