"""Whether a mean and its standard deviation can come from so many whole numbers: GRIM, GRIMMER, DEBIT and the bound on any spread.

Only asked where the test has power: on scales of whole numbers, as far as the printed decimals are finer than 1/n.
Brown & Heathers 2017 (GRIM, doi 10.1177/1948550616673876); Anaya 2016 (GRIMMER); Heathers & Brown 2019 (DEBIT).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from ..evidence import Evidence, Printed, Row
from .finding import Finding, figures, rows
from .plausibility import EPSILON, LEVELS, bounds
from .repair import smallest

#: Outcomes of which one patient's value is a whole number. The Rodnan score is 17 sites of 0 to 3.
WHOLE_NUMBERS = ("mrss",)
#: Above this many patients no printed mean is fine enough, and the enumeration of GRIMMER would take long.
MOST_PATIENTS = 200


def whole_sums(mean: Printed, n: int) -> range:
    """The sums of n whole numbers whose mean prints as ``mean`` (rounded either way at a half)."""
    low, high = bounds(mean)
    return range(math.ceil(n * low - EPSILON), math.floor(n * high + EPSILON) + 1)


def has_power(mean: Printed, n: int) -> bool:
    """Whether some printed mean with these decimals is impossible: the decimals are finer than 1/n."""
    return n * 2 * mean.half_unit < 1


def mean_and_sd_possible(mean: Printed, sd: Printed, n: int, low: float = -math.inf, high: float = math.inf) -> bool:
    """GRIMMER: whether n whole numbers between ``low`` and ``high`` can have this mean and this standard deviation (n - 1).

    By enumeration where that is short. Else by what is necessary: the sum of squares is whole, has the parity of the sum,
    and lies between that of values as equal as can be and that of values at both ends.
    """
    if n < 2:
        return not whole_sums(mean, n) or sd == 0
    least, most = bounds(sd)
    for total in whole_sums(mean, n):
        if not low * n - EPSILON <= total <= high * n + EPSILON:
            continue
        centre = total * total / n
        each, spare = divmod(total, n)
        equal = (n - spare) * each**2 + spare * (each + 1) ** 2
        first = max(math.ceil(centre + max(least, 0.0) ** 2 * (n - 1) - EPSILON), equal)
        last = math.floor(min(centre + most**2 * (n - 1), _largest_squares(total, n, low, high)) + EPSILON)
        candidates = [squares for squares in range(first, last + 1) if (squares - total) % 2 == 0]
        if candidates and (reached := _reached(total, n, low, high)) is not None:
            candidates = [squares for squares in candidates if squares in reached]
        if candidates:
            return True
    return False


#: Steps of the enumeration, up to which it takes less than a tenth of a second.
_SHORT = 200_000


def _reached(total: int, n: int, low: float, high: float) -> set[int] | None:
    """Every sum of squares of n whole numbers from ``low`` to ``high`` with this sum; None where counting them is long."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return None
    values = range(math.ceil(low), math.floor(high) + 1)
    if n * n * len(values) ** 2 > _SHORT:
        return None
    sums: dict[int, set[int]] = {0: {0}}
    for _ in range(n):
        longer: dict[int, set[int]] = {}
        for so_far, squares in sums.items():
            for value in values:
                longer.setdefault(so_far + value, set()).update(square + value * value for square in squares)
        sums = longer
    return sums.get(total, set())


def _largest_squares(total: int, n: int, low: float, high: float) -> float:
    """Sum of squares when as many values as possible stand at the ends of the scale and one takes the rest."""
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low:
        return math.inf
    at_top, rest = divmod(total - n * low, high - low)
    return at_top * high**2 + (n - at_top - 1) * low**2 + (low + rest) ** 2 if at_top < n else n * high**2


def share_and_sd_possible(share: Printed, sd: Printed, n: int) -> bool:
    """DEBIT: whether x of n ones and else noughts can have this mean and standard deviation (n - 1)."""
    least, most = bounds(sd)
    for ones in whole_sums(share, n):
        if 0 <= ones <= n and least - EPSILON <= math.sqrt(ones * (n - ones) / (n * (n - 1))) <= most + EPSILON:
            return True
    return False


def largest_sd(mean: float, n: int, low: float, high: float) -> float:
    """The standard deviation (n - 1) of values at both ends of a scale with this mean: no other can be larger (Bhatia & Davis 2000)."""
    return math.sqrt(max(0.0, (mean - low) * (high - mean)) * n / (n - 1))


def grim(evidence: Evidence) -> Iterator[Finding]:
    """Rule 19: the mean of n whole numbers is a multiple of 1/n."""
    for row in _whole(evidence):
        if has_power(row.value, row.n) and not whole_sums(row.value, row.n):
            yield Finding(row, "value", f"no sum of {row.n} whole numbers has the mean {row.text('value')}; inconsistent as printed",
                          smallest({"value": row.text("value"), "n": row.text("n")}, _grim_agrees, counts=("n",), exchange=False), figures(row, "value", "n"))  # fmt: skip


def _grim_agrees(cells: Mapping[str, Printed]) -> bool:
    n = int(cells["n"])
    return n >= 1 and has_power(cells["value"], n) and bool(whole_sums(cells["value"], n))


def grimmer(evidence: Evidence) -> Iterator[Finding]:
    """Rule 20: some n whole numbers on the scale have the printed mean and standard deviation."""
    scales = {row.outcome: (row.scale_low, row.scale_high) for row in rows(evidence, "outcomes")}
    for row in _whole(evidence):
        if row.spread_kind != "SD" or row.spread is None or not has_power(row.value, row.n) or not whole_sums(row.value, row.n):
            continue
        low, high = scales.get(row.outcome, (None, None)) if row.statistic in LEVELS else (None, None)
        ends = (-math.inf if low is None else float(low), math.inf if high is None else float(high))
        if not mean_and_sd_possible(row.value, row.spread, row.n, *ends):
            yield Finding(row, "spread", f"no {row.n} whole numbers have the mean {row.text('value')} and the standard deviation {row.text('spread')}; inconsistent as printed",
                          smallest({"spread": row.text("spread")}, lambda c, r=row, e=ends: mean_and_sd_possible(r.value, c["spread"], r.n, *e), signs=False),
                          figures(row, "value", "spread", "n"))  # fmt: skip


def debit(evidence: Evidence) -> Iterator[Finding]:
    """Rule 21: a share printed as the mean of noughts and ones has the standard deviation that goes with it."""
    units = ("ratio",)
    for row in rows(evidence, "arm_results"):
        if (
            row.unit not in units
            or row.spread_kind != "SD"
            or None in (row.value, row.spread, row.n)
            or not 0 <= row.value <= 1
            or row.n < 2
        ):
            continue
        if not share_and_sd_possible(row.value, row.spread, row.n):
            yield Finding(row, "spread", f"a share of {row.text('value')} of {row.n} cannot have the standard deviation {row.text('spread')}; inconsistent as printed",
                          smallest({"value": row.text("value"), "spread": row.text("spread")}, lambda c, n=row.n: share_and_sd_possible(c["value"], c["spread"], n), signs=False),
                          figures(row, "value", "spread", "n"))  # fmt: skip


def sd_bound(evidence: Evidence) -> Iterator[Finding]:
    """Rule 22: no standard deviation on a scale with two ends is larger than that of values at both ends."""
    scales = {row.outcome: row for row in rows(evidence, "outcomes")}
    for row in rows(evidence, "arm_results"):
        scale = scales.get(row.outcome)
        if (
            scale is None
            or None in (row.value, row.spread)
            or row.statistic not in LEVELS
            or row.unit not in (scale.level_unit, scale.unit)
        ):
            continue
        low, high, n = scale.scale_low, scale.scale_high, row.n or 2
        if low is None or high is None or n < 2 or not low <= row.value <= high:
            continue
        factor = math.sqrt(n) if row.spread_kind == "SE" and row.n else 1.0
        # Of the means that print so, the one nearest to the middle of the scale leaves most room.
        mean = min(max((low + high) / 2, row.value - row.value.half_unit), row.value + row.value.half_unit)
        bound = largest_sd(mean, n, low, high)
        if (row.spread - row.spread.half_unit) * factor > bound + EPSILON:
            yield Finding(row, "spread", f"{row.spread_kind} {row.text('spread')} around {row.text('value')} is more than any values from {low} to {high} can have; inconsistent as printed",
                          smallest({"spread": row.text("spread")}, lambda c, b=bound, f=factor: c["spread"] * f <= b, signs=False),
                          figures(row, "value", "spread", "n"))  # fmt: skip


def _whole(evidence: Evidence) -> Iterator[Row]:
    for row in rows(evidence, "arm_results"):
        if (
            row.outcome in WHOLE_NUMBERS
            and row.statistic in (*LEVELS, "mean change")
            and row.statistic != "median"
            and row.value is not None
            and row.n
            and row.n <= MOST_PATIENTS
        ):
            yield row
