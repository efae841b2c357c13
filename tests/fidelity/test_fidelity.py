"""The simulator is like the recorded broker, event by event: the short scenarios, run anew.

`make fidelity` runs all fifteen and takes five minutes; these six go through a boot, a stop, a
failover, a pause, a lost quorum and a snapshot in a third of that, which every run of the tests can
afford.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from raftfleet.errors import SandboxError
from raftfleet.sandbox.tools import require_machine

from .running import RECORDINGS, measured

if TYPE_CHECKING:
    from pathlib import Path

SHORT = (
    "follower-stop-rejoin",
    "quorum-loss",
    "leader-paused",
    "leader-stop-failover",
    "snapshot-rejoin",
    "bootstrap-and-api",
)


@pytest.mark.hosts
def test_the_short_scenarios_are_like_the_recordings(tmp_path: Path) -> None:
    if not RECORDINGS.is_dir():
        pytest.skip(f"the recordings of the real broker are not at hand: {RECORDINGS}")
    try:
        require_machine()
    except SandboxError as missing:
        pytest.skip(str(missing))
    judgement = measured(SHORT, tmp_path, jobs=len(SHORT), done=lambda _: None)
    assert judgement.passes, "\n".join(judgement.lines())
