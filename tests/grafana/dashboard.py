"""The dashboard, made by code.

python -m tests.grafana.dashboard writes config/grafana/dashboards/raftfleet.json anew.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as model

from tests.grafana.panels import SOURCE, heat, lines, numbers, parts, row, rows, states
from tests.grafana.queries import CLUSTER, DRILL, FAILOVER, RAFT, last, quantile, state, within

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grafana_foundation_sdk.cog.builder import Builder

FILE = Path(__file__).parents[2] / "config" / "grafana" / "dashboards" / "raftfleet.json"
VERDICTS = {"pass": "green", "inconclusive": "yellow", "fail": "red"}
PHASES = ("exit", "detection", "election", "agreement", "write")
ROLES = {
    "leader": "green",
    "follower": "blue",
    "candidate": "orange",
    "learner": "purple",
    "stopped": "red",
}
STANDINGS = {"alive": "green", "stopping": "orange", "down": "red", "unknown": "purple"}


def _drills() -> Iterator[Builder[model.Panel]]:
    by = "cluster, drill"
    yield numbers(
        "Drills by last verdict",
        "How many drills came to what when they last ran.",
        {
            "{{verdict}}": f"sum by (verdict) ({last('raftfleet_drill_verdict', f'{by}, verdict', DRILL)})"
        },
        unit="short",
        colours=VERDICTS,
    )
    yield numbers(
        "Last failover",
        "The slowest of a group's latest failovers, from the exit of its leader to the next.",
        {"{{group}}": last("raftfleet_failover_last_seconds", "group", FAILOVER)},
    )
    yield numbers(
        "Longest outage of the last run",
        "From the last acknowledged write to the next.",
        {"{{drill}}": last("raftfleet_outage_longest_seconds", "drill", DRILL)},
    )
    columns = {
        "verdict": (f"{last('raftfleet_drill_verdict', f'{by}, verdict', DRILL)} == 1", ""),
        "last success": (
            _ago("raftfleet_drill_last_success_timestamp_seconds", by),
            "dateTimeFromNow",
        ),
        "last run": (_ago("raftfleet_drill_last_start_timestamp_seconds", by), "dateTimeFromNow"),
        "took": (last("raftfleet_drill_last_duration_seconds", by, DRILL), "s"),
        "longest outage": (last("raftfleet_outage_longest_seconds", by, DRILL), "s"),
        "watched": (last("raftfleet_drill_watched_ratio", by, DRILL), "percentunit"),
    }
    text = "What each drill came to last. One that never passed has no last success."
    yield rows("Drills", text, columns, {"verdict": VERDICTS})
    verdicts = state("raftfleet_drill_verdict", "verdict", tuple(VERDICTS), by, DRILL)
    yield states(
        "Verdicts",
        "A drill's verdict holds until it runs again.",
        {"{{drill}}": verdicts},
        VERDICTS,
    )
    found = last("raftfleet_drill_findings", f"{by}, check, severity", DRILL)
    none = f"0 * {last('raftfleet_drill_last_duration_seconds', by, DRILL)}"
    yield lines(
        "Findings",
        "What checks found when a drill last ran; 0 when they found nothing.",
        {"{{drill}} {{check}} {{severity}}": f"{found} or on (cluster, drill) {none}"},
        unit="short",
    )


def _ago(metric: str, by: str) -> str:
    """An instant as Grafana takes it, in milliseconds."""
    return f"1000 * {last(metric, by, DRILL)}"


def _failovers() -> Iterator[Builder[model.Panel]]:
    by, buckets = "cluster, group, cause", f"raftfleet_failover_seconds_bucket{{{FAILOVER}}}"
    latest = f"raftfleet_failover_last_seconds{{{FAILOVER}}}"
    least = last("raftfleet_failover_predicted_min_seconds", by, FAILOVER)
    most = last("raftfleet_failover_predicted_max_seconds", by, FAILOVER)
    promised = {"{{group}} {{cause}} promised at most": most}
    yield lines(
        "Failover by group",
        "The latest failover of every drill, beside the least and the most that the system's timing promises.",
        {
            "{{group}} {{cause}} {{drill}}": last(
                "raftfleet_failover_last_seconds", f"{by}, drill", FAILOVER
            ),
            **promised,
            "{{group}} {{cause}} promised at least": least,
        },
        dashed=".*promised.*",
        size=(12, 9),
    )
    yield lines(
        "Failover quantiles",
        "Over all drills within the window. Causes are never mixed. Censored failovers are in no quantile: look at their count.",
        {
            "{{group}} {{cause}} p50": quantile(0.5, buckets, by),
            "{{group}} {{cause}} p95": quantile(0.95, buckets, by),
            "{{group}} {{cause}} max": f"max by ({by}) (max_over_time({latest}[$window]))",
            **promised,
        },
        dashed=".*promised.*",
        size=(12, 9),
    )
    yield heat(
        "Failovers",
        "How many took how long.",
        f"sum by (le) ({within(buckets, '$__rate_interval')})",
        (12, 9),
    )
    phases = last("raftfleet_failover_phase_last_seconds", f"{by}, drill, phase", FAILOVER)
    yield parts(
        "Phases of the latest failovers",
        "Signal to exit, to a higher term, to a leader, to a majority that names it, to the first write.",
        f'label_join({phases}, "failover", " ", "drill", "group", "cause")',
        "failover",
        ("phase", PHASES),
    )
    yield lines(
        "Phases over time",
        "The same over time, of the slowest drill and group for each phase.",
        {"{{phase}}": last("raftfleet_failover_phase_last_seconds", "phase", FAILOVER)},
        stacked=True,
    )
    kinds = {"censored": "censored", "not exercised": "not_exercised", "split votes": "split"}
    yield lines(
        "Failovers that are in no quantile, and split votes",
        "Censored: nobody led when watching ended. Not exercised: the old leader was back first, or no quorum was left.",
        {
            f"{{{{group}}}} {{{{cause}}}} {name}": f"sum by ({by}) (raftfleet_failovers_{kind}_total{{{FAILOVER}}})"
            for name, kind in kinds.items()
        },
        unit="short",
    )


def _writes() -> Iterator[Builder[model.Panel]]:
    buckets, by = f"raftfleet_outage_seconds_bucket{{{DRILL}}}", "cluster, drill"
    budget = last("raftfleet_outage_budget_seconds", by, DRILL)
    yield lines(
        "Outages",
        "How long writes stood still, and how long the drill allows it where it says so.",
        {
            "{{drill}} longest": last("raftfleet_outage_longest_seconds", by, DRILL),
            "{{drill}} p95": quantile(0.95, buckets, by),
            "{{drill}} budget": budget,
        },
        dashed=".* budget",
    )
    yield lines(
        "Writes within the window",
        "Skipped ones could not be sent.",
        {"{{result}}": f"sum by (result) ({within(f'raftfleet_writes_total{{{DRILL}}}')})"},
        unit="short",
    )


def _nodes() -> Iterator[Builder[model.Panel]]:
    by, buckets = "cluster, class", f"raftfleet_exit_latency_seconds_bucket{{{DRILL}}}"
    bound = last("raftfleet_exit_bound_seconds", "cluster", CLUSTER)
    yield lines(
        "Exit latency by class",
        "From the signal to the exit, over all drills within the window, beside how long a graceful exit may take.",
        {
            "{{class}} last": last("raftfleet_exit_latency_last_seconds", by, DRILL),
            "{{class}} p50": quantile(0.5, buckets, by),
            "{{class}} p95": quantile(0.95, buckets, by),
            "bound": bound,
        },
        dashed="bound",
    )
    yield lines(
        "Exits within the window",
        "A forced exit was the watchdog's; none is a signal that no exit followed.",
        {"{{class}}": f"sum by (class) ({within(f'raftfleet_exits_total{{{DRILL}}}')})"},
        unit="short",
    )
    again = f"raftfleet_rejoin_seconds_bucket{{{DRILL}}}"
    yield lines(
        "Rejoin",
        "From the start of a node until it was ready and had caught up.",
        {
            "{{cause}} last": last("raftfleet_rejoin_last_seconds", "cluster, cause", DRILL),
            "{{cause}} p50": quantile(0.5, again, "cluster, cause"),
            "{{cause}} p95": quantile(0.95, again, "cluster, cause"),
        },
    )
    yield lines(
        "Nodes that did not catch up",
        "They were stopped again before, or watching ended.",
        {"{{cause}}": f"sum by (cluster, cause) (raftfleet_rejoins_censored_total{{{DRILL}}})"},
        unit="short",
    )


def _live() -> Iterator[Builder[model.Panel]]:
    by = "cluster, group, node"
    roles = state("raftfleet_raft_role", "role", tuple(ROLES), by, RAFT)
    yield states("Roles", "What nodes say of themselves.", {"{{group}} {{node}}": roles}, ROLES)
    nodes = state("raftfleet_node_standing", "standing", tuple(STANDINGS), "cluster, node", CLUSTER)
    yield states("Nodes", "How they are doing.", {"{{node}}": nodes}, STANDINGS)
    yield lines(
        "Terms",
        "As nodes see them; a step is an election.",
        {"{{group}} {{node}}": last("raftfleet_raft_term", by, RAFT)},
        unit="short",
    )
    ahead = last("raftfleet_raft_last_log_index", "cluster, group", RAFT)
    applied = last("raftfleet_raft_last_applied_index", by, RAFT)
    yield lines(
        "Index lag",
        "How far what a node has applied is behind the longest log of the group.",
        {"{{group}} {{node}}": f"{ahead} - on (cluster, group) group_right () {applied}"},
        unit="short",
    )
    leads = "1 + min by (cluster, group) (raftfleet_raft_has_leader{" + RAFT + "})"
    yield states(
        "Leaders",
        "Whether a majority of the live voters names one.",
        {"{{group}}": leads},
        {"none": "red", "leader": "green"},
        (12, 6),
    )
    yield lines(
        "Members",
        "How many voters and learners nodes count: the fewest and the most.",
        {
            f"{{{{group}}}} {{{{kind}}}} {word}": f"{word} by (cluster, group, kind) (raftfleet_raft_members{{{RAFT}}})"
            for word in ("min", "max")
        },
        unit="short",
        size=(12, 6),
    )
    yield lines(
        "Observer coverage",
        "The part of the last second's polls that a node answered.",
        {"{{node}}": last("raftfleet_observer_coverage_ratio", "cluster, node", CLUSTER)},
        unit="percentunit",
        size=(12, 6),
    )
    faults = f"sum by (cluster, kind) (raftfleet_faults_active{{{CLUSTER}}})"
    none = f"0 * {last('raftfleet_cluster_info', 'cluster', CLUSTER)}"
    yield lines(
        "Drills and faults right now",
        "1 while a drill runs; how many faults hold, 0 without any.",
        {
            "drill {{drill}}": last("raftfleet_drill_active", "cluster, drill", DRILL),
            "faults {{kind}}": f"{faults} or on (cluster) {none}",
        },
        unit="short",
        size=(12, 6),
    )


def _annotations() -> Iterator[tuple[build.AnnotationQuery, str]]:
    """Every annotation with the text of its marks."""
    term = last("raftfleet_raft_term", "cluster, group", RAFT)
    before = f"max by (cluster, group) (raftfleet_raft_term{{{RAFT}}} offset $__interval)"
    down = f'{CLUSTER},standing=~"stopping|down"'
    for name, expression, text, colour in (
        (
            "Drills",
            f"{last('raftfleet_drill_active', 'cluster, drill', DRILL)} == 1",
            "drill {{drill}}",
            "blue",
        ),
        (
            "Faults",
            f"sum by (cluster, kind) (raftfleet_faults_active{{{CLUSTER}}}) > 0",
            "{{kind}}",
            "red",
        ),
        (
            "Nodes down",
            f"{last('raftfleet_node_standing', 'cluster, node, standing', down)} == 1",
            "{{node}} is {{standing}}",
            "orange",
        ),
        ("Elections", f"{term} > {before}", "{{group}}: a new term", "purple"),
    ):
        query = build.AnnotationQuery().name(name).datasource(SOURCE).enable(True)
        yield query.expr(expression).icon_color(colour), text
    told = build.AnnotationTarget().limit(1000).match_any(False).tags(["raftfleet"]).type("tags")
    own = model.DataSourceRef(type_val="grafana", uid="-- Grafana --")
    query = build.AnnotationQuery().name("Told by runs").datasource(own).enable(True).hide(False)
    yield query.target(told).icon_color("green"), ""


def _variables() -> Iterator[Builder[model.VariableModel]]:
    yield build.DatasourceVariable("datasource").label("data source").type("prometheus")
    for name, found in {
        "cluster": "raftfleet_cluster_info",
        "drill": f"raftfleet_drill_verdict{{{CLUSTER}}}",
        "group": f"raftfleet_failovers_censored_total{{{DRILL}}}",
    }.items():
        asked: dict[str, object] = {
            "query": f"label_values({found}, {name})",
            "refId": "PrometheusVariableQueryEditor-VariableQuery",
        }
        variable = build.QueryVariable(name).label(name).datasource(SOURCE).query(asked)
        variable = variable.refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        everything = model.VariableOption(selected=True, text=["All"], value=["$__all"])
        variable = variable.multi(True).include_all(True).all_value(".*").current(everything)
        yield variable.sort(model.VariableSort.ALPHABETICAL_ASC)
    usual = model.VariableOption(selected=True, text="28d", value="28d")
    windows = build.CustomVariable("window").label("window").values("1d,7d,28d,90d,365d")
    yield windows.current(usual)


def dashboard() -> dict[str, Any]:
    """The dashboard as Grafana reads it."""
    made = build.Dashboard("raftfleet").uid("raftfleet").tags(["raftfleet"]).readonly()
    made = made.description("Failovers, exits and outages in drills, and the cluster under drill.")
    made = made.time("now-7d", "now").refresh("1m").timezone("browser")
    made = made.tooltip(model.DashboardCursorSync.CROSSHAIR)
    for variable in _variables():
        made = made.with_variable(variable)
    texts = {}
    for query, text in _annotations():
        made = made.annotation(query)
        texts[query.build().name] = text
    for title, panels in {
        "Drills": _drills(),
        "Failovers": _failovers(),
        "Writes": _writes(),
        "Nodes": _nodes(),
        "Live": _live(),
    }.items():
        made = made.with_row(row(title))
        for panel in panels:
            made = made.with_panel(panel)
    told: dict[str, Any] = json.loads(JSONEncoder().encode(made.build()))
    for place, panel in enumerate(told["panels"], 1):
        panel["id"] = place
    for annotation in told["annotations"]["list"]:
        if "expr" in annotation:  # the library does not know what more Prometheus's have
            annotation["textFormat"] = texts[annotation["name"]]
    return told


def rendered() -> str:
    """The file's text."""
    return JSONEncoder(sort_keys=True, indent=2).encode(dashboard()) + "\n"


if __name__ == "__main__":
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(rendered())
