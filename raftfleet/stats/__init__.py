"""Figures drawn from journals: what a run cost, beside what it measured."""

from __future__ import annotations

from .overhead import Overhead, overhead

__all__ = ["Overhead", "overhead"]
