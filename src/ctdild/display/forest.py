"""The forest plot of one outcome: each trial's difference with its interval, and no pooled estimate."""

from __future__ import annotations

from collections.abc import Sequence

from ..evidence import Evidence, Row
from ..measures import NOT_BY_CHANCE, RATIOS, includes_null, null_value
from . import rows as pick
from . import strip, theme
from . import text as words
from .figure import Column, Figure, Line, Span, Table, cell, figure_name, joined, line, sources_of

#: Measures as captions name them.
MEASURES = {
    "MD": "Difference",
    "SMD": "Standardised difference",
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
    measure = MEASURES[drawn[0].measure] if drawn else "Difference"
    unit = words.unit_text(drawn[0].unit) if drawn else ""
    axis_title = f"{measure} ({unit})" if unit else measure
    notes = [*_not_drawn(evidence, listed, design), *pick.printed_notes(evidence, rows)]
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
    return row.measure if row.measure in RATIOS else f"{MEASURES[row.measure].lower()} in {row.unit}"


def _shapes(evidence: Evidence, drawn: list[Row]) -> str:
    parts = [words.standing_text(evidence, row) for row in drawn]
    if all(parts):
        return "All are subgroups or post hoc (open squares). "
    return "Filled square: result of the whole trial; open square: subgroup or post hoc. " if any(parts) else ""


def _alt(evidence: Evidence, row: Row) -> str:
    group = words.cohort_text(evidence, row)
    about = [pick.named(evidence, row), *([group] if group else []), words.comparison_text(evidence, row)]
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


def _not_drawn(evidence: Evidence, rows: list[Row], design: str) -> list[Line]:
    """One line for each reason, with what it kept out."""
    kept: dict[str, list[Line]] = {}
    for row in rows:
        figures = pick.figure_span(row, words.result_text(row))
        kept.setdefault(_kept_out(evidence, row, design), []).append(line(Span(pick.row_name(evidence, row), ref=row.id), ": ", figures))
    return [line(f"Not drawn, {why}: ", *joined("; ", found), ".") for why, found in kept.items()]


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
    pairs = {(words.arm_text(evidence, row, "arm_a"), words.arm_text(evidence, row, "arm_b")) for row in drawn}
    axis = strip.Axis(axis_title, null_value(drawn[0]), drawn[0].measure in RATIOS, strip.favours(about.better, pairs))
    return strip.draw([_item(evidence, row) for row in drawn], axis, _column_title(drawn), layout, name)


def _item(evidence: Evidence, row: Row) -> strip.Item:
    figures = f"{words.number_text(row.estimate)} ({words.number_text(row.ci_low)} to {words.number_text(row.ci_high)})"
    return strip.Item(
        heading=f"{pick.named(evidence, row)}: {words.comparison_text(evidence, row)}",
        label=_label(evidence, row),
        printed=figures + pick.mark(row, *pick.ESTIMATE),
        mark=words.verification_mark(row),
        estimate=float(row.estimate),
        low=float(row.ci_low),
        high=float(row.ci_high),
        shape=strip.HOLLOW if words.standing_text(evidence, row) else strip.FILLED,
        ref=row.id,
    )


def _column_title(drawn: list[Row]) -> Span:
    levels = {row.text("ci_level") for row in drawn}
    short = "Difference" if drawn[0].measure == "MD" else MEASURES[drawn[0].measure]
    return Span(f"{short} ({levels.pop()}% CI)", ref=pick.addresses(drawn)) if len(levels) == 1 else Span(f"{short} (interval)")


def _label(evidence: Evidence, row: Row) -> str:
    """What stands under a trial's name: group, time, patients."""
    n = strip.unbroken(f"n {row.n_a} and {row.n_b}") if row.n_a is not None and row.n_b is not None else ""
    group = words.at_start(words.cohort_text(evidence, row)) or "Whole trial"
    return ", ".join(part for part in (group, words.time_text(row), n) if part)
