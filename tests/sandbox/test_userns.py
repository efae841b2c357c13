from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from raftfleet.errors import SandboxError
from raftfleet.sandbox import userns

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine on paper that grants all: subuid, subgid, the kernel's switches, its namespaces."""
    (tmp_path / "ns").mkdir()
    (tmp_path / "ns/user").touch()
    for kind in ("uid", "gid"):
        (tmp_path / f"sub{kind}").write_text("alice:100000:65536\nbob:165536:65536\n")
    monkeypatch.setattr(
        userns, "_SUBIDS", {kind: tmp_path / f"sub{kind}" for kind in ("uid", "gid")}
    )
    monkeypatch.setattr(userns, "_SWITCHES", tmp_path)
    monkeypatch.setattr(userns, "_NAMESPACES", tmp_path / "ns")
    monkeypatch.setattr(userns, "_user", lambda: "alice")
    monkeypatch.setattr(userns, "lacking_programs", lambda: iter(()))
    monkeypatch.setattr("shutil.which", lambda name, path: f"{path}/{name}")
    return tmp_path


def switch(machine: Path, name: str, value: int) -> None:
    path = machine / name.replace(".", "/")
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"{value}\n")


def refused() -> SandboxError:
    with pytest.raises(SandboxError) as caught:
        userns.require_user_namespaces()
    return caught.value


@pytest.mark.usefixtures("machine")
def test_a_machine_that_grants_all_is_not_refused() -> None:
    userns.require_user_namespaces()


@pytest.mark.parametrize(
    ("name", "bad", "good"),
    [
        ("kernel.unprivileged_userns_clone", 0, 1),
        ("kernel.apparmor_restrict_unprivileged_userns", 1, 0),
        ("user.max_user_namespaces", 0, 15000),
        ("user.max_net_namespaces", 0, 15000),
    ],
)
def test_a_switch_that_forbids_is_named_with_its_line(
    machine: Path, name: str, bad: int, good: int
) -> None:
    switch(machine, name, bad)
    error = refused()
    assert f"({name} = {bad})" in error.message
    assert error.hint == f"sudo sysctl -w {name}={good}"
    switch(machine, name, good)
    userns.require_user_namespaces()


def test_a_kernel_without_user_namespaces_is_said_to_be_one(machine: Path) -> None:
    (machine / "ns/user").unlink()
    assert "the kernel lacks user namespaces" in refused().message


@pytest.mark.parametrize("text", ["", "alice:100000:1000\n", "alice:x:65536\n", "alice\n"])
def test_a_range_that_is_missing_or_too_short_is_to_be_added_above_all_others(
    machine: Path, text: str
) -> None:
    (machine / "subgid").write_text(f"bob:165536:65536\n{text}")
    error = refused()
    assert "/etc/subgid grants user alice fewer than 65536 ids" in error.message
    assert error.hint == "sudo usermod --add-subgids 231072-296607 alice"


def test_a_range_may_be_given_by_number(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.getuid", lambda: 1007)
    (machine / "subuid").write_text("1007:100000:65536\n")
    userns.require_user_namespaces()


def test_all_that_is_missing_is_named_at_once(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda name, path: None)  # noqa: ARG005
    switch(machine, "user.max_user_namespaces", 0)
    (machine / "subuid").unlink()
    error = refused()
    for problem in ("newuidmap, newgidmap", "max_user_namespaces = 0", "/etc/subuid grants"):
        assert problem in error.message
    assert "sudo apt-get install uidmap" in (error.hint or "")
