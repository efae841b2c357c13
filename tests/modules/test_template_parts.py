"""Templates that include, import or extend others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from raftfleet.playbook.module import Status

if TYPE_CHECKING:
    from pathlib import Path

    from tests.modules.conftest import Bench


@pytest.fixture(autouse=True)
def _templates(tmp_path: Path) -> None:
    folder = tmp_path / "templates"
    folder.mkdir()
    for name, text in {
        "part.j2": "[{{ who }}{{ extra | default('') }}]",
        "macros.j2": "{% macro hello(name, end='!') %}hello {{ name }}{{ end }}{% endmacro %}"
        "{% set answer = 6 * 7 %}",
        "of_context.j2": "{% macro who_is() %}{{ who }}{% endmacro %}",
        "base.j2": "<{% block body %}nothing{% endblock %}>{% block end %}end{% endblock %}\n",
        "broken.j2": "{{ nosuch }}",
        "blank.j2": "x\n\n\n",
    }.items():
        (folder / name).write_text(text)


def rendered(bench: Bench, text: str, **variables: object) -> str:
    bench.variables |= {"who": "me", **variables}
    (bench.folder / "templates/main.j2").write_text(text)
    bench.run("template", src="main.j2", dest=f"{bench.folder}/out")
    return (bench.folder / "out").read_text()


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("{% include 'part.j2' %}.", "[me]."),
        ("{% include 'blank.j2' %}y", "x\n\ny"),
        ("{% set extra = 1 %}{% include 'part.j2' %}", "[me1]"),
        ("{% for who in [1, 2] %}{% include 'part.j2' %}{% endfor %}", "[1][2]"),
        ("{% include 'no.j2' ignore missing %}x", "x"),
        ("{% include ['no.j2', 'part.j2'] %}", "[me]"),
        ("{% import 'macros.j2' as m %}{{ m.hello('you') }} {{ m.answer + 1 }}", "hello you! 43"),
        ("{% from 'macros.j2' import hello %}{{ hello('you', end='?') }}", "hello you?"),
        ("{% import 'of_context.j2' as m with context %}{{ m.who_is() }}", "me"),
        (
            "{% extends 'base.j2' %}{% block body %}{{ who }}{{ super() }}{% endblock %}",
            "<menothing>end",
        ),
        ("{% block a %}{{ who }}{% endblock %}{{ self.a() }}", "meme"),
    ],
)
def test_what_comes_of_it(bench: Bench, text: str, outcome: str) -> None:
    assert rendered(bench, text) == outcome


def test_a_change_in_a_part_is_seen(bench: Bench, tmp_path: Path) -> None:
    assert rendered(bench, "{% include 'part.j2' %}") == "[me]"
    (tmp_path / "templates/part.j2").write_text("another")
    result = bench.run("template", src="main.j2", dest=f"{tmp_path}/out")
    assert (result.status, (tmp_path / "out").read_text()) == (Status.CHANGED, "another")


def test_parts_are_found_in_the_role_and_beside_the_playbook(bench: Bench, tmp_path: Path) -> None:
    for name in ("role", "playbook"):
        (tmp_path / name / "templates").mkdir(parents=True)
        (tmp_path / name / "templates" / f"of_{name}.j2").write_text(name)
    text = "{% include 'of_role.j2' %} {% include 'templates/of_playbook.j2' %}"
    where = {"role_path": f"{tmp_path}/role", "playbook_dir": f"{tmp_path}/playbook"}
    assert rendered(bench, text, **where) == "role playbook"


def test_one_that_is_not_there_is_named(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "templates/main.j2").write_text("a\n{% include 'no.j2' %}\n")
    said = bench.failure("template", src="main.j2", dest=f"{tmp_path}/out")
    assert "there is no template 'no.j2'" in said
    assert f"looked in {tmp_path}/templates" in said


def test_what_is_wrong_in_a_part_is_told(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "templates/main.j2").write_text("a\n{% include 'broken.j2' %}\n")
    said = bench.failure("template", src="main.j2", dest=f"{tmp_path}/out")
    assert "nosuch" in said
