"""`python -m tests.bench.bench_scrape`: a scrape of 50 nodes with 3 groups each, beside its peer.

The peer is prometheus_client's own server with as many gauges that somebody set: the least that a
scrape of so many series costs. Both are asked over a real socket, and the fastest of thirty counts:
what else the machine does is not measured. Wanted: under 100 ms.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Gauge, start_http_server
from prometheus_client.parser import text_string_to_metric_families

from raftfleet.serve.address import Address, listen
from raftfleet.serve.httpserver import HttpServer
from tests.serve.conftest import get
from tests.serve.fleet import LargeFleet

if TYPE_CHECKING:
    from collections.abc import Callable

WANTED = 0.100
ROUNDS = 30
_OLD = 0.25
"""Seconds between two scrapes: what was made for the one before is too old by then."""


def _seconds(address: tuple[str, int], before: Callable[[], None]) -> float:
    taken = []
    for _ in range(ROUNDS):
        time.sleep(_OLD)
        before()
        began = time.perf_counter()
        assert get(address, "/metrics").status == 200
        taken.append(time.perf_counter() - began)
    return min(taken)


def _peer(text: str) -> float:
    registry = CollectorRegistry()
    for family in text_string_to_metric_families(text):
        for name in {sample.name for sample in family.samples}:
            samples = [one for one in family.samples if one.name == name]
            gauge = Gauge(name, "As many.", sorted(samples[0].labels), registry=registry)
            for sample in samples:
                (gauge.labels(**sample.labels) if sample.labels else gauge).set(sample.value)
    server, thread = start_http_server(0, "127.0.0.1", registry=registry)
    try:
        return _seconds(("127.0.0.1", server.server_port), lambda: None)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def main() -> int:
    """Measure, print, and return whether what is wanted was missed."""
    with TemporaryDirectory() as folder, listen(Address("127.0.0.1", 0)) as sock:
        fleet = LargeFleet(Path(folder), nodes=50, groups=3)
        with HttpServer(sock, fleet.pages):
            address = sock.getsockname()
            text = get(address, "/metrics").text
            ours = _seconds(address, lambda: fleet.answer(50))
        peer = _peer(text)
    series = sum(1 for line in text.splitlines() if not line.startswith("#"))
    shown = f"{ours * 1e3:.1f} ms, peer {peer * 1e3:.1f} ms, ratio {ours / peer:.2f}"
    sys.stdout.write(f"{series} series: {shown}\n")
    return int(ours > WANTED)


if __name__ == "__main__":
    sys.exit(main())
