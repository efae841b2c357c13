"""Waiting for something, but not for ever."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable

__all__ = ["DeadlineError", "within"]

T = TypeVar("T")


class DeadlineError(Exception):
    """It did not come in time, and was cancelled."""


async def within(seconds: float, awaitable: Awaitable[T]) -> T:
    """Return what comes of an awaitable; raises `DeadlineError` after so many seconds."""
    try:
        return await asyncio.wait_for(awaitable, seconds)
    except asyncio.TimeoutError:  # noqa: UP041 - another than the built-in one before Python 3.11
        raise DeadlineError(f"nothing within {seconds:g}s") from None
