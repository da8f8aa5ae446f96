"""The results on the page of one trial: every comparison and every arm with its variants, what to know of each beside it."""

from __future__ import annotations

from collections.abc import Iterable

from ..evidence import Evidence, Row
from . import rows as pick
from . import text as words
from .figure import Cell, Column, Figure, Line, Span, cell, line
from .tables import table_figure

#: Domains of outcomes in the order of a reader's questions; what describes the patients comes last.
_DOMAINS = (
    "lung function", "symptoms", "function", "health status", "skin", "imaging", "survival", "harms", "treatment", "disposition", "baseline",
)  # fmt: skip
#: Domains whose outcomes are scales, on which a reader may not know which way is better.
_SCALES = ("lung function", "symptoms", "function", "health status", "skin", "imaging")
_COUNTED = ("patients", "events", "% of patients")


def own(evidence: Evidence, table: str, trial: Row) -> list[Row]:
    """The rows of a table that belong to a trial."""
    return [row for row in evidence[table] if row["trial_id"] == trial.trial_id]


def section(evidence: Evidence, trial: Row, name: str, caption: str, columns: Iterable[str], body: list[tuple[Cell, ...]],
            rows: list[Row], kind: str = "", notes: Iterable[Line] = ()) -> Figure | None:  # fmt: skip
    """A table of the page; None without a row."""
    if not body:
        return None
    heads = tuple(Column(head) for head in columns)
    notes = (*notes, *pick.printed_notes(evidence, rows))
    return table_figure(f"{name}-{trial.trial_id}", f"{trial.acronym}: {caption}.", heads, body, evidence, rows, notes, kind=kind)


def note_spans(rows: Iterable[Row]) -> list[Span]:
    """What to know of rows, each note once, with real minus signs."""
    notes: dict[str, list[Row]] = {}
    for row in rows:
        if row.note:
            notes.setdefault(row.note, []).append(row)
    return [Span(words.with_minus(note), ref=addresses(about), tone="muted") for note, about in notes.items()]


def addresses(rows: Iterable[Row]) -> tuple[str, ...]:
    """The addresses of rows but the withheld ones: nothing leads to those."""
    return pick.addresses(row for row in rows if not row.withheld)


def in_order(evidence: Evidence, rows: list[Row]) -> list[Row]:
    """Rows as a reader asks: the primary outcome in all patients, then by domain, all patients before groups, then the order of the file."""

    def place(row: Row) -> tuple:
        whole = evidence.cohort(row).kind == "all"
        primary = row.get("role") in ("primary", "co-primary") and whole
        domain = "baseline" if row.get("role") == "baseline" else evidence.outcome(row).domain
        return (not primary or domain == "baseline", _DOMAINS.index(domain), not whole)

    return sorted(rows, key=place)


def outcome_spans(evidence: Evidence, row: Row, told: set[str] | None = None) -> list[Span]:
    """The name of an outcome; of a scale also which way is better, once in a table that keeps ``told``."""
    about = evidence.outcome(row)
    spans = [Span(about.name)]
    if told is not None and about.better and about.domain in _SCALES and about.unit not in _COUNTED and about.outcome not in told:
        told.add(about.outcome)
        spans.append(Span(f"{about.better} is better", tone="muted"))
    return spans


def _standing(evidence: Evidence, rows: list[Row]) -> list[Span]:
    """What sets rows apart from those that displays use, and what to know of them, each thing once; what is not about all
    arms names those that it is about."""
    said: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row.withheld:
            said.setdefault(("withheld: sources disagree", "strong"), []).append(row)
        elif not row.preferred:
            said.setdefault(("another version, not used in charts", "muted"), []).append(row)
        p_note = f"p-value: {words.in_sentence(row.p_note)}" if row.get("p_note") not in (None, "nominal") else ""  # that stands before p
        for text in (row.derivation, p_note, row.note):
            if text:
                said.setdefault((text, "muted"), []).append(row)
    spans = []
    for (text, tone), about in said.items():
        if rows[0].table == "arm_results" and {row.arm for row in about} != {row.arm for row in rows}:
            arms = pick.sentence_list(list(dict.fromkeys(words.arm_text(evidence, row) for row in about)))
            text = f"{words.at_start(arms)}: {words.in_sentence(text)}"
        spans.append(Span(words.with_minus(text), ref=addresses(about), tone=tone))
    return [*spans, *(_in_words(evidence, rows[0]) if rows[0].withheld else ())]


def _in_words(evidence: Evidence, row: Row) -> list[Span]:
    """What a source says in words of a quantity whose figures are withheld."""
    about = ("trial_id", "cohort", "outcome")
    said = (one for one in evidence.shown("statements") if all(one[name] == row[name] for name in about))
    return [Span(f"In words: {words.with_minus(words.in_sentence(one.says))}", ref=one.id) for one in said]


def _about(evidence: Evidence, rows: list[Row], told: set[str]) -> list[Span]:
    row = rows[0]
    group = words.cohort_text(evidence, row)
    time, role = words.time_text(row) or "time not read", row.role if row.role == "co-primary" else row.role.replace("-", " ")
    parts = [group, time, "" if role in group or role in time else role]
    when = Span(", ".join(part for part in parts if part), ref=addresses(rows), tone="muted")
    name, *better = outcome_spans(evidence, row, told)
    return [name, when, *better]


def _figures(row: Row, text: str) -> Span:
    return Span("withheld", tone="muted") if row.withheld else pick.figure_span(row, text or "not read")


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


def _groups(rows: Iterable[Row], key) -> list[list[Row]]:
    """Rows that share a line; the withheld ones of one quantity share one, since nothing tells them apart."""
    groups: dict[tuple, list[Row]] = {}
    for row in rows:
        same = (row.cohort, row.outcome, row.text("weeks"), row.text("weeks_to"), row.time_kind)
        groups.setdefault((*same, "withheld") if row.withheld else key(row), []).append(row)
    return list(groups.values())


def contrasts(evidence: Evidence, trial: Row) -> Figure | None:
    """Every comparison of two arms."""
    rows = in_order(evidence, own(evidence, "contrasts", trial))
    body, told = [], set()
    for same in _groups(rows, lambda row: row.id):
        row = same[0]
        n = f"n {row.n_a} and {row.n_b}" if row.n_a is not None and row.n_b is not None else ""
        estimand = "what is compared was not read" if row.estimand == "not reported" else row.estimand
        parts = () if row.withheld else (n, _direction(evidence, row), estimand, _ANALYSED.get(row.analysis_set, ""))
        tail = ", ".join(part for part in parts if part)
        body.append(
            (
                cell(*_about(evidence, same, told)),
                cell(*dict.fromkeys(words.comparison_text(evidence, one) for one in same)),
                cell(
                    _figures(row, words.result_text(row)),
                    *([Span(tail, ref=addresses([row]), tone="muted")] if tail else []),
                    *_standing(evidence, same),
                ),
                cell(*dict.fromkeys(words.verification_text(evidence, one) for one in same)),
            )
        )
    columns = ("Outcome", "Arms", "Difference", "Read")
    return section(evidence, trial, "contrasts", "differences between the arms", columns, body, rows, "results")


def _direction(evidence: Evidence, row: Row) -> str:
    """Which arm a comparison favours; where only a p-value was read, in which arm the figure is lower."""
    favours = words.direction_text(evidence, row)
    arms = pick.arms_of(evidence, row) if not favours and row.estimate is None else []
    shown = [(_compared(arm), arm) for arm in arms]
    if len(shown) != 2 or None in (shown[0][0], shown[1][0]) or shown[0][0] == shown[1][0]:
        return favours
    lower = min(shown, key=lambda one: one[0])[1]
    return f"lower with {words.arm_text(evidence, lower)}, by the results in each arm"


def _compared(arm: Row) -> float | None:
    """The figure of an arm that may be set beside that of another: its value or its patients per 100."""
    if arm.value is not None:
        return float(arm.value)
    rate = words.rate_per_100(arm)
    return rate.value if rate is not None else None


def results(evidence: Evidence, trial: Row) -> Figure | None:
    """Every result of an arm, the arms of one quantity on one line."""
    rows = in_order(evidence, own(evidence, "arm_results", trial))
    body, told = [], set()
    for same in _groups(rows, lambda row: (row.cohort, row.outcome, _variant(row), row.time_kind)):
        if same[0].withheld:
            arms = pick.sentence_list(list(dict.fromkeys(words.arm_text(evidence, row) for row in same)))
            lines = [line(f"{words.at_start(arms)}: ", Span("withheld", tone="muted"))]
        else:
            lines = [(Span(f"{words.at_start(words.arm_text(evidence, row))}: "), _figures(row, _in_arm(evidence, row))) for row in same]
        body.append(
            (
                cell(*_about(evidence, same, told)),
                cell(*lines, *_standing(evidence, same)),
                cell(*dict.fromkeys(words.verification_text(evidence, row) for row in same)),
            )
        )
    caption = "results in each arm; figures in one arm are no comparison"
    return section(evidence, trial, "results", caption, ("Outcome", "In each arm", "Read"), body, rows, "results")


def _variant(row: Row) -> str:
    """What the address of an arm's result has between outcome and arm."""
    return row.id.removesuffix(f".{row.arm}").partition(f".{row.outcome}.")[2]


def _in_arm(evidence: Evidence, row: Row) -> str:
    """The figure of an arm, with what it is: ``adjusted mean change −52.4 mL (SE 13.8) (n 288)``, ``33 patients, of how many was not read``."""
    if row.value is None:
        share = words.counts_patients(row) and evidence.outcome(row).domain != "disposition"
        unknown = share and row.events is not None and row.n is None and row.percent is None
        return words.per_100(row) or words.result_text(row) + (", of how many was not read" if unknown else "")
    kind = row.statistic if row.statistic not in ("percent", "count") else ""
    n = f" (n {row.n})" if row.n is not None else ""
    return " ".join(part for part in (row.model, kind, words.result_text(row)) if part) + n
