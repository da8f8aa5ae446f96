"""Tables of what stands around the trials: how common ILD is, CT patterns, antibodies, instruments, minimal changes."""

from __future__ import annotations

from ..evidence import Evidence, Row
from . import rows as pick
from . import text as words
from .figure import Cell, Column, Figure, Line, Span, cell, figure_name, line
from .tables import table_figure

_NOT_READ = Span("not read", tone="muted")


def _diseases(row: Row) -> Span:
    return Span(", ".join(row.disease), tone="muted")


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


def prevalence_table(evidence: Evidence) -> Figure:
    """How common ILD is in each disease, in whom, and how it was looked for."""
    rows = sorted(evidence["prevalence"], key=lambda row: words.disease_order(row.disease))
    body = []
    for row in rows:
        share = (
            f"{words.number_text(row.estimate)}{row.unit}{_interval(row)}"
            if row.estimate is not None
            else _range(row.low, row.high, row.unit)
        )
        if row.kind == "upper limit" and row.low is not None:
            share = f"up to {share}"
        counted = [Span(f"n {row.n}", ref=row.id, tone="muted")] if row.n is not None else []
        body.append(
            (
                cell(", ".join(row.disease)),
                cell(Span(row.population, ref=row.id), *counted),
                cell(Span(words.at_start(row.basis), ref=row.id)),
                cell(Span(share, ref=row.id), Span(row.kind, tone="muted")) if share else cell(_NOT_READ),
                cell(Span(row.comment, ref=row.id)) if row.comment else cell(Span("–", tone="muted")),
                cell(words.verification_text(evidence, row)),
            )
        )
    heads = ("Disease", "Patients", "ILD found", "Share with ILD", "Comment", "Read")
    return table_figure(
        figure_name(evidence, "prevalence"),
        "How common ILD is. Figures depend on how it was looked for and in whom; they are no ranking of diseases.",
        tuple(Column(head) for head in heads), body, evidence, rows,
        empty="No estimate of how common ILD is stands in the dataset for this scope.",
    )  # fmt: skip


def patterns_table(evidence: Evidence) -> Figure:
    """Which CT patterns are common in which disease: their order, and their shares where a source counted them."""
    groups: dict[tuple, list[Row]] = {}
    for row in evidence["ct_patterns"]:
        groups.setdefault((row.disease, row.source_id), []).append(row)
    body = []
    for (disease, _), members in sorted(groups.items(), key=lambda item: words.disease_order(item[0][0])):
        ranked = sorted((row for row in members if row["rank"] is not None), key=lambda row: row["rank"])
        counted = [row for row in members if row.percent is not None or row.percent_low is not None or row.percent_high is not None]
        counted.sort(key=lambda row: -float(next(v for v in (row.percent, row.percent_high, row.percent_low) if v is not None)))
        body.append(
            (
                cell(", ".join(disease)),
                cell(*(Span(f"{row['rank']}. {row.pattern}", ref=row.id) for row in ranked)) if ranked else cell(_NOT_READ),
                cell(*(Span(f"{row.pattern} {_share(row)}", ref=row.id) for row in counted)) if counted else cell(_NOT_READ),
                cell(*dict.fromkeys(words.verification_text(evidence, row) for row in members)),
            )
        )
    heads = ("Disease", "Order, commonest first", "Share of patients with ILD", "Read")
    return table_figure(
        figure_name(evidence, "ct-patterns"),
        "Patterns of ILD on CT. NSIP: non-specific, UIP: usual, LIP: lymphoid interstitial pneumonia; OP: organising pneumonia.",
        tuple(Column(head) for head in heads), body, evidence, [row for members in groups.values() for row in members],
        empty="No CT pattern stands in the dataset for this scope.",
    )  # fmt: skip


def _share(row: Row) -> str:
    return f"{words.number_text(row.percent)}%" if row.percent is not None else _range(row.percent_low, row.percent_high, "%")


def antibodies_table(evidence: Evidence) -> Figure:
    """What each autoantibody goes with, in whom, and how strongly."""
    rows = list(evidence["autoantibodies"])
    about = words.diseases_of_scope(evidence)
    body = [
        (
            cell(Span(row.antibody, ref=row.id)),
            cell(Span(row.population, ref=row.id), *([_diseases(row)] if set(row.disease) != about else []), *_numbers(row)),
            cell(*_strength(row)),
            cell(words.verification_text(evidence, row)),
        )
        for row in rows
    ]
    heads = ("Antibody", "Patients", "Goes with, and how strongly", "Read")
    return table_figure(
        figure_name(evidence, "antibodies"),
        "Autoantibodies and what they go with. An association is neither a cause nor a test result for one patient.",
        tuple(Column(head) for head in heads), body, evidence, rows,
        empty="No autoantibody stands in the dataset for this scope.", kind="results",
    )  # fmt: skip


def _numbers(row: Row) -> list[Span]:
    if row.n_with is not None and row.n_without is not None:
        return [Span(f"{row.n_with} with and {row.n_without} without ILD", ref=row.id, tone="muted")]
    return [Span(f"n {row.n}", ref=row.id, tone="muted")] if row.n is not None and row.events is None else []


def _strength(row: Row) -> list[Span | Line]:
    """What the antibody goes with: the estimate with its interval, the other group, the p-value; or what the source says; what to know of it."""
    lines = []
    share = row.measure == "% of patients"
    if row.estimate is not None:
        value = words.number_text(row.estimate)
        name = {"OR": f"odds ratio {value}", "fold risk": f"{value}-fold risk", "% of patients": f"{value}%"}.get(row.measure, value)
        counted = f" ({row.events} of {row.n})" if row.events is not None and row.n is not None else ""
        lines.append(Span(f"{name}{counted}{_interval(row)}", ref=row.id))
    elif row.events is not None:
        lines.append(Span(f"{row.events} of {row.n}" if row.n is not None else str(row.events), ref=row.id))
    against = f"{words.number_text(row.comparator_percent)}%" if row.comparator_percent is not None else ""
    if row.comparator_events is not None and row.comparator_n is not None:
        against = (
            f"{against} ({row.comparator_events} of {row.comparator_n})" if against else f"{row.comparator_events} of {row.comparator_n}"
        )
    if row.comparator:
        lines.append(Span(f"against {row.comparator}{f': {against}' if against else ''}", ref=row.id, tone="muted"))
    p = words.p_text(row) if row.p_relation or row.p_value is not None else ""
    if p:
        lines.append(Span(p, ref=row.id))
    if row.says:
        lines.append(Span(row.says, ref=row.id))
    lines += [Span("pooled over studies", tone="muted")] if row.pooled else []
    lines += [Span(row.note, ref=row.id, tone="muted")] if row.note and lines else []
    first, *rest = lines or [Span("share not read" if share else "strength not read", tone="muted")]
    return [line(Span(f"{words.at_start(row.finding)}: ", ref=row.id), first), *rest]


def instruments_table(evidence: Evidence) -> Figure:
    """Each instrument: what it asks, of whom, its scale, its minimal important change, and the trials that used it."""
    rows = list(evidence["instruments"])
    used: list[Row] = list(rows)
    body = []
    for row in rows:
        mcids = [one for one in evidence["mcids"] if row.outcome is not None and one.outcome == row.outcome]
        used += mcids
        body.append(
            (
                cell(Span(row.name, ref=row.id), *([Span(row.abbreviation, ref=row.id, tone="muted")] if row.abbreviation else [])),
                cell(Span(words.at_start(row.domain), ref=row.id)),
                cell(Span(_answered(row), ref=row.id)),
                cell(*_scale(row)),
                cell(*(_change(one, short=True) for one in mcids)) if mcids else cell(_NOT_READ),
                _trials(evidence, row),
                cell(Span(row.validated_in, ref=row.id) if row.validated_in else _NOT_READ, *([Span(f"{row.consensus} of a consensus group agreed on it for CTD-ILD", ref=row.id, tone="muted")] if row.consensus else [])),
                cell(words.verification_text(evidence, row)),
            )
        )  # fmt: skip
    heads = (
        "Instrument",
        "Asks about",
        "Answered by",
        "Scale",
        "Minimal important change",
        "Trials with a result here",
        "Tested in",
        "Read",
    )
    return table_figure(
        figure_name(evidence, "instruments"),
        "Instruments. A minimal important change is what one patient notices, in the population named; it is no threshold between groups.",
        tuple(Column(head) for head in heads), body, evidence, used,
        empty="No instrument stands in the dataset for this scope.", kind="records",
    )  # fmt: skip


def _answered(row: Row) -> str:
    parts = [words.at_start(row.rated_by), f"{row['items']} items" if row["items"] else "", f"about {row.recall}" if row.recall else ""]
    return ", ".join(part for part in parts if part)


def _scale(row: Row) -> list[Span]:
    known = row.scale_low is not None and row.scale_high is not None
    ends = (
        Span(f"{words.number_text(row.scale_low)} to {words.number_text(row.scale_high)}", ref=row.id)
        if known
        else Span("range not read", tone="muted")
    )
    better = Span(f"{row.better} is better" if row.better else "which direction is better: not read", tone="muted")
    return [ends, better]


def _trials(evidence: Evidence, row: Row) -> Cell:
    if row.outcome is None:
        return cell(Span("none", tone="muted"))
    having = {r.trial_id for table in ("contrasts", "arm_results", "statements") for r in evidence.shown(table) if r.outcome == row.outcome}
    trials = sorted((t for t in evidence["trials"] if t.trial_id in having), key=lambda t: (t.year or 9999, t.acronym))
    spans: list[Span | str] = []
    for trial in trials:
        spans += [", " if spans else "", pick.trial_link(trial)]
    return cell(line(*spans)) if spans else cell(Span("none", tone="muted"))


_DIRECTIONS = {"improvement": "Better", "worsening": "Worse", "either": "Either way"}


def _change(row: Row, short: bool = False) -> Line:
    """A minimal important change: direction, size, population where the cell does not say it elsewhere."""
    size = f"{words.number_text(row.point)}" if row.point is not None else ""
    spread = _range(row.low, row.high)
    value = f"{size} ({spread})" if size and spread else size or spread
    unit = words.unit_text(row.unit, row.point)
    text = f"{_DIRECTIONS[row.direction]}: {value} {unit}".rstrip()
    return line(Span(text, ref=row.id), *([Span(f", {row.population}", ref=row.id, tone="muted")] if short else []))


def mcid_table(evidence: Evidence) -> Figure:
    """The minimal important change of each outcome: what one patient notices, in one population, by one anchor."""
    order = {row.outcome: n for n, row in enumerate(evidence["outcomes"])}
    rows = sorted(evidence["mcids"], key=lambda row: order.get(row.outcome, len(order)))
    body = [
        (
            cell(evidence.outcome(row).name),
            cell(Span(row.population, ref=row.id), _diseases(row)),
            cell(_change(row)),
            cell(Span(row.anchor, ref=row.id)) if row.anchor else cell(_NOT_READ),
            cell(words.verification_text(evidence, row)),
        )
        for row in rows
    ]
    return table_figure(
        figure_name(evidence, "mcids"),
        "Minimal important changes: what one patient notices, in the population named. They are no threshold for a difference between groups.",
        tuple(Column(head) for head in ("Outcome", "Estimated in", "Change", "Anchored to", "Read")), body, evidence, rows,
        empty="No minimal important change stands in the dataset for this scope.",
    )  # fmt: skip
