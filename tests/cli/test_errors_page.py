"""docs/errors.md shows what the program really says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from raftfleet.cli import run
from raftfleet.errors import ExitCode
from raftfleet.playbook.syntax.words import REFUSED, REFUSED_IN_PLAY

PAGE = (Path(__file__).parents[2] / "docs" / "errors.md").read_text(encoding="utf-8")


class Shown(NamedTuple):
    """One wrong playbook of the page, and what the page says we say."""

    title: str
    playbook: str
    message: str


def shown() -> list[Shown]:
    """Return every case of the page."""
    found = re.findall(
        r"^## ([^\n]+)\n(?:(?!^## ).)*?^```yaml\n(.*?)^```\n.*?^```console\n(.*?)^```$",
        PAGE,
        re.DOTALL | re.MULTILINE,
    )
    return [Shown(*case) for case in found]


def test_the_page_has_as_many_cases_as_it_says() -> None:
    assert len(shown()) == PAGE.count("```console") == 13
    assert "thirteen wrong playbooks" in PAGE


@pytest.mark.parametrize("case", shown(), ids=lambda case: case.title)
def test_the_message_is_the_one_that_is_shown(
    case: Shown,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("play.yml").write_text(case.playbook, encoding="utf-8")
    code = run(["play", "play.yml", "-i", "n1,", "--syntax-check"])
    said = capsys.readouterr()
    assert (said.err, said.out, code) == (case.message, "", ExitCode.USAGE)


def test_every_refused_word_is_listed_with_its_way_out() -> None:
    words = PAGE.partition("## Words that are refused")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", words, re.MULTILINE)
    assert {word: way.replace(r"\|", "|") for word, way in rows} == {**REFUSED, **REFUSED_IN_PLAY}


def test_what_is_accepted_and_means_nothing_is_said_once_on_stderr(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for role in "rs":
        for folder, text in (("tasks", "[]"), ("meta", "argument_specs: {main: {}}")):
            Path(f"roles/{role}/{folder}").mkdir(parents=True)
            Path(f"roles/{role}/{folder}/main.yml").write_text(text, encoding="utf-8")
    play = "- {hosts: all, collections: [a.b], roles: [r, s]}\n"
    Path("play.yml").write_text(play * 2, encoding="utf-8")
    assert run(["play", "play.yml", "-i", "n1,", "--syntax-check"]) == ExitCode.PASSED
    said = capsys.readouterr()
    assert said.out == "playbook: play.yml\n"
    assert said.err.splitlines() == [
        "warning: play.yml:1:16: collections: is accepted and changes nothing: modules go by their own name",
        "warning: roles/r/meta/main.yml:1:1: argument_specs of roles are accepted, and not checked",
    ]
