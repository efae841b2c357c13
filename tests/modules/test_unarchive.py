"""`unarchive`: unpacked once, and never outside of its target."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from raftfleet.errors import TaskError
from raftfleet.modules.archives.archive import read_archive
from raftfleet.playbook.module import Status

if TYPE_CHECKING:
    from typing import Any

    from tests.modules.conftest import Bench

Entry = tuple[str, str, str]  # name, kind, content or target


def entry(name: str, kind: str, content: str) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.mode = 0o755 if kind in {"dir", "program"} else 0o640
    data = content.encode() if kind in {"file", "program"} else b""
    info.size = len(data)
    kinds = {
        "dir": tarfile.DIRTYPE,
        "link": tarfile.SYMTYPE,
        "hard": tarfile.LNKTYPE,
        "pipe": tarfile.FIFOTYPE,
    }
    info.type = kinds.get(kind, tarfile.REGTYPE)
    info.linkname = content if kind in {"link", "hard"} else ""
    return info, data


def pack(path: Path, *entries: Entry) -> Path:
    path.parent.mkdir(exist_ok=True)
    suffix = path.suffix.removeprefix(".")
    with tarfile.open(path, f"w:{suffix if suffix in {'gz', 'bz2', 'xz'} else ''}") as opened:  # type: ignore[call-overload]
        for name, kind, content in entries:
            info, data = entry(name, kind, content)
            opened.addfile(info, io.BytesIO(data))
    return path


RELEASE: tuple[Entry, ...] = (
    ("rel-1", "dir", ""),
    ("rel-1/bin", "dir", ""),
    ("rel-1/bin/server", "program", "#!/bin/sh\necho up\n"),
    ("rel-1/conf/it's $x", "file", "conf"),
    ("rel-1/empty", "file", ""),
    ("rel-1/current", "link", "bin/server"),
    ("rel-1/bin/up", "link", "../conf"),
    ("rel-1/same", "hard", "rel-1/empty"),
)


@pytest.fixture
def dest(tmp_path: Path) -> Path:
    """The folder to unpack into."""
    path = tmp_path / "de st"
    path.mkdir()
    return path


class TestUnpacking:
    @pytest.mark.parametrize("suffix", ["tar", "tar.gz", "tar.bz2", "tar.xz"])
    def test_once_and_complete(self, bench: Bench, tmp_path: Path, dest: Path, suffix: str) -> None:
        pack(tmp_path / f"files/rel.{suffix}", *RELEASE)
        assert bench.changes("unarchive", src=f"rel.{suffix}", dest=str(dest)) == [True, False]
        assert (dest / "rel-1/bin/server").stat().st_mode & 0o777 == 0o755
        assert (dest / "rel-1/conf/it's $x").read_text() == "conf"
        assert (dest / "rel-1/current").read_text().startswith("#!")
        assert [path.name for path in dest.iterdir()] == ["rel-1"]

    @pytest.mark.parametrize(
        "damage",
        [
            lambda root: (root / "bin/server").write_text("#!/bin/sh\necho no\n"),
            lambda root: (root / "bin/server").chmod(0o644),
            lambda root: (root / "empty").unlink(),
            lambda root: (root / "current").unlink(),
            lambda root: (root / "conf/it's $x").write_text("konf"),
        ],
    )
    def test_what_is_damaged_is_unpacked_again(
        self, bench: Bench, tmp_path: Path, dest: Path, damage: Any
    ) -> None:
        pack(tmp_path / "files/rel.tar.gz", *RELEASE)
        bench.run("unarchive", src="rel.tar.gz", dest=str(dest))
        damage(dest / "rel-1")
        assert bench.changes("unarchive", src="rel.tar.gz", dest=str(dest)) == [True, False]

    def test_leading_folders_can_be_dropped(self, bench: Bench, tmp_path: Path, dest: Path) -> None:
        pack(tmp_path / "files/rel.tar.gz", *RELEASE)
        options = ["--strip-components=1"]
        arguments = {"src": "rel.tar.gz", "dest": str(dest), "extra_opts": options}
        assert bench.changes("unarchive", **arguments, mode="u=rwX,go=") == [True, False]
        assert (dest / "bin/server").stat().st_mode & 0o777 == 0o700
        assert (dest / "conf").stat().st_mode & 0o777 == 0o700

    def test_what_is_registered(self, bench: Bench, tmp_path: Path, dest: Path) -> None:
        path = pack(tmp_path / "files/rel.tar.gz", *RELEASE)
        result = bench.run("unarchive", src="rel.tar.gz", dest=f"{dest}/", list_files=True)
        names = [f"{name}/" if kind == "dir" else name for name, kind, _ in RELEASE]
        values = dict(result.values)
        assert (values["dest"], values["src"]) == (str(dest), str(path))
        assert (values["extracted"], values["files"]) == (8, names)
        assert (values["state"], values["owner"]) == ("directory", "root")

    def test_a_choice_of_members(self, bench: Bench, tmp_path: Path, dest: Path) -> None:
        pack(tmp_path / "files/rel.tar.gz", *RELEASE)
        some = {"src": "rel.tar.gz", "dest": str(dest), "include": ["rel-1/bin", "rel-1/e*"]}
        some["exclude"] = ["*/up"]
        assert bench.changes("unarchive", **some) == [True, False]
        found = {str(path.relative_to(dest)) for path in dest.rglob("*")}
        assert found == {"rel-1", "rel-1/bin", "rel-1/bin/server", "rel-1/empty"}

    def test_an_archive_that_is_on_the_host(self, bench: Bench, tmp_path: Path, dest: Path) -> None:
        path = pack(tmp_path / "rel.tar.gz", *RELEASE)
        there = {"src": str(path), "dest": str(dest), "remote_src": True}
        there["extra_opts"] = ["--strip-components", "1", "--no-same-owner"]
        assert bench.changes("unarchive", **there) == [True, False]
        assert (dest / "bin/server").exists()

    def test_a_zip(self, bench: Bench, tmp_path: Path, dest: Path) -> None:
        (tmp_path / "files").mkdir(exist_ok=True)
        with zipfile.ZipFile(tmp_path / "files/x.zip", "w") as made:
            made.writestr("x/", "")
            program = zipfile.ZipInfo("x/run")
            program.external_attr = 0o100755 << 16
            made.writestr(program, "#!/bin/sh\n")
            link = zipfile.ZipInfo("x/go")
            link.external_attr = 0o120777 << 16
            made.writestr(link, "run")
        assert bench.changes("unarchive", src="x.zip", dest=str(dest)) == [True, False]
        assert (dest / "x/run").stat().st_mode & 0o777 == 0o755
        assert (dest / "x/go").readlink() == Path("run")

    def test_a_zip_that_leaves_its_target_is_refused(
        self, bench: Bench, tmp_path: Path, dest: Path
    ) -> None:
        (tmp_path / "files").mkdir(exist_ok=True)
        with zipfile.ZipFile(tmp_path / "files/x.zip", "w") as made:
            made.writestr("../out", "")
        assert "leaves its target" in bench.failure("unarchive", src="x.zip", dest=str(dest))
        assert not list(dest.iterdir())

    def test_mode_is_kept_up_also_when_all_is_there(
        self, bench: Bench, tmp_path: Path, dest: Path
    ) -> None:
        pack(tmp_path / "files/a.tar", ("a/x", "file", "1"))
        wanted = {"src": "a.tar", "dest": str(dest), "mode": "u=rwX,go="}
        assert bench.changes("unarchive", **wanted) == [True, False]
        (dest / "a/x").chmod(0o644)
        assert bench.changes("unarchive", **wanted) == [True, False]

    def test_creates_and_check_mode(self, bench: Bench, tmp_path: Path, dest: Path) -> None:
        pack(tmp_path / "files/rel.tar.gz", *RELEASE)
        skipped = bench.run("unarchive", src="rel.tar.gz", dest=str(dest), creates=str(dest))
        assert skipped.status is Status.SKIPPED
        predicted = bench.checking().run("unarchive", src="rel.tar.gz", dest=str(dest))
        assert predicted.status is Status.CHANGED
        assert list(dest.iterdir()) == []

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"dest": "{tmp}/nope"}, "is no directory"),
            ({"extra_opts": ["--absolute-names"]}, "is not supported"),
            ({"extra_opts": ["--strip-components=x"]}, "is not supported"),
            ({"remote_src": True}, "No such file"),
            ({"src": "text.txt"}, "cannot be read as a tar archive"),
            ({"src": "empty.tar"}, "nothing to unpack"),
        ],
    )
    def test_what_does_not_work_is_said(
        self, bench: Bench, tmp_path: Path, dest: Path, arguments: dict[str, Any], message: str
    ) -> None:
        pack(tmp_path / "files/rel.tar.gz", *RELEASE)
        pack(tmp_path / "files/empty.tar")
        (tmp_path / "files/text.txt").write_text("no archive")
        given = {"src": "rel.tar.gz", "dest": str(dest), **arguments}
        given = {k: v.format(tmp=tmp_path) if isinstance(v, str) else v for k, v in given.items()}
        assert message in bench.failure("unarchive", **given)

    def test_a_failure_to_unpack_leaves_no_archive_behind(
        self, bench: Bench, tmp_path: Path, dest: Path
    ) -> None:
        pack(tmp_path / "files/rel.tar.gz", *RELEASE)
        (dest / "rel-1/empty/in the way").mkdir(parents=True)
        assert "cannot unpack" in bench.failure("unarchive", src="rel.tar.gz", dest=str(dest))
        assert [path.name for path in dest.iterdir()] == ["rel-1"]


LEAVING: list[tuple[Entry, ...]] = [
    (("../evil", "file", "x"),),
    (("/etc/evil", "file", "x"),),
    (("a/../../evil", "file", "x"),),
    (("a/b/../c", "file", "x"),),
    (("a", "link", "/etc"),),
    (("a", "link", "../x"),),
    (("a/b", "link", "../../x"),),
    (("a/b/c/up", "link", "../../.."), ("l", "link", "a/b/c/up/../evil")),
    (("a/b/up", "link", "../.."), ("a/b/up/x", "link", "../evil")),
    (("d", "link", "a"), ("d/x", "file", "x")),
    (("a", "hard", "../../etc/passwd"),),
    (("a", "hard", "/etc/passwd"),),
    (("a", "pipe", ""),),
]


@pytest.mark.parametrize("entries", LEAVING, ids=lambda e: " ".join(f"{n}>{c}" for n, _, c in e))
def test_an_archive_that_leaves_its_target_is_refused_whole(
    bench: Bench, tmp_path: Path, dest: Path, entries: tuple[Entry, ...]
) -> None:
    pack(tmp_path / "files/bad.tar", ("good", "file", "x"), *entries)
    assert "in the archive" in bench.failure("unarchive", src="bad.tar", dest=str(dest))
    assert list(dest.iterdir()) == []


@pytest.mark.parametrize("target", ["b", "../a/b", "./b", "b/", "../x"])
def test_links_that_stay_inside_are_fine(tmp_path: Path, target: str) -> None:
    path = pack(tmp_path / "ok.tar", ("a/l", "link", target))
    assert read_archive(path).members[0].target == target


def test_a_truncated_archive_is_named(tmp_path: Path) -> None:
    path = pack(tmp_path / "cut.tar.gz", *RELEASE)
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(TaskError, match=r"cut\.tar\.gz cannot be read"):
        read_archive(path)


class TestKeepNewer:
    @pytest.mark.parametrize("strip", [0, 1])
    @pytest.mark.parametrize(("age", "stays"), [(100, True), (-100, False)])
    def test_a_newer_file_stays(
        self, bench: Bench, tmp_path: Path, strip: int, age: int, stays: bool
    ) -> None:
        pack(tmp_path / "files/a.tar", ("r/[x]", "file", "of the archive"), ("r/b", "file", "b"))
        dest = tmp_path / "to"
        mine = dest / ("[x]" if strip else "r/[x]")
        mine.parent.mkdir(parents=True)
        mine.write_text("mine")
        os.utime(mine, (age, age))
        given: dict[str, Any] = {"src": "a.tar", "dest": str(dest), "keep_newer": True}
        if strip:
            given["extra_opts"] = [f"--strip-components={strip}"]
        assert bench.changes("unarchive", **given) == [True, False]
        assert mine.read_text() == ("mine" if stays else "of the archive")
        assert mine.with_name("b").read_text() == "b"

    def test_all_of_them_may_stay(self, bench: Bench, tmp_path: Path) -> None:
        pack(tmp_path / "files/a.tar", ("a", "file", "of the archive"))
        (tmp_path / "to").mkdir()
        (tmp_path / "to/a").write_text("mine")
        result = bench.run("unarchive", src="a.tar", dest=f"{tmp_path}/to", keep_newer=True)
        assert result.status is Status.OK
        assert (tmp_path / "to/a").read_text() == "mine"


class TestWhereItIs:
    def test_copy_false_means_on_the_host(self, bench: Bench, tmp_path: Path) -> None:
        (tmp_path / "to").mkdir()
        where = pack(tmp_path / "there/a.tar", ("a", "file", "a"))
        bench.run("unarchive", src=str(where), dest=f"{tmp_path}/to", copy=False)
        assert (tmp_path / "to/a").exists()
        assert "does not exist" in bench.failure(
            "unarchive", src="there/a.tar.gz", dest=f"{tmp_path}/to", copy=True
        )

    @pytest.mark.parametrize("decrypt", [True, False])
    def test_an_encrypted_file_is_refused(
        self, bench: Bench, tmp_path: Path, decrypt: bool
    ) -> None:
        (tmp_path / "secret").write_text("$ANSIBLE_VAULT;1.1;AES256\n00\n")
        if decrypt:
            for name, given in (
                ("copy", {"src": "secret", "dest": f"{tmp_path}/out"}),
                ("script", {"cmd": "secret"}),
                ("unarchive", {"src": "secret", "dest": str(tmp_path)}),
            ):
                assert "encrypted with ansible-vault" in bench.failure(name, **given)
            assert not (tmp_path / "out").exists()
        else:
            bench.run("copy", src="secret", dest=f"{tmp_path}/out", decrypt=False)
            assert (tmp_path / "out").read_bytes() == (tmp_path / "secret").read_bytes()
