"""Whether rows agree with each other: arms of one result, a contrast with its arms, a whole with its parts, one visit with the next.

The figures of a trial are printed more than once, as values of both arms and as their difference, as counts and as a ratio,
in all patients and by group. Each repetition is a check on a copying slip that a row cannot make on itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise

from ..evidence import Evidence, Printed, Row, row_id
from .finding import Finding, figures, quantity, rows
from .plausibility import CHANGES, EPSILON, LEVELS, RATIOS, bounds, critical_z, overlap, reported_p, two_sided_normal, z_of_p
from .repair import slips, smallest

Arms = dict[str, Row]

#: Arms that stand for no group of patients of their own.
NO_ARM = ("all", "baseline", "reference", "projected")


def by_quantity(evidence: Evidence) -> dict[str, Arms]:
    """The results of single arms, by the address that they share with their contrast, then by arm."""
    found: dict[str, Arms] = {}
    for row in rows(evidence, "arm_results"):
        found.setdefault(quantity(row), {})[row.arm] = row
    return found


def variant(row: Row) -> str:
    """The word of an id that tells two analyses of one quantity apart; empty for the first one."""
    return ".".join(quantity(row).split(".")[4:])


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


# --- numbers of patients -----------------------------------------------------------------------------


def known_n(evidence: Evidence) -> Iterator[Finding]:
    """Rule 15: no number of patients is another arm's, or its own arm's with two digits exchanged or a nought too many.

    Only asked where the arm has numbers elsewhere in the cohort, none of which is this one.
    """
    known: dict[tuple[str, str], dict[str, list[tuple[int, Row]]]] = {}

    def add(row: Row, cohort: str, arm: str, column: str) -> None:
        if row[column] is not None and arm not in NO_ARM:
            known.setdefault((row.trial_id, cohort), {}).setdefault(arm, []).append((row[column], row))

    for arm in rows(evidence, "arms"):
        for column in ("n_randomised", "n_treated", "n_analysed"):
            add(arm, "all", arm.arm, column)
    for row in rows(evidence, "arm_results"):
        add(row, row.cohort, row.arm, "n")
    for row in rows(evidence, "contrasts"):
        add(row, row.cohort, row.arm_a, "n_a")
        add(row, row.cohort, row.arm_b, "n_b")
    together: dict[tuple[str, str], set[int]] = {}
    for row in rows(evidence, "arm_results"):
        if row.arm == "all" and row.n is not None:
            together.setdefault((row.trial_id, row.cohort), set()).add(row.n)
    for cohort in rows(evidence, "cohorts"):
        own = together.get((cohort.trial_id, cohort.cohort), set())
        slip = next((k for k in sorted(own) if cohort.n is not None and cohort.n not in own and str(cohort.n) in slips(str(k))), None)
        if slip:
            yield Finding(cohort, "n", f"{cohort.n} patients, but {slip} in its results, a slip of the pen away; inconsistent as printed",
                          f"write {slip} for {cohort.n} in n, if the source agrees", (str(cohort.n), str(slip)))  # fmt: skip
    named = [(row, "n", row.arm) for row in rows(evidence, "arm_results")]
    named += [(row, column, row[arm]) for row in rows(evidence, "contrasts") for column, arm in (("n_a", "arm_a"), ("n_b", "arm_b"))]
    for row, column, arm in named:
        n, arms = row[column], known.get((row.trial_id, row.cohort), {})
        own = {number for number, there in arms.get(arm, ()) if there is not row}
        if n is None or not own or n in own:
            continue
        # The sibling of this very result does not count: both arms may have lost patients down to one number.
        others = {name for name, numbers in arms.items() if name != arm and n in {k for k, there in numbers if quantity(there) != quantity(row)}}
        if others:
            why = f"the number of {' and '.join(sorted(others))}"
        elif slip := next((k for k in sorted(own) if str(n) in slips(str(k))), None):
            why = f"{slip} with a slip of the pen"
        else:
            continue
        listed = ", ".join(map(str, sorted(own)))
        yield Finding(row, column, f"{n} patients of {arm}, who are {listed} elsewhere: {why}; inconsistent as printed",
                      f"write {listed.replace(', ', ' or ')} for {n} in {column}, if the source agrees", (str(n), listed))  # fmt: skip


#: How far the analysed share of two arms of one result may lie apart.
SHARE_APART = 0.3


def shares_analysed(evidence: Evidence) -> Iterator[Finding]:
    """Rule 15: the arms of a result of all patients have lost similar shares of those randomised."""
    randomised = {row.id: row.n_randomised for row in rows(evidence, "arms")}
    for arms in by_quantity(evidence).values():
        group = [(row, n) for row in arms.values() if row.cohort == "all" and row.n and (n := randomised.get(row_id("arms", (row.trial_id, row.arm))))]
        if len(group) < 2:
            continue
        (low, low_n), *_, (high, high_n) = sorted(group, key=lambda pair: pair[0].n / pair[1])
        if high.n / high_n - low.n / low_n > SHARE_APART:
            cells = {"n": low.text("n")}
            yield Finding(low, "n", f"{low.n} of {low_n} {low.arm}, but {high.n} of {high_n} {high.arm}; inconsistent as printed",
                          smallest(cells, lambda c, m=low_n, s=high.n / high_n: abs(c["n"] / m - s) <= SHARE_APART and c["n"] <= m, counts=("n",), reach=0),
                          (low.text("n"), str(low_n), high.text("n"), str(high_n)))  # fmt: skip


#: Counted before anyone is randomised.
BEFORE = ("consented", "ineligible", "withdrew-before")


def counts_within(evidence: Evidence) -> Iterator[Finding]:
    """Rule 13 where a count has no denominator of its own: no more patients than its arm or group has; events at least as many as patients with one.

    Those who consented are those found ineligible, those who withdrew and those randomised.
    """
    randomised = {row.id: row.n_randomised for row in rows(evidence, "arms")}
    sizes = {row.id: row.n for row in rows(evidence, "cohorts")}
    totals = {row.trial_id: row.n_randomised for row in rows(evidence, "trials")}
    counted: dict[tuple, Row] = {}
    screened: dict[str, dict[str, Row]] = {}
    for row in rows(evidence, "arm_results"):
        if row.events is None:
            continue
        if row.outcome in BEFORE:
            screened.setdefault(row.trial_id, {})[row.outcome] = row
            continue
        counted[row.counts, row.trial_id, row.cohort, row.arm, row.outcome, row.weeks] = row
        limits = [randomised.get(row_id("arms", (row.trial_id, row.arm))), sizes.get(row_id("cohorts", (row.trial_id, row.cohort)))]
        limit = min((n for n in limits if n is not None), default=None)
        if row.counts == "patients" and row.n is None and limit is not None and row.events > limit:
            yield Finding(row, "events", f"{row.events} patients of at most {limit}; inconsistent as printed",
                          smallest({"events": row.text("events")}, lambda c, n=limit: c["events"] <= n, counts=("events",), reach=0), (row.text("events"), str(limit)))  # fmt: skip
    for key, row in counted.items():
        patients = counted.get(("patients", *key[1:])) if key[0] == "events" else None
        if patients is not None and patients.events > row.events:
            yield Finding(row, "events", f"{row.events} events in {patients.events} patients ({patients.id}); inconsistent as printed",
                          "check which of the two counts patients", (row.text("events"), patients.text("events")))  # fmt: skip
    for trial, found in screened.items():
        if len(found) == len(BEFORE) and totals.get(trial) is not None:
            cells = {**{name: found[name].text("events") for name in BEFORE}, "randomised": str(totals[trial])}
            if not _screening_adds_up({name: Printed(text) for name, text in cells.items()}):
                yield Finding(found["consented"], "events", f"{cells['consented']} consented, but {' + '.join(list(cells.values())[1:])} left or were randomised; inconsistent as printed",
                              smallest(cells, _screening_adds_up, counts=tuple(cells), exchange=False), tuple(cells.values()))  # fmt: skip


def _screening_adds_up(cells: Mapping[str, Printed]) -> bool:
    return cells["consented"] * 2 == sum(cells.values())


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
        if row.outcome in SLOPES and row.value and row_id("arms", (row.trial_id, row.arm)) in placebo and (row.value > 0) == (better.get(row.outcome) == "higher"):
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
        if contrast.measure not in RATIO_TOLERANCE or contrast.estimate is None or contrast.estimate <= 0 or x is None or y is None or contrast.time_kind == "at":
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
        z = None if contrast.p_method == "rank" or contrast.time_kind == "at" or contrast.estimand == "joint-model average" else _crude_z(contrast, a, b)
        if p is None or z is None:
            continue
        low, high = z_of_p(p[1]), z_of_p(p[0])
        if not low - Z_SLACK <= z <= high + Z_SLACK:
            cells = {"p_value": contrast.text("p_value")} if contrast.p_value is not None and contrast.p_relation != "ns" else {}
            repair = "check p, and the figures of both arms, against the source"
            if cells:
                words = smallest(cells, lambda c, z=z: abs(z_of_p(float(c["p_value"])) - z) <= Z_SLACK, signs=False)
                repair = words if words.startswith("write") else repair
            said = "not significant" if contrast.p_relation == "ns" else f"p {contrast.p_relation or '='} {contrast.text('p_value')}"  # a cell must not begin with =
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


# --- one row and the next ----------------------------------------------------------------------------


def copied_rows(evidence: Evidence) -> Iterator[Finding]:
    """Rule 25 within a trial: two visits, groups or arms with the very same figures.

    Three figures, two with two digits, or three printed digits must agree; for two visits of one arm two digits are enough.
    With fewer it is chance.
    """
    seen: dict[tuple, Row] = {}
    visits: dict[tuple, Row] = {}
    for table, columns in (("contrasts", ("estimate", "ci_low", "ci_high")), ("arm_results", ("value", "spread", "low", "high"))):
        for row in rows(evidence, table):
            shown = figures(row, *columns)
            digits = max((len(text.lstrip("-0.").replace(".", "")) for text in shown), default=0)
            key = (table, row.trial_id, row.outcome, row.unit, row.get("statistic") or row.measure, row.text(columns[0]), shown)
            first = None
            if digits >= 2:
                first = visits.setdefault((*key, row.cohort, row.get("arm") or (row.arm_a, row.arm_b)), row)
                first = None if first is row or first.weeks == row.weeks else first
            if digits >= 3 or len(shown) >= 3 or (len(shown) >= 2 and digits >= 2):
                other = seen.setdefault(key, row)
                first = first or (other if other is not row else None)
            if first is not None:
                yield Finding(row, columns[0], f"{', '.join(shown)} is also the result of {first.id}; inconsistent as printed",
                              "check both against their sources: one may be copied from the other", shown)  # fmt: skip


def over_time(evidence: Evidence) -> Iterator[Finding]:
    """Rule 17 along time: deaths and the like never fall from one visit to the next, survivors never rise."""
    outcomes = {row.outcome: row for row in rows(evidence, "outcomes")}
    series: dict[tuple, list[Row]] = {}
    for row in rows(evidence, "arm_results"):
        outcome = outcomes[row.outcome]
        if row.statistic in ("count", "percent") and row.counts in ("patients", None) and row.weeks is not None and outcome.domain == "survival" and outcome.better:
            series.setdefault((row.trial_id, row.cohort, row.arm, row.outcome, variant(row)), []).append(row)
    for group in series.values():
        for earlier, later in pairwise(sorted(group, key=lambda row: row.weeks)):
            column = next((c for c in ("events", "percent") if None not in (earlier[c], later[c])), None)
            if column is None:
                continue
            falls = outcomes[later.outcome].better == "higher"  # who is left; what once happened stays happened
            if (later[column] > earlier[column]) if falls else (later[column] < earlier[column]):
                cells = {f"week {row.weeks:g}": row.text(column) for row in (earlier, later)}
                yield Finding(later, column, f"{cells[f'week {later.weeks:g}']} in week {later.weeks:g}, {cells[f'week {earlier.weeks:g}']} in week {earlier.weeks:g}: "
                              f"{later.outcome} only {'falls' if falls else 'rises'} with time; inconsistent as printed",
                              smallest(cells, _ordered(falls), signs=False), tuple(cells.values()))  # fmt: skip


def _ordered(falls: bool) -> Callable[[Mapping[str, Printed]], bool]:
    return lambda cells: list(cells.values()) == sorted(cells.values(), reverse=falls)


def change_from_baseline(evidence: Evidence) -> Iterator[Finding]:
    """Rule 27: a mean change is the mean at the visit minus the mean at baseline, where all three are of the same patients."""
    levels: dict[tuple, Row] = {}
    for row in rows(evidence, "arm_results"):
        if row.statistic == "mean" and row.weeks is not None and row.value is not None:
            levels[row.trial_id, row.cohort, row.arm, row.outcome, row.n, row.weeks] = row
    for row in rows(evidence, "arm_results"):
        if row.statistic != "mean change" or row.value is None or row.weeks is None:
            continue
        key = (row.trial_id, row.cohort, row.arm, row.outcome, row.n)
        before, after = levels.get((*key, Printed("0"))), levels.get((*key, row.weeks))
        if before is None or after is None:
            continue
        cells = {"value": row.text("value"), "value at the visit": after.text("value"), "value at baseline": before.text("value")}
        if not _is_change(*(Printed(text) for text in cells.values())):
            yield Finding(row, "value", f"{cells['value at the visit']} - {cells['value at baseline']} is not {cells['value']}; inconsistent as printed",
                          smallest(cells, lambda c: _is_change(*c.values())), tuple(cells.values()))  # fmt: skip


def _is_change(change: Printed, after: Printed, before: Printed) -> bool:
    return abs(change - (after - before)) <= change.half_unit + after.half_unit + before.half_unit + EPSILON


# --- a whole and its parts ---------------------------------------------------------------------------


def parts_and_whole(evidence: Evidence) -> Iterator[Finding]:
    """Rule 15 for results: the result of all patients lies between those of the groups that divide them; counts add up.

    A mean of all is a weighted mean of its groups. Adjustment moves it a little: half the distance between the groups is allowed beyond either.
    """
    partitions: dict[tuple[str, str, str], list[str]] = {}
    for cohort in rows(evidence, "cohorts"):
        if cohort.partition and cohort.parent:
            partitions.setdefault((cohort.trial_id, cohort.parent, cohort.partition), []).append(cohort.cohort)
    results = {_result_key(row): row for table in ("contrasts", "arm_results") for row in rows(evidence, table)}
    for (trial, parent, _), cohorts in partitions.items():
        for key, whole in results.items():
            if len(cohorts) < 2 or key[1] != trial or key[2] != parent:
                continue
            parts = [results.get((*key[:2], cohort, *key[3:])) for cohort in cohorts]
            if all(parts):
                yield from _whole_of(whole, parts)


def _result_key(row: Row) -> tuple:
    arms = (row.arm_a, row.arm_b) if row.table == "contrasts" else (row.arm,)
    return (row.table, row.trial_id, row.cohort, row.outcome, row.weeks, arms, variant(row))


def _whole_of(whole: Row, parts: list[Row]) -> Iterator[Finding]:
    column = "estimate" if whole.table == "contrasts" else "value"
    if whole[column] is not None and all(part[column] is not None and part.unit == whole.unit for part in parts):
        low, high = min(part[column] for part in parts), max(part[column] for part in parts)
        slack = (high - low) / 2 + 2 * max(row[column].half_unit for row in (whole, *parts))
        holds: Callable[[Mapping[str, Printed]], bool] = lambda c: low - slack <= c[column] <= high + slack  # noqa: E731
        if not holds({column: whole[column]}):
            listed = ", ".join(part.text(column) for part in parts)
            yield Finding(whole, column, f"{whole.text(column)} of {whole.cohort}, but its groups have {listed}; inconsistent as printed",
                          smallest({column: whole.text(column)}, holds), (whole.text(column), *(part.text(column) for part in parts)))  # fmt: skip
    elif whole.get("events") is not None and all(part.events is not None for part in parts):
        cells = {whole.id: whole.text("events"), **{part.id: part.text("events") for part in parts}}
        if sum(part.events for part in parts) != whole.events:
            yield Finding(whole, "events", f"{whole.events} of {whole.cohort}, but its groups have {' + '.join(list(cells.values())[1:])}; inconsistent as printed",
                          smallest(cells, lambda c: c[whole.id] * 2 == sum(c.values()), counts=tuple(cells)), tuple(cells.values()))  # fmt: skip


def disposition(evidence: Evidence) -> Iterator[Finding]:
    """Rule 17: those who completed and those who left, reason by reason, are no more than the patients of the arm."""
    groups: dict[tuple, list[Row]] = {}
    for row in rows(evidence, "arm_results"):
        if row.role == "disposition" and row.events is not None and row.n is not None and (row.outcome == "completed" or row.outcome.startswith("left-")):
            groups.setdefault((row.trial_id, row.cohort, row.arm, row.weeks), []).append(row)
    for group in groups.values():
        whole = group[0].n
        cells = {row.outcome: row.text("events") for row in group}
        if len(group) > 1 and sum(row.events for row in group) > whole:
            yield Finding(group[-1], "events", f"{' + '.join(f'{n} {name}' for name, n in cells.items())} are more than {whole} patients; inconsistent as printed",
                          smallest(cells, lambda c, n=whole: sum(c.values()) <= n, counts=tuple(cells), exchange=False, reach=0), (*cells.values(), str(whole)))  # fmt: skip


# --- one fact in two rows ----------------------------------------------------------------------------


def two_sources(evidence: Evidence) -> Iterator[Finding]:
    """Rule 28: where two sources give one fact differently, a discrepancy of the trial, or a note of the row not shown, says so."""
    discussed = {row.trial_id for row in rows(evidence, "discrepancies")}
    groups: dict[tuple, list[Row]] = {}
    for table, columns in (("contrasts", ("estimate", "ci_low", "ci_high")), ("arm_results", ("value", "events", "percent"))):
        for row in rows(evidence, table):
            kind = row.get("statistic") or row.measure
            arms = (row.arm,) if table == "arm_results" else (row.arm_a, row.arm_b)
            key = (table, row.trial_id, row.cohort, row.outcome, row.weeks, row.time_kind, arms, kind, row.get("counts"), row.analysis_set)
            groups.setdefault(key, []).append(row)
        for group in groups.values():
            shown = next((row for row in group if row.preferred), None)
            for row in group if shown is not None else ():
                shared = [c for c in columns if shown.get(c) is not None and row.get(c) is not None]
                differs = next((c for c in shared if shown.text(c) != row.text(c)), None)
                if differs is None or row.source_id == shown.source_id or row.trial_id in discussed or row.note or row.derivation:
                    continue
                yield Finding(row, differs, f"{row.text(differs)} in {row.source_id}, {shown.text(differs)} in {shown.source_id} ({shown.id}); inconsistent as printed",
                              "add a row to discrepancies.csv, or say under note why they differ", (row.text(differs), shown.text(differs)))  # fmt: skip
        groups.clear()


# --- the size of figures -----------------------------------------------------------------------------

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
        if band is None or row.measure != "MD" or None in (row.ci_low, row.ci_high, row.ci_level, row.n_a, row.n_b) or not row.n_a or not row.n_b:
            continue
        se = (row.ci_high - row.ci_low) / (2 * critical_z(row.ci_level / 100))
        yield from _outside_band(row, "ci_low", se / math.sqrt(1 / row.n_a + 1 / row.n_b), band, None)


def _outside_band(row: Row, column: str, sd: float, band: tuple[float, float], n: int | None) -> Iterator[Finding]:
    low, high = band
    if low <= sd <= high:
        return
    kind = row.get("spread_kind")
    shown = figures(row, "spread", "low", "high", "n") if row.table == "arm_results" else figures(row, "ci_low", "ci_high", "ci_level", "n_a", "n_b")
    other = n and kind and row.spread is not None and low <= (row.spread * math.sqrt(n) if kind == "SD" else row.spread) <= high
    repair = f"is it the {'SE' if kind == 'SD' else 'SD'}? Check against the source" if other else "check spread or interval, its kind or level, and n"
    yield Finding(row, column, f"a standard deviation of {sd:.3g} {row.unit} follows; {row.outcome} has {low:g} to {high:g}; inconsistent as printed",
                  repair, (*shown, *([kind] if kind else [])))  # fmt: skip


#: Rule 9: millilitres of FVC that one point of % predicted stands for, in adults.
ML_PER_POINT = (25, 50)
ML_AND_POINTS = (("fvc-ml", "fvc-pp"), ("fvc-rate", "fvc-pp-rate"))
#: Below this many points the quotient says nothing.
SMALL_CHANGE = 0.5


def ml_per_point(evidence: Evidence) -> Iterator[Finding]:
    """Rule 9: a change in mL and the same change in % predicted are in the proportion of adults' lungs."""
    for table, column in (("contrasts", "estimate"), ("arm_results", "value")):
        changes: dict[tuple, Row] = {}
        for row in rows(evidence, table):
            if row[column] is not None and row.get("statistic") not in LEVELS and row.get("measure") in (None, "MD"):
                changes[row.outcome, row.trial_id, row.cohort, row.weeks, row.get("arm") or (row.arm_a, row.arm_b), variant(row)] = row
        for (outcome, *key), row in changes.items():
            for in_ml, in_points in ML_AND_POINTS:
                other = changes.get((in_points, *key)) if outcome == in_ml else None
                if other is None or abs(other[column]) < SMALL_CHANGE or abs(row[column]) < row[column].half_unit:
                    continue
                a, b = bounds(row[column]), bounds(other[column])
                quotients = [x / y for x in a for y in b]
                if overlap((min(quotients), max(quotients)), ML_PER_POINT):
                    continue
                cells = {f"{column} in mL": row.text(column), f"{column} in points": other.text(column)}
                yield Finding(row, column, f"{row.text(column)} {row.unit} is {row[column] / other[column]:.1f} mL for each of {other.text(column)} points in {other.id}; "
                              f"adults have {ML_PER_POINT[0]} to {ML_PER_POINT[1]}; inconsistent as printed",
                              smallest(cells, lambda c: ML_PER_POINT[0] <= list(c.values())[0] / (list(c.values())[1] or math.inf) <= ML_PER_POINT[1], exchange=False),
                              tuple(cells.values()))  # fmt: skip


#: Rule 29: how many times larger than its siblings a figure may be.
SIBLING_FACTOR = 10


def sibling_size(evidence: Evidence) -> Iterator[Finding]:
    """Rule 29: no figure is ten times the median of the others on the same outcome, unit and trial."""
    groups: dict[tuple, list[Row]] = {}
    for row in rows(evidence, "arm_results"):
        if row.value:
            groups.setdefault((row.trial_id, row.outcome, row.unit, row.statistic in LEVELS, row.statistic in CHANGES), []).append(row)
    for group in groups.values():
        for row in group:
            others = sorted(abs(other.value) for other in group if other is not row)
            if len(others) < 3:
                continue
            median = (others[(len(others) - 1) // 2] + others[len(others) // 2]) / 2
            if abs(row.value) > SIBLING_FACTOR * median:
                yield Finding(row, "value", f"{row.text('value')} {row.unit}, more than {SIBLING_FACTOR} times the {median:g} of its siblings; inconsistent as printed",
                              smallest({"value": row.text("value")}, lambda c, m=median: abs(c["value"]) <= SIBLING_FACTOR / 2 * m, signs=False),
                              (row.text("value"), f"{median:g}"))  # fmt: skip


# --- the verdict -------------------------------------------------------------------------------------

_BORDER = (0.045, 0.055)


def primary_met(evidence: Evidence) -> Iterator[Finding]:
    """A trial met its primary outcome exactly when a primary contrast of all patients is significant.

    For information: the result of a corrected contrast may differ from what the trial declared.
    """
    contrasts: dict[str, list[Row]] = {}
    for row in rows(evidence, "contrasts"):
        if row.role in ("primary", "co-primary") and row.cohort == "all" and not row.withheld:
            contrasts.setdefault(row.trial_id, []).append(row)
    for trial in rows(evidence, "trials"):
        primary = contrasts.get(trial.trial_id, [])
        verdicts = [verdict for row in primary if (verdict := _significant(row)) is not None]
        if not primary or len(verdicts) < len(primary) or trial.primary_met not in ("met", "not met") or any(verdicts) == (trial.primary_met == "met"):
            continue
        row = primary[0]
        shown = [f"p {r.p_relation or '='} {r.text('p_value')}" if r.p_value is not None else f"{r.text('ci_low')} to {r.text('ci_high')}" for r in primary]
        yield Finding(row, "p_value" if row.p_value is not None else "ci_low", f"{', '.join(shown)} is {'' if any(verdicts) else 'not '}significant, "
                      f"but the primary outcome of {trial.trial_id} was {trial.primary_met}; inconsistent as printed",
                      "check p and interval, and primary_met of the trial", (*shown, trial.primary_met))  # fmt: skip


def _significant(row: Row) -> bool | None:
    p = reported_p(row)
    if p is not None:
        return None if p[0] < _BORDER[1] and p[1] > _BORDER[0] and row.p_relation not in ("<", "<=", "ns") else p[1] <= 0.05
    if row.ci_low is None or row.ci_high is None:
        return None
    null = 1 if row.measure in RATIOS else 0
    return row.ci_low > null or row.ci_high < null

