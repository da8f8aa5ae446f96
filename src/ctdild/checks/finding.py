"""What a rule reports, before the run gives it the rule's name and severity."""

from __future__ import annotations

from dataclasses import dataclass

from ..evidence import Evidence, Row


@dataclass(frozen=True)
class Finding:
    """One row that a rule objects to.

    ``figures`` are the printed figures that the rule compared. An explanation in the data repeats them; a
    finding without figures is a slip of entry, which no source can have printed, and cannot be explained.
    """

    row: Row
    column: str | None
    message: str
    repair: str
    figures: tuple[str, ...] = ()


def rows(evidence: Evidence, table: str) -> tuple[Row, ...]:
    """The rows of a table, none where the data package does not describe it."""
    return evidence[table] if table in evidence.schema else ()


def figures(row: Row, *columns: str) -> tuple[str, ...]:
    """The figures of these columns as printed, without the empty ones."""
    return tuple(row.text(column) for column in columns if row.text(column))


def quantity(row: Row) -> str:
    """Address of the result without its arm: a contrast and the arm results it compares share it."""
    return row.id.removesuffix(f".{row.arm}") if row.table == "arm_results" else row.id
