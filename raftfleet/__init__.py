"""Drill replicated systems on real hosts: fail over, measure, judge."""

from __future__ import annotations

__version__ = "0.1.0"
