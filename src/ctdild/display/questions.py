"""The questions to several trials in tables: what is pooled, what is shown apart and why, what bears on certainty, and one that no trial asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import synthesis  # what it computes with is imported when first used
from ..evidence import Evidence, Row
from ..synthesis import pools
from . import rows as pick
from . import text as words
from .figure import Cell, Column, Figure, Line, Source, Span, Table, cell, figure_name, joined, line, sources_of
from .pooltext import (
    answer_span,
    answer_text,
    arm_names,
    computed,
    differing,
    p_value_text,
    readable,
    result_name,
    time_text,
    trial_name,
)
from .tables import opens

if TYPE_CHECKING:
    from ..synthesis.summary import Answer, Summary


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
    used = [row for summary in summaries for row in summary.rows]
    table = Table(caption, columns, body)
    return Figure(name, caption, caption, table, sources=sources_of(evidence, used), notes=tuple(_shared_patients(evidence, summaries)))


def _shared_patients(evidence: Evidence, summaries: list[Summary]) -> list[Line]:
    """Which pools of one outcome hold the same patients: they are two looks, not two findings."""
    notes = []
    for i, one in enumerate(summaries):
        for other in summaries[i + 1 :]:
            both = [
                study
                for study in one.studies
                if any(pools.share_patients(evidence, study.comparison, second.comparison) for second in other.studies)
            ]
            if both and one.outcome.outcome == other.outcome.outcome:
                names = pick.sentence_list([trial_name(evidence, study) for study in both])
                questions = (Span(f"“{found.judged.declared.question}”", ref=found.pool_id) for found in (one, other))
                notes.append(line(*joined(" and ", questions), f" share the patients of {names}: neither confirms the other."))
    return notes


def _pool_line(evidence: Evidence, summary: Summary) -> tuple[Cell, ...]:
    link = f"#fig-{figure_name(evidence, 'pooled', summary.pool_id)}"
    result = [answer_span(summary, summary.headline, "strong")]
    if summary.absolute is not None and summary.absolute.key != summary.headline.key:
        result.append(answer_span(summary, summary.absolute))
    trials = pick.sentence_list([trial_name(evidence, study) for study in summary.studies])
    size = Span(f"{summary.n} patients", ref=summary.refs) if summary.n is not None else _randomised(evidence, summary)
    diseases = {part for study in summary.studies for part in study.comparison.features["disease"].split(", ")}
    about = Span(", ".join(sorted(diseases, key=lambda one: words.disease_order((one,)))), ref=summary.refs, tone="muted")
    other = _other_assumption(summary)
    shown = [answer_span(summary, other), Span(_method(summary, other), tone="muted")] if other else ["none is shown"]
    return (
        cell(Span(summary.judged.declared.question, ref=summary.pool_id, link=link)),
        cell(*result),
        cell(trials, Span(size.text, ref=size.refs, tone="muted"), about),
        cell(*shown),
    )


def _randomised(evidence: Evidence, summary: Summary) -> Span:
    """Patients randomised, where the number analysed is not known for all."""
    trials = [evidence.trial(study.comparison.row) for study in summary.studies]
    if any(trial.n_randomised is None for trial in trials):
        return Span("number of patients not read for all")
    return Span(f"{sum(trial.n_randomised for trial in trials)} randomised", ref=pick.addresses(trials))


def _method(summary: Summary, answer: Answer) -> str:
    """The method in words; of a common effect beside random effects also that it assumes what they do not."""
    return f"{answer.method}: assumes one effect" if answer.key == "common" and summary.headline.key != "common" else answer.method


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
    table = Table(caption, columns, tuple(body), "records")
    shown = [*used, *dict.fromkeys(trial for row in used if _standing_of(trial := evidence.trial(row)))]
    sources = sources_of(evidence, shown, ("primary_met", "status", "stop_reason"))
    return Figure(name, caption, caption, table, sources=sources, notes=tuple(pick.printed_notes(evidence, used)))


def _apart_cells(evidence: Evidence, judged: pools.Judged) -> tuple[tuple[Cell, ...], list[Row]]:
    declared = judged.declared
    rows = [row for address in declared.contrast_ids for row in pools.rows_of(evidence, address)]
    results: list[Line] = []
    trials = {}
    for found in _by_address(evidence, declared):
        trial = evidence.trial(found[0])
        trials[trial.id] = trial
        results.append(line(pick.trial_link(trial), ": ", *_results(evidence, found)))
    standing = [Span(text, ref=trial.id, tone="muted") for trial in trials.values() if (text := _standing_of(trial))]
    reasons = _between_trials(evidence, judged)
    gate = [Span("What the gate finds:"), *(Span(f"{reason}.", ref=pick.addresses(rows)) for reason in reasons)] if reasons else []
    single = [] if judged.apart or judged.refusals else ["A single study so far."]
    question = cell(
        Span(declared.question, ref=declared.id, tone="strong"),
        Span(f"decided on {words.date_text(declared.decided_on)}", ref=declared.id, tone="muted"),
    )
    return (question, cell(*results, *standing), cell(Span(declared.reason, ref=declared.id), *gate, *single)), [
        *rows,
        *_arms_beside(evidence, rows),
    ]


def _arms_beside(evidence: Evidence, rows: list[Row]) -> list[Row]:
    """The results of arms that stand beside differences without a figure."""
    bare = [row for row in rows if row.table == "contrasts" and row.estimate is None]
    return [arm for row in bare for arm in pick.arms_of(evidence, row) or _arms_elsewhere(evidence, row)]


def _standing_of(trial: Row) -> str:
    """What a reader of a single result has to know of its trial: that it missed its primary outcome, or was stopped early."""
    facts = ["primary outcome not met"] if trial.primary_met == "not met" else []
    if trial.status == "stopped early":
        facts.append(f"stopped early ({words.in_sentence(trial.stop_reason)})" if trial.stop_reason else "stopped early")
    return f"{trial.acronym}: {'; '.join(facts)}." if facts else ""


def _between_trials(evidence: Evidence, judged: pools.Judged) -> list[str]:
    """What no pool could accept, trial by trial; only where there is nothing of the kind, what this pool does not.

    What sets two results of one trial apart is left out: that they are of the same patients goes without saying.
    """
    members = {member.address for member in judged.members}
    fixed = [pair for pair in judged.refusals if pools.UNACCEPTED not in pair[1]]
    found: dict[str, list[str]] = {}
    for address in judged.declared.contrast_ids:
        rows = pools.rows_of(evidence, address)
        if not rows:
            continue
        own = [reason.partition(pools.UNACCEPTED)[0] for refused, reason in fixed or judged.refusals if refused == address]
        own = [readable(evidence, reason) for reason in own if f" {rows[0].trial_id}." not in reason]
        if address not in members:
            own.append(
                "told in words only"
                if rows[0].table == "statements"
                else "the change in each arm was read, not the difference between them"
            )
        kept = found.setdefault(result_name(evidence, rows[0]), [])
        kept += [reason for reason in own if reason not in kept]
    return [f"{who}: {'; '.join(reasons)}" for who, reasons in found.items() if reasons]


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
        arms = pick.arms_of(evidence, first) if first.estimate is None else []
        other = _other_analysis(evidence, [] if arms else _arms_elsewhere(evidence, first))
        return line(head, *joined(", ", (_arm_result(evidence, row) for row in arms)), "; " if arms else "", *shown, *other)
    return line(head, *joined(", ", (_arm_result(evidence, row) for row in rows)))


def _arms_elsewhere(evidence: Evidence, contrast: Row) -> list[Row]:
    """Where no difference was read: the results of both arms that stand under its address, though of another time or model."""
    own = [f"{contrast.id}.{arm}" for arm in (contrast.arm_a, contrast.arm_b)]
    rows = [evidence.row(one) for one in own if one in evidence]
    return rows if contrast.estimate is None and len(rows) == len(own) and not any(row.withheld for row in rows) else []


def _other_analysis(evidence: Evidence, rows: list[Row]) -> Line:
    if not rows:
        return ()
    about = ", ".join(dict.fromkeys(part for row in rows for part in (row.role.replace("post-hoc", "post hoc"), words.time_text(row))))
    return line(
        "; in another analysis (", Span(about, ref=pick.addresses(rows)), ") ", *joined(", ", (_arm_result(evidence, row) for row in rows))
    )


def _arm_result(evidence: Evidence, row: Row) -> Line:
    return line(f"{words.arm_text(evidence, row)} ", pick.figure_span(row, words.result_text(row)))


def certainty_table(evidence: Evidence) -> Figure:
    """Facts that bear on how sure a pooled figure is, pool by pool. No verdict: a rating needs full texts and two raters."""
    body, used = [], []
    for declared in evidence["pools"]:
        if not pools.judge(evidence, declared.pool_id).drawn:
            continue
        summary = synthesis.summary.summarise(evidence, declared.pool_id)
        used += summary.rows
        body.append(_certainty_cells(evidence, summary))
    name = figure_name(evidence, "certainty")
    if not body:
        nothing = "Nothing is pooled over the trials of this scope."
        return Figure(name, nothing, nothing)
    caption = "Facts that bear on certainty, by rule and without a verdict."
    columns = (
        Column("Pooled figure"),
        Column("Interval against no effect"),
        Column("Agreement between the trials"),
        Column("Information"),
        Column("Whose result it is"),
        Column("Conduct and funding"),
    )
    fold = opens(len(body), "pooled figure", "pooled figures")
    table = Table(caption, columns, tuple(body), "records")
    return Figure(name, caption, caption, table, sources=_conduct_sources(evidence, used), fold=fold)


def _agreement(evidence: Evidence, summary: Summary) -> list[Span]:
    """How far the trials differ, and whether one of them decides on which side of no effect the interval lies."""
    if summary.k < 3:
        return [Span("Cannot be told from two trials", tone="muted")]
    told = [
        f"I² {100 * summary.i2:.0f}%" if summary.i2 is not None else "",
        f"test p = {p_value_text(summary.q_p)}" if summary.q_p is not None else "",
    ]
    headline = summary.headline.includes_null
    deciding = [trial_name(evidence, s) for s, left in synthesis.summary.leave_one_out(summary) if left.includes_null != headline]
    verb = "excludes" if headline else "includes"
    said = (
        f"Without {pick.sentence_list(deciding, 'or')} the interval {verb} no effect"
        if deciding
        else "No single trial decides on which side of no effect the interval lies"
    )
    return [Span(text, ref=summary.refs) for text in (", ".join(part for part in told if part), said) if text]


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
        text = f"{words.with_unit_text(computed(summary.detectable, summary.decimals), summary.unit)} would be shown with 80% power, if the effect is common"
        size.append(Span(text, ref=summary.refs, tone="muted"))
    kinds = []
    for study in summary.studies:
        row = study.comparison.row
        diseases = ", ".join(evidence.cohort(row).disease or evidence.trial(row).disease)
        standing = words.standing_text(evidence, row) or "whole trial"
        second_hand = all(one.verification != "primary" for one in study.comparison.rows)
        read = [words.verification_text(evidence, row).partition(",")[0]] if second_hand else []
        error = ["standard error from its p-value"] if study.comparison.origin == "p" else []
        facts = ", ".join([standing, diseases, *error, *read])
        kinds.append(Span(f"{pick.acronym(evidence, row)}: {facts}", ref=pick.addresses(study.comparison.rows)))
    conduct = [_conduct(evidence.trial(study.comparison.row)) for study in summary.studies]
    return (
        cell(Span(summary.judged.declared.question, ref=summary.pool_id), answer_span(summary, answer, "strong")),
        cell(Span(side, ref=summary.refs), Span(also, ref=summary.refs, tone="muted")),
        cell(*_agreement(evidence, summary)),
        cell(*size),
        cell(*kinds),
        cell(*conduct),
    )


def _conduct(trial: Row) -> Span:
    planned = trial.n_planned is not None and trial.n_randomised is not None
    size = f", {trial.n_randomised} of {trial.n_planned} planned" if planned else ""
    sponsor = f"; {trial.sponsor}" if trial.sponsor else "; sponsor not read"
    return Span(f"{trial.acronym}: {trial.masking}, {trial.status}{size}{sponsor}", ref=trial.id)


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
    drugs = [arm_names(evidence, comparison)[0] for comparison in (one, model)]
    if len({arm_names(evidence, study.comparison)[0] for study in summary.studies}) > 1:
        drugs[1] = f"regimens with {drugs[1]}"
    common = arm_names(evidence, model)[1]
    answer = synthesis.summary.indirect(summary, one)
    refs = (one.row.id, *summary.refs)
    shown = Span(answer_text(summary, answer), ref=refs)
    undecided = "interval includes no difference; " if answer.includes_null else ""
    name = figure_name(evidence, "indirect", contrast_id, pool_id)
    caption = f"If effect modifiers were balanced: {drugs[0]} against {drugs[1]} through {common}, {summary.outcome.name}."
    standing = words.cohort_text(evidence, one.row)
    body = (
        (
            cell(Span(f"{words.at_start(drugs[0])} versus {common}"), Span(result_name(evidence, one.row), tone="muted")),
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
                Span(pick.sentence_list([trial_name(evidence, study) for study in summary.studies]), tone="muted"),
            ),
            cell(answer_span(summary, summary.headline)),
            cell(f"pooled, {summary.headline.method}", Span(time_text(summary), ref=summary.refs[1:], tone="muted")),
        ),
        (
            cell(Span(f"{words.at_start(drugs[0])} versus {drugs[1]}, indirect", tone="strong")),
            cell(shown, Span(_side(summary, answer, drugs), tone="muted")),
            cell(f"{undecided}no trial compared them; holds only if what changes the effects was balanced"),
        ),
    )
    table = Table(caption, (Column("Comparison"), Column("Result"), Column("What it is")), body)
    differ = differing(evidence, [one, *(study.comparison for study in summary.studies)], but=("drug", "drug class"))
    notes = [line("Known to differ in ", Span("; ".join([*differ, "and, not in the dataset's columns, regimen and era"]), ref=refs), ".")]
    return Figure(name, caption, caption, table, sources=sources_of(evidence, [one.row, *summary.rows]), notes=tuple(notes))


def _side(summary: Summary, answer: Answer, drugs: list[str]) -> str:
    """Which drug a figure on either side of no effect speaks for."""
    how, null = ("minus", "zero") if answer.null == 0 else ("over", "one")
    side = {"higher": "above", "lower": "below"}.get(summary.outcome.better)
    return f"{drugs[0]} {how} {drugs[1]}" + (f"; {side} {null} favours {drugs[0]}" if side else "")
