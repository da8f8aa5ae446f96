"""What is pooled: forest plots with a diamond, their variations, and which questions are pooled or shown apart.

A figure that the gate refuses cannot be drawn: `pooled` then raises what the gate says.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from .. import synthesis  # what it computes with is imported when first used
from ..evidence import Evidence, Row
from ..synthesis import pools
from ..synthesis.pools import Comparison
from . import rows as pick
from . import strip, theme
from . import text as words
from .figure import Cell, Column, Figure, Line, Source, Span, Table, cell, figure_name, joined, line, sources_of
from .forest import MEASURES

if TYPE_CHECKING:
    from ..synthesis.summary import Answer, Study, Summary

_ORIGINS = {
    "interval": "from the printed interval",
    "p": "from the printed p-value",
    "counts": "from the counts",
    "counts from percentages": "from the only counts that fit the printed percentages",
}


# --- one pool --------------------------------------------------------------------------------------------------------------------------


def pooled(evidence: Evidence, pool_id: str) -> Figure:
    """What the trials of one pool say together: a forest plot with a diamond, and what a reader has to know of it.

    Raises `KeyError` for an unknown pool and `ctdild.synthesis.pools.PoolRefusedError` for one that may not be drawn.
    """
    summary = synthesis.summary.summarise(evidence, pool_id)
    name = figure_name(evidence, "pooled", pool_id)
    measure = MEASURES[summary.headline.measure]
    unit = f" in {summary.unit}" if summary.unit else ""
    caption = line(_question(summary), f" {summary.outcome.name}, {measure.lower()}{unit}, ", _time_span(summary), "; pooled.")
    legend = (
        "Filled square: result of the whole trial; open square: subgroup or post hoc. Diamond: the trials together. "
        f"* Interval computed here. {pick.VERIFICATION_KEY}"
    )
    items = [*(_item(evidence, summary, study) for study in summary.studies if study.defined), _diamond(summary)]
    wide, narrow = (_draw(evidence, summary, items, layout, name) for layout in (theme.WIDE, theme.NARROW))
    said = line(
        f"Forest plot of {summary.outcome.name}: ",
        *joined("; ", (line(f"{_who(evidence, study)} ", _study_span(summary, study)) for study in summary.studies)),
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
        (*_notes(evidence, summary), *pick.printed_notes(evidence, _rows(summary))),
        legend,
        _left_out_table(evidence, summary),
    )


def answer_text(summary: Summary, answer: Answer) -> str:
    """A pooled figure with its interval: ``52.5 mL/year (95% CI 18.2 to 86.8)``, ``43.7 more patients per 100 (95% CI 40.1 to 47.3)``."""
    decimals = _decimals(summary, answer)
    kind = "CrI" if answer.credible else "CI"
    interval = f"95% {kind} {_number(answer.low, decimals)} to {_number(answer.high, decimals)}"
    if answer.measure == "RD":
        return _more_or_fewer(answer, decimals)
    if answer.null != 1:
        return f"{words.with_unit_text(_number(answer.estimate, decimals), summary.unit)} ({interval})"
    return f"{answer.measure} {_number(answer.estimate, decimals)} ({interval})"


def _more_or_fewer(answer: Answer, decimals: int) -> str:
    """A risk difference without a sign to read over: ``3.6 fewer patients per 100 (95% CI 12.5 fewer to 5.3 more)``."""

    def of(value: float, word: bool = True) -> str:
        return _number(abs(value), decimals) + (f" {'fewer' if value < 0 else 'more'}" if word else "")

    interval = f"{of(answer.low)} to {of(answer.high)}" if answer.includes_null else f"{of(answer.low, False)} to {of(answer.high, False)}"
    return f"{of(answer.estimate)} patients per 100 (95% CI {interval})"


def number_needed_text(summary: Summary) -> str:
    """Patients treated for one more or one fewer with the event: ``NNTH 12 (8.2 to 22)``; over no effect only ``NNTB 8.0 to ∞ to NNTH 19``."""
    needed = summary.number_needed
    if needed is None:
        return ""
    if len(needed.pieces) == 1:
        _, low, high = needed.pieces[0]
        return f"{needed.kind} {_needed(needed.value)} ({_needed(low)} to {_needed(high)})"
    # The point would read as a promise: what the data hold is everything from the one through infinity to the other (Altman 1998).
    (first, low, _), (second, high, _) = needed.pieces
    return f"{first} {_needed(low)} to ∞ to {second} {_needed(high)}"


def _needed(value: float) -> str:
    """Small numbers keep a decimal: between 2 and 3 patients lies a third of the effect."""
    return "∞" if math.isinf(value) else f"{value:.1f}" if value < 10 else f"{value:.0f}"


def answer_span(summary: Summary, answer: Answer, tone: str | None = None) -> Span:
    return Span(answer_text(summary, answer), ref=summary.refs, tone=tone)


def _decimals(summary: Summary, answer: Answer) -> int:
    if answer.measure == "RD":
        return 1
    return 2 if answer.null == 1 else summary.decimals


def _number(value: float, decimals: int) -> str:
    text = f"{value:.{decimals}f}"
    return words.number_text(text[1:] if float(text) == 0 and text.startswith("-") else text)


def _rows(summary: Summary) -> list[Row]:
    return [row for study in summary.studies for row in study.comparison.rows]


def _sources(evidence: Evidence, summary: Summary) -> tuple[Source, ...]:
    return sources_of(evidence, _rows(summary))


def _time(summary: Summary) -> str:
    """The time of the studies, where they share it."""
    times = list(dict.fromkeys(words.time_text(study.comparison.row) for study in summary.studies))
    return pick.sentence_list(times)


def _time_span(summary: Summary) -> Span:
    return Span(_time(summary), ref=summary.refs[1:])


def _question(summary: Summary) -> Span:
    return Span(summary.judged.declared.question, ref=summary.pool_id)


def _who(evidence: Evidence, study: Study) -> str:
    return _name(evidence, study.comparison.row)


def _name(evidence: Evidence, row: Row) -> str:
    """A result in a sentence: its trial, and the group where it is not the whole trial."""
    cohort = evidence.cohort(row)
    return pick.acronym(evidence, row) if cohort.kind == "all" else f"{pick.acronym(evidence, row)} ({_group(cohort)})"


def _group(cohort: Row) -> str:
    return words.in_sentence(cohort.label.removesuffix(" (post hoc)"))


def _arms(evidence: Evidence, comparison: Comparison) -> tuple[str, str]:
    if comparison.arms:
        first, second = (words.arm_text(evidence, row) for row in comparison.arms)
        return first, second
    return words.arm_text(evidence, comparison.row, "arm_a"), words.arm_text(evidence, comparison.row, "arm_b")


def _study_span(summary: Summary, study: Study) -> Span:
    return Span(_study_text(summary, study), ref=pick.addresses(study.comparison.rows))


def _study_text(summary: Summary, study: Study) -> str:
    if not study.defined:
        return "no event in either arm"
    decimals = _decimals(summary, summary.headline)
    printed = not study.comparison.arms
    row = study.comparison.row
    estimate = words.number_text(row.estimate) if printed else _number(study.estimate, decimals)
    if printed and not study.computed:
        return f"{estimate} ({words.number_text(row.ci_low)} to {words.number_text(row.ci_high)})"
    return f"{estimate} ({_number(study.low, decimals)} to {_number(study.high, decimals)})*"


# --- the drawing -------------------------------------------------------------------------------------------------------------------------


def _item(evidence: Evidence, summary: Summary, study: Study) -> strip.Item:
    row = study.comparison.row
    counts = study.comparison.counts
    size = f"n {study.comparison.n}" if study.comparison.n is not None else pick.size_of(evidence, evidence.trial(row)).text
    if counts:
        size = f"{counts[0].events} of {counts[0].n} and {counts[1].events} of {counts[1].n}"
    unsized = pick.sized_by(evidence, evidence.trial(row)) if study.comparison.n is None and not counts else []
    group = words.at_start(words.cohort_text(evidence, row)) or "Whole trial"
    diseases = ", ".join(evidence.cohort(row).disease or evidence.trial(row).disease)
    corrected = "".join(pick.mark(one, *(pick.ESTIMATE if one.table == "contrasts" else pick.VALUE)) for one in study.comparison.rows)[:1]
    return strip.Item(
        heading=f"{pick.acronym(evidence, row)}: {' versus '.join(_arms(evidence, study.comparison))}",
        label=", ".join(part for part in (diseases, group, words.time_text(row), strip.unbroken(size)) if part),
        printed=_study_text(summary, study) + corrected,
        mark=_worst(study.comparison.rows),
        estimate=study.estimate,
        low=study.low,
        high=study.high,
        shape=strip.HOLLOW if words.standing_text(evidence, row) else strip.FILLED,
        ref=pick.addresses([*study.comparison.rows, *unsized]),
    )


def _worst(rows: Iterable[Row]) -> str:
    """The mark of the row that was read furthest from its trial."""
    return max((words.verification_mark(row) for row in rows), key="PSR".index)


def _diamond(summary: Summary) -> strip.Item:
    answer = summary.headline
    decimals = _decimals(summary, answer)
    figures = f"{_number(answer.estimate, decimals)} ({_number(answer.low, decimals)} to {_number(answer.high, decimals)})"
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
    pairs = {_arms(evidence, study.comparison) for study in summary.studies}
    axis = strip.Axis(
        f"{measure} ({summary.unit})" if summary.unit else measure,
        answer.null,
        answer.null == 1,
        strip.favours(summary.outcome.better, pairs),
    )
    return strip.draw(items, axis, Span(f"{'Difference' if answer.measure == 'MD' else measure} (95% CI)"), layout, name)


# --- what stands under a diamond -----------------------------------------------------------------------------------------------------------


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
        _time_span(summary),
        f".{note}",
    )


def _absolute(summary: Summary) -> Line:
    low, high = summary.control_risks
    risk = f"{_number(low, 1)}" if round(low, 1) == round(high, 1) else f"{_number(low, 1)} to {_number(high, 1)}"
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
        _time_span(summary),
        ".",
    )


def _alternatives(summary: Summary) -> Line:
    """The unit stands once, at the headline; an answer on another scale says so."""
    parts, before = [], ""
    for answer in summary.others:
        method, comma, scale = answer.method.partition(", scale ")
        about = f"scale {scale}, " if method == before else f"{method}{comma}{scale}, "
        before = method
        text = _figures(summary, answer) if answer.measure == summary.headline.measure else answer_text(summary, answer)
        parts.append(line(about, Span(text, ref=summary.refs)))
    return line("Other methods on the same trials: ", *joined("; ", parts), ".")


def _spread(evidence: Evidence, summary: Summary) -> Line:
    """How much the trials differ, as far as their number can tell."""
    if summary.between is not None:
        first, second = (_who(evidence, study) for study in summary.studies)
        return line(
            f"Two trials cannot tell how much trials differ: no heterogeneity, no prediction interval. {second} minus {first}: ",
            answer_span(summary, summary.between),
            ", a comparison that nobody randomised.",
        )
    if summary.tau is None:
        few = "Two trials cannot tell how much trials differ: no heterogeneity is shown."
        if summary.q_p is None:
            return line(few if summary.k == 2 else "Too few events to tell how much the trials differ.")
        return line("Test for differences between the trials: ", Span(f"p = {_p(summary.q_p)}", ref=summary.refs), ".")
    unit = f" {summary.unit}" if summary.unit else ""
    low, high = summary.tau_ci
    decimals = summary.decimals
    tail = (
        line(
            " The effect in a further, similar trial would lie, in 95 of 100, within ",
            Span(f"{_number(summary.prediction[0], decimals)} to {_number(summary.prediction[1], decimals)}", ref=summary.refs),
            " (t with k \N{MINUS SIGN} 2 degrees of freedom).",
        )
        if summary.prediction
        else line(f" A prediction interval is shown from {synthesis.summary.PREDICTED_FROM} trials on.")
    )
    return line(
        "Between the trials: standard deviation (tau) ",
        Span(f"{_number(summary.tau, decimals)}{unit} (95% CI {_number(low, decimals)} to {_number(high, decimals)})", ref=summary.refs),
        ", I² ",
        Span(f"{100 * summary.i2:.0f}%", ref=summary.refs),
        ", test p = ",
        Span(_p(summary.q_p), ref=summary.refs),
        ".",
        *tail,
    )


def _p(value: float) -> str:
    return f"{value:.3f}" if value < 0.1 else f"{value:.2f}"


def _origins(evidence: Evidence, summary: Summary) -> Line:
    found: dict[str, list[str]] = {}
    for study in summary.studies:
        found.setdefault(_ORIGINS[study.comparison.origin], []).append(_who(evidence, study))
    return line("Standard errors: ", "; ".join(f"{pick.sentence_list(who)} {origin}" for origin, who in found.items()), ".")


def _context(evidence: Evidence, summary: Summary) -> list[Line]:
    """What happened in the comparator arms of contrasts: the effect in mL depends on what there is to lose."""
    found = []
    for study in summary.studies:
        row = study.comparison.row
        if study.comparison.arms:
            return []
        arms = {one.arm: one for one in evidence.shown("arm_results") if one.preferred and _same_quantity(one, row)}
        if row.arm_b in arms:
            found.append(_comparator(evidence, study, arms))
    return [line("On the comparator: ", *joined("; ", found), ".")] if found else []


def _same_quantity(result: Row, contrast: Row) -> bool:
    return _same_moment(result, contrast) and result.unit == contrast.unit


def _comparator(evidence: Evidence, study: Study, arms: dict[str, Row]) -> Line:
    row = study.comparison.row
    control, treated = arms[row.arm_b], arms.get(row.arm_a)
    shown = line(f"{_who(evidence, study)} ", pick.figure_span(control, words.estimate_text(control)))
    slopes = row.estimand == "slope" and control.value is not None and control.value < 0
    if slopes and treated is not None and treated.value is not None and treated.value < 0:
        share = 100 * (1 - treated.value / control.value)
        shown = line(*shown, ", of which ", Span(f"{share:.0f}%*", ref=(treated.id, control.id)), " was spared")
    return shown


def _departures(evidence: Evidence, summary: Summary) -> list[Line]:
    """In what the trials differ that are pooled all the same."""
    studies = summary.studies
    parts = []
    for name in pools.DEPARTURES:
        values: dict[str, list[str]] = {}
        for study in studies:
            values.setdefault(_feature(evidence, name, study.comparison.features[name]), []).append(_who(evidence, study))
        if len(values) > 1 and not (name == "drug class" and parts and parts[-1].startswith("drug:")):  # the drugs say it
            parts.append(f"{name}: " + ", ".join(f"{value} in {pick.sentence_list(who)}" for value, who in values.items()))
    return [line("Pooled although they differ in ", Span("; ".join(parts), ref=summary.pool_id), ".")] if parts else []


def _feature(evidence: Evidence, name: str, value: str) -> str:
    if not value:
        return "none"
    if name in ("drug", "comparator"):
        return " with ".join(words.in_sentence(evidence.row(one, "treatments").name) for one in value.split(", "))
    if name == "cohort kind":
        return {"all": "the whole trial", "disease": "a group by disease", "subgroup": "a subgroup"}.get(value, value)
    return value.replace("not-reported", "not reported")


def _awaiting(evidence: Evidence, summary: Summary) -> list[Line]:
    notes = []
    if summary.judged.joined:
        notes.append(line("Joined by itself, since nothing sets it apart: ", *_addresses(evidence, summary.judged.joined), "."))
    for address, departures in summary.judged.candidates:
        notes.append(line("Awaiting an editor: ", *_addresses(evidence, [address]), f" ({_readable(evidence, departures)})."))
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


_ADDRESS = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+){2,}")


def _readable(evidence: Evidence, text: str) -> str:
    """What the gate says, with trials and outcomes by their names."""
    named = _ADDRESS.sub(lambda match: _named(evidence, match[0]), text).replace("not-reported", "not reported")
    outcomes = {row.outcome: row.short for row in evidence["outcomes"] if "-" in row.outcome}
    named = re.sub(r"[a-z0-9]+(?:-[a-z0-9]+)+", lambda match: outcomes.get(match[0], match[0]), named)
    return named.replace("pooled-analysis", "pooled analysis")


def _named(evidence: Evidence, address: str) -> str:
    trial, cohort, *_ = address.split(".")
    if trial not in evidence:
        return address
    label = "" if cohort == "all" else f" ({_group(evidence.row(f'{trial}.{cohort}'))})"
    return evidence.row(trial).acronym + label


# --- tables --------------------------------------------------------------------------------------------------------------------------------


def _table(evidence: Evidence, summary: Summary) -> Table:
    counts = summary.absolute is not None
    body = [_study_cells(evidence, summary, study) for study in summary.studies]
    own = [
        cell(Span("Pooled", tone="strong")),
        cell(Span(str(summary.n), ref=summary.refs) if summary.n is not None else "not reported here"),
    ]
    total = [*own, cell(answer_span(summary, summary.headline)), cell(words.at_start(summary.headline.method)), cell("")]
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
    arms = " versus ".join(_arms(evidence, study.comparison))
    if study.comparison.counts:
        a, b = study.comparison.counts
        patients = [Span(f"{one.events} of {one.n}", ref=result.id) for one, result in zip((a, b), study.comparison.arms, strict=True)]
    elif study.comparison.n is not None:
        patients = [Span(str(study.comparison.n), ref=row.id)]
    else:
        patients = [pick.size_of(evidence, evidence.trial(row))]
    how = _ORIGINS[study.comparison.origin]
    weight = f"weight {100 * study.weight:.0f}%" if study.weight is not None else ""
    return (
        cell(pick.trial_link(evidence.trial(row)), Span(arms, tone="muted"), Span(words.cohort_text(evidence, row), tone="muted")),
        cell(*patients),
        cell(_study_span(summary, study)),
        cell(f"standard error {how}", Span(weight, ref=summary.refs, tone="muted")),
        cell(*dict.fromkeys(words.verification_text(evidence, one) for one in study.comparison.rows)),
    )


def _left_out_table(evidence: Evidence, summary: Summary) -> Table | None:
    found = pools.left_out(evidence, summary.pool_id)
    if not found:
        return None
    model = summary.studies[0].comparison
    body = tuple(
        (
            cell(_address_span(evidence, comparison.address)),
            cell(Span(words.at_start(_readable(evidence, reason)), ref=pick.addresses([*comparison.rows, *model.rows]))),
        )
        for comparison, reason in found
    )
    return Table(
        f"Results of the same drug and outcome that are not in this pool ({len(found)})",
        (Column("Result"), Column("What keeps it out")),
        body,
    )


# --- leaving one out, adding up ------------------------------------------------------------------------------------------------------------


def pool_variations(evidence: Evidence, pool_id: str) -> Figure:
    """How a pooled figure hangs on each trial: without each in turn, and as they came in by year. From three trials on.

    Raises `KeyError` and `ctdild.synthesis.pools.PoolRefusedError` as `pooled`, `ValueError` below three trials.
    """
    summary = synthesis.summary.summarise(evidence, pool_id)
    years = [evidence.trial(study.comparison.row).year for study in summary.studies]
    without = [(Span(f"Without {_who(evidence, study)}"), answer) for study, answer in synthesis.summary.leave_one_out(summary)]
    added = []
    for number, (study, answer) in enumerate(synthesis.summary.cumulative(summary, years), start=1):
        trial = evidence.trial(study.comparison.row)
        label = f"{trial.year or 'Year not reported'}: {'' if number == 1 else '+ '}{_who(evidence, study)}"
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
    legend = (
        "Open squares: the pool with fewer trials. One trial stands as it is, two have a common effect, more have random effects: "
        "where the interval widens from the second trial to the third, the method widens it."
    )
    table = Table(f"{summary.outcome.name}: the pool without each trial, and by year", columns, body)
    return Figure(name, caption, said, table, wide, narrow, _sources(evidence, summary), (), legend)


def _variation(summary: Summary, heading: str, label: Span, answer: Answer) -> strip.Item:
    figures = _figures(summary, answer)
    refs = (*summary.refs, *label.refs)
    return strip.Item(heading, label.text, figures, "", answer.estimate, answer.low, answer.high, strip.HOLLOW, refs)


def _figures(summary: Summary, answer: Answer) -> str:
    decimals = _decimals(summary, answer)
    measure = f"{answer.measure} " if answer.measure != summary.headline.measure else ""
    return f"{measure}{_number(answer.estimate, decimals)} ({_number(answer.low, decimals)} to {_number(answer.high, decimals)})"


def _answer_or_none(summary: Summary, answer: Answer) -> Span:
    return answer_span(summary, answer) if math.isfinite(answer.estimate) else Span("no event so far", ref=summary.refs)


# --- all questions ---------------------------------------------------------------------------------------------------------------------------


def pools_table(evidence: Evidence) -> Figure:
    """Every pooled figure in one line: the question, what comes out, from which trials, and what it would be under another assumption."""
    drawn = [row.pool_id for row in evidence["pools"] if pools.judge(evidence, row.pool_id).drawn]
    summaries = [synthesis.summary.summarise(evidence, pool_id) for pool_id in drawn]
    name = figure_name(evidence, "pools")
    if not summaries:
        nothing = "Nothing is pooled over the trials of this scope."
        return Figure(name, nothing, nothing)
    caption = "What is pooled, and what comes out."
    columns = (Column("Question"), Column("Pooled"), Column("Trials"), Column("By another method"))
    body = tuple(_pool_line(evidence, summary) for summary in summaries)
    used = [row for summary in summaries for row in _rows(summary)]
    return Figure(name, caption, caption, Table(caption, columns, body), sources=sources_of(evidence, used))


def _pool_line(evidence: Evidence, summary: Summary) -> tuple[Cell, ...]:
    link = f"#fig-{figure_name(evidence, 'pooled', summary.pool_id)}"
    result = [answer_span(summary, summary.headline, "strong")]
    if summary.absolute is not None and summary.absolute.key != summary.headline.key:
        result.append(answer_span(summary, summary.absolute))
    trials = pick.sentence_list([_who(evidence, study) for study in summary.studies])
    size = [Span(f"{summary.n} patients", ref=summary.refs, tone="muted")] if summary.n is not None else []
    other = _other_assumption(summary)
    shown = [Span(_figures(summary, other), ref=summary.refs), Span(other.method, tone="muted")] if other else ["none is shown"]
    return (
        cell(Span(summary.judged.declared.question, ref=summary.pool_id, link=link)),
        cell(*result),
        cell(trials, *size),
        cell(*shown),
    )


def _other_assumption(summary: Summary) -> Answer | None:
    """The answer that asks most of the headline: with the spread between trials left open as far as their number allows."""
    answers = {answer.key: answer for answer in summary.others}
    return next((answers[key] for key in ("prior", "random", "common", "peto") if key in answers), None)


def apart_table(evidence: Evidence) -> Figure:
    """The questions that are not pooled: what each trial says, why they are shown apart, and what stands between them."""
    body, used = [], []
    for row in evidence["pools"]:
        judged = pools.judge(evidence, row.pool_id)
        if not judged.drawn:
            cells, rows = _apart_cells(evidence, judged)
            body.append(cells)
            used += rows
    name = figure_name(evidence, "apart")
    if not body:
        nothing = "No question is declared over the trials of this scope whose trials are shown apart."
        return Figure(name, nothing, nothing)
    caption = "What is not pooled, and why."
    columns = (Column("Question"), Column("What the trials say"), Column("Why they are shown apart"))
    return Figure(name, caption, caption, Table(caption, columns, tuple(body), "records"), sources=sources_of(evidence, used))


def _apart_cells(evidence: Evidence, judged: pools.Judged) -> tuple[tuple[Cell, ...], list[Row]]:
    declared = judged.declared
    rows = [row for address in declared.contrast_ids for row in pools.rows_of(evidence, address)]
    results = [
        line(pick.trial_link(evidence.trial(found[0])), ": ", *_results(evidence, found)) for found in _by_address(evidence, declared)
    ]
    reasons = _between_trials(evidence, judged)
    gate = [Span(f"What the gate finds: {'; '.join(reasons)}.", ref=pick.addresses(rows))] if reasons else []
    single = [] if judged.apart or judged.refusals else ["A single study so far."]
    question = cell(
        Span(declared.question, ref=declared.id, tone="strong"),
        Span(f"decided on {words.date_text(declared.decided_on)}", ref=declared.id, tone="muted"),
    )
    return (question, cell(*results), cell(Span(declared.reason, ref=declared.id), *gate, *single)), rows


def _between_trials(evidence: Evidence, judged: pools.Judged) -> list[str]:
    """What no pool could accept; only where there is nothing of the kind, what this pool does not."""
    unaccepted = "; the pool does not accept"
    reasons = [reason for _, reason in judged.refusals]
    fixed = [reason for reason in reasons if unaccepted not in reason]
    return list(dict.fromkeys(_readable(evidence, reason.partition(unaccepted)[0]) for reason in fixed or reasons))


def _by_address(evidence: Evidence, declared: Row) -> list[tuple[Row, ...]]:
    return [rows for address in declared.contrast_ids if (rows := pools.rows_of(evidence, address))]


def _results(evidence: Evidence, rows: tuple[Row, ...]) -> Line:
    """A contrast or statement as it reads, or the results of both arms."""
    first = rows[0]
    if first.table == "statements":
        return line(Span(words.in_sentence(first.says), ref=first.id))
    about = [words.cohort_text(evidence, first), evidence.outcome(first).short, words.time_text(first)]
    head = Span(", ".join(part for part in about if part) + ": ", ref=pick.addresses(rows))
    if first.table == "contrasts":
        favours = f"; {text}" if (text := words.direction_text(evidence, first)) else ""
        role = f"; {first.role} outcome" if first.role in ("secondary", "exploratory") else ""
        shown = line(pick.figure_span(first, words.result_text(first) or "no figure printed"), Span(favours + role, ref=first.id))
        arms = (
            [row for row in evidence.shown("arm_results") if row.preferred and _same_moment(row, first)] if first.estimate is None else []
        )
        return line(head, *joined(", ", (_arm_result(evidence, row) for row in arms)), "; " if arms else "", *shown)
    return line(head, *joined(", ", (_arm_result(evidence, row) for row in rows)))


def _arm_result(evidence: Evidence, row: Row) -> Line:
    return line(f"{words.arm_text(evidence, row)} ", pick.figure_span(row, words.result_text(row)))


def _same_moment(result: Row, contrast: Row) -> bool:
    key = ("trial_id", "cohort", "outcome", "weeks")
    return all(result[name] == contrast[name] for name in key) and result.arm in (contrast.arm_a, contrast.arm_b)


# --- facts that bear on certainty ----------------------------------------------------------------------------------------------------------


def certainty_table(evidence: Evidence) -> Figure:
    """Facts that bear on how sure a pooled figure is, pool by pool. No verdict: a rating needs full texts and two raters."""
    body, used = [], []
    for declared in evidence["pools"]:
        if not pools.judge(evidence, declared.pool_id).drawn:
            continue
        summary = synthesis.summary.summarise(evidence, declared.pool_id)
        used += _rows(summary)
        body.append(_certainty_cells(evidence, summary))
    name = figure_name(evidence, "certainty")
    if not body:
        nothing = "Nothing is pooled over the trials of this scope."
        return Figure(name, nothing, nothing)
    caption = "Facts that bear on certainty, by rule and without a verdict."
    columns = (
        Column("Pooled figure"),
        Column("Interval against no effect"),
        Column("Information"),
        Column("Whose result it is"),
        Column("Conduct and funding"),
    )
    trials = {study.trial_id: evidence.trial(study) for study in used}
    return Figure(
        name, caption, caption, Table(caption, columns, tuple(body), "records"), sources=sources_of(evidence, [*used, *trials.values()])
    )


def _conduct_sources(evidence: Evidence, rows: list[Row]) -> tuple[Source, ...]:
    trials = {row.trial_id: evidence.trial(row) for row in rows}
    return sources_of(evidence, [*rows, *trials.values()], ("masking", "status", "n_randomised", "n_planned", "sponsor"))


def _certainty_cells(evidence: Evidence, summary: Summary) -> tuple[Cell, ...]:
    answer = summary.headline
    side = "includes no effect" if answer.includes_null else "excludes no effect"
    other = _other_assumption(summary)
    also = f"{other.method}: {'includes' if other.includes_null else 'excludes'} no effect" if other else ""
    events = sum(arm.events for study in summary.studies for arm in study.comparison.counts or ())
    size = [Span(f"{summary.k} trials" + (f", {summary.n} patients" if summary.n is not None else ""), ref=summary.refs)]
    if summary.absolute is not None:
        size.append(Span(f"{events} patients with the event", ref=summary.refs))
    if summary.detectable is not None:
        text = f"{words.with_unit_text(_number(summary.detectable, summary.decimals), summary.unit)} would be shown with 80% power, if the effect is common"
        size.append(Span(text, ref=summary.refs, tone="muted"))
    kinds = []
    for study in summary.studies:
        row = study.comparison.row
        diseases = ", ".join(evidence.cohort(row).disease or evidence.trial(row).disease)
        standing = words.standing_text(evidence, row) or "whole trial"
        kinds.append(Span(f"{pick.acronym(evidence, row)}: {standing}, {diseases}", ref=pick.addresses(study.comparison.rows)))
    conduct = [_conduct(evidence.trial(study.comparison.row)) for study in summary.studies]
    return (
        cell(Span(summary.judged.declared.question, ref=summary.pool_id), answer_span(summary, answer, "strong")),
        cell(Span(side, ref=summary.refs), Span(also, ref=summary.refs, tone="muted")),
        cell(*size),
        cell(*kinds),
        cell(*conduct),
    )


def _conduct(trial: Row) -> Span:
    planned = trial.n_planned is not None and trial.n_randomised is not None
    size = f", {trial.n_randomised} of {trial.n_planned} planned" if planned else ""
    sponsor = f"; {trial.sponsor}" if trial.sponsor else "; sponsor not read"
    return Span(f"{trial.acronym}: {trial.masking}, {trial.status}{size}{sponsor}", ref=trial.id)


# --- an indirect comparison ------------------------------------------------------------------------------------------------------------------


def indirect(evidence: Evidence, contrast_id: str, pool_id: str) -> Figure:
    """Two drugs through their common comparator: a printed contrast against a pool (Bucher 1997).

    Raises `KeyError` for unknown addresses, `ValueError` when the two are not on one outcome, unit, measure and comparator, at most
    six weeks apart, or share patients.
    """
    summary = synthesis.summary.summarise(evidence, pool_id)
    found = {one.address: one for one in pools.comparisons(evidence)}
    if contrast_id not in found:
        raise KeyError(f"{contrast_id!r} is no comparison that is shown and preferred")
    one, model = found[contrast_id], summary.studies[0].comparison
    reasons = pools.incomparable(evidence, one, [study.comparison for study in summary.studies])
    if reasons:
        raise ValueError(f"{contrast_id} and {pool_id} share no comparator: {'; '.join(reasons)}")
    pooled_error = (summary.headline.high - summary.headline.low) / (2 * synthesis.effects.quantile())
    estimate, error = one.effect()
    result = synthesis.network.bucher(estimate, error, summary.headline.estimate, float(pooled_error))
    drugs = [_arms(evidence, comparison)[0] for comparison in (one, model)]
    if len({_arms(evidence, study.comparison)[0] for study in summary.studies}) > 1:
        drugs[1] = f"regimens with {drugs[1]}"
    common = _arms(evidence, model)[1]
    answer = synthesis.summary.Answer(
        "indirect", "indirect comparison", summary.headline.measure, result.estimate, result.ci_low, result.ci_high, summary.headline.null
    )
    refs = (one.row.id, *summary.refs)
    shown = Span(answer_text(summary, answer), ref=refs, tone="strong")
    name = figure_name(evidence, "indirect", contrast_id, pool_id)
    caption = f"If effect modifiers were balanced: {drugs[0]} against {drugs[1]} through {common}, {summary.outcome.name}."
    standing = words.cohort_text(evidence, one.row)
    body = (
        (
            cell(Span(f"{words.at_start(drugs[0])} versus {common}"), Span(_name(evidence, one.row), tone="muted")),
            cell(pick.figure_span(one.row, words.result_text(one.row))),
            cell(
                standing or "whole trial",
                Span(words.time_text(one.row), ref=one.row.id, tone="muted"),
                words.verification_text(evidence, one.row),
            ),
        ),
        (
            cell(
                Span(f"{words.at_start(drugs[1])} versus {common}"),
                Span(pick.sentence_list([_who(evidence, study) for study in summary.studies]), tone="muted"),
            ),
            cell(answer_span(summary, summary.headline)),
            cell(f"pooled, {summary.headline.method}", Span(_time(summary), ref=summary.refs[1:], tone="muted")),
        ),
        (
            cell(Span(f"{words.at_start(drugs[0])} versus {drugs[1]}, indirect", tone="strong")),
            cell(shown),
            cell("no trial compared them; holds only if what changes the effects was balanced"),
        ),
    )
    table = Table(caption, (Column("Comparison"), Column("Result"), Column("What it is")), body)
    notes = [
        line(f"Known to differ: {_readable(evidence, text)}.")
        for study in summary.studies
        for text in pools.differences(study.comparison, one)
    ]
    return Figure(name, caption, caption, table, sources=sources_of(evidence, [one.row, *_rows(summary)]), notes=tuple(notes))
