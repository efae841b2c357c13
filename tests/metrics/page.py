"""The tables of docs/metrics.md, drawn from the names.

python -m tests.metrics.page writes them into the page anew.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from raftfleet.metrics import LABELS, TABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
_BEGIN = "<!-- from here on: python -m tests.metrics.page -->\n"


def tables() -> str:
    """Every metric and every label, as Markdown."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    for heading, metrics in TABLE.items():
        yield f"\n### {heading}\n"
        yield "| metric | kind | labels | |\n|---|---|---|---|"
        for metric in metrics:
            name = metric.name if metric.kind == "histogram" else metric.series[0]
            yield f"| `{name}` | {metric.kind} | {', '.join(metric.labels)} | {metric.help} |"
    yield "\n### Labels\n\n| label | what it holds |\n|---|---|"
    for label, meaning in LABELS.items():
        yield f"| `{label}` | {meaning} |"


def page(text: str) -> str:
    """The page with its tables as they have to be."""
    return text.partition(_BEGIN)[0] + _BEGIN + tables()


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
