"""Every metric there is: its name, its kind, its labels and what it means.

Base units, bounded labels: what a run is called stands in one info metric and in exemplars, never
in a label of another, and `node` only on gauges, so that a node that is gone takes its series along.
"""

from __future__ import annotations

from .metric import LONG_LADDER, Kind, Metric

__all__ = ["LABELS", "METRICS", "TABLE"]

LABELS = {
    "cluster": "what the cluster is called: `raft_cluster` in the inventory, else its group there",
    "drill": "the id of the drill",
    "group": "a Raft group",
    "node": "a node, by its name in the inventory; only on gauges",
    "cause": "stop, kill, crash, or the kind of fault (pause, partition...); of a rejoin also gone, start",
    "class": "the class of an exit: graceful, slow, forced, killed, crashed, none, unknown",
    "result": "of a write: ok, refused, unknown, skipped; of a run: the name of its exit code, or cut_short",
    "verdict": "of a drill: pass, fail, inconclusive; of log lines: benign, note, problem, unknown",
    "check": "the check that found something",
    "severity": "violation, gap or warning",
    "status": "of a task on a host: ok, changed, failed, skipped, unreachable, ignored, rescued",
    "phase": "of a failover: exit, detection, election, agreement, write; of a drill: steady, broken, healed",
    "kind": "of evidence (what `evidence:` may name), of members (voter, learner), of faults",
    "level": "error, warn, info, debug, trace, other",
    "role": "leader, follower, candidate, learner, stopped",
    "standing": "alive, stopping, down, unknown",
    "run_id": "the name of a run folder; only in raftfleet_run_info and in exemplars",
    "version": "the version of raftfleet",
    "system": "the product under drill",
    "build": "its build, where that is known",
    "reason": "why something could not be done, one of a few words",
    "schedule": "a schedule of `raftfleet serve`, by its name",
    "page": "a page of `raftfleet serve`, `other` for those it has not",
    "code": "an HTTP status",
}
"""What each label means."""

_CLUSTER = ("cluster",)
_DRILL = ("cluster", "drill")
_FAILOVER = (*_DRILL, "group", "cause")
_EXIT = (*_DRILL, "class")
_NODE = ("cluster", "node")
_RAFT = ("cluster", "group", "node")

C, G, H, I = Kind.COUNTER, Kind.GAUGE, Kind.HISTOGRAM, Kind.INFO  # noqa: E741 - a table's columns

# fmt: off
TABLE: dict[str, tuple[Metric, ...]] = {
    "Runs": (
        Metric("raftfleet_build", I, ("version",),
               help="The raftfleet that made these figures."),
        Metric("raftfleet_run", I, (*_CLUSTER, "run_id", "version"),
               help="The latest run that these figures contain."),
        Metric("raftfleet_cluster", I, (*_CLUSTER, "system", "build"),
               help="The cluster that is drilled."),
        Metric("raftfleet_runs", C, (*_CLUSTER, "result"),
               help="Runs, by what they came to."),
        Metric("raftfleet_run_last_duration_seconds", G, _CLUSTER,
               help="Wall time of the latest run."),
        Metric("raftfleet_run_last_overhead_seconds", G, _CLUSTER,
               help="Wall time of the latest run minus its waits for the cluster."),
        Metric("raftfleet_run_last_start_timestamp_seconds", G, _CLUSTER, kept=True,
               help="When the latest run began (Unix time)."),
        Metric("raftfleet_run_last_completion_timestamp_seconds", G, _CLUSTER, kept=True,
               help="When a run last ended, whatever it came to (Unix time)."),
        Metric("raftfleet_task_results", C, (*_CLUSTER, "status"),
               help="Results of tasks on hosts."),
        Metric("raftfleet_node_left_down", G, _NODE,
               help="1 for a node that a drill stopped and left down though it should run, else 0."),
    ),
    "Drills": (
        Metric("raftfleet_drills", C, (*_DRILL, "verdict"),
               help="Drills, by verdict."),
        Metric("raftfleet_drill_verdict", G, (*_DRILL, "verdict"),
               help="1 for the verdict the drill came to last, 0 for the others."),
        Metric("raftfleet_drill_duration_seconds", H, _DRILL, ladder=LONG_LADDER,
               help="How long drills took."),
        Metric("raftfleet_drill_last_duration_seconds", G, _DRILL,
               help="How long the drill took last."),
        Metric("raftfleet_drill_last_start_timestamp_seconds", G, _DRILL, kept=True,
               help="When the drill last began (Unix time)."),
        Metric("raftfleet_drill_last_completion_timestamp_seconds", G, _DRILL, kept=True,
               help="When the drill last ran to its end, whatever its verdict (Unix time)."),
        Metric("raftfleet_drill_last_success_timestamp_seconds", G, _DRILL, kept=True,
               help="When the drill last passed (Unix time)."),
        Metric("raftfleet_drill_findings", G, (*_DRILL, "check", "severity"),
               help="What checks found in the drill last: violations, gaps in evidence, warnings."),
        Metric("raftfleet_findings", C, (*_DRILL, "check", "severity"),
               help="What checks found: violations, gaps in evidence, warnings."),
        Metric("raftfleet_drill_evidence", G, (*_DRILL, "kind"),
               help="What the drill's last verdict rests on: how many of each kind there were."),
        Metric("raftfleet_drill_evidence_needed", G, (*_DRILL, "kind"),
               help="How many of each kind the drill asks for; fewer leave it inconclusive."),
        Metric("raftfleet_evidence", C, (*_DRILL, "kind"),
               help="What happened in drills: stops, failovers, acknowledged writes, polls..."),
        Metric("raftfleet_drill_watched_ratio", G, _DRILL,
               help="The part of the drill in which somebody watched the nodes, the last time it ran."),
        Metric("raftfleet_drill_active", G, _DRILL,
               help="1 while the drill runs, else 0."),
        Metric("raftfleet_drill_phase", G, (*_DRILL, "phase"),
               help="1 for where the drill is: steady (nothing broken yet), broken, healed; else 0."),
    ),
    "Failovers": (
        Metric("raftfleet_failover_seconds", H, _FAILOVER,
               help="From the exit of a group's leader to the election of the next; censored ones left "
                    "out."),
        Metric("raftfleet_failover_last_seconds", G, _FAILOVER,
               help="The latest failover of a group (middle of its interval)."),
        Metric("raftfleet_failover_agreed_seconds", H, _FAILOVER,
               help="From the exit of a group's leader until a majority of the live voters named the "
                    "next."),
        Metric("raftfleet_failover_agreed_last_seconds", G, _FAILOVER,
               help="The latest time until a majority of the live voters named a group's next leader."),
        Metric("raftfleet_failover_predicted_min_seconds", G, _FAILOVER,
               help="The shortest failover that the system's timing promises for the latest one's "
                    "elections."),
        Metric("raftfleet_failover_predicted_max_seconds", G, _FAILOVER,
               help="The longest failover that the system's timing promises for the latest one's "
                    "elections."),
        Metric("raftfleet_failover_phase_last_seconds", G, (*_FAILOVER, "phase"),
               help="The parts of the latest failover: exit (signal to exit), detection (to a higher "
                    "term), election (to a leader), agreement (to a majority that names it), write (to "
                    "the first write acknowledged after)."),
        Metric("raftfleet_failovers_censored", C, _FAILOVER,
               help="Failovers that nobody had completed when watching ended."),
        Metric("raftfleet_failovers_not_exercised", C, _FAILOVER,
               help="Failovers that did not take place: the old leader was back first, or no quorum was "
                    "left."),
        Metric("raftfleet_failovers_split", C, _FAILOVER,
               help="Failovers that took more than one election."),
    ),
    "Outages": (
        Metric("raftfleet_outage_seconds", H, _DRILL,
               help="From the last acknowledged write to the next one, through any node."),
        Metric("raftfleet_outage_last_seconds", G, _DRILL,
               help="The latest outage of the drill."),
        Metric("raftfleet_outage_longest_seconds", G, _DRILL,
               help="The longest outage of the drill's latest run; 0 when writes never stood still."),
        Metric("raftfleet_outage_budget_seconds", G, _DRILL,
               help="How long the drill allows writes to stand still, where it says so."),
        Metric("raftfleet_outages_censored", C, _DRILL,
               help="Outages that had not ended when the writers stopped."),
        Metric("raftfleet_writes", C, (*_DRILL, "result"),
               help="Writes, by what they came to: ok, refused, unknown, skipped (could not be sent)."),
    ),
    "Nodes": (
        Metric("raftfleet_exit_latency_seconds", H, _EXIT,
               help="From the signal to the exit of a node's process, by class of exit."),
        Metric("raftfleet_exit_latency_last_seconds", G, _EXIT,
               help="The latest exit latency by class of exit (middle of its interval)."),
        Metric("raftfleet_exits", C, _EXIT,
               help="Exits, and signals that no exit followed."),
        Metric("raftfleet_exit_bound_seconds", G, _CLUSTER,
               help="How long a graceful exit may take."),
        Metric("raftfleet_rejoin_seconds", H, (*_DRILL, "cause"),
               help="From the start of a node until it was ready and had caught up."),
        Metric("raftfleet_rejoin_last_seconds", G, (*_DRILL, "cause"),
               help="The latest rejoin (middle of its interval)."),
        Metric("raftfleet_rejoins_censored", C, (*_DRILL, "cause"),
               help="Nodes that had not caught up when they were stopped again or watching ended."),
        Metric("raftfleet_log_lines", C, (*_DRILL, "level", "verdict"),
               help="Lines of the nodes' logs, by level and by what their rule says of them."),
    ),
    "Live": (
        Metric("raftfleet_raft_role", G, (*_RAFT, "role"),
               help="1 for the role the node says it has in the group, 0 for the others."),
        Metric("raftfleet_raft_term", G, _RAFT,
               help="The group's term as the node sees it."),
        Metric("raftfleet_raft_last_log_index", G, _RAFT,
               help="The last index of the node's log."),
        Metric("raftfleet_raft_last_applied_index", G, _RAFT,
               help="The last index the node has applied."),
        Metric("raftfleet_raft_members", G, (*_RAFT, "kind"),
               help="How many voters and learners the node counts in the group."),
        Metric("raftfleet_raft_leader_info", G, _RAFT,
               help="1 for the leader of the group: it says so, and a majority of the live voters names it."),
        Metric("raftfleet_raft_has_leader", G, (*_CLUSTER, "group"),
               help="Whether the group has a leader that a majority of the live voters names."),
        Metric("raftfleet_node_standing", G, (*_NODE, "standing"),
               help="1 for how the node is doing, 0 for the others."),
        Metric("raftfleet_observer_coverage_ratio", G, _NODE,
               help="The part of the last second's polls that the node answered."),
        Metric("raftfleet_observer_silence_seconds", G, _NODE,
               help="Seconds since the node last answered."),
        Metric("raftfleet_faults_active", G, (*_CLUSTER, "kind"),
               help="Faults that are meant to hold and are not undone, by kind."),
    ),
    "Serve": (
        Metric("raftfleet_serve_start_timestamp_seconds", G, (),
               help="When this `raftfleet serve` began (Unix time)."),
        Metric("raftfleet_serve_state_readable", G, (),
               help="1 when the figures of past drills could be read at this scrape, else 0."),
        Metric("raftfleet_config_last_reload_successful", G, (),
               help="1 when its files were sound when last read (at the start, on SIGHUP), else 0."),
        Metric("raftfleet_config_last_reload_success_timestamp_seconds", G, (),
               help="When its files were last read and found sound (Unix time)."),
        Metric("raftfleet_serve_requests", C, ("page", "code"),
               help="Requests that were answered."),
        Metric("raftfleet_serve_connections", G, (),
               help="Connections of clients right now, this scrape's included."),
        Metric("raftfleet_serve_connections_refused", C, ("reason",),
               help="Connections that ended without an answer: crowded (made room for others), slow"
                    " (their time was over), broken."),
        Metric("raftfleet_cluster_steady", G, _CLUSTER,
               help="1 while every node is up and all agree on leaders, terms and voters, else 0."),
        Metric("raftfleet_observer_age_seconds", G, _CLUSTER,
               help="Seconds since the observer last took note of anything; its tick is a second."),
        Metric("raftfleet_host_reachable", G, _NODE,
               help="1 when the node's host could be asked last time, else 0."),
        Metric("raftfleet_host_trouble", G, (*_NODE, "reason"),
               help="1 for why the node's host cannot be asked: unreachable, authentication, host_key,"
                    " certificate, forwarding, failed (it answers, and not as it should)."),
        Metric("raftfleet_schedule_active", G, ("schedule",),
               help="1 while the schedule's drills run, else 0."),
        Metric("raftfleet_schedule_next_timestamp_seconds", G, ("schedule",),
               help="When the schedule is due next (Unix time)."),
        Metric("raftfleet_schedule_runs", C, ("schedule", "result"),
               help="Runs that a schedule began: pass, fail, inconclusive, interrupted, error."),
        Metric("raftfleet_schedule_skips", C, ("schedule", "reason"),
               help="Times that a schedule was due and not begun: unsteady (cluster), locked (by another"
                    " controller), unreachable (host), late, overlap (with another schedule)."),
    ),
}
"""The table, by what its metrics speak of."""
# fmt: on

METRICS = {metric.name: metric for metrics in TABLE.values() for metric in metrics}
"""The same by name."""
