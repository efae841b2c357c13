"""Draws what was compared as a table, and says whether anything unexpected differs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .rows import Outcome, Row
from .verdicts import VERDICT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .known import Known

__all__ = ["Judgement", "judge"]

WIDTH = 200


class Judgement(NamedTuple):
    """The rows of each scenario, sorted by what they mean."""

    agreeing: Mapping[str, list[Row]]
    known: Mapping[str, list[tuple[Row, Known]]]
    unexpected: Mapping[str, list[Row]]
    stale: Sequence[Known]
    again: Sequence[str] = ()
    """Scenarios that were done twice; what differed only once is not among the rows."""

    @property
    def passes(self) -> bool:
        """Whether nothing unexpected differs, in at least one comparison."""
        return not any(self.unexpected.values()) and not self.stale and any(self.agreeing.values())

    def lines(self, *, verbose: bool = False) -> Iterator[str]:
        """Return the table, then what differs unexpectedly, then what is known."""
        size = max(map(len, self.agreeing), default=8)
        yield f"{'scenario':{size}}  agrees  known  differs  verdict"
        for name, rows in self.agreeing.items():
            known, unexpected = self.known[name], self.unexpected[name]
            counts = f"{len(rows):6}  {len(known):5}  {len(unexpected):7}"
            yield f"{name:{size}}  {counts}  {self._verdict(name)}".rstrip()
        if self.again:
            yield f"\ndone twice, for something differed the first time: {', '.join(self.again)}"
        for name, unexpected in self.unexpected.items():
            for row in unexpected:
                yield f"\n{name}: {row.item}: {row.outcome.value}"
                yield f"    recorded   {row.recorded[:WIDTH]}"
                yield f"    simulated  {row.simulated[:WIDTH]}"
        for entry in self.stale:
            yield f"\nstale: {entry.scenario}: {entry.item} no longer differs ({entry.reason})"
        yield from self._explained(verbose=verbose)

    def _verdict(self, name: str) -> str:
        known = [row for row, _ in self.known[name]]
        rows = [*self.agreeing[name], *self.unexpected[name], *known]
        told = [one for one in rows if one.item == VERDICT]
        return ", ".join(
            one.simulated if one.recorded == one.simulated
            else f"{one.simulated}, recorded {one.recorded}" for one in told
        )  # fmt: skip

    def _explained(self, *, verbose: bool) -> Iterator[str]:
        entries = {id(known): known for pairs in self.known.values() for _, known in pairs}
        if entries:
            yield "\nknown differences:"
        for number, known in enumerate(entries.values(), 1):
            yield f"{number:3}. {known.reason} ({len(known.covered)} rows)"
            for row in known.covered if verbose else ():
                yield f"       {row.item}: recorded {row.recorded[:60]}; simulated {row.simulated[:60]}"
        if verbose:
            for name, rows in self.agreeing.items():
                yield from (f"{name}: {row.item}: agrees: {row.recorded[:WIDTH]}" for row in rows)


def judge(
    compared: Mapping[str, Sequence[Row]], known: Sequence[Known], *, complete: bool = True
) -> Judgement:
    """Sort the rows of every scenario; `known` entries remember what they covered.

    Only when the scenarios are ``complete`` can an entry that covered nothing be stale.
    """
    agreeing: dict[str, list[Row]] = {name: [] for name in compared}
    covered: dict[str, list[tuple[Row, Known]]] = {name: [] for name in compared}
    unexpected: dict[str, list[Row]] = {name: [] for name in compared}
    for name, rows in compared.items():
        for row in rows:
            entry = next((one for one in known if one.covers(name, row)), None)
            if row.outcome is Outcome.AGREES:
                agreeing[name].append(row)
            elif entry is not None:
                entry.covered.append(row)
                covered[name].append((row, entry))
            else:
                unexpected[name].append(row)
    stale = [one for one in known if complete and one.is_stale(compared)]
    return Judgement(agreeing, covered, unexpected, stale)
