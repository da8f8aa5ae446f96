"""Hazard ratios at time points: what cannot be said in one ratio, since the hazards cross."""

from __future__ import annotations

import math
import textwrap
from itertools import pairwise

from ..evidence import Evidence, Row
from . import rows as pick
from . import text as words
from . import theme
from .figure import Column, Figure, Line, Span, Table, cell, figure_name, joined, line, sources_of
from .svg import Drawing, Scale, log_ticks

Panel = tuple[Row, ...]  #: one comparison of one trial, in time

_HEIGHT = 150


def hazards(evidence: Evidence, outcome: str) -> Figure:
    """How the hazard of an outcome in one arm of a randomised trial stood to that in the other, at one time after another.

    One panel a comparison; nothing is pooled, over time or over trials.
    Raises `KeyError` for an outcome outside the scope.
    """
    about = evidence.row(outcome, "outcomes")
    rows = [
        row for row in pick.preferred(evidence, "contrasts") if row.outcome == outcome and row.time_kind == "at" and row.measure == "HR" and row.weeks
    ]  # fmt: skip
    drawn = [row for row in rows if None not in (row.estimate, row.ci_low, row.ci_high)]
    name = figure_name(evidence, "hazards", outcome)
    if not drawn:
        nothing = f"{about.name}: no hazard ratio at a point in time is in the dataset for this scope."
        return Figure(name, nothing, nothing)
    found: dict[tuple, list[Row]] = {}
    for row in drawn:
        found.setdefault((row.trial_id, row.cohort, row.arm_a, row.arm_b), []).append(row)
    panels = [tuple(panel) for panel in found.values()]
    trials = pick.sentence_list(list(dict.fromkeys(pick.acronym(evidence, row) for row in drawn)))
    levels: dict[str, list[Row]] = {}
    for row in sorted((row for row in drawn if row.ci_level is not None), key=lambda row: row.ci_level):
        levels.setdefault(f"{words.number_text(row.ci_level)}%", []).append(row)
    level = joined(", ", (Span(text, ref=pick.addresses(members)) for text, members in levels.items()), last=" and ")
    caption = f"{about.name}: hazard ratio at points in time, {trials}."
    legend = line(
        "Each square is the ratio at that time, not up to it, with its interval",
        *([" (", *level, ")"] if level else []),
        f". At 1 the hazards are equal. Nothing is pooled. {pick.VERIFICATION_KEY}",
    )
    said = line(
        f"Hazard ratios of {words.in_sentence(about.name)} over time: ", *joined("; ", (_alt(evidence, panel) for panel in panels)), "."
    )
    wide, narrow = (_draw(evidence, panels, layout, name) for layout in (theme.WIDE, theme.NARROW))
    notes = [
        line(
            "Not drawn, no interval reported here: ",
            Span(pick.row_name(evidence, row), ref=row.id),
            ": ",
            pick.figure_span(row, words.result_text(row)),
            ".",
        )
        for row in rows
        if row not in drawn
    ]
    notes += pick.printed_notes(evidence, rows)
    return Figure(name, caption, said, _table(evidence, rows), wide, narrow, sources_of(evidence, rows), tuple(notes), legend)


def _who(evidence: Evidence, panel: Panel) -> str:
    group = words.cohort_text(evidence, panel[0])
    return ", ".join(part for part in (f"{pick.acronym(evidence, panel[0])}: {words.comparison_text(evidence, panel[0])}", group) if part)


def _alt(evidence: Evidence, panel: Panel) -> Line:
    points = (Span(f"{_time(row)} {words.estimate_text(row)} ({words.interval_text(row)})", ref=row.id) for row in panel)
    return line(f"{_who(evidence, panel)}: ", *joined(", ", points))


def _time(row: Row) -> str:
    """``month 3``; ``year 3 to year 10``."""
    start = words.moment_text(row.weeks)
    return start if row.weeks_to is None else f"{start} to {words.moment_text(row.weeks_to)}"


def _stacked(row: Row) -> list[str]:
    """The time in short lines, for places so near each other that their names would run into one: ``month``, ``3``."""
    unit, _, start = words.moment_text(row.weeks).partition(" ")
    if row.weeks_to is None:
        return [unit, start]
    other, _, end = words.moment_text(row.weeks_to).partition(" ")
    return [f"{unit}s", f"{start} to", end] if unit == other else [unit, f"{start} to", other, end]


def _table(evidence: Evidence, rows: list[Row]) -> Table:
    body = []
    for row in rows:
        said = words.direction_text(evidence, row)
        body.append(
            (
                cell(pick.trial_link(evidence.trial(row)), Span(words.comparison_text(evidence, row), tone="muted")),
                cell(Span(words.at_start(words.time_text(row)), ref=row.id)),
                cell(pick.figure_span(row, words.result_text(row)), *([Span(said, tone="muted")] if said else [])),
                cell(words.verification_text(evidence, row)),
            )
        )
    return Table("Hazard ratios at points in time", (Column("Trial"), Column("When"), Column("Hazard ratio"), Column("Read")), tuple(body))


def _places(panel: Panel, left: float, right: float, apart: float) -> tuple[list[float], bool]:
    """Where the points stand, in px; to the logarithm of time where that leaves room, else evenly. And whether to scale."""
    middles = [math.sqrt(float(row.weeks) * float(row.weeks_to)) if row.weeks_to is not None else float(row.weeks) for row in panel]
    if len(panel) == 1:
        return [(left + right) / 2], True
    scale = Scale(min(middles), max(middles), left, right, log=True) if min(middles) < max(middles) else None
    places = [scale(middle) for middle in middles] if scale else []
    ordered = sorted(places)
    if ordered and min(b - a for a, b in pairwise(ordered)) >= apart:
        return places, True
    return [left + (right - left) * n / (len(panel) - 1) for n in range(len(panel))], False


def _draw(evidence: Evidence, panels: list[Panel], layout: theme.Layout, name: str) -> str:
    wide = layout is theme.WIDE
    drawing = Drawing(layout, 0, 0, (0.0, float(layout.width)))
    left, right, apart = (44, layout.width - 4, 90) if wide else (34, layout.width - 2, 50)
    step, small_step = layout.size + 5, layout.small + 4
    rows = [row for panel in panels for row in panel]
    low, high = min(0.8, *(float(r.ci_low) for r in rows)) / 1.1, max(1.25, *(float(r.ci_high) for r in rows)) * 1.1
    y = 10.0
    for number, panel in enumerate(panels):
        y += 26 if number else 0
        marks = "".join(dict.fromkeys(words.verification_mark(row) for row in panel))
        drawing.text(layout.width, y, marks, align="right", color=theme.MUTED, size=layout.small)
        for part in textwrap.wrap(_who(evidence, panel), layout.fits(layout.width - 30, bold=True)):
            drawing.text(0, y, part, bold=True)
            y += step
        arm = words.arm_text(evidence, panel[0], "arm_a").partition(",")[0]
        y = _hint(drawing, y + 2, f"↑ hazard higher with {arm}")
        height = Scale(low, high, y + _HEIGHT, y, log=True)
        for tick in log_ticks(low, high):
            drawing.rule(left, right, height(tick), height(tick), at="px", color=theme.RULE if tick == 1 else theme.GRID, width=1)
            drawing.tick(left - 6, height(tick), f"{tick:g}", align="right")
        places, to_scale = _places(panel, left + apart / 2, right - apart / 2, apart)
        y += _HEIGHT
        deepest = y
        for row, x in zip(panel, places, strict=True):
            drawing.rule(x, x, height(float(row.ci_low)), height(float(row.ci_high)), at="px")
            drawing.point(x, height(float(row.estimate)), at="px", hollow=bool(words.standing_text(evidence, row)))
            under = y + 14
            for part in textwrap.wrap(_time(row), layout.fits(apart, small=True)) if wide else _stacked(row):
                drawing.text(x, under, part, align="center", color=theme.MUTED, size=layout.small, ref=row.id)
                under += small_step
            deepest = max(deepest, under)
        y = deepest
        for row, x in zip(panel, places, strict=True):
            estimate = words.number_text(row.estimate) + pick.mark(row, *pick.ESTIMATE)
            low_text, high_text = words.number_text(row.ci_low), words.number_text(row.ci_high)
            drawing.text(x, y, estimate, align="center", bold=True, size=layout.small, ref=row.id)
            parts = [f"{low_text} to {high_text}"] if wide else [f"{low_text} to", high_text]
            for n, part in enumerate(parts, start=1):
                drawing.text(x, y + n * small_step, part, align="center", size=layout.small, ref=row.id)
        y += small_step * (1 if wide else 2) + step
        y = _hint(
            drawing, y, f"Time since randomisation ({'logarithmic' if to_scale else 'not to scale'}); below 1, hazard lower with {arm}"
        )
    return drawing.svg(name, y)


def _hint(drawing: Drawing, y: float, text: str) -> float:
    """A line of secondary text, wrapped to the drawing; the y under it."""
    for part in textwrap.wrap(text, drawing.layout.fits(drawing.layout.width, small=True)):
        drawing.text(0, y, part, color=theme.MUTED, size=drawing.layout.small)
        y += drawing.layout.small + 4
    return y
