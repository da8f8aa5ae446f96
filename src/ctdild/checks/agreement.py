"""Whether rows of a trial agree with each other: one visit with the next, a whole with its parts, one unit or source with another.

The figures of a trial are printed more than once. Each repetition is a check on a copying slip that a row cannot make on itself.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise

from ..evidence import Evidence, Printed, Row, row_id
from ..measures import includes_null
from .arms import NO_ARM
from .finding import Finding, figures, quantity, rows
from .plausibility import CHANGES, EPSILON, LEVELS, bounds, overlap, reported_p
from .repair import slips, smallest


def variant(row: Row) -> str:
    """The word of an id that tells two analyses of one quantity apart; empty for the first one."""
    return ".".join(quantity(row).split(".")[4:])


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
    together = _patients_together(evidence)
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
        others = {
            name for name, numbers in arms.items() if name != arm and n in {k for k, there in numbers if quantity(there) != quantity(row)}
        }
        if others:
            why = f"the number of {' and '.join(sorted(others))}"
        elif slip := next((k for k in sorted(own) if str(n) in slips(str(k))), None):
            why = f"{slip} with a slip of the pen"
        else:
            continue
        listed = ", ".join(map(str, sorted(own)))
        yield Finding(row, column, f"{n} patients of {arm}, who are {listed} elsewhere: {why}; inconsistent as printed",
                      f"write {listed.replace(', ', ' or ')} for {n} in {column}, if the source agrees", (str(n), listed))  # fmt: skip


def _patients_together(evidence: Evidence) -> dict[tuple[str, str], set[int]]:
    """Trial and cohort -> the numbers of patients of its results of both arms together.

    For the cohort of all patients also the largest sum over the arms of one result; of a group not all need be in a result.
    """
    together: dict[tuple[str, str], set[int]] = {}
    sums: dict[tuple[str, str], dict[str, int]] = {}
    for row in rows(evidence, "arm_results"):
        if row.n is not None and row.arm == "all":
            together.setdefault((row.trial_id, row.cohort), set()).add(row.n)
        elif row.n is not None and row.arm not in NO_ARM:
            of_results = sums.setdefault((row.trial_id, row.cohort), {})
            of_results[quantity(row)] = of_results.get(quantity(row), 0) + row.n
    for row in rows(evidence, "contrasts"):
        if None not in (row.n_a, row.n_b):
            sums.setdefault((row.trial_id, row.cohort), {}).setdefault(row.id, row.n_a + row.n_b)
    for (trial, cohort), of_results in sums.items():
        if cohort == "all":
            together.setdefault((trial, cohort), set()).add(max(of_results.values()))
    return together


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
        if (
            row.statistic in ("count", "percent")
            and row.counts in ("patients", None)
            and row.weeks is not None
            and outcome.domain == "survival"
            and outcome.better
        ):
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
        if (
            row.role == "disposition"
            and row.events is not None
            and row.n is not None
            and (row.outcome == "completed" or row.outcome.startswith("left-"))
        ):
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
                              smallest(cells, _in_proportion, exchange=False),
                              tuple(cells.values()))  # fmt: skip


def _in_proportion(cells: Mapping[str, Printed]) -> bool:
    ml, points = cells.values()
    return bool(points) and ML_PER_POINT[0] <= ml / points <= ML_PER_POINT[1]


#: Rule 29: how many times larger than its siblings a figure may be.
SIBLING_FACTOR = 10


def sibling_size(evidence: Evidence) -> Iterator[Finding]:
    """Rule 29: no figure is ten times the median of the others on the same outcome, unit and trial."""
    groups: dict[tuple, list[Row]] = {}
    for row in rows(evidence, "arm_results"):
        if row.value:
            groups.setdefault((row.trial_id, row.outcome, row.unit, row.statistic in LEVELS, row.statistic in CHANGES), []).append(row)
    for group in groups.values():
        sizes = sorted(abs(row.value) for row in group)
        for row in group if len(group) > 3 else ():
            own = bisect_left(sizes, abs(row.value))
            others = sizes[:own] + sizes[own + 1 :]
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
        if (
            not primary
            or len(verdicts) < len(primary)
            or trial.primary_met not in ("met", "not met")
            or any(verdicts) == (trial.primary_met == "met")
        ):
            continue
        row = primary[0]
        shown = [
            f"p {r.p_relation or '='} {r.text('p_value')}" if r.p_value is not None else f"{r.text('ci_low')} to {r.text('ci_high')}"
            for r in primary
        ]
        yield Finding(row, "p_value" if row.p_value is not None else "ci_low", f"{', '.join(shown)} is {'' if any(verdicts) else 'not '}significant, "
                      f"but the primary outcome of {trial.trial_id} was {trial.primary_met}; inconsistent as printed",
                      "check p and interval, and primary_met of the trial", (*shown, trial.primary_met))  # fmt: skip


def _significant(row: Row) -> bool | None:
    p = reported_p(row)
    if p is not None:
        return None if p[0] < _BORDER[1] and p[1] > _BORDER[0] and row.p_relation not in ("<", "<=", "ns") else p[1] <= 0.05
    includes = includes_null(row)
    return None if includes is None else not includes
