"""`copy`, `template` and `file`: the arguments beyond content, mode and owner."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from raftfleet.playbook.module import Status

if TYPE_CHECKING:
    from tests.modules.conftest import Bench


@pytest.fixture
def there(tmp_path: Path) -> Path:
    """A folder of the host, with a small tree in it."""
    path = tmp_path / "there"
    (path / "tree/sub").mkdir(parents=True)
    (path / "tree/run").write_text("#!/bin/sh\n")
    (path / "tree/run").chmod(0o755)
    (path / "tree/sub/f").write_text("f")
    (path / "tree/link").symlink_to("sub/f")
    return path


class TestOnTheHost:
    def test_a_file(self, bench: Bench, there: Path) -> None:
        wanted = {"src": f"{there}/tree/run", "dest": f"{there}/new", "remote_src": True}
        assert bench.checking().run("copy", **wanted).status is Status.CHANGED
        assert not (there / "new").exists()
        assert bench.changes("copy", **wanted) == [True, False]
        assert (there / "new").stat().st_mode & 0o777 == 0o644
        assert bench.changes("copy", **wanted, mode="preserve") == [True, False]
        assert (there / "new").stat().st_mode & 0o777 == 0o755

    @pytest.mark.parametrize(("slash", "root"), [("", "to/tree"), ("/", "to")])
    def test_a_folder(self, bench: Bench, there: Path, slash: str, root: str) -> None:
        wanted = {"src": f"{there}/tree{slash}", "dest": f"{there}/to", "remote_src": True}
        assert bench.changes("copy", **wanted) == [True, False]
        assert (there / root / "sub/f").read_text() == "f"
        assert str((there / root / "link").readlink()) == "sub/f"

    def test_what_is_not_there(self, bench: Bench, there: Path) -> None:
        said = bench.failure("copy", src=f"{there}/no", dest=f"{there}/x", remote_src=True)
        assert "not found" in said


class TestSafeguards:
    def test_what_was_is_kept(self, bench: Bench, there: Path) -> None:
        (there / "f").write_text("old")
        result = bench.run("copy", content="new", dest=f"{there}/f", backup=True)
        assert (there / result.values["backup_file"]).read_text() == "old"
        again = bench.run("copy", content="new", dest=f"{there}/f", backup=True)
        assert "backup_file" not in again.values

    def test_a_draft_that_is_refused_changes_nothing(self, bench: Bench, there: Path) -> None:
        (there / "f").write_text("old")
        wanted = {"dest": f"{there}/f", "validate": "grep -q good %s", "backup": True}
        assert "failed to validate: rc:1" in bench.failure("copy", content="bad", **wanted)
        assert sorted(path.name for path in there.iterdir()) == ["f", "tree"]
        assert bench.run("copy", content="good", **wanted).status is Status.CHANGED

    def test_a_checksum_that_is_another(self, bench: Bench, there: Path) -> None:
        said = bench.failure("copy", content="x", dest=f"{there}/f", checksum="0" * 40)
        assert "the checksum of the source is" in said
        assert not (there / "f").exists()

    def test_a_link_can_stay_one(self, bench: Bench, there: Path) -> None:
        (there / "l").symlink_to("tree/sub/f")
        result = bench.run("copy", content="through", dest=f"{there}/l", follow=True)
        assert (there / "l").is_symlink()
        assert (there / "tree/sub/f").read_text() == "through"
        assert result.values["dest"] == f"{there}/tree/sub/f"

    def test_links_of_a_folder_here_are_followed_unless_told_not_to(
        self, bench: Bench, there: Path
    ) -> None:
        bench.run("copy", src=f"{there}/tree/", dest=f"{there}/a")
        bench.run("copy", src=f"{there}/tree/", dest=f"{there}/b", local_follow=False)
        assert not (there / "a/link").is_symlink()
        assert (there / "b/link").is_symlink()


class TestTimes:
    @pytest.mark.parametrize(
        ("time", "form"), [("202001020304.05", None), ("2020-01-02 03:04:05", "%Y-%m-%d %H:%M:%S")]
    )
    def test_a_time_is_set_once(
        self, bench: Bench, there: Path, time: str, form: str | None
    ) -> None:
        bench.environment["TZ"] = "UTC"
        wanted: dict[str, Any] = {"path": f"{there}/f", "state": "touch"}
        wanted |= {"modification_time": time, "access_time": "preserve"}
        wanted |= {"modification_time_format": form} if form else {}
        assert bench.changes("file", **wanted) == [True, False]
        assert int((there / "f").stat().st_mtime) == 1577934245

    def test_what_is_no_time(self, bench: Bench, there: Path) -> None:
        given = {"path": f"{there}/f", "state": "touch", "access_time": "soon"}
        assert "neither now nor preserve" in bench.failure("file", **given)


class TestTemplates:
    """Rendered by the engine's own templating."""

    @pytest.mark.parametrize(
        ("text", "options", "rendered"),
        [
            ("  {% if 1 %}\n  in\n  {% endif %}\n", "", "    in\n  \n"),
            ("{% if 0 %}\nx\n{% endif %}\n", "", ""),
            ("  {% if 1 %}\n  in\n  {% endif %}\n", "lstrip_blocks: true", "  in\n"),
            ("{% if 1 %}\nx\n{% endif %}\n", "trim_blocks: false", "\nx\n"),
            ("#jinja2: trim_blocks: False\n{% if 1 %}\nx\n{% endif %}\n", "", "\nx\n"),
            (
                "[[ 1 + 1 ]] {{ x }} <% if 1 %>y<% endif %>\n",
                (
                    "variable_start_string: '[[', variable_end_string: ']]',"
                    " block_start_string: '<%', block_end_string: '%>'"
                ),
                "2 {{ x }} y\n",
            ),
            ("a\nb\n", r'newline_sequence: "\r\n"', "a\r\nb\r\n"),
            ("a\nb\n", r"newline_sequence: '\r\n'", "a\r\nb\r\n"),
            ("{{ template_path }} {{ template_destpath | basename }}\n", "", "t.j2 out\n"),
            (
                "{{ template_fullpath | basename }} {{ ansible_managed }}\n",
                "",
                "t.j2 Ansible managed\n",
            ),
        ],
    )
    def test_syntax(
        self, bench: Bench, there: Path, text: str, options: str, rendered: str
    ) -> None:
        (there.parent / "t.j2").write_text(text)
        more = yaml.safe_load(f"{{{options}}}")
        bench.run("template", src="t.j2", dest=f"{there}/out", **more)
        assert (there / "out").read_bytes().decode() == rendered

    def test_an_option_nobody_knows(self, bench: Bench, there: Path) -> None:
        (there.parent / "t.j2").write_text("#jinja2: trim: True\nx\n")
        assert "'trim' is no option" in bench.failure("template", src="t.j2", dest=f"{there}/t")

    def test_a_folder_is_no_template(self, bench: Bench, there: Path) -> None:
        assert "is a directory" in bench.failure("template", src="there", dest=f"{there}/t")

    def test_another_encoding(self, bench: Bench, there: Path) -> None:
        (there.parent / "t.j2").write_text("ü")
        wanted = {"src": "t.j2", "dest": f"{there}/t", "output_encoding": "latin-1"}
        assert bench.changes("template", **wanted) == [True, False]
        assert (there / "t").read_bytes() == b"\xfc"


class TestLinksAtTheDestination:
    """A link is replaced by the file, whatever is in what it leads to, unless it is followed."""

    @pytest.mark.parametrize("content", ["same", "other"])
    def test_it_is_replaced(self, bench: Bench, tmp_path: Path, content: str) -> None:
        (tmp_path / "real").write_text("same")
        (tmp_path / "real").chmod(0o640)
        (tmp_path / "l").symlink_to("real")
        assert bench.changes("copy", content=content, dest=f"{tmp_path}/l") == [True, False]
        assert not (tmp_path / "l").is_symlink()
        assert (tmp_path / "l").stat().st_mode & 0o777 == 0o644
        assert (tmp_path / "real").read_text() == "same"

    @pytest.mark.parametrize("content", ["same", "other"])
    def test_it_is_followed(self, bench: Bench, tmp_path: Path, content: str) -> None:
        (tmp_path / "real").write_text("same")
        (tmp_path / "l").symlink_to("real")
        result = bench.run("copy", content=content, dest=f"{tmp_path}/l", follow=True)
        assert result.values["dest"] == f"{tmp_path}/real"
        assert (tmp_path / "l").is_symlink()
        assert (tmp_path / "real").read_text() == content


class TestLinksInAFolder:
    @pytest.fixture
    def tree(self, tmp_path: Path) -> Path:
        tree = tmp_path / "files/tree"
        (tree / "d").mkdir(parents=True)
        (tree / "d/f").write_text("x")
        (tree / "l").symlink_to("d")
        (tree / "d/up").symlink_to("..")
        return tree

    def test_what_they_lead_to_is_copied(self, bench: Bench, tree: Path, tmp_path: Path) -> None:
        del tree
        assert bench.changes("copy", src="tree/", dest=f"{tmp_path}/to") == [True, False]
        found = sorted(
            str(path.relative_to(tmp_path / "to")) for path in (tmp_path / "to").rglob("*")
        )
        assert found == ["d", "d/f", "l", "l/f"]
        assert not (tmp_path / "to/l").is_symlink()

    def test_or_they_are(self, bench: Bench, tree: Path, tmp_path: Path) -> None:
        del tree
        bench.run("copy", src="tree/", dest=f"{tmp_path}/to", local_follow=False)
        assert (tmp_path / "to/l").readlink() == Path("d")
        assert (tmp_path / "to/d/up").readlink() == Path("..")


def test_every_new_folder_gets_its_mode_and_owner(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "files/tree").mkdir(parents=True)
    (tmp_path / "files/tree/f").write_text("x")
    for src, dest in (("tree", "a/b"), ("tree/f", "c/d/")):
        bench.run("copy", src=src, dest=f"{tmp_path}/{dest}", directory_mode="0711", owner="1")
    for folder in ("a", "a/b", "a/b/tree", "c", "c/d"):
        found = (tmp_path / folder).stat()
        assert (found.st_mode & 0o777, found.st_uid) == (0o711, 1), folder


def test_set_id_bits_are_registered_as_ansible_shows_them(bench: Bench, tmp_path: Path) -> None:
    result = bench.run("copy", content="x", dest=f"{tmp_path}/f", mode="4755")
    assert result.values["mode"] == "04755"
    assert bench.run("stat", path=f"{tmp_path}/f").values["stat"]["mode"] == "4755"


def test_a_file_without_templates_keeps_the_ends_of_its_lines(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates/t").write_bytes(b"a\r\nb\r\n")
    bench.run("template", src="t", dest=f"{tmp_path}/out")
    assert (tmp_path / "out").read_bytes() == b"a\r\nb\r\n"
    (tmp_path / "templates/t").write_bytes(b"{{ 1 }}\r\nb\r\n")
    bench.run("template", src="t", dest=f"{tmp_path}/out")
    assert (tmp_path / "out").read_bytes() == b"1\nb\n"


def test_a_file_below_a_file_is_refused_in_check_mode_too(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    said = bench.checking().failure("copy", content="x", dest=f"{tmp_path}/f/g")
    assert "does not exist" in said
