"""Scenarios without a recording of their own, of which robustmq.md says that they go like one that has.

A leader cut off in one direction only, in or out, fares like one cut off in both (4.4).
"""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .recording import Recording

__all__ = ["VARIANTS", "variant"]

VARIANTS = {
    "leader-partitioned-in": ("leader-partitioned", "output"),
    "leader-partitioned-out": ("leader-partitioned", "input"),
}
"""Name -> the recording it must go like, and the hook of the firewall that stays open."""


def variant(name: str, base: Recording) -> Recording:
    """Return the recording with the deeds of the variant in it."""
    hook = VARIANTS[name][1]
    events = copy.deepcopy(base.events)
    for event in events:
        if event["kind"] == "nft":
            event["rules"] = re.sub(
                rf" chain \w+ {{ [^}}]*hook {hook} [^}}]*}}[^}}]*}}\n", "", event["rules"]
            )
    return type(base)(name, events, base.polls, base.logs, base.samples)
