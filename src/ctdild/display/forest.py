"""The forest plot of one outcome: each trial's difference with its interval, and no pooled estimate."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from ..evidence import Evidence, Row
from ..measures import NOT_BY_CHANCE, RATIOS, includes_null, null_value
from . import rows as pick
from . import text as words
from . import theme
from .figure import Column, Figure, Line, Span, Table, cell, figure_name, joined, line, sources_of
from .svg import Drawing, axis_ticks, log_ticks

_MEASURES = {
    "MD": "Difference",
    "RD": "Risk difference",
    "OR": "Odds ratio",
    "RR": "Risk ratio",
    "HR": "Hazard ratio",
    "IRR": "Rate ratio",
    "rate difference": "Rate difference",
    "relative reduction": "Relative reduction",
    "win probability": "Win probability",
}


def forest(evidence: Evidence, outcome: str, kinds: Sequence[str] = ("rct",)) -> Figure:
    """How each comparison came out on one outcome, with its uncertainty; in randomised trials, unless ``kinds`` names others.

    Draws the preferred contrasts that have an interval; those without one, those of groups that were formed after the
    allocation and hazards at one time are named in the notes and the table. Nothing is pooled.
    Raises `KeyError` for an outcome outside the scope, `ValueError` when the contrasts are in more than one unit or
    measure (mL and % predicted share no axis) or ``kinds`` mixes randomised and other studies.
    """
    about = evidence.row(outcome, "outcomes")
    design = pick.design_of(kinds)
    rows = [row for row in pick.preferred(evidence, "contrasts", kinds) if row.outcome == outcome]
    drawn = [row for row in rows if not _kept_out(evidence, row, design)]
    listed = [row for row in rows if row not in drawn]
    scales = list(dict.fromkeys(_scale(row) for row in drawn))
    if len(scales) > 1:
        raise ValueError(f"{outcome}: {' and '.join(scales)} cannot share an axis; show them apart")
    name = figure_name(evidence, "forest", outcome, "" if design == "randomised" else design)
    measure = _MEASURES[drawn[0].measure] if drawn else "Difference"
    unit = words.unit_text(drawn[0].unit) if drawn else ""
    axis_title = f"{measure} ({unit})" if unit else measure
    notes = [_not_drawn(evidence, row, design) for row in listed] + pick.printed_notes(evidence, rows)
    if not drawn:
        sort = "randomised comparison" if design == "randomised" else f"comparison from studies {design}"
        caption = f"{about.name}: no {sort} with an interval is in the dataset for this scope."
        table = _table(evidence, about, rows, "") if rows else None
        return Figure(name, caption, caption, table, sources=sources_of(evidence, rows), notes=tuple(notes))
    between = "the arms of randomised trials" if design == "randomised" else f"the groups of studies ({design})"
    caption = f"{about.name}: {measure.lower()} between {between}{f', in {unit}' if unit else ''}, with confidence interval."
    legend = f"{_shapes(evidence, drawn)}{pick.VERIFICATION_KEY} Nothing is pooled."
    said = line(
        f"Forest plot of {about.name}, {measure.lower()}{f' in {unit}' if unit else ''}: ",
        *joined("; ", (Span(_alt(evidence, row), ref=row.id) for row in drawn)),
        ".",
    )
    return Figure(
        name,
        caption,
        said,
        _table(evidence, about, rows, unit),
        _draw(evidence, about, drawn, axis_title, theme.WIDE, name),
        _draw(evidence, about, drawn, axis_title, theme.NARROW, name),
        sources_of(evidence, rows),
        tuple(notes),
        legend,
    )


def _scale(row: Row) -> str:
    return row.measure if row.measure in RATIOS else f"{_MEASURES[row.measure].lower()} in {row.unit}"


def _shapes(evidence: Evidence, drawn: list[Row]) -> str:
    parts = [words.standing_text(evidence, row) for row in drawn]
    if all(parts):
        return "All are subgroups or post hoc (open squares). "
    return "Filled square: result of the whole trial; open square: subgroup or post hoc. " if any(parts) else ""


def _favours(evidence: Evidence, about: Row, drawn: list[Row]) -> tuple[str, str]:
    """What lies left and right of the null line; empty where neither direction is better."""
    if not about.better:
        return "", ""
    pairs = {(words.arm_text(evidence, row, "arm_a"), words.arm_text(evidence, row, "arm_b")) for row in drawn}
    a, b = next(iter(pairs)) if len(pairs) == 1 else ("treatment", "comparator")
    if max(len(a), len(b)) > 14:
        a, b = "treatment", "comparator"
    right, left = (a, b) if about.better == "higher" else (b, a)
    return f"favours {left}", f"favours {right}"


def _alt(evidence: Evidence, row: Row) -> str:
    group = words.cohort_text(evidence, row)
    about = [pick.acronym(evidence, row), *([group] if group else []), words.comparison_text(evidence, row)]
    favours = words.favours_text(evidence, row)
    if favours and includes_null(row):
        favours = f"point estimate {favours}, interval includes no difference"
    result = f"{words.estimate_text(row)} ({words.interval_text(row)})"
    return ", ".join([*about, words.time_text(row)]) + f": {result}" + (f", {favours}" if favours else "")


def _kept_out(evidence: Evidence, row: Row, design: str) -> str:
    """Why a contrast is not drawn; empty where it is."""
    if None in (row.estimate, row.ci_low, row.ci_high):
        return "no interval reported here"
    if design == "randomised" and evidence.cohort(row).kind in NOT_BY_CHANCE:
        return "chance did not make these groups"
    return "a hazard at one time" if row.time_kind == "at" else ""


def _not_drawn(evidence: Evidence, row: Row, design: str) -> Line:
    return line(
        f"Not drawn, {_kept_out(evidence, row, design)}: ",
        Span(pick.row_name(evidence, row), ref=row.id),
        ": ",
        pick.figure_span(row, words.result_text(row)),
        ".",
    )


def _table(evidence: Evidence, about: Row, rows: list[Row], unit: str) -> Table:
    body = []
    for row in rows:
        estimate = words.estimate_text(row) if not unit or row.estimate is None else words.number_text(row.estimate)
        result = ", ".join(part for part in (estimate, words.interval_text(row) or "no interval reported here") if part)
        body.append(
            (
                cell(pick.trial_link(evidence.trial(row)), Span(words.comparison_text(evidence, row), tone="muted")),
                cell(
                    words.at_start(words.cohort_text(evidence, row)) or "Whole trial",
                    Span(words.time_text(row) or "time not reported", ref=row.id, tone="muted"),
                ),
                cell(_n_span(row)),
                cell(
                    pick.figure_span(row, result),
                    *([Span(direction, tone="muted")] if (direction := words.direction_text(evidence, row)) else []),
                ),
                cell(Span(words.p_text(row), ref=row.id) if words.p_text(row) else "not reported here"),
                cell(words.verification_text(evidence, row)),
            )
        )
    columns = (Column("Trial"), Column("Group and time"), Column("Patients"), Column("Difference", unit), Column("p-value"), Column("Read"))
    return Table(f"{about.name}: differences between arms", columns, tuple(body))


def _n_span(row: Row) -> Span | str:
    if row.n_a is None or row.n_b is None:
        return "not reported here"
    return Span(f"{row.n_a} and {row.n_b}", ref=row.id, mark=pick.mark(row, "n_a", "n_b"))


def _draw(evidence: Evidence, about: Row, drawn: list[Row], axis_title: str, layout: theme.Layout, name: str) -> str:
    wide = layout is theme.WIDE
    ratio = drawn[0].measure in RATIOS
    null = null_value(drawn[0])
    low, high = min(null, *(r.ci_low for r in drawn)), max(null, *(r.ci_high for r in drawn))
    pad = 1.1 if ratio else 0.05 * (high - low)
    low, high = (low / pad, high * pad) if ratio else (low - pad, high + pad)
    left, right = (236, 176) if wide else (8, 8)
    drawing = Drawing(layout, left, right, (low, high), log=ratio)
    drawing.axis(log_ticks(low, high) if ratio else axis_ticks(low, high), axis_title)
    step, small_step = layout.size + 5, layout.small + 4
    label_width = left - 20 if wide else layout.width
    y = 8.0
    if wide:
        title = _column_title(drawn)
        drawing.text(layout.width, y, title.text, align="right", color=theme.MUTED, size=layout.small, ref=title.refs)
        y += small_step + 2
    top, heading = y - 8, None
    for row in drawn:
        label = f"{pick.acronym(evidence, row)}: {words.comparison_text(evidence, row)}"
        if label != heading:
            y += 10 if heading else 0
            heading = label
            for part in textwrap.wrap(label, layout.fits(label_width, bold=True)):
                drawing.text(0, y, part, bold=True)
                y += step
        estimate = f"{words.number_text(row.estimate)} ({words.number_text(row.ci_low)} to {words.number_text(row.ci_high)}){pick.mark(row, *pick.ESTIMATE)}"
        mark = words.verification_mark(row)
        if wide:
            middle = y
            drawing.text(layout.width - 22, y, estimate, align="right", ref=row.id)
            drawing.text(layout.width, y, mark, align="right", color=theme.MUTED, size=layout.small)
        for part in _label(evidence, row, layout.fits(label_width, small=True)):
            drawing.text(0, y, part, color=theme.MUTED, size=layout.small, ref=row.id)
            y += small_step
        if not wide:
            drawing.text(0, y, estimate, ref=row.id)
            drawing.text(layout.width, y, mark, align="right", color=theme.MUTED, size=layout.small)
            y += step - 1
            middle = y
            drawing.rule(null, null, middle - 8, middle + 8, color=theme.RULE, width=1)
            y += step
        else:
            y += 8
        drawing.rule(float(row.ci_low), float(row.ci_high), middle, middle)
        drawing.point(float(row.estimate), middle, hollow=bool(words.standing_text(evidence, row)))
    worse, better = _favours(evidence, about, drawn)
    y += 4
    if wide:
        drawing.rule(null, null, top, y + 16, color=theme.RULE, width=1)
    if worse:
        y += 6
        at_null = drawing.position(null)
        drawing.text(at_null - 8 if wide else 0, y, f"← {worse}", align="right" if wide else "left", color=theme.MUTED, size=layout.small)
        drawing.text(
            at_null + 8 if wide else layout.width, y, f"{better} →", align="left" if wide else "right", color=theme.MUTED, size=layout.small
        )
    return drawing.svg(name, y + 12)


def _column_title(drawn: list[Row]) -> Span:
    levels = {row.text("ci_level") for row in drawn}
    short = "Difference" if drawn[0].measure == "MD" else _MEASURES[drawn[0].measure]
    return Span(f"{short} ({levels.pop()}% CI)", ref=pick.addresses(drawn)) if len(levels) == 1 else Span(f"{short} (interval)")


def _label(evidence: Evidence, row: Row, characters: int) -> list[str]:
    """The lines under a trial's name: group, time, patients."""
    n = f"n {row.n_a} and {row.n_b}".replace(" ", words.NO_BREAK) if row.n_a is not None and row.n_b is not None else ""
    group = words.at_start(words.cohort_text(evidence, row)) or "Whole trial"
    return textwrap.wrap(", ".join(part for part in (group, words.time_text(row), n) if part), characters)
