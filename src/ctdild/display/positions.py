"""Where regulators and guidelines stand, and what is under way."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date

from ..evidence import Evidence, Row
from . import rows as pick
from . import text as words
from .figure import Cell, Column, Figure, Line, Span, Table, cell, figure_name, joined, line
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
            cell(
                row.agency,
                line(Span(_dated(row), ref=row.id) if row.date else Span("date not read", tone="muted"), _letter(row)),
            ),
            cell(words.at_start(row.status)),
            cell(Span(row.indication, ref=row.id), Span(", ".join(row.disease), tone="muted")),
            cell(Span(words.at_start(row.route), ref=row.id)) if row.route else cell(Span("not read", tone="muted")),
        )
        for row in rows
    ]
    heads = ("Treatment", "Regulator and date", "Decision", "For", "Route")
    return table_figure(
        figure_name(evidence, "approvals"), "Decisions of regulators, by treatment.", tuple(Column(head) for head in heads), body, evidence, rows,
        empty="No regulator's decision is in the dataset for this scope.",
    )  # fmt: skip


def _dated(row: Row) -> str:
    """The day of a decision; of what is not decided, the day on which that was so."""
    return f"{'as of ' if row.status == 'under review' else ''}{words.date_text(row.date)}"


def _letter(row: Row) -> Span:
    """How close to the text of the body a position was read, as behind figures in sentences."""
    return Span(f"{words.NO_BREAK}{words.verification_mark(row)}", tone="muted")


_KEY = line("P: read in the body's own text, table or abstract; S: read second-hand; R: read only in the source article.")

_DIRECTIONS = {
    "for": "For",
    "against": "Against",
    "research only": "In research only",
    "no recommendation": "No recommendation, evidence insufficient",
}
_STRENGTHS = {"not read": "strength not read", "not applicable": ""}
#: A note up to this length stands in the line of its position; a longer one that several positions share stands once under the table.
_SHORT = 40


def recommendations_table(evidence: Evidence, *diseases: str) -> Figure:
    """What each guideline says of each treatment: for or against, how strongly, in which line; in these diseases, or in all.

    One row a treatment, the newest guideline first; of named diseases what is recommended stands before what is not. Where none
    is named, those that the scope is about count as named; a page that names some has several such tables, and tells
    what the letters mean itself. Under it: what was not read of these guidelines, and what they say of progressive fibrosis.
    """
    several = bool(diseases)
    diseases = diseases or tuple(sorted(words.diseases_of_scope(evidence)))
    found = [row for row in _by_treatment(evidence, evidence["recommendations"]) if not diseases or set(diseases) & set(row.disease)]
    groups: dict[str, list[Row]] = {}
    for row in found:
        groups.setdefault(_treatment(evidence, row), []).append(row)
    for rows in groups.values():
        rows.sort(key=lambda row: (-row.year, row.body))
    order = list(groups)
    if diseases:
        order.sort(key=lambda name: list(_DIRECTIONS).index(groups[name][0].direction))
    by_note: dict[str, list[Row]] = {}
    for row in found:
        by_note.setdefault(row.note or "", []).append(row)
    shared = {note: rows for note, rows in by_note.items() if len(rows) > 1 and len(note) > _SHORT}
    body = [
        (
            cell(treatment),
            cell(*(one for row in groups[treatment] for one in _position(row, diseases, shared))),
        )
        for treatment in order
    ]
    about = f" on {pick.sentence_list(list(diseases))}" if diseases else ""
    weak = " A strength that was not read is not a weak one." if not several and any(row.strength == "not read" for row in found) else ""
    fibrosis = _of_progressive_fibrosis(evidence, diseases)
    notes = [
        *(line(Span(f"{_whose(rows)}: {words.in_sentence(note)}", ref=pick.addresses(rows))) for note, rows in shared.items()),
        *_left_unread(evidence, diseases, found),
        *(
            [line("Of fibrosis that progresses, of whatever cause but IPF (PF-ILD): ", *joined("; ", _named(evidence, fibrosis)), ".")]
            if fibrosis
            else []
        ),
        *(() if several else (_KEY,)),
    ]
    return table_figure(
        figure_name(evidence, "recommendations", *diseases),
        f"Guidelines{about}, by treatment.{weak}",
        (Column("Treatment"), Column("Position")), body, evidence, [*found, *fibrosis], tuple(notes),
        empty="No guideline's position is in the dataset for this scope.",
    )  # fmt: skip


def _of_progressive_fibrosis(evidence: Evidence, diseases: Sequence[str]) -> list[Row]:
    """The positions on progressive fibrosis of any cause, for a table on connective-tissue diseases: their patients may have it."""
    concerned = set(diseases) & _CTD - {"CTD"} and "PF-ILD" not in diseases
    return [row for row in _by_treatment(evidence, evidence["recommendations"]) if concerned and "PF-ILD" in row.disease]


def _whose(rows: Sequence[Row]) -> str:
    """Whose positions these are, and in which line of treatment, where it is one: ``ACR/CHEST 2023, first line``."""
    bodies = pick.sentence_list(list(dict.fromkeys(f"{row.body} {row.year}" for row in rows)))
    lines = {row["line"] for row in rows}
    return f"{bodies}, {lines.pop()}" if len(lines) == 1 and lines <= set(_LINES) else bodies


def _left_unread(evidence: Evidence, diseases: Sequence[str], found: Sequence[Row]) -> Iterator[Line]:
    """What was not read of guidelines whose positions the table has: a source of which a part was read, and progression where
    all that was read is on first-line treatment."""
    for source in dict.fromkeys(evidence.source(row) for row in found):
        if source.note and source.read_in != "source article":
            about = pick.addresses([source, *(row for row in found if evidence.source(row) == source)])
            yield line(Span(f"{source.title}: {words.in_sentence(source.note)}", ref=about))
    silent: dict[str, list[str]] = {}
    for body in sorted({(row.body, row.year) for row in found}):
        rows = [row for row in found if (row.body, row.year) == body]
        for disease in diseases:
            lines = {row["line"] for row in rows if disease in row.disease}
            if "first line" in lines and not lines & {"progression despite first line", "not stated"}:
                silent.setdefault(f"{body[0]} {body[1]}", []).append(disease)
    if silent:
        named = "; ".join(f"{body} on {pick.sentence_list(names)}" for body, names in silent.items())
        about = [row for row in found if f"{row.body} {row.year}" in silent]
        yield line("On progression despite first-line treatment nothing was read of ", Span(named, ref=pick.addresses(about)), ".")


def _position(row: Row, diseases: Sequence[str], shared: Iterable[str] = ()) -> list[Line]:
    """``ACR/CHEST 2023: for, conditional (SSc, first line)``, and what the position adds but for notes that stand elsewhere;
    diseases where they are not those asked for."""
    strength = _STRENGTHS.get(row.strength, row.strength)
    where = row["line"] if row["line"] and row["line"] != "not stated" else ""
    named = "" if diseases and set(diseases) <= set(row.disease) else ", ".join(d for d in row.disease if not diseases or d in diseases)
    note = "" if row.note in shared else row.note or ""
    short = words.in_sentence(note.rstrip(".")) if len(note) <= _SHORT else ""
    about = ", ".join(part for part in (named, where, short) if part)
    said = ", ".join(part for part in (words.in_sentence(_DIRECTIONS[row.direction]), strength) if part)
    tail = [Span(f" ({about})", ref=row.id, tone="muted")] if about else []
    lines = [line(Span(f"{row.body} {row.year}: {said}", ref=row.id), *tail, _letter(row))]
    return lines if short or not note else [*lines, line(Span(note, ref=row.id, tone="muted"))]


# --- beside the trials of a treatment ------------------------------------------------------------------

#: Connective-tissue diseases: a position on CTD is one on each of them.
_CTD = {"CTD", "SSc", "RA", "IIM", "MCTD", "SjD", "SLE"}
#: A comparison: intervention arm, comparator arm.
Pair = tuple[Row, Row]


def _subjects(evidence: Evidence, pair: Pair) -> list[str]:
    """What a position must be about to speak of this comparison: the drugs under test, their combination with what both
    arms were given, and the classes they belong to.

    What both arms were given is not under test: advice on it would read as advice on the drug added to it.
    A class has the target of its members and, being no product, no label.
    """
    intervention, comparator = (list(arm.treatment or ()) for arm in pair)
    tested = [t for t in intervention if t not in comparator] or intervention
    targets = {row.target for row in evidence["treatments"] if row.treatment in tested and row.target}
    classes = [row.treatment for row in evidence["treatments"] if row.target in targets and not row.label_url]
    return list(dict.fromkeys([*tested, "-".join(intervention), *classes]))


def _concern(evidence: Evidence, pairs: Sequence[Pair], rows: Sequence[Row]) -> list[Row]:
    """The positions on a disease that some of these trials enrolled, or that the scope is about."""
    trials = {evidence.trial(pair[0]).trial_id for pair in pairs}
    enrolled = words.diseases_of_scope(evidence)
    enrolled = enrolled.union(*(c.disease or () for c in evidence["cohorts"] if c.trial_id in trials))
    enrolled = enrolled.union(*(evidence.trial(pair[0]).disease for pair in pairs))
    if not words.diseases_of_scope(evidence) and enrolled & _CTD:
        enrolled = enrolled | _CTD  # a page on a treatment is read for every one of these diseases
    return [row for row in rows if enrolled & set(row.disease) or ({"CTD", "PF-ILD"} & set(row.disease) and enrolled & _CTD)]


def position_cell(evidence: Evidence, pairs: Sequence[Pair], used: list[Row]) -> Cell:
    """Where regulators stand on a treatment that trials tested (an opinion only where no decision is known), then guidelines,
    for and against; on the diseases of these trials. What is shown is added to ``used``."""
    subjects = _subjects(evidence, pairs[0])
    approvals = _concern(evidence, pairs, [a for a in evidence["approvals"] if a.treatment in subjects])
    decided = [a for a in approvals if a.status != "positive opinion"] or approvals
    guidelines = _concern(evidence, pairs, [r for r in evidence["recommendations"] if r.treatment in subjects])
    used += [*decided, *guidelines]
    lines = []
    for one in sorted(decided, key=lambda a: (str(a.date or "9999"), a.agency)):
        when = f"{one.agency} {_dated(one) if one.date else '(date not read)'}"
        lines.append(
            line(
                Span(f"{words.at_start(one.status)}: {when}", ref=one.id),
                Span(f" {words.in_sentence(one.indication)}", ref=one.id, tone="muted"),
            )
        )
    if not approvals:
        lines.append(line(Span("No approval for this disease was read", tone="muted")))
    # Advice on one of several drugs, on a class or on a combination names what it is about.
    name = {row.treatment: words.in_sentence(row.name) for row in evidence["treatments"]}
    alone = [t for t in pairs[0][0].treatment or () if t in subjects] == [subjects[0]]
    by_direction: dict[str, list[Span | str]] = {}
    for text, rows in _in_short(evidence, guidelines):
        about = "" if alone and rows[0].treatment == subjects[0] else f"{name[rows[0].treatment]}, "
        spans = by_direction.setdefault(rows[0].direction, [])
        referral = ", for referral" if all((row.note or "").startswith(("Referral", "Early referral")) for row in rows) else ""
        spans += ["; " if spans else f"{words.at_start(rows[0].direction)}: ", Span(f"{about}{text}{referral}", ref=pick.addresses(rows))]
    lines += [line(*spans) for spans in by_direction.values()]
    if not guidelines:
        lines.append(line(Span("No guideline position on it for this disease was read", tone="muted")))
    return cell(*lines)


_LINES = {"first line": "first line", "progression despite first line": "after progression", "rapidly progressive": "rapid progression"}


def _in_short(evidence: Evidence, rows: list[Row]) -> list[tuple[str, list[Row]]]:
    """Each body, year, subject and strength once, the newest first: ``ACR/CHEST 2023 (conditional; first line, SSc)``; and the
    rows that say so.

    The diseases are named where those that the scope is about differ among the positions, and where a position is on
    another disease than the page's, which the trial's patients have too. A position on CTD says what it leaves out.
    """
    about = words.diseases_of_scope(evidence)
    diseases = {row.id: tuple(d for d in row.disease if not about or d in about) or row.disease for row in rows}
    several = len(set(diseases.values())) > 1
    found: dict[tuple, list[Row]] = {}
    for row in sorted(rows, key=lambda r: (-r.year, r.body)):
        found.setdefault((row.body, row.year, row.treatment, row.direction, row.strength), []).append(row)
    texts = []
    for (body, year, *_, strength), group in found.items():
        when: dict[str, list[str]] = {}
        for row in group:
            when.setdefault(_LINES.get(row["line"], ""), []).extend(diseases[row.id] if several else ())
        parts = [", ".join(part for part in (text, pick.sentence_list(list(dict.fromkeys(names)))) if part) for text, names in when.items()]
        limits = [row.note.partition(". ")[0].rstrip(".") for row in group if row.note and "CTD" in row.disease]
        graded = "" if strength in ("not read", "not applicable") else strength
        details = "; ".join(part for part in (graded, *parts, *limits) if part)
        texts.append((f"{body} {year}" + (f" ({details})" if details else ""), group))
    return texts


def other_positions(evidence: Evidence, groups: Iterable[Sequence[Pair]], used: list[Row]) -> list[Line]:
    """What guidelines say of treatments that no comparison tested: those given as comparator only, and those not given at all."""
    pairs = [pair for group in groups for pair in group]
    tested = {t for pair in pairs for t in _subjects(evidence, pair)}
    compared = {t for pair in pairs for t in _subjects(evidence, pair[::-1])} - tested
    lines = []
    for said, wanted in (
        ("Guidelines also name treatments that were comparators here: ", lambda t: t in compared),
        ("Named by guidelines; no randomised trial of it in this disease is entered here: ", lambda t: t not in tested | compared),
    ):
        rows = [row for row in evidence["recommendations"] if wanted(row.treatment)]
        used += rows
        if rows:
            lines.append(line(said, *joined("; ", _named(evidence, rows)), "."))
    return lines


def _named(evidence: Evidence, rows: list[Row]) -> Iterator[Line]:
    """``azathioprine (for: ACR/CHEST 2023)``, one treatment after another."""
    by_treatment: dict[str, list[Row]] = {}
    for row in rows:
        by_treatment.setdefault(row.treatment, []).append(row)
    for treatment, found in by_treatment.items():
        # For and against one drug is no contradiction when each speaks of another line of treatment.
        mixed = len({row.direction for row in found}) > 1
        positions: dict[str, dict[str, list[Row]]] = {}
        for row in found:
            where = f", {_LINES[row['line']]}" if mixed and row["line"] in _LINES else ""
            positions.setdefault(f"{row.direction}{where}", {}).setdefault(f"{row.body} {row.year}", []).append(row)
        said = [
            line(f"{direction}: ", *joined(", ", (line(Span(who, ref=pick.addresses(members))) for who, members in bodies.items())))
            for direction, bodies in positions.items()
        ]
        yield line(f"{words.in_sentence(evidence.row(treatment).name)} (", *joined("; ", said), ")")


# --- under way -----------------------------------------------------------------------------------------

#: States of a study that may still change.
UNDER_WAY = ("recruiting", "registered", "active, not recruiting", "unknown")


def horizon_table(evidence: Evidence) -> Figure:
    """Studies that are registered or under way, with the day of that status; behind it, what was reported after the source article."""
    trials = sorted((t for t in evidence["trials"] if t.status in UNDER_WAY), key=lambda t: (UNDER_WAY.index(t.status), t.acronym))
    dated = [(source.read_on, source) for source in evidence["sources"] if source.get("read_on")]
    dated += [(_last_day(trial.status_as_of), trial) for trial in trials if trial.get("status_as_of")]
    newest = max((day for day, _ in dated), default=None)
    last = [row for day, row in dated if day == newest]
    body = [
        (
            cell(pick.trial_link(trial)),
            cell(*_given(evidence, trial), Span(", ".join(trial.disease), tone="muted")),
            cell(Span(_design(trial), ref=trial.id), *_patients(trial)),
            cell(Span(trial.primary_outcome_registered or trial.primary_outcome, ref=trial.id)),
            cell(Span(words.at_start(trial.status)), *_as_of(evidence, trial, newest)),
        )
        for trial in trials
    ]  # fmt: skip
    heads = tuple(Column(head) for head in ("Study", "Treatment and disease", "Design", "Primary outcome", "Status"))
    published = _published(evidence)
    nothing = "No study of this scope that is registered or under way is in the dataset."
    figure = table_figure(
        figure_name(evidence, "horizon"), "Studies that are registered or under way.", heads, body, evidence, trials,
        (*_status_read(evidence, trials), *_ages(trials, newest, last), *_own_sizes(evidence, trials)),
        empty=nothing,
    )  # fmt: skip
    reports = _after(evidence, published) if published else []
    if not reports:
        return figure
    more = Table(
        f"Reported after {published}, the year of the source article",
        (Column("Study"), Column("Report"), Column("Kind")),
        tuple(reports),
    )
    return replace(figure, more=more)


def _status_read(evidence: Evidence, trials: list[Row]) -> tuple[Line, ...]:
    """Where the status of the studies was read, in one line."""
    found: dict[str, list[str]] = {}
    for trial in trials:
        found.setdefault(words.verification_text(evidence, trial, "status"), []).append(trial.acronym)
    parts = [f"{read} ({pick.sentence_list(names)})" if len(found) > 1 else read for read, names in found.items()]
    return (line(f"Status {'; '.join(parts)}."),) if parts else ()


def _last_day(as_of: str) -> date:
    """The last day that a day, month or year of a record may mean."""
    parts = [int(part) for part in as_of.split("-")]
    if len(parts) == 3:
        return date(*parts)
    year, month = parts[0], parts[1] if len(parts) == 2 else 12
    return date(year, month, monthrange(year, month)[1])


def _old(trial: Row, newest: date | None) -> bool:
    """Whether the record of a study is more than a year older than what was read last. Today's date must not change a page."""
    return bool(newest and trial.get("status_as_of")) and (newest - _last_day(trial.status_as_of)).days > _YEAR


_YEAR = 366


def _as_of(evidence: Evidence, trial: Row, newest: date | None) -> list[Span]:
    """The day of a status, whether it is old, and whether the study has a result here all the same."""
    as_of = trial.get("status_as_of")
    said = [
        Span(f"as of {words.as_of_text(as_of)}", ref=trial.id, tone="muted") if as_of else Span("date of the record not read", tone="muted")
    ]
    if _old(trial, newest):
        said.append(Span("an old record: look it up", tone="muted"))
    if any(row.trial_id == trial.trial_id for row in evidence.shown("contrasts")):
        said.append(Span("results reported", link=pick.TRIAL_LINK.format(trial.trial_id)))
    return said


def _ages(trials: list[Row], newest: date | None, last: list[Row]) -> Iterator[Line]:
    """How old the records are, in one line; ``last`` are the rows that were read on the newest day."""
    if newest is None:
        return
    undated, old = sum(not trial.get("status_as_of") for trial in trials), sum(_old(trial, newest) for trial in trials)
    counts = [
        f"{old} of {len(trials)} records {'is' if old == 1 else 'are'} more than a year older" if old else "",
        f"{undated} {'bears' if undated == 1 else 'bear'} no date" if undated else "",
    ]
    yield line(
        "What was read last for this review is of ",
        Span(words.date_text(newest), ref=pick.addresses(last)),
        *([Span(f"; {', '.join(part for part in counts if part)}", ref=pick.addresses(trials))] if old or undated else []),
        ". On which day the registries were searched was not recorded: look a study up before you refer a patient.",
    )


def _own_sizes(evidence: Evidence, trials: list[Row]) -> Iterator[Line]:
    """Where two sources give another planned number of a study, so that what the table shows is one of two."""
    planned = {trial.trial_id: trial.n_planned for trial in trials if trial.n_planned is not None}
    for row in evidence["discrepancies"]:
        if row.used == "both" and re.search(rf"\b{planned.get(row.get('trial_id'), 'none')}\b", f"{row.stated} {row.against}"):
            yield line(Span(f"{row.subject}: {words.in_sentence(row.stated)}; {words.in_sentence(row.against)}.", ref=row.id))


def _design(trial: Row) -> str:
    """Phase, kind and masking; of a study that is not known to be randomised what was read of its design."""
    phase = f"phase {trial.phase}" if trial.phase else ""
    parts = (
        (phase, KINDS[trial.kind], _masking(trial))
        if trial.kind in pick.RANDOMISED
        else (phase, _masking(trial), words.in_sentence(trial.design))
    )
    return words.at_start(", ".join(part for part in parts if part))


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
    """Reports of a later year on studies with patients of their own, newest first; a scope may hold none."""
    found = []
    for report in evidence["reports"]:
        year = evidence.bibliography.get(report.citation or "", {}).get("year", "")
        if year.isdigit() and int(year) > published and evidence.trial(report).kind not in pick.POOLED:
            found.append((-int(year), evidence.trial(report).acronym.casefold(), report))
    return [
        (
            cell(pick.trial_link(evidence.trial(report))),
            cell(Span(evidence.work(report.citation), ref=report.id, link=report.link)),
            cell(report.kind),
        )
        for _, _, report in sorted(found, key=lambda item: item[:2])
    ]
