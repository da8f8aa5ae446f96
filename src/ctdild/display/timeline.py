"""The trials in time."""

from __future__ import annotations

import math
import textwrap
from dataclasses import replace

from ..evidence import Evidence, Row
from . import rows as pick
from . import text as words
from . import theme
from .figure import Column, Figure, Span, Table, cell, figure_name, joined, line, sources_of
from .svg import Drawing, axis_ticks

#: Who was enrolled, where it was not CTD-ILD alone: as the drawing says it, and as the legend explains it.
ENROLLED = {
    "IPF only": "IPF only: idiopathic pulmonary fibrosis, not CTD-ILD.",
    "Mixed": "Mixed: fibrosing lung disease of several causes, CTD-ILD at most a part of it.",
}


def timeline(evidence: Evidence) -> Figure:
    """When the randomised trials of the scope were reported, and how large they were.

    A trial that enrolled others than patients with CTD-ILD says so; one whose year was not read is named below and not drawn.
    """
    reported = pick.trials_in_order(evidence)
    trials = [trial for trial in reported if trial.year is not None]
    name = figure_name(evidence, "timeline")
    if not trials:
        nothing = "No randomised trial of this scope is in the dataset."
        return Figure(name, nothing, nothing)
    first, last = _year(trials[0]), _year(trials[-1])
    caption = (
        line(
            "Randomised trials by year of the main report, ",
            first,
            " to ",
            last,
            ".",
            Span(" The area of a circle is the number of patients.", tone="drawn"),
        )
        if len(trials) > 1
        else line("The one randomised trial of this scope, reported in ", first, ".")
    )
    lines = (line(_year(t), f", {t.acronym}, {_label(evidence, t)}, ", replace(pick.size_of(evidence, t), mark="")) for t in trials)
    said = line("Timeline: ", *joined("; ", lines), ".")
    table = Table(
        "Trials by year of the main report",
        (Column("Trial"), Column("Year"), Column("Comparison"), Column("Patients")),
        tuple(
            (
                cell(pick.trial_link(t), Span(", ".join(t.disease), ref=t.id, tone="muted")),
                cell(_year(t)),
                cell(_arms(evidence, t)),
                cell(pick.size_of(evidence, t)),
            )
            for t in trials
        ),
    )
    drawn = {layout.name: _draw(evidence, trials, layout, name) for layout in (theme.WIDE, theme.NARROW)}
    undated = [trial.acronym for trial in reported if trial.year is None]
    notes = [line(f"Not drawn, since the year of its own report was not read: {pick.sentence_list(undated)}.")] if undated else []
    notes += pick.printed_notes(evidence, trials)
    marks = {_enrolled(trial) for trial in trials}
    legend = [meaning for mark, meaning in ENROLLED.items() if mark in marks]
    if any(_patients(evidence, trial) is None for trial in trials):
        legend.insert(0, "Open circle: the number of patients was not read.")
    sized = [row for trial in trials for row in pick.sized_by(evidence, trial)]
    return Figure(
        name,
        caption,
        said,
        table,
        drawn["wide"],
        drawn["narrow"],
        sources_of(evidence, sized, ("acronym", "year", "n_randomised", "n")),
        tuple(notes),
        " ".join(legend),
    )


def _enrolled(trial: Row) -> str:
    """Who was enrolled, where it was not CTD-ILD alone: a key of `ENROLLED`; else empty."""
    if pick.is_precedent(trial):
        return "IPF only"
    return "Mixed" if {"IPF", "PF-ILD"} & set(trial.disease) else ""


def _label(evidence: Evidence, trial: Row) -> str:
    """What a trial compared, and in whom where it was not CTD-ILD alone."""
    return ": ".join(part for part in (_enrolled(trial), _arms(evidence, trial)) if part)


def _year(trial: Row) -> Span:
    return Span(str(trial.year), ref=trial.id)


def _patients(evidence: Evidence, trial: Row) -> int | None:
    whole = pick.whole_trial(evidence, trial)
    return trial.n_randomised if trial.n_randomised is not None or whole is None else whole.n


def _arms(evidence: Evidence, trial: Row) -> str:
    roles = ("intervention", "active comparator", "placebo")
    arms = sorted((a for a in evidence["arms"] if a.trial_id == trial.trial_id and a.role in roles), key=lambda a: roles.index(a.role))
    return " versus ".join(words.in_sentence(arm.label) for arm in arms)


def _draw(evidence: Evidence, trials: list[Row], layout: theme.Layout, name: str) -> str:
    wide = layout is theme.WIDE
    first, last = trials[0].year, max(trials[-1].year, trials[0].year + 1)
    pad = (0.06 if wide else 0.1) * (last - first)
    left, right = (236, 120) if wide else (4, 108)
    drawing = Drawing(layout, left, right, (first - pad, last + pad))
    drawing.axis([year for year in axis_ticks(first, last, 4) if year == int(year)], "Year of the main report")
    largest = max((_patients(evidence, t) or 0 for t in trials), default=0) or 1
    step = layout.size + 5
    y = 12.0
    for trial in trials:
        drawing.text(0, y, trial.acronym, bold=True)
        y += step
        labels = textwrap.wrap(_label(evidence, trial), layout.fits(left - 20 if wide else layout.width - 6, small=True))
        for n, label in enumerate(labels):
            drawing.text(0, y + n * (step - 1), label, color=theme.MUTED, size=layout.small, ref=trial.id)
        y += len(labels) * (step - 1)
        patients = _patients(evidence, trial)
        area = max(700 * (patients or 0) / largest, 30)
        clear = max(math.sqrt(area / math.pi) - 5, 4)  # under the text, which a large circle would touch
        middle = y - (step - 1) * (len(labels) + 1) / 2 if wide else y + clear
        drawing.rule(left, layout.width - right, middle, middle, at="px", color=theme.GRID, width=1)
        drawing.point(trial.year, middle, shape="circle", size=area, hollow=patients is None)
        size = pick.size_of(evidence, trial)
        drawing.text(
            layout.width,
            middle,
            size.text if patients is not None else "not reported",
            align="right",
            color=theme.MUTED,
            size=layout.small,
            ref=size.ref,
        )
        y += 14 if wide else 26 + clear
    return drawing.svg(name, y)
