"""Where regulators and guidelines stand, and what is under way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..evidence import Evidence, Row
from . import rows as pick
from . import text as words
from .figure import Cell, Column, Figure, Line, Span, Table, cell, figure_name, line
from .tables import KINDS, table_figure


def _treatment(evidence: Evidence, row: Row) -> str:
    return evidence.row(row.treatment).name


def _by_treatment(evidence: Evidence, rows: tuple[Row, ...]) -> list[Row]:
    return sorted(rows, key=lambda row: (_treatment(evidence, row).casefold(), str(row.get("date") or row.get("year") or "9999")))


def approvals_table(evidence: Evidence) -> Figure:
    """What regulators decided on each treatment, for which disease, by which route, and when."""
    rows = _by_treatment(evidence, evidence["approvals"])
    body = [
        (
            cell(_treatment(evidence, row)),
            cell(row.agency, Span(words.date_text(row.date), ref=row.id) if row.date else Span("date not read", tone="muted")),
            cell(words.at_start(row.status)),
            cell(Span(row.indication, ref=row.id), Span(", ".join(row.disease), tone="muted")),
            cell(Span(row.route, ref=row.id)) if row.route else cell(Span("not read", tone="muted")),
            cell(words.verification_text(evidence, row)),
        )
        for row in rows
    ]
    heads = ("Treatment", "Regulator and date", "Decision", "For", "Route", "Read")
    return table_figure(
        figure_name(evidence, "approvals"), "Decisions of regulators, by treatment.", tuple(Column(head) for head in heads), body, evidence, rows,
        empty="No regulator's decision is in the dataset for this scope.",
    )  # fmt: skip


_DIRECTIONS = {
    "for": "For",
    "against": "Against",
    "research only": "In research only",
    "no recommendation": "No recommendation, evidence insufficient",
}
_STRENGTHS = {"not read": "strength not read", "not applicable": ""}


def recommendations_table(evidence: Evidence, *diseases: str) -> Figure:
    """What each guideline says of each treatment: for or against, how strongly, in which line; in these diseases, or in all.

    One row a treatment, the newest guideline first; of named diseases what is recommended stands before what is not. Where none
    is named, those that the scope is about count as named.
    """
    diseases = diseases or tuple(d for scope in evidence["scopes"] if scope.scope == evidence.scope_name for d in scope.diseases or ())
    found = [row for row in _by_treatment(evidence, evidence["recommendations"]) if not diseases or set(diseases) & set(row.disease)]
    groups: dict[str, list[Row]] = {}
    for row in found:
        groups.setdefault(_treatment(evidence, row), []).append(row)
    for rows in groups.values():
        rows.sort(key=lambda row: (-row.year, row.body))
    order = list(groups)
    if diseases:
        order.sort(key=lambda name: list(_DIRECTIONS).index(groups[name][0].direction))
    body = [
        (
            cell(treatment),
            cell(*(one for row in groups[treatment] for one in _position(row, diseases))),
            cell(*dict.fromkeys(words.at_start(words.verification_text(evidence, row)) for row in groups[treatment])),
        )
        for treatment in order
    ]
    about = f" on {pick.sentence_list(list(diseases))}" if diseases else ""
    return table_figure(
        figure_name(evidence, "recommendations", *diseases),
        f"Guidelines{about}, by treatment. A strength that was not read is not a weak one.",
        tuple(Column(head) for head in ("Treatment", "Position", "Read")), body, evidence, found,
        empty="No guideline's position is in the dataset for this scope.",
    )  # fmt: skip


def _position(row: Row, diseases: Sequence[str]) -> list[Line]:
    """``ACR/CHEST 2023: for, conditional (SSc, first line)``, and what the position adds; diseases where they are not those asked for."""
    strength = _STRENGTHS.get(row.strength, row.strength)
    where = row["line"] if row["line"] and row["line"] != "not stated" else ""
    named = "" if diseases and set(diseases) <= set(row.disease) else ", ".join(d for d in row.disease if not diseases or d in diseases)
    about = ", ".join(part for part in (named, where) if part)
    said = ", ".join(part for part in (words.in_sentence(_DIRECTIONS[row.direction]), strength) if part)
    tail = [Span(f" ({about})", ref=row.id, tone="muted")] if about else []
    lines = [line(Span(f"{row.body} {row.year}: {said}", ref=row.id), *tail)]
    return [*lines, line(Span(row.note, ref=row.id, tone="muted"))] if row.note else lines


#: States of a study that may still change.
UNDER_WAY = ("recruiting", "registered", "active, not recruiting", "unknown")


def horizon_table(evidence: Evidence) -> Figure:
    """Studies that are registered or under way, with the day of that status; behind it, what was reported after the source article."""
    trials = sorted((t for t in evidence["trials"] if t.status in UNDER_WAY), key=lambda t: (UNDER_WAY.index(t.status), t.acronym))
    body = [
        (
            cell(pick.trial_link(trial)),
            cell(*_given(evidence, trial), Span(", ".join(trial.disease), tone="muted")),
            cell(Span(", ".join(p for p in (f"Phase {trial.phase}" if trial.phase else "", KINDS[trial.kind], _masking(trial)) if p), ref=trial.id),
                 *_patients(trial)),
            cell(Span(trial.primary_outcome_registered or trial.primary_outcome, ref=trial.id)),
            cell(Span(words.at_start(trial.status)), Span(f"as of {words.as_of_text(as_of)}", ref=trial.id, tone="muted") if (as_of := trial.get("status_as_of")) else Span("date of the record not read", tone="muted")),
            cell(words.verification_text(evidence, trial, "status")),
        )
        for trial in trials
    ]  # fmt: skip
    heads = tuple(Column(head) for head in ("Study", "Treatment and disease", "Design", "Primary outcome", "Status", "Read"))
    published = _published(evidence)
    nothing = "No study of this scope that is registered or under way is in the dataset."
    figure = table_figure(
        figure_name(evidence, "horizon"), "Studies that are registered or under way.", heads, body, evidence, trials, empty=nothing
    )
    reports = _after(evidence, published) if published else []
    if not reports:
        return figure
    more = Table(
        f"Reported after {published}, the year of the source article",
        (Column("Study"), Column("Report"), Column("Kind")),
        tuple(reports),
    )
    return replace(figure, more=more)


def _given(evidence: Evidence, trial: Row) -> list[str]:
    names = {row.treatment: row.name for row in evidence["treatments"] if row["class"] not in ("placebo", "standard care")}
    arms = [arm for arm in evidence["arms"] if arm.trial_id == trial.trial_id]
    return list(dict.fromkeys(names[t] for arm in arms for t in arm.treatment or () if t in names)) or ["–"]


def _masking(trial: Row) -> str:
    return {"not applicable": "", "not read": "masking not read"}.get(trial.masking, trial.masking)


def _patients(trial: Row) -> list[Span]:
    if trial.n_planned is not None:
        return [Span(f"{trial.n_planned} planned", ref=trial.id, mark=pick.mark(trial, "n_planned"), tone="muted")]
    return [Span("planned number not read", tone="muted")]


def _published(evidence: Evidence) -> int | None:
    """The year of the article that the review started from."""
    for source in evidence["sources"]:
        year = evidence.bibliography.get(source.citation or "", {}).get("year", "")
        if source.read_in == "source article" and year.isdigit():
            return int(year)
    return None


def _after(evidence: Evidence, published: int) -> list[tuple[Cell, ...]]:
    """Reports of a later year, newest first; a scope may hold none."""
    found = []
    for report in evidence["reports"]:
        year = evidence.bibliography.get(report.citation or "", {}).get("year", "")
        if year.isdigit() and int(year) > published:
            found.append((-int(year), evidence.trial(report).acronym.casefold(), report))
    return [
        (
            cell(pick.trial_link(evidence.trial(report))),
            cell(Span(evidence.work(report.citation), ref=report.id, link=report.link)),
            cell(report.kind),
        )
        for _, _, report in sorted(found, key=lambda item: item[:2])
    ]
