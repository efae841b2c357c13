"""The generic modules on a host that has BusyBox and nothing else."""

from __future__ import annotations

import base64
import shutil
import subprocess
import tarfile
from typing import TYPE_CHECKING, Any

import pytest

from raftfleet.playbook.module import Status
from tests.modules.web import serving

if TYPE_CHECKING:
    from pathlib import Path

    from tests.modules.conftest import Bench

BUSYBOX = shutil.which("busybox")
pytestmark = pytest.mark.skipif(BUSYBOX is None, reason="needs busybox")


@pytest.fixture
def host(bench: Bench, tmp_path: Path) -> Bench:
    """A bench whose commands find the tools of BusyBox only."""
    tools = tmp_path / "tools"
    tools.mkdir()
    subprocess.run([str(BUSYBOX), "--install", "-s", str(tools)], check=True)
    # Its sh would find built-in tools before those of PATH, which is what such a host has anyway.
    bench.environment["PATH"] = str(tools)
    return bench


def test_these_are_not_the_tools_of_gnu(host: Bench) -> None:
    said = host.run("shell", "stat --version 2>&1; command -v python3 curl bash; :")
    assert "BusyBox" in said.values["stdout"]
    assert "python3" not in said.values["stdout"].splitlines()


def twice(host: Bench, name: str, **arguments: Any) -> None:
    assert host.changes(name, **arguments) == [True, False], (name, arguments)


def test_files(host: Bench, there: Path, tmp_path: Path) -> None:
    twice(host, "file", path=f"{there}/d/e", state="directory", mode="0750")
    twice(host, "copy", content="one\n", dest=f"{there}/d/f", mode="u=rw,go=")
    twice(host, "copy", content="two\n", dest=f"{there}/d/f", backup=True, validate="grep two %s")
    twice(host, "copy", src=f"{there}/d", dest=f"{there}/copied", remote_src=True)
    (tmp_path / "t.j2").write_text("{{ 1 + 1 }}\n")
    twice(host, "template", src="t.j2", dest=f"{there}/t")
    twice(host, "file", path=f"{there}/l", src="t", state="link")
    twice(host, "file", path=f"{there}/h", src=f"{there}/t", state="hard")
    when = {"modification_time": "202001020304.05", "access_time": "preserve"}
    twice(host, "file", path=f"{there}/t", state="touch", **when)
    twice(host, "file", path=f"{there}/d", state="directory", mode="0700")
    twice(host, "lineinfile", path=f"{there}/t", line="more", owner="daemon")
    twice(host, "replace", path=f"{there}/t", regexp="mo(.)e", replace=r"le\1s")
    assert (there / "t").read_text() == "2\nlers\n"
    twice(host, "file", path=f"{there}/copied", state="absent")
    twice(host, "fetch", src=f"{there}/t", dest=f"{tmp_path}/got", flat=True)
    content = host.run("slurp", src=f"{there}/t").values["content"]
    assert base64.b64decode(content) == b"2\nlers\n"


def test_looking(host: Bench, there: Path) -> None:
    (there / "a b").write_text("x")
    (there / "l").symlink_to("a b")
    told = host.run("stat", path=f"{there}/l").values["stat"]
    assert (told["islnk"], told["lnk_target"], told["lnk_source"]) == (True, "a b", f"{there}/a b")
    found = host.run("find", paths=str(there), patterns="a*", get_checksum=True).values
    assert [one["path"] for one in found["files"]] == [f"{there}/a b"]
    assert (found["examined"], len(found["files"][0]["checksum"])) == (2, 40)
    hidden = there / ".h"
    hidden.touch()
    assert host.run("find", paths=str(there), patterns="*h", hidden=True).values["matched"] == 1
    for state in ("file", "directory"):
        made = host.run("tempfile", path=str(there), state=state, suffix=".x").values
        assert (made["state"], made["path"].endswith(".x")) == (state, True)


def test_archives(host: Bench, there: Path, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("x")
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as made:
        made.add(tmp_path / "f", "top/f")
    twice(host, "unarchive", src="a.tar.gz", dest=str(there))
    opts = {"extra_opts": ["--strip-components=1"], "mode": "0600"}
    twice(host, "unarchive", src=f"{tmp_path}/a.tar.gz", dest=str(there), remote_src=True, **opts)


def test_waiting_and_the_web(host: Bench, there: Path) -> None:
    assert host.run("wait_for", path=str(there), timeout=5).status is Status.OK
    assert host.run("wait_for_connection", timeout=5).status is Status.OK
    with serving() as web:
        assert host.run("wait_for", port=web.port, timeout=5).status is Status.OK
        assert host.run("uri", url=f"{web.url}/echo").values["json"]["method"] == "GET"
        twice(host, "get_url", url=f"{web.url}/f", dest=f"{there}/f")


def test_commands(host: Bench, tmp_path: Path) -> None:
    assert host.run("command", "echo hi").values["stdout"] == "hi"
    (tmp_path / "s").write_text("#!/bin/sh\necho $1\n")
    assert host.run("script", "s one").values["stdout"] == "one\n"
