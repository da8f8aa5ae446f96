"""Harms: patients per 100 in each arm, within the trial period."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable
from dataclasses import replace

from ..evidence import Evidence, Row
from ..measures import NOT_BY_CHANCE
from . import rows as pick
from . import text as words
from . import theme
from .figure import Column, Figure, Line, Span, Table, cell, figure_name, joined, line, sources_of
from .svg import Drawing, axis_ticks

DOMAINS = ("harms", "survival")

_ARMS = ("intervention", "active comparator", "placebo", "reference", "all")
#: Roles without a place in the comparison.
_BESIDE = ("reference", "all")
#: Counted against a treatment's effect, not among its harms.
_EFFECTS = ("disease-progression",)
#: What stands first in each trial, whatever the order of the file.
_FIRST = ("sae", "ae-stop", "death")

#: How the absolute difference reads.
_DIFFERENCE = " Difference: the arm named first minus the other, patients per 100, with its 95% interval (Newcombe), computed here."

Group = tuple[Row, ...]  #: the arms of one trial, cohort, outcome and time


def harms(evidence: Evidence) -> Figure:
    """How many patients of 100 in each arm met each harm while the trial ran.

    A printed percentage is used as printed; one computed from events and n says so. Where both arms of a comparison have events
    and n, their difference stands under the name of the harm, with its interval (`synthesis.effects.risk_difference_interval`).
    Rows that count events, of which a patient may have several, and those of groups that chance did not make are named apart and not drawn. What is better
    the more there is of it, such as survival, is no harm, nor is the disease that went on.
    """
    rows = [
        row
        for row in pick.by_domain(evidence, pick.preferred(evidence, "arm_results"), DOMAINS)
        if row.time_kind not in pick.FOLLOW_UP
        and evidence.arm(row).role not in _BESIDE
        and row.weeks != 0
        and evidence.outcome(row).better != "higher"
        and row.outcome not in _EFFECTS
    ]
    later = _groups(evidence, [row for row in rows if evidence.cohort(row).kind in NOT_BY_CHANCE])
    rows = [row for row in rows if evidence.cohort(row).kind not in NOT_BY_CHANCE]
    groups = _groups(evidence, [row for row in rows if words.rate_per_100(row)])
    apart = _groups(evidence, [row for row in rows if row.counts == "events" or row.unit in ("events", "per 100 patient-years")])
    counted = _groups(
        evidence, [row for row in rows if words.counts_patients(row) and not words.rate_per_100(row) and row.events is not None]
    )
    name = figure_name(evidence, "harms")
    if not groups and not apart and not counted and not later:
        nothing = "No harm of a randomised trial is in the dataset for this scope."
        return Figure(name, nothing, nothing)
    used = [row for group in (*groups, *apart, *counted, *later) for row in group]
    notes = [*_apart(evidence, apart, "Events, not patients (a patient may have several)")]
    notes += _apart(evidence, later, "After the randomised comparison")
    notes += _withheld(evidence)
    notes += pick.printed_notes(evidence, used)
    caption = "Harms seen in trials, not a safety label: patients per 100 in each arm, within the trial period."
    legend = line(
        Span(_key(evidence, groups), tone="drawn"),
        f"{_DIFFERENCE if any(map(difference, groups)) else ''} {words.COMPUTED} \u2013 Not reported here.",
    )
    said = line("Dot plot of patients per 100 in each arm: ", *joined("; ", (_alt(evidence, group) for group in groups)), ".")
    wide = narrow = None
    if groups:
        wide = _draw(evidence, groups, theme.WIDE, name)
        narrow = _draw(evidence, groups, theme.NARROW, name)
    return Figure(
        name,
        caption,
        said,
        _table(evidence, [*groups, *counted, *apart, *later]),
        wide,
        narrow,
        sources_of(evidence, used),
        tuple(notes),
        legend,
    )


def _groups(evidence: Evidence, rows: Iterable[Row]) -> list[Group]:
    """Arms beside each other, in the order intervention, comparator."""
    found: dict[tuple, list[Row]] = {}
    for row in rows:
        found.setdefault((row.trial_id, row.cohort, row.outcome, row.text("weeks"), row.time_kind), []).append(row)
    trials = {key[0]: n for n, key in enumerate(dict.fromkeys((key[0],) for key in found))}
    groups = [tuple(sorted(group, key=lambda r: _ARMS.index(evidence.arm(r).role))) for group in found.values()]
    return sorted(groups, key=lambda g: (trials[g[0].trial_id], _FIRST.index(g[0].outcome) if g[0].outcome in _FIRST else len(_FIRST)))


def _comparison(evidence: Evidence, groups: Iterable[Group], trial_id: str) -> list[Row]:
    """The arms of a trial of which anything is drawn, in the order in which figures stand beside each other."""
    named = {row.arm for group in groups for row in group if row.trial_id == trial_id}
    arms = [arm for arm in evidence["arms"] if arm.trial_id == trial_id and arm.role not in _BESIDE and arm.arm in named]
    return sorted(arms, key=lambda arm: _ARMS.index(arm.role))


def _title(evidence: Evidence, group: Group, inside: bool = False) -> Span:
    """What was counted and when: ``Diarrhoea, over 52 weeks``; a label of all rows of the group."""
    row = group[0]
    standing = words.in_sentence(words.cohort_text(evidence, row))
    text = ", ".join(part for part in (evidence.outcome(row).short, standing, words.time_text(row)) if part)
    return Span(words.in_sentence(text) if inside else text, ref=pick.addresses(group))


def difference(group: Group) -> str:
    """The difference of the shares of two arms, first minus second, in patients per 100 with its 95% interval:
    ``44.1 (38.3 to 49.3)``; empty unless there are two arms and the patients with the event are known of each, as printed or
    as the one number that rounds to the printed percentage. Where count and printed percentage do not fit each other, none: it would
    be the difference of shares that do not stand beside it.

    Newcombe 1998, Stat Med 17:873, method 10. One difference of many that were counted: no test of a harm.
    """
    if len(group) != 2 or not all(words.counts_patients(row) for row in group):
        return ""
    from ..synthesis import effects, pools  # late: scipy takes its time, and pages without harms need none

    one, other = (pools.patients_with_event(row) for row in group)
    if one is None or other is None or not all(_fits(row, arm.events, arm.n) for row, arm in zip(group, (one, other), strict=True)):
        return ""
    low, high = effects.risk_difference_interval(one.events, one.n, other.events, other.n)
    figures = (100 * one.events / one.n - 100 * other.events / other.n, 100 * low, 100 * high)
    middle, start, end = (words.number_text(f"{0.0 if abs(value) < 0.05 else value:.1f}") for value in figures)
    return f"{middle} ({start} to {end})"


def _fits(row: Row, events: int, n: int) -> bool:
    """Whether a count rounds to the percentage that is printed with it."""
    return row.percent is None or abs(100 * events / n - row.percent) <= row.percent.half_unit + 1e-9


def _difference_span(group: Group) -> Span | None:
    text = difference(group)
    return Span(f"difference {text}", ref=pick.addresses(group), tone="muted") if text else None


def _alt(evidence: Evidence, group: Group) -> Line:
    arms = [Span(f"{words.arm_text(evidence, row)} {words.rate_per_100(row).text}", ref=row.id) for row in group]
    return line(f"{pick.named(evidence, group[0])}, ", _title(evidence, group), ": ", *joined(", ", arms, last=" and "))


def _apart(evidence: Evidence, groups: list[Group], why: str) -> list[Line]:
    """What is not drawn for one reason; nothing where there is none."""
    found = []
    for group in groups:
        arms = (line(f"{words.arm_text(evidence, row)} ", pick.figure_span(row, words.estimate_text(row))) for row in group)
        found.append(line(f"{pick.acronym(evidence, group[0])}, ", _title(evidence, group, inside=True), ": ", *joined(", ", arms)))
    return [line(f"{why}: ", *joined("; ", found), ".")] if found else []


def _withheld(evidence: Evidence) -> list[Line]:
    """Of which trials and harms figures were read that are not shown."""
    trials = {trial.trial_id for trial in pick.trials_in_order(evidence)}
    rows = [row for row in pick.by_domain(evidence, evidence["arm_results"], DOMAINS) if row.withheld and row.trial_id in trials]
    named: dict[str, dict[str, None]] = {}
    for row in rows:
        named.setdefault(row.trial_id, {})[words.in_sentence(evidence.outcome(row).short)] = None
    return [
        line(
            "Withheld, since sources disagree: ",
            pick.trial_link(evidence.row(trial_id, "trials")),
            f", {pick.sentence_list(list(outcomes))}.",
        )
        for trial_id, outcomes in named.items()
    ]


def _table(evidence: Evidence, groups: list[Group]) -> Table:
    body = [
        (
            cell(pick.trial_link(evidence.trial(group[0])), replace(_title(evidence, group), tone="muted")),
            cell(*(_in_arm(evidence, row) for row in group), *([line(of_both)] if (of_both := _difference_span(group)) else [])),
            cell(*dict.fromkeys(words.verification_text(evidence, row) for row in group)),
        )
        for group in groups
    ]
    return Table("Harms in each arm", (Column("Trial and harm"), Column("In each arm", "patients per 100"), Column("Read")), tuple(body))


def _in_arm(evidence: Evidence, row: Row) -> Line:
    """The share, with the count where it is known; or the count, and why it is no share."""
    rate = words.rate_per_100(row)
    if rate:
        counted = f" ({row.events} of {row.n})" if row.events is not None and row.n is not None else ""
        shown, why = f"{rate.marked}{counted}", ""
    else:
        shown = words.estimate_text(row)
        why = "; of how many is not reported here" if words.counts_patients(row) else ", not patients"
    return line(f"{words.at_start(words.arm_text(evidence, row))}: ", pick.figure_span(row, shown), Span(why, tone="muted") if why else "")


_SHAPES = ("circle", "circle", "square", "diamond", "triangle-up")


def _most_arms(evidence: Evidence, groups: list[Group]) -> int:
    return max((len(_comparison(evidence, groups, group[0].trial_id)) for group in groups), default=0)


def _key(evidence: Evidence, groups: list[Group]) -> str:
    """Which sign and which figure belong to which arm."""
    if _most_arms(evidence, groups) > 2:
        signs = pick.sentence_list([f"open {shape.replace('-up', '')}" for shape in _SHAPES[1 : _most_arms(evidence, groups)]])
        return f"Filled circle and first figure: the arm named first; then {signs}, in the order named."
    return "Filled circle and first figure: the arm named first; open circle and second figure: the other."


def _draw(evidence: Evidence, groups: list[Group], layout: theme.Layout, name: str) -> str:
    wide = layout is theme.WIDE
    highest = max(words.rate_per_100(row).value for group in groups for row in group)
    most = min(100.0, 10.0 * math.ceil(highest / 10)) or 10.0
    figures = 58 * _most_arms(evidence, groups)
    left, right = (270, figures + 8) if wide else (6, 12)
    drawing = Drawing(layout, left, right, (0.0, most))
    drawing.axis(axis_ticks(0, most), "Patients per 100")
    step, small_step = layout.size + 6, layout.small + 4
    y, trial = 10.0, None
    for group in groups:
        arms = _comparison(evidence, groups, group[0].trial_id)
        if group[0].trial_id != trial:
            y += 10 if trial else 0
            trial = group[0].trial_id
            heading = f"{pick.named(evidence, group[0])}: " + " versus ".join(words.in_sentence(arm.label) for arm in arms)
            for label in textwrap.wrap(heading, layout.fits(layout.width, bold=True)):
                drawing.text(0, y, label, bold=True)
                y += step
        title = _title(evidence, group)
        labels = textwrap.wrap(title.text, layout.fits(left - 16 if wide else layout.width - 58 * len(arms) - 8, small=True))
        of_both = difference(group)
        if of_both:
            labels.append(f"difference {of_both}")
        height = len(labels) * small_step
        beside = y + (height - small_step) / 2 if wide else y
        for n, label in enumerate(labels):
            drawing.text(0, y + n * small_step, label, color=theme.MUTED, size=layout.small, ref=title.refs)
        by_arm = {row.arm: row for row in group}
        for n, arm in enumerate(arms):
            row = by_arm.get(arm.arm)
            x = layout.width - 58 * (len(arms) - 1 - n)
            text = words.rate_per_100(row).marked + pick.mark(row, *pick.VALUE) if row else "\u2013"
            drawing.text(
                x, beside, text, align="right", ref=row.id if row else None, size=layout.small, color=theme.INK if row else theme.MUTED
            )
        middle = beside if wide else y + height
        drawing.rule(0.0, most, middle, middle, color=theme.GRID, width=1)
        points = [(words.rate_per_100(by_arm[arm.arm]).value, n) for n, arm in enumerate(arms) if arm.arm in by_arm]
        if len(points) > 1:
            drawing.rule(min(points)[0], max(points)[0], middle, middle, color=theme.MUTED, width=2)
        for value, n in reversed(points):
            drawing.point(value, middle, shape=_SHAPES[n % len(_SHAPES)], color=theme.COMPARATOR if n else theme.ACCENT, hollow=n > 0)
        y += height + (8 if wide else 20)
    return drawing.svg(name, y - 4)
