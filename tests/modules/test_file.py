"""`file`: every state, twice; and what is never removed."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from raftfleet.modules.files.removal import is_protected
from raftfleet.playbook.module import Status
from raftfleet.transport.protocol import Exited

if TYPE_CHECKING:
    from raftfleet.testing.transport import FakeTransport
    from tests.modules.conftest import Bench


def mode(path: Path) -> str:
    return f"{path.stat().st_mode & 0o7777:04o}"


class TestDirectory:
    def test_all_missing_folders_get_the_mode(self, bench: Bench, there: Path) -> None:
        path = there / "d/e/f"
        assert bench.changes("file", path=str(path), state="directory", mode="0750") == [
            True,
            False,
        ]
        assert [mode(p) for p in (path, path.parent, path.parent.parent)] == ["0750"] * 3
        assert mode(there) == "0755"

    def test_the_mode_of_one_that_is_there(self, bench: Bench, there: Path) -> None:
        assert bench.changes("file", path=f"{there}/", state="directory", mode="0700") == [
            True,
            False,
        ]
        assert mode(there) == "0700"

    def test_a_file_in_the_way_is_no_directory(self, bench: Bench, there: Path) -> None:
        (there / "x").touch()
        assert "is no directory" in bench.failure("file", path=f"{there}/x", state="directory")
        assert "Not a directory" in bench.failure("file", path=f"{there}/x/y", state="directory")

    def test_a_link_to_a_directory_is_one(self, bench: Bench, there: Path) -> None:
        (there / "real").mkdir()
        (there / "link").symlink_to("real")
        result = bench.run("file", path=f"{there}/link", state="directory")
        assert (result.status, result.values["state"]) == (Status.OK, "directory")

    def test_recursion(self, bench: Bench, there: Path) -> None:
        (there / "a/b").mkdir(parents=True)
        (there / "a/b/f").touch(mode=0o600)
        arguments = {"path": f"{there}/a", "state": "directory", "recurse": True}
        assert bench.changes("file", **arguments, mode="u=rwX,go=rX") == [True, False]
        assert (mode(there / "a/b"), mode(there / "a/b/f")) == ("0755", "0644")
        assert bench.changes("file", **arguments, owner="daemon") == [True, False]
        assert "recurse wants" in bench.failure(
            "file", path=f"{there}/a/b/f", recurse=True, state="file"
        )

    def test_a_relative_path_starts_at_the_home_directory(self, bench: Bench) -> None:
        assert (
            bench.checking().run("file", path="rf-nope/x", state="directory").status
            is Status.CHANGED
        )


class TestFileAndTouch:
    def test_touch_makes_a_file_and_changes_its_times(self, bench: Bench, there: Path) -> None:
        assert bench.changes("file", path=f"{there}/t", state="touch", mode="0600") == [True, True]
        assert mode(there / "t") == "0600"

    def test_touch_can_leave_the_times(self, bench: Bench, there: Path) -> None:
        keep = {"modification_time": "preserve", "access_time": "preserve"}
        assert bench.changes("file", path=f"{there}/t", state="touch", **keep) == [True, False]
        os.utime(there / "t", (1, 1))
        bench.run("file", path=f"{there}/t", state="touch", modification_time="preserve")
        assert (there / "t").stat().st_mtime == 1
        assert (there / "t").stat().st_atime > 1

    def test_the_mode_of_a_file_without_a_state(self, bench: Bench, there: Path) -> None:
        (there / "t").touch()
        assert bench.changes("file", path=f"{there}/t", mode="0640") == [True, False]
        result = bench.run("file", path=f"{there}/t")
        assert (result.values["state"], result.values["mode"]) == ("file", "0640")

    def test_state_file_makes_nothing(self, bench: Bench, there: Path) -> None:
        assert "touch makes an empty file" in bench.failure(
            "file", path=f"{there}/nope", state="file"
        )
        assert "is a directory" in bench.failure("file", path=str(there), state="file")


class TestLinks:
    def test_a_symbolic_link(self, bench: Bench, there: Path) -> None:
        (there / "t").touch()
        assert bench.changes("file", src="t", path=f"{there}/l", state="link") == [True, False]
        assert (there / "l").readlink() == Path("t")
        (there / "u").touch()
        assert bench.changes("file", src=f"{there}/u", dest=f"{there}/l", state="link") == [
            True,
            False,
        ]
        assert (there / "l").readlink() == there / "u"
        assert sorted(p.name for p in there.iterdir()) == ["l", "t", "u"]

    def test_a_link_to_nothing_needs_force(self, bench: Bench, there: Path) -> None:
        assert "force: true" in bench.failure("file", src="nope", path=f"{there}/l", state="link")
        assert bench.changes("file", src="nope", path=f"{there}/l", state="link", force=True) == [
            True,
            False,
        ]

    def test_a_file_in_the_way_needs_force_and_a_directory_must_be_empty(
        self, bench: Bench, there: Path
    ) -> None:
        (there / "t").touch()
        (there / "l").touch()
        assert "is no link" in bench.failure("file", src="t", path=f"{there}/l", state="link")
        assert (
            bench.run("file", src="t", path=f"{there}/l", state="link", force=True).status
            is Status.CHANGED
        )
        (there / "d").mkdir()
        assert "not replaced" in bench.failure("file", src="t", path=f"{there}/d", state="link")
        (there / "d/full").touch()
        forced = {"src": "t", "path": f"{there}/d", "state": "link", "force": True}
        assert "not empty" in bench.failure("file", **forced)
        (there / "d/full").unlink()
        assert bench.changes("file", **forced) == [True, False]

    def test_mode_is_that_of_the_links_target(self, bench: Bench, there: Path) -> None:
        (there / "t").touch()
        assert bench.changes("file", src="t", path=f"{there}/l", state="link", mode="0600") == [
            True,
            False,
        ]
        assert mode(there / "t") == "0600"

    def test_a_hard_link(self, bench: Bench, there: Path) -> None:
        (there / "t").touch()
        assert bench.changes("file", src=f"{there}/t", dest=f"{there}/h", state="hard") == [
            True,
            False,
        ]
        assert (there / "t").stat().st_nlink == 2
        assert "does not exist" in bench.failure(
            "file", src=f"{there}/x", dest=f"{there}/h", state="hard"
        )
        (there / "lone").touch()
        assert "wants src" in bench.failure("file", dest=f"{there}/lone", state="hard")
        assert bench.run("file", dest=f"{there}/h", mode="0600").values["state"] == "hard"
        (there / "folder").mkdir()
        bench.run("file", src=f"{there}/t", dest=f"{there}/folder", state="hard")
        assert (there / "folder/t").stat().st_nlink == 3


class TestAbsent:
    def test_files_links_and_whole_directories(self, bench: Bench, there: Path) -> None:
        (there / "d/e").mkdir(parents=True)
        (there / "d/e/f").touch()
        (there / "keep").mkdir()
        (there / "keep/x").touch()
        (there / "l").symlink_to("keep")
        for name in ("d", "l", "l", "nope/deeper"):
            expected = [(there / name).is_symlink() or (there / name).exists(), False]
            assert bench.changes("file", path=f"{there}/{name}", state="absent") == expected
        assert [p.name for p in there.rglob("*")] == ["keep", "x"]

    def test_a_link_with_a_slash_goes_and_not_what_it_points_to(
        self, bench: Bench, there: Path
    ) -> None:
        (there / "keep").mkdir()
        (there / "l").symlink_to("keep")
        bench.run("file", path=f"{there}/l/", state="absent")
        assert [p.name for p in there.iterdir()] == ["keep"]

    @pytest.mark.parametrize("name", ["a b", "$(touch pwned)", "-rf", "*", "it's"])
    def test_no_name_is_evaluated(self, bench: Bench, there: Path, name: str) -> None:
        (there / name).touch()
        (there / "bystander").touch()
        assert bench.changes("file", path=f"{there}/{name}", state="absent") == [True, False]
        assert [p.name for p in there.iterdir()] == ["bystander"]

    @pytest.mark.parametrize(
        "path",
        [
            "/",
            "//",
            "/etc",
            "/etc/",
            "/usr/bin",
            "/var/lib/",
            "/home",
            "/tmp/..",
            "/x/../etc",
            "/etc/.",
            "/tmp",
            ".",
            "..",
        ],
    )
    def test_the_system_itself_is_never_removed(
        self, faked: Bench, fake: FakeTransport, path: str
    ) -> None:
        stat = b"41ed/1/0/0/root/root/1/1/1/1.0/1.0/1.0\n\0"
        fake.on("*", Exited(status=0, stdout=stat))
        assert "is not removed" in faked.failure("file", path=path, state="absent")
        assert not any("rm " in line for line in fake.lines())

    def test_a_link_on_the_way_does_not_hide_the_system(self, bench: Bench, there: Path) -> None:
        (there / "root").symlink_to("/")
        said = bench.checking().failure("file", path=f"{there}/root/usr", state="absent")
        assert "which is /usr" in said
        said = bench.checking().failure("file", path=f"{there}/root/usr/bin", state="absent")
        assert "which is /usr/bin" in said

    @pytest.mark.parametrize(
        ("path", "protected"),
        [
            ("/", True),
            ("/etc", True),
            ("/usr/lib", True),
            ("/var/log", True),
            ("/data", False),
            ("/etc/robustmq", False),
            ("/var/lib/robustmq", False),
            ("/home/me", False),
            ("/tmp/x", False),
            ("/opt/x", False),
        ],
    )
    def test_what_counts_as_the_system(self, path: str, protected: bool) -> None:
        assert is_protected(path) is protected


class TestCheckModeAndDiff:
    @pytest.mark.parametrize(
        "arguments",
        [
            {"path": "new", "state": "directory"},
            {"path": "new", "state": "touch"},
            {"path": "new", "state": "link", "src": "old"},
            {"path": "new", "state": "hard", "src": "{there}/old"},
            {"path": "old", "state": "absent"},
            {"path": "old", "mode": "0600"},
            {"path": "old", "owner": "daemon"},
        ],
    )
    def test_check_mode_predicts_and_changes_nothing(
        self, bench: Bench, there: Path, arguments: dict[str, str]
    ) -> None:
        (there / "old").touch()
        given = {key: value.format(there=there) for key, value in arguments.items()}
        given["path"] = f"{there}/{given['path']}"
        before = [(p.name, p.stat().st_mode, p.stat().st_uid) for p in there.iterdir()]
        predicted = bench.checking().run("file", **given)
        assert predicted.status is Status.CHANGED
        assert [(p.name, p.stat().st_mode, p.stat().st_uid) for p in there.iterdir()] == before
        assert bench.run("file", **given).status is Status.CHANGED

    def test_a_diff_shows_the_state(self, bench: Bench, there: Path) -> None:
        differing = bench.differing()
        made = differing.run("file", path=f"{there}/t", state="touch", mode="0600")
        assert made.diff == (
            "state: absent\n",
            "state: file\nmode: 0600\nowner: root\ngroup: root\n",
        )
        gone = differing.run("file", path=f"{there}/t", state="absent")
        assert gone.diff is not None
        assert gone.diff[1] == "state: absent\n"
        assert differing.run("file", path=f"{there}/t", state="absent").diff is None


class TestWhatALinkLeadsTo:
    """With ``follow`` a link stands for what it leads to, and without it is a link."""

    def test_a_folder_behind_a_link(self, bench: Bench, there: Path) -> None:
        (there / "d").mkdir()
        (there / "l").symlink_to("d")
        result = bench.run("file", path=f"{there}/l", state="directory", mode="0700")
        assert (result.status, result.values["path"]) == (Status.CHANGED, f"{there}/d")
        assert mode(there / "d") == "0700"
        said = bench.failure("file", path=f"{there}/l", state="directory", follow=False)
        assert "already exists as a link" in said

    def test_a_folder_where_a_link_leads_nowhere_yet(self, bench: Bench, there: Path) -> None:
        (there / "l").symlink_to("gone")
        assert bench.changes("file", path=f"{there}/l", state="directory") == [True, False]
        assert (there / "gone").is_dir()
        assert (there / "l").is_symlink()

    def test_a_file_behind_a_link_has_to_be_there(self, bench: Bench, there: Path) -> None:
        (there / "l").symlink_to("gone")
        assert "is absent" in bench.failure("file", path=f"{there}/l", state="file")
        (there / "gone").touch()
        assert bench.run("file", path=f"{there}/l", state="file").values["path"] == f"{there}/gone"


class TestSlashAtTheEnd:
    def test_it_stays_in_what_is_registered(self, bench: Bench, there: Path) -> None:
        for _ in range(2):
            result = bench.run("file", path=f"{there}/d/", state="directory")
            assert result.values["path"] == f"{there}/d/"

    def test_a_file_is_no_folder(self, bench: Bench, there: Path) -> None:
        (there / "f").touch()
        assert "is no directory" in bench.failure("file", path=f"{there}/f/", state="touch")
        assert bench.run("file", path=f"{there}/f/", state="absent").status is Status.OK
        assert (there / "f").exists()


class TestTimes:
    @pytest.mark.parametrize("state", [None, "file", "touch", "directory", "link", "hard"])
    def test_they_are_set_whatever_the_state(
        self, bench: Bench, there: Path, state: str | None
    ) -> None:
        (there / "f").touch()
        (there / "d").mkdir()
        path = there / ("d" if state == "directory" else "l" if state in {"link", "hard"} else "f")
        given = {"src": f"{there}/f"} if state in {"link", "hard"} else {}
        given |= {"state": state} if state else {}
        if given.get("src"):
            bench.run("file", path=str(path), **given)
        changes = bench.changes(
            "file",
            path=str(path),
            modification_time="202001020304.05",
            access_time="202001020304.06",
            **given,
        )
        assert changes == [True, False]
        assert time.localtime(path.stat().st_mtime)[:6] == (2020, 1, 2, 3, 4, 5)
        assert time.localtime(path.stat().st_atime)[:6] == (2020, 1, 2, 3, 4, 6)

    def test_they_stay_unless_something_is_said(self, bench: Bench, there: Path) -> None:
        (there / "f").touch()
        os.utime(there / "f", (5, 6))
        assert bench.run("file", path=f"{there}/f").status is Status.OK
        assert (there / "f").stat().st_mtime == 6


def test_src_goes_with_links_only(bench: Bench, there: Path) -> None:
    (there / "f").touch()
    assert "state: link" in bench.failure("file", path=f"{there}/f", src="x")


class TestTouch:
    def test_an_owner_that_cannot_be_given_leaves_no_file(self, bench: Bench, there: Path) -> None:
        said = bench.failure("file", path=f"{there}/f", state="touch", owner="nosuchuser")
        assert "nosuchuser" in said
        assert not (there / "f").exists()

    def test_who_may_write_a_file_may_touch_it(self, bench: Bench, there: Path) -> None:
        there.parent.chmod(0o755)
        (there / "f").touch()
        (there / "f").chmod(0o666)
        os.utime(there / "f", (5, 5))
        for folder in (there, *there.parents):
            if folder.stat().st_mode & 0o005 != 0o005:
                pytest.skip("others may not come here")
        bench.become = "nobody"
        assert bench.run("file", path=f"{there}/f", state="touch").status is Status.CHANGED
        assert (there / "f").stat().st_mtime > 5


def test_what_is_not_there_says_so(bench: Bench, there: Path) -> None:
    result = bench.run("file", path=f"{there}/f")
    assert (result.status, result.values["state"]) == (Status.FAILED, "absent")


@pytest.mark.parametrize("wanted", ["0755", "0000", "u=rwx,g=rx,o=rx"])
@pytest.mark.parametrize("recurse", [False, True])
def test_a_directory_loses_its_set_id_bits(
    bench: Bench, there: Path, wanted: str, recurse: bool
) -> None:
    """Which chmod(1) leaves it, when they are not named, and so it would change every time."""
    (there / "d/e").mkdir(parents=True)
    for name in ("d", "d/e") if recurse and wanted.isdecimal() else ("d",):
        (there / name).chmod(0o2775)
    given = {"path": f"{there}/d", "state": "directory", "mode": wanted, "recurse": recurse}
    assert bench.changes("file", **given) == [True, False]
    assert not (there / "d").stat().st_mode & 0o6000
    assert not (there / "d/e").stat().st_mode & 0o6000
