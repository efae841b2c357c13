"""`copy` and `template`: content, mode, owner, what is predicted and what is shown."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest

from raftfleet.playbook.module import Status
from raftfleet.transport.protocol import Exited

if TYPE_CHECKING:
    from pathlib import Path

    from raftfleet.testing.transport import FakeTransport
    from tests.modules.conftest import Bench


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A file to be copied."""
    path = tmp_path / "files/src.txt"
    path.parent.mkdir()
    path.write_text("from file {{ not templated }}\n")
    path.chmod(0o640)
    return path


def mode(path: Path) -> str:
    return f"{path.stat().st_mode & 0o7777:04o}"


class TestContent:
    def test_a_file_is_copied_once(self, bench: Bench, source: Path, there: Path) -> None:
        target = there / "a"
        assert bench.changes("copy", src="src.txt", dest=str(target)) == [True, False]
        assert target.read_bytes() == source.read_bytes()
        assert mode(target) == "0644"

    def test_what_is_registered(self, bench: Bench, source: Path, there: Path) -> None:
        result = bench.run("copy", src="src.txt", dest=f"{there}/a", mode="0600")
        checksum = hashlib.sha1(source.read_bytes()).hexdigest()
        values = dict(result.values)
        assert values == {
            "dest": f"{there}/a",
            "src": str(source),
            "checksum": checksum,
            "state": "file",
            "mode": "0600",
            "owner": "root",
            "group": "root",
            "uid": 0,
            "gid": 0,
            "size": source.stat().st_size,
        }
        again = bench.run("copy", src="src.txt", dest=f"{there}/a", mode="0600")
        assert dict(again.values) == values | {"path": f"{there}/a"}

    @pytest.mark.parametrize(
        ("content", "written"),
        [
            ("text\n", "text\n"),
            ({"k": [1, "two"]}, '{"k": [1, "two"]}'),
            ([1, None], "[1, null]"),
            (5, "5"),
            ("[1, 2]", "[1, 2]"),
            ("", ""),
        ],
    )
    def test_content_of_any_type(
        self, bench: Bench, there: Path, content: object, written: str
    ) -> None:
        assert bench.changes("copy", content=content, dest=f"{there}/c") == [True, False]
        assert (there / "c").read_text() == written

    @pytest.mark.parametrize("name", ["a b", "it's", "$(touch pwned)", "-n", "ü\nx", '"*;&'])
    def test_no_name_is_evaluated(self, bench: Bench, there: Path, name: str) -> None:
        target = there / name
        assert bench.changes("copy", content="x", dest=str(target), mode="0600") == [True, False]
        assert [path.name for path in there.iterdir()] == [name]

    def test_a_file_of_the_same_size_but_other_content_is_replaced(
        self, bench: Bench, there: Path
    ) -> None:
        (there / "a").write_text("old")
        assert bench.changes("copy", content="new", dest=f"{there}/a") == [True, False]
        assert (there / "a").read_text() == "new"

    def test_without_force_an_existing_file_stays(self, bench: Bench, there: Path) -> None:
        assert bench.changes("copy", content="one", dest=f"{there}/a", force=False) == [True, False]
        bench.run("copy", content="two", dest=f"{there}/a", force=False)
        assert (there / "a").read_text() == "one"

    def test_a_link_is_replaced_by_the_file_and_its_target_stays(
        self, bench: Bench, there: Path
    ) -> None:
        (there / "target").write_text("old")
        (there / "a").symlink_to("target")
        bench.run("copy", content="new", dest=f"{there}/a")
        assert ((there / "a").read_text(), (there / "target").read_text()) == ("new", "old")


class TestDestination:
    @pytest.mark.parametrize("suffix", ["", "/"])
    def test_a_folder_takes_the_file_under_its_own_name(
        self, bench: Bench, source: Path, there: Path, suffix: str
    ) -> None:
        assert bench.changes("copy", src="src.txt", dest=f"{there}{suffix}") == [True, False]
        assert (there / source.name).exists()

    def test_a_folder_with_a_slash_is_made(self, bench: Bench, source: Path, there: Path) -> None:
        result = bench.run("copy", src="src.txt", dest=f"{there}/new/er/")
        assert result.values["dest"] == f"{there}/new/er/{source.name}"
        assert (there / "new/er" / source.name).exists()

    def test_a_missing_folder_is_named_and_not_made(self, bench: Bench, there: Path) -> None:
        wanted = {"content": "x", "dest": f"{there}/no/such/f"}
        said = bench.failure("copy", **wanted)
        assert f"{there}/no/such does not exist" in said
        assert "state: directory" in said
        # In check mode a task before it may be what would make the folder.
        assert bench.checking().run("copy", **wanted).status is Status.CHANGED
        assert list(there.iterdir()) == []

    def test_content_needs_a_name(self, bench: Bench, there: Path) -> None:
        assert "is a directory" in bench.failure("copy", content="x", dest=str(there))

    def test_a_leading_tilde_is_the_home_of_the_hosts_user(self, bench: Bench, there: Path) -> None:
        bench.environment["HOME"] = str(there)
        assert bench.changes("copy", content="x", dest="~/in home") == [True, False]
        assert (there / "in home").exists()
        assert "no user 'nobody-has-this'" in bench.failure(
            "copy", content="x", dest="~nobody-has-this/x"
        )


class TestModeAndOwner:
    def test_only_the_mode_changes(self, bench: Bench, there: Path) -> None:
        bench.run("copy", content="x", dest=f"{there}/a")
        assert bench.changes("copy", content="x", dest=f"{there}/a", mode="0600") == [True, False]
        assert bench.changes("copy", content="x", dest=f"{there}/a", mode="u=rwx,go=r") == [
            True,
            False,
        ]
        assert mode(there / "a") == "0744"

    def test_mode_and_owner_of_an_existing_file_stay(self, bench: Bench, there: Path) -> None:
        bench.run("copy", content="x", dest=f"{there}/a", mode="0604", owner="daemon", group="mail")
        result = bench.run("copy", content="other", dest=f"{there}/a")
        assert (result.values["mode"], result.values["owner"], result.values["group"]) == (
            "0604",
            "daemon",
            "mail",
        )

    def test_an_owner_is_set_by_name_or_number(self, bench: Bench, there: Path) -> None:
        assert bench.changes("copy", content="x", dest=f"{there}/a", owner="daemon") == [
            True,
            False,
        ]
        assert bench.changes("copy", content="x", dest=f"{there}/a", owner="1") == [False, False]
        assert "no-such-user" in bench.failure(
            "copy", content="x", dest=f"{there}/a", owner="no-such-user"
        )
        assert "is not the name" in bench.failure(
            "copy", content="x", dest=f"{there}/a", owner="a;b"
        )

    def test_a_new_owner_does_not_cost_the_set_id_bits(self, bench: Bench, there: Path) -> None:
        (there / "a").touch()
        (there / "a").chmod(0o4755)
        arguments = {"path": f"{there}/a", "mode": "4755", "owner": "daemon"}
        assert bench.changes("file", **arguments) == [True, False]
        assert mode(there / "a") == "4755"

    def test_the_mode_can_be_the_sources(self, bench: Bench, source: Path, there: Path) -> None:
        del source
        assert bench.changes("copy", src="src.txt", dest=f"{there}/a", mode="preserve") == [
            True,
            False,
        ]
        assert mode(there / "a") == "0640"


class TestFolders:
    @pytest.fixture(autouse=True)
    def _tree(self, tmp_path: Path) -> None:
        for name in ("conf/a.txt", "conf/sub/b.txt"):
            path = tmp_path / "files" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
        (tmp_path / "files/conf/empty").mkdir()

    def test_a_folder_goes_below_its_destination(self, bench: Bench, there: Path) -> None:
        assert bench.changes("copy", src="conf", dest=str(there), mode="0600") == [True, False]
        assert (there / "conf/sub/b.txt").read_text() == "conf/sub/b.txt"
        assert (there / "conf/empty").is_dir()
        assert (mode(there / "conf/a.txt"), mode(there / "conf/sub")) == ("0600", "0755")

    def test_with_a_slash_its_content_goes(self, bench: Bench, there: Path) -> None:
        dest = there / "x"
        assert bench.changes("copy", src="conf/", dest=str(dest), directory_mode="0700") == [
            True,
            False,
        ]
        assert sorted(p.name for p in dest.rglob("*")) == ["a.txt", "b.txt", "empty", "sub"]
        assert mode(dest / "sub") == "0700"

    def test_check_mode_predicts_and_makes_nothing(self, bench: Bench, there: Path) -> None:
        assert bench.checking().run("copy", src="conf", dest=str(there)).status is Status.CHANGED
        assert list(there.iterdir()) == []
        bench.run("copy", src="conf", dest=str(there))
        assert bench.checking().run("copy", src="conf", dest=str(there)).status is Status.OK


class TestCheckModeAndDiff:
    def test_check_mode_predicts_and_writes_nothing(self, bench: Bench, there: Path) -> None:
        target = there / "a"
        checking = bench.checking()
        assert checking.run("copy", content="x", dest=str(target)).status is Status.CHANGED
        assert not target.exists()
        bench.run("copy", content="x", dest=str(target))
        assert checking.run("copy", content="x", dest=str(target)).status is Status.OK
        assert (
            checking.run("copy", content="x", dest=str(target), mode="0600").status
            is Status.CHANGED
        )
        assert mode(target) == "0644"

    def test_a_diff_shows_the_text_before_and_after(self, bench: Bench, there: Path) -> None:
        target = there / "a"
        differing = bench.differing()
        assert differing.run("copy", content="one\n", dest=str(target)).diff == ("", "one\n")
        assert differing.run("copy", content="two\n", dest=str(target)).diff == ("one\n", "two\n")
        assert differing.run("copy", content="two\n", dest=str(target)).diff is None
        assert bench.run("copy", content="three", dest=str(target)).diff is None

    def test_a_diff_of_what_is_no_text_or_too_large_is_said_to_be_that(
        self, bench: Bench, tmp_path: Path, there: Path
    ) -> None:
        target = there / "a"
        target.write_bytes(b"\0\1")
        before, after = bench.differing().run("copy", content="x", dest=str(target)).diff or (
            "",
            "",
        )
        assert before.startswith("(binary, 2 bytes")
        assert after == "x"
        (tmp_path / "big").write_bytes(b"x" * 300_000)
        shown = bench.differing().run("copy", src="big", dest=str(target)).diff
        assert shown == ("", "(too large to be shown)\n")


class TestAnotherUser:
    def test_what_a_user_may_not_write_is_a_failure(self, bench: Bench, there: Path) -> None:
        bench.become = "nobody"
        there.chmod(0o700)
        said = bench.failure("copy", content="x", dest=f"{there}/a")
        assert "Permission denied" in said or "sudo" in said

    def test_it_is_the_user_to_become_who_writes(self, faked: Bench, fake: FakeTransport) -> None:
        faked.become = "db"
        fake.on("*", Exited(status=0, stdout=b"arrived\n8180/1/0/0/db/db/6/1/1/1.0/1.0/1.0\n\0"))
        result = faked.run("copy", content="secret", dest="/srv/a", mode="0600")
        (call,) = [call for call in fake.calls if call.name == "run"]
        assert call.command is not None
        assert (call.command.become, call.stdin) == ("db", b"secret")
        assert "secret" not in call.line
        assert (result.status, result.values["owner"]) == (Status.CHANGED, "db")


class TestArguments:
    @pytest.mark.parametrize("arguments", [{}, {"src": "a", "content": "b"}])
    def test_either_a_source_or_content(
        self, bench: Bench, there: Path, arguments: dict[str, str]
    ) -> None:
        said = bench.failure("copy", dest=f"{there}/a", **arguments)
        assert "src or content" in said or "src and content exclude" in said

    def test_a_missing_source_is_named(self, bench: Bench, there: Path) -> None:
        assert "nope.txt" in bench.failure("copy", src="nope.txt", dest=f"{there}/a")


class TestTemplate:
    @pytest.fixture(autouse=True)
    def _templates(self, tmp_path: Path) -> None:
        (tmp_path / "templates").mkdir()
        (tmp_path / "templates/conf.j2").write_text("port = {{ port }}\n")
        (tmp_path / "templates/lone.j2").write_text("{{ value }}")

    def test_it_is_rendered_and_delivered_once(self, bench: Bench, there: Path) -> None:
        bench.variables["port"] = 7001
        target = there / "conf"
        assert bench.changes("template", src="conf.j2", dest=str(target), mode="0640") == [
            True,
            False,
        ]
        assert target.read_text() == "port = 7001\n"
        assert mode(target) == "0640"
        bench.variables["port"] = 7002
        result = bench.differing().run("template", src="conf.j2", dest=str(target))
        assert result.diff == ("port = 7001\n", "port = 7002\n")
        assert (result.values["mode"], result.values["src"]) == (
            "0640",
            str(bench.folder / "templates/conf.j2"),
        )

    def test_a_lone_expression_becomes_text(self, bench: Bench, there: Path) -> None:
        bench.variables["value"] = 5
        bench.run("template", src="lone.j2", dest=f"{there}/x")
        assert (there / "x").read_text() == "5"

    def test_a_folder_takes_the_templates_name(self, bench: Bench, there: Path) -> None:
        bench.variables["port"] = 1
        assert (
            bench.run("template", src="conf.j2", dest=f"{there}/").values["dest"]
            == f"{there}/conf.j2"
        )

    def test_a_template_that_is_no_text_is_named(
        self, bench: Bench, there: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "templates/bad.j2").write_bytes(b"\xff")
        assert "bad.j2" in bench.failure("template", src="bad.j2", dest=f"{there}/x")


def test_large_files_are_sent_with_progress(bench: Bench, tmp_path: Path, there: Path) -> None:
    (tmp_path / "big").write_bytes(b"x" * 3_000_000)
    bench.run("copy", src="big", dest=f"{there}/big")
    assert bench.progress[-1] == (f"sending {there}/big", 3_000_000, 3_000_000)
    assert json.dumps(bench.progress[0])
