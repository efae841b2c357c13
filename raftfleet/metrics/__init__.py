"""Metrics for Prometheus, drawn from a run's judgement and journal.

`names` is the table of all metrics. Journals, pictures and state files give `Figures`; a
`Collector` (in `collector`, which needs the slow prometheus_client) makes metric families of them.
"""

from __future__ import annotations

from .figures import Figures, Histogram, Sample
from .live import Live
from .metric import LADDER, LONG_LADDER, Kind, Metric
from .names import LABELS, METRICS, TABLE
from .samples import run_figures
from .state import MetricsState, state_path
from .textfile import write_figures

__all__ = [
    "LABELS",
    "LADDER",
    "LONG_LADDER",
    "METRICS",
    "TABLE",
    "Figures",
    "Histogram",
    "Kind",
    "Live",
    "Metric",
    "MetricsState",
    "Sample",
    "run_figures",
    "state_path",
    "write_figures",
]
