"""Clusters of simulator processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.simulator.processes import Cluster

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def make_cluster(tmp_path: Path) -> Iterator[Callable[..., Cluster]]:
    """Return a maker of clusters that are killed when the test ends."""
    made: list[Cluster] = []

    def make(
        size: int = 3,
        *,
        silence: int = 30000,
        lease: float = 600,
        environment: dict[str, str] | None = None,
    ) -> Cluster:
        root = tmp_path / f"cluster{len(made)}"
        root.mkdir()
        made.append(Cluster(root, size, silence=silence, lease=lease, environment=environment))
        return made[-1]

    yield make
    for cluster in made:
        cluster.close()


@pytest.fixture(scope="session")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three nodes, just booted; tests may write tenants and keys but leave the nodes alone."""
    cluster = Cluster(tmp_path_factory.mktemp("healthy"))
    try:
        cluster.boot()
        yield cluster
    finally:
        cluster.close()
