"""The studies beside the randomised trials: what was seen, with the words of caution that belong to each design."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..evidence import Evidence, Row
from . import rows as pick
from . import text as words
from .figure import Cell, Column, Figure, Line, Span, Table, cell, figure_name, joined, line
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

#: Of studies of patients, by what the arms are rather than by what the design is called.
_SAME_PATIENTS = "Not randomised: the same patients before and after, without a group beside them; what changed may have changed anyway."
_ONE_GROUP = "Not randomised: one group without a comparison; what changed may have changed anyway."
_OTHERS_BESIDE = (
    "Not randomised: patients from elsewhere or of earlier years stand beside those treated, and may differ in more than the treatment."
)
_ALL_GIVEN = "Groups by diagnosis, all given the same treatment: patients are compared, not treatments."
_EITHER = "Not randomised: who was given one treatment differs from who was given the other."
_MATCHED = "Not randomised: groups by treatment, called a case-control study; matching deals only with what was recorded."

#: Arms of the same patients at another time, or as they might have fared.
_OTHER_TIMES = ("baseline", "projected")


def caution(evidence: Evidence, study: Row) -> str:
    """What to bear in mind of a study: what follows from its arms, and only where they say no more, from the kind of its design."""
    arms = _groups_of(evidence, study)
    given = [frozenset(arm.treatment or ()) for arm in arms]
    roles = {arm.role for arm in arms}
    patients = [arm for arm in arms if arm.arm not in _OTHER_TIMES]
    if study.kind == "cohort" and len(patients) == 1:
        return _SAME_PATIENTS if len(arms) > 1 or "before and after" in study.design else _ONE_GROUP
    if study.kind == "cohort" and _by_diagnosis(study, arms):
        return _ALL_GIVEN
    if study.kind == "single-arm" and len(patients) > 1:
        return _OTHERS_BESIDE
    if study.kind == "cohort" and len(arms) > 1 and all(given) and "reference" not in roles:
        return _EITHER
    if study.kind == "case-control" and "intervention" in roles:
        return _MATCHED
    return CAUTIONS[study.kind]


def _groups_of(evidence: Evidence, study: Row) -> list[Row]:
    """The arms of a study, without the one that stands for all of them together."""
    return [arm for arm in evidence["arms"] if arm.trial_id == study.trial_id and arm.role != "all"]


def _by_diagnosis(study: Row, arms: Sequence[Row]) -> bool:
    """Whether the groups of a study had one and the same treatment: what tells them apart is who they are."""
    if study.kind in pick.RANDOMISED or not arms or not arms[0].treatment:
        return False
    if len(arms) == 1:
        return arms[0].label in study.disease
    return len({frozenset(arm.treatment or ()) for arm in arms}) == 1


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
        arms = _groups_of(evidence, study)
        found = seen(evidence, study)
        sizes, sized = _sizes(evidence, study, arms, found)
        used += [*sized, *arms, *found]
        body.append(
            (
                pick.name_cell(study),
                cell(words.at_start(KINDS[study.kind]), Span(study.design, ref=study.id, tone="muted")),
                cell(
                    *sizes,
                    Span(", ".join(study.disease), tone="muted"),
                    Span(study.population, ref=study.id, tone="muted"),
                ),
                _given(evidence, study, arms),
                cell(*finding_lines(evidence, found)) if found else cell(Span("not reported here", tone="muted")),
                cell(Span(caution(evidence, study), tone="strong")),
                cell(words.at_start(words.verification_text(evidence, study))),
            )
        )
    return body


def _sizes(evidence: Evidence, study: Row, arms: Sequence[Row], found: Sequence[Row]) -> tuple[list[Span], list[Row]]:
    """How many patients a study had, and the rows that say so; where no row has the whole, what is known of each group.

    Of a group those treated, else those analysed, else those whose result is shown.
    """
    whole = pick.size_of(evidence, study)
    if whole.ref is not None:
        return [whole], pick.sized_by(evidence, study)
    lines: list[Span] = []
    rows: list[Row] = []
    for arm in arms:
        result = next((row for row in found if row.table == "arm_results" and row.arm == arm.arm and row.n is not None), None)
        column = next((name for name in ("n_randomised", "n_treated", "n_analysed") if arm[name] is not None), None)
        name = words.in_sentence(arm.label)
        if column is not None:
            lines.append(Span(f"{arm[column]} {name}", ref=arm.id, mark=pick.mark(arm, column)))
            rows.append(arm)
        elif result is not None:
            lines.append(Span(f"{result.n} {name}, analysed", ref=result.id, mark=pick.mark(result, "n")))
            rows.append(result)
        elif arm.arm not in _OTHER_TIMES:
            lines.append(Span(f"{name}: number not reported here", tone="muted"))
    return (lines, rows) if rows else ([whole], pick.sized_by(evidence, study))


def _given(evidence: Evidence, study: Row, arms: list[Row]) -> Cell:
    if _by_diagnosis(study, arms):
        names = pick.sentence_list([words.in_sentence(evidence.row(one, "treatments").name) for one in arms[0].treatment])
        groups = (Span(arm.label, ref=arm.id) for arm in arms)
        return cell(line(Span(f"All: {names}", ref=pick.addresses(arms))), line(*joined(", ", groups)))
    lines = [
        line(Span(f"{arm.label}{f': {arm.regimen}' if arm.regimen else ''}", ref=arm.id, mark=pick.mark(arm, "regimen")))
        for arm in arms
        if arm.treatment
    ]
    return cell(*lines) if lines else cell(Span("not reported here", tone="muted"))


def seen(evidence: Evidence, study: Row) -> list[Row]:
    """What a study found: comparisons, then changes and counts in groups, then words; nothing of its start.

    Counts of another analysis than the comparison shown come with the comparison of that analysis (see `own_comparison`).
    """
    kinds = (study.kind,)
    contrasts = [row for row in pick.preferred(evidence, "contrasts", kinds) if row.trial_id == study.trial_id]
    results = [
        row for row in pick.preferred(evidence, "arm_results", kinds)
        if row.trial_id == study.trial_id and row.weeks != 0 and evidence.outcome(row).domain not in ("baseline", "disposition")
    ]  # fmt: skip
    others = dict.fromkeys(other for row in results if (other := own_comparison(evidence, row)) is not None)
    said = [row for row in evidence.shown("statements") if row.trial_id == study.trial_id]
    return [*contrasts, *others, *results, *said]


def own_comparison(evidence: Evidence, result: Row) -> Row | None:
    """The comparison that an arm's result belongs to, where it is not the one preferred: set beside that one its counts would
    seem to be those that it was made from."""
    address = result.id.removesuffix(f".{result.arm}")
    if address not in evidence:
        return None
    contrast = evidence.row(address)
    return contrast if contrast.table == "contrasts" and not contrast.preferred and not contrast.withheld else None


def finding_lines(evidence: Evidence, rows: list[Row]) -> list[Line]:
    """What a study found as lines of a cell: one for each comparison, each outcome in groups, each statement."""
    lines: list[Line] = []
    groups: dict[tuple, list[Row]] = {}
    several = {row.outcome for row in rows if row.table == "contrasts" and not row.preferred}
    for row in rows:
        if row.table == "contrasts" and row.preferred:
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
                    *_told_by_note(row, row.outcome in several or _odds_of_a_time(row)),
                )
            )
        elif row.table == "arm_results":
            groups.setdefault((row.outcome, row.cohort, words.time_text(row), own_comparison(evidence, row)), []).append(row)
    for (outcome, _, time, own), members in groups.items():
        group = words.cohort_text(evidence, members[0])
        spans: list[Span | str] = []
        for row in members:
            value = words.result_text(row) if row.value is not None else words.per_100(row) or words.result_text(row)
            spans += [", " if spans else "", _whose(evidence, row), pick.figure_span(row, value + _of_how_many(row))]
        alone = "change from the start, no comparison" if len(members) == 1 and members[0].statistic in pick.CHANGES else ""
        about = ", ".join(part for part in (alone, group and words.in_sentence(group), time) if part)
        after = [Span(f", {about}" if about else "", ref=pick.addresses(members), tone="muted")]
        if own is not None:
            after += ["; ", pick.figure_span(own, words.result_text(own)), *_told_by_note(own, True)]
        lines.append(line(f"{evidence.row(outcome).short}: ", *spans, *after))
    lines += [line(Span(row.says, ref=row.id)) for row in rows if row.table == "statements"]
    return lines


def _whose(evidence: Evidence, row: Row) -> str:
    """The arm before its figure; of all patients of a study with several groups that it is of all of them."""
    if evidence.arm(row).role != "all":
        return f"{words.arm_text(evidence, row)} "
    groups = [arm for arm in evidence["arms"] if arm.trial_id == row.trial_id and arm.role != "all"]
    return "all groups together " if len(groups) > 1 else ""


def _of_how_many(row: Row) -> str:
    """`` (n 26)`` behind a share whose count was not printed."""
    return f" (n {row.n})" if row.value is None and row.events is None and row.n is not None else ""


def _odds_of_a_time(row: Row) -> bool:
    """Whether an odds ratio is printed for a time, which has hazards and no odds."""
    return row.measure == "OR" and row.estimand == "time to event"


def _told_by_note(row: Row, told: bool) -> list[Span]:
    """The note of a row behind its figure, where the figure would be misread without it."""
    return [Span(f" ({words.in_sentence(row.note.rstrip('.'))})", ref=row.id, tone="muted")] if told and row.note else []
