"""What is in the dataset and how near to the trials it was read: the state of the review in a few lines."""

from __future__ import annotations

from ..evidence import Evidence, Row
from . import rows as pick
from . import text as words
from .figure import Cell, Column, Figure, Table, cell, figure_name

#: Nearest to the trial first.
_LEVELS = ("primary", "secondary", "review")
_READ = {
    "primary": "in trials' own reports, abstracts or records",
    "secondary": "second-hand",
    "review": "only in the source article",
}


def status_table(evidence: Evidence) -> Figure:
    """How much there is, how it was read, what was corrected or is withheld, and how new it is.

    Counts of rows, so no figure of a study stands here. Results are rows of ``arm_results``, ``contrasts`` and ``statements``.
    """
    studies = evidence["trials"]
    reported = [trial for trial in studies if trial.status in pick.REPORTED]
    randomised = [trial for trial in reported if trial.kind in pick.RANDOMISED]
    results = [row for table in ("arm_results", "contrasts", "statements") for row in evidence[table]]
    read = max((source.read_on for source in evidence["sources"] if source.read_on), default=None)
    facts: list[tuple[str, str]] = [
        (
            "Studies",
            f"{len(studies)}: {len(reported)} completed or stopped, {len(randomised)} of them randomised; the others are under way",
        ),
        ("Results", f"{len(results)}: in one arm, between arms, or in words"),
        ("Read", _shares(results)),
        ("Not as printed", _corrected(evidence, results)),
        ("Newest source read", words.date_text(read) or "no date on record"),
    ]
    caption = "What this review holds now."
    body: list[tuple[Cell, ...]] = [(cell(name), cell(fact)) for name, fact in facts]
    columns = (Column("What"), Column("Now"))
    return Figure(figure_name(evidence, "status"), caption, caption, Table(caption, columns, tuple(body), "compact"))


def _shares(results: list[Row]) -> str:
    counts = {level: sum(row.verification == level for row in results) for level in _LEVELS}
    return "; ".join(f"{count} {_READ[level]}" for level, count in counts.items() if count)


def _corrected(evidence: Evidence, results: list[Row]) -> str:
    corrected = len({record.row_id for record in evidence["corrections"]})
    withheld = sum(row.withheld for row in results)
    return f"{corrected} corrected, {withheld} withheld since sources disagree"
