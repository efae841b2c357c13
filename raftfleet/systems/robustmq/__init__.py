"""RobustMQ's meta service (openraft 0.9): settings, files, status, timing and logs.

The facts behind it were observed on three-node clusters of a build of August 2026.
"""

from __future__ import annotations

from .adapter import RobustMQ

__all__ = ["RobustMQ"]
