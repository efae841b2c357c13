"""Our own cases, recorded from ansible-core 2.19.14: raftfleet does the same, or differs for a reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.conformance.bundle import CASES, Case, Observed, difference, read_bundle
from tests.conformance.running import run_case

if TYPE_CHECKING:
    from concurrent.futures import Future

RECORDED = [case for path in sorted(CASES.glob("*.txt")) for case in read_bundle(path)]
run = run_case


@pytest.mark.parametrize("case", RECORDED, ids=lambda case: case.name)
def test_does_as_recorded(case: Case, runs: dict[str, Future[Observed]]) -> None:
    seen = runs[case.name].result()
    assert difference(case, seen) is None, f"{case.rule}\n{seen.output}"


def test_names_are_unique_and_every_difference_has_its_reason() -> None:
    names = [case.name for case in RECORDED]
    assert len(names) == len(set(names)) > 100
    for case in RECORDED:
        assert case.rule, case.name
        assert case.expect, f"{case.name} was never recorded"
        assert ("ours" in case.expect) == ("why" in case.expect), case.name


class TestTheComparison:
    CASE = Case("c", expect={"exit": 4, "recap": {"h": "ok=1 failed=1"}, "trace": ["h a", "h b"]})

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            ({}, None),
            ({"trace": ["h b", "h a"]}, "trace line 1"),
            ({"trace": ["h a"]}, "trace line 2"),
            ({"recap": {"h": {"ok": 2, "failed": 1}}}, "recap of h"),
            ({"recap": {}}, "recap of h"),
            ({"exit_code": 4}, "exit code: expected 2, got 4"),
        ],
    )
    def test_sees_every_difference(self, change: dict[str, object], told: str | None) -> None:
        seen = {"exit_code": 2, "recap": {"h": {"ok": 1, "failed": 1}}, "trace": ["h a", "h b"]}
        found = difference(self.CASE, Observed(**(seen | change)))  # type: ignore[arg-type]
        assert (found is None) if told is None else (found is not None and told in found)

    def test_the_order_between_hosts_is_free_unless_it_is_asked_for(self) -> None:
        expect = {"exit": 0, "recap": {"h": "ok=1"}, "trace": ["a 1", "b 1"]}
        seen = Observed(0, {"h": {"ok": 1}}, ["b 1", "a 1"])
        assert difference(Case("c", expect=expect), seen) is None
        assert difference(Case("c", expect=expect | {"order": "exact"}), seen) is not None
