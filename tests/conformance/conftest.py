"""Runs the chosen cases of a module a few at a time, ahead of the tests that ask for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.conformance.running import workers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future


@pytest.fixture(scope="module")
def runs(request: pytest.FixtureRequest) -> Iterator[dict[str, Future[Any]]]:
    """Return by case name what the module's function `run` gives for each chosen case."""
    chosen: list[Any] = [
        item.callspec.params["case"]
        for item in request.session.items
        if isinstance(item, pytest.Function)
        and item.module is request.module
        and "case" in getattr(getattr(item, "callspec", None), "params", {})
    ]
    with workers() as pool:
        yield {case.name: pool.submit(request.module.run, case) for case in chosen}
        pool.shutdown(cancel_futures=True)
