"""The modules that only look, say or remember: assert, debug, fail, set_fact, ping, tempfile; and the table of all."""

from __future__ import annotations

import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from raftfleet.inventory.source import load_yaml
from raftfleet.modules import INSTEAD, bare_name, find_module, generic_modules
from raftfleet.modules.raft import raft_modules
from raftfleet.playbook.builtin import BUILTIN
from raftfleet.playbook.module import Status
from raftfleet.transport.protocol import Exited

if TYPE_CHECKING:
    from raftfleet.testing.transport import FakeTransport
    from tests.modules.conftest import Bench


def written(text: str) -> Any:
    return load_yaml(text=text)


class TestAssert:
    @pytest.mark.parametrize("that", ["n == 3", ["n > 2", "n is odd"], [True]])
    def test_all_hold(self, faked: Bench, that: object) -> None:
        faked.variables["n"] = 3
        result = faked.run("assert", that=that)
        assert (result.status, result.msg) == (Status.OK, "All assertions passed")
        assert faked.run("assert", that=that, success_msg="fine").msg == "fine"
        quiet = faked.run("assert", that=that, success_msg="fine", quiet=True)
        assert (quiet.msg, quiet.quiet) == ("fine", True)  # registered, but not shown

    def test_the_first_that_does_not_hold_is_named(self, faked: Bench) -> None:
        faked.variables["n"] = 3
        that = ["n > 2", "n > 5", "undefined_thing"]
        result = faked.run("assert", that=that)
        assert (result.status, result.msg) == (Status.FAILED, "Assertion failed")
        assert dict(result.values) == {"assertion": "n > 5", "evaluated_to": False}
        assert faked.run("assert", that=that, msg="n is 3").msg == "n is 3"
        assert faked.run("assert", that=that, fail_msg=["a", 1]).msg == "a\n1"


class TestDebug:
    def test_a_message_of_any_type(self, faked: Bench) -> None:
        assert faked.run("debug").msg == "Hello world!"
        assert faked.run("debug", msg="shown").msg == "shown"
        assert faked.run("debug", msg=[1, 2]).values == {"msg": [1, 2]}
        assert faked.run("debug", msg=None).values == {"msg": None}

    def test_a_variable_keeps_its_type(self, faked: Bench) -> None:
        faked.variables["d"] = {"k": [1, 2]}
        assert faked.run("debug", **written("var: d.k")).values == {"d.k": [1, 2]}
        assert faked.run("debug", **written("var: d.k | length")).values == {"d.k | length": 2}

    def test_an_undefined_variable_is_shown_as_that(self, faked: Bench) -> None:
        assert faked.run("debug", **written("var: nope")).values == {
            "nope": "<< error 1 - {{ nope }} is undefined >>"
        }

    def test_only_text_that_was_written_in_a_file_is_evaluated(self, faked: Bench) -> None:
        assert "as written in a file" in faked.failure("debug", var="7 * 7")

    def test_msg_and_var_exclude_each_other(self, faked: Bench) -> None:
        assert "exclude" in faked.failure("debug", **written("{msg: a, var: b}"))

    @pytest.mark.parametrize(("level", "status"), [(0, Status.SKIPPED), (2, Status.OK)])
    def test_verbosity(self, faked: Bench, level: int, status: Status) -> None:
        faked.variables["ansible_verbosity"] = level
        assert faked.run("debug", msg="x", verbosity=2).status is status


class TestFail:
    def test_it_fails_with_its_message(self, faked: Bench) -> None:
        assert faked.failure("fail", msg="stop 3") == "stop 3"
        assert faked.failure("fail") == "Failed as requested from task"


class TestSetFact:
    def test_variables_become_facts(self, faked: Bench) -> None:
        result = faked.run("set_fact", one=1, two=[2], cacheable=True)
        assert (dict(result.facts), result.status) == ({"one": 1, "two": [2]}, Status.OK)
        assert result.values == {"ansible_facts": {"one": 1, "two": [2]}}

    @pytest.mark.parametrize("name", ["a-b", "1a", "a b", "class", "ä", "a.b"])
    def test_a_name_that_no_template_could_use_is_refused(self, faked: Bench, name: str) -> None:
        assert repr(name) in faked.failure("set_fact", **{name: 1})

    def test_none_is_a_mistake(self, faked: Bench) -> None:
        assert "no variable" in faked.failure("set_fact", cacheable=True)


class TestPing:
    def test_the_host_has_to_answer(self, bench: Bench) -> None:
        assert bench.run("ping").values == {"ping": "pong"}
        assert bench.run("ping", data="x").values == {"ping": "x"}

    def test_a_host_whose_shell_does_not_work_fails(
        self, faked: Bench, fake: FakeTransport
    ) -> None:
        fake.on("*", Exited(status=126, stderr=b"sh: exec format error\n"))
        assert "exec format error" in faked.failure("ping")


class TestTempfile:
    @pytest.mark.parametrize(("state", "mode"), [("file", 0o600), ("directory", 0o700)])
    def test_it_is_private_and_new(
        self, bench: Bench, tmp_path: Path, state: str, mode: int
    ) -> None:
        arguments = {"path": str(tmp_path), "state": state, "prefix": "a b", "suffix": ".XXX'"}
        assert bench.changes("tempfile", **arguments) == [True, True]
        made = sorted(path for path in tmp_path.iterdir())
        assert len(made) == 2
        assert all(path.name.startswith("a b") and path.name.endswith(".XXX'") for path in made)
        assert {stat.S_IMODE(path.stat().st_mode) for path in made} == {mode}
        assert Path(bench.run("tempfile", **arguments).values["path"]).exists()

    def test_a_name_cannot_leave_the_folder(self, bench: Bench, tmp_path: Path) -> None:
        assert "no '/'" in bench.failure("tempfile", path=str(tmp_path), prefix="../x")

    def test_check_mode_makes_nothing(self, bench: Bench, tmp_path: Path) -> None:
        assert bench.checking().run("tempfile", path=str(tmp_path)).status is Status.CHANGED
        assert list(tmp_path.iterdir()) == []


class TestTable:
    def test_modules_are_found_with_and_without_the_prefix(self) -> None:
        modules = generic_modules()
        for name in modules:
            assert find_module(name, modules) is modules[name]
            assert find_module(f"ansible.builtin.{name}", modules) is modules[name]
            assert find_module(f"community.general.{name}", modules) is None
        assert bare_name("ansible.legacy.copy") == "copy"

    def test_no_module_has_both_an_offer_and_a_way_around(self) -> None:
        assert not INSTEAD.keys() & {*generic_modules(), *BUILTIN}

    @pytest.mark.parametrize("way", INSTEAD.values())
    def test_a_way_around_begins_with_a_module_that_exists(self, way: str) -> None:
        offered = {*generic_modules(), *BUILTIN, *raft_modules(lambda: None)}  # type: ignore[arg-type,return-value]
        assert re.split(r"[\s:,]", way)[0] in offered

    @pytest.mark.parametrize("module", generic_modules().values(), ids=lambda m: m.name)
    def test_what_is_named_as_free_form_or_raw_is_declared(self, module: Any) -> None:
        assert {
            module.free_form or next(iter(module.arguments)),
            *module.raw,
        } <= module.arguments.keys()

    def test_a_bare_base_does_nothing_in_silence(self, faked: Bench) -> None:
        from raftfleet.modules.base import GenericModule  # noqa: PLC0415

        with pytest.raises(NotImplementedError):
            GenericModule().run({}, faked.context)
