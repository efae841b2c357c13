"""Programs that run on a host and not here; `cluster.remote` hands them over.

The scripts are for any POSIX shell with coreutils and util-linux and begin with `state.sh`. Stamps
are seconds on the host's boot clock: it never steps, and it is the only such clock that a shell
can read (/proc/uptime, two decimals).
"""

from __future__ import annotations
