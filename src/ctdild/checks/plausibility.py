"""Whether printed figures can all be true at once: intervals, p-values, ranges, duplicates.

A figure printed with d decimals stands for the interval of half a unit of its last place either side.
A rule objects only when *no* values inside these intervals agree. Ratios are compared on the log scale.
An objection means "inconsistent as printed": another model, another denominator or a misprint, and the
rule cannot tell which.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist

from ..evidence import Evidence, Printed, Row
from ..measures import DIFFERENCES, RATIOS, null_value
from .finding import Finding, figures, quantity, rows
from .repair import NO_REPAIR, smallest

Bounds = tuple[float, float]

#: Rounding of binary arithmetic, far below any printed half unit.
EPSILON = 1e-9

#: Ways to make an interval that need not be symmetric around the estimate.
ASYMMETRIC_METHODS = ("bootstrap", "profile", "exact", "Hodges-Lehmann")
#: Tests whose p-value belongs to the printed interval, as far as is known.
MODEL_TESTS = (None, "model", "not reported")
#: Statistics of one arm that come with symmetric intervals; proportions, counts and medians do not.
SYMMETRIC_STATISTICS = ("mean", "mean change", "adjusted mean change", "rate", "adjusted rate")
#: Incidence rates come with exact Poisson limits.
INCIDENCE = "per 100 patient-years"

#: Programs round z, use t or a slightly other standard error; with 5 % on z no model-based p among 33 published ones alarmed.
Z_TOLERANCE = 0.05
#: From here on t and normal quantiles differ by less than that tolerance.
T_BELOW_DF = 60

LEVELS = ("mean", "median", "score")
CHANGES = ("mean change", "adjusted mean change", "median change")


# --- figures as intervals ----------------------------------------------------------------------------


def bounds(figure: Printed, log: bool = False) -> Bounds:
    """The values that print as ``figure``; their logarithms for a ratio."""
    low, high = figure - figure.half_unit, figure + figure.half_unit
    return (_log(low), _log(high)) if log else (low, high)


def _log(x: float) -> float:
    return math.log(x) if x > 0 else -math.inf


def overlap(a: Bounds, b: Bounds) -> bool:
    return a[0] <= b[1] + EPSILON and b[0] <= a[1] + EPSILON


def inside(estimate: Printed, low: Printed, high: Printed) -> bool:
    """Whether the limits can be in order with the estimate between them."""
    e, l, u = bounds(estimate), bounds(low), bounds(high)  # noqa: E741
    return l[0] < u[1] - EPSILON and l[0] <= e[1] + EPSILON and e[0] <= u[1] + EPSILON


#: Programs may profile the likelihood of a ratio unasked; of 75 published estimates two were off by 1.4 and 1.6 % of the width.
PROFILE_SLACK = 0.02


def centred(estimate: Printed, low: Printed, high: Printed, log: bool, slack: float = 0.0) -> bool:
    """Whether the estimate can be the midpoint of the limits, within ``slack`` of the interval's width."""
    e, l, u = (bounds(x, log) for x in (estimate, low, high))  # noqa: E741
    beyond = slack * (u[1] - l[1]) if slack and math.isfinite(l[1]) else 0.0
    return overlap(e, ((l[0] + u[0]) / 2 - beyond, (l[1] + u[1]) / 2 + beyond))


def two_sided_normal(z: float) -> float:
    """P(|Z| > z)."""
    return math.erfc(z / math.sqrt(2))


def two_sided_t(t: float, df: int) -> float:
    """P(|T| > t) with ``df`` degrees of freedom, for whole df: the finite sums of Abramowitz & Stegun 26.7.3-4."""
    theta = math.atan(t / math.sqrt(df))
    cosine, sine = math.cos(theta), math.sin(theta)
    first = 1 if df % 2 == 0 else 2
    term = total = 1.0 if df % 2 == 0 else cosine
    for k in range(first, df - 2, 2):
        term *= cosine**2 * k / (k + 1)
        total += term
    if df % 2 == 0:
        return 1 - sine * total
    return 1 - 2 / math.pi * (theta + (sine * total if df > 1 else 0))


@functools.cache
def critical_t(level: float, df: int) -> float:
    """Quantile with which a two-sided ``level`` interval is made, by bisection."""
    low, high = 0.0, 1e4
    while high - low > 1e-9:
        middle = (low + high) / 2
        low, high = (middle, high) if two_sided_t(middle, df) > 1 - level else (low, middle)
    return low


@functools.cache
def critical_z(level: float) -> float:
    """Normal quantile with which a two-sided ``level`` interval is made."""
    return NormalDist().inv_cdf((1 + level) / 2)


def z_of_p(p: float) -> float:
    """The absolute z whose two-sided p is this; infinite for 0, and 0 from 1 on."""
    return math.inf if p < 1e-15 else NormalDist().inv_cdf(1 - p / 2) if p < 1 else 0.0


def p_agrees(estimate: Printed, low: Printed, high: Printed, log: bool, level: float, p: Bounds, df: int | None) -> bool:
    """Whether estimate, limits and p can come from one model, within 5 % on z.

    The standard error is (high - low) / 2z (Cochrane Handbook 6.3); below 60 df a t-based interval may agree instead.
    """
    e, l, u = (bounds(x, log) for x in (estimate, low, high))  # noqa: E741
    size = (0.0 if e[0] <= 0 <= e[1] else min(map(abs, e)), max(map(abs, e)))
    width = (u[0] - l[1], u[1] - l[0])
    models = [(two_sided_normal, critical_z(level))]
    if df is not None and 0 < df < T_BELOW_DF and not log:
        models.append((functools.partial(two_sided_t, df=df), critical_t(level, df)))
    for tail, critical in models:
        z_low = 2 * critical * size[0] / width[1] if width[1] > 0 else math.inf
        z_high = 2 * critical * size[1] / width[0] if width[0] > 0 else math.inf
        if overlap((tail(z_high * (1 + Z_TOLERANCE)), tail(z_low / (1 + Z_TOLERANCE))), p):
            return True
    return False


def reported_p(row: Row) -> Bounds | None:
    """The p-values that a contrast's printed p stands for; None where it says nothing."""
    if row.p_relation == "ns":
        return (0.05, 1.0)
    if row.p_value is None:
        return None
    return _p_bounds(row.p_value, row.p_relation)


def _p_bounds(p: Printed, relation: str | None) -> Bounds:
    return (0.0, float(p)) if relation in ("<", "<=") else bounds(p)


# --- rows with an interval ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Interval:
    """An estimate and its confidence limits, from a contrast or from one arm."""

    row: Row
    columns: tuple[str, str, str]  #: of the estimate and the two limits
    log: bool
    symmetric: bool  #: whether the estimate should be the midpoint
    slack: float = 0.0  #: how far from it, in widths, it may lie

    @property
    def cells(self) -> dict[str, str]:
        return {column: self.row.text(column) for column in self.columns}

    @property
    def values(self) -> tuple[Printed, Printed, Printed]:
        return tuple(self.row[column] for column in self.columns)

    @property
    def text(self) -> str:
        estimate, low, high = self.cells.values()
        return f"{estimate} ({low} to {high})"

    def possible(self, estimate: Printed, low: Printed, high: Printed) -> bool:
        """Rules 1 and 2 for these figures in place of the row's."""
        return inside(estimate, low, high) and (not self.symmetric or centred(estimate, low, high, self.log, self.slack))

    def repair(self) -> str:
        """The smallest edit after which order, midpoint and, if one can be found, the p-value agree."""
        estimate, low, high = self.columns

        def figures_agree(cells: Mapping[str, Printed], with_p: bool) -> bool:
            triple = cells[estimate], cells[low], cells[high]
            return self.possible(*triple) and (not with_p or _p_holds(self, *triple, reported_p(self.row)))

        if _p_applies(self):
            words = smallest(self.cells, functools.partial(figures_agree, with_p=True))
            if words != NO_REPAIR:
                return words
        return smallest(self.cells, functools.partial(figures_agree, with_p=False))


def intervals(evidence: Evidence) -> Iterator[Interval]:
    """Every complete confidence interval of the evidence."""
    for row in rows(evidence, "contrasts"):
        if None not in (row.estimate, row.ci_low, row.ci_high):
            symmetric = row.measure in RATIOS + DIFFERENCES and row.ci_method not in ASYMMETRIC_METHODS
            ratio = row.measure in RATIOS
            slack = PROFILE_SLACK if ratio and row.ci_method != "model" else 0.0
            yield Interval(row, ("estimate", "ci_low", "ci_high"), ratio, symmetric, slack)
    for row in rows(evidence, "arm_results"):
        column = "percent" if row.statistic == "percent" else "value"
        if row.interval_kind == "CI" and None not in (row[column], row.low, row.high):
            symmetric = row.statistic in SYMMETRIC_STATISTICS and row.unit != INCIDENCE
            yield Interval(row, (column, "low", "high"), False, symmetric)


def _swapped(evidence: Evidence) -> dict[Row, tuple[Interval, Interval]]:
    """Rows whose interval fits the other arm and not their own -> the row's interval and the other's."""
    groups: dict[str, list[Interval]] = {}
    for interval in intervals(evidence):
        if interval.row.table == "arm_results" and interval.symmetric and not interval.possible(*interval.values):
            groups.setdefault(quantity(interval.row), []).append(interval)
    found = {}
    for group in groups.values():
        for a, b in combinations(group, 2):
            if a.possible(a.values[0], *b.values[1:]) and b.possible(b.values[0], *a.values[1:]):
                found[a.row], found[b.row] = (a, b), (b, a)
    return found


# --- rules 1 to 5 ------------------------------------------------------------------------------------


def interval_order(evidence: Evidence) -> Iterator[Finding]:
    """Rule 1."""
    swapped = _swapped(evidence)
    for interval in intervals(evidence):
        if interval.row in swapped or inside(*interval.values):
            continue
        _, low, high = interval.values
        if inside(low, low, high):
            column, what = interval.columns[0], "the estimate lies outside its interval"
        else:
            column, what = interval.columns[1], "the lower limit is not below the upper one"
        yield Finding(interval.row, column, f"{interval.text}: {what}; inconsistent as printed",
                      interval.repair(), figures(interval.row, *interval.columns))  # fmt: skip


def interval_midpoint(evidence: Evidence) -> Iterator[Finding]:
    """Rule 2."""
    swapped = _swapped(evidence)
    for interval in intervals(evidence):
        row, (estimate, low, high) = interval.row, interval.values
        if row in swapped or not inside(estimate, low, high) or interval.possible(estimate, low, high):
            continue
        middle = math.sqrt(low * high) if interval.log and low * high > 0 else (low + high) / 2
        scale = " on the log scale" if interval.log else ""
        message = f"{interval.text}: the middle of the interval{scale} is {middle:.{estimate.decimals + 1}f}; inconsistent as printed"
        yield Finding(row, interval.columns[0], message, interval.repair(), figures(row, *interval.columns))


def _p_applies(interval: Interval) -> bool:
    """Whether the row's p-value can be held against its interval."""
    row = interval.row
    return (
        row.table == "contrasts"
        and interval.symmetric
        and row.p_method in MODEL_TESTS
        and row.ci_level is not None
        and reported_p(row) is not None
    )


def _p_holds(interval: Interval, estimate: Printed, low: Printed, high: Printed, p: Bounds) -> bool:
    row = interval.row
    df = row.n_a + row.n_b - 2 if row.n_a and row.n_b else None
    return p_agrees(estimate, low, high, interval.log, row.ci_level / 100, p, df)


def p_interval(evidence: Evidence) -> Iterator[Finding]:
    """Rule 3."""
    for interval in intervals(evidence):
        row, triple = interval.row, interval.values
        if not _p_applies(interval) or not interval.possible(*triple) or _p_holds(interval, *triple, reported_p(row)):
            continue
        yield Finding(row, "p_value", f"{interval.text} at {row.text('ci_level')} % implies p = {_implied_p(interval)}, "
                      f"the row says {_p_text(row)}; inconsistent as printed", _p_repair(row, functools.partial(_p_figure_holds, interval)),
                      figures(row, *interval.columns, "ci_level", "p_relation", "p_value"))  # fmt: skip


def _p_figure_holds(interval: Interval, p: Printed) -> bool:
    return _p_holds(interval, *interval.values, _p_bounds(p, interval.row.p_relation))


def _p_repair(row: Row, agrees: Callable[[Printed], bool]) -> str:
    if row.p_value is None or row.p_relation == "ns":
        return "check p and interval against the source"
    return smallest({"p_value": row.text("p_value")}, lambda cells: agrees(cells["p_value"]), signs=False)


def _implied_p(interval: Interval) -> str:
    estimate, low, high = (_log(x) if interval.log else float(x) for x in interval.values)
    if not 0 < high - low < math.inf:
        return "anything"
    critical = critical_z(interval.row.ci_level / 100)
    return f"{two_sided_normal(abs(estimate) * 2 * critical / (high - low)):.2g}"


def _p_text(row: Row) -> str:
    return "not significant" if row.p_relation == "ns" else f"p {row.p_relation or '='} {row.text('p_value')}"


def p_significance(evidence: Evidence) -> Iterator[Finding]:
    """Rule 4."""
    for interval in intervals(evidence):
        row, (estimate, low, high) = interval.row, interval.values
        null = null_value(row) if row.get("measure") else None
        if null is None or row.ci_level is None or not inside(estimate, low, high):
            continue
        alpha = 1 - row.ci_level / 100
        significant = _significant(row, alpha)
        l, u = bounds(low), bounds(high)  # noqa: E741
        can_exclude = l[1] > null or u[0] < null
        can_include = l[0] <= null + EPSILON and u[1] >= null - EPSILON
        if significant is None or (can_exclude if significant else can_include):
            continue
        where = "includes" if significant else "excludes"
        yield Finding(row, "p_value", f"{interval.text} {where} {null:g}, the row says {_p_text(row)}; inconsistent as printed",
                      _p_repair(row, functools.partial(_changes_verdict, row.p_relation, alpha, significant)), figures(row, *interval.columns, "ci_level", "p_relation", "p_value"))  # fmt: skip


def _significant(row: Row, alpha: float) -> bool | None:
    if row.p_relation == "ns":
        return False
    return None if row.p_value is None else _verdict(row.p_value, row.p_relation, alpha)


def _verdict(p: Printed, relation: str | None, alpha: float) -> bool | None:
    """Whether p is below alpha; None within a tenth of it, where another model or rounding decides."""
    if relation in ("<", "<="):
        return True if p <= alpha + EPSILON else None
    if 0.9 * alpha - EPSILON <= p <= 1.1 * alpha + EPSILON:
        return None
    return p < alpha


def _changes_verdict(relation: str | None, alpha: float, significant: bool, p: Printed) -> bool:
    return _verdict(p, relation, alpha) is not significant


def swapped_intervals(evidence: Evidence) -> Iterator[Finding]:
    """Rule 5."""
    for row, (own, other) in _swapped(evidence).items():
        own_arm, other_arm = row.arm, other.row.arm
        message = (
            f"the intervals of {own_arm} {own.text} and {other_arm} {other.text} are swapped: "
            "each fits the other arm's estimate and not its own; inconsistent as printed"
        )
        repair = (
            f"exchange the intervals: {own_arm} {own.cells['value']} ({other.cells['low']} to {other.cells['high']}), "
            f"{other_arm} {other.cells['value']} ({own.cells['low']} to {own.cells['high']})"
        )
        yield Finding(row, "low", message, repair, figures(row, *own.columns) + figures(other.row, *other.columns))


# --- rules 10, 11, 12, 23: what a figure can be ---------------------------------------------------------


#: Standard deviations of two arms differ by less, while SD and SE differ by more from 7 patients on.
SPREAD_FACTOR = 2.5


def spreads(evidence: Evidence) -> Iterator[Finding]:
    """Rule 10."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows(evidence, "arm_results"):
        if row.spread and row.spread_kind:
            groups.setdefault((quantity(row), row.spread_kind), []).append(row)
    for (_, kind), group in groups.items():
        for row in group:
            others = [other for other in group if other is not row]
            if not others or any(_one_size(other.spread, row) for other in others):
                continue
            sibling = others[0]
            yield Finding(row, "spread", f"{kind} {row.text('spread')} in {row.arm}, {sibling.text('spread')} in {sibling.arm}: more than {SPREAD_FACTOR:g} times apart, "
                          "as SD and SE are; inconsistent as printed",
                          smallest({"spread": row.text("spread")}, functools.partial(_one_size, sibling.spread), signs=False)
                          + "; or its kind is the other one", (row.text("spread"), sibling.text("spread")))  # fmt: skip


def _one_size(sibling: Printed, spread: Mapping[str, Printed]) -> bool:
    return 1 / SPREAD_FACTOR <= spread["spread"] / sibling <= SPREAD_FACTOR


def hard_range(evidence: Evidence) -> Iterator[Finding]:
    """Rule 11."""
    outcomes = {row.outcome: row for row in rows(evidence, "outcomes")}
    for row in rows(evidence, "contrasts"):
        outcome = outcomes.get(row.outcome)
        columns = ("estimate", "ci_low", "ci_high")
        if row.measure in RATIOS:
            yield from _outside(row, columns, EPSILON, math.inf, "a ratio is above 0")
        elif row.measure == "win probability":
            yield from _outside(row, columns, 0, 1 if row.unit == "ratio" else 100, "a probability")
        elif row.measure == "RD" or row.unit == "%":
            yield from _outside(row, columns, -100, 100, "a difference or reduction in per cent")
        elif outcome is not None and _width(outcome) is not None:
            yield from _outside(row, columns[:1], -_width(outcome), _width(outcome), f"a difference on {outcome.name}")
    for row in rows(evidence, "arm_results"):
        outcome = outcomes.get(row.outcome)
        columns = ("value", "low", "high") if row.interval_kind in ("IQR", "range") else ("value",)
        if row.percent is not None and row.counts in (None, "patients"):
            yield from _outside(row, ("percent",), 0, 100, "a share of patients")
        elif outcome is None or row.unit == INCIDENCE:
            continue
        elif row.statistic in LEVELS:
            low, high = _scale(outcome)
            if low == -math.inf and row.unit in AMOUNTS:
                low = 0
            yield from _outside(row, columns, low, high, f"a value of {outcome.name}")
        elif row.statistic in CHANGES and _width(outcome) is not None:
            yield from _outside(row, columns, -_width(outcome), _width(outcome), f"a change of {outcome.name}")


#: Units of amounts: a value, unlike a change, is never below 0.
AMOUNTS = ("mL", "% predicted", "% of patients", "patients", "events", "m", "mm", "mg", "mg/L", "days", "months", "years")


def _scale(outcome: Row) -> Bounds:
    low = outcome.scale_low if outcome.scale_low is not None else outcome.range_low
    high = outcome.scale_high if outcome.scale_high is not None else outcome.range_high
    return (-math.inf if low is None else low, math.inf if high is None else high)


def _width(outcome: Row) -> float | None:
    """Largest change that the scale allows; None where the range holds in another unit than the change or is open."""
    low, high = _scale(outcome)
    same_unit = outcome.level_unit in (None, outcome.unit) or {outcome.level_unit, outcome.unit} == {"% predicted", "percentage points"}
    return high - low if same_unit and math.isfinite(high - low) else None


def _outside(row: Row, columns: tuple[str, ...], low: float, high: float, what: str) -> Iterator[Finding]:
    bad = next((c for c in columns if row[c] is not None and not low <= row[c] <= high), None)
    if bad is not None:
        limit = (
            f"from {low:g} to {high:g}"
            if math.isfinite(low) and math.isfinite(high)
            else f"from {low:g} on"
            if math.isfinite(low)
            else f"up to {high:g}"
        )
        limit = "above 0" if low == EPSILON else limit
        yield Finding(row, bad, f"{row.text(bad)} cannot be ({what} lies {limit}); inconsistent as printed",
                      smallest({bad: row.text(bad)}, lambda c: low <= c[bad] <= high), figures(row, bad))  # fmt: skip


#: Changes and differences in lung function: the largest believable one and the narrowest believable 95 % interval, by unit.
#: Beyond or below, the figure is in another unit. Group means fall by less than 500 mL a year even in untreated fibrosis;
#: 1,200 patients still gave an interval of 65 mL.
MAGNITUDES = {"mL": (700, 10), "mL/year": (700, 10), "percentage points": (25, 0), "percentage points/year": (25, 0)}


def unit_magnitude(evidence: Evidence) -> Iterator[Finding]:
    """Rule 12."""
    lung = {row.outcome for row in rows(evidence, "outcomes") if row.domain == "lung function"}
    for table, names in (("contrasts", ("estimate", "ci_low", "ci_high")), ("arm_results", ("value", "low", "high"))):
        for row in rows(evidence, table):
            value, low, high = (row[c] for c in names)
            if row.outcome not in lung or value is None or row.unit not in MAGNITUDES or row.get("statistic") in LEVELS:
                continue
            largest, narrowest = MAGNITUDES[row.unit]
            why = None
            if abs(value) > largest:
                why = f"{value} {row.unit} is more than lung function changes"
            elif None not in (low, high) and 0 < high - low < narrowest:
                why = f"an interval from {low} to {high} {row.unit} is narrower than any trial's"
            elif row.unit.startswith("mL") and value.decimals >= 2 and abs(value) < 10:
                why = f"{value} {row.unit} is printed like litres or percentage points"
            if why:
                yield Finding(row, "unit", f"{why}; inconsistent as printed", "check the unit against the source",
                              (*figures(row, *names), row.unit))  # fmt: skip


def quartiles(evidence: Evidence) -> Iterator[Finding]:
    """Rule 23."""
    for row in rows(evidence, "arm_results"):
        if row.interval_kind not in ("IQR", "range") or None in (row.low, row.high):
            continue
        value = row.value if row.value is not None else row.low
        if not row.low <= value <= row.high:
            cells = {c: row.text(c) for c in ("value", "low", "high") if row.text(c)}
            yield Finding(row, "value" if row.low <= row.high else "low",
                          f"{row.text('value')} ({row.interval_kind} {row.text('low')} to {row.text('high')}) is not in order; inconsistent as printed",
                          smallest(cells, lambda c: c["low"] <= c.get("value", c["low"]) <= c["high"]),
                          figures(row, "value", "low", "high"))  # fmt: skip


# --- rules 16, 25, 26, 32: rows against each other ---------------------------------------------------


def allocation(evidence: Evidence) -> Iterator[Finding]:
    """Rule 16."""
    arms: dict[str, list[Row]] = {}
    for arm in rows(evidence, "arms"):
        if arm.role != "all" and arm.n_randomised is not None:
            arms.setdefault(arm.trial_id, []).append(arm)
    for trial in rows(evidence, "trials"):
        group = arms.get(trial.trial_id, [])
        shares = [int(part) for part in (trial.allocation or "").split(":") if part]
        if len(shares) != 2 or len(group) != 2 or not sum(shares):
            continue
        a, n = group[0].n_randomised, group[0].n_randomised + group[1].n_randomised
        p = _binomial_p(a, n, shares[0] / sum(shares))
        if p < 0.001:
            yield Finding(trial, "allocation", f"{group[0].n_randomised} and {group[1].n_randomised} patients under {trial.allocation} "
                          f"allocation would be chance with p = {p:.1g}; inconsistent as printed",
                          "check allocation and numbers randomised", (trial.allocation, str(a), str(n - a)))  # fmt: skip


def _binomial_p(x: int, n: int, share: float) -> float:
    """Two-sided binomial p of x of n, by the normal approximation with continuity correction."""
    spread = math.sqrt(n * share * (1 - share))
    return two_sided_normal(max(0.0, abs(x - n * share) - 0.5) / spread) if spread else 1.0


def duplicates(evidence: Evidence) -> Iterator[Finding]:
    """Rule 25."""
    includes = {row.trial_id: set(row.includes or ()) for row in rows(evidence, "trials")}
    seen: dict[tuple[str, ...], Row] = {}
    for row in rows(evidence, "contrasts"):
        triple = figures(row, "estimate", "ci_low", "ci_high")
        if len(triple) < 3 or not any(len(text.lstrip("-0.").replace(".", "")) >= 3 for text in triple):
            continue
        first = seen.setdefault(triple, row)
        related = row.trial_id in includes.get(first.trial_id, ()) or first.trial_id in includes.get(row.trial_id, ())
        if first.trial_id != row.trial_id and not related:
            yield Finding(row, "estimate", f"{triple[0]} ({triple[1]} to {triple[2]}) is also the result of {first.id}, another trial; inconsistent as printed",
                          "check both against their sources: one may be copied from the other", triple)  # fmt: skip


def visit_weeks(evidence: Evidence) -> Iterator[Finding]:
    """Rule 26."""
    duration = {row.trial_id: row.duration_weeks for row in rows(evidence, "trials")}
    for table in ("arm_results", "contrasts"):
        for row in rows(evidence, table):
            end = duration.get(row.trial_id)
            if row.time_kind == "visit" and row.role != "long-term" and None not in (row.weeks, end) and row.weeks > end:
                yield Finding(row, "weeks", f"week {row.text('weeks')} is no visit of a trial of {end} weeks; inconsistent as printed",
                              "check the week against the source; a later follow-up has role long-term", (row.text("weeks"), str(end)))  # fmt: skip


#: One quantity in two units, so that their signs must agree: absolute first, then per cent of predicted.
SAME_SIGN = (("fvc-ml", "fvc-pp"),)
#: Below this many percentage points the two may differ in sign by chance (the skip of rule 9).
SMALL_CHANGE = 0.5


def sign_across_units(evidence: Evidence) -> Iterator[Finding]:
    """Rule 32."""
    for table, column in (("contrasts", "estimate"), ("arm_results", "value")):
        by_key: dict[tuple, Row] = {}
        for row in rows(evidence, table):
            if row[column] is not None and row.preferred and row.get("statistic") not in LEVELS and row.get("measure") in (None, "MD"):
                by_key[row.outcome, row.trial_id, row.cohort, row.weeks, row.get("arm")] = row
        for (outcome, *key), row in by_key.items():
            for absolute, relative in SAME_SIGN:
                other = by_key.get((relative, *key)) if outcome == absolute else None
                if other is not None and abs(other[column]) >= SMALL_CHANGE and row[column] * other[column] < 0:
                    yield Finding(row, column, f"{row.text(column)} {row.unit}, but {other.text(column)} {other.unit} in {other.id}: "
                                  "opposite signs; inconsistent as printed", "check the sign of both against their sources",
                                  (row.text(column), other.text(column)))  # fmt: skip
