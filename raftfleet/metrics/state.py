"""What has accumulated over runs: one state file for each cluster, shared by all who run drills."""

from __future__ import annotations

import fcntl
import os
import re
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from raftfleet import __version__
from raftfleet.clock import Deadline, SystemClock
from raftfleet.errors import UsageError
from raftfleet.journal import write_file
from raftfleet.journal.events import ClusterDescribed

from .accumulate import take_in
from .figures import Figures, Sample
from .samples import cluster_of, run_figures
from .state_file import Kept, decode, encode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from raftfleet.checks import Judgement
    from raftfleet.clock import Clock
    from raftfleet.journal import Journal

__all__ = ["MetricsState", "file_name", "state_path"]

REMEMBERED = 2000
"""Runs whose names are kept, so that none is counted twice; older ones are taken for counted."""
_PATIENCE = 10.0
_LOOK = 0.02


def state_path(project: Path, cluster: str) -> Path:
    """Return where the figures of a cluster are kept: one file below the project's folder."""
    return project / "metrics" / f"{file_name(cluster)}.json"


def file_name(cluster: str) -> str:
    """Return a cluster's name as a file may be called."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", cluster).strip(".-") or "cluster"


class MetricsState:
    """The figures of a cluster over all its runs, in a file.

    The file is replaced in one step, under a lock beside it: whoever reads it finds all of a run
    or nothing, also when its writer is killed. ``patience`` is how long to wait for the lock.
    """

    def __init__(
        self, path: Path, *, patience: float = _PATIENCE, clock: Clock | None = None
    ) -> None:
        self.path = path
        self._patience = patience
        self._clock = clock or SystemClock()
        self._seen: tuple[tuple[int, int, int], Kept] | None = None

    def figures(self) -> Figures:
        """Return all figures; a source for a collector, which reads the file when it changed.

        Raises `UsageError` when the file is damaged or none of ours.
        """
        figures = self._read().figures()
        figures.add(Figures.of([Sample("raftfleet_build", (__version__,), 1)]))
        return figures

    def absorb(self, judgement: Judgement, journal: Journal) -> Figures:
        """Count a run in, unless it has been, and return all figures.

        Raises `UsageError` when the file is damaged, of another cluster or held by another
        process, and `JournalError` when it cannot be written; it stays as it was then.
        """
        described = journal.of(ClusterDescribed)
        if not described or not judgement.run:
            raise UsageError("a run without a name or without a cluster cannot be counted")
        nodes = tuple(node.name for node in described[-1].nodes)
        with self._locked():
            kept = self._read()
            self._check(kept, cluster_of(journal), nodes)
            if judgement.run not in kept.runs and not _forgotten(judgement.run, kept.runs):
                run = run_figures(judgement, journal)
                run.values.pop("raftfleet_build", None)
                content = encode(
                    take_in(kept.figures(), run, nodes),
                    cluster=cluster_of(journal),
                    nodes=nodes,
                    runs=tuple(sorted({*kept.runs, judgement.run})[-REMEMBERED:]),
                )
                write_file(self.path, content, mode=0o644, durable=True)
            return self.figures()

    def _read(self) -> Kept:
        try:
            found = self.path.stat()
            mark = (found.st_mtime_ns, found.st_ino, found.st_size)
            if self._seen is None or self._seen[0] != mark:
                self._seen = (mark, decode(self.path.read_bytes(), self.path))
        except FileNotFoundError:
            return Kept()
        except OSError as error:
            raise UsageError(f"cannot read {self.path}: {error.strerror}") from None
        return self._seen[1]

    def _check(self, kept: Kept, cluster: str, nodes: tuple[str, ...]) -> None:
        if not kept.nodes:
            return
        if kept.cluster != cluster or not set(kept.nodes) & set(nodes):
            raise UsageError(
                f"{self.path} is of another cluster: {kept.cluster} with the nodes"
                f" {', '.join(kept.nodes)}; this run's is {cluster} with {', '.join(nodes)}",
                hint="give each cluster a name of its own: raft_cluster: NAME in its inventory",
            )

    @contextmanager
    def _locked(self) -> Iterator[None]:
        lock = self.path.with_name(f".{self.path.name}.lock")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            held = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise UsageError(f"cannot lock {self.path}: {error.strerror}") from None
        try:
            self._wait_for(held)
            _sweep(self.path)
            yield
        finally:
            os.close(held)

    def _wait_for(self, held: int) -> None:
        deadline, turn = Deadline.after(self._patience, self._clock), threading.Condition()
        while not _take(held):
            if deadline.passed:
                raise UsageError(
                    f"{self.path} is being written by another process for {self._patience:g} s",
                    hint="its lock is gone when that process is; this run can be counted later: "
                    "raftfleet export RUN",
                )
            with turn:
                self._clock.wait(turn, _LOOK)


def _take(held: int) -> bool:
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _sweep(path: Path) -> None:
    """Remove what writers that were killed left: nobody else writes while we hold the lock."""
    for part in path.parent.glob(f".{path.name}-*"):
        part.unlink(missing_ok=True)


def _forgotten(run: str, runs: tuple[str, ...]) -> bool:
    """Whether a run is older than the oldest whose name is kept: names begin with their time."""
    return len(runs) >= REMEMBERED and run < runs[0]
