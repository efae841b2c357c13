"""What `/metrics` shows of Raft: counters, histograms, and gauges refreshed once per second.

The text is the broker's: OpenMetrics, an empty label set written ``{}``, a counter family named
without its ``_total``, and in each histogram the sum and the count before the buckets.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["GroupMeters", "Histogram", "exposition"]

BOUNDS = [float(2**power) for power in range(20)]
RPC_TYPES = ("append_entries", "install_snapshot", "vote")

GAUGES = {
    "raft_apply_lag": "Gap between last_log_index and last_applied index; "
    "non-zero means state machine is behind.",
    "raft_last_log_index": "Latest log index appended to the Raft log.",
    "raft_last_applied": "Latest log index applied to the state machine.",
}


class Histogram:
    """Durations in milliseconds, and how many of them ended in an error."""

    def __init__(self) -> None:
        self.sum = 0.0
        self.count = 0
        self.started = 0
        self.failed = 0
        self.buckets = [0] * (len(BOUNDS) + 1)

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Measure what happens inside; an exception counts as a failure and is passed on."""
        begin = time.perf_counter()
        self.started += 1
        try:
            yield
        except BaseException:
            self.failed += 1
            raise
        finally:
            milliseconds = (time.perf_counter() - begin) * 1000
            self.sum += milliseconds
            self.count += 1
            self.buckets[bisect_left(BOUNDS, milliseconds)] += 1

    @property
    def succeeded(self) -> int:
        """How many ended well."""
        return self.count - self.failed

    def lines(self, name: str, labels: str) -> Iterator[str]:
        """Yield the samples of one label set."""
        yield f"{name}_sum{{{labels}}} {self.sum}"
        yield f"{name}_count{{{labels}}} {self.count}"
        total = 0
        for bound, number in zip([*map(str, BOUNDS), "+Inf"], self.buckets):  # noqa: B905
            total += number
            yield f'{name}_bucket{{le="{bound}",{labels}}} {total}'


class GroupMeters:
    """Everything measured of one group on one node."""

    def __init__(self) -> None:
        self.write = Histogram()
        self.applying = Histogram()
        self.append = Histogram()
        self.rpc = {kind: Histogram() for kind in RPC_TYPES}
        self.gauges = dict.fromkeys(GAUGES, 0)

    def refresh(self, last: int, applied: int) -> None:
        """Set the gauges from the group's indexes."""
        self.gauges["raft_apply_lag"] = last - applied
        self.gauges["raft_last_log_index"] = last
        self.gauges["raft_last_applied"] = applied


def exposition(groups: Mapping[str, GroupMeters], connections: int) -> str:
    """Return the page: the Raft series of every group."""
    lines = [
        "# HELP mqtt_connections_count Current number of MQTT connections.",
        "# TYPE mqtt_connections_count gauge",
        f"mqtt_connections_count{{}} {connections}",
    ]
    labels = {f'machine="{name}"': meters for name, meters in groups.items()}
    for name, text in GAUGES.items():
        samples = (f"{name}{{{label}}} {m.gauges[name]}" for label, m in labels.items())
        lines += _family(name, "gauge", text, samples)
    lines += _write_counters({label: m.write for label, m in labels.items()}, "write", "write")
    lines += _histograms(
        "raft_write_duration_ms",
        "Duration of write operations in milliseconds.",
        {label: m.write for label, m in labels.items()},
    )
    lines += _histograms(
        "raft_apply_batch_duration_ms",
        "Total duration of a single apply() batch call in milliseconds.",
        {label: m.applying for label, m in labels.items()},
    )
    lines += _histograms(
        "raft_log_append_batch_duration_ms",
        "Total duration of a single log append() call in milliseconds.",
        {label: m.append for label, m in labels.items()},
    )
    calls = {
        f'{label},rpc_type="{kind}"': m.rpc[kind] for label, m in labels.items() for kind in m.rpc
    }
    lines += _write_counters(calls, "rpc", "RPC")
    lines += _histograms(
        "raft_rpc_duration_ms", "Duration of RPC operations in milliseconds.", calls
    )
    return "\n".join([*lines, "# EOF", ""])


def _family(name: str, kind: str, text: str, samples: Iterable[str]) -> list[str]:
    return [f"# HELP {name} {text}", f"# TYPE {name} {kind}", *samples]


def _write_counters(histograms: Mapping[str, Histogram], word: str, said: str) -> list[str]:
    plural = "writes" if word == "write" else "RPC requests"
    totals = {
        "requests": (f"Total number of {said} requests.", "started"),
        "success": (f"Total number of successful {plural}.", "succeeded"),
        "failures": (f"Total number of failed {plural}.", "failed"),
    }
    lines: list[str] = []
    for name, (text, attribute) in totals.items():
        family = f"raft_{word}_{name}"
        samples = (
            f"{family}_total{{{labels}}} {getattr(histogram, attribute)}"
            for labels, histogram in histograms.items()
        )
        lines += _family(family, "counter", text, samples)
    return lines


def _histograms(name: str, text: str, histograms: Mapping[str, Histogram]) -> list[str]:
    samples = (line for labels, h in histograms.items() for line in h.lines(name, labels))
    return _family(name, "histogram", text, samples)
