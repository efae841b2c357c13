"""A real Prometheus reads what a run left, through a real node_exporter, and what a run serves."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from raftfleet.checks import judge
from raftfleet.metrics import Live, MetricsState, state_path
from raftfleet.metrics.listener import Listener
from raftfleet.metrics.textfile import write_shared
from raftfleet.testing.journal import Story
from tests.metrics.servers import prometheus, running, tool, until
from tests.simulator.processes import free_ports

if TYPE_CHECKING:
    from pathlib import Path

FAILOVER = {"cluster": "raft", "drill": "told", "group": "data", "cause": "stop"}


def test_the_last_failover_is_the_journals_whichever_way_it_comes(tmp_path: Path) -> None:
    exporter = tool("prometheus-node-exporter", "prometheus-node-exporter")
    story = Story().running().drill("leader-moves")
    live = Live(story.recorder, story.clock)
    story.stop("n1").let(5.1).elect("n2", term=2).let(1)
    journal = story.end().journal()
    judgement = judge(journal)
    elected = judgement.failovers[0].elected
    assert elected is not None
    figures = MetricsState(state_path(tmp_path, "raft")).absorb(judgement, journal)
    (tmp_path / "textfile").mkdir()
    write_shared(figures, tmp_path / "textfile", "raft")
    (tmp_path / "textfile" / "raftfleet-other.prom").write_text(
        (tmp_path / "textfile" / "raftfleet-raft.prom").read_text().replace('"raft"', '"other"')
    )
    node, port = (base := free_ports(2)), base + 1
    listener = Listener(0, live.figures).start()
    config = f"""
scrape_configs:
  - {{job_name: node, scrape_interval: 500ms, scrape_timeout: 400ms,
      static_configs: [{{targets: ["127.0.0.1:{node}"]}}]}}
  - {{job_name: run, scrape_interval: 500ms, scrape_timeout: 400ms,
      static_configs: [{{targets: ["{listener.url[7:].removesuffix("/metrics")}"]}}]}}
"""
    words = [
        *(exporter, f"--web.listen-address=127.0.0.1:{node}", "--collector.disable-defaults"),
        *("--collector.textfile", f"--collector.textfile.directory={tmp_path}/textfile"),
    ]
    ready = f"http://127.0.0.1:{node}/metrics"
    try:
        with running(words, ready), prometheus(tmp_path, port, config) as server:

            def ask(query: str) -> object:
                return until(lambda: server.query(query, time.time()), query)

            assert ask('raftfleet_failover_last_seconds{cluster="raft"}') == {
                frozenset(FAILOVER.items()): elected.middle
            }
            assert ask("raftfleet_raft_term{job='run', node='n2'}") == {
                frozenset({"cluster": "raft", "group": "data", "node": "n2"}.items()): 2
            }
            errors = ask("node_textfile_scrape_error")
            assert errors == {frozenset(): 0}
    finally:
        listener.close()
