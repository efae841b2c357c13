"""What the daemon says of itself, as figures: requests, hosts, schedules."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING

from raftfleet.metrics import Figures, Sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from raftfleet.clock import Clock

    from .httpserver import HttpServer
    from .watch import Watch

__all__ = ["SKIPS", "Own"]

RESULTS = ("pass", "fail", "inconclusive", "interrupted", "error")
SKIPS = ("unsteady", "locked", "unreachable", "late", "overlap")


class Own:
    """Counts; any thread may. `figures` is a source for a collector.

    ``due`` returns when each schedule is due next. Counters of all schedules begin at 0, so that
    the first skip of one shows as an increase.
    """

    def __init__(self, clock: Clock, due: Callable[[], dict[str, float]]) -> None:
        self._began = clock.wall()
        self._due = due
        self._lock = threading.Lock()
        self._answers: Counter[tuple[str, str]] = Counter()
        self._runs: Counter[tuple[str, str]] = Counter()
        self._skips: Counter[tuple[str, str]] = Counter()
        self._reload_worked = True
        self._reloaded = self._began
        self.active: str | None = None
        self.state_readable = True
        self.http: HttpServer | None = None
        self.watch: Watch | None = None

    def answered(self, page: str, status: int) -> None:
        """Count a request."""
        with self._lock:
            self._answers[page, str(status)] += 1

    def ran(self, schedule: str, result: str) -> None:
        """Count a run."""
        with self._lock:
            self._runs[schedule, result] += 1

    def skipped(self, schedule: str, reason: str) -> None:
        """Count a slot that nothing was begun in."""
        with self._lock:
            self._skips[schedule, reason] += 1

    def reread(self, wall: float | None) -> None:
        """Take note that everything was read anew then; None when that failed."""
        with self._lock:
            self._reload_worked = wall is not None
            self._reloaded = self._reloaded if wall is None else wall

    def figures(self) -> Figures:
        """Return what there is to say now."""
        with self._lock:
            return Figures.of([*self._counted(), *self._schedules(), *self._watched()])

    def _counted(self) -> Iterator[Sample]:
        yield Sample("raftfleet_serve_start_timestamp_seconds", (), self._began)
        yield Sample("raftfleet_serve_state_readable", (), self.state_readable)
        yield Sample("raftfleet_config_last_reload_successful", (), self._reload_worked)
        at = self._reloaded
        yield Sample("raftfleet_config_last_reload_success_timestamp_seconds", (), at)
        for labels, count in self._answers.items():
            yield Sample("raftfleet_serve_requests", labels, count)
        if self.http is not None:
            yield Sample("raftfleet_serve_connections", (), self.http.open)
            for reason, count in self.http.refused.items():
                yield Sample("raftfleet_serve_connections_refused", (reason,), count)

    def _schedules(self) -> Iterator[Sample]:
        for name, at in self._due().items():
            yield Sample("raftfleet_schedule_next_timestamp_seconds", (name,), at)
            yield Sample("raftfleet_schedule_active", (name,), name == self.active)
            for result in RESULTS:
                yield Sample("raftfleet_schedule_runs", (name, result), self._runs[name, result])
            for reason in SKIPS:
                yield Sample("raftfleet_schedule_skips", (name, reason), self._skips[name, reason])

    def _watched(self) -> Iterator[Sample]:
        if self.watch is None:
            return
        cluster = self.watch.cluster.name
        steady = self.watch.unsteady() is None
        yield Sample("raftfleet_cluster_steady", (cluster,), steady)
        yield Sample("raftfleet_observer_age_seconds", (cluster,), self.watch.blind)
        trouble = dict(self.watch.trouble)
        for name in self.watch.names if self.watch.ready else ():
            yield Sample("raftfleet_host_reachable", (cluster, name), name not in trouble)
            if name in trouble:
                reason = trouble[name][0]
                yield Sample("raftfleet_host_trouble", (cluster, name, reason), 1)
