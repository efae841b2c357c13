"""The exposition of one told run, as it has to be.

python -m tests.metrics.golden writes it anew; read the difference before you commit it.
"""

from __future__ import annotations

from pathlib import Path

from prometheus_client import generate_latest

from raftfleet import __version__
from raftfleet.checks import judge
from raftfleet.journal import events as ev
from raftfleet.metrics import run_figures
from raftfleet.metrics.collector import make_registry
from raftfleet.testing.journal import Story

GOLDEN = Path(__file__).with_name("golden.prom")


def exposition() -> str:
    """A run with a failover, a censored one, a forced exit, a rejoin, writes and an outage."""
    story = Story().running().drill("leader-moves", "exits-graceful", budget={"outage": 4.0})
    story.writer("n2").writes(1, via="n2")
    story.stop("n1").writes(5, "unknown", via="n2").elect("n2", term=2).writes(1, via="n2")
    story.start("n1").let(1).stop("n3", took=20.5).let(1).stop("n2").let(2).writer_stops("n2")
    for status in ("ok", "changed", "failed"):
        story.record(ev.TaskResult(task=1, host="n1", status=status, seconds=0.1))
    journal = story.end().journal()
    figures = run_figures(judge(journal), journal)
    text = generate_latest(make_registry(lambda: figures)).decode()
    return _shortened(text.replace(f'"{__version__}"', '"VERSION"'))


def _shortened(text: str) -> str:
    """Keep of a histogram's buckets those at which its count rises and the last, and one evidence."""
    kept, before = [], "0.0"
    for line in text.splitlines():
        name, _, value = line.rpartition(" ")
        if "evidence" in name and 'kind="stops"' not in name and line[0] != "#":
            continue  # what else is counted is told by docs/drills.md and grows
        if "_bucket{" not in name or value != before or 'le="+Inf"' in name:
            kept.append(line)
        before = value if "_bucket{" in name and 'le="+Inf"' not in name else "0.0"
    return "\n".join(kept) + "\n"


if __name__ == "__main__":
    GOLDEN.write_text(exposition())
