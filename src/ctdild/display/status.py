"""What is in the dataset, how near to the trials it was read, and what came since the source article."""

from __future__ import annotations

from ..evidence import Evidence, Row
from . import rows as pick
from . import text as words
from .figure import Cell, Column, Figure, Span, Table, cell, figure_name, line, sources_of
from .tables import KINDS

#: Nearest to the trial first.
_LEVELS = ("primary", "secondary", "review")
#: What came of the primary outcome, where a word of the table would say too much or too little.
_MET = {"not applicable": "\u2013", "unclear": "Unclear in what was read: see its page"}
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
    newest = max((source for source in evidence["sources"] if source.read_on), key=lambda source: source.read_on, default=None)
    read = Span(words.date_text(newest.read_on), ref=newest.id) if newest else Span("no date on record")
    facts: list[tuple[str, str | Span]] = [
        (
            "Studies",
            f"{len(studies)}: {len(reported)} completed or stopped, {len(randomised)} of them randomised; the others are under way",
        ),
        ("Results", f"{len(results)}: in one arm, between arms, or in words"),
        ("Read", _shares(results)),
        ("Not as printed", _corrected(evidence, results)),
        ("Newest source read", read),
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


def reported_since(evidence: Evidence, year: int = 2023) -> Figure:
    """The studies whose main report is of that year or later, newest first: what they are, on whom, whether the primary outcome was
    met."""
    studies = [t for t in evidence["trials"] if t.status in pick.REPORTED and t.year is not None and t.year >= year]
    studies.sort(key=lambda t: (-t.year, t.kind not in pick.RANDOMISED, t.acronym.lower()))
    body = [
        (
            pick.name_cell(trial),
            cell(words.at_start(KINDS[trial.kind])),
            cell(", ".join(trial.disease), pick.size_of(evidence, trial)),
            cell(Span(_MET.get(trial.primary_met, words.at_start(trial.primary_met)), ref=trial.id)),
        )
        for trial in studies
    ]
    caption = f"Studies with a main report of {year} or later."
    columns = tuple(Column(head) for head in ("Study", "Kind", "Patients", "Primary outcome"))
    if not body:
        return Figure(figure_name(evidence, "reported-since"), caption, caption, notes=(line("None is in the dataset."),))
    table = Table(caption, columns, tuple(body), "index")
    return Figure(
        figure_name(evidence, "reported-since"),
        caption,
        caption,
        table,
        sources=sources_of(evidence, studies, ("acronym", "year", "primary_met")),
    )
