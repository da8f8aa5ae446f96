"""Double entry: each figure against what was noted when its source was read.

Extracting twice and comparing is the standard safeguard of systematic reviews (Cochrane Handbook 5.5). Most figures of one
arm, and most lone p-values, stand beside nothing else that could betray a slip; ``readings.csv`` holds what was noted of
them before they were typed into their row. A contrast with an interval hardly needs one, since its own figures check each
other; but limits without a p-value or arms beside them, as a meta-analysis gives them, may be narrowed unseen.

The finding is for information and stops nothing: figures that agree with each other may be corrected in one place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..evidence import Evidence, Row
from .finding import Finding, rows

FIGURES = {
    "arm_results": ("value", "spread", "low", "high", "events", "percent"),
    "contrasts": ("estimate", "ci_low", "ci_high", "p_value"),
}

_RANGE = re.compile(r"(?<=\d)[–-](?=\d)")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}\b)")
_FIGURE = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?|\d+(?:\.\d+)?")


def numbers(reading: str) -> set[str]:
    """The figures in a note, as text with their decimals; the hyphen of a range is no minus."""
    plain = reading.replace("−", "-").replace("·", ".")
    return set(_FIGURE.findall(_THOUSANDS.sub("", _RANGE.sub(" to ", plain))))


def second_entry(evidence: Evidence) -> Iterator[Finding]:
    """Every figure of a row stands in its reading."""
    by_address = {(table, row.id): row for table in FIGURES for row in rows(evidence, table)}
    for note in rows(evidence, "readings"):
        row = by_address.get((note["table"], note.row_id))
        if row is None:
            yield Finding(
                note, "row_id", f"{note.row_id} is no row of {note['table']}", "mend the address, or remove the reading with its row"
            )
            continue
        if row.get("derivation"):
            continue  # computed by us, so the source does not print it
        noted = numbers(note.reading)
        for column in FIGURES[row.table]:
            text = _printed(row, column)
            if text and text not in noted:
                yield Finding(row, column, f"{text}, but noted when the source was read: {note.reading}",
                              f"look it up in the source; then mend the row, or line {note.line} of readings.csv", (text, note.reading))  # fmt: skip


def _printed(row: Row, column: str) -> str:
    return row.corrections[column].printed if column in row.corrections else row.text(column)
