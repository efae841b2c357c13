"""The append-only record of a run: event types, writer, reader, and the fold to a picture."""

from __future__ import annotations

from .agreement import behind, disagreement, watermarks
from .codec import Record
from .fold import advance, fold
from .folder import find_run, list_runs, make_run_folder, write_file, write_summary
from .picture import Leader, NodePicture, Picture, Sight, Standing
from .reader import Journal, Span, read_journal
from .thinning import StatusThinner
from .writer import Recorder, Wait

__all__ = [
    "Journal",
    "Leader",
    "NodePicture",
    "Picture",
    "Record",
    "Recorder",
    "Sight",
    "Span",
    "Standing",
    "StatusThinner",
    "Wait",
    "advance",
    "behind",
    "disagreement",
    "find_run",
    "fold",
    "list_runs",
    "make_run_folder",
    "read_journal",
    "watermarks",
    "write_file",
    "write_summary",
]
