"""A module that does not exist: a slip of the hand, or one that only Ansible has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from raftfleet.errors import SourceError
from raftfleet.modules import INSTEAD, generic_modules
from raftfleet.playbook import load_playbook

if TYPE_CHECKING:
    from pathlib import Path


def refused(folder: Path, task: str) -> SourceError:
    book = folder / "play.yml"
    book.write_text(f"- hosts: all\n  tasks:\n    - {task}\n", encoding="utf-8")
    with pytest.raises(SourceError) as caught:
        load_playbook(book, modules=generic_modules(), instead=INSTEAD)
    return caught.value


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("temlate", "template"),
        ("cpy", "copy"),
        ("pign", "ping"),
        ("fiel", "file"),
        ("setfact", "set_fact"),
        ("include_task", "include_tasks"),
        ("ansible.builtin.comand", "command"),
        ("line_in_file", "lineinfile"),
    ],
)
def test_a_slip_of_the_hand_is_corrected(tmp_path: Path, word: str, meant: str) -> None:
    error = refused(tmp_path, f"{word}: x")
    assert (error.hint, error.unsupported) == (f"did you mean {meant}?", False)
    assert str(error.mark).endswith("play.yml:3:7")


@pytest.mark.parametrize(
    "word", ["win_stat", "ipaservice", "hello", "seport", "kolla_container", "ns.coll.copy_it"]
)
def test_what_only_resembles_a_module_is_not_taken_for_it(tmp_path: Path, word: str) -> None:
    error = refused(tmp_path, f"{word}: x")
    assert (error.message, error.unsupported) == (f"there is no module {word!r}", True)
    assert error.hint == "use command or shell, or add a module of your own"


@pytest.mark.parametrize("word", ["ini_file", "community.general.ini_file"])
def test_a_module_of_a_collection_goes_by_its_short_name_too(tmp_path: Path, word: str) -> None:
    error = refused(tmp_path, f"{word}: {{path: x}}")
    assert error.hint == "write lineinfile, or template for the whole file"
    assert error.unsupported


@pytest.mark.parametrize(
    ("task", "place", "message", "hint"),
    [
        ("copy: {dest: /x, seuser: s}", "3:24", "copy: seuser is not supported", "chcon"),
        ("add_host: '{{ it }}'", "3:17", "add_host: arguments out of a template are not supported", "add_host: {name: ...}"),
        ("set_fact: '{{ it }}=x'", "3:17", "set_fact: k=v arguments are not supported", '{"{{ it }}": ...}'),
    ],
)  # fmt: skip
def test_an_argument_that_only_ansible_takes(
    tmp_path: Path, task: str, place: str, message: str, hint: str
) -> None:
    error = refused(tmp_path, task)
    assert (error.message, error.unsupported) == (message, True)
    assert str(error.mark).endswith(f"play.yml:{place}")
    assert hint in (error.hint or "")
