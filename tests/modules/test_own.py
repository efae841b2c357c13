"""Modules of a project's own: found, checked before anything runs, and run like any other."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from raftfleet.errors import SourceError, UsageError
from raftfleet.modules import generic_modules, own
from raftfleet.modules.own import own_modules
from raftfleet.modules.writing import Argument, Result, TaskModule
from raftfleet.testing.project import FleetProject, Ran
from raftfleet.transport.protocol import Exited

Make = Callable[[Mapping[str, object]], FleetProject]
PAGE = Path(__file__).parents[2] / "docs" / "own-modules.md"
HEAD = "from raftfleet.modules.writing import Argument, Result, Status, TaskError, TaskModule\n"
GOOD = """
class Greet(TaskModule):
    name = "greet"
    arguments = {"whom": Argument(default="world")}
    local = True
    def run(self, arguments, context):
        return Result(values={"said": "hello " + arguments["whom"]})
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "modules").mkdir()
    return tmp_path / "modules"


def write(folder: Path, text: str, name: str = "one.py") -> Path:
    path = folder / name
    path.write_text(HEAD + text)
    return path


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)


def test_the_example_of_the_page_runs(fleet_project: Make) -> None:
    project = fleet_project(
        {
            "raftfleet.toml": blocks("toml")[0],
            "modules/line_count.py": blocks("python")[0],
            "play.yml": blocks("yaml")[0],
            "hosts.yml": "all: {hosts: {here: {ansible_connection: local}, far: {}}}",
        }
    )
    project.fake("far").on("*wc -l*", Exited(status=0, stdout=b"7\n"))
    ran = project.run("play", "play.yml").check()
    assert '"msg": "7 lines"' in ran.out
    lines = len(Path("/etc/passwd").read_text().splitlines())
    assert ran.results("Count", "here")[0].result["lines"] == lines
    project.write("play.yml", blocks("yaml")[0].replace("path: /etc", "most: 6, path: /etc"))
    failed = project.run("play", "play.yml", "-l", "far").check(2)
    assert "/etc/passwd has 7 lines, 6 are allowed" in failed.out
    project.write("play.yml", blocks("yaml")[0].replace("path: /etc", "pth: /etc"))
    assert "did you mean path?" in project.run("play", "play.yml", "--syntax-check").check(5).err


def test_modules_are_found_by_name_whatever_the_files_are_called(folder: Path) -> None:
    write(folder, GOOD)
    write(
        folder,
        GOOD.replace("greet", "other").replace("Greet", "_Base") + "\nclass Other(_Base): pass\n",
        "two.py",
    )
    write(folder, "raise RuntimeError('never read')", "_shared.py")
    (folder / "notes.txt").write_text("no module")
    assert sorted(own_modules([folder], generic_modules())) == ["greet", "other"]


def test_what_a_module_does_not_say_is_as_usual(folder: Path) -> None:
    write(folder, "class Bare:\n    name = 'bare'\n    def run(self, arguments, context): ...\n")
    bare = own_modules([folder], ())["bare"]
    assert (dict(bare.arguments), bare.free_form, bare.once, bare.local, bare.raw) == (
        {},
        None,
        False,
        False,
        frozenset(),
    )


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("class (:\n", 2, "this is not Python"),
        ("\n\nimport nowhere_to_be_found\n", 4, "No module named 'nowhere_to_be_found'"),
        ("x = 1\n", 1, "there is no module in this file"),
        ("class A(TaskModule):\n  def run(self, a, c): ...\n", 2, "name is ''"),
        ("\nclass A(TaskModule):\n  name = 'Bad Name'\n  def run(self, a, c): ...\n", 3, "Bad Name"),
        ("class A(TaskModule):\n  name = 'a'\n", 2, "has no method run"),
        (GOOD.replace('"greet"', '"copy"'), 3, "'copy' is that of a module that ships"),
        (GOOD.replace('"greet"', '"when"'), 3, "'when' is that of a word of playbooks"),
        (GOOD.replace('"greet"', '"include_tasks"'), 3, "'include_tasks' is that of a word"),
        (GOOD.replace('Argument(default="world")', "str"), 3, "'whom' is declared as"),
        (GOOD.replace('default="world"', '"text"'), 3, "unknown kind 'text'"),
        (GOOD.replace("local =", "free_form = 'who'; local ="), 3, "free_form of 'greet'"),
        (GOOD.replace("local =", "raw = {'who'}; local ="), 3, "raw of 'greet'"),
        (GOOD.replace("arguments =", "arguments = 3 #"), 3, "arguments of 'greet' is no mapping"),
        ("class A:\n  name = 'a'\n  def __init__(self, x): ...\n  def run(self, a, c): ...\n", 2, "A() raises TypeError"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_file_and_line(
    folder: Path, text: str, line: int, message: str
) -> None:
    path = write(folder, text)
    with pytest.raises(SourceError) as caught:
        own_modules([folder], generic_modules())
    assert message in caught.value.message
    assert caught.value.mark is not None
    assert (caught.value.mark.file, caught.value.mark.line) == (str(path), line)


def test_two_of_a_name_name_each_other(folder: Path) -> None:
    first, second = write(folder, GOOD), write(folder, GOOD, "two.py")
    with pytest.raises(SourceError, match=f"another module 'greet': {first}:3") as caught:
        own_modules([folder], ())
    assert caught.value.mark is not None
    assert caught.value.mark.file == str(second)


def play(project: FleetProject, text: str, task: str, code: int) -> Ran:
    project.write("modules/one.py", HEAD + text)
    project.write("play.yml", f"- {{hosts: all, gather_facts: false, tasks: [{{{task}}}]}}")
    return project.run("play", "play.yml").check(code)


def test_a_module_that_breaks_fails_its_task_and_is_no_defect_of_ours(fleet_project: Make) -> None:
    project = fleet_project(
        {
            "raftfleet.toml": 'modules = ["modules"]',
            "hosts.yml": "all: {hosts: {n1: {ansible_connection: local}}}",
        }
    )
    broken = GOOD.replace("return ", "return 1 / 0 #")
    ran = play(project, broken, "greet: {}", 2)
    assert "ZeroDivisionError: division by zero (modules/one.py:8)" in ran.out
    none = GOOD.replace("return ", "return None #")
    assert "greet returned None, and not a Result" in play(project, none, "greet: {}", 2).out
    secret = GOOD.replace("return ", "raise KeyError('hunter2') #")
    assert "hunter2" not in play(project, secret, "greet: {}, no_log: true", 2).out


# --- from packages ------------------------------------------------------------------------------


class Packaged(TaskModule):
    name = "packaged"
    arguments = {"x": Argument()}  # noqa: RUF012 - as users write it

    def run(self, arguments: Mapping[str, object], context: object) -> Result:
        del arguments, context
        return Result()


packaged = Packaged()


def installed(monkeypatch: pytest.MonkeyPatch, *values: str) -> None:
    entries = [EntryPoint(value.rpartition(":")[2], value, own.GROUP) for value in values]
    monkeypatch.setattr(own, "entry_points", lambda group: entries if group == own.GROUP else [])


def test_packages_bring_classes_or_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    for what in ("Packaged", "packaged"):
        installed(monkeypatch, f"{__name__}:{what}")
        assert list(own_modules([], ())) == ["packaged"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            ["nowhere_at_all:x"],
            "x of an installed package: cannot be imported: ModuleNotFoundError",
        ),
        ([f"{__name__}:installed"], "installed of an installed package: name is None"),
        ([f"{__name__}:Packaged", f"{__name__}:packaged"], "there is another module 'packaged'"),
    ],
)
def test_what_a_package_brings_is_refused_with_its_name(
    monkeypatch: pytest.MonkeyPatch, values: list[str], message: str
) -> None:
    installed(monkeypatch, *values)
    with pytest.raises(UsageError, match=re.escape(message)):
        own_modules([], ())


def test_the_page_names_the_group_that_is_read() -> None:
    assert f'[project.entry-points."{own.GROUP}"]' in PAGE.read_text()
