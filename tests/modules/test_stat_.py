"""`stat` and `slurp`."""

from __future__ import annotations

import base64
import hashlib
import os
import socket
from typing import TYPE_CHECKING

import pytest

from raftfleet.playbook.module import Status
from raftfleet.transport.protocol import Exited

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from raftfleet.testing.transport import FakeTransport
    from tests.modules.conftest import Bench


def stat(bench: Bench, path: Path | str, **arguments: Any) -> dict[str, Any]:
    result = bench.run("stat", path=str(path), **arguments)
    assert result.status is Status.OK
    found: dict[str, Any] = result.values["stat"]
    return found


class TestStat:
    def test_a_file(self, bench: Bench, tmp_path: Path) -> None:
        path = tmp_path / "it's $x\n"
        path.write_text("twelve chars\n")
        path.chmod(0o640)
        found = stat(bench, path)
        real = path.stat()
        assert found["exists"] is True
        assert found["path"] == str(path)
        assert (found["isreg"], found["isdir"], found["islnk"]) == (True, False, False)
        assert (found["mode"], found["size"]) == ("0640", 13)
        assert found["checksum"] == hashlib.sha1(b"twelve chars\n").hexdigest()
        assert (found["rusr"], found["wgrp"], found["roth"], found["isuid"]) == (
            True,
            False,
            False,
            False,
        )
        assert (found["inode"], found["nlink"], found["uid"]) == (real.st_ino, 1, 0)
        assert found["mtime"] == pytest.approx(real.st_mtime, abs=1e-6)
        assert (found["pw_name"], found["gr_name"]) == ("root", "root")
        assert (found["readable"], found["executable"]) == (True, False)

    @pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256", "sha512"])
    def test_checksums(self, bench: Bench, tmp_path: Path, algorithm: str) -> None:
        path = tmp_path / "x"
        path.write_bytes(b"abc")
        found = stat(bench, path, checksum_algorithm=algorithm)
        assert found["checksum"] == hashlib.new(algorithm, b"abc").hexdigest()
        assert "checksum" not in stat(bench, path, get_checksum=False)

    def test_a_directory(self, bench: Bench, tmp_path: Path) -> None:
        found = stat(bench, tmp_path)
        assert (found["isdir"], found["isreg"]) == (True, False)
        assert "checksum" not in found

    def test_a_link_and_what_it_points_to(self, bench: Bench, tmp_path: Path) -> None:
        (tmp_path / "t").write_text("x")
        (tmp_path / "l").symlink_to("t")
        found = stat(bench, tmp_path / "l")
        assert (found["islnk"], found["lnk_target"], found["lnk_source"]) == (
            True,
            "t",
            f"{tmp_path}/t",
        )
        assert "checksum" not in found
        followed = stat(bench, tmp_path / "l", follow=True)
        assert (followed["isreg"], followed["islnk"]) == (True, False)
        assert followed["checksum"] == hashlib.sha1(b"x").hexdigest()

    def test_a_link_to_nothing(self, bench: Bench, tmp_path: Path) -> None:
        (tmp_path / "l").symlink_to("nope")
        assert stat(bench, tmp_path / "l")["lnk_source"] == f"{tmp_path}/nope"
        assert stat(bench, tmp_path / "l", follow=True) == {"exists": False}

    def test_sockets_and_pipes(self, bench: Bench, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "fifo")
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(str(tmp_path / "sock"))
            assert stat(bench, tmp_path / "sock")["issock"] is True
        assert stat(bench, tmp_path / "fifo")["isfifo"] is True
        assert stat(bench, "/dev/null")["ischr"] is True

    @pytest.mark.parametrize("name", ["nope", "nope/deeper", "file/below"])
    def test_nothing_there(self, bench: Bench, tmp_path: Path, name: str) -> None:
        (tmp_path / "file").touch()
        assert stat(bench, tmp_path / name) == {"exists": False}
        assert stat(bench.checking(), tmp_path / name) == {"exists": False}

    def test_not_being_allowed_to_look_is_a_failure_and_not_absence(
        self, faked: Bench, fake: FakeTransport
    ) -> None:
        said = b"stat: cannot statx '/secret/x': Permission denied\n"
        fake.on("*", Exited(status=1, stderr=said))
        assert "Permission denied" in faked.failure("stat", path="/secret/x")

    @pytest.mark.parametrize("path", ["", "a\0b"])
    def test_what_cannot_be_a_path_is_refused(self, bench: Bench, path: str) -> None:
        assert "path" in bench.failure("stat", path=path)


class TestSlurp:
    @pytest.mark.parametrize("content", [b"", b"some data\n", bytes(range(256))])
    def test_the_content_comes_as_base64(
        self, bench: Bench, tmp_path: Path, content: bytes
    ) -> None:
        (tmp_path / "a b").write_bytes(content)
        result = bench.run("slurp", src=f"{tmp_path}/a b")
        assert base64.b64decode(result.values["content"]) == content
        assert (result.values["encoding"], result.status) == ("base64", Status.OK)

    def test_a_missing_file_fails(self, bench: Bench, tmp_path: Path) -> None:
        assert "No such file" in bench.failure("slurp", src=f"{tmp_path}/nope")

    def test_a_large_file_is_not_cut_short_in_silence(self, bench: Bench, tmp_path: Path) -> None:
        (tmp_path / "big").write_bytes(b"x" * 5_000_000)
        assert "use fetch" in bench.failure("slurp", src=f"{tmp_path}/big")
