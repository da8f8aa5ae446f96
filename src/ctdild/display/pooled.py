"""What is pooled, drawn: forest plots with a diamond, and how the diamond hangs on each trial.

A figure that the gate refuses cannot be drawn: `pooled` then raises what the gate says.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from .. import synthesis  # what it computes with is imported when first used
from ..evidence import Evidence, Row, row_id
from ..synthesis import pools
from . import rows as pick
from . import strip, theme
from . import text as words
from .figure import Cell, Column, Figure, Line, Source, Span, Table, cell, figure_name, joined, line, sources_of
from .forest import MEASURES
from .pooltext import (
    answer_span,
    answer_text,
    arm_names,
    computed,
    decimals_of,
    differing,
    figures_text,
    number_needed_text,
    p_value_text,
    readable,
    time_span,
    trial_name,
)

if TYPE_CHECKING:
    from ..synthesis.pools import Comparison
    from ..synthesis.summary import Answer, Study, Summary

_ORIGINS = {
    "interval": "from the printed interval",
    "p": "from the printed p-value",
    "counts": "from the counts",
    "counts from percentages": "from the only counts that fit the printed percentages",
}


def pooled(evidence: Evidence, pool_id: str) -> Figure:
    """What the trials of one pool say together: a forest plot with a diamond, and what a reader has to know of it.

    Raises `KeyError` for an unknown pool and `ctdild.synthesis.pools.PoolRefusedError` for one that may not be drawn.
    """
    summary = synthesis.summary.summarise(evidence, pool_id)
    name = figure_name(evidence, "pooled", pool_id)
    measure = MEASURES[summary.headline.measure]
    unit = f" in {summary.unit}" if summary.unit else ""
    caption = line(_question(summary), f" {summary.outcome.name}, {measure.lower()}{unit}, ", time_span(summary), "; pooled.")
    legend = (
        "Filled square: result of the whole trial; open square: subgroup or post hoc. Diamond: the trials together. "
        f"* Interval computed here. {pick.VERIFICATION_KEY}"
    )
    items = [*(_item(evidence, summary, study) for study in summary.studies if study.defined), _diamond(summary)]
    wide, narrow = (_draw(evidence, summary, items, layout, name) for layout in (theme.WIDE, theme.NARROW))
    said = line(
        f"Forest plot of {summary.outcome.name}: ",
        *joined("; ", (line(f"{trial_name(evidence, study)} ", _study_span(summary, study)) for study in summary.studies)),
        "; together ",
        answer_span(summary, summary.headline),
        ".",
    )
    return Figure(
        name,
        caption,
        said,
        _table(evidence, summary),
        wide,
        narrow,
        _sources(evidence, summary),
        (*_notes(evidence, summary), *pick.printed_notes(evidence, summary.rows)),
        legend,
        _left_out_table(evidence, summary),
    )


def _sources(evidence: Evidence, summary: Summary) -> tuple[Source, ...]:
    return sources_of(evidence, summary.rows)


def _question(summary: Summary) -> Span:
    return Span(summary.judged.declared.question, ref=summary.pool_id)


def _study_span(summary: Summary, study: Study) -> Span:
    return Span(_study_text(summary, study), ref=pick.addresses(study.comparison.rows))


def _study_text(summary: Summary, study: Study) -> str:
    if not study.defined:
        return "no event in either arm"
    decimals = decimals_of(summary, summary.headline)
    printed = not study.comparison.arms
    row = study.comparison.row
    estimate = words.number_text(row.estimate) if printed else computed(study.estimate, decimals)
    if printed and not study.computed:
        return f"{estimate} ({words.number_text(row.ci_low)} to {words.number_text(row.ci_high)})"
    return f"{estimate} ({computed(study.low, decimals)} to {computed(study.high, decimals)})*"


def _item(evidence: Evidence, summary: Summary, study: Study) -> strip.Item:
    row = study.comparison.row
    counts = study.comparison.counts
    sizes = _sizes(evidence, study.comparison)
    size = (
        f"{counts[0].events} of {counts[0].n} and {counts[1].events} of {counts[1].n}" if counts else ", ".join(one.text for one in sizes)
    )
    unsized = [] if counts else [ref for one in sizes for ref in one.refs]
    group = words.cohort_text(evidence, row) or "whole trial"
    diseases = ", ".join(evidence.cohort(row).disease or evidence.trial(row).disease)
    corrected = "".join(pick.mark(one, *(pick.ESTIMATE if one.table == "contrasts" else pick.VALUE)) for one in study.comparison.rows)[:1]
    return strip.Item(
        heading=f"{pick.acronym(evidence, row)}: {' versus '.join(arm_names(evidence, study.comparison))}",
        label=", ".join(part for part in (diseases, group, words.time_text(row), strip.unbroken(size), _weight(study)) if part),
        printed=_study_text(summary, study) + corrected,
        mark=_worst(study.comparison.rows),
        estimate=study.estimate,
        low=study.low,
        high=study.high,
        shape=strip.HOLLOW if words.standing_text(evidence, row) else strip.FILLED,
        ref=tuple(dict.fromkeys([*pick.addresses(study.comparison.rows), *unsized])),
    )


def _weight(study: Study) -> str:
    return strip.unbroken(f"weight {100 * study.weight:.0f}%")


def _sizes(evidence: Evidence, comparison: Comparison) -> list[Span]:
    """The patients compared; where their number was not read, those analysed in all and those randomised."""
    if comparison.n is not None:
        return [Span(f"n {comparison.n}", ref=pick.addresses(comparison.rows))]
    both = row_id("arms", (comparison.trial_id, "all"))
    analysed = evidence.row(both).n_analysed if both in evidence else None
    known = [] if analysed is None else [Span(f"{analysed} analysed", ref=both)]
    return [*known, pick.size_of(evidence, evidence.trial(comparison.row))]


def _worst(rows: Iterable[Row]) -> str:
    """The mark of the row that was read furthest from its trial."""
    return max((words.verification_mark(row) for row in rows), key="PSR".index)


def _diamond(summary: Summary) -> strip.Item:
    answer = summary.headline
    decimals = decimals_of(summary, answer)
    figures = f"{computed(answer.estimate, decimals)} ({computed(answer.low, decimals)} to {computed(answer.high, decimals)})"
    patients = f", n {summary.n}" if summary.n is not None else ""
    return strip.Item(
        heading="Pooled",
        label=f"{words.at_start(answer.method)}; {summary.k} trials{patients}",
        printed=figures,
        mark="",
        estimate=answer.estimate,
        low=answer.low,
        high=answer.high,
        shape=strip.DIAMOND,
        ref=summary.refs,
    )


def _draw(evidence: Evidence, summary: Summary, items: Sequence[strip.Item], layout: theme.Layout, name: str) -> str:
    answer = summary.headline
    measure = MEASURES[answer.measure]
    pairs = {arm_names(evidence, study.comparison) for study in summary.studies}
    axis = strip.Axis(
        f"{measure} ({summary.unit})" if summary.unit else measure,
        answer.null,
        answer.null == 1,
        strip.favours(summary.outcome.better, pairs),
    )
    return strip.draw(items, axis, Span(f"{'Difference' if answer.measure == 'MD' else measure} (95% CI)"), layout, name)


def _notes(evidence: Evidence, summary: Summary) -> list[Line]:
    notes = [_what(evidence, summary)]
    if summary.absolute is not None:
        notes.append(_absolute(summary))
    notes.append(_alternatives(summary))
    notes.append(_spread(evidence, summary))
    notes.append(_origins(evidence, summary))
    notes += _context(evidence, summary)
    notes += _departures(evidence, summary)
    notes += _awaiting(evidence, summary)
    declared = summary.judged.declared
    decided = Span(words.date_text(declared.decided_on), ref=declared.id)
    notes.append(line("Why these: ", Span(declared.reason, ref=declared.id), " Decided on ", decided, "."))
    return notes


def _what(evidence: Evidence, summary: Summary) -> Line:
    """Estimand, unit, weeks, k and n."""
    estimand = summary.studies[0].comparison.features["estimand"]
    patients = Span(f"{summary.n} patients", ref=summary.refs) if summary.n is not None else "the number analysed was not read for all"
    parts = [
        f"{pick.acronym(evidence, study.comparison.row)} with a {standing}"
        for study in summary.studies
        if (standing := words.standing_text(evidence, study.comparison.row))
    ]
    note = f" {pick.sentence_list(parts)}, the others whole." if parts else ""
    return line(
        "Together: ",
        answer_span(summary, summary.headline, "strong"),
        f". {words.at_start(summary.headline.method)}, {summary.k} trials, ",
        patients,
        f"; {words.in_sentence(summary.outcome.name)} ({estimand}), ",
        time_span(summary),
        f".{note}",
    )


def _absolute(summary: Summary) -> Line:
    low, high = summary.control_risks
    risk = f"{computed(low, 1)}" if round(low, 1) == round(high, 1) else f"{computed(low, 1)} to {computed(high, 1)}"
    parts = (
        [] if summary.absolute.key == summary.headline.key else ["In patients: ", answer_span(summary, summary.absolute, "strong"), ". "]
    )
    return line(
        *parts,
        "Number needed (NNTH to harm one more, NNTB to spare one), at the risks of these trials: ",
        Span(number_needed_text(summary), ref=summary.refs),
        ". On the comparator ",
        Span(risk, ref=summary.refs),
        " of 100 patients had the event, ",
        time_span(summary),
        ".",
    )


def _alternatives(summary: Summary) -> Line:
    """The unit stands once, at the headline; an answer on another scale says so."""
    parts, before = [], ""
    for answer in summary.others:
        method, comma, scale = answer.method.partition(", scale ")
        about = f"scale {scale}, " if method == before else f"{method}{comma}{scale}, "
        before = method
        text = figures_text(summary, answer) if answer.measure == summary.headline.measure else answer_text(summary, answer)
        parts.append(line(about, Span(text, ref=summary.refs)))
    return line("Other methods on the same trials: ", *joined("; ", parts), ".")


_TWO = "Heterogeneity cannot be estimated from two trials: no tau, I² or prediction interval is given, and that is no sign that they agree."


def _spread(evidence: Evidence, summary: Summary) -> Line:
    """How much the trials differ, as far as their number can tell."""
    if summary.between is not None:
        first, second = (trial_name(evidence, study) for study in summary.studies)
        return line(
            f"{_TWO} {second} minus {first}: ",
            answer_span(summary, summary.between),
            ", a comparison that nobody randomised.",
        )
    if summary.tau is None:
        if summary.q_p is None:
            return line(_TWO if summary.k == 2 else "Too few events to tell how much the trials differ.")
        return line("Test for differences between the trials: ", Span(f"p = {p_value_text(summary.q_p)}", ref=summary.refs), ".")
    unit = f" {summary.unit}" if summary.unit else ""
    low, high = summary.tau_ci
    decimals = summary.decimals
    tail = (
        line(
            " The effect in a further, similar trial would lie, in 95 of 100, within ",
            Span(f"{computed(summary.prediction[0], decimals)} to {computed(summary.prediction[1], decimals)}", ref=summary.refs),
            " (t with k \N{MINUS SIGN} 2 degrees of freedom).",
        )
        if summary.prediction
        else line(f" A prediction interval is shown from {synthesis.summary.PREDICTED_FROM} trials on.")
    )
    return line(
        "Between the trials: standard deviation (tau) ",
        Span(f"{computed(summary.tau, decimals)}{unit} (95% CI {computed(low, decimals)} to {computed(high, decimals)})", ref=summary.refs),
        ", I² ",
        Span(f"{100 * summary.i2:.0f}%", ref=summary.refs),
        ", test p = ",
        Span(p_value_text(summary.q_p), ref=summary.refs),
        ".",
        *tail,
    )


def _origins(evidence: Evidence, summary: Summary) -> Line:
    found: dict[str, list[str]] = {}
    for study in summary.studies:
        found.setdefault(_ORIGINS[study.comparison.origin], []).append(trial_name(evidence, study))
    return line("Standard errors: ", "; ".join(f"{pick.sentence_list(who)} {origin}" for origin, who in found.items()), ".")


def _context(evidence: Evidence, summary: Summary) -> list[Line]:
    """What happened in the comparator arms of contrasts: the effect in mL depends on what there is to lose.

    Only of the model that the contrast is of: of another one, or unadjusted beside an adjusted difference, the two would be
    subtracted in the head.
    """
    contrasts = [study for study in summary.studies if not study.comparison.arms]
    arms = ((study, _of_one_model(study.comparison.row, pick.arms_of(evidence, study.comparison.row))) for study in contrasts)
    found = [_comparator(evidence, study, *pair) for study, pair in arms if pair and pair[1].unit == study.comparison.row.unit]
    return [line("On the comparator: ", *joined("; ", found), ".")] if found else []


def _of_one_model(contrast: Row, arms: list[Row]) -> list[Row]:
    return arms if all(row.id == f"{contrast.id}.{row.arm}" for row in arms) else []


def _comparator(evidence: Evidence, study: Study, treated: Row, control: Row) -> Line:
    shown = line(f"{trial_name(evidence, study)} ", pick.figure_span(control, words.estimate_text(control)))
    losses = [-arm.value for arm in (treated, control) if arm.value is not None and arm.value < 0]
    if study.comparison.row.estimand == "slope" and len(losses) == 2:
        spared = 100 * (1 - losses[0] / losses[1])
        shown = line(*shown, ", of which ", Span(f"{spared:.0f}%", ref=(treated.id, control.id)), " was spared (computed here)")
    return shown


def _departures(evidence: Evidence, summary: Summary) -> list[Line]:
    """In what the trials differ that are pooled all the same."""
    parts = differing(evidence, [study.comparison for study in summary.studies])
    return [line("Pooled although they differ in ", Span("; ".join(parts), ref=summary.pool_id), ".")] if parts else []


def _awaiting(evidence: Evidence, summary: Summary) -> list[Line]:
    notes = []
    if summary.judged.joined:
        notes.append(line("Joined by itself, since nothing sets it apart: ", *_addresses(evidence, summary.judged.joined), "."))
    for address, departures in summary.judged.candidates:
        notes.append(line("Awaiting an editor: ", *_addresses(evidence, [address]), f" ({readable(evidence, departures)})."))
    return notes


def _addresses(evidence: Evidence, addresses: Iterable[str]) -> Line:
    return joined(", ", (_address_span(evidence, address) for address in addresses))


def _address_span(evidence: Evidence, address: str) -> Span:
    rows = pools.rows_of(evidence, address)
    if len(rows) == 1:
        return Span(pick.row_name(evidence, rows[0]), ref=rows[0].id)
    first = rows[0]
    group = words.cohort_text(evidence, first)
    about = [pick.acronym(evidence, first), *([group] if group else []), f"{evidence.outcome(first).short} {words.time_text(first)}"]
    return Span(", ".join(about), ref=pick.addresses(rows))


def _table(evidence: Evidence, summary: Summary) -> Table:
    counts = summary.absolute is not None
    body = [_study_cells(evidence, summary, study) for study in summary.studies]
    if counts:
        events = sum(arm.events for study in summary.studies for arm in study.comparison.counts)
        size = Span(f"{events} of {summary.n}, both arms", ref=summary.refs)
    else:
        size = Span(str(summary.n), ref=summary.refs) if summary.n is not None else Span("number analysed not read for all", tone="muted")
    own = [cell(Span("Pooled", tone="strong")), cell(size)]
    total = [*own, cell(answer_span(summary, summary.headline)), cell(words.at_start(summary.headline.method)), cell("as its trials")]
    body.append(tuple(total))
    measure = MEASURES[summary.headline.measure]
    columns = (
        Column("Trial"),
        Column("Patients with the event" if counts else "Patients"),
        Column(measure, summary.unit),
        Column("How"),
        Column("Read"),
    )
    return Table(f"{summary.outcome.name}: trials and pooled {measure.lower()}", columns, tuple(body))


def _study_cells(evidence: Evidence, summary: Summary, study: Study) -> tuple[Cell, ...]:
    row = study.comparison.row
    arms = " versus ".join(arm_names(evidence, study.comparison))
    if study.comparison.counts:
        a, b = study.comparison.counts
        patients = [Span(f"{one.events} of {one.n}", ref=result.id) for one, result in zip((a, b), study.comparison.arms, strict=True)]
    elif study.comparison.n is not None:
        patients = [Span(str(study.comparison.n), ref=row.id)]
    else:
        patients = _sizes(evidence, study.comparison)
    how = _ORIGINS[study.comparison.origin]
    return (
        cell(pick.trial_link(evidence.trial(row)), Span(arms, tone="muted"), Span(words.cohort_text(evidence, row), tone="muted")),
        cell(*patients),
        cell(_study_span(summary, study)),
        cell(f"standard error {how}", Span(_weight(study), ref=summary.refs, tone="muted")),
        cell(*dict.fromkeys(words.verification_text(evidence, one) for one in study.comparison.rows)),
    )


def _left_out_table(evidence: Evidence, summary: Summary) -> Table | None:
    found = pools.left_out(evidence, summary.pool_id)
    if not found:
        return None
    model = summary.studies[0].comparison
    alike: dict[str, list[Comparison]] = {}
    for comparison, reason in found:
        alike.setdefault(words.at_start(readable(evidence, reason)), []).append(comparison)
    body = tuple(
        (
            cell(*(_address_span(evidence, comparison.address) for comparison in kept_out)),
            cell(Span(reason, ref=pick.addresses([*(row for comparison in kept_out for row in comparison.rows), *model.rows]))),
        )
        for reason, kept_out in alike.items()
    )
    return Table(
        f"Results of the same drug and outcome that are not in this pool ({len(found)})",
        (Column("Result"), Column("What keeps it out")),
        body,
    )


def pool_variations(evidence: Evidence, pool_id: str) -> Figure:
    """How a pooled figure hangs on each trial: without each in turn, and as they came in by year. From three trials on.

    Raises `KeyError` and `ctdild.synthesis.pools.PoolRefusedError` as `pooled`, `ValueError` below three trials.
    """
    summary = synthesis.summary.summarise(evidence, pool_id)
    years = [evidence.trial(study.comparison.row).year for study in summary.studies]
    without = [(Span(f"Without {trial_name(evidence, study)}"), answer) for study, answer in synthesis.summary.leave_one_out(summary)]
    added = []
    for number, (study, answer) in enumerate(synthesis.summary.cumulative(summary, years), start=1):
        trial = evidence.trial(study.comparison.row)
        label = f"{trial.year or 'Year not reported'}: {'' if number == 1 else '+ '}{trial_name(evidence, study)}"
        added.append((Span(label, ref=trial.id), answer))
    groups = {"One trial left out": without, "Added up by year of report": added}
    varied = [(heading, label, answer) for heading, found in groups.items() for label, answer in found]
    name = figure_name(evidence, "variations", pool_id)
    items = [_variation(summary, *one) for one in varied if math.isfinite(one[2].estimate)]
    items.append(_diamond(summary))
    wide, narrow = (_draw(evidence, summary, items, layout, name) for layout in (theme.WIDE, theme.NARROW))
    body = tuple(
        (cell(label, Span(heading, tone="muted")), cell(_answer_or_none(summary, answer)), cell(words.at_start(answer.method)))
        for heading, label, answer in varied
    )
    caption = line(_question(summary), " The pooled figure without each trial, and as the trials were reported.")
    said = line(
        f"Pooled {words.in_sentence(summary.outcome.name)}: ",
        *joined("; ", (line(label, ": ", _answer_or_none(summary, answer)) for _, label, answer in varied)),
        ".",
    )
    columns = (Column("Trials"), Column("Pooled", summary.unit), Column("Method"))
    legend = "Open squares: the pool with fewer trials. " + (
        "One trial stands as it is, two have a common effect, more have random effects: where the interval widens from the second "
        "trial to the third, the method widens it."
        if summary.absolute is None
        else "One trial stands as it is, more are pooled by Mantel-Haenszel, which assumes one effect."
    )
    table = Table(f"{summary.outcome.name}: the pool without each trial, and by year", columns, body)
    return Figure(name, caption, said, table, wide, narrow, _sources(evidence, summary), (), legend)


def _variation(summary: Summary, heading: str, label: Span, answer: Answer) -> strip.Item:
    figures = figures_text(summary, answer)
    refs = (*summary.refs, *label.refs)
    return strip.Item(heading, label.text, figures, "", answer.estimate, answer.low, answer.high, strip.HOLLOW, refs)


def _answer_or_none(summary: Summary, answer: Answer) -> Span:
    return answer_span(summary, answer) if math.isfinite(answer.estimate) else Span("no event so far", ref=summary.refs)
