"""`python -m raftfleet` is `raftfleet`."""

from __future__ import annotations

from raftfleet.cli import main

if __name__ == "__main__":
    main()
