"""Tables of what stands around the trials: how common ILD is, CT patterns, antibodies, instruments, minimal changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ..evidence import Evidence, Row
from . import rows as pick
from . import text as words
from .figure import Cell, Column, Figure, Line, Span, cell, figure_name, joined, line
from .matrix import Field, fields_by_trial
from .tables import LONG, opens, table_figure

_NOT_READ = Span("not read", tone="muted")


def _interval(row: Row) -> str:
    if row.ci_low is None or row.ci_high is None:
        return ""
    level = f"{words.number_text(row.ci_level)}% CI" if row.ci_level is not None else "interval"
    return f" ({level} {words.number_text(row.ci_low)} to {words.number_text(row.ci_high)})"


def _range(low: object, high: object, tail: str = "") -> str:
    """``30 to 40%``; one end alone says which it is."""
    if low is not None and high is not None:
        return f"{words.number_text(low)} to {words.number_text(high)}{tail}"
    if high is not None:
        return f"up to {words.number_text(high)}{tail}"
    return f"from {words.number_text(low)}{tail}" if low is not None else ""


def _in_article(row: Row) -> bool:
    return row.verification == "review"


def _by_disease(rows: Iterable[Row]) -> list[tuple[tuple[str, ...], list[Row]]]:
    """Diseases in the order of tables, with their rows as the file has them."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(row.disease, []).append(row)
    return sorted(groups.items(), key=lambda item: words.disease_order(item[0]))


def _read_elsewhere(evidence: Evidence, rows: Iterable[Row]) -> list[Line]:
    """One line that names what was read beside the source article."""
    sources = dict.fromkeys(evidence.source(row) for row in rows if not _in_article(row))
    named = joined("; ", (line(Span(one.title, link=one.link), f", {words.read_in_text(one)}") for one in sources))
    return [line("Elsewhere: ", *named, ".")] if sources else []


def prevalence_table(evidence: Evidence) -> Figure:
    """How common ILD is in each disease: as the source article has it, and elsewhere; in whom, and how it was looked for."""
    rows = list(evidence["prevalence"])
    body = []
    for disease, members in _by_disease(rows):
        named = sorted(members, key=_in_article)[-1]
        body.append(
            (
                cell(line(Span(named.population, ref=named.id), Span(f" {', '.join(disease)}", tone="muted"))),
                _how_common([row for row in members if _in_article(row)], named, "not on its list"),
                _how_common([row for row in members if not _in_article(row)], named, "not read"),
            )
        )
    return table_figure(
        figure_name(evidence, "prevalence"),
        "How many patients have ILD. Figures depend on how it was looked for and in whom; they are no ranking of diseases.",
        tuple(Column(head) for head in ("Disease", "Source article", "Elsewhere")), body, evidence, rows, tuple(_read_elsewhere(evidence, rows)),
        empty="No estimate of how common ILD is stands in the dataset for this scope.",
    )  # fmt: skip


#: How it was looked for, where the kind of the figure does not say it.
_BASES = {
    "not stated": "how it was looked for is not stated",
    "not read": "how it was looked for was not read",
    "as in the studies pooled": "",
}


def _how_common(rows: list[Row], named: Row, hole: str) -> Cell:
    """Each share and how it was found; in whom, where that is not the name of the disease; a comment on several of them once."""
    lines: list[Line] = []
    for n, row in enumerate(rows):
        if row.estimate is not None:
            share = f"{words.number_text(row.estimate)}{row.unit}{_interval(row)}"
        else:
            share = f"{'up to ' if row.kind == 'upper limit' and row.low is not None else ''}{_range(row.low, row.high, row.unit)}"
        kind = "" if row.kind in ("range", "upper limit") else row.kind
        about = ", ".join(part for part in (kind, _BASES.get(row.basis, row.basis)) if part)
        lines.append(line(Span(share or "share not read", ref=row.id), *([Span(f", {about}", ref=row.id, tone="muted")] if about else [])))
        population = row.population if row.population != named.population else ""
        whom = ", ".join(part for part in (population, f"n{words.NO_BREAK}{row.n}" if row.n is not None else "") if part)
        alike = [other for other in rows[n:] if other.comment == row.comment]
        comment = row.comment if len(alike) == 1 else ""
        about_all = pick.addresses(other for other in rows if other.comment == row.comment)
        lines += [line(Span(text, ref=ref, tone="muted")) for text, ref in ((whom, row.id), (comment, about_all)) if text]
    return cell(*lines) if lines else cell(Span(hole, tone="muted"))


def patterns_table(evidence: Evidence) -> Figure:
    """Which CT patterns are common in which disease: their order in the source article, and elsewhere order and share."""
    rows = list(evidence["ct_patterns"])
    notes: dict[str, list[Row]] = {}
    for row in rows:
        if row.note and not _in_article(row):
            notes.setdefault(row.note, []).append(row)
    body = [
        (
            cell(", ".join(disease)),
            _order([row for row in members if _in_article(row)], "not on its list"),
            _order([row for row in members if not _in_article(row)], "not read", notes),
        )
        for disease, members in _by_disease(rows)
    ]
    said = [
        line(f"{pick.sentence_list([', '.join(row.disease) for row in about])}: ", Span(words.in_sentence(note), ref=pick.addresses(about)))
        for note, about in notes.items()
        if len(about) > 1
    ]
    return table_figure(
        figure_name(evidence, "ct-patterns"),
        "Patterns of ILD on CT, the commonest first. NSIP: non-specific, UIP: usual, LIP: lymphoid interstitial pneumonia; OP: organising pneumonia.",
        tuple(Column(head) for head in ("Disease", "Source article", "Elsewhere")), body, evidence, rows, (*said, *_read_elsewhere(evidence, rows)),
        empty="No CT pattern stands in the dataset for this scope.",
    )  # fmt: skip


def _order(rows: list[Row], hole: str, notes: Mapping[str, Sequence[Row]] | None = None) -> Cell:
    """``NSIP and UIP alike, then OP``; ``NSIP first, in 27 to 76%``; patterns without a place come last. Of ``notes``, with the rows that
    each is about, those on one row alone stand below."""
    places: dict[int | None, list[Row]] = {}
    for row in sorted(rows, key=lambda row: (row["rank"] is None, row["rank"] or 0)):
        places.setdefault(row["rank"], []).append(row)
    parts = []
    for rank, members in places.items():
        alike = " alike" if len(members) > 1 and rank is not None else ""
        first = " first" if rank == 1 and len(rows) == 1 else ""
        named = [Span(f"{row.pattern}{first}{f', in {_share(row)}' if _share(row) else ''}", ref=row.id) for row in members]
        parts.append(line(*joined(" and ", named), alike))
    alone = [Span(row.note, ref=row.id, tone="muted") for row in rows if len((notes or {}).get(row.note or "", ())) == 1]
    return cell(joined(", then ", parts), *alone) if parts else cell(Span(hole, tone="muted"))


def _share(row: Row) -> str:
    return f"{words.number_text(row.percent)}%" if row.percent is not None else _range(row.percent_low, row.percent_high, "%")


def antibodies_table(evidence: Evidence) -> Figure:
    """What each autoantibody goes with, in whom, and how strongly: study by study, within each disease."""
    rows = [row for _, members in _by_disease(evidence["autoantibodies"]) for row in members]
    studies: dict[tuple, list[Row]] = {}
    for row in rows:
        studies.setdefault((row.disease, row.source_id, row.population), []).append(row)
    body = [(_patients(members), cell(*_associations(members)), _study(evidence, members)) for members in studies.values()]
    heads = ("Patients", "Antibody, what it goes with, and how strongly", "Study")
    return table_figure(
        figure_name(evidence, "antibodies"),
        "Autoantibodies and what they go with, study by study. An association is neither a cause nor a test result for one patient.",
        tuple(Column(head) for head in heads), body, evidence, rows,
        empty="No autoantibody stands in the dataset for this scope.", kind="results", fold=opens(len(body), "study", "studies") if len(body) > LONG else "",
    )  # fmt: skip


def _patients(rows: list[Row]) -> Cell:
    """In whom a study looked, with its disease, and how many; a number that is part of a share stands there."""
    numbers: dict[str, list[Row]] = {}
    for row in rows:
        if row.n_with is not None and row.n_without is not None:
            numbers.setdefault(f"{row.n_with} with and {row.n_without} without ILD", []).append(row)
        elif row.n is not None and row.events is None:
            numbers.setdefault(f"n{words.NO_BREAK}{row.n}", []).append(row)
    named = line(Span(rows[0].population, ref=pick.addresses(rows)), Span(f" {', '.join(rows[0].disease)}", tone="muted"))
    return cell(named, *(Span(text, ref=pick.addresses(about), tone="muted") for text, about in numbers.items()))


def _study(evidence: Evidence, rows: list[Row]) -> Cell:
    source = evidence.source(rows[0])
    return cell(
        Span(source.title, ref=pick.addresses(rows), link=source.link), Span(words.verification_text(evidence, rows[0]), tone="muted")
    )


def _associations(rows: list[Row]) -> list[Line]:
    """The findings of a study, each behind its antibody; what is to know of all of them once, at the end."""
    lines: list[Line] = []
    for before, row in zip([None, *rows], rows, strict=False):
        named = [] if before is not None and before.antibody == row.antibody else [Span(f"{row.antibody}. ", ref=row.id, tone="strong")]
        note = [Span(f" {row.note}", ref=row.id, tone="muted")] if row.note and not _shared_note(rows) else []
        lines.append(line(*named, Span(f"{words.at_start(row.finding)}: ", ref=row.id), *joined("; ", _strength(row)), ".", *note))
    about = [] if not rows[0].pooled else ["Pooled over studies."]
    about += [rows[0].note] if rows[0].note and _shared_note(rows) else []
    return [*lines, line(Span(" ".join(about), ref=pick.addresses(rows), tone="muted"))] if about else lines


def _shared_note(rows: list[Row]) -> bool:
    return len({row.note for row in rows}) == 1


def _strength(row: Row) -> list[Span]:
    """How strongly: the estimate with its interval, the other group, the p-value; or what the source says."""
    found = []
    share = row.measure == "% of patients"
    if row.estimate is not None:
        value = words.number_text(row.estimate)
        # A ratio from logistic regression is one of odds, whatever its source calls it.
        name = {"OR": f"odds ratio {value}", "fold risk": f"{value}-fold odds, printed as risk", "% of patients": f"{value}%"}
        counted = f" ({row.events} of {row.n})" if row.events is not None and row.n is not None else ""
        found.append(Span(f"{name.get(row.measure, value)}{counted}{_interval(row)}", ref=row.id))
    elif row.events is not None:
        found.append(Span(f"{row.events} of {row.n}" if row.n is not None else str(row.events), ref=row.id))
    against = f"{words.number_text(row.comparator_percent)}%" if row.comparator_percent is not None else ""
    if row.comparator_events is not None and row.comparator_n is not None:
        counts = f"{row.comparator_events} of {row.comparator_n}"
        against = f"{against} ({counts})" if against else counts
    if row.comparator:
        other = row.comparator if row.comparator.startswith("without ") else f"against {row.comparator}"
        found.append(Span(f"{other}{f': {against}' if against else ''}", ref=row.id))
    if row.says:
        found.append(Span(words.in_sentence(row.says), ref=row.id))
    if row.p_relation or row.p_value is not None:
        found.append(Span(words.p_text(row), ref=row.id))
    return found or [Span("share not read" if share else "strength not read", tone="muted")]


def instruments_table(evidence: Evidence) -> Figure:
    """Each instrument: what it asks, of whom, its scale, its minimal important change, the trials that used it and what came out."""
    rows = list(evidence["instruments"])
    used: list[Row] = list(rows)
    outcomes = fields_by_trial(evidence)
    body = []
    for row in rows:
        mcids = [one for one in evidence["mcids"] if row.outcome is not None and one.outcome == row.outcome]
        used += mcids
        agreed = f"{row.consensus} of a consensus group agreed on it for CTD-ILD" if row.consensus else ""
        short = row.abbreviation if row.abbreviation and row.abbreviation not in row.name else ""
        body.append(
            (
                cell(Span(row.name, ref=row.id), *([Span(short, ref=row.id, tone="muted")] if short else [])),
                cell(Span(words.at_start(row.domain), ref=row.id)),
                cell(Span(_answered(row), ref=row.id), *_scale(row)),
                cell(*_trials(evidence, row, outcomes)),
                cell(*(_change(one) for one in mcids)) if mcids else cell(_NOT_READ),
                cell(
                    Span(words.at_start(row.validated_in), ref=row.id) if row.validated_in else _NOT_READ,
                    *([Span(agreed, ref=row.id, tone="muted")] if agreed else []),
                ),
                cell(words.at_start(words.verification_text(evidence, row))),
            )
        )
    heads = ("Instrument", "Asks about", "Answered by, and scale", "What trials showed", "Minimal important change", "Tested in", "Read")
    return table_figure(
        figure_name(evidence, "instruments"),
        "Instruments. A minimal important change is what one patient notices, in the population named; it is no threshold between groups.",
        tuple(Column(head) for head in heads), body, evidence, used, (line(_SIGNS_OF_CHANGE),) if any(row.table == "mcids" for row in used) else (),
        empty="No instrument stands in the dataset for this scope.", kind="facts",
    )  # fmt: skip


_SIGNS_OF_CHANGE = (
    "Minimal important changes stand as printed: some sources print the size of a worsening, others put a minus sign before it."
)


def _answered(row: Row) -> str:
    parts = [words.at_start(row.rated_by)]
    if row["items"]:
        parts.append(f"{row['items']} item" if row["items"] == "1" else f"{row['items']} items")
    if row.recall:
        parts.append(f"about the {row.recall}" if row.recall.startswith("past") else f"about {row.recall}")
    return ", ".join(parts)


def _scale(row: Row) -> list[Span]:
    known = row.scale_low is not None and row.scale_high is not None
    ends = (
        Span(f"{words.number_text(row.scale_low)} to {words.number_text(row.scale_high)}", ref=row.id)
        if known
        else Span("range not read", tone="muted")
    )
    better = Span(f"{row.better} is better", ref=row.id) if row.better else Span("direction not read", tone="muted")
    return [better, ends]


def _trials(evidence: Evidence, row: Row, outcomes: dict[tuple[str, str], Field]) -> list[Line]:
    """Verdict by verdict the randomised trials; then those whose results have no verdict here, and other studies."""
    having = {r.trial_id for table in ("contrasts", "arm_results", "statements") for r in evidence.shown(table) if r.outcome == row.outcome}
    trials = sorted((t for t in evidence["trials"] if t.trial_id in having), key=lambda t: (t.year or 9999, t.acronym))
    said: dict[str, list[Row]] = {}
    for trial in trials if row.outcome is not None else ():
        field = outcomes.get((trial.trial_id, row.outcome))
        said.setdefault(field.said if field else "other results", []).append(trial)
    order = sorted(said, key=lambda text: text == "other results")
    lines = [
        line(
            Span(f"{words.at_start(text)}: ", tone="muted", ref=pick.addresses(
                [r for trial in said[text] if (trial.trial_id, row.outcome) in outcomes for r in outcomes[trial.trial_id, row.outcome].rows]
            ) or None),
            *joined(", ", (pick.trial_link(trial) for trial in said[text])),
        )
        for text in order
    ]  # fmt: skip
    return lines or [line(Span("no result here", tone="muted"))]


_DIRECTIONS = {"improvement": "Better", "worsening": "Worse", "either": "Either way"}


def _change(row: Row) -> Line:
    """A minimal important change: direction, size, and in whom."""
    size = f"{words.number_text(row.point)}" if row.point is not None else ""
    spread = _range(row.low, row.high)
    value = f"{size} ({spread})" if size and spread else size or spread
    unit = words.unit_text(row.unit, row.point)
    text = f"{_DIRECTIONS[row.direction]}: {value} {unit}".rstrip()
    return line(Span(text, ref=row.id), Span(f", {row.population}", ref=row.id, tone="muted"))


def mcid_table(evidence: Evidence) -> Figure:
    """The minimal important changes of each outcome: what one patient notices, in one population, by one anchor."""
    rows = list(evidence["mcids"])
    body = []
    for outcome in evidence["outcomes"]:
        members = [row for row in rows if row.outcome == outcome.outcome]
        if members:
            better = [Span(f"{outcome.better} is better", tone="muted")] if outcome.better else []
            body.append((cell(outcome.name, *better), cell(*(one for row in members for one in _minimal(evidence, row)))))
    return table_figure(
        figure_name(evidence, "mcids"),
        "Minimal important changes: what one patient notices, in the population named. They are no threshold for a difference between groups.",
        (Column("Outcome"), Column("Change, in whom, and how it was found")), body, evidence, rows, (line(_SIGNS_OF_CHANGE),),
        empty="No minimal important change stands in the dataset for this scope.",
    )  # fmt: skip


def _minimal(evidence: Evidence, row: Row) -> list[Line]:
    """A minimal important change, then how it was found and what to know of it."""
    found = row.anchor or "not read"
    by = f"How it was found: {found}" if found.startswith("not") else f"Found by: {found}"
    how = "; ".join(part for part in (by, words.in_sentence((row.note or "").rstrip("."))) if part)
    return [
        _change(row),
        line(Span(f"{how}; {words.verification_text(evidence, row)}", ref=row.id, tone="muted")),
    ]
