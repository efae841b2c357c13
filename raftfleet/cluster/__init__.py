"""The cluster under drill: its nodes' processes, their APIs, what they say, and their logs.

Everything that happens is recorded; nothing here judges it, and nothing knows a product.
"""

from __future__ import annotations

from .abandoned import Abandoned, abandoned
from .access import NodeAccess
from .cluster import Cluster
from .control import Control
from .failover import Failover, failover
from .guard import may_stop
from .holder import Holder, Sighting
from .lock import ClusterLock
from .naming import identity_of, make_nodes
from .observe import Observer
from .reach import check_reach
from .selection import RaftView, select
from .stopping import Ending, Stopped
from .traffic import Rates, Traffic
from .waits import patience

__all__ = [
    "Abandoned",
    "Cluster",
    "ClusterLock",
    "Control",
    "Ending",
    "Failover",
    "Holder",
    "NodeAccess",
    "Observer",
    "RaftView",
    "Rates",
    "Sighting",
    "Stopped",
    "Traffic",
    "abandoned",
    "check_reach",
    "failover",
    "identity_of",
    "make_nodes",
    "may_stop",
    "patience",
    "select",
]
