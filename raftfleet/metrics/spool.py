"""The points of many series, put in the order of a file that wants each series in one piece.

They come second by second and are to be written series by series. Those of a few minutes are held;
then the text of each series goes to the end of one file on the disk, and only where it lies is kept.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from .figures import Histogram
from .names import METRICS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from prometheus_client import Metric as Family

    from .figures import Labels

__all__ = ["Spool"]

MOST = 200_000
"""How many points are held, some 20 MB of them."""
_HISTOGRAM = 40
"""As how many points a histogram counts."""


@dataclass(slots=True)
class _Series:
    """One series: what is held of it, and where in the file the text before that lies."""

    held: list[tuple[float | Histogram, int]] = field(default_factory=list)
    spans: list[tuple[int, int]] = field(default_factory=list)


class Spool:
    """Takes points in the order of time and gives back families; a context manager.

    ``folder`` is where there is room for as much again as will be given back. Raises `OSError`
    when there is not.
    """

    def __init__(self, folder: Path, most: int = MOST) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed in `__exit__`
        self._most = most
        self._series: dict[str, dict[Labels, _Series]] = {}
        self._held = 0
        self._end = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @property
    def names(self) -> set[str]:
        """The metrics of which there is any point, dropped or not."""
        return set(self._series)

    def has(self, name: str, labels: Labels) -> bool:
        """Whether there is any point of a series."""
        return labels in self._series.get(name, {})

    def add(self, name: str, labels: Labels, value: float | Histogram, second: int) -> None:
        """Take the next point of a series."""
        known = self._series.setdefault(name, {})
        series = known.get(labels)
        if series is None:
            series = known[labels] = _Series()
        series.held.append((value, second))
        self._held += _HISTOGRAM if isinstance(value, Histogram) else 1
        if self._held >= self._most:
            self._put_down()

    def drop(self, name: str, labels: Labels) -> None:
        """Forget a series."""
        del self._series[name][labels]

    def family(self, name: str) -> Iterator[bytes]:
        """Yield the lines of a metric, its head first; nothing when it never had a point."""
        if name not in self._series:
            return
        yield _rendered(name, (), [])[0]
        for labels, series in self._series[name].items():
            for start, size in series.spans:
                self._file.seek(start)
                yield self._file.read(size)
            yield _rendered(name, labels, series.held)[1]

    def _put_down(self) -> None:
        """Write what is held of every series to the file."""
        self._file.seek(self._end)
        for name, known in self._series.items():
            for labels, series in known.items():
                if series.held:
                    text = _rendered(name, labels, series.held)[1]
                    self._file.write(text)
                    series.spans.append((self._end, len(text)))
                    self._end += len(text)
                    series.held.clear()
        self._held = 0


def _rendered(
    name: str, labels: Labels, points: list[tuple[float | Histogram, int]]
) -> tuple[bytes, bytes]:
    """Return the head of a metric and the lines of some points of one of its series."""
    from prometheus_client.openmetrics.exposition import generate_latest  # noqa: PLC0415 - slow

    from .collector import make_family  # noqa: PLC0415 - slow

    family = make_family(METRICS[name], ((labels, value, float(at)) for value, at in points))
    text: bytes = generate_latest(_Only(family))  # type: ignore[no-untyped-call]
    head = 0
    while text.startswith((b"# HELP ", b"# TYPE "), head):
        head = text.index(b"\n", head) + 1
    return text[:head], text[head:].removesuffix(b"# EOF\n")


@dataclass(frozen=True, slots=True)
class _Only:
    """A collector of one family."""

    family: Family

    def collect(self) -> Iterator[Family]:
        """Yield it."""
        yield self.family
