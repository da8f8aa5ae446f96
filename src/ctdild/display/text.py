"""How figures read in words: units, intervals, times, shares of patients, where they were read.

Every function takes a row (and the evidence, where other rows are needed) and returns plain text, never HTML.
A hole gives an empty text; nothing is rounded that a source printed. Minus signs are U+2212.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from ..evidence import Evidence, Printed, Row
from ..measures import RATIOS, includes_null

MINUS = "\u2212"
NO_BREAK = "\u00a0"
WEEKS_PER_YEAR = 52

#: Units written directly behind the figure, without a space.
_TIGHT = ("%", "% predicted", "% of patients")

_SINGULAR = {
    "percentage points": "percentage point",
    "points": "point",
    "patients": "patient",
    "events": "event",
    "standard deviations": "standard deviation",
    "months": "month",
    "years": "year",
    "sites": "site",
}

_READ_IN = {
    "full text": "in the full text",
    "abstract": "in an abstract",
    "copy of an abstract": "in a copy of an abstract",
    "table page": "in one table of the report",
    "registry": "in the registry record",
    "label": "in a regulator's text or label",
    "poster": "on a poster",
    "press": "in a press report",
    "review table": "in a table of another review",
    "source article": "in the source article",
}

_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
)  # fmt: skip
#: Diseases in the order in which tables and maps have them.
DISEASES = ("SSc", "RA", "IIM", "MCTD", "SjD", "SLE", "CTD", "IPF", "PF-ILD")
_NOT_SIGNIFICANT = "not significant (p-value not printed)"
_MARKS = {"primary": "P", "secondary": "S", "review": "R"}


def number_text(value: Printed | float | None) -> str:
    """A figure as its source printed it, with a real minus sign: ``−0.16``."""
    return "" if value is None else str(value).replace("-", MINUS)


def with_minus(text: str) -> str:
    """A text with real minus signs before its figures: ``−66 against −146``; ranges and names keep their hyphens."""
    return re.sub(r"(?<![\w.)])-(?=\d)", MINUS, text)


def unit_text(unit: str | None, value: Printed | float | None = None) -> str:
    """A unit in words, in the singular behind 1 or −1 (not behind 1.0)."""
    if unit is None or unit == "ratio":
        return ""
    return _SINGULAR.get(unit, unit) if str(value).lstrip("-") == "1" else unit


def with_unit(value: Printed | float | None, unit: str | None) -> str:
    """A figure and its unit: ``41.0 mL/year``, ``75.7%``."""
    if value is None:
        return ""
    return with_unit_text(number_text(value), unit) if unit_text(unit, value) else number_text(value)


def with_unit_text(number: str, unit: str) -> str:
    """The same for a figure that was computed: its text, and its unit."""
    return number + ("" if unit in _TIGHT else " ") + unit_text(unit, number)


def estimate_text(row: Row) -> str:
    """The figure of a contrast or of an arm, with its unit, without interval.

    ``41.0 mL/year``; ``HR 0.53``; ``27 of 69``; ``75.7%``; empty where only a p-value is known.
    """
    if row.table == "contrasts":
        if row.estimate is None:
            return ""
        if row.measure in RATIOS:
            return f"{row.measure} {number_text(row.estimate)}"
        if row.measure in ("relative reduction", "win probability"):
            return f"{row.measure} {with_unit(row.estimate, row.unit)}"
        return with_unit(row.estimate, row.unit)
    if row.value is not None:
        return with_unit(row.value, row.unit)
    return counts_text(row)


def counts_text(row: Row) -> str:
    """What was counted in an arm, as printed: ``27 of 69 (39.1%)``, ``29 events``, ``75.7%``."""
    percent = f"{number_text(row.percent)}%" if row.percent is not None else ""
    if row.events is None:
        return percent
    if row.counts in ("events", "pairs"):
        counted = f"{row.events} {unit_text(row.counts, row.events) if row.counts == 'events' else row.counts}"
    elif row.n is not None:
        counted = f"{row.events} of {row.n}"
    else:
        counted = f"{row.events} {unit_text('patients', row.events)}"
    return f"{counted} ({percent})" if percent else counted


def interval_text(row: Row) -> str:
    """The interval in words: ``95% CI 2.9 to 79.0``; of an arm also ``IQR 37.3 to 121.9``; empty without one."""
    if row.table == "contrasts":
        low, high, level, kind = row.ci_low, row.ci_high, row.ci_level, "CI"
    else:
        low, high, level, kind = row.low, row.high, row.level, row.interval_kind or "CI"
    if low is None or high is None:
        return ""
    name = f"{number_text(level)}% CI" if kind == "CI" and level is not None else kind
    return f"{name} {number_text(low)} to {number_text(high)}"


def spread_text(row: Row) -> str:
    """The printed spread of an arm's value: ``SE 0.9``; empty without one."""
    if row.spread is None:
        return ""
    return f"{row.spread_kind or 'spread of a kind not stated:'} {number_text(row.spread)}"


def p_text(row: Row) -> str:
    """The p-value as printed: ``p = 0.04``, ``p < 0.001``, ``nominal p = 0.012``; empty without one."""
    relation = row.get("p_relation") or "="
    if relation == "ns":
        return _NOT_SIGNIFICANT
    if row.p_value is None:
        return ""
    nominal = "nominal " if row.get("p_note") == "nominal" else ""
    return f"{nominal}p {relation.replace('<=', '≤')} {number_text(row.p_value)}"


def background_rule(trial: Row) -> str:
    """The rule of a trial on background treatment, as far as it was read: an unread rule is not held against the trial."""
    return "not read" if trial.background_policy == "not reported" else trial.background_policy


def background_text(trial: Row) -> str:
    """What both arms of a trial took besides, as inside a sentence: what was read of it, else its rule; ``not read`` where neither was."""
    return in_sentence(trial.background or background_rule(trial))


def result_text(row: Row) -> str:
    """Figure, then interval or spread, then p: ``41.0 mL/year (95% CI 2.9 to 79.0; p = 0.04)``."""
    head = estimate_text(row)
    if row.table == "contrasts":
        rest = [interval_text(row), p_text(row)]
    else:
        rest = [interval_text(row) or spread_text(row)]
    rest = [part for part in rest if part]
    if not head:
        return "; ".join(rest)
    if rest == [_NOT_SIGNIFICANT]:
        return f"{head}, {_NOT_SIGNIFICANT}"  # no bracket in a bracket
    return f"{head} ({'; '.join(rest)})" if rest else head


def time_text(row: Row) -> str:
    """When: ``at week 48``, ``over 52 weeks``, ``at month 54 (week 234)`` for a landmark, ``median follow-up 8.0 years``; empty
    where not reported."""
    weeks, kind = row.weeks, row.time_kind
    if weeks is None:
        return ""
    if kind == "at":
        return _hazard_time(weeks, row.weeks_to)
    if kind in ("median-follow-up", "mean-follow-up"):
        length = f"{weeks / WEEKS_PER_YEAR:.1f} years" if weeks >= WEEKS_PER_YEAR else f"{number_text(weeks)} weeks"
        return f"{kind.partition('-')[0]} follow-up {length}"
    if row.weeks_to is not None:
        return f"weeks {number_text(weeks)} to {number_text(row.weeks_to)}"
    if kind == "window":
        return f"over {number_text(weeks)} weeks"
    if kind == "landmark":
        moment = moment_text(weeks)
        return f"at {moment}" if moment.startswith("week") else f"at {moment} (week {number_text(weeks)})"
    return f"at week {number_text(weeks)}" if weeks else "at baseline"


def _hazard_time(weeks: Printed, weeks_to: Printed | None) -> str:
    """``hazard at month 3 (week 13)``, ``hazard from year 3 to year 10 (weeks 156 to 520)``."""
    start, end = moment_text(weeks), moment_text(weeks_to) if weeks_to is not None else ""
    if weeks_to is not None:
        span = f"weeks {number_text(weeks)} to {number_text(weeks_to)}"
        return f"hazard from {start} to {end} ({span})" if not (start + end).count("week") else f"hazard in {span}"
    return f"hazard at {start}" + ("" if start.startswith("week") else f" (week {number_text(weeks)})")


def moment_text(weeks: Printed | float) -> str:
    """A time as reports on survival name it: ``month 3`` for week 13, ``year 2`` for week 104; else the week.

    A year has 52 weeks to some reports and 365.25 days to others: week 313 is year 6 too.
    """
    months = float(weeks) * 12 / WEEKS_PER_YEAR
    if not months or months % 1:
        years = round(float(weeks) * 7 / 365.25)
        return f"year {years}" if years > 2 and round(years * 365.25 / 7) == float(weeks) else f"week {number_text(weeks)}"
    return f"month {months:.0f}" if months % 12 else f"year {months / 12:.0f}"


def date_text(day: date | None) -> str:
    """A day in words, unbroken at the end of a line: ``6 September 2019``; empty without one."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}".replace(" ", NO_BREAK) if day else ""


def as_of_text(day: str) -> str:
    """The day, month or year of a record in words: ``March 2024`` for ``2024-03``."""
    parts = [int(part) for part in day.split("-")]
    if len(parts) == 3:
        return date_text(date(*parts))
    return f"{_MONTHS[parts[1] - 1]}{NO_BREAK}{parts[0]}" if len(parts) == 2 else day


def disease_order(diseases: tuple[str, ...]) -> tuple[int, ...]:
    """The place of a row about these diseases in a table."""
    return tuple(DISEASES.index(one) if one in DISEASES else len(DISEASES) for one in diseases)


#: How a derivation begins that makes a figure our sum; the description of the column says so too.
ADDED_UP = "Added up here"

#: What the star behind a share of patients says.
COMPUTED = "* Computed here, from events and patients or as a sum of printed parts; all else as printed."


@dataclass(frozen=True)
class Rate:
    """Patients per 100. ``computed`` says that it is not printed but events over n, or a sum; ``marked`` shows that by a star."""

    value: float
    text: str
    computed: bool

    @property
    def marked(self) -> str:
        return f"{self.text}*" if self.computed else self.text


def counts_patients(row: Row) -> bool:
    """Whether an arm's row counts patients (not events), so that a share of patients can be shown."""
    return row.unit in ("patients", "% of patients") and row.counts in (None, "patients")


def rate_per_100(row: Row) -> Rate | None:
    """Patients with the outcome per 100 patients of the arm; None where the row has no share of patients.

    A printed percentage is used as printed; only without one is it computed from events and n, to one decimal.
    """
    if not counts_patients(row):
        return None
    if row.percent is not None:
        return Rate(float(row.percent), number_text(row.percent), (row.derivation or "").startswith(ADDED_UP))
    if row.unit == "% of patients" and row.value is not None:
        return Rate(float(row.value), number_text(row.value), False)
    if row.events is None or not row.n:
        return None
    share = Decimal(100 * row.events) / Decimal(row.n)
    text = str(share.quantize(Decimal("0.1"), ROUND_HALF_UP))
    return Rate(float(share), text, True)


def per_100(row: Row) -> str:
    """``39.1 per 100 (27 of 69)``, or ``75.7 per 100`` where only the percentage is known; empty without a share."""
    rate = rate_per_100(row)
    if rate is None:
        return ""
    counted = f" ({row.events} of {row.n})" if row.events is not None and row.n is not None else ""
    return f"{rate.text} per 100{counted}"


def verification_mark(row: Row) -> str:
    """P: the trial's own report, abstract or record; S: second-hand; R: only the source article."""
    return _MARKS[row.verification]


def verification_text(evidence: Evidence, row: Row, column: str | None = None) -> str:
    """Where a row, or one cell of it, was read: ``read in an abstract``, ``read second-hand, in a press report``."""
    where = _READ_IN[evidence.source(row, column).read_in]
    level = evidence.provenance(row, column).verification
    if level == "review":
        return "read only in the source article"
    return f"read second-hand, {where}" if level == "secondary" else f"read {where}"


def read_in_text(source: Row) -> str:
    """What was in front of the reader of a source: ``read in a copy of an abstract``."""
    return "read in its text" if source.read_in == "source article" else f"read {_READ_IN[source.read_in]}"


def read_in_head(read_in: str) -> str:
    """The same as the head of a list of sources: ``In an abstract``."""
    return at_start(_READ_IN[read_in])


def in_sentence(label: str) -> str:
    """A label as it stands inside a sentence: ``nintedanib`` for ``Nintedanib``, ``a loss`` for ``A loss``, but ``HRCT`` stays."""
    return label[:1].lower() + label[1:] if label[1:2].islower() or label[:2] == "A " else label


def at_start(text: str) -> str:
    """A text as it stands at the start of a sentence."""
    return text[:1].upper() + text[1:]


def arm_text(evidence: Evidence, row: Row, column: str = "arm") -> str:
    """The name of the arm that a result or contrast names, as inside a sentence."""
    return in_sentence(evidence.arm(row, column).label)


def comparison_text(evidence: Evidence, row: Row) -> str:
    """The two arms of a contrast: ``nintedanib versus placebo``."""
    return f"{arm_text(evidence, row, 'arm_a')} versus {arm_text(evidence, row, 'arm_b')}"


def favours_text(evidence: Evidence, row: Row) -> str:
    """Which arm the point estimate favours: ``favours nintedanib``; where words name an arm and no test was read,
    ``leans to nintedanib, no test read``; empty where none is named."""
    if not row.favours:
        return ""
    known = f"{row.trial_id}/{row.favours}" in evidence
    arm = arm_text(evidence, row, "favours") if known else row.favours
    return f"leans to {arm}, no test read" if row.get("caution") == "no test read" else f"favours {arm}"


def diseases_of_scope(evidence: Evidence) -> set[str]:
    """The diseases that a scope is about; none for one of treatments, or for the whole review."""
    return {disease for scope in evidence["scopes"] if scope.scope == evidence.scope_name for disease in scope.diseases or ()}


def direction_text(evidence: Evidence, row: Row) -> str:
    """``favours nintedanib``; where the interval of a difference includes no difference, or without one the p-value, that instead."""
    if row.table != "contrasts":
        return favours_text(evidence, row)
    undecided = includes_null(row)
    if undecided is None and (row.p_relation == "ns" or (row.p_value is not None and row.p_relation == "=" and row.p_value >= 0.05)):
        return "no difference shown"
    return "interval includes no difference" if undecided else favours_text(evidence, row)


def standing_text(evidence: Evidence, row: Row) -> str:
    """What kind of group or analysis a result comes from: ``post hoc subgroup``, ``subgroup``, ``post hoc``;
    empty for a planned result of the whole trial."""
    cohort = evidence.cohort(row)
    if cohort.kind == "post-baseline":
        return "group formed after baseline"
    if cohort.kind in ("subgroup", "disease"):
        if cohort.prespecified is False or row.get("role") == "post-hoc":
            return "post hoc subgroup"
        return "subgroup"
    if cohort.kind == "extension":
        return "extension"
    return "post hoc" if row.get("role") == "post-hoc" else ""


def cohort_text(evidence: Evidence, row: Row) -> str:
    """The group that a result comes from with its standing: ``ILD on CT, post hoc subgroup``; empty for the whole trial."""
    cohort = evidence.cohort(row)
    standing = standing_text(evidence, row)
    if cohort.kind == "all":
        return standing
    label = cohort.label.removesuffix(" (post hoc)")
    return f"{label}, {standing}" if standing and standing not in label.lower() else label
