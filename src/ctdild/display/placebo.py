"""What happened to lung function without the treatment under study: FVC in the placebo arms."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, replace

from ..evidence import Evidence, Row
from ..measures import NOT_BY_CHANCE
from . import rows as pick
from . import text as words
from . import theme
from .figure import Column, Figure, Line, Span, Table, cell, figure_name, joined, line, sources_of
from .svg import Drawing, Scale, axis_ticks

#: Units that a change of FVC is printed in, each a panel of its own, with its name as an axis has it.
UNITS = {
    "mL/year": "Rate of change in FVC (mL/year)",
    "mL": "Change in FVC (mL)",
    "percentage points": "Change in FVC (points of % predicted)",
    "percentage points/year": "Rate of change in FVC (points of % predicted a year)",
}

_YEAR = 52
_Z95 = 1.96


def placebo_decline(evidence: Evidence) -> Figure:
    """What happened to FVC on placebo, trial by trial: one panel a unit, since mL, mL/year and points share no axis.

    A trial stands with its result nearest to one year in each unit; a group of it only where nothing of the whole trial
    is known. Other models and other times of the same patients are named in the notes.
    """
    rows = _rows(evidence)
    shown = _shown(evidence, rows)
    name = figure_name(evidence, "placebo-decline")
    if not shown:
        nothing = "No change of FVC in the placebo arm of a randomised trial is in the dataset for this scope."
        return Figure(name, nothing, nothing)
    panels = {unit: [row for row in shown if row.unit == unit] for unit in UNITS if any(row.unit == unit for row in shown)}
    trials = len({row.trial_id for row in shown})
    caption = (
        f"FVC on placebo in {trials} {'trial' if trials == 1 else 'trials'}, by year of report. "
        "Arms of different trials: nobody was randomised between them, so this compares patients and not drugs."
    )
    kinds = {_bar(row)[2] for row in shown if _bar(row)}
    said = [text for kind, text in (("CI", "as printed (thick)"), ("SE", "1.96 times the printed standard error (thin)")) if kind in kinds]
    drawn = (
        f"{'Line: 95% interval, ' + ' or '.join(said) + '. ' if said else ''}Where nothing of the kind was printed only the point stands. "
    )
    legend = line(
        Span(f"{drawn}Open: a group, not the whole trial. {pick.VERIFICATION_KEY}", tone="drawn"),
        " A standard deviation is of patients, not of the mean.",
    )
    said = line("FVC on placebo. ", *joined(" ", (_alt(evidence, title, panels[unit]) for unit, title in UNITS.items() if unit in panels)))
    body = tuple(_line(evidence, row) for unit in panels for row in panels[unit])
    columns = (Column("Trial"), Column("Patients"), Column("When"), Column("On placebo"), Column("Background treatment"), Column("Read"))
    wide, narrow = (_draw(evidence, panels, layout, name) for layout in (theme.WIDE, theme.NARROW))
    patients = {(row.trial_id, row.cohort) for row in shown}
    others = [row for row in rows if row not in shown and (row.trial_id, row.cohort) in patients]
    missing = _missing(evidence, {row.trial_id for row in shown})
    notes = [*_others(evidence, others), *missing.notes, *pick.printed_notes(evidence, shown)]
    used = [*shown, *others, *missing.rows]
    return Figure(
        name, caption, said, Table("FVC on placebo", columns, body), wide, narrow, sources_of(evidence, used), tuple(notes), legend
    )


def _rows(evidence: Evidence) -> list[Row]:
    """Changes of FVC on placebo, other versions among them, in the order of the trials."""
    trials = {trial.trial_id: i for i, trial in enumerate(pick.trials_in_order(evidence))}
    rows = [
        row
        for row in evidence.shown("arm_results")
        if row.trial_id in trials and _of_placebo(evidence, row) and row.value is not None
        and evidence.cohort(row).kind not in NOT_BY_CHANCE
    ]  # fmt: skip
    return sorted(rows, key=lambda row: trials[row.trial_id])


@dataclass(frozen=True)
class _Missing:
    """Placebo-controlled trials without a line of their own: why, and the figures that the notes print."""

    notes: list[Line]
    rows: list[Row]


def _missing(evidence: Evidence, drawn: set[str]) -> _Missing:
    """Why a placebo-controlled trial of the scope is not drawn: nothing was read, it is withheld, or the trial was under way."""
    controlled = {arm.trial_id for arm in evidence["arms"] if arm.role == "placebo"}
    trials = [trial for trial in pick.trials_in_order(evidence) if trial.trial_id in controlled - drawn]
    withheld = {row.trial_id for row in evidence["arm_results"] if row.withheld and _of_placebo(evidence, row)}
    reasons = {
        "no change of FVC in the placebo arm was read": [t.acronym for t in trials if t.trial_id not in withheld],
        "withheld, since sources disagree": [t.acronym for t in trials if t.trial_id in withheld],
    }
    said = [line(f"{why}: {pick.sentence_list(names)}") for why, names in reasons.items() if names]
    rows = [row for row in evidence.shown("arm_results") if row.preferred and evidence.trial(row).status not in pick.REPORTED
            and evidence.trial(row).kind == "rct" and _of_placebo(evidence, row)]  # fmt: skip
    for row in rows:
        who = ", ".join(part for part in (pick.acronym(evidence, row), words.in_sentence(words.cohort_text(evidence, row))) if part)
        said.append(line(f"under way by its record: {who}, ", pick.figure_span(row, words.result_text(row)),
                         Span(f" {words.time_text(row)}".rstrip(), ref=row.id)))  # fmt: skip
    return _Missing([line("Placebo-controlled trials not drawn. ", *joined("; ", _capital(said)), ".")] if said else [], rows)


def _capital(lines: list[Line]) -> list[Line]:
    """Lines of one sentence, the first with a capital."""
    first, *rest = lines
    return [(replace(first[0], text=words.at_start(first[0].text)), *first[1:]), *rest]


def _of_placebo(evidence: Evidence, row: Row) -> bool:
    """Whether a result is a change of FVC in a placebo arm, in a unit that is drawn."""
    return (
        row.outcome.startswith("fvc") and row.unit in UNITS and row.statistic in pick.CHANGES and row.weeks != 0
        and evidence.arm(row).role == "placebo" and evidence.outcome(row).better == "higher"
    )  # fmt: skip


def _shown(evidence: Evidence, rows: list[Row]) -> list[Row]:
    chosen: dict[tuple, Row] = {}
    whole = {row.trial_id for row in rows if row.preferred and evidence.cohort(row).kind in ("all", "disease")}
    for row in rows:
        cohort = evidence.cohort(row)
        if not row.preferred or row.time_kind in pick.FOLLOW_UP or (row.trial_id in whole and cohort.kind not in ("all", "disease")):
            continue
        place = (row.trial_id, row.unit, row.cohort if row.trial_id in whole else "")
        rank = (-(cohort.n or 0), abs(float(row.weeks) - _YEAR)) if row.weeks is not None else (-(cohort.n or 0), float("inf"))
        if place not in chosen or rank < chosen[place][0]:
            chosen[place] = (rank, row)
    return [row for _, row in chosen.values()]


def _bar(row: Row) -> tuple[float, float, str] | None:
    """The ends of the interval of a mean, and where they come from; None where there is none."""
    if row.low is not None and row.high is not None and row.interval_kind in (None, "CI"):
        return float(row.low), float(row.high), "CI"
    if row.spread_kind == "SE" and row.spread is not None:
        return float(row.value) - _Z95 * float(row.spread), float(row.value) + _Z95 * float(row.spread), "SE"
    return None


def _alt(evidence: Evidence, title: str, rows: list[Row]) -> Line:
    results = (Span(f"{', '.join(_about(evidence, row))}: {words.result_text(row)}", ref=row.id) for row in rows)
    return line(f"{title}: ", *joined("; ", results), ".")


def _about(evidence: Evidence, row: Row) -> list[str]:
    """Trial, diseases, group, time."""
    found = (evidence.trial(row).acronym, _diseases(evidence, row), words.cohort_text(evidence, row), words.time_text(row))
    return [part for part in found if part]


def _diseases(evidence: Evidence, row: Row) -> str:
    """The diseases of the patients; empty for a group of several, whose name says what it is."""
    cohort = evidence.cohort(row)
    diseases = cohort.disease or evidence.trial(row).disease
    return "" if cohort.kind != "all" and len(diseases) > 1 else ", ".join(diseases)


_BACKGROUND = {"immunosuppressant in both arms": "both arms on an immunosuppressant"}


def _line(evidence: Evidence, row: Row) -> tuple:
    cohort, trial = evidence.cohort(row), evidence.trial(row)
    group = words.cohort_text(evidence, row)
    n = row.n if row.n is not None else evidence.arm(row).n_randomised if cohort.kind == "all" else None
    patients = (
        Span(str(n), ref=row.id if row.n is not None else evidence.arm(row).id)
        if n is not None
        else Span("not reported here", tone="muted")
    )
    return (
        cell(
            pick.trial_link(trial),
            *(Span(part, tone="muted") for part in (_diseases(evidence, row), group) if part),
        ),
        cell(patients),
        cell(Span(words.time_text(row), ref=row.id) if row.weeks is not None else "time not reported"),
        cell(pick.figure_span(row, words.result_text(row)), Span(row.model or row.statistic, ref=row.id, tone="muted")),
        cell(Span(words.at_start(words.background_text(trial)), ref=trial.id)),
        cell(words.verification_text(evidence, row)),
    )


def _others(evidence: Evidence, rows: list[Row]) -> list[Line]:
    """What else is known of the same patients: other times, other models."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.trial_id, []).append(row)
    notes = []
    for trial_id, members in found.items():
        spans: list[Span | str] = []
        for row in members:
            version = "" if row.preferred else row.model or "another analysis"
            about = ", ".join(part for part in (words.time_text(row), version, words.standing_text(evidence, row)) if part)
            spans += [
                "; " if spans else "",
                pick.figure_span(row, words.result_text(row)),
                Span(f" ({about})" if about else "", ref=row.id),
            ]
        notes.append(line(f"Also of {evidence.row(trial_id).acronym} on placebo: ", *spans, "."))
    return notes


def _draw(evidence: Evidence, panels: dict[str, list[Row]], layout: theme.Layout, name: str) -> str:
    wide = layout is theme.WIDE
    drawing = Drawing(layout, 0, 0, (0.0, float(layout.width)))
    left, right = (236, 190) if wide else (18, 8)
    step, small_step = layout.size + 5, layout.small + 4
    y = 10.0
    for number, (unit, rows) in enumerate(panels.items()):
        y += 22 if number else 0
        for label in textwrap.wrap(UNITS[unit], layout.fits(layout.width, bold=True)):
            drawing.text(0, y, label, bold=True)
            y += step
        y += 4
        top = y - 8
        ends = [end for row in rows for end in (float(row.value), *((_bar(row) or ())[:2]))]
        low, high = min(0.0, *ends), max(0.0, *ends)
        pad = 0.06 * (high - low)
        x = Scale(low - pad, high + pad, left, layout.width - right)
        for row in rows:
            y = _draw_row(evidence, drawing, row, x, y, left)
        if wide:
            drawing.rule(x(0), x(0), top, y, at="px", color=theme.RULE, width=1)
        drawing.rule(left, layout.width - right, y, y, at="px", color=theme.RULE, width=1)
        for tick in axis_ticks(low - pad, high + pad, 4):
            drawing.rule(x(tick), x(tick), y, y + 4, at="px", color=theme.RULE, width=1)
            drawing.tick(x(tick), y + 13, words.number_text(f"{tick:g}"))
        y += 13 + small_step
    return drawing.svg(name, y - 4)


def _draw_row(evidence: Evidence, drawing: Drawing, row: Row, x: Scale, y: float, left: float) -> float:
    """One trial of a panel; the y under it."""
    layout = drawing.layout
    wide = layout is theme.WIDE
    step, small_step = layout.size + 5, layout.small + 4
    value = f"{words.number_text(row.value)}{pick.mark(row, *pick.VALUE)}"
    interval = words.interval_text(row) or words.spread_text(row)
    shown = f"{value} ({interval})" if interval else value
    trial = evidence.trial(row)
    head, *rest = _about(evidence, row)
    background = _BACKGROUND.get(trial.background_policy, "")
    drawing.text(0, y, head, bold=True)
    mark = words.verification_mark(row)
    drawing.text(layout.width, y, mark, align="right", color=theme.MUTED, size=layout.small)
    middle = y
    if wide:
        drawing.text(layout.width - 20, y, shown, align="right", size=layout.small, ref=row.id)
    y += step - 1
    width = left - 20 if wide else layout.width
    for part in textwrap.wrap(", ".join([*rest, *([background] if background else [])]), layout.fits(width, small=True)):
        drawing.text(0, y, part, color=theme.MUTED, size=layout.small, ref=row.id)
        y += small_step
    if not wide:
        drawing.text(0, y, shown, size=layout.small, ref=row.id)
        middle = y + small_step
        drawing.rule(x(0), x(0), middle - 8, middle + 8, at="px", color=theme.RULE, width=1)
        y += 2 * small_step
    bar = _bar(row)
    if bar:
        drawing.rule(x(bar[0]), x(bar[1]), middle, middle, at="px", width=2 if bar[2] == "CI" else 1)
    drawing.point(x(float(row.value)), middle, at="px", color=theme.COMPARATOR, hollow=evidence.cohort(row).kind != "all")
    return y + 8
