"""Whether the arms of one result agree with each other, and with the contrast that compares them.

A trial prints a difference beside the two values, a ratio beside two counts, a p-value beside either, and each spread beside
its number of patients. What the one says of the other is a check that no cell can make on itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from ..evidence import Evidence, Row, row_id
from ..measures import RATIOS
from .finding import Finding, figures, quantity, rows
from .plausibility import LEVELS, critical_z, reported_p, two_sided_normal, z_of_p
from .repair import smallest

Arms = dict[str, Row]

#: Arms that stand for no group of patients of their own.
NO_ARM = ("all", "baseline", "reference", "projected")


def by_quantity(evidence: Evidence) -> dict[str, Arms]:
    """The results of single arms, by the address that they share with their contrast, then by arm."""
    found: dict[str, Arms] = {}
    for row in rows(evidence, "arm_results"):
        found.setdefault(quantity(row), {})[row.arm] = row
    return found


# --- the arms of one result --------------------------------------------------------------------------

SAME_IN_ARMS = ("statistic", "unit", "spread_kind", "interval_kind", "level", "counts")


def same_kind(evidence: Evidence) -> Iterator[Finding]:
    """The arms of one result are printed in one way: the same statistic, unit, kind of spread and of interval."""
    for arms in by_quantity(evidence).values():
        group = [row for name, row in arms.items() if name not in NO_ARM]
        for column in SAME_IN_ARMS:
            filled = [row for row in group if row.text(column)]
            other = next((row for row in filled if row.text(column) != filled[0].text(column)), None)
            if other is not None:
                first = filled[0]
                yield Finding(other, column, f"{column} {other.text(column)}, but {first.text(column)} in {first.id}; inconsistent as printed",
                              "write the same in both; or give the rows different variants", (other.text(column), first.text(column)))  # fmt: skip
                break


def same_decimals(evidence: Evidence) -> Iterator[Finding]:
    """The arms of one result are printed with the same number of decimals: a spreadsheet drops trailing zeros."""
    for arms in by_quantity(evidence).values():
        for column in ("value", "spread", "percent"):
            group = [row for name, row in arms.items() if name not in NO_ARM and row[column] is not None and row.derivation is None]
            if len(group) < 2:
                continue
            most = max(group, key=lambda row: row[column].decimals)
            short = next((row for row in group if row[column].decimals < most[column].decimals), None)
            if short is not None:
                restored = f"{short[column]:.{most[column].decimals}f}"
                yield Finding(short, column, f"{short.text(column)} beside {most.text(column)} of {most.arm}: fewer decimals, as after a spreadsheet",
                              f"restore the trailing zero from the source: {column} {restored}", (short.text(column), most.text(column)))  # fmt: skip


#: How far the analysed share of two arms of one result may lie apart.
SHARE_APART = 0.3


def shares_analysed(evidence: Evidence) -> Iterator[Finding]:
    """Rule 15: the arms of a result of all patients have lost similar shares of those randomised."""
    randomised = {row.id: row.n_randomised for row in rows(evidence, "arms")}
    for arms in by_quantity(evidence).values():
        group = [
            (row, n)
            for row in arms.values()
            if row.cohort == "all" and row.n and (n := randomised.get(row_id("arms", (row.trial_id, row.arm))))
        ]
        if len(group) < 2 or any(row.n > n for row, n in group):
            continue  # more patients than were randomised: rule n-within
        (low, low_n), *_, (high, high_n) = sorted(group, key=lambda pair: pair[0].n / pair[1])
        if high.n / high_n - low.n / low_n > SHARE_APART:
            cells = {"n": low.text("n")}
            yield Finding(low, "n", f"{low.n} of {low_n} {low.arm}, but {high.n} of {high_n} {high.arm}; inconsistent as printed",
                          smallest(cells, lambda c, m=low_n, s=high.n / high_n: abs(c["n"] / m - s) <= SHARE_APART and c["n"] <= m, counts=("n",), reach=0),
                          (low.text("n"), str(low_n), high.text("n"), str(high_n)))  # fmt: skip


#: Chance lets randomised arms differ at baseline by so many standard errors once in 15,000 comparisons (Carlisle 2017).
BASELINE_Z = 4


def baseline_balance(evidence: Evidence) -> Iterator[Finding]:
    """Rule 16 for what was measured before treatment: randomised arms are alike, but for chance."""
    kinds = {row.trial_id: row.kind for row in rows(evidence, "trials")}
    randomised = {row.id: row.n_randomised for row in rows(evidence, "arms")}
    for arms in by_quantity(evidence).values():
        group = [row for name, row in arms.items() if name not in NO_ARM and row.weeks == 0]
        if len(group) != 2 or kinds.get(group[0].trial_id) != "rct":
            continue
        a, b = group
        n_a, n_b = (randomised.get(row_id("arms", (row.trial_id, row.arm))) for row in group)
        z = _arms_z(a, b, n_a, n_b)
        if z is not None and z > BASELINE_Z:
            yield Finding(a, "value" if a.value is not None else "events", f"{_short_arm(a)} and {_short_arm(b)} before treatment, {z:.1f} standard errors apart; inconsistent as printed",
                          "check both arms against the source: chance does not part randomised arms so far", (*_arm_figures(a), *_arm_figures(b)))  # fmt: skip


#: Slopes of lung function, which in fibrosis point downwards unless something is done.
SLOPES = ("fvc-rate", "fvc-pp-rate", "fvc-pp-loss-rate")


def placebo_slope(evidence: Evidence) -> Iterator[Finding]:
    """Rule 32: on placebo the yearly slope of lung function is a loss."""
    placebo = {row.id for row in rows(evidence, "arms") if row.role == "placebo"}
    better = {row.outcome: row.better for row in rows(evidence, "outcomes")}
    for row in rows(evidence, "arm_results"):
        if (
            row.outcome in SLOPES
            and row.value
            and row_id("arms", (row.trial_id, row.arm)) in placebo
            and (row.value > 0) == (better.get(row.outcome) == "higher")
        ):
            yield Finding(row, "value", f"{row.text('value')} {row.unit} on placebo would be a gain of lung function; inconsistent as printed",
                          smallest({"value": row.text("value")}, lambda c, v=row.value: c["value"] * v < 0), (row.text("value"),))  # fmt: skip


# --- a contrast with its arms ------------------------------------------------------------------------


def _pairs(evidence: Evidence) -> Iterator[tuple[Row, Row, Row]]:
    """Each contrast with the results of its two arms."""
    results = by_quantity(evidence)
    for contrast in rows(evidence, "contrasts"):
        a, b = (results.get(contrast.id, {}).get(arm) for arm in (contrast.arm_a, contrast.arm_b))
        if a is not None and b is not None:
            yield contrast, a, b


def standard_error(row: Row, n: int | None = None) -> float | None:
    """Standard error of an arm's mean, from what is printed beside it (Cochrane Handbook 6.5.2)."""
    n = row.n or n
    if row.spread is not None and row.spread_kind == "SE":
        return float(row.spread)
    if row.spread is not None and row.spread_kind == "SD" and n:
        return row.spread / math.sqrt(n)
    if row.interval_kind == "CI" and None not in (row.low, row.high, row.level) and row.percent is None:
        return (row.high - row.low) / (2 * critical_z(row.level / 100))
    return None


#: How far the standard error of a difference may be from that of its two arms: a model changes it a little.
SE_TOLERANCE = 0.15


def spread_of_difference(evidence: Evidence) -> Iterator[Finding]:
    """Rule 7: the squared standard error of a difference is the sum of those of its arms (independent groups)."""
    for contrast, a, b in _pairs(evidence):
        se_a, se_b = standard_error(a, contrast.n_a), standard_error(b, contrast.n_b)
        if contrast.measure != "MD" or None in (se_a, se_b, contrast.ci_low, contrast.ci_high, contrast.ci_level):
            continue
        expected = math.hypot(se_a, se_b)
        implied = (contrast.ci_high - contrast.ci_low) / (2 * critical_z(contrast.ci_level / 100))
        slack = (contrast.ci_low.half_unit + contrast.ci_high.half_unit) / (2 * critical_z(0.95))
        if expected and abs(implied - expected) > SE_TOLERANCE * expected + slack:
            cells = {c: contrast.text(c) for c in ("ci_low", "ci_high", "ci_level")}
            ninety = abs(implied * critical_z(0.95) / critical_z(0.90) - expected) <= SE_TOLERANCE * expected
            yield Finding(contrast, "ci_low", f"the interval {cells['ci_low']} to {cells['ci_high']} has standard error {implied:.3g}, "
                          f"the two arms give {expected:.3g}; inconsistent as printed",
                          "a 90 % interval? Check limits and level" if ninety else "check the limits, and whether a spread is SD or SE",
                          (*cells.values(), *figures(a, "spread", "low", "high"), *figures(b, "spread", "low", "high")))  # fmt: skip


#: Rule 24: a ratio cannot be known better than its events allow.
PRECISION_TOLERANCE = 0.85


def events_precision(evidence: Evidence) -> Iterator[Finding]:
    """Rule 24: the log standard error of a ratio is at least the square root of 4 over the events (a trial of equal arms)."""
    for contrast, a, b in _pairs(evidence):
        if contrast.measure not in RATIOS or contrast.ci_low is None or contrast.ci_level is None or contrast.time_kind == "at":
            continue
        x, y = _counted(a, contrast.n_a), _counted(b, contrast.n_b)
        if x is None or y is None or x[0] + y[0] == 0 or not 0 < contrast.ci_low < contrast.ci_high:
            continue
        implied = math.log(contrast.ci_high / contrast.ci_low) / (2 * critical_z(contrast.ci_level / 100))
        least = math.sqrt(4 / (x[0] + y[0]))
        if implied < PRECISION_TOLERANCE * least:
            yield Finding(contrast, "ci_low", f"{contrast.text('ci_low')} to {contrast.text('ci_high')} is narrower than {x[0] + y[0]:.0f} events allow "
                          f"(log standard error {implied:.2f}, at least {least:.2f}); inconsistent as printed", "check the limits, their level, and the events",
                          (*figures(contrast, "ci_low", "ci_high", "ci_level"), *_count_figures(a), *_count_figures(b)))  # fmt: skip


def _counted(row: Row, n: int | None = None) -> tuple[float, int] | None:
    """Patients with an event, from the count or else the percentage, and the patients counted."""
    n = row.n or n
    if row.counts not in ("patients", None) or row.statistic not in ("count", "percent") or not n:
        return None
    if row.events is not None:
        return (float(row.events), n) if row.events <= n else None
    return (row.percent * n / 100, n) if row.percent is not None and row.percent <= 100 else None


def _count_figures(row: Row) -> tuple[str, ...]:
    return figures(row, "events", "percent", "n")


#: Adjusted and time-to-event models move a ratio; from its crude value it stays within a quarter, a hazard ratio within half.
RATIO_TOLERANCE = {"OR": 1.25, "RR": 1.25, "HR": 1.5}


def ratio_from_counts(evidence: Evidence) -> Iterator[Finding]:
    """Rule 18: a ratio is near the one that the counts of its arms give (a hazard ratio: log survivals, Cochrane Handbook 6.8.2)."""
    for contrast, a, b in _pairs(evidence):
        x, y = _counted(a, contrast.n_a), _counted(b, contrast.n_b)
        if (
            contrast.measure not in RATIO_TOLERANCE
            or contrast.estimate is None
            or contrast.estimate <= 0
            or x is None
            or y is None
            or contrast.time_kind == "at"
        ):
            continue
        crude = _crude(contrast.measure, x, y)
        factor = RATIO_TOLERANCE[contrast.measure]
        rounding = contrast.estimate.half_unit / contrast.estimate
        if crude and not 1 / factor - rounding <= contrast.estimate / crude <= factor + rounding:
            cells = {"estimate": contrast.text("estimate")}
            yield Finding(contrast, "estimate", f"{contrast.measure} {cells['estimate']}, but {x[0]:.0f} of {x[1]} against {y[0]:.0f} of {y[1]} is {crude:.2f}; inconsistent as printed",
                          smallest(cells, lambda c, k=crude, f=factor: 1 / f <= c["estimate"] / k <= f, signs=False),
                          (*figures(contrast, "estimate"), *_count_figures(a), *_count_figures(b)))  # fmt: skip


def _crude(measure: str, a: tuple[float, int], b: tuple[float, int]) -> float | None:
    pa, pb = a[0] / a[1], b[0] / b[1]
    if not (0 < pa < 1 and 0 < pb < 1):
        return None
    return {"RR": pa / pb, "OR": pa * (1 - pb) / (pb * (1 - pa)), "HR": math.log(1 - pa) / math.log(1 - pb)}[measure]


#: A p of Fisher, log-rank or a model differs from the plain one by less than this on the z scale.
Z_SLACK = 0.5


def p_from_arms(evidence: Evidence) -> Iterator[Finding]:
    """Rule 3 where no interval is printed, or none that need agree: p against what the arms show.

    Counts: the test of two proportions. Means: their difference over its standard error. Rank tests are not asked, nor a
    model over all visits, whose p is not that of the arms at one of them.
    """
    for contrast, a, b in _pairs(evidence):
        p = reported_p(contrast)
        z = (
            None
            if contrast.p_method == "rank" or contrast.time_kind == "at" or contrast.estimand == "joint-model average"
            else _crude_z(contrast, a, b)
        )
        if p is None or z is None:
            continue
        low, high = z_of_p(p[1]), z_of_p(p[0])
        if not low - Z_SLACK <= z <= high + Z_SLACK:
            cells = {"p_value": contrast.text("p_value")} if contrast.p_value is not None and contrast.p_relation != "ns" else {}
            repair = "check p, and the figures of both arms, against the source"
            if cells:
                words = smallest(cells, lambda c, z=z: abs(z_of_p(float(c["p_value"])) - z) <= Z_SLACK, signs=False)
                repair = words if words.startswith("write") else repair
            said = (
                "not significant" if contrast.p_relation == "ns" else f"p {contrast.p_relation or '='} {contrast.text('p_value')}"
            )  # a cell must not begin with =
            shown = (*_arm_figures(a), *_arm_figures(b))
            yield Finding(contrast, "p_value", f"{said}, but the arms ({' and '.join(_short_arm(r) for r in (a, b))}) give about p = {two_sided_normal(z):.2g}; inconsistent as printed",
                          repair, (said, *shown))  # fmt: skip


def _crude_z(contrast: Row, a: Row, b: Row) -> float | None:
    return _arms_z(a, b, contrast.n_a, contrast.n_b)


def _arms_z(a: Row, b: Row, n_a: int | None, n_b: int | None) -> float | None:
    """How many standard errors two arms are apart: two proportions, or two means."""
    x, y = _counted(a, n_a), _counted(b, n_b)
    if x is not None and y is not None:
        share = (x[0] + y[0]) / (x[1] + y[1])
        spread = math.sqrt(share * (1 - share) * (1 / x[1] + 1 / y[1]))
        return abs(x[0] / x[1] - y[0] / y[1]) / spread if spread else None
    se_a, se_b = standard_error(a, n_a), standard_error(b, n_b)
    if None in (se_a, se_b, a.value, b.value) or a.unit != b.unit or not se_a + se_b:
        return None
    return abs(a.value - b.value) / math.hypot(se_a, se_b)


def _arm_figures(row: Row) -> tuple[str, ...]:
    return figures(row, "value", "spread", "low", "high", "events", "percent", "n")


def _short_arm(row: Row) -> str:
    return f"{row.arm} {' / '.join(_arm_figures(row))}"


# --- the spread behind a figure -----------------------------------------------------------------------

#: Standard deviations of one patient's value, by outcome and kind of figure: the band in which those of trials lie, with slack.
#: The first three are the review's (SYNTHESIS rule 8), the lower one widened for deaths entered as the worst value
#: (CAPACITY: 16.5 to 19.6 percentage points).
SD_BANDS = {
    ("fvc-pp", "change"): (5, 22),
    ("fvc-ml", "change"): (150, 400),
    ("fvc-rate", "change"): (150, 350),
    ("fvc-pp", "level"): (7, 25),
    ("dlco-pp", "level"): (9, 28),
    ("dlco-pp", "change"): (5, 22),
    ("fvc-ml", "level"): (500, 1200),
    ("mrss", "level"): (3.5, 13),
    ("mrss", "change"): (3.5, 11),
    ("haq-di", "level"): (0.35, 1.0),
    ("haq-di", "change"): (0.25, 0.8),
    ("k-bild", "change"): (6, 20),
    ("sgrq", "change"): (8, 22),
    ("facit-fatigue", "level"): (7, 15),
    ("lcq", "level"): (2, 6),
    ("tdi", "change"): (1.5, 5),
    ("age", "level"): (6, 18),
}


def implied_sd(evidence: Evidence) -> Iterator[Finding]:
    """Rule 8: the standard deviation behind a spread or an interval lies in the band of its outcome."""
    arms = {row.id: row for row in rows(evidence, "arms")}
    for row in rows(evidence, "arm_results"):
        if row.value is None or row.statistic in ("median", "median change"):
            continue
        band = SD_BANDS.get((row.outcome, "level" if row.statistic in LEVELS and row.outcome != "tdi" else "change"))
        arm = arms.get(row_id("arms", (row.trial_id, row.arm)))
        n = row.n or (arm.n_randomised if arm is not None and row.cohort == "all" else None)
        se = standard_error(row, n)
        is_sd = row.spread_kind == "SD" and row.spread is not None
        if band is None or not (is_sd or (se is not None and n)):
            continue
        sd = float(row.spread) if is_sd else se * math.sqrt(n)
        yield from _outside_band(row, "spread" if row.spread is not None else "low", sd, band, n)
    for row in rows(evidence, "contrasts"):
        band = SD_BANDS.get((row.outcome, "change"))
        if (
            band is None
            or row.measure != "MD"
            or None in (row.ci_low, row.ci_high, row.ci_level, row.n_a, row.n_b)
            or not row.n_a
            or not row.n_b
        ):
            continue
        se = (row.ci_high - row.ci_low) / (2 * critical_z(row.ci_level / 100))
        yield from _outside_band(row, "ci_low", se / math.sqrt(1 / row.n_a + 1 / row.n_b), band, None)


def _outside_band(row: Row, column: str, sd: float, band: tuple[float, float], n: int | None) -> Iterator[Finding]:
    low, high = band
    if low <= sd <= high:
        return
    kind = row.get("spread_kind")
    shown = (
        figures(row, "spread", "low", "high", "n")
        if row.table == "arm_results"
        else figures(row, "ci_low", "ci_high", "ci_level", "n_a", "n_b")
    )
    other = n and kind and row.spread is not None and low <= (row.spread * math.sqrt(n) if kind == "SD" else row.spread) <= high
    repair = (
        f"is it the {'SE' if kind == 'SD' else 'SD'}? Check against the source"
        if other
        else "check spread or interval, its kind or level, and n"
    )
    yield Finding(row, column, f"a standard deviation of {sd:.3g} {row.unit} follows; {row.outcome} has {low:g} to {high:g}; inconsistent as printed",
                  repair, (*shown, *([kind] if kind else [])))  # fmt: skip
