"""What to do next about a finding."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raftfleet.checks import Severity

if TYPE_CHECKING:
    from raftfleet.checks import Finding

__all__ = ["advice"]

# (check, words that the message holds) -> what to do; the first that fits.
_NEXT: tuple[tuple[str, str, str], ...] = (
    ("", "cut short", "`raftfleet up` starts what stayed down; then run the drill again"),
    ("", "not exercised: too few", "bring the other nodes up first, or expect no failover here"),
    ("", "not exercised", "keep the node down until another leads: raft_wait: {for: failover}"),
    ("", "is missing", "see why the log is not where the adapter looks, then run the drill again"),
    ("", "was not collected", "let the drill run to its end, so that logs are collected"),
    ("", "cannot be placed", "the host's clock has to be read: is the host reachable?"),
    ("", "no steady state", "`raftfleet status` shows what is wrong before any drill"),
    ("", "did not run to its end", "see the failed task above"),
    ("", "timing is not known", "tell the inventory the build's election timing"),
    ("", "was not looked at again", "is the host reachable over SSH?"),
    ("evidence", "not heard", "is this machine or the network too busy? run the drill again"),
    ("evidence", "how the nodes were watched", "was this machine asleep? run the drill again"),
    ("evidence", "no node answered", "`raftfleet status`, then `raftfleet up`"),
    ("evidence", "that the drill needs", "let the drill do more, or ask for less: evidence:"),
    ("evidence", "after the last action", "a drill must watch on: watch:"),
    ("exits-graceful", "", "read the node's last lines in the run folder, below logs/"),
    ("starts", "", "read the node's log and console in the run folder, below logs/"),
    ("rejoins", "", "read the node's log in the run folder, below logs/"),
    ("membership", "", "`raftfleet status` shows each node's own view of the voters"),
    ("leader-moves", "", "look at the group's terms and leaders in the journal: status.seen"),
    ("failover-in-interval", "", "does the inventory name the timing this build really has?"),
    ("stores-equal", "", "compare what the nodes applied: was a snapshot installed? see logs/"),
    (
        "writes-survive",
        "no acknowledged",
        "let the drill write: without writes nothing can survive",
    ),
    ("writes-survive", "", "keep the data directories before anything is wiped"),
    ("cache-agrees", "", "restart that node once it has caught up: its list is read at the start"),
    ("node-list-complete", "", "look for heartbeat errors in that node's log, below logs/"),
    ("progress", "nothing was written", "let writers run through the whole drill"),
    ("progress", "", "see which node was away: outages, above"),
    ("leader-undisturbed", "", "watch on after a heal: the harm comes later (watch:)"),
    ("no-busy-loop", "sampled", "let the cluster rest for some seconds before the drill ends"),
    ("no-busy-loop", "", "take a profile of that process before it is restarted"),
    ("logs-clean", "no rule knows", "give the line a rule, if it is harmless: config/logs/"),
    ("logs-clean", "", "read the lines around it in the run folder, below logs/"),
    ("bystanders-alive", "", "look for the kernel's and the supervisor's own log on that host"),
)


def advice(finding: Finding) -> str | None:
    """Return the next step, or None for a finding that asks for none."""
    if finding.severity is Severity.NOTE:
        return None
    for check, words, step in _NEXT:
        if finding.check.startswith(check) and words in finding.message:
            return step
    return None
