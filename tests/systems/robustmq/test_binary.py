"""The program: what Linux can run, what is refused, and what a release holds."""

from __future__ import annotations

import hashlib
import io
import struct
import tarfile
from typing import TYPE_CHECKING

import pytest

from raftfleet.errors import UsageError
from raftfleet.systems.robustmq.binary import architecture, artifacts_of, release_version
from raftfleet.systems.robustmq.variables import Variables

if TYPE_CHECKING:
    from pathlib import Path

    from raftfleet.systems import Artifact


def elf(machine: int, order: str = "<") -> bytes:
    head = b"\x7fELF" + bytes([2, 1 if order == "<" else 2, 1]) + bytes(9)
    return head + struct.pack(f"{order}HH", 2, machine) + bytes(44)


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def release(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(content), 0o755
            archive.addfile(info, io.BytesIO(content))
    return path


def refused(variables: Variables) -> UsageError:
    with pytest.raises(UsageError) as caught:
        artifacts_of(variables)
    return caught.value


@pytest.mark.parametrize(
    ("program", "machine"),
    [
        (elf(62), "x86_64"),
        (elf(183), "aarch64"),
        (elf(22, ">"), "s390x"),
        (elf(999), "ELF machine 999"),
        (b"#!/usr/bin/env python3\n", None),
    ],
)
def test_a_program_tells_its_architecture(
    program: bytes, machine: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "program"
    path.write_bytes(program)
    assert architecture(program) == architecture(path) == machine


@pytest.mark.parametrize("program", [b"", b"\xcf\xfa\xed\xfe" + bytes(40), b"MZ", elf(62)[:10]])
def test_what_linux_cannot_run_is_refused(program: bytes, tmp_path: Path) -> None:
    path = tmp_path / "broker-server"
    path.write_bytes(program)
    error = refused(Variables(binary=str(path)))
    assert f"{path} is neither a Linux program nor a script" in error.message


def test_a_bare_binary_is_installed_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "broker-server-debug"
    path.write_bytes(elf(62))
    digest = hashlib.sha256(elf(62)).hexdigest()
    (artifact,) = artifacts_of(Variables(binary=str(path), digest=digest.upper()))
    assert (artifact.source, str(artifact.target), artifact.mode) == (
        path,
        "bin/broker-server",
        0o755,
    )
    assert (artifact.digest, artifact.size) == (digest, 64)
    assert (artifact.architecture, artifact.interpreted) == ("x86_64", False)


def test_a_binary_that_was_built_again_has_a_new_digest(tmp_path: Path) -> None:
    path = tmp_path / "broker-server"
    path.write_bytes(elf(62))
    before = artifacts_of(Variables(binary=str(path)))[0].digest
    path.write_bytes(elf(62) + b"new")
    assert artifacts_of(Variables(binary=str(path)))[0].digest != before


def test_the_program_is_taken_out_of_a_release(tmp_path: Path, own_cache: Path) -> None:
    path = release(
        tmp_path / "robustmq-0.4.11-linux-arm64.tar.gz",
        {
            "robustmq-0.4.11-linux-arm64/bin/robust-server": b"#!/bin/sh\n",
            "robustmq-0.4.11-linux-arm64/libs/broker-server": elf(183),
        },
    )
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    (artifact,) = artifacts_of(Variables(release=str(path), digest=f"sha256:{digest}"))
    assert content(artifact) == elf(183)
    assert artifact.digest == hashlib.sha256(elf(183)).hexdigest()
    assert artifact.architecture == "aarch64"
    assert artifacts_of(Variables(release=str(path))) == (artifact,)
    assert [p.name for p in own_cache.rglob("*") if p.is_file()] == ["broker-server"]


def content(artifact: Artifact) -> bytes:
    return artifact.source if isinstance(artifact.source, bytes) else artifact.source.read_bytes()


def test_no_name_in_a_release_is_used_as_a_path(tmp_path: Path) -> None:
    path = release(tmp_path / "r.tar.gz", {"../../../libs/broker-server": elf(62)})
    (artifact,) = artifacts_of(Variables(release=str(path)))
    assert content(artifact) == elf(62)
    assert not (tmp_path.parent / "libs").exists()


def test_a_link_in_a_release_is_not_followed(tmp_path: Path) -> None:
    path = tmp_path / "r.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        info = tarfile.TarInfo("x/libs/broker-server")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(info)
    assert "holds no libs/broker-server" in refused(Variables(release=str(path))).message


def test_a_broken_release_leaves_nothing_in_the_cache(tmp_path: Path, own_cache: Path) -> None:
    whole = release(
        tmp_path / "r.tar.gz", {"x/libs/broker-server": elf(62) + bytes(range(256)) * 999}
    )
    whole.write_bytes(whole.read_bytes()[:-40])
    assert "cannot be unpacked" in refused(Variables(release=str(whole))).message
    assert [p for p in own_cache.rglob("*") if p.is_file()] == []
    # the folder for this digest is there now; a second try says the same
    assert "cannot be unpacked" in refused(Variables(release=str(whole))).message


@pytest.mark.parametrize(
    ("variables", "message", "hint"),
    [
        (Variables(), "the inventory names no program", "robustmq_release to a release tarball"),
        (Variables(binary="a", release="b"), "both robustmq_binary and robustmq_release", "set"),
        (
            Variables(binary="/nowhere/b"),
            "robustmq_binary: /nowhere/b does not exist",
            "controller",
        ),
        (
            Variables(release="/nowhere/r"),
            "robustmq_release: /nowhere/r does not exist",
            "controller",
        ),
        (Variables(binary="/etc"), "robustmq_binary: /etc is a directory", "controller"),
    ],
)
def test_a_program_that_is_not_there_is_refused(
    variables: Variables, message: str, hint: str
) -> None:
    error = refused(variables)
    assert message in error.message
    assert hint in str(error.hint)


def test_another_digest_than_the_one_asked_for_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "broker-server"
    path.write_bytes(elf(62))
    error = refused(Variables(binary=str(path), digest="0" * 64))
    assert "is not the file robustmq_digest asks for" in error.message
    assert hashlib.sha256(elf(62)).hexdigest() in error.message


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("robustmq-0.4.11-linux-amd64.tar.gz", "0.4.11"),
        ("robustmq-v0.5.0-rc1-linux-arm64.tar.gz", "0.5.0-rc1"),
        ("broker.tar.gz", ""),
    ],
)
def test_a_release_carries_its_version_in_its_name(name: str, version: str) -> None:
    assert release_version(name) == version
