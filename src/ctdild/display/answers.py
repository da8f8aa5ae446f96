"""The one-screen answer: each treatment, what randomised trials showed, harms, and where regulators and guidelines stand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..evidence import Evidence, Row
from ..measures import NOT_BY_CHANCE, RATIOS, includes_null
from . import rows as pick
from . import text as words
from .figure import Cell, Column, Figure, Line, Span, Table, cell, figure_name, joined, line, sources_of
from .positions import other_positions, position_cell
from .tables import SYMPTOM_DOMAINS

_NONE = "not reported here"
_CHANGE_UNITS = ("mL", "mL/year", "percentage points")
_ROLES = ("primary", "co-primary", "key-secondary", "secondary", "exploratory", "subgroup", "post-hoc", "long-term")
_HARMS = (("sae", "Serious event"), ("ae-stop", "Stopped for an event"))
#: What a transplantation costs is counted in deaths, early and late.
_DEATHS = (("death-treatment", "Death due to treatment"), ("death", "Death of any cause"))
_TRANSPLANT = "transplant"
_PER_TIME = "per 100 patient-years"
#: Harms that count events of any kind, or what was done about them.
_NO_EVENT = (
    "ae", "ae-fatal", "ae-stop", "sae", "sae-related", "sae-disease", "hospitalisation", "dose-change", "dose-reduced",
    "treatment-interrupted", "stop-adr", "stop-non-respiratory", "diarrhoea-stop",
)  # fmt: skip
#: What is shown of trials, groups and arms.
_SHOWN = ("acronym", "year", "n_randomised", "primary_met", "background", "background_policy", "label", "n")

#: A comparison: intervention arm, comparator arm.
Pair = tuple[Row, Row]


def answers(evidence: Evidence) -> Figure:
    """What works, how sure, what harms: one row a treatment with randomised evidence in the scope.

    The effect on FVC is the whole trial's, and that of the largest group with a disease of its own; where the whole trial has
    no between-arm interval, the largest group that has one stands beside it with its standing in words ("post hoc subgroup").
    Within-arm changes appear only where there is no interval at all, and say so; where nothing of FVC was read, the
    comparison that the trial was made for.
    """
    name = figure_name(evidence, "answers")
    every = _pairs(evidence)
    silent = [pair for group in every.values() for pair in group if not _has_result(evidence, pair)]
    told = {key: [pair for pair in group if pair not in silent] for key, group in every.items()}
    pairs = {key: group for key, group in told.items() if group}
    title = next((row.title for row in evidence["scopes"]), "this disease")
    used: list[Row] = []
    if not pairs:
        of_disease = any(row.diseases for row in evidence["scopes"])
        nothing = f"{title}: no trial evidence is in the dataset for this {'disease' if of_disease else 'treatment'}."
        notes = [*_without_result(evidence, silent, used), *other_positions(evidence, every.values(), used)]
        return Figure(name, nothing, nothing, sources=sources_of(evidence, used), notes=tuple(notes))
    lungs = any(_fvc_of(evidence, pair, []) for group in pairs.values() for pair in group)
    effect = _fvc if lungs else _primary
    before = [group for group in pairs.values() if pick.is_precedent(evidence.trial(group[0][0]))]
    main = [group for group in pairs.values() if group not in before] or before
    body = [_row(evidence, group, effect, used) for group in main]
    of_main = list(used)
    apart = [_row(evidence, group, effect, used) for group in before if group not in main]
    contents = _contents(evidence, main, [row[0].anchor for row in body])
    columns = (
        Column("Treatment and randomised evidence"), Column("Effect on FVC" if lungs else "Primary outcome"), Column("Symptoms"),
        Column("Harms", "patients per 100"), Column("Approval and guidelines"),
    )  # fmt: skip
    caption = f"{title}: treatments with randomised evidence, at a glance."
    notes = [
        *([] if lungs else [line("No effect on FVC was read for these trials.")]),
        _labels(evidence, pairs),
        *_without_result(evidence, silent, used),
        *other_positions(evidence, every.values(), used),
        *_computed(used),
        *pick.printed_notes(evidence, of_main),
    ]
    return Figure(
        name,
        caption,
        caption,
        Table(caption, columns, tuple(body), "answers"),
        sources=sources_of(evidence, used, _SHOWN),
        notes=tuple(notes),
        more=Table(pick.PRECEDENT, columns, tuple(apart), "answers") if apart else None,
        contents=contents,
    )


def _contents(evidence: Evidence, groups: list[list[Pair]], anchors: list[str]) -> tuple[Line, ...]:
    """Each comparison in a line that leads to its row: its trials, how large they were, whether they met their primary outcome."""
    if len(groups) < 3:
        return ()
    about = words.diseases_of_scope(evidence)
    found: list[Line] = []
    for group, anchor in zip(groups, anchors, strict=True):
        intervention, comparator = group[0]
        trials: list[Span | Line] = []
        for pair in group:
            trial = evidence.trial(pair[0])
            wider = " (other diseases included)" if about and not set(trial.disease) <= about else ""
            met = "" if trial.primary_met == "not applicable" else f", primary outcome {trial.primary_met}"
            aim = Span(met, ref=trial.id, mark=pick.mark(trial, "primary_met"), tone="muted")
            size = replace(pick.size_of(evidence, trial), tone="muted")
            trials.append(line(Span(f"{trial.acronym}, ", tone="muted"), size, Span(wider, ref=trial.id, tone="muted"), aim))
        title = Span(f"{intervention.label} versus {words.in_sentence(comparator.label)}", link=f"#{anchor}")
        found.append(line(title, Span(": ", tone="muted"), *joined("; ", trials)))
    return tuple(found)


def _row(evidence: Evidence, group: list[Pair], effect: Callable[..., list[Line]], used: list[Row]) -> tuple[Cell, ...]:
    """What is known of one comparison of treatments, cell by cell."""
    intervention, comparator = group[0]
    precedent = pick.is_precedent(evidence.trial(intervention))
    return (
        cell(
            line(Span(intervention.label, tone="strong"), Span(f" versus {words.in_sentence(comparator.label)}", tone="muted")),
            *([line(Span(words.in_sentence(pick.PRECEDENT), tone="muted"))] if precedent else []),
            *(one for pair in group for one in _trial(evidence, pair, used)),
            anchor=figure_name(evidence, "answers", *(["ipf"] if precedent else []), intervention.label, "or", comparator.label),
        ),
        *(_by_trial(evidence, group, show, used) for show in (effect, _symptoms, _harms)),
        position_cell(evidence, group, used),
    )


def _pairs(evidence: Evidence) -> dict[tuple, list[Pair]]:
    """Comparisons of the randomised trials; those of the same treatments under one key, but the doses of one trial apart, and
    apart trials of idiopathic pulmonary fibrosis alone, which come last; otherwise as `_order` says.

    A dose of which nothing was read stands in the table of the trials only.
    """
    found: dict[tuple, list[Pair]] = {}
    for trial in pick.trials_in_order(evidence):
        arms = [arm for arm in evidence["arms"] if arm.trial_id == trial.trial_id]
        comparators = [arm for arm in arms if arm.role in ("placebo", "active comparator")]
        interventions = [arm for arm in arms if arm.role == "intervention"]
        read = [arm for arm in interventions if any(_says(evidence, (arm, comparator)) for comparator in comparators)]
        for intervention in read or interventions:
            doses = sum(arm.treatment == intervention.treatment for arm in read or interventions)
            for comparator in comparators:
                pair = (intervention, comparator)
                # Two ways of doing one thing, as two regimens before a transplantation, have a label each.
                key = (
                    pick.is_precedent(trial),
                    intervention.treatment,
                    comparator.treatment,
                    intervention.label if doses == 1 else intervention.id,
                )
                found.setdefault(key, []).append(pair)
    for group in found.values():
        group.sort(key=lambda pair: _order(evidence, pair))
    return {key: found[key] for key in sorted(found, key=lambda key: (key[0], _order(evidence, found[key][0])))}


def _order(evidence: Evidence, pair: Pair) -> tuple[bool, bool, int]:
    """Trials of the scope's own diseases before those that mix in others, those with a difference in FVC before those without,
    and the largest first: they carry most of what is known."""
    about = words.diseases_of_scope(evidence)
    mixed = bool(about) and not set(evidence.trial(pair[0]).disease) <= about
    return mixed, not _differences(evidence, pair), -pick.patients(evidence, pair[0])


def _says(evidence: Evidence, pair: Pair) -> bool:
    """Whether anything of a comparison would be shown."""
    return any(show(evidence, pair, []) for show in (_fvc_of, _symptoms, _harms))


def _by_trial(evidence: Evidence, group: list[Pair], show: Callable[..., list[Line]], used: list[Row]) -> Cell:
    """What ``show`` says of each trial, under its name where there are several; the trials it says nothing of in one line."""
    parts = {pair: show(evidence, pair, used) for pair in group}
    silent = [evidence.trial(pair[0]).acronym for pair, lines in parts.items() if not lines]
    hole = f"Serious events and stopping: {_NONE}" if show is _harms else _NONE
    if len(group) == 1 or len(silent) == len(group):
        return cell(*(one for lines in parts.values() for one in lines)) if not silent else cell(Span(hole, tone="muted"))
    lines: list[Line] = []
    for pair, said in parts.items():
        if said:
            lines += [line(Span(evidence.trial(pair[0]).acronym, tone="strong")), *said]
    if silent:
        lines.append(line(Span(f"{pick.sentence_list(silent)}: {words.in_sentence(hole)}", tone="muted")))
    return cell(*lines)


def _has_result(evidence: Evidence, pair: Pair) -> bool:
    """Whether anything was read of what came out, withheld or not. A trial that only started says nothing about its drug."""
    trial_id = pair[0].trial_id
    return any(row.trial_id == trial_id for table in ("contrasts", "arm_results", "statements") for row in evidence[table])


def _without_result(evidence: Evidence, silent: list[Pair], used: list[Row]) -> list[Line]:
    """The randomised trials of which no result was read, named under the table instead of a row of holes."""
    if not silent:
        return []
    spans: list[Span | str] = []
    for intervention, comparator in silent:
        trial = evidence.trial(intervention)
        used.append(trial)
        arms = f" ({words.in_sentence(intervention.label)} versus {words.in_sentence(comparator.label)}), {trial.status}"
        spans += ["; " if spans else "", pick.trial_link(trial), Span(arms, ref=trial.id)]
    return [line("Randomised, but no result was read: ", *spans, ".")]


def _trial(evidence: Evidence, pair: Pair, used: list[Row]) -> list[Line]:
    trial = evidence.trial(pair[0])
    used += pick.sized_by(evidence, trial)
    said = str(trial.year or trial.status)
    year = Span(", " if trial.acronym.endswith(said) else f" {said}, ", ref=trial.id, tone="muted")
    lines = [line(pick.trial_link(trial, tone="muted"), year, replace(pick.size_of(evidence, trial), tone="muted"))]
    if trial.primary_met != "not applicable":
        mark = pick.mark(trial, "primary_met")
        lines.append(line(Span(f"Primary outcome {trial.primary_met}", ref=trial.id, mark=mark, tone="muted")))
    groups = [evidence.cohort(row) for row in _differences(evidence, pair)]
    for cohort in dict.fromkeys([*_diseases(evidence, trial), *(c for c in groups if c.kind != "all")]):
        if cohort.n is not None:
            used.append(cohort)
            label = cohort.label.removesuffix(" (post hoc)")
            lines.append(line(Span(f"{label}: {cohort.n}", ref=cohort.id, mark=pick.mark(cohort, "n"), tone="muted")))
    return lines


def _diseases(evidence: Evidence, trial: Row) -> list[Row]:
    """The groups of a trial of several diseases that have the disease of the scope."""
    wanted = words.diseases_of_scope(evidence)
    return [
        c for c in evidence["cohorts"] if c.trial_id == trial.trial_id and c.kind == "disease" and (not wanted or wanted & set(c.disease))
    ]


def _differences(evidence: Evidence, pair: Pair) -> list[Row]:
    """The contrast of FVC that answers for the whole trial, and that of the largest group of a disease, with an interval;
    where the whole trial has no interval, that of the largest group with one."""
    contrasts = [
        c
        for c in _of(evidence, "contrasts", pair)
        if c.outcome.startswith("fvc") and c.unit in _CHANGE_UNITS and c.time_kind not in pick.FOLLOW_UP
    ]
    whole = [c for c in contrasts if evidence.cohort(c).kind == "all"]
    shown = _best(whole)
    groups = [c for c in contrasts if c not in whole and c.ci_low is not None]
    if any(c.ci_low is not None for c in shown):
        groups = [c for c in groups if evidence.cohort(c).kind == "disease"]
    largest = max((evidence.cohort(c).n or 0 for c in groups), default=0)
    return shown + _best([c for c in groups if (evidence.cohort(c).n or 0) == largest])


def _fvc(evidence: Evidence, pair: Pair, used: list[Row]) -> list[Line]:
    lines = (
        [*_missed(evidence, pair, used), *_fvc_of(evidence, pair, used)]
        or _withheld(evidence, pair, lambda outcome: outcome.startswith("fvc"))
        or _in_words(evidence, pair, used)
        or _instead(evidence, pair, used)
    )
    trial = evidence.trial(pair[0])
    if not lines:
        if not trial.background:
            return []
        lines = [line(Span(words.at_start(_NONE), tone="muted"))]
    return [
        *lines,
        line(Span(f"Background: {words.background_text(trial)}", ref=trial.id, tone="muted")),
    ]


def _in_words(evidence: Evidence, pair: Pair, used: list[Row]) -> list[Line]:
    """What sources say of FVC in the whole trial without a figure."""
    said = [s for s in evidence.shown("statements") if s.trial_id == pair[0].trial_id and s.outcome.startswith("fvc")]
    said = [s for s in said if evidence.cohort(s).kind == "all" and s.verdict != "predicts"]  # what it foretells is no effect
    used += said
    return [line(Span(words.with_minus(s.says), ref=s.id)) for s in said]


def _missed(evidence: Evidence, pair: Pair, used: list[Row]) -> list[Line]:
    """The primary outcome on FVC that a trial missed, where another outcome on FVC would stand for it: the missed one comes first."""
    if evidence.trial(pair[0]).primary_met != "not met":
        return []
    shown: list[Row] = []
    lines = _primary(evidence, pair, shown)
    told = {row.outcome for row in _differences(evidence, pair)}
    if not told or not shown or not all(row.outcome.startswith("fvc") and row.outcome not in told for row in shown):
        return []
    used += shown
    return [line(Span("Primary outcome", tone="strong")), *lines, line(Span("Another outcome", tone="strong"))]


def _instead(evidence: Evidence, pair: Pair, used: list[Row]) -> list[Line]:
    """The primary outcome in a column that is headed FVC: another outcome, or shares of patients whose FVC fell."""
    shown: list[Row] = []
    lines = _primary(evidence, pair, shown)
    used += shown
    head = "FVC, as shares of patients" if all(row.outcome.startswith("fvc") for row in shown) else "Not FVC: the primary outcome"
    return [line(Span(head, tone="strong")), *lines] if lines else []


def _withheld(evidence: Evidence, pair: Pair, about: Callable[[str], bool]) -> list[Line]:
    """That results on outcomes of this sort were read and are not shown."""
    names = {arm.arm for arm in pair}
    rows = [row for table in ("contrasts", "arm_results") for row in evidence[table] if row.trial_id == pair[0].trial_id and row.withheld]
    if not any(about(row.outcome) and names & {row.get("arm"), row.get("arm_a"), row.get("arm_b")} for row in rows):
        return []
    trial = pick.trial_link(evidence.trial(pair[0]), tone="muted")
    return [line(Span("Withheld, since sources disagree: see ", tone="muted"), trial)]


def _fvc_of(evidence: Evidence, pair: Pair, used: list[Row]) -> list[Line]:
    """The effect on FVC without its circumstances; nothing where nothing was read."""
    shown = _differences(evidence, pair)
    used += shown
    lines: list[Line] = []
    for row in shown:
        group = words.cohort_text(evidence, row) or _wider(evidence, row)
        if group:
            lines.append(line(Span(words.at_start(group), tone="strong")))
        if row.ci_low is None:
            said = ", ".join(
                part for part in (words.estimate_text(row), "no between-arm interval reported here", words.p_text(row)) if part
            )
            lines.append(line(pick.figure_span(row, words.at_start(said))))
        else:
            lines.append(line(pick.figure_span(row, words.result_text(row))))
        lines.append(_circumstances(evidence, row))
    if not any(c.ci_low is not None for c in shown):
        lines += _changes(evidence, pair, used)
    return lines


def _primary(evidence: Evidence, pair: Pair, used: list[Row]) -> list[Line]:
    """The comparison that the trial was made for; of hazards at several times the first and the last."""
    shown = [c for c in _of(evidence, "contrasts", pair) if c.role == "primary" and evidence.cohort(c).kind == "all"]
    at = [c for c in shown if c.time_kind == "at"]
    shown = [c for c in shown if c not in at[1:-1]]
    used += shown
    lines: list[Line] = []
    for row in shown:
        # A ratio or a relative reduction never stands without what it is a part of.
        arms = pick.arms_of(evidence, row) if row.estimate is None or row.measure in (*RATIOS, "relative reduction") else []
        used += arms
        figures = joined(", ", (line(f"{words.arm_text(evidence, arm)} ", pick.figure_span(arm, words.estimate_text(arm))) for arm in arms))
        lines += [joined("; ", (figures, pick.figure_span(row, words.result_text(row)))), _circumstances(evidence, row)]
    return lines or _primary_in_arms(evidence, pair, used)


def _primary_in_arms(evidence: Evidence, pair: Pair, used: list[Row]) -> list[Line]:
    """The primary outcome in each arm, where no comparison of it was read."""
    rows = [r for r in _of(evidence, "arm_results", pair) if r.role == "primary" and evidence.cohort(r).kind == "all"]
    lines: list[Line] = []
    for outcome in dict.fromkeys(row.outcome for row in rows):
        about = [row for row in rows if row.outcome == outcome]
        for one in _each_time(about, pair[0].arm)[:1]:
            lines += _beside(evidence, pair, one, evidence.row(outcome).short, used, words.estimate_text, ", no test between the arms read")
    return lines


def _wider(evidence: Evidence, row: Row) -> str:
    """That a result is of more diseases than the page is about; empty where it is not."""
    about = words.diseases_of_scope(evidence)
    wider = about and not set(evidence.cohort(row).disease) <= about
    return "Whole trial, other diseases included" if wider else ""


def _of(evidence: Evidence, table: str, pair: Pair) -> list[Row]:
    """The rows of a comparison: contrasts between its arms, results of its arms."""
    names = {arm.arm for arm in pair}
    rows = [row for row in pick.preferred(evidence, table) if row.trial_id == pair[0].trial_id]
    if table == "contrasts":
        return [row for row in rows if {row.arm_a, row.arm_b} == names]
    return [row for row in rows if row.arm in names]


def _best(rows: list[Row]) -> list[Row]:
    """The row closest to the trial's plan; one with an interval first."""
    return sorted(rows, key=lambda r: (r.ci_low is None, _ROLES.index(r.role) if r.role in _ROLES else len(_ROLES)))[:1]


def _circumstances(evidence: Evidence, row: Row) -> Line:
    """What was compared and when, which arm it favours, how it stood in the trial's plan, where it was read.

    A comparison without estimate has its direction from what the source says in words.
    """
    small_p = row.p_value is not None and row.p_value < 0.05
    telling = includes_null(row) is not None or small_p
    said = [
        s
        for s in evidence.shown("statements")
        if (s.trial_id, s.cohort, s.outcome, s.verdict) == (row.trial_id, row.cohort, row.outcome, "favours")
    ]
    in_words = said[:1] if row.estimate is None else []
    direction = words.direction_text(evidence, in_words[0] if in_words else row) if telling else ""
    planned = "" if row.role not in ("secondary", "exploratory") else f"{row.role} outcome"
    aimed = row.role in ("primary", "co-primary")
    missed = "the trial missed its aim" if evidence.trial(row).primary_met == "not met" and not aimed else ""
    derived = words.in_sentence(row.derivation or "")
    parts = (
        evidence.outcome(row).short, words.time_text(row), direction, missed, planned, derived, words.verification_text(evidence, row),
    )  # fmt: skip
    return line(Span(", ".join(part for part in parts if part), ref=pick.addresses([row, *in_words]), tone="muted"))


def _changes(evidence: Evidence, pair: Pair, used: list[Row]) -> list[Line]:
    """Within-arm changes of FVC, arms beside each other, labelled as what they are: of the whole trial or of a disease in it,
    else of a group that entry made."""
    every = [
        r for r in _of(evidence, "arm_results", pair)
        if r.outcome.startswith("fvc") and r.statistic in pick.CHANGES and r.value is not None
        and evidence.cohort(r).kind not in NOT_BY_CHANCE
    ]  # fmt: skip
    rows = [r for r in every if evidence.cohort(r).kind in ("all", "disease")] or every
    found: dict[tuple, list[Row]] = {}
    for row in rows:
        found.setdefault((row.cohort, row.outcome, row.weeks or 0), []).append(row)
    last = {(cohort, outcome): weeks for cohort, outcome, weeks in sorted(found)}
    lines = []
    for (cohort, outcome), weeks in last.items():
        group = found[cohort, outcome, weeks]
        if pair[0].arm not in {row.arm for row in group}:
            continue  # what placebo did says nothing of the drug
        used += group
        where = words.cohort_text(evidence, group[0])
        label = "Within-arm, no comparison" + (f" ({where})" if where else "")
        when = Span(f"{words.time_text(group[0])}:", ref=pick.addresses(group), tone="muted")
        lines.append(line(Span(f"{label}, ", tone="muted"), when))
        for row in group:
            model = ", unadjusted" if row.model == "unadjusted" else ""
            lines.append(line(f"{words.arm_text(evidence, row)} ", pick.figure_span(row, words.result_text(row)), Span(model, ref=row.id)))
    return lines


_HEADINGS = ("No difference shown", "Depends on the analysis", "Gain not sustained")
_NULL = "no difference shown"


def _symptoms(evidence: Evidence, pair: Pair, used: list[Row]) -> list[Line]:
    """What patients noticed, in short: differences, shares of patients better, then what is only said in words."""
    contrasts = [c for c in pick.by_domain(evidence, _of(evidence, "contrasts", pair), SYMPTOM_DOMAINS) if evidence.cohort(c).kind == "all"]
    said = [
        s
        for s in pick.statements(evidence, SYMPTOM_DOMAINS)
        if s.trial_id == pair[0].trial_id and evidence.cohort(s).kind in ("all", "disease")
    ]
    shares: dict[tuple, list[Row]] = {}
    for row in pick.by_domain(evidence, _of(evidence, "arm_results", pair), ("symptoms", "function")):
        if words.rate_per_100(row) and row.weeks and evidence.cohort(row).kind == "all":
            shares.setdefault((row.outcome, row.weeks), []).append(row)
    lines: list[Line] = []
    in_words: dict[str, dict[str, Span]] = {}
    shown: list[Row] = []
    for row in contrasts:
        short = evidence.outcome(row).short
        in_words_too = [s for s in said if (s.outcome, s.cohort) == (row.outcome, row.cohort) and s.verdict in ("favours", _NULL)]
        if row.p_relation == "ns" and row.estimate is None:
            in_words.setdefault(_HEADINGS[0], {}).setdefault(_abbreviation(short), Span(_abbreviation(short), ref=row.id))
        else:
            # Of a comparison that is shown, words give but the direction that it lacks.
            said = [s for s in said if s not in in_words_too]
            lean = [s for s in in_words_too if s.verdict == "favours" and row.estimate is None]
            used += lean
            direction = words.direction_text(evidence, lean[0] if lean else row)
            tail = "".join(f", {text}" for text in (words.time_text(row), direction) if text)
            lines.append(line(f"{short}: ", pick.figure_span(row, words.result_text(row)), Span(tail, ref=pick.addresses([row, *lean]))))
        shown.append(row)
    for (outcome, _), rows in shares.items():
        # Where a difference is shown, the share of responders on the same scale (haq-di, haq-di-responder) says less.
        if len(rows) == len(pair) and not any(outcome.startswith(c.outcome) for c in contrasts):
            unit = " per 100" if any(s.outcome == outcome for s in said) else " per 100, no test between the arms read"
            lines += _beside(evidence, pair, rows, evidence.row(outcome).short, shown, lambda r: words.rate_per_100(r).marked, unit)
    for row in said:
        heading = dict(zip((_NULL, "depends on the analysis", "not sustained"), _HEADINGS, strict=True)).get(row.verdict, "")
        if row.verdict == "favours":
            heading = words.at_start(words.favours_text(evidence, row))
        if heading:
            name = _abbreviation(evidence.outcome(row).short)
            in_words.setdefault(heading, {}).setdefault(name, Span(name, ref=row.id))
            shown.append(row)
    for heading, spans in sorted(in_words.items(), key=lambda item: _HEADINGS.index(item[0]) if item[0] in _HEADINGS else -1):
        lines.append(line(f"{heading}: ", *[part for span in spans.values() for part in (span, ", ")][:-1]))
    if not lines:
        return []
    used += shown
    where = list(dict.fromkeys(words.verification_text(evidence, row) for row in shown))
    return [*lines, line(Span(words.at_start("; ".join(where)), tone="muted"))]


def _abbreviation(short: str) -> str:
    """``K-BILD`` of ``Health status (K-BILD)``, for lists."""
    return short.rpartition("(")[2].rstrip(")")


def _harms(evidence: Evidence, pair: Pair, used: list[Row]) -> list[Line]:
    """Patients with a serious event, stopping, and the event whose shares lie furthest apart; where none of these was read,
    deaths; of a transplantation, deaths at each time.

    What was not read of it stands in one line.
    """
    grafts = {row.treatment for row in evidence["treatments"] if row["class"] == _TRANSPLANT}
    deadly = bool(grafts & set(pair[0].treatment or ()))
    whole = [r for r in _of(evidence, "arm_results", pair) if evidence.cohort(r).kind == "all"]
    rows = whole if deadly else [r for r in whole if r.time_kind not in pick.FOLLOW_UP]
    asked = _DEATHS if deadly else _HARMS
    shown: list[Row] = []
    null = [] if deadly else _no_harm_shown(evidence, pair)
    apart = [] if deadly else _furthest_apart(evidence, pair, rows, shown) + _rates(evidence, pair, rows, shown)
    if null:
        shown += null
        names = joined(", ", (line(Span(words.in_sentence(evidence.outcome(s).short), ref=s.id)) for s in null))
        apart.append(line("No difference shown, counts not read: ", *names))
    if not deadly and not apart and not any(r.outcome == outcome for r in rows for outcome, _ in _HARMS):
        rows, asked = whole, _DEATHS[1:]
    lines: list[Line] = []
    holes: list[str] = []
    for outcome, label in asked:
        about = [r for r in rows if r.outcome == outcome]
        shares = [r for group in _each_time(about, pair[0].arm) for r in group if words.rate_per_100(r)]
        events = [r for r in about if r.counts == "events" or r.unit == "events"]
        if shares:
            # The earliest time is nearest to the randomised comparison.
            for one in _each_time(shares, pair[0].arm)[: None if deadly else 1]:
                lines += _beside(evidence, pair, one, label, shown, lambda r: words.rate_per_100(r).marked)
        elif events:
            lines += _beside(
                evidence, pair, _each_time(events, pair[0].arm)[0], f"{label}, events not patients", shown, lambda r: str(r.events)
            )
        elif not any(s.outcome == outcome for s in null):
            holes.append(label if not holes else words.in_sentence(label))
    lines += apart
    if not lines:
        return _withheld(evidence, pair, lambda outcome: outcome in dict(_HARMS))
    used += shown
    if holes:
        lines.append(line(f"{', '.join(holes)}: ", Span(_NONE, tone="muted")))
    where = list(dict.fromkeys(words.verification_text(evidence, row) for row in shown))
    return [*lines, line(Span(words.at_start("; ".join(where)), tone="muted"))]


def _each_time(rows: list[Row], arm: str) -> list[list[Row]]:
    """The rows of one time after another, the earliest (nearest to the randomised comparison) first; those that have this arm."""
    times: dict[tuple, list[Row]] = {}
    for row in rows:
        times.setdefault((row.weeks if row.weeks is not None else float("inf"), row.time_kind), []).append(row)
    return [times[key] for key in sorted(times) if arm in {row.arm for row in times[key]}]


def _furthest_apart(evidence: Evidence, pair: Pair, rows: list[Row], used: list[Row]) -> list[Line]:
    """The named event, such as diarrhoea, whose shares in the two arms differ most: what the treatment is paid with."""
    found: list[tuple[float, str, list[Row]]] = []
    for outcome in dict.fromkeys(row.outcome for row in pick.by_domain(evidence, rows, ("harms",)) if row.outcome not in _NO_EVENT):
        shares = [row for row in rows if row.outcome == outcome and words.rate_per_100(row)]
        for one in _each_time(shares, pair[0].arm)[:1]:
            if {row.arm for row in one} == {arm.arm for arm in pair}:
                low, high = sorted(float(words.rate_per_100(row).value) for row in one)
                found.append((high - low, outcome, one))
    if not found:
        return []
    _, outcome, rows = max(found, key=lambda item: (item[0], item[1]))
    return _beside(evidence, pair, rows, evidence.row(outcome).short, used, lambda r: words.rate_per_100(r).marked)


def _rates(evidence: Evidence, pair: Pair, rows: list[Row], used: list[Row]) -> list[Line]:
    """Harms that a report counts by the time of treatment: patients or events per 100 patient-years, each with its interval."""
    lines: list[Line] = []
    for outcome in dict.fromkeys(row.outcome for row in pick.by_domain(evidence, rows, ("harms",)) if row.unit == _PER_TIME):
        about = [row for row in rows if row.outcome == outcome and row.unit == _PER_TIME and row.value is not None]
        for one in _each_time(about, pair[0].arm)[:1]:
            label = f"{evidence.row(outcome).short.removesuffix(', rate')}, {_PER_TIME}"
            lines += _beside(evidence, pair, one, label, used, lambda r: words.number_text(r.value) + _in_brackets(words.interval_text(r)))
    return lines


def _in_brackets(text: str) -> str:
    return f" ({text})" if text else ""


def _no_harm_shown(evidence: Evidence, pair: Pair) -> list[Row]:
    """Harms of which a source only says that no difference was shown."""
    said = [s for s in pick.statements(evidence, ("harms",)) if s.trial_id == pair[0].trial_id and s.verdict == _NULL]
    return [s for s in said if evidence.cohort(s).kind == "all"]


def _beside(
    evidence: Evidence, pair: Pair, rows: list[Row], label: str, used: list[Row], show: Callable[[Row], str], unit: str = ""
) -> list[Line]:
    """One figure in each arm, in the order of the comparison."""
    by_arm = {row.arm: row for row in rows}
    used += rows
    spans: list[Span | str] = []
    for arm in pair:
        row = by_arm.get(arm.arm)
        spans += [" vs " if spans else "", pick.figure_span(row, show(row)) if row else Span(_NONE, tone="muted")]
    time = words.time_text(rows[0])
    when = [Span(", ", tone="muted"), Span(time, ref=pick.addresses(rows), tone="muted")] if time else []
    return [line(f"{label}: ", *spans, unit, *when)]


def _labels(evidence: Evidence, pairs: dict[tuple, list[Pair]]) -> Line:
    """The warning that belongs under every table of harms, with the labels."""
    names = list(dict.fromkeys(t for group in pairs.values() for pair in group for arm in pair for t in arm.treatment or ()))
    labelled = [t for t in evidence["treatments"] if t.treatment in names and t.label_url]
    spans: list[Span | str] = [Span("Harms seen in trials, not a safety label.", tone="strong")]
    for n, treatment in enumerate(labelled):
        spans += [", " if n else " Labels: ", Span(words.in_sentence(treatment.name), link=treatment.label_url)]
    return line(*spans, "." if labelled else "")


def _computed(used: list[Row]) -> list[Line]:
    rates = [words.rate_per_100(row) for row in used if row.table == "arm_results"]
    return [line(words.COMPUTED)] if any(rate and rate.computed for rate in rates) else []
