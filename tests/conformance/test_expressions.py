"""Single expressions, with the values that ansible-core gave them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.conformance.expressions import Expression, case_of, read_expressions, values_of
from tests.conformance.running import run_case, workers

if TYPE_CHECKING:
    from tests.conformance.bundle import Observed

EXPRESSIONS = read_expressions()


@pytest.fixture(scope="module")
def values() -> list[str]:
    """Run one play that evaluates all of them."""
    with workers() as pool:
        seen: Observed = pool.submit(run_case, case_of(EXPRESSIONS)).result()
    assert seen.trace, seen.output
    return values_of(seen.trace, len(EXPRESSIONS))


@pytest.mark.parametrize(
    ("number", "expression"),
    list(enumerate(EXPRESSIONS)),
    ids=lambda part: str(getattr(part, "text", "")),
)
def test_gives(number: int, expression: Expression, values: list[str]) -> None:
    assert values[number] == expression.value


def test_most_of_what_is_recorded_is_no_failure() -> None:
    failing = [one for one in EXPRESSIONS if one.value == "FAILS"]
    assert len(EXPRESSIONS) > 800
    assert 0 < len(failing) < len(EXPRESSIONS) / 5
