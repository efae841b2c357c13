"""The daemon's pages: `/metrics`, `/probe`, `/-/healthy`, `/-/ready`, and what is on them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from raftfleet.errors import RaftfleetError, UsageError, nearest
from raftfleet.metrics.collector import make_registry

from .brief import Brief
from .probe import Probed, Target, probe
from .request import Reply, text

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from prometheus_client import CollectorRegistry

    from raftfleet.clock import Clock
    from raftfleet.metrics.collector import Source

    from .log import Log
    from .own import Own
    from .request import Request
    from .webconfig import Users

__all__ = ["PAGES", "Pages"]

PAGES = ("/", "/metrics", "/probe", "/-/healthy", "/-/ready")

_BUDGET = 10.0
_OFFSET = 0.5
"""Seconds before Prometheus's own deadline by which a probe is answered, as blackbox_exporter's."""
_METRICS_GOOD_FOR = 0.2
_PROBE_GOOD_FOR = 1.0
_LONGEST = 200

_INDEX = """\
raftfleet serve

/metrics              the watched cluster, past drills, and this process
/probe?target=GROUP   one look at a cluster, by the name of its inventory group
/-/healthy            200 while it watches
/-/ready              200 once every node and host was looked at"""


class Pages:
    """Answers requests; any number at once.

    ``targets`` finds what is to be probed by the name of a group (`UsageError` when that is none),
    ``groups`` are the names there are; these and ``users`` may change while it answers. ``healthy`` and ``ready`` return what is wrong, None when
    nothing is.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        own: Own,
        users: Users,
        clock: Clock,
        log: Log,
        *,
        targets: Callable[[str], Target],
        groups: Collection[str],
        healthy: Callable[[], str | None],
        ready: Callable[[], str | None],
    ) -> None:
        from prometheus_client import ProcessCollector  # noqa: PLC0415 - slow to import

        self._own = own
        self.users = users
        self._clock = clock
        self._log = log
        self.targets = targets
        self.groups = groups
        self._healthy = healthy
        self._ready = ready
        self._registry = make_registry(*sources)
        ProcessCollector(registry=self._registry)
        self._metrics: Brief[Reply] = Brief(_METRICS_GOOD_FOR, clock)
        self._probes: Brief[Probed] = Brief(_PROBE_GOOD_FOR, clock)
        self._verdicts: dict[str, str | None] = {}

    def __call__(self, request: Request) -> Reply:
        """Answer one request."""
        path, _, query = request.target.partition("?")
        page = path if path in PAGES else "other"
        reply = self._checked(request, page, path, query)
        self._own.answered(page, reply.status)
        return reply

    def _checked(self, request: Request, page: str, path: str, query: str) -> Reply:
        if self.users and not self.users.allow(request.headers.get("authorization", "")):
            return text(
                401, "name and password, please", WWW_Authenticate='Basic realm="raftfleet"'
            )
        try:
            return self._page(request, page, path, query)
        except TimeoutError:
            return text(503, "too many ask for this at once; try again")
        except RaftfleetError as error:
            return text(500, str(error))
        except Exception as error:  # noqa: BLE001 - a defect costs one answer, not the daemon
            self._log.error("defect in raftfleet", page=page, error=repr(error))
            return text(500, f"defect in raftfleet: {type(error).__name__}")

    def _page(self, request: Request, page: str, path: str, query: str) -> Reply:
        if page == "/":
            return text(200, _INDEX)
        if page == "/-/healthy":
            return _state(self._healthy())
        if page == "/-/ready":
            return _state(self._ready())
        if page == "/metrics":
            accept = request.headers.get("accept", "")
            return self._rendered(accept)
        if page == "/probe":
            return self._probe(request, query)
        close = nearest(path[:_LONGEST], PAGES)
        return text(404, f"there is no such page; did you mean {close}?" if close else _INDEX)

    # --- /metrics ----------------------------------------------------------------------------

    def _rendered(self, accept: str) -> Reply:
        from prometheus_client.exposition import choose_encoder  # noqa: PLC0415 - slow to import

        encoder, kind = choose_encoder(accept)
        return self._metrics.get(
            kind, lambda: _exposed(encoder, kind, self._registry), patience=_BUDGET
        )

    # --- /probe ------------------------------------------------------------------------------

    def _probe(self, request: Request, query: str) -> Reply:
        try:
            names = parse_qs(query, max_num_fields=20).get("target", [])
        except ValueError:
            names = []
        if len(names) != 1 or not names[0]:
            return text(400, f"say which group: /probe?target=GROUP, one of: {self._known()}")
        (name,) = names
        budget = _budget(request.headers.get("x-prometheus-scrape-timeout-seconds"))
        if budget is None:
            return text(400, "X-Prometheus-Scrape-Timeout-Seconds wants a number of seconds")
        if name not in self.groups:
            close = nearest(name[:_LONGEST], self.groups)
            more = f"did you mean {close}?" if close else f"groups: {self._known()}"
            return text(404, f"the inventory has no group {name[:_LONGEST]!r}; {more}")
        try:
            target = self.targets(name)
        except UsageError as error:
            return text(400, str(error))
        found = self._probes.get(
            name, lambda: probe(target, self._clock, budget=budget), patience=budget
        )
        self._tell(name, found)
        return _shown(request, found)

    def _known(self) -> str:
        return ", ".join(self.groups)

    def _tell(self, name: str, found: Probed) -> None:
        """Log what a target has come to when that is news."""
        if self._verdicts.get(name, None) == found.trouble:
            return
        self._verdicts[name] = found.trouble
        if found.trouble:
            self._log.warning("probe failed", target=name, reason=found.trouble)
        else:
            self._log.info("probe succeeds again", target=name)


def _state(trouble: str | None) -> Reply:
    return text(503, trouble) if trouble else text(200, "OK")


def _budget(header: str | None) -> float | None:
    """Return the seconds a probe may take, None for a header that is no number."""
    if header is None:
        return _BUDGET
    try:
        seconds = float(header)
    except ValueError:
        return None
    if not 0 < seconds < math.inf:
        return None
    return min(_BUDGET, seconds - _OFFSET if seconds > 2 * _OFFSET else seconds / 2)


def _exposed(
    encoder: Callable[[CollectorRegistry], bytes], kind: str, registry: CollectorRegistry
) -> Reply:
    return Reply(200, encoder(registry), {"Content-Type": kind, "Cache-Control": "no-store"})


def _shown(request: Request, found: Probed) -> Reply:
    from prometheus_client import Gauge  # noqa: PLC0415 - slow to import
    from prometheus_client.exposition import choose_encoder  # noqa: PLC0415

    encoder, kind = choose_encoder(request.headers.get("accept", ""))
    registry = make_registry(lambda: found.figures)
    # The names are blackbox_exporter's, so that its users' alerts fit.
    success = Gauge("probe_success", "Whether the probe succeeded.", registry=registry)
    success.set(found.trouble is None)
    duration = Gauge("probe_duration_seconds", "How long the probe took.", registry=registry)
    duration.set(found.seconds)
    return _exposed(encoder, kind, registry)
