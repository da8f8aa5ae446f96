"""What an ``{ev}`` prints: the figure of a row as text, and where it was read.

``{ev}`senscis.all.fvc-rate.w52` `` prints estimate, unit and interval of a row.
A word behind the address chooses what is printed: ``estimate``, ``interval``, ``p``, ``full`` (with p), ``n``, ``time``,
``per100``, or the name of a column (``{ev}`senscis n_randomised` ``).
Of a pool, ``{ev}`nintedanib-diarrhoea` `` prints the figure that heads it; a word behind it another answer by its key
(``{ev}`nintedanib-diarrhoea risk-difference` ``), from three trials on the same without one of them
(``{ev}`nintedanib-diarrhoea without-senscis` ``), or ``k``, ``n``, ``number-needed``, ``i2``.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from ..display import text
from ..evidence import LEVELS, Evidence, Row

#: When something was; a letter behind it would read as that of the finding beside it, which has its own.
_CIRCUMSTANCES = ("time", "weeks", "year", "status_as_of", "duration_weeks")


class EvidenceReferenceError(ValueError):
    """An ``{ev}`` that cannot be printed; says why."""


@dataclass(frozen=True)
class ShownFigure:
    """What an ``{ev}`` prints: the text, and where it was read."""

    row: Row
    text: str
    link: str | None
    source_id: str | None
    read: str
    mark: str
    refs: tuple[str, ...] = ()  #: the rows that it is a figure of, where it is one of several


def figure_text(evidence: Evidence, content: str) -> ShownFigure:
    """The figure that an ``{ev}`` role asks for. Raises `EvidenceReferenceError`."""
    address, _, wanted = content.strip().partition(" ")
    wanted = wanted.strip()
    try:
        row = evidence.row(address)
    except KeyError as error:
        raise EvidenceReferenceError(str(error.args[0])) from None
    if row.withheld:
        raise EvidenceReferenceError(f"{address} is withheld: sources disagree, so it is not shown")
    if row.table == "pools" and wanted not in row:
        return _pooled(evidence, row, wanted)
    shown = _text(row, wanted)
    if not shown:
        raise EvidenceReferenceError(f"{address} has no {wanted or 'figure'} to print: it is not reported here")
    if row.table == "source_claims":  # a claim of the source article was read in it
        article = evidence.row("source-article")
        return ShownFigure(row, shown, article.link, article.id, f"{article.title}, {text.read_in_text(article)}", "R")
    if "source_id" not in row:
        return ShownFigure(row, shown, row.get("link"), None, "", "")
    # A cell may have been read elsewhere than its row: of all that is printed, the figure furthest from the trial counts.
    column = min(_columns(row, wanted), key=lambda name: LEVELS.index(evidence.provenance(row, name).verification))
    source = evidence.source(row, column)
    return ShownFigure(
        row,
        shown,
        source.link,
        source.source_id,
        f"{source.title}, {text.verification_text(evidence, row, column)}; {evidence.provenance(row, column).locator}",
        "" if wanted in _CIRCUMSTANCES else text.verification_mark(evidence.provenance(row, column)),
    )


def _pooled(evidence: Evidence, row: Row, wanted: str) -> ShownFigure:
    """A figure of a pool; it leads to the drawing of the pool on the page."""
    from ..display.pooltext import answer_text, number_needed_text  # late: scipy takes its time, and most pages have no pool
    from ..synthesis import pools, summary

    try:
        found = summary.summarise(evidence, row.id)
    except pools.PoolRefusedError as error:
        raise EvidenceReferenceError(str(error)) from None
    if (answer := found.answer(wanted)) is not None:
        shown = answer_text(found, answer)
    elif wanted == "number-needed":
        shown = number_needed_text(found)
    elif wanted in ("k", "n"):
        shown = str(getattr(found, wanted) or "")
    elif wanted == "i2":
        shown = "" if found.i2 is None else f"{100 * found.i2:.0f}%"
    else:
        raise EvidenceReferenceError(
            f"{row.id} has no {wanted!r}: there are {', '.join(found.answers)}, k, n, number-needed, i2 and without-TRIAL"
        )
    if not shown:
        raise EvidenceReferenceError(f"{row.id} has no {wanted} to print")
    method = (answer or found.headline).method
    trials = f"{found.k - 1} of {found.k} trials" if wanted.startswith(summary.WITHOUT) else f"{found.k} trials"
    return ShownFigure(row, shown, None, None, f"pooled here from {trials}: {method}", "", found.refs)


def _columns(row: Row, wanted: str) -> list[str | None]:
    """The columns that a printed form shows; [None] stands for the row as a whole."""
    interval = ["ci_low", "ci_high", "low", "high"]
    value = ["estimate", "value", "events", "percent", "spread"]
    forms = {
        "": value + interval,
        "full": [*value, *interval, "p_value"],
        "estimate": value,
        "interval": interval,
        "p": ["p_value"],
        "n": ["n", "n_a", "n_b"],
        "time": ["weeks", "weeks_to"],
        "per100": ["events", "n", "percent"],
    }
    if wanted == "" and row.get("p_value") is not None and not any(row.get(name) is not None for name in value + interval):
        return ["p_value"]
    shown = [name for name in forms.get(wanted, [wanted]) if row.get(name) is not None]
    return shown or [None]


def _text(row: Row, wanted: str) -> str:
    result = row.table in ("contrasts", "arm_results")
    if result and wanted in ("", "full"):
        rest = text.interval_text(row) or (text.spread_text(row) if row.table == "arm_results" else "")
        p = text.p_text(row) if row.table == "contrasts" and (wanted == "full" or not rest) else ""
        rest = "; ".join(part for part in (rest, p) if part)
        head = text.estimate_text(row)
        return f"{head} ({rest})" if head and rest else head or rest
    if result and wanted == "estimate":
        return text.estimate_text(row)
    if result and wanted == "interval":
        return text.interval_text(row)
    if result and wanted == "time":
        return text.time_text(row)
    if row.table == "arm_results" and wanted == "per100":
        return text.per_100(row)
    if row.table == "contrasts" and wanted == "n":
        return "" if row.n_a is None or row.n_b is None else str(row.n_a + row.n_b)
    if wanted == "p" and "p_value" in row:
        return text.p_text(row)
    if row.table == "interactions" and not wanted:
        return f"interaction {text.p_text(row)}"
    if row.table == "mcids" and not wanted:
        return (
            text.with_unit(row.point, row.unit)
            if row.point is not None
            else f"{text.number_text(row.low)} to {text.with_unit(row.high, row.unit)}"
        )
    if row.table == "discrepancies" and not wanted:
        return row.subject
    if not wanted:
        raise EvidenceReferenceError(f"{row.id} is a row of {row.table}: name the column to print")
    if wanted not in row:
        raise EvidenceReferenceError(f"table {row.table} has no column {wanted!r}")
    value = row[wanted]
    if isinstance(value, datetime.date):
        return text.date_text(value)
    if wanted == "status_as_of" and value:
        return text.as_of_text(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return text.number_text(value)
    return text.in_sentence(row.text(wanted)) if wanted in _OUR_WORDS else row.text(wanted)


#: Columns that hold a sentence or phrase of ours: they stand inside a sentence as part of it, never in quotation marks.
_OUR_WORDS = ("says", "stop_reason", "definition", "population", "background", "primary_outcome", "stated", "against")
