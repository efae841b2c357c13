"""Whatever stands in the files a user writes: they are read, or refused at a place inside them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from raftfleet.cli.extra import extra_variables
from raftfleet.cli.settings import project_settings
from raftfleet.errors import Mark, SourceError, UsageError
from raftfleet.inventory import load_inventory
from raftfleet.modules import INSTEAD, generic_modules
from raftfleet.playbook import load_playbook

if TYPE_CHECKING:
    from collections.abc import Callable

HOSTS: Final = "all:\n  hosts:\n    n1: {ansible_port: 22}\n    n[2:3]:\n  children:\n    db: {hosts: {n1: {}}, vars: {a: '{{ b }}'}}\n"
INI: Final = "n1 ansible_port=22 a='x y'\n[db]\nn[2:3]\n[db:vars]\na=[1, 2]\n[all:children]\ndb\n"
VARS: Final = (
    "# of all\nport: &port 80\nnames: [a, \"b\", 'c']\nmore: {port: *port}\ntext: |\n  one\n  two\n"
)
TASKS: Final = "- name: Say\n  debug:\n    msg: >-\n      it is {{ port }}\n  when: port == 80\n- copy: {content: x, dest: /tmp/x, mode: '0644'}\n"
TOML: Final = 'modules = [\n  "own",\n]\n'
_PIECES: Final = (
    "\t", "{{", "}}", "'", '"', ": ", "- ", "&a ", "*a ", "<<: ", "!vault ", "!x ", "%", "@", "`", "\ufeff",
    "\0", "\x0c", "\x85", "\u2028", "#", "|", ">", "[", "]", "{", "}", "---\n", "\r", "\n", "1:30", "=", "é",
    "x" * 300, "[" * 200, "{a: " * 200, "{{ (" * 200, "- " * 200, "\udcff",
)  # fmt: skip


@st.composite
def mixed_up(draw: st.DrawFn, text: str) -> bytes:
    """A text that somebody's hand slipped over, once or a few times."""
    for _ in range(draw(st.integers(1, 3))):
        lines = text.splitlines(keepends=True) or [""]
        line = draw(st.integers(0, len(lines) - 1))
        at = draw(st.integers(0, len(text)))
        match draw(
            st.sampled_from(["cut", "delete", "insert", "drop", "double", "indent", "swap"])
        ):
            case "cut":
                text = text[:at]
            case "delete":
                text = text[:at] + text[at + 1 :]
            case "insert":
                text = text[:at] + draw(st.sampled_from(_PIECES)) + text[at:]
            case "drop":
                text = "".join(lines[:line] + lines[line + 1 :])
            case "double":
                text = "".join(lines[: line + 1] + lines[line:])
            case "indent":
                text = "".join([*lines[:line], "  " + lines[line], *lines[line + 1 :]])
            case _:
                text = "".join([*lines[:line], *reversed(lines[line:])])
    return text.encode(errors="surrogateescape")


def _inventory(path: Path) -> None:
    load_inventory([path])


def _group_vars(path: Path) -> None:
    path.parent.with_name("hosts.yml").write_text("all: {hosts: {n1: {}}}\n", encoding="utf-8")
    load_inventory([path.parent.with_name("hosts.yml")])


def _role(path: Path) -> None:
    book = path.parents[3] / "play.yml"
    book.write_text("- {hosts: all, roles: [r]}\n", encoding="utf-8")
    load_playbook(book, modules=generic_modules(), instead=INSTEAD)


def _extra(path: Path) -> None:
    extra_variables([f"@{path}"])


def _settings(path: Path) -> None:
    (path.parent / "own").mkdir(exist_ok=True)
    project_settings(path.parent)


FILES: Final[dict[str, tuple[str, Callable[[Path], None]]]] = {
    "hosts.yml": (HOSTS, _inventory),
    "hosts.ini": (INI, _inventory),
    "group_vars/all.yml": (VARS, _group_vars),
    "roles/r/tasks/main.yml": (TASKS, _role),
    "roles/r/handlers/main.yml": (TASKS, _role),
    "roles/r/defaults/main.yml": (VARS, _role),
    "roles/r/meta/main.yml": ("dependencies: []\ngalaxy_info: {author: me}\n", _role),
    "extra.yml": (VARS, _extra),
    "raftfleet.toml": (TOML, _settings),
}


def _inside(mark: Mark | None, path: Path, content: bytes) -> None:
    assert mark is not None
    if Path(mark.file).name != path.name:
        return
    lines = Mark("", 1, 1, content.decode("utf-8-sig", errors="replace")).lines or [""]
    assert 1 <= mark.line <= len(lines)
    assert 1 <= mark.column <= len(lines[mark.line - 1]) + 1


def refused(path: Path, content: bytes, read: Callable[[Path], None]) -> bool:
    """Whether the file is refused; nothing but our own error may be raised, at a place in the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    try:
        read(path)
    except UsageError as caught:
        error = caught
    else:
        return False
    assert str(error)
    assert isinstance(error, SourceError), "the place is known"
    for one in (error, *error.more):
        _inside(one.mark, path, content)
    return True


@pytest.mark.parametrize("name", FILES)
def test_the_files_themselves_are_read(name: str, tmp_path: Path) -> None:
    text, read = FILES[name]
    assert not refused(tmp_path / name, text.encode(), read)
    assert refused(tmp_path / name, b"a: [\xff", read)


@pytest.mark.parametrize("name", FILES)
@given(data=st.data())
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_file_that_is_mixed_up(name: str, tmp_path: Path, data: st.DataObject) -> None:
    text, read = FILES[name]
    refused(tmp_path / name, data.draw(mixed_up(text)), read)


@pytest.mark.parametrize(
    "content", [b"42\n", b"word\n", b"[]\n", b"- a\n", b"null\n", b"", b"# x\n"]
)
@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".yml")])
def test_a_file_of_another_kind(name: str, content: bytes, tmp_path: Path) -> None:
    refused(tmp_path / name, content, FILES[name][1])
