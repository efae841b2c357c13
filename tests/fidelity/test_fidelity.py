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

from .known import read_known
from .running import RECORDINGS, compared, record_all
from .table import judge

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
    record_all(SHORT, tmp_path, jobs=len(SHORT), done=lambda _: None)
    judgement = judge(compared(SHORT, tmp_path), read_known(), complete=False)
    assert judgement.passes, "\n".join(judgement.lines())
