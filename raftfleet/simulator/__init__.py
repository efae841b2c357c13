"""A node that stands in for RobustMQ's broker-server where the real binary cannot be had.

It has a Raft of its own (elections, replication, votes and log on disk, TCP between nodes), three
groups like the broker, the broker's command line, configuration file, ports, admin API, metrics and
log lines. `bundle.bundle` packs it into one executable file that needs nothing on its host but
Python, 3.9 or newer; it is installed, started, asked and killed like the real one. It imports
nothing else of raftfleet.

How fast it lives is chosen by environment variables, so that ``server.toml`` stays the broker's:

===============================  ==================================================================
``RAFTFLEET_SIMULATOR_PRESET``   ``head`` (default: today's broker, elections after 30-40 s),
                                 ``seed`` (1.5-3 s elections, exits in 5-7 s), ``fast`` (for tests)
``RAFTFLEET_SIMULATOR_DEFECTS``  known defects to have, see `defects`: ``cache-gap``,
                                 ``snapshot-imports-nothing``, with commas between; none by default
``RAFTFLEET_SIMULATOR_SEED``     any text: what a node draws then depends on it, the node's id and
                                 how often it has been started, and on nothing else
``RAFTFLEET_SIMULATOR_LEASE``    one figure of `presets.Preset`, likewise ``..._ELECTION=1.5-3``,
                                 ``..._DRAIN``, ``..._WATCHDOG`` and so on for every other
===============================  ==================================================================

What differs from the broker
----------------------------
Its behaviour is held to recordings of the real one by ``tests/fidelity``. What is known to remain:

Raft:

* Within a term only a candidate gives its vote away. The broker lets any voter go over to a greater
  candidate, so that a term can, rarely, have two leaders there, and never here (`core` says why).
* A snapshot travels in one piece. With ``snapshot-imports-nothing`` a restarted node finds the
  snapshot it has installed; the broker says that there is none and builds one. There are no
  ``.meta`` files. The store is in memory: a restart loads the snapshot and applies the log behind
  it. Snapshots are taken 5-30 ms after they are due, as the broker's are on an idle machine.
* A learner becomes a voter once it has the log; the broker is content when it lacks fewer than
  5,000 entries. Joins and leaves are carried out one after the other.
* Nodes talk to each other over the gRPC port in a protocol of their own, not in gRPC. What HTTP/2
  would do there is done where it shows: shared connections, calls taken back, keep-alive. Not done:
  a server here never breaks a connection for too many calls taken back, and an attempt to connect
  ends with its call, where the broker's goes on and can fail the next one. Connections of the broker's
  own host after a heal recover with the next call; the broker's recovered only after 26 s, so that
  its lists and ``Heartbeat timeout`` lines stay wrong for longer there.
* After a restart a leader sends heartbeats to a peer it has not reached yet; the broker only
  retries to send entries until it has.
* A disk that is full ends the group that could not write; what the broker does then is not known.

Cluster:

* A restart adds two metadata entries (a key that shows that the cluster takes writes, and the
  registration); the broker's also moves segment leaders, about eight entries more, and pushes that.
* Of three fresh nodes started at one moment, one can bootstrap while the two others join each other
  and exit. It lives on; the broker's exited too, in the one recorded round that went so.
* Without ``cache-gap`` the list of tenants also follows the node's own store, and a leader that has
  just come back keeps its pushes instead of refusing. Both are ours: the broker has the defect.

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
  steps, start-up state, segments and their replicas, storage threads, delay tasks and protocol
  brokers.
* Texts nobody has seen are guesses: a busy gRPC, MQTT, NATS or AMQP port, a value of the wrong type,
  an empty key, a locked data directory, bodies that are valid JSON of the wrong shape.
"""
