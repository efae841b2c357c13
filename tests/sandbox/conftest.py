"""Sandboxes for the tests of this folder, and the proof that nothing of one is left."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

from raftfleet import sandbox
from raftfleet.errors import SandboxError
from raftfleet.sandbox import model, state
from raftfleet.sandbox.tools import require_machine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from raftfleet.sandbox import Sandbox

ROOT = Path(__file__).parents[2]


class OnHost(Protocol):
    """Run shell text on a host and return what it printed; a failure fails the test."""

    def __call__(self, host: str, text: str, /, *, check: bool = True) -> str: ...


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("hosts"):
        try:
            require_machine()
        except SandboxError as missing:
            pytest.skip(str(missing))


@pytest.fixture(scope="module")
def trio() -> Iterator[Sandbox]:
    """Three hosts for all tests of a module; it must leave them as they were."""
    name = f"sbx-trio-{os.getpid()}"  # two runs of the tests may share a machine
    sandbox.down(name)
    with sandbox.running(name, disk_mb=32) as made:
        yield made


@pytest.fixture
def on(trio: Sandbox) -> OnHost:
    return shell_on(trio)


@pytest.fixture
def shell() -> Callable[[Sandbox], OnHost]:
    return shell_on


def shell_on(made: Sandbox) -> OnHost:
    def run(host: str, text: str, /, *, check: bool = True) -> str:
        argv = made.ssh_argv(host, [text])
        done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 0 or not check, f"{text!r}: {done.stderr}"
        return (done.stdout + done.stderr).strip()

    return run


@pytest.fixture
def fresh() -> Iterator[str]:
    """A name under which nothing is there before the test and nothing is left after it."""
    name = f"sbx-{os.getpid()}"
    sandbox.down(name)
    yield name
    sandbox.down(name)
    assert leftovers(name) == []


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of our own in place of the machine's list of sandboxes."""
    monkeypatch.setattr(model, "HOME", tmp_path / "home")
    monkeypatch.setattr(state, "HOME", tmp_path / "home")
    return tmp_path / "home"


@pytest.fixture
def remains() -> Callable[[str], list[str]]:
    return leftovers


def leftovers(name: str) -> list[str]:
    """Return everything that is there because of a sandbox, found without the code under test."""
    folder = f"/run/raftfleet/sandbox/{name}"
    return [
        *(str(path) for path in Path("/run/raftfleet/sandbox").glob(f"*{name}")),
        *(f"interface {link.name}" for link in Path("/sys/class/net").glob(f"{_prefix(name)}*")),
        *_processes(name, folder),
        *_routes(name),
        *_cgroups(name),
    ]


def _prefix(name: str) -> str:
    prefix = model.link_prefix(name)
    assert re.fullmatch(r"rf-[0-9a-f]{8}", prefix)
    return prefix


def _processes(name: str, folder: str) -> Iterator[str]:
    """Find processes by tag, by command line, and by anything mounted from the folder."""
    for entry in Path("/proc").glob("[0-9]*"):
        if int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            if f"RAFTFLEET_SANDBOX={name}/".encode() in (entry / "environ").read_bytes():
                yield f"tagged process {entry.name}"
            if f"{folder}/".encode() in (entry / "cmdline").read_bytes():
                yield f"process {entry.name} names {folder}"
            if f"{folder}/".encode() in (entry / "mountinfo").read_bytes():
                yield f"process {entry.name} has mounts of {folder}"


def _routes(name: str) -> Iterator[str]:
    """Find routes by the mark that is the name's own, and by the interface they lead to."""
    metric = str(int(_prefix(name).removeprefix("rf-"), 16) | 0x10000)
    for family in ("-4", "-6"):
        argv = ["ip", family, "route", "show", "table", "all"]
        shown = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
        for line in shown.splitlines():
            if {metric, _prefix(name)} & set(line.split()):
                yield f"route {line}"


def _cgroups(name: str) -> Iterator[str]:
    for folder, subfolders, _ in os.walk("/sys/fs/cgroup"):
        ours = (name, f"{_prefix(name)}-")
        yield from (f"{folder}/{sub}" for sub in subfolders if any(one in sub for one in ours))
