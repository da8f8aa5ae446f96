"""What the page of one trial shows: its facts, every result with its variants, what sources say, where they disagree."""

from __future__ import annotations

from collections.abc import Iterable

from ..evidence import Evidence, Row
from . import rows as pick
from . import text as words
from .figure import Cell, Column, Figure, Line, Span, cell, line
from .tables import table_figure

#: Facts of a trial that have a column of their own, in the order of a reader's questions.
_FACTS = (
    ("Registered as", "registry_id"),
    ("Phase", "phase"),
    ("Design", "design"),
    ("Masking", "masking"),
    ("Allocation", "allocation"),
    ("Patients", "population"),
    ("Sites", "sites"),
    ("Countries", "countries"),
    ("Weeks of comparison", "duration_weeks"),
    ("Patients planned", "n_planned"),
    ("Patients randomised", "n_randomised"),
    ("Background treatment", "background"),
    ("Primary outcome as published", "primary_outcome"),
    ("Primary outcome as registered", "primary_outcome_registered"),
    ("Primary outcome met", "primary_met"),
    ("Stopped early because", "stop_reason"),
    ("Sponsor", "sponsor"),
    ("Status", "status"),
)

#: Facts that every trial has, so that a hole is worth a word.
_EXPECTED = ("primary_outcome", "primary_outcome_registered", "n_planned")

#: What a cell says where it has no fact.
_NO_FACT = ("", "Not read", "not read", "not applicable", "not reported")


def trial_figures(evidence: Evidence, trial_id: str) -> list[tuple[str, Figure]]:
    """The sections of a trial's page as (heading, figure); sections without a row are left out.

    Raises `KeyError` for an unknown trial.
    """
    trial = evidence.row(trial_id, "trials")
    sections = (
        ("Design", _facts(evidence, trial)),
        ("Arms", _arms(evidence, trial)),
        ("Groups", _cohorts(evidence, trial)),
        ("Differences between the arms", _contrasts(evidence, trial)),
        ("Tests of interaction", _interactions(evidence, trial)),
        ("Results in each arm", _results(evidence, trial)),
        ("What sources say in words", _statements(evidence, trial)),
        ("Where sources disagree", _discrepancies(evidence, trial)),
        ("Reports", _reports(evidence, trial)),
    )
    return [(heading, figure) for heading, figure in sections if figure is not None]


def _own(evidence: Evidence, table: str, trial: Row) -> list[Row]:
    return [row for row in evidence[table] if row["trial_id"] == trial.trial_id]


def _section(evidence: Evidence, trial: Row, name: str, caption: str, columns: Iterable[str], body: list[tuple[Cell, ...]],
             rows: list[Row], kind: str = "", notes: Iterable[Line] = ()) -> Figure | None:  # fmt: skip
    """A table of the page; None without a row."""
    if not body:
        return None
    heads = tuple(Column(head) for head in columns)
    notes = (*notes, *pick.printed_notes(evidence, rows))
    return table_figure(f"{name}-{trial.trial_id}", f"{trial.acronym}: {caption}.", heads, body, evidence, rows, notes, kind=kind)


def _facts(evidence: Evidence, trial: Row) -> Figure | None:
    body, unread = [], []
    for name, column in _FACTS:
        text = trial.text(column)
        if text not in _NO_FACT:
            span = Span(words.at_start(text), ref=trial.id, mark=pick.mark(trial, column))
            body.append((cell(name), cell(span), cell(words.verification_text(evidence, trial, column))))
        elif column in _EXPECTED and trial.kind == "rct":
            unread.append(words.in_sentence(name))
    notes = [line(f"Not read: {pick.sentence_list(unread)}.")] if unread else []
    return _section(evidence, trial, "facts", "design and conduct", ("Fact", "Here", "Read"), body, [trial], "facts", notes)


def _arms(evidence: Evidence, trial: Row) -> Figure | None:
    counted = ("n_randomised", "n_treated", "n_analysed")
    rows = [
        arm
        for arm in _own(evidence, "arms", trial)
        if arm.role != "all" or arm.regimen or any(arm[column] is not None for column in counted)
    ]
    body = []
    for arm in rows:
        counts = [
            Span(f"{arm[column]} {name}", ref=arm.id, mark=pick.mark(arm, column))
            for name, column in zip(("randomised", "treated", "analysed"), counted, strict=True)
            if arm[column] is not None
        ]
        regimen = Span(arm.regimen, ref=arm.id) if arm.regimen else Span("regimen not reported here", tone="muted")
        body.append(
            (cell(words.at_start(arm.label), Span(arm.role, tone="muted")), cell(regimen), cell(*(counts or [Span("number not reported here", tone="muted")])),
             cell(words.verification_text(evidence, arm)))
        )  # fmt: skip
    return _section(evidence, trial, "arms", "arms", ("Arm", "Regimen", "Patients", "Read"), body, rows, "results")


def _cohorts(evidence: Evidence, trial: Row) -> Figure | None:
    rows = [row for row in _own(evidence, "cohorts", trial) if row.kind != "all"]
    planned = {True: "prespecified", False: "post hoc", None: "not reported whether planned"}
    body = [
        (
            cell(Span(row.label, ref=row.id), Span(f"{row.kind}, {planned[row.prespecified]}", tone="muted")),
            cell(Span(row.definition, ref=row.id)),
            cell(Span(f"{row.n} patients", ref=row.id) if row.n is not None else Span("number not reported here", tone="muted")),
            cell(words.verification_text(evidence, row)),
        )
        for row in rows
    ]
    return _section(evidence, trial, "groups", "groups inside the trial", ("Group", "Who", "Patients", "Read"), body, rows, "results")


def _standing(rows: list[Row]) -> list[Span]:
    """What sets rows apart from those that displays use, each thing once."""
    said: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row.withheld:
            said.setdefault(("withheld: sources disagree", "strong"), []).append(row)
        elif not row.preferred:
            said.setdefault(("another version, not used in charts", "muted"), []).append(row)
        for text in (row.derivation, row.note):
            if text:
                said.setdefault((text, "muted"), []).append(row)
    return [Span(text, ref=_addresses(about), tone=tone) for (text, tone), about in said.items()]


def _addresses(rows: list[Row]) -> tuple[str, ...]:
    """The addresses of rows but the withheld ones: nothing leads to those."""
    return pick.addresses(row for row in rows if not row.withheld)


def _about(evidence: Evidence, rows: list[Row]) -> list[Span]:
    row = rows[0]
    group = words.cohort_text(evidence, row)
    time, role = words.time_text(row) or "time not reported", row.role.replace("-", " ")
    parts = [group, time, "" if role in group or role in time else role]
    return [Span(evidence.outcome(row).name), Span(", ".join(part for part in parts if part), ref=_addresses(rows), tone="muted")]


def _figures(row: Row, text: str) -> Span:
    return Span("withheld", tone="muted") if row.withheld else pick.figure_span(row, text or "not reported here")


#: Who was analysed, in words; nothing where it was not read.
_ANALYSED = {
    "ITT": "analysed by intention to treat",
    "mITT": "analysed by modified intention to treat",
    "treated": "analysed as treated",
    "completers": "completers only",
    "per-protocol": "per protocol",
    "on-treatment": "while on treatment",
    "observed": "observed cases",
}


def _contrasts(evidence: Evidence, trial: Row) -> Figure | None:
    rows = _own(evidence, "contrasts", trial)
    body = []
    for row in rows:
        n = f"n {row.n_a} and {row.n_b}" if row.n_a is not None and row.n_b is not None and not row.withheld else ""
        favours = "" if row.withheld else words.direction_text(evidence, row)
        parts = (n, favours, row.estimand, _ANALYSED.get(row.analysis_set, ""))
        told = ", ".join(part for part in parts if part)
        tail = [Span(told, ref=_addresses([row]), tone="muted")] if told else []
        body.append(
            (
                cell(*_about(evidence, [row])),
                cell(words.comparison_text(evidence, row)),
                cell(_figures(row, words.result_text(row)), *tail, *_standing([row])),
                cell(words.verification_text(evidence, row)),
            )
        )
    columns = ("Outcome", "Arms", "Difference", "Read")
    return _section(evidence, trial, "contrasts", "differences between the arms", columns, body, rows, "results")


def _interactions(evidence: Evidence, trial: Row) -> Figure | None:
    rows = _own(evidence, "interactions", trial)
    body = [
        (
            cell(evidence.outcome(row).name),
            cell(f"by {row.modifier}"),
            cell(Span(words.p_text(row), ref=row.id)),
            cell(words.verification_text(evidence, row)),
        )
        for row in rows
    ]
    columns = ("Outcome", "Does the effect differ", "Interaction", "Read")
    return _section(evidence, trial, "interactions", "tests of interaction", columns, body, rows, "results")


def _results(evidence: Evidence, trial: Row) -> Figure | None:
    groups: dict[tuple, list[Row]] = {}
    for row in _own(evidence, "arm_results", trial):
        variant = row.id.removesuffix(f".{row.arm}").partition(f".{row.outcome}.")[2]
        groups.setdefault((row.cohort, row.outcome, variant, row.time_kind), []).append(row)
    body, shown = [], []
    for rows in groups.values():
        shown += rows
        lines: list = []
        for row in rows:
            n = f" (n {row.n})" if row.n is not None and row.value is not None else ""
            text = words.result_text(row) if row.value is not None else words.per_100(row) or words.result_text(row)
            lines.append((Span(f"{words.at_start(words.arm_text(evidence, row))}: "), _figures(row, text + n)))
        body.append(
            (
                cell(*_about(evidence, rows)),
                cell(*lines, *_standing(rows)),
                cell(*dict.fromkeys(words.verification_text(evidence, row) for row in rows)),
            )
        )
    caption = "results in each arm; figures in one arm are no comparison"
    return _section(evidence, trial, "results", caption, ("Outcome", "In each arm", "Read"), body, shown, "results")


def _statements(evidence: Evidence, trial: Row) -> Figure | None:
    rows = [row for row in _own(evidence, "statements", trial) if not row.withheld]
    body = [
        (
            cell(evidence.outcome(row).name, *([Span(group, tone="muted")] if (group := words.cohort_text(evidence, row)) else [])),
            cell(Span(row.says, ref=row.id)),
            cell(words.verification_text(evidence, row)),
        )
        for row in rows
    ]
    return _section(
        evidence, trial, "statements", "said without a figure", ("Outcome", "What the source says", "Read"), body, rows, "results"
    )


_PROOF = {"A": "proof: a primary text or arithmetic", "B": "proof: a second-hand source", "C": "not confirmed"}
_USED = {
    "stated": "what was stated",
    "corrected": "what stands against it",
    "both": "both, each with its source",
    "withheld": "neither: withheld",
}


def discrepancy_rows(evidence: Evidence, rows: Iterable[Row]) -> list[tuple[Cell, ...]]:
    """Discrepancies as table rows: subject, what is printed, what stands against it, which one is used and why."""
    return [
        (
            cell(Span(words.with_minus(row.subject), ref=row.id), Span("about the source article" if row.about == "article" else "between other sources", tone="muted"),
                 anchor=f"discrepancy-{row.id}"),
            cell(Span(words.with_minus(row.stated), ref=row.id)),
            cell(Span(words.with_minus(row.against), ref=row.id), Span(_PROOF[row.proof], tone="muted")),
            cell(Span(f"{words.at_start(_USED[row.used])}."), Span(row.reason, ref=row.id)),
        )
        for row in rows
    ]  # fmt: skip


def _discrepancies(evidence: Evidence, trial: Row) -> Figure | None:
    rows = _own(evidence, "discrepancies", trial)
    columns = ("Subject", "Stated", "Against", "Used, and why")
    return _section(
        evidence, trial, "discrepancies", "where sources disagree", columns, discrepancy_rows(evidence, rows), rows, kind="records"
    )


def _reports(evidence: Evidence, trial: Row) -> Figure | None:
    """Papers and notices, each with the day on which corrections of it were looked for, where there is one."""
    rows = _own(evidence, "reports", trial)
    body = [
        (
            cell(Span(words.at_start(row.kind))),
            cell(
                Span(evidence.work(row.citation) if row.citation else row.link or row.report_id, link=row.link),
                *([Span(row.note, ref=row.id, tone="muted")] if row.note else []),
                *(
                    [Span(f"Looked for corrections on {words.date_text(row.checked_on)}", ref=row.id, tone="muted")]
                    if row.checked_on
                    else []
                ),
            ),
        )
        for row in rows
    ]
    return _section(evidence, trial, "reports", "papers and notices", ("Kind", "Report"), body, [], "facts")
