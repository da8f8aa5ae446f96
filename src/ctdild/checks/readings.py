"""Double entry: each figure against what was noted when its source was read.

Extracting twice and comparing is the standard safeguard of systematic reviews (Cochrane Handbook 5.5). Most figures of one
arm, and most lone p-values, stand beside nothing else that could betray a slip; ``readings.csv`` holds what was noted of
them, apart from their row.

A figure that differs from its reading may be a slip of the pen or an edit, and what departs with it tells which:

- a slip strikes one figure, or brings in the figures of another row, or limits of another level: the build stops
  (`lone_figures`, `copied_figures`, `rescaled_limits`);
- an edit moves the figures of a result together: the comparison, its limits and p, its arms, a count and its percentage.
  The finding is then for information (`second_entry`): whoever corrects a result need not do it in two places.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from ..evidence import Evidence, Printed, Row
from ..measures import DIFFERENCES, RATIOS
from .finding import Finding, rows
from .plausibility import ASYMMETRIC_METHODS, bounds, critical_z, overlap

FIGURES = {
    "arm_results": ("value", "spread", "low", "high", "events", "percent"),
    "contrasts": ("estimate", "ci_low", "ci_high", "p_value"),
}
LIMITS = {"ci_low", "ci_high"}

_RANGE = re.compile(r"(?<=\d)[–-](?=\d)")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}\b)")
_LEVEL = re.compile(r"\b\d\d ?% ?CI\b")
_FIGURE = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?|\d+(?:\.\d+)?")


@functools.cache
def numbers(reading: str) -> tuple[str, ...]:
    """The figures in a note, in its order, as text with their decimals; the hyphen of a range is no minus, a level no figure."""
    plain = reading.replace("−", "-").replace("·", ".")
    return tuple(_FIGURE.findall(_THOUSANDS.sub("", _RANGE.sub(" to ", _LEVEL.sub(" ", plain)))))


@dataclass(frozen=True)
class Departure:
    """One row that is not as its reading has it."""

    row: Row
    note: Row
    columns: tuple[str, ...]  #: whose figures the reading does not have
    gone: tuple[str, ...]  #: figures of the reading that are nowhere in the row

    def text(self, column: str) -> str:
        return _printed(self.row, column)

    @property
    def repair(self) -> str:
        """What to do in either case: a slip in the row, or a figure that the source gives otherwise."""
        back = f"write {self.gone[0]}" if len(self.columns) == len(self.gone) == 1 else "write what was noted"
        return f"{back}; or, if the source says {self.shown}, change line {self.note.line} of readings.csv too"

    @property
    def shown(self) -> str:
        """The figures that depart."""
        return ", ".join(self.text(column) for column in self.columns)

    def but(self, what: str = "") -> str:
        """What stands there, what was noted, and ``what`` to make of it."""
        return f'{self.shown}, but "{self.note.reading}" was noted when the source was read{what}'


def departures(evidence: Evidence) -> list[Departure]:
    """Every row that differs from its reading."""
    by_address = {(table, row.id): row for table in FIGURES for row in rows(evidence, table)}
    found = []
    for note in rows(evidence, "readings"):
        row = by_address.get((note["table"], note.row_id))
        if row is None:
            continue
        noted = numbers(note.reading)
        columns = tuple(c for c in FIGURES[row.table] if _printed(row, c) and _printed(row, c) not in noted)
        there = {_printed(row, column) for column in (*FIGURES[row.table], "n", "n_a", "n_b") if column in row}
        if columns:
            found.append(Departure(row, note, columns, tuple(figure for figure in noted if figure not in there)))
    return found


def second_entry(evidence: Evidence) -> Iterator[Finding]:
    """Every figure of a row stands in its reading; listed where several moved together, as in an edit."""
    addresses = {(table, row.id) for table in FIGURES for row in rows(evidence, table)}
    for note in rows(evidence, "readings"):
        if (note["table"], note.row_id) not in addresses:
            yield Finding(
                note, "row_id", f"{note.row_id} is no row of {note['table']}", "mend the address, or remove the reading with its row"
            )
    for departure in _unless_slips(evidence):
        yield Finding(departure.row, departure.columns[0], departure.but(), departure.repair)


def _unless_slips(evidence: Evidence) -> Iterator[Departure]:
    found = departures(evidence)
    slips = {d.row for d in (*_lone(found), *(d for d, _ in _copied(evidence, found)), *(d for d, _ in _rescaled(found)))}
    return (departure for departure in found if departure.row not in slips)


# --- one figure of a result --------------------------------------------------------------------------


def lone_figures(evidence: Evidence) -> Iterator[Finding]:
    """One figure of a result differs from its reading, and nothing else of the result with it."""
    for departure in _lone(departures(evidence)):
        yield Finding(departure.row, departure.columns[0], departure.but(", and no other figure of this result differs"), departure.repair)


def _lone(found: list[Departure]) -> list[Departure]:
    """Not asked where every noted figure is still there, for then one was added."""
    moved: dict[str, int] = {}
    for departure in found:
        moved[_result(departure.row)] = moved.get(_result(departure.row), 0) + len(departure.columns)
    return [d for d in found if moved[_result(d.row)] == 1 and d.gone and not _checks_itself(d.row, d.columns[0])]


def _result(row: Row) -> str:
    """What is edited together: a comparison and its arms, in all analyses of one outcome at one visit."""
    return ".".join(row.id.split(".")[:4])


def _checks_itself(row: Row, column: str) -> bool:
    """Whether the other figures of a comparison fix this one: those of an interval fix each other and an exact p, no bound on p."""
    if row.table != "contrasts" or None in (row.estimate, row.ci_low, row.ci_high):
        return False
    if row.measure not in RATIOS + DIFFERENCES or row.ci_method in ASYMMETRIC_METHODS:
        return False
    return column != "p_value" or row.p_relation == "="


# --- figures of another row --------------------------------------------------------------------------


def copied_figures(evidence: Evidence) -> Iterator[Finding]:
    """Several figures differ from their reading, and are those of another arm, visit or group."""
    for departure, other in _copied(evidence, departures(evidence)):
        yield Finding(departure.row, departure.columns[0], departure.but(f": these are the figures of {other.id}"), departure.repair)


def _copied(evidence: Evidence, found: list[Departure]) -> list[tuple[Departure, Row]]:
    pairs = []
    for departure in found:
        row, columns = departure.row, departure.columns
        if len(columns) > 1:
            others = (r for r in rows(evidence, row.table) if r != row and (r.trial_id, r.outcome) == (row.trial_id, row.outcome))
            same = next((r for r in others if all(_printed(r, c) == departure.text(c) for c in columns)), None)
            pairs += [(departure, same)] if same else []
    return pairs


# --- limits of another level -------------------------------------------------------------------------

#: Levels that papers print beside those of 95 %.
OTHER_LEVELS = (90, 99)


def rescaled_limits(evidence: Evidence) -> Iterator[Finding]:
    """The estimate is as noted, and its limits are as far from it as those of another confidence level."""
    for departure, level in _rescaled(departures(evidence)):
        yield Finding(departure.row, "ci_low", departure.but(f": these are its {level} % limits"), departure.repair)


def _rescaled(found: list[Departure]) -> list[tuple[Departure, int]]:
    pairs = []
    for departure in found:
        row = departure.row
        if set(departure.columns) != LIMITS or len(departure.gone) != 2 or None in (row.estimate, row.ci_level):
            continue
        now, then = (_width(a, b, row.measure in RATIOS) for a, b in ((row.ci_low, row.ci_high), map(Printed, departure.gone)))
        for level in OTHER_LEVELS:
            factor = critical_z(level / 100) / critical_z(row.ci_level / 100)
            if level != row.ci_level and then[0] > 0 and overlap(now, (then[0] * factor, then[1] * factor)):
                pairs.append((departure, level))
    return pairs


def _width(low: Printed, high: Printed, log: bool) -> tuple[float, float]:
    """How wide limits may be that print so."""
    (a, b), (c, d) = bounds(low, log), bounds(high, log)
    return (c - b, d - a) if math.isfinite(a) else (0.0, math.inf)


def _printed(row: Row, column: str) -> str:
    return row.corrections[column].printed if column in row.corrections else row.text(column)
