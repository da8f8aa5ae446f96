"""The randomised trials of stem-cell transplantation side by side, with deaths early and late."""

from __future__ import annotations

from collections.abc import Callable

from ..evidence import Evidence, Row
from . import rows as pick
from . import text as words
from .figure import Cell, Column, Figure, Line, Span, Table, cell, figure_name, joined, line, sources_of

_CLASS = "transplant"
_EARLY = 52
_NOT_READ = "not read"
#: Life without a failing organ, counted either way, and life.
_EVENT_FREE = ("event-free-survival", "organ-failure-or-death")
_ALIVE = ("overall-survival",)


def transplant_table(evidence: Evidence) -> Figure:
    """What each randomised trial of stem-cell transplantation did, against what, what came out, and what it cost in deaths, early and late.

    A death due to treatment is also a death; early is up to one year. "Not read" where the dataset has no row.
    """
    treatments = {row.treatment for row in evidence["treatments"] if row["class"] == _CLASS}
    arms: dict[str, list[Row]] = {}
    for arm in evidence["arms"]:
        if arm.role != "all":
            arms.setdefault(arm.trial_id, []).append(arm)
    trials = [
        trial for trial in pick.trials_in_order(evidence)
        if any(treatments & set(arm.treatment or ()) for arm in arms.get(trial.trial_id, ()))
    ]  # fmt: skip
    name = figure_name(evidence, "transplant")
    if not trials:
        nothing = "No randomised trial of stem-cell transplantation is in the dataset for this scope."
        return Figure(name, nothing, nothing)
    results = [row for row in pick.preferred(evidence, "arm_results") if evidence.cohort(row).kind == "all"]
    contrasts = [row for row in pick.preferred(evidence, "contrasts") if evidence.cohort(row).kind == "all"]
    used: list[Row] = list(trials)

    unclear = _of_unclear_patients(results)

    def counted(*outcomes: str, early: bool | None = None, named: bool = False) -> Callable[[Row], Cell]:
        def show(trial: Row) -> Cell:
            found = [
                row for row in results
                if row.trial_id == trial.trial_id and row.outcome in outcomes and row.weeks is not None and early in (None, row.weeks <= _EARLY)
            ]  # fmt: skip
            found.sort(key=lambda row: (row.weeks, outcomes.index(row.outcome)))
            used.extend(found)
            return Cell(tuple(_lines_in_arms(evidence, found, contrasts, unclear, named))) if found else _hole()

        return show

    def primary(trial: Row) -> Cell:
        found = [row for row in contrasts if row.trial_id == trial.trial_id and row.role == "primary"]
        elsewhere = {row.outcome for row in found} | {*_EVENT_FREE, *_ALIVE}
        arms_only = [r for r in results if r.trial_id == trial.trial_id and r.role == "primary" and r.outcome not in elsewhere]
        used.extend([*found, *arms_only])
        lines: list[Line] = []
        named: dict[str, list[Row]] = {}
        for row in found:
            named.setdefault(evidence.outcome(row).short, []).append(row)
        for outcome, rows in named.items():
            lines.append(line(Span(f"{words.at_start(outcome)}:", ref=pick.addresses(rows), tone="muted")))
            lines += [
                line(pick.figure_span(row, words.result_text(row)), Span(f" {words.time_text(row)}", ref=row.id, tone="muted"))
                for row in rows
            ]
        return Cell((*lines, *_lines_in_arms(evidence, arms_only, contrasts, unclear, named=True))) if lines or arms_only else _hole()

    def compared(intervention: bool) -> Callable[[Row], Cell]:
        def show(trial: Row) -> Cell:
            members = [arm for arm in arms[trial.trial_id] if bool(treatments & set(arm.treatment or ())) == intervention]
            used.extend(members)
            lines: list[Line] = []
            for arm in members:
                regimen = arm.regimen or "regimen not read"
                lines += [line(Span(arm.label, ref=arm.id)), line(Span(regimen, ref=arm.id, mark=pick.mark(arm, "regimen"), tone="muted"))]
            return cell(*lines) if lines else _hole()

        return show

    facts: tuple[tuple[str, Callable[[Row], Cell]], ...] = (
        ("Reported", lambda t: cell(line(pick.year_span(t), ", ", Span("all that was read", link=pick.TRIAL_LINK.format(t.trial_id))))),
        ("Design", lambda t: cell(Span(", ".join(p for p in (t.masking, f"phase {t.phase}" if t.phase else "") if p), ref=t.id))),
        ("Population", lambda t: cell(Span(t.population, ref=t.id))),
        ("Conditioning", compared(True)),
        ("Comparator", compared(False)),
        ("Patients", lambda t: cell(*_sizes(t, arms[t.trial_id]))),
        ("Primary outcome", lambda t: cell(Span(t.primary_outcome, ref=t.id), Span(words.at_start(t.primary_met), tone="muted"))),
        ("Primary result", primary),
        ("Event-free survival", counted(*_EVENT_FREE, named=True)),
        ("Alive", counted(*_ALIVE)),
        ("Deaths due to treatment", counted("death-treatment")),
        ("Deaths, first year", counted("death", early=True)),
        ("Deaths, later", counted("death", early=False)),
        ("Another drug started later", counted("dmard-started")),
    )
    body = tuple((cell(fact), *(show(trial) for trial in trials)) for fact, show in facts)
    caption = f"Stem-cell transplantation in systemic sclerosis: {pick.sentence_list([t.acronym for t in trials])}, side by side."
    columns = (Column("Fact"), *(Column(trial.acronym) for trial in trials))
    notes = [
        line("Deaths are of all randomised to the arm where no other number is given; those due to treatment are among them."),
        *(
            [line("Of which patients is unclear: what was read also gives shares per protocol, and does not say whether these are of the same patients.")]
            if any(row.id in unclear for row in used)
            else []
        ),
        *pick.printed_notes(evidence, used),
    ]  # fmt: skip
    return Figure(name, caption, caption, Table(caption, columns, body), sources=sources_of(evidence, used), notes=tuple(notes))


def _hole() -> Cell:
    return cell(Span(_NOT_READ, tone="muted"))


def _sizes(trial: Row, arms: list[Row]) -> list[Span]:
    whole = f"{trial.n_randomised} randomised" if trial.n_randomised is not None else "number randomised not read"
    lines = [Span(whole, ref=trial.id if trial.n_randomised is not None else None, mark=pick.mark(trial, "n_randomised"))]
    counted = [arm for arm in arms if arm.n_randomised is not None]
    return lines + [
        Span(f"{arm.n_randomised} {words.in_sentence(arm.label).partition(',')[0]}", ref=arm.id, tone="muted") for arm in counted
    ]


def _lines_in_arms(evidence: Evidence, rows: list[Row], contrasts: list[Row], unclear: set[str], named: bool = False) -> list[Line]:
    """Arms beside each other with the p-value of their comparison, time by time; ``named`` puts the outcome before its time."""
    times: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        times.setdefault((evidence.outcome(row).short if named else "", _when(row, unclear)), []).append(row)
    lines: list[Line] = []
    for head, members in times.items():
        arms = [
            line(f"{words.arm_text(evidence, row).partition(',')[0]} ", pick.figure_span(row, words.estimate_text(row))) for row in members
        ]
        # A ratio of hazards at that time is no comparison of what was counted up to it.
        compared = [
            c for c in contrasts
            if words.p_text(c) and all(row.id == f"{c.id}.{row.arm}" and row.time_kind == c.time_kind for row in members)
        ]  # fmt: skip
        p = [Span(f" ({words.p_text(c)})", ref=c.id, mark=pick.mark(c, "p_value")) for c in compared]
        when = words.at_start(", ".join(part for part in head if part))
        lines += [line(Span(f"{when}:", ref=pick.addresses(members), tone="muted")), (*joined("; ", arms), *p)]
        read = dict.fromkeys(words.verification_text(evidence, row) for row in members)
        lines.append(line(Span(words.at_start("; ".join(read)), tone="muted")))
    return lines


def _when(row: Row, unclear: set[str]) -> str:
    """The time of a result, with whose result it is where that is not all who were randomised, or not known."""
    whose = "per protocol" if row.analysis_set == "per-protocol" else "of which patients is unclear" if row.id in unclear else ""
    return ", ".join(part for part in (words.time_text(row), whose) if part)


def _of_unclear_patients(results: list[Row]) -> set[str]:
    """Shares without a denominator, and without a word on whose they are, of a trial that also prints shares per protocol."""
    per_protocol = {row.trial_id for row in results if row.analysis_set == "per-protocol"}
    return {
        row.id for row in results
        if row.trial_id in per_protocol and row.analysis_set == "not-reported" and row.n is None and row.events is None
    }  # fmt: skip
