"""A node that stands in for RobustMQ's broker-server where the real binary cannot be had.

It has a Raft of its own (elections, replication, votes and log on disk, TCP between nodes), three
groups like the broker, the broker's command line, configuration file, ports, admin API, metrics and
log lines. `bundle.bundle` packs it into one executable file that needs nothing on its host but
Python, 3.9 or newer; it is installed, started, asked and killed like the real one. It imports
nothing else of raftfleet.

How fast it lives is chosen by environment variables, so that ``server.toml`` stays the broker's:

==============================  ==================================================================
``RAFTFLEET_SIMULATOR_PRESET``  ``head`` (default: today's broker, elections after 30-40 s),
                                ``seed`` (1.5-3 s elections, exits in 5-7 s), ``fast`` (for tests)
``RAFTFLEET_SIMULATOR_SEED``    any text: what a node draws then depends on it, the node's id and
                                how often it has been started, and on nothing else
``RAFTFLEET_SIMULATOR_LEASE``   one figure of `presets.Preset`, likewise ``..._ELECTION=1.5-3``,
                                ``..._DRAIN``, ``..._WATCHDOG`` and so on for every other
==============================  ==================================================================

What differs from the broker
----------------------------
Raft:

* Within a term only a candidate gives its vote away. The broker lets any voter go over to a greater
  candidate, so that a term can, rarely, have two leaders there, and never here.
* There are no snapshots and no log is ever purged: ``snapshot`` and ``purged`` stay null, a follower
  gets entries however far it is behind, and the broker's empty snapshots do not happen. The store is
  in memory and is built from the log at every start, which takes longer as the log grows.
* A node that was stopped (SIGSTOP) reads what waits in its sockets before it looks at its clock. So
  a follower that slept through an election timeout does not stand at once, as the broker's does.
* Nodes talk to each other over the gRPC port in a protocol of their own, not in gRPC.
* A disk that is full ends the group that could not write; what the broker does then is not known.

Cluster:

* A restart adds two metadata entries (a key that shows that the cluster takes writes, and the
  registration); the broker's also moves segment leaders, about eight entries more.
* A leader that has just come back never answers ``NodeCallManager global sender is not
  initialized``: its pushes start with its first write.
* ``node/leave`` refuses to remove a node that leads a group; refusals are worded by guess.

Broker:

* It carries no messages: the protocol ports accept connections and hold them. Nothing writes to
  ``$SYS`` topics, and inner topics are names in the log. TLS files must exist but are not read, and
  no port speaks TLS.
* The admin API knows login, info, health, ``config/get``, ``node/leave`` and tenants; the rest is
  404. gRPC-web knows ClusterStatus, ListTenant, NodeList, Get, Exists, Set and Delete.
* ``/metrics`` has the Raft series and one other.
* ``ROBUST_MQ_SERVER_*`` variables are not read. Values are checked for their type only; of the roles
  only ``engine`` counts.
* The file behind ``/proc/PID/exe`` is the Python interpreter; memory is 25 MB instead of 565.

Time and log:

* Start-up steps and exits take an even draw from the measured range, without the broker's second
  mode (a first start that takes 1.5 s to be ready).
* The banner is another, and openraft logs nothing below info. Missing are lines about membership
  steps, snapshots, start-up state, storage threads, delay tasks and protocol brokers that no rule
  needs.
* Texts nobody has seen are guesses: a busy gRPC, MQTT, NATS or AMQP port, a value of the wrong type,
  an empty key, a locked data directory, bodies that are valid JSON of the wrong shape.
"""
