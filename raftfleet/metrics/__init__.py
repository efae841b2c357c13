"""Metrics for Prometheus, drawn from a run's judgement and journal."""

from __future__ import annotations

from .names import LADDER, METRICS, Kind, Metric
from .textfile import write_textfile

__all__ = ["LADDER", "METRICS", "Kind", "Metric", "write_textfile"]
