"""``python -m raftfleet.sandbox.inside``: makes hosts inside a user namespace, as its root.

Only ``rootless`` starts it. A failure is told on standard output as JSON: message and hint.
"""

from __future__ import annotations

import json
import sys

from raftfleet.errors import SandboxError
from raftfleet.sandbox.making import up


def main(name: str, hosts: str, disk_mb: str) -> int:
    """Make the hosts of a sandbox; return the exit status."""
    try:
        up(name, int(hosts), disk_mb=int(disk_mb))
    except SandboxError as error:
        sys.stdout.write(json.dumps({"message": error.message, "hint": error.hint}))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
