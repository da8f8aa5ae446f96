"""What others pooled: their estimates beside what was pooled, on which scale, and why to read it with care."""

from __future__ import annotations

from dataclasses import replace

from ..evidence import Evidence, Row
from . import rows as pick
from . import text as words
from .cohorts import CAUTIONS, finding_lines, seen
from .figure import Cell, Column, Figure, Line, Span, Table, cell, figure_name, joined, line
from .forest import MEASURES
from .tables import opens, table_figure

#: Kinds of studies that are syntheses: a review in words pools nothing.
SYNTHESES = ("meta-analysis", "pooled-analysis")
#: What is shown of results in single arms; the others stand on the page of the synthesis.
_DOMAINS = ("lung function", "survival")
_RANKING = line(
    "A ranking is told in words: who came first says neither how large a difference is nor how sure, and the probability of a rank is "
    "not shown."
)


def published_syntheses(evidence: Evidence) -> Figure:
    """What meta-analyses and pooled analyses by others found, oldest first: what they pooled, on which scale, the estimates or
    words, why to read them with care, where they were read.

    Those of patients with IPF alone stand behind it, in a table of their own.
    Comparisons and statements are all shown; of results in single arms those on lung function and survival without a
    comparison of their own. A synthesis of which nothing was read is left out.
    """
    used: list[Row] = []
    body, ipf = [], []
    for study in pick.trials_in_order(evidence, SYNTHESES):
        every = seen(evidence, study)
        shown = _shown(evidence, every)
        if not every:
            continue
        used += [study, *pick.sized_by(evidence, study), *shown]
        (ipf if pick.is_precedent(study) else body).append(
            (
                cell(pick.trial_link(study), *([] if str(study.year) in study.acronym else [pick.year_span(study)])),
                cell(*_pooled(evidence, study)),
                cell(*_scales(shown)),
                cell(*finding_lines(evidence, shown), *_holes(shown), *_elsewhere(study, every, shown)),
                _care(study),
                cell(*(words.at_start(read) for read in dict.fromkeys(words.verification_text(evidence, row) for row in shown or [study]))),
            )
        )
    heads = ("Synthesis", "What was pooled", "Scale", "What it found", "Read with care", "Read")
    columns = tuple(Column(head) for head in heads)
    figure = table_figure(
        figure_name(evidence, "published-syntheses"),
        "Pooled by others, oldest first. They share patients with one another and with the trials on these pages: none confirms another.",
        columns,
        body or ipf,
        evidence,
        used,
        (_RANKING, *pick.printed_notes(evidence, used)),
        empty="No synthesis by others is in the dataset for this scope.",
        kind="records",
        fold=opens(len(body or ipf), "synthesis", "syntheses"),
    )
    return (
        replace(figure, more=Table("Pooled by others: idiopathic pulmonary fibrosis alone", columns, tuple(ipf), "records"))
        if body and ipf
        else figure
    )


def _shown(evidence: Evidence, found: list[Row]) -> list[Row]:
    """Comparisons, those with placebo first, then what single arms tell beyond them, then words."""
    contrasts = [row for row in found if row.table == "contrasts"]
    compared = {(row.cohort, row.outcome) for row in contrasts}
    alone = [
        row
        for row in pick.by_domain(evidence, (row for row in found if row.table == "arm_results"), _DOMAINS)
        if (row.cohort, row.outcome) not in compared
    ]
    contrasts.sort(key=lambda row: evidence.arm(row, "arm_b").role != "placebo")
    return [*contrasts, *alone, *(row for row in found if row.table == "statements")]


def _pooled(evidence: Evidence, study: Row) -> list[Line | Span]:
    """Which studies, how many patients, of which diseases; whom the number counts; which of the trials have a page here."""
    whole = pick.whole_trial(evidence, study)
    trials = {trial.trial_id: trial for trial in evidence["trials"]}
    known = [pick.trial_link(trials[name]) for name in study.includes or () if name in trials]
    return [
        Span(study.design, ref=study.id),
        line(pick.size_of(evidence, study), Span(f"; {', '.join(study.disease)}", ref=study.id, tone="muted")),
        *([Span(whole.definition, ref=whole.id, tone="muted")] if whole is not None and whole.n is not None else []),
        *([joined("", ["On these pages: ", joined(", ", known, last=" and ")])] if known else []),
    ]


def _scales(rows: list[Row]) -> list[Span]:
    """The scales of the figures, each once; words where there is no figure."""
    found: dict[str, list[Row]] = {}
    arms: dict[tuple, set[str]] = {}
    for row in rows:
        if row.table == "arm_results":
            arms.setdefault(_measured(row), set()).add(row.arm)
    for row in rows:
        if row.table != "statements":
            both = row.table == "arm_results" and len(arms[_measured(row)]) > 1
            found.setdefault("Each arm by itself: no comparison printed" if both else _scale(row), []).append(row)
    return [Span(text, ref=pick.addresses(of)) for text, of in found.items()] or [Span("No estimate read", tone="muted")]


def _measured(row: Row) -> tuple:
    return row.cohort, row.outcome, row.weeks


def _scale(row: Row) -> str:
    if row.table == "contrasts":
        unit = words.unit_text(row.unit)
        return f"{MEASURES[row.measure]} ({unit})" if unit else MEASURES[row.measure]
    if row.statistic in pick.CHANGES:
        return f"Change within one arm ({words.unit_text(row.unit)}): no comparison"
    return "Within one arm: no comparison"


def _holes(shown: list[Row]) -> list[Span]:
    """What of the figures shown was not read, once for all of them."""
    figures = [row for row in shown if row.table != "statements"]
    missing = []
    if any(row.weeks is None for row in figures):
        missing.append("time")
    if any(row.table == "contrasts" and row.estimate is not None and None in (row.ci_low, row.ci_high) for row in figures):
        missing.append("interval")
    return [Span(f"Where no {' or '.join(missing)} stands, none was read here.", tone="muted")] if missing else []


def _elsewhere(study: Row, every: list[Row], shown: list[Row]) -> list[Line]:
    if len(shown) == len(every):
        return []
    return [line(Span("Results in single arms", link=pick.TRIAL_LINK.format(study.trial_id)), Span(" stand on its page.", tone="muted"))]


def _care(study: Row) -> Cell:
    return cell(Span(study.note, ref=study.id) if study.note else Span(CAUTIONS[study.kind], tone="muted"))
