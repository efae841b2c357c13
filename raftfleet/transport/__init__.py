"""The one door to a host: commands, streams, files and ports, over SSH or on this machine.

`protocol` says what a transport can do. `Fleet` keeps the transports of an inventory and works on
many hosts at once. Fabric and paramiko are imported when the first SSH transport is made.
"""

from __future__ import annotations

from raftfleet.transport.fleet import FORKS, Fleet, FleetProgress, make_transport
from raftfleet.transport.options import (
    CONNECTION_VARIABLES,
    LocalOptions,
    SshOptions,
    options_from_variables,
    unless_said,
)
from raftfleet.transport.protocol import (
    Command,
    Endpoint,
    Exited,
    Lost,
    Outcome,
    Progress,
    Signalled,
    Stream,
    TimedOut,
    Transfer,
    Transport,
    Tunnel,
)
from raftfleet.transport.sshconfig import hops, resolve

__all__ = [
    "CONNECTION_VARIABLES",
    "FORKS",
    "Command",
    "Endpoint",
    "Exited",
    "Fleet",
    "FleetProgress",
    "LocalOptions",
    "Lost",
    "Outcome",
    "Progress",
    "Signalled",
    "SshOptions",
    "Stream",
    "TimedOut",
    "Transfer",
    "Transport",
    "Tunnel",
    "hops",
    "make_transport",
    "options_from_variables",
    "resolve",
    "unless_said",
]
