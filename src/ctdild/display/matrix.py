"""What patients reported, at a glance: outcomes against trials."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from ..evidence import Evidence, Row
from ..measures import includes_null
from . import rows as pick
from . import text as words
from . import theme
from .figure import Column, Figure, Line, Span, Table, cell, figure_name, line, sources_of
from .svg import Drawing
from .tables import SYMPTOM_DOMAINS, result_lines

#: What a field of the matrix says: its sign, and the sign in words.
SIGNS = {
    "favoured": ("▲", "the treatment under test was favoured"),
    "comparator": ("▼", "the comparator was favoured"),
    "in part": ("◐", "favoured at one time or in one analysis, not in another, or not sustained"),
    "no difference": ("○", "no difference shown"),
    "untested": ("•", "figures or words without a test between the arms"),
}
_NONE = "–"


@dataclass(frozen=True)
class Field:
    """One outcome in one trial: what came out, in which words, and the rows that say so."""

    verdict: str
    said: str
    rows: tuple[Row, ...]


def pro_matrix(evidence: Evidence) -> Figure:
    """Which symptoms, functions and health states each randomised trial compared, and what came out.

    Whole trials only. "No difference shown" is an interval that includes no difference, a p-value of 0.05 or more, or the
    word of the source; it is no proof that there is none.
    """
    fields = fields_by_trial(evidence)
    name = figure_name(evidence, "pro-matrix")
    if not fields:
        nothing = "No patient-reported outcome of a randomised trial is in the dataset for this scope."
        return Figure(name, nothing, nothing)
    trials = [trial for trial in pick.trials_in_order(evidence) if any(t == trial.trial_id for t, _ in fields)]
    outcomes = [
        row
        for domain in SYMPTOM_DOMAINS
        for row in evidence["outcomes"]
        if row.domain == domain and any(o == row.outcome for _, o in fields)
    ]
    caption = f"Symptoms, function and health status: {len(outcomes)} outcomes in {len(trials)} randomised {'trial' if len(trials) == 1 else 'trials'}."
    if len(outcomes) == 1:
        caption = caption.replace("1 outcomes", "1 outcome")
    signs = "; ".join(f"{sign} {text}" for sign, text in SIGNS.values())
    legend = line(
        Span(
            f"{signs}; {_NONE} not measured or not read. Which arm was favoured, and how it was read, stands in the data table.",
            tone="drawn",
        )
    )
    order = [(trial.trial_id, row.outcome) for row in outcomes for trial in trials if (trial.trial_id, row.outcome) in fields]
    said = f"Outcomes against trials: {'; '.join(_alt(evidence, key, fields[key]) for key in order)}."
    body = tuple(
        (
            cell(evidence.row(outcome).name),
            cell(pick.trial_link(evidence.row(trial_id))),
            cell(*_said(evidence, fields[trial_id, outcome])),
            cell(*dict.fromkeys(words.verification_text(evidence, row) for row in fields[trial_id, outcome].rows)),
        )
        for trial_id, outcome in order
    )
    table = Table("What each trial showed", (Column("Outcome"), Column("Trial"), Column("What came out"), Column("Read")), body)
    used = [row for key in order for row in fields[key].rows]
    wide, narrow = (_draw(evidence, outcomes, trials, fields, layout, name) for layout in (theme.WIDE, theme.NARROW))
    notes = [*_silent(evidence, trials, outcomes), *pick.printed_notes(evidence, used)]
    return Figure(name, caption, said, table, wide, narrow, sources_of(evidence, used), tuple(notes), legend)


def fields_by_trial(evidence: Evidence) -> dict[tuple[str, str], Field]:
    """What came out in whole randomised trials: (trial, outcome of symptoms, function or health status) -> verdict."""
    found: dict[tuple[str, str], list[Row]] = {}
    rows = [
        *pick.by_domain(evidence, pick.preferred(evidence, "contrasts"), SYMPTOM_DOMAINS),
        *pick.statements(evidence, SYMPTOM_DOMAINS),
        *(r for r in pick.by_domain(evidence, pick.preferred(evidence, "arm_results"), SYMPTOM_DOMAINS) if r.weeks != 0),
    ]
    for row in rows:
        if evidence.cohort(row).kind in ("all", "disease"):
            found.setdefault((row.trial_id, row.outcome), []).append(row)
    return {key: _field(evidence, members) for key, members in found.items()}


def _field(evidence: Evidence, rows: list[Row]) -> Field:
    """The verdict of an outcome in a trial: comparisons and what sources say of them, then what leans to an arm without a test.

    Figures in the arms stand beside each verdict; words that only describe stand alone, or beside words without a test.
    """
    verdicts = [(_verdict(evidence, row), row) for row in rows]
    kinds = {verdict for verdict, _ in verdicts}
    favoured = [row for verdict, row in verdicts if verdict in ("favoured", "comparator")]
    shown = tuple(row for verdict, row in verdicts if verdict != "untested" or row.table != "statements" or row.favours)
    if "in part" in kinds or len(kinds & {"favoured", "comparator", "no difference"}) > 1:
        split = [row for row in rows if row.table == "statements" and row.verdict == _SPLIT]
        said = _favoured(evidence, split, " in one analysis, not in another") or _favoured(evidence, favoured, " at one time")
        return Field("in part", said or SIGNS["in part"][1], shown)
    for kind in ("favoured", "comparator", "no difference"):
        if kind in kinds:
            return Field(kind, _favoured(evidence, favoured) or SIGNS[kind][1], shown)
    leaning = dict.fromkeys(words.favours_text(evidence, row) for row in rows if row.table == "statements" and row.favours)
    said = pick.sentence_list([text.replace("leans", "leaned") for text in leaning])
    return Field("untested", said or SIGNS["untested"][1], tuple(rows))


#: What a source says of a result that favours an arm in one analysis and not in another.
_SPLIT = "depends on the analysis"


def _side(evidence: Evidence, row: Row) -> str:
    """The verdict of a row that favours an arm."""
    address = f"{row.trial_id}/{row.favours}"
    if address not in evidence:
        return "untested"
    return "favoured" if evidence.row(address).role == "intervention" else "comparator"


def _verdict(evidence: Evidence, row: Row) -> str:
    if row.table == "statements":
        if row.caution == "no test read":
            return "untested"
        known = {"favours": _side(evidence, row), "no difference shown": "no difference", "not sustained": "in part", _SPLIT: "in part"}
        return known.get(row.verdict, "untested")
    if row.table == "arm_results":
        return "untested"
    reaches = includes_null(row)
    if reaches is not None:
        return "no difference" if reaches else _side(evidence, row)
    if row.p_relation == "ns" or (row.p_value is not None and row.p_relation == "=" and row.p_value >= 0.05):
        return "no difference"
    return _side(evidence, row) if row.p_value is not None and row.p_value < 0.05 else "untested"


def _favoured(evidence: Evidence, rows: list[Row], tail: str = "") -> str:
    arms = list(dict.fromkeys(words.favours_text(evidence, row).removeprefix("favours ") for row in rows if row.favours))
    return f"favoured {pick.sentence_list(arms)}{tail}" if arms else ""


def _said(evidence: Evidence, field: Field) -> list[Line]:
    """The verdict in words, then what it rests on."""
    return [line(Span(words.at_start(field.said), tone="strong")), *result_lines(evidence, field.rows)]


def _alt(evidence: Evidence, key: tuple[str, str], field: Field) -> str:
    trial_id, outcome = key
    return f"{evidence.row(outcome).short}, {evidence.row(trial_id).acronym}: {field.said}"


def _silent(evidence: Evidence, trials: list[Row], outcomes: list[Row]) -> list[Line]:
    """Trials without a patient-reported result here, and instruments that none of the trials has a result of.

    An instrument of another domain (the skin score) is none of them: its results stand elsewhere.
    """
    notes = []
    without = [t.acronym for t in pick.trials_in_order(evidence) if t not in trials]
    if without:
        notes.append(line(f"Nothing of the kind was read of {pick.sentence_list(without)}."))
    shown = {row.outcome for row in outcomes} | {row.outcome for row in evidence["outcomes"] if row.domain not in SYMPTOM_DOMAINS}
    unused = [row.abbreviation or row.name for row in evidence["instruments"] if row.outcome not in shown]
    if unused:
        notes.append(line(f"Instruments of this review without a result of these trials: {pick.sentence_list(unused)}."))
    return notes


def _draw(evidence: Evidence, outcomes: list[Row], trials: list[Row], fields: dict[tuple[str, str], Field],
          layout: theme.Layout, name: str) -> str:  # fmt: skip
    """The matrix: outcomes down, trials across; on a phone the name of an outcome stands over its line."""
    wide = layout is theme.WIDE
    drawing = Drawing(layout, 0, 0, (0.0, float(layout.width)))
    left = 190 if wide else 0
    column = min((layout.width - left) / len(trials), 90)
    small_step = layout.small + 4
    # Acronyms are single words in small type: half the size a character is near enough.
    fits = int((column - 2) / (0.5 * layout.small))
    heads = [textwrap.wrap(trial.acronym, max(fits, 1), break_long_words=False, break_on_hyphens=False) for trial in trials]
    turned = any(len(part) > fits for head in heads for part in head)
    depth = max(len(t.acronym) for t in trials) * theme.CHARACTER * layout.small if turned else max(map(len, heads)) * small_step
    y = 8.0
    for number, domain in enumerate(SYMPTOM_DOMAINS):
        rows = [row for row in outcomes if row.domain == domain]
        if not rows:
            continue
        y += 14 if number and y > 8 else 0
        drawing.text(0, y, words.at_start(domain), bold=True)
        y += 0 if wide else layout.size + 4
        for n, (trial, head) in enumerate(zip(trials, heads, strict=True)):
            x = left + column * (n + 0.5)
            if turned:
                drawing.text(x, y + depth - 4, trial.acronym, angle=270, color=theme.MUTED, size=layout.small)
            else:
                for k, part in enumerate(head):
                    drawing.text(x, y + k * small_step, part, align="center", color=theme.MUTED, size=layout.small)
        y += depth + (6 if turned else 2)
        for row in rows:
            drawing.rule(0, layout.width, y - 2, y - 2, at="px", color=theme.GRID, width=1)
            labels = textwrap.wrap(row.short, layout.fits(left - 12 if wide else layout.width, small=True))
            for n, label in enumerate(labels):
                drawing.text(0, y + 10 + n * small_step, label, size=layout.small)
            middle = y + 10 + ((len(labels) - 1) * small_step / 2 if wide else len(labels) * small_step)
            for n, trial in enumerate(trials):
                field = fields.get((trial.trial_id, row.outcome))
                sign = SIGNS[field.verdict][0] if field else _NONE
                ref = pick.addresses(field.rows) if field else None
                color = theme.INK if field else theme.MUTED
                drawing.text(left + column * (n + 0.5), middle, sign, align="center", color=color, ref=ref)
            y += len(labels) * small_step + (8 if wide else small_step + 8)
    return drawing.svg(name, y)
