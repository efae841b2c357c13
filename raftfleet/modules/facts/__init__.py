"""Facts: what `setup` finds out about a host, asked in one POSIX-sh command, read on the controller.

``questions`` is what the host is asked and under which subset; the other files read the answers,
each those of one subject. Fact names here lack the prefix ``ansible_``; `setup` puts it on.
"""

from __future__ import annotations

from raftfleet.modules.facts.questions import QUESTIONS, chosen, script
from raftfleet.modules.facts.reading import read_facts

__all__ = ["QUESTIONS", "chosen", "read_facts", "script"]
