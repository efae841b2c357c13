"""The journal's events: this file is the documentation of the format.

A journal is JSON lines. Each line is one event: ``event`` names its kind, ``seq`` is given by the
writer, ``t`` is seconds on the controller's monotonic clock and ``u`` how far off it may be;
``wall`` (Unix time) is for people. Everything else is the event's own. Fields a reader does not
know are kept, not refused, and so are whole events.

A change that was polled lies in ``(since, t]``; a stamp taken on a host is an `Interval` on the
controller's clock. Intent is written before an action, the result after.
"""

from __future__ import annotations

from typing import Any

import msgspec

from .log_rules import LogRule, Spell
from .values import GroupStatus, Incarnation, Interval, Lack, Leg, NodeIdentity, Port, Timing

# fmt: off
__all__ = [
    "ClusterDescribed", "ClusterGeneration", "CoverageSampled", "DrillEnded", "DrillStarted",
    "Event", "FaultConfirmed", "FaultFailed", "FaultIntent", "FaultUndone", "FindingMade",
    "HostClockRead", "HostConnected", "HostLost", "ListingRead", "LockAcquired", "LockLost",
    "LockReleased", "LockRenewedLate", "LogCollected", "LogLine", "LogMissing", "LogTally",
    "NodeBusy", "NodeDeployed", "NodeExited", "NodeFound",
    "NodeNotExited", "NodeReady", "NodeSignalled", "NodeStartIntent", "NodeStarted",
    "NodeStopIntent", "NodeWiped", "PeersRead", "PlayEnded", "PlayStarted", "ReadMissed",
    "RunEnded", "RunError", "RunStarted", "StatusMissed", "StatusSeen", "StoreRead", "TaskCommand",
    "TaskProgress", "TaskResult", "TaskStarted", "UnknownEvent", "VerdictGiven", "WaitBegan", "WaitEnded",
    "WriteEnded", "WriteSkipped", "WriterStarted", "WriterStopped", "WritesRemoved",
]
# fmt: on


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", omit_defaults=True):
    """What every event carries. The writer fills ``seq``; ``t`` is filled when left at 0."""

    seq: int = 0
    t: float = 0.0
    u: float = 0.0
    wall: float = 0.0


# --- run and host ----------------------------------------------------------------------------


class RunStarted(Event, frozen=True, kw_only=True, tag="run.started"):
    """The first event: who ran what, from which inventory.

    ``inventory`` maps host names to their addresses; ``versions`` maps packages to versions.
    ``recording`` is the folder that was imported, empty when raftfleet ran the drill itself.
    """

    run: str
    argv: tuple[str, ...]
    versions: dict[str, str]
    seed: int
    inventory: dict[str, str] = {}
    recording: str = ""


class RunError(Event, frozen=True, kw_only=True, tag="run.error"):
    """Something other than a task went wrong: a wrong file or request, or a defect of raftfleet.

    ``exit_code`` is what it alone leads to; ``where`` is ``file:line:column``, where that is known.
    """

    message: str
    exit_code: int
    hint: str = ""
    where: str = ""


class RunEnded(Event, frozen=True, kw_only=True, tag="run.ended"):
    """The last event of a run that was not cut short."""

    exit_code: int
    reason: str = ""


class HostConnected(Event, frozen=True, kw_only=True, tag="host.connected"):
    """A connection was opened; ``seconds`` is what it took, authentication included."""

    host: str
    address: str
    seconds: float


class HostLost(Event, frozen=True, kw_only=True, tag="host.lost"):
    """A host did not answer, or its connection broke."""

    host: str
    reason: str


class HostClockRead(Event, frozen=True, kw_only=True, tag="host.clock"):
    """A host's clocks, read between ``sent`` and ``received`` on ours.

    ``monotonic`` is seconds on the host's boot clock (it never steps, and a shell can read it),
    ``host_wall`` its Unix time: together they map the stamps of its logs even when its wall clock
    steps between two readings.
    """

    host: str
    sent: float
    received: float
    monotonic: float
    host_wall: float


# --- play and task ---------------------------------------------------------------------------


class PlayStarted(Event, frozen=True, kw_only=True, tag="play.started"):
    """A play begins on these hosts; ``unmatched`` parts of its pattern named nobody.

    ``check``: in check mode.
    """

    play: str
    hosts: tuple[str, ...]
    unmatched: tuple[str, ...] = ()
    check: bool = False


class PlayEnded(Event, frozen=True, kw_only=True, tag="play.ended"):
    """A play ended; ``cut`` when one failure ended it for all (`any_errors_fatal` and the like)."""

    play: str
    cut: bool = False


class TaskStarted(Event, frozen=True, kw_only=True, tag="task.started"):
    """A task begins; ``task`` is its number in this run, ``where`` is ``file:line``.

    ``check``: in check mode, so it changes nothing.
    """

    task: int
    name: str
    module: str
    where: str = ""
    handler: bool = False
    check: bool = False


class TaskProgress(Event, frozen=True, kw_only=True, tag="task.progress"):
    """Something to show while a task is busy: bytes sent, a retry, what a wait last saw.

    ``left`` is how many tries are left when it failed and is tried again.
    """

    task: int
    host: str
    text: str
    done: int | None = None
    total: int | None = None
    left: int | None = None


class TaskCommand(Event, frozen=True, kw_only=True, tag="task.command"):
    """A task is about to do this on a host; recorded from ``-vvv`` on.

    ``what`` is run, open, put or get; ``line`` is the command's line, or the path.
    """

    task: int
    host: str
    what: str
    line: str
    become: str = ""


class TaskResult(Event, frozen=True, kw_only=True, tag="task.result"):
    """What a task came to on one host.

    ``status`` is one of ok, changed, failed, skipped, unreachable; ``ignored`` and ``rescued``
    qualify a failure. ``result`` is what `register` sees, without secrets. ``delegated`` is the
    host that the task acted on instead. ``quiet``: its result is not worth showing.
    """

    task: int
    host: str
    status: str
    seconds: float
    result: dict[str, Any] = {}
    item: str | None = None
    ignored: bool = False
    rescued: bool = False
    delegated: str = ""
    quiet: bool = False


# --- cluster and node ------------------------------------------------------------------------


class ClusterDescribed(Event, frozen=True, kw_only=True, tag="cluster.described"):
    """The cluster under drill, with everything judging needs of the system's adapter.

    ``poll_period`` is seconds between two polls of a node. ``markers`` maps a meaning
    (``recovering``, ``joining``, ``shutdown_requested``, ``terminating``, ``forced``) to the text
    of the log line that says so. ``exit_bound`` is how long a graceful exit may take,
    ``watchdog`` after which time the system ends itself by force. ``cluster`` is what it is
    called: `raft_cluster` in the inventory, else the group whose nodes these are. ``log_rules``
    say what the lines of its log mean.
    """

    system: str
    nodes: tuple[NodeIdentity, ...]
    groups: tuple[str, ...]
    timing: Timing | None
    ports: dict[str, tuple[Port, ...]]
    markers: dict[str, str]
    exit_bound: float
    watchdog: float | None
    poll_period: float
    build: str = ""
    cluster: str = ""
    log_rules: tuple[LogRule, ...] = ()


class ClusterGeneration(Event, frozen=True, kw_only=True, tag="cluster.generation"):
    """The cluster's data begin anew: monotonic checks start afresh."""

    generation: int


class WaitBegan(Event, frozen=True, kw_only=True, tag="cluster.wait_began"):
    """raftfleet begins to wait for the cluster, not longer than ``timeout`` seconds."""

    wait: int
    what: str
    timeout: float


class WaitEnded(Event, frozen=True, kw_only=True, tag="cluster.wait_ended"):
    """The wait is over; when its deadline passed, ``last_seen`` says what was there instead."""

    wait: int
    met: bool
    last_seen: str = ""


class NodeDeployed(Event, frozen=True, kw_only=True, tag="node.deployed"):
    """The program on a node's host is this one: ``digest`` is its SHA-256."""

    node: str
    path: str
    digest: str


class NodeFound(Event, frozen=True, kw_only=True, tag="node.found"):
    """What the host says of a node we did not just start: running in this incarnation, or not."""

    node: str
    incarnation: Incarnation | None


class NodeStartIntent(Event, frozen=True, kw_only=True, tag="node.start_intent"):
    """We are about to start a node."""

    node: str


class NodeStarted(Event, frozen=True, kw_only=True, tag="node.started"):
    """A node's process exists. ``at`` is when; ``executable`` is the digest of what runs."""

    node: str
    incarnation: Incarnation
    at: Interval
    executable: str = ""
    sigign: str = ""


class NodeReady(Event, frozen=True, kw_only=True, tag="node.ready"):
    """A started node is up: the same incarnation is alive and holds all its ports.

    ``seen_by`` names the live nodes whose own view lists it as a voter in every group. ``since``
    is when the last look began that found one of its ports closed, None when none did.
    """

    node: str
    incarnation: Incarnation
    listening: tuple[str, ...]
    seen_by: tuple[str, ...]
    since: float | None = None


class NodeStopIntent(Event, frozen=True, kw_only=True, tag="node.stop_intent"):
    """We are about to signal a node; ``leads`` are the groups it leads right now."""

    node: str
    signal: str
    grace: float
    leads: tuple[str, ...] = ()


class NodeSignalled(Event, frozen=True, kw_only=True, tag="node.signalled"):
    """The signal was sent to this incarnation, at this time."""

    node: str
    signal: str
    incarnation: Incarnation
    at: Interval
    sigign: str = ""


class NodeExited(Event, frozen=True, kw_only=True, tag="node.exited"):
    """A node's process is gone.

    ``status`` is its exit status, negative for the number of the signal that ended it, None when
    nobody kept it. ``latency`` is seconds from the signal, measured on the host; None for an exit
    nobody asked for.
    """

    node: str
    incarnation: Incarnation
    at: Interval
    status: int | None
    latency: Interval | None = None
    signal: str = ""


class NodeNotExited(Event, frozen=True, kw_only=True, tag="node.not_exited"):
    """A node was alive when the grace it was given was over (`sigign`: /proc/PID/status)."""

    node: str
    incarnation: Incarnation
    signal: str
    waited: float
    sigign: str = ""


class NodeWiped(Event, frozen=True, kw_only=True, tag="node.wiped"):
    """A node's data were removed: for this node monotonic checks start afresh."""

    node: str
    paths: tuple[str, ...]


class NodeBusy(Event, frozen=True, kw_only=True, tag="node.cpu"):
    """A node's process used ``cpu`` seconds of processor time (user and system) in ``(since, t]``.

    ``state`` is its state at ``t`` in the kernel's letters: R, S, D, T, Z.
    """

    node: str
    incarnation: Incarnation
    since: float
    cpu: float
    state: str = ""


# --- faults ----------------------------------------------------------------------------------


class FaultIntent(Event, frozen=True, kw_only=True, tag="fault.intent"):
    """We are about to break something; written before any host is touched.

    ``fault`` names it in the events that follow. ``kind`` is one of pause, partition (both ways),
    partition-in, partition-out, slow-link, fill-disk; signals and exits of processes are `node`
    events. ``targets`` are the nodes it is done to; ``peers`` those a target is cut off from,
    empty where that means nothing.
    """

    fault: str
    kind: str
    targets: tuple[str, ...]
    peers: tuple[str, ...] = ()


class FaultConfirmed(Event, frozen=True, kw_only=True, tag="fault.confirmed"):
    """The fault was seen to hold from ``at`` on: that is when contact ended."""

    fault: str
    at: Interval


class FaultFailed(Event, frozen=True, kw_only=True, tag="fault.failed"):
    """The fault could not be put in place, or nothing confirms that it was; nothing of it is left."""

    fault: str
    reason: str


class FaultUndone(Event, frozen=True, kw_only=True, tag="fault.undone"):
    """The fault held no longer from ``at`` on; ``by`` is us, or deadman when the host undid it."""

    fault: str
    at: Interval
    by: str = "us"


# --- what nodes say of themselves ------------------------------------------------------------


class StatusSeen(Event, frozen=True, kw_only=True, tag="status.seen"):
    """A node's own view changed somewhere in ``(since, t]``; only the changed groups stand here."""

    node: str
    since: float
    groups: dict[str, GroupStatus]


class StatusMissed(Event, frozen=True, kw_only=True, tag="status.missed"):
    """A node stopped answering polls (written once, at the first miss), and why."""

    node: str
    since: float
    reason: str


class CoverageSampled(Event, frozen=True, kw_only=True, tag="status.coverage"):
    """The tick of each second: how well each node was watched since the last one.

    ``polls`` and ``misses`` count; ``gap`` is the longest time in seconds without an answer.
    """

    polls: dict[str, int]
    misses: dict[str, int]
    gap: dict[str, float]


# --- writes and reads ------------------------------------------------------------------------


class WriterStarted(Event, frozen=True, kw_only=True, tag="write.writer_started"):
    """A writer begins to write through one node.

    ``kind`` says what it writes: ``register`` (few keys, one writer for each, values that only
    rise) or ``create`` (every key once). It sends on a fixed schedule, every ``period`` seconds;
    0 means that it sends the next when the last was answered. All its keys begin with ``prefix``.
    This is the intent of all its writes: in a run that was cut short one may have been under way.
    """

    writer: str
    kind: str
    via: str
    period: float = 0.0
    prefix: str = ""


class WriterStopped(Event, frozen=True, kw_only=True, tag="write.writer_stopped"):
    """A writer sends no more; every write it had sent has its `write.ended`."""

    writer: str


class WriteEnded(Event, frozen=True, kw_only=True, tag="write.ended"):
    """A write came to an end at ``t``.

    ``intended`` is when its slot was due, ``sent`` when it was really sent: a late write counts
    from its slot. ``outcome`` is ``ok`` (acknowledged), ``refused`` (with proof that nothing was
    written) or ``unknown`` (anything else: it may have happened, or happen yet); ``reason`` is
    the answer or error in words. ``legs`` holds every request it took when it took more than one:
    whoever follows the hint of a refusal records both.
    """

    writer: str
    via: str
    key: str
    value: str
    sent: float
    outcome: str
    intended: float = 0.0
    reason: str = ""
    legs: tuple[Leg, ...] = ()


class WriteSkipped(Event, frozen=True, kw_only=True, tag="write.skipped"):
    """Slots between ``intended`` and ``until`` that could not be sent: they count as outage."""

    writer: str
    via: str
    intended: float
    until: float
    count: int
    reason: str = ""


class WritesRemoved(Event, frozen=True, kw_only=True, tag="write.removed"):
    """What a drill had written was taken away: ``count`` keys that begin with ``prefix``.

    ``left`` are those that could not be removed, and may still be there.
    """

    prefix: str
    count: int
    left: Lack = Lack()


class StoreRead(Event, frozen=True, kw_only=True, tag="read.store"):
    """A node's own store was read, from ``sent`` until ``t``.

    Reads that belong together, one of each node, share a ``round``. ``values`` holds the keys
    asked for by name, None for one that is not there. ``count`` is how many keys below our prefix
    the store holds, ``digest`` a hash over them and their values in order: either may be unknown.
    Of ``asked`` acknowledged keys the reader looked for itself it missed those in ``lacks``.
    """

    node: str
    round: int
    sent: float
    values: dict[str, str | None] = {}
    count: int | None = None
    digest: str = ""
    asked: int = 0
    lacks: Lack = Lack()


class ListingRead(Event, frozen=True, kw_only=True, tag="read.listing"):
    """What a node's API lists, compared with its own store of the same ``round``.

    ``lacks`` are keys of the store that the list has not, ``extra`` the other way round. Only of
    systems whose API answers from a cache.
    """

    node: str
    round: int
    sent: float
    count: int
    lacks: Lack = Lack()
    extra: Lack = Lack()


class PeersRead(Event, frozen=True, kw_only=True, tag="read.peers"):
    """The nodes that a node lists as present; written whenever that changed, in ``(since, t]``.

    Only of systems that keep such a list beside Raft's membership.
    """

    node: str
    since: float
    peers: tuple[str, ...]


class ReadMissed(Event, frozen=True, kw_only=True, tag="read.missed"):
    """A node did not answer a read; ``what`` is ``store``, ``listing`` or ``peers``.

    Of ``peers`` only the first miss of a row is written; ``round`` is 0 there.
    """

    node: str
    what: str
    reason: str
    round: int = 0


# --- logs ------------------------------------------------------------------------------------


class LogLine(Event, frozen=True, kw_only=True, tag="log.line"):
    """A line of a node's log that a rule names; ``at`` maps its stamp to our clock."""

    node: str
    marker: str
    level: str
    target: str
    message: str
    at: Interval
    offset: int = 0


class LogTally(Event, frozen=True, kw_only=True, tag="log.tally"):
    """All lines of one template in a node's log, since its logs were last collected.

    ``rule`` is the first rule that names them, empty for none; ``template`` is the message with
    numbers, addresses and ids masked. ``peer`` is the node that a rule found named in the line.
    Lines closer together than two seconds are one of ``spells``; ``examples`` holds the first
    few, without secrets. Of lines below WARN that no rule knows all are one spell, and there are
    no examples.
    """

    node: str
    rule: str
    level: str
    target: str
    template: str
    spells: tuple[Spell, ...]
    peer: str = ""
    examples: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """How many lines there were."""
        return sum(spell.count for spell in self.spells)


class LogCollected(Event, frozen=True, kw_only=True, tag="log.collected"):
    """A node's log was read from ``start`` to ``end`` (bytes) and kept in the run folder.

    ``newest`` is the stamp of its last record on our clock, where that is known.
    """

    node: str
    path: str
    start: int
    end: int
    lines: int
    kept: str = ""
    newest: float | None = None


class LogMissing(Event, frozen=True, kw_only=True, tag="log.missing"):
    """A node's log could not be read: a gap in evidence."""

    node: str
    path: str
    reason: str


# --- drill, check and verdict ----------------------------------------------------------------


class DrillStarted(Event, frozen=True, kw_only=True, tag="drill.started"):
    """A drill begins: what it expects, forbids and needs as evidence.

    ``watch`` is how many seconds watching goes on after its last undo. ``budget`` holds limits in
    seconds: ``outage`` is how long writes may stand still. ``keep_data``: what is written stays in
    the cluster; None when a journal does not say. What lies before this event is set-up and is
    not judged.
    """

    drill: str
    expects: tuple[str, ...]
    forbids: tuple[str, ...] = ()
    evidence: dict[str, int] = {}
    budget: dict[str, float] = {}
    watch: float = 0.0
    leaves: str = "running"
    allow_quorum_loss: bool = False
    keep_data: bool | None = None


class DrillEnded(Event, frozen=True, kw_only=True, tag="drill.ended"):
    """A drill's own window ends; ``aborted`` says why it did not run to its end."""

    drill: str
    aborted: str = ""


class FindingMade(Event, frozen=True, kw_only=True, tag="check.finding"):
    """What a check found, as it was judged at the end of the run."""

    drill: str
    check: str
    severity: str
    message: str
    node: str | None = None
    group: str | None = None
    at: float | None = None
    cause: str = ""


class VerdictGiven(Event, frozen=True, kw_only=True, tag="verdict.given"):
    """The verdict of one drill, as it was judged at the end of the run."""

    drill: str
    verdict: str


# --- the cluster lock -------------------------------------------------------------------------


class LockAcquired(Event, frozen=True, kw_only=True, tag="cluster.lock.acquired"):
    """This run holds the cluster lock, on these hosts, in this epoch (it only ever rises).

    ``after`` says whose lock it took over, because it had expired or its holder was dead.
    """

    epoch: int
    hosts: tuple[str, ...]
    life: float
    after: str = ""


class LockRenewedLate(Event, frozen=True, kw_only=True, tag="cluster.lock.renewed_late"):
    """A renewal by a majority came late: this many seconds after the one before."""

    seconds: float


class LockLost(Event, frozen=True, kw_only=True, tag="cluster.lock.lost"):
    """The lock is not ours any more: hosts refuse what we ask of them from here on."""

    reason: str


class LockReleased(Event, frozen=True, kw_only=True, tag="cluster.lock.released"):
    """The run gave the lock back."""

    epoch: int


class UnknownEvent(Event, frozen=True, kw_only=True, tag="?"):
    """An event of a kind this version does not know, kept as it was."""

    kind: str
    fields: dict[str, Any] = {}
