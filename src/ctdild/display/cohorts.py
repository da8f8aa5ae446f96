"""The studies beside the randomised trials: what was seen, with the words of caution that belong to each design."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..evidence import Evidence, Row
from . import rows as pick
from . import text as words
from .figure import Cell, Column, Figure, Line, Span, Table, cell, figure_name, line
from .tables import KINDS, opens, table_figure

#: What a reader should bear in mind, by kind of study.
CAUTIONS = {
    "randomised-uncontrolled": "Randomised between treatments without an untreated group: it does not say what either does against none.",
    "single-arm": "No comparison: what changed may have changed anyway.",
    "extension": "Those who went on are a selection, and all knew what they took.",
    "cohort": "Not randomised: who was given the treatment differs from who was not.",
    "case-control": "Not randomised: patients were chosen by how they fared.",
    "case-series": "Few patients, chosen, without a comparison.",
    "pooled-analysis": "Pooled by its authors: the patients are in other studies too.",
    "meta-analysis": "Pooled by its authors: the patients are in other studies too.",
    "narrative-review": "A review: no patients of its own.",
}


def cohort_table(evidence: Evidence) -> Figure:
    """Studies that are no randomised comparison with a control: design, patients, treatment, what was seen, and a caution.

    What others pooled stands behind it, in a table of its own.
    """
    used: list[Row] = []
    body = _records(evidence, [kind for kind in CAUTIONS if kind not in pick.POOLED], used)
    pooled = _records(evidence, pick.POOLED, used)
    columns = tuple(Column(head) for head in ("Study", "Design", "Patients", "Treatment", "What was seen", "Caution", "Read"))
    figure = table_figure(
        figure_name(evidence, "cohorts"),
        "Studies that are not randomised, or have no control arm. What was seen is no measure of what a treatment does.",
        columns, body, evidence, used, tuple(pick.printed_notes(evidence, used)),
        empty="No study without a randomised control is in the dataset for this scope.", kind="records",
        fold=opens(len(body), "study", "studies"),
    )  # fmt: skip
    return replace(figure, more=Table("Pooled analyses and reviews by others", columns, tuple(pooled), "records")) if pooled else figure


def _records(evidence: Evidence, kinds: Sequence[str], used: list[Row]) -> list[tuple[Cell, ...]]:
    """The studies of these kinds as table rows; the rows of data that they show are added to ``used``."""
    studies = pick.trials_in_order(evidence, kinds)
    body = []
    for study in studies:
        arms = [arm for arm in evidence["arms"] if arm.trial_id == study.trial_id]
        found = seen(evidence, study)
        used += [*pick.sized_by(evidence, study), *arms, *found]
        body.append(
            (
                pick.name_cell(study),
                cell(words.at_start(KINDS[study.kind]), Span(study.design, ref=study.id, tone="muted")),
                cell(
                    pick.size_of(evidence, study),
                    Span(", ".join(study.disease), tone="muted"),
                    Span(study.population, ref=study.id, tone="muted"),
                ),
                _given(arms),
                cell(*finding_lines(evidence, found)) if found else cell(Span("not reported here", tone="muted")),
                cell(Span(CAUTIONS[study.kind], tone="strong")),
                cell(words.at_start(words.verification_text(evidence, study))),
            )
        )
    return body


def _given(arms: list[Row]) -> Cell:
    lines = [
        line(Span(f"{arm.label}{f': {arm.regimen}' if arm.regimen else ''}", ref=arm.id, mark=pick.mark(arm, "regimen")))
        for arm in arms
        if arm.treatment
    ]
    return cell(*lines) if lines else cell(Span("not reported here", tone="muted"))


def seen(evidence: Evidence, study: Row) -> list[Row]:
    """What a study found: comparisons, then changes and counts in groups, then words; nothing of its start."""
    kinds = (study.kind,)
    contrasts = [row for row in pick.preferred(evidence, "contrasts", kinds) if row.trial_id == study.trial_id]
    results = [
        row for row in pick.preferred(evidence, "arm_results", kinds)
        if row.trial_id == study.trial_id and row.weeks != 0 and evidence.outcome(row).domain not in ("baseline", "disposition")
    ]  # fmt: skip
    said = [row for row in evidence.shown("statements") if row.trial_id == study.trial_id]
    return [*contrasts, *results, *said]


def finding_lines(evidence: Evidence, rows: list[Row]) -> list[Line]:
    """What a study found as lines of a cell: one for each comparison, each outcome in groups, each statement."""
    lines: list[Line] = []
    groups: dict[tuple, list[Row]] = {}
    for row in rows:
        if row.table == "contrasts":
            said = ", ".join(
                part
                for part in (
                    words.comparison_text(evidence, row),
                    words.in_sentence(words.cohort_text(evidence, row)),
                    words.time_text(row),
                )
                if part
            )
            lines.append(
                line(
                    f"{evidence.outcome(row).short}: ",
                    pick.figure_span(row, words.result_text(row) or "not reported here"),
                    Span(f", {said}", ref=row.id, tone="muted"),
                )
            )
        elif row.table == "arm_results":
            groups.setdefault((row.outcome, row.cohort, words.time_text(row)), []).append(row)
    for (outcome, _, time), members in groups.items():
        group = words.cohort_text(evidence, members[0])
        spans: list[Span | str] = []
        for row in members:
            arm = "" if evidence.arm(row).role == "all" else f"{words.arm_text(evidence, row)} "
            value = words.result_text(row) if row.value is not None else words.per_100(row) or words.result_text(row)
            spans += [", " if spans else "", arm, pick.figure_span(row, value)]
        about = ", ".join(part for part in (group and words.in_sentence(group), time) if part)
        lines.append(
            line(f"{evidence.row(outcome).short}: ", *spans, Span(f", {about}" if about else "", ref=pick.addresses(members), tone="muted"))
        )
    lines += [line(Span(row.says, ref=row.id)) for row in rows if row.table == "statements"]
    return lines
