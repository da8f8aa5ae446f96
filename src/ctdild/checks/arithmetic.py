"""Whether counts, percentages, sums and differences of the data agree with each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from ..evidence import Evidence, Printed, Row, row_id
from ..measures import favoured_arm
from .finding import Finding, figures, quantity, rows
from .plausibility import EPSILON
from .repair import smallest

#: Measures that are arm a minus arm b of what the arms' rows print.
SUBTRACTIONS = ("MD", "rate difference")
#: Outcomes counted in patients of which one cannot be more frequent than the next, in the same patients and weeks.
NESTED = (("death", "sae"), ("sae", "ae"))


def difference(evidence: Evidence) -> Iterator[Finding]:
    """Rule 6, first half: estimate = arm a - arm b, within three half units."""
    by_quantity: dict[tuple[str, str], Row] = {(quantity(row), row.arm): row for row in rows(evidence, "arm_results")}
    for contrast in rows(evidence, "contrasts"):
        a, b = (by_quantity.get((contrast.id, arm)) for arm in (contrast.arm_a, contrast.arm_b))
        if a is None or b is None or contrast.estimate is None or a.statistic != b.statistic:
            continue
        if contrast.measure in SUBTRACTIONS and contrast.unit == a.unit == b.unit:
            column = "value"
        elif contrast.measure == "RD" and contrast.unit == "percentage points":
            column = "percent"
        else:
            continue
        if None in (a[column], b[column]):
            continue
        cells = {"estimate": contrast.text("estimate"), f"{column} of {a.arm}": a.text(column), f"{column} of {b.arm}": b.text(column)}
        if not _is_difference(*(Printed(text) for text in cells.values())):
            estimate, first, second = cells.values()
            subtrahend = f"({second})" if second.startswith("-") else second
            yield Finding(contrast, "estimate", f"{first} - {subtrahend} = {Printed(first) - Printed(second):.{contrast.estimate.decimals + 1}f}, "
                          f"the contrast says {estimate}; inconsistent as printed",
                          smallest(cells, lambda c: _is_difference(*c.values())), tuple(cells.values()))  # fmt: skip


def _is_difference(estimate: Printed, a: Printed, b: Printed) -> bool:
    return abs(estimate - (a - b)) <= estimate.half_unit + a.half_unit + b.half_unit + EPSILON


def direction(evidence: Evidence) -> Iterator[Finding]:
    """Rules 6 and 32: the arm that the row says is favoured is the one that the sign of the estimate favours."""
    better = {row.outcome: row.better for row in rows(evidence, "outcomes")}
    for row in rows(evidence, "contrasts"):
        favoured = favoured_arm(row, better.get(row.outcome))
        if favoured is None or row.favours in (None, favoured) or row.favours not in (row.arm_a, row.arm_b):
            continue
        yield Finding(row, "favours", f"{row.measure} {row.text('estimate')} ({row.arm_a} against {row.arm_b}) favours {favoured}, since "
                      f"{better[row.outcome]} is better; the row says {row.favours}; inconsistent as printed",
                      f"write {favoured} in favours; or a sign or the order of the arms is not the source's",
                      (*figures(row, "estimate"), row.favours))  # fmt: skip


def events_of_n(evidence: Evidence) -> Iterator[Finding]:
    """Rule 13."""
    for row in rows(evidence, "arm_results"):
        if row.counts != "patients" or None in (row.events, row.n) or row.events <= row.n:
            continue
        cells = {c: row.text(c) for c in ("events", "n", "percent") if row.text(c)}
        yield Finding(row, "events", f"{row.events} patients of {row.n}; inconsistent as printed",
                      smallest(cells, _fits_patients, counts=("events", "n"), exchange=False, signs=False),
                      figures(row, "events", "n"))  # fmt: skip


def percent_of_n(evidence: Evidence) -> Iterator[Finding]:
    """Rule 14."""
    for row in rows(evidence, "arm_results"):
        if row.counts not in ("patients", None) or None in (row.percent, row.n) or row.n == 0:
            continue
        if row.events is not None and row.events > row.n:
            continue
        cells = {c: row.text(c) for c in ("events", "n", "percent") if row.text(c)}
        if _fits_patients({c: Printed(text) for c, text in cells.items()}):
            continue
        exact = f"no count of {row.n} gives it"
        if row.events is not None:
            exact = f"{row.events} of {row.n} is {100 * row.events / row.n:.{row.percent.decimals + 1}f} %"
        yield Finding(row, "percent", f"{row.text('percent')} % is printed, {exact}; inconsistent as printed",
                      smallest(cells, _fits_patients, counts=[c for c in ("events", "n") if c in cells], signs=False),
                      figures(row, "events", "n", "percent"))  # fmt: skip


def _fits_patients(cells: Mapping[str, Printed]) -> bool:
    """Whether some whole number of patients - the printed one, if any - of n rounds to the printed percentage (either way at a half)."""
    n, percent, events = cells["n"], cells.get("percent"), cells.get("events")
    if n < 1 or n.decimals or (events is not None and (events.decimals or not 0 <= events <= n)):
        return False
    if percent is None:
        return True
    count = events if events is not None else round(n * percent / 100)
    return 0 <= count <= n and abs(100 * count / n - percent) <= percent.half_unit + EPSILON


def n_within_arm(evidence: Evidence) -> Iterator[Finding]:
    """Rule 15, first part: analysed <= treated <= randomised, in the arms and in every result."""
    for arm in rows(evidence, "arms"):
        for small, large in (("n_treated", "n_randomised"), ("n_analysed", "n_treated"), ("n_analysed", "n_randomised")):
            if None not in (arm[small], arm[large]) and arm[small] > arm[large]:
                yield Finding(arm, small, f"{small} {arm[small]} is more than {large} {arm[large]}; inconsistent as printed",
                              smallest({small: arm.text(small)}, _at_most(arm[large]), counts=(small,), reach=0),
                              figures(arm, small, large))  # fmt: skip
                break
    whole = {row.id: Limit(row.n_randomised, f"the {row.n_randomised} randomised in {row.id}", row) for row in rows(evidence, "trials")}
    parts = {row.id: Limit(row.n, f"the {row.n} of {row.id}", row) for row in rows(evidence, "cohorts")}
    for cohort in rows(evidence, "cohorts"):
        parent = parts.get(row_id("cohorts", (cohort.trial_id, cohort.parent))) if cohort.parent else whole.get(cohort.trial_id)
        yield from _above(cohort, ("n",), parent)
    limits = _limits(evidence)
    results: dict[Row, list[Finding]] = {}

    def ask(row: Row, columns: tuple[str, ...], limit: Limit | None) -> bool:
        found = list(_above(row, columns, limit))
        if found:
            results.setdefault(limit.row, []).extend(found)
        return bool(found)

    for row in rows(evidence, "arm_results"):
        ask(row, ("n",), limits.get((row.trial_id, row.cohort, row.arm)))
    for row in rows(evidence, "contrasts"):
        each = (ask(row, (c,), limits.get((row.trial_id, row.cohort, row[arm]))) for c, arm in (("n_a", "arm_a"), ("n_b", "arm_b")))
        any(each) or ask(row, ("n_a", "n_b"), limits.get((row.trial_id, row.cohort, None)))
    for limiting, found in results.items():
        yield from [_too_small(limiting, found)] if len(found) >= SEVERAL else found


#: When so many results have more patients than one row allows, that row is the odd one out.
SEVERAL = 3


@dataclass(frozen=True)
class Limit:
    """The most patients that a result can have."""

    n: int | None
    whose: str  #: in words
    row: Row  #: that says so


def _limits(evidence: Evidence) -> dict[tuple[str, str, str | None], Limit]:
    """Most patients that a result of (trial, cohort, arm; None for both arms) can have."""
    trials = {row.trial_id: row for row in rows(evidence, "trials")}
    arms: dict[str, list[Row]] = {}
    for arm in rows(evidence, "arms"):
        arms.setdefault(arm.trial_id, []).append(arm)
    limits = {}
    for cohort in rows(evidence, "cohorts"):
        of_cohort = [Limit(cohort.n, f"the {cohort.n} of cohort {cohort.id}", cohort)] if cohort.n is not None else []
        trial = trials[cohort.trial_id]
        total = trial.n_randomised
        of_trial = [Limit(total, f"the {total} randomised in {cohort.trial_id}", trial)] if total is not None else []
        for arm in (None, *arms.get(cohort.trial_id, ())):
            of_arm = (
                [Limit(arm.n_randomised, f"the {arm.n_randomised} randomised to {arm.id}", arm)]
                if arm and arm.n_randomised is not None
                else []
            )
            if candidates := of_arm + of_cohort + of_trial:
                limits[cohort.trial_id, cohort.cohort, arm.arm if arm else None] = min(candidates, key=lambda limit: limit.n)
    return limits


def _above(row: Row, columns: tuple[str, ...], limit: Limit | None) -> Iterator[Finding]:
    if limit is None or limit.n is None or any(row[c] is None for c in columns) or sum(row[c] for c in columns) <= limit.n:
        return
    cells = {c: row.text(c) for c in columns}
    yield Finding(row, columns[0], f"{' + '.join(cells.values())} patients are more than {limit.whose}; inconsistent as printed",
                  smallest(cells, _at_most(limit.n), counts=columns, exchange=False, reach=0), (*cells.values(), str(limit.n)))  # fmt: skip


def _too_small(limiting: Row, found: list[Finding]) -> Finding:
    """One finding in place of many: the number of an arm, cohort or trial is smaller than its results have it."""
    column = "n" if limiting.table == "cohorts" else "n_randomised"
    most = max(sum(map(int, finding.figures[:-1])) for finding in found)
    return Finding(limiting, column, f"{limiting.text(column)}, but {len(found)} results have more patients, up to {most}; inconsistent as printed",
                   smallest({column: limiting.text(column)}, lambda cells: most <= cells[column] <= 2 * most, counts=(column,), reach=0), (limiting.text(column), str(most)))  # fmt: skip


def _at_most(limit: int) -> Callable[[Mapping[str, Printed]], bool]:
    return lambda cells: sum(cells.values()) <= limit


def same_n(evidence: Evidence) -> Iterator[Finding]:
    """Rule 28: a contrast and the arm results that it compares are about the same number of patients."""
    analysed = {(quantity(row), row.arm): row for row in rows(evidence, "arm_results") if row.n is not None}
    for contrast in rows(evidence, "contrasts"):
        for column, arm in (("n_a", contrast.arm_a), ("n_b", contrast.arm_b)):
            result = analysed.get((contrast.id, arm))
            if result is not None and contrast[column] not in (None, result.n):
                yield Finding(contrast, column, f"{contrast[column]} patients of {arm} here, {result.n} in {result.id}; inconsistent as printed",
                              "write the same in both; or give the rows of another analysis another variant", (contrast.text(column), result.text("n")))  # fmt: skip
                break


def arms_sum(evidence: Evidence) -> Iterator[Finding]:
    """Rule 15, second part: the arms sum to the patients randomised."""
    arms: dict[str, list[Row]] = {}
    for arm in rows(evidence, "arms"):
        if arm.role != "all":
            arms.setdefault(arm.trial_id, []).append(arm)
    for trial in rows(evidence, "trials"):
        yield from _sum(trial, "n_randomised", "n_randomised", arms.get(trial.trial_id, []), "randomised")


def cohorts_sum(evidence: Evidence) -> Iterator[Finding]:
    """Rule 15, third part: the cohorts of a partition sum to their parent."""
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for cohort in rows(evidence, "cohorts"):
        if cohort.partition and cohort.parent:
            groups.setdefault((cohort.trial_id, cohort.parent, cohort.partition), []).append(cohort)
    for (trial, parent, partition), group in groups.items():
        address = row_id("cohorts", (trial, parent))
        if address in evidence:
            yield from _sum(evidence.row(address), "n", "n", group, f"in {address} ({partition})", at=group[0])


def _sum(whole: Row, whole_column: str, column: str, parts: list[Row], what: str, at: Row | None = None) -> Iterator[Finding]:
    if whole[whole_column] is None or not parts or any(part[column] is None for part in parts):
        return
    cells = {whole.id: whole.text(whole_column), **{part.id: part.text(column) for part in parts}}
    total = sum(part[column] for part in parts)
    if total == whole[whole_column]:
        return
    yield Finding(at or whole, column, f"{' + '.join(list(cells.values())[1:])} = {total}, but {whole[whole_column]} {what}; inconsistent as printed",
                  smallest(cells, lambda c: c[whole.id] * 2 == sum(c.values()), counts=tuple(cells)),
                  tuple(cells.values()))  # fmt: skip


def nested_counts(evidence: Evidence) -> Iterator[Finding]:
    """Rule 17: deaths <= patients with a serious event <= patients with any event."""
    counts: dict[tuple, Row] = {}
    for row in rows(evidence, "arm_results"):
        if row.events is not None and row.counts == "patients" and row.preferred:
            counts[row.outcome, row.trial_id, row.cohort, row.arm, row.weeks] = row
    for (outcome, *key), row in counts.items():
        for inner, outer in NESTED:
            other = counts.get((outer, *key)) if outcome == inner else None
            if other is not None and row.events > other.events:
                cells = {inner: row.text("events"), outer: other.text("events")}
                yield Finding(row, "events", f"{row.events} patients with {inner}, but {other.events} with {outer} in {other.id}; inconsistent as printed",
                              smallest(cells, _rising, counts=tuple(cells), exchange=False, reach=0), tuple(cells.values()))  # fmt: skip


def _rising(cells: Mapping[str, Printed]) -> bool:
    return list(cells.values()) == sorted(cells.values())
