"""From what a report prints to an estimate and its standard error, and from a pooled effect to what a patient can weigh.

Each function takes numbers or arrays and works element by element. Ratios go in and come out on the log scale, except where a
parameter is an interval as printed and `scale` says ``"log"``.

What is derived is not printed: whoever stores or shows a result marks it so (``derivation``).
Sources: Cochrane Handbook for Systematic Reviews of Interventions, chapters 6, 10 and 15, unless a function names another.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln, ndtr, ndtri, stdtr, stdtrit

#: Below this many patients in an arm, intervals in reports mostly come from t, not from the normal distribution (Handbook 6.5.2.2).
SMALL_ARM = 60


class Effect(NamedTuple):
    """An estimate with its standard error: what the functions of `pairwise` and `network` take."""

    estimate: np.ndarray | float
    standard_error: np.ndarray | float


class Interval(NamedTuple):
    """Two limits. Both are NaN where there is no such interval; the function that returns it says when."""

    low: float
    high: float


class Summary(NamedTuple):
    """Size, mean and standard deviation of a group."""

    n: float
    mean: float
    sd: float


# --- checked input -----------------------------------------------------------------------------------------------------------------


def numbers(name: str, values: ArrayLike) -> np.ndarray:
    """The values as floats; raises `ValueError` naming those that are no finite numbers."""
    try:
        array = np.asarray(values, dtype=float)
    except (TypeError, ValueError) as problem:
        raise ValueError(f"{name}: expected numbers, found {values!r}") from problem
    require(np.isfinite(array), name, array, "a finite number")
    return array


def require(holds: ArrayLike, name: str, values: ArrayLike, expected: str) -> None:
    """Raise `ValueError` unless the condition holds for all values; the message names each that breaks it, by position from 1."""
    holds, values = np.broadcast_arrays(holds, values)
    if holds.all():
        return
    if values.ndim == 0:
        raise ValueError(f"{name} is {values:g}, expected {expected}")
    at = np.flatnonzero(~holds.ravel())
    shown = "; ".join(f"study {i + 1}: {name} is {values.ravel()[i]:g}" for i in at[:20])
    more = f"; and {len(at) - 20} more" if len(at) > 20 else ""
    raise ValueError(f"{shown}{more}; expected {expected}")


def positive(name: str, values: ArrayLike) -> np.ndarray:
    """The values as floats above 0, or `ValueError`."""
    array = numbers(name, values)
    require(array > 0, name, array, "a number above 0")
    return array


def at_level(level: float) -> float:
    """The level of an interval, a fraction such as 0.95; raises `ValueError` for 95, which would be per cent."""
    level = float(level)
    if not 0 < level < 1:
        raise ValueError(f"level is {level:g}, expected a fraction between 0 and 1, such as 0.95")
    return level


def patient_counts(events_a: ArrayLike, n_a: ArrayLike, events_b: ArrayLike, n_b: ArrayLike) -> tuple[np.ndarray, ...]:
    """Patients with the event and patients of both arms, as equally long floats; `ValueError` for counts that cannot be patients."""
    named = {"events_a": events_a, "n_a": n_a, "events_b": events_b, "n_b": n_b}
    tables = {name: numbers(name, values) for name, values in named.items()}
    if len({array.shape for array in tables.values() if array.ndim}) > 1:
        raise ValueError("different lengths: " + ", ".join(f"{name} has {array.size}" for name, array in tables.items()))
    for name, array in tables.items():
        require((array >= 0) & (array == np.floor(array)), name, array, "a whole number of patients")
    for arm in "ab":
        require(tables[f"n_{arm}"] > 0, f"n_{arm}", tables[f"n_{arm}"], "at least one patient")
        require(
            tables[f"events_{arm}"] <= tables[f"n_{arm}"],
            f"events_{arm}",
            tables[f"events_{arm}"],
            f"at most n_{arm}: the unit is patients",
        )
    return tuple(np.broadcast_arrays(*tables.values()))


# --- estimate, standard error, interval, p -----------------------------------------------------------------------------------------


def quantile(level: float = 0.95, df: ArrayLike | None = None):
    """Half-width of a two-sided interval in standard errors: of the normal distribution, or of t with `df` degrees of freedom."""
    upper = 0.5 + at_level(level) / 2
    return ndtri(upper) if df is None else stdtrit(positive("df", df), upper)


def small_sample_df(*n: int) -> int | None:
    """Degrees of freedom of t for the mean of one arm, or for the difference of the means of two; None where the normal serves.

    t is what programs used where an arm has fewer than `SMALL_ARM` patients (Handbook 6.5.2.2 and 6.5.2.3).
    """
    require(np.asarray(n, dtype=float) > 1, "n", n, "at least two patients")
    return sum(n) - len(n) if min(n) < SMALL_ARM else None


def standard_error_from_interval(
    low: ArrayLike, high: ArrayLike, *, level: float = 0.95, scale: str = "linear", df: ArrayLike | None = None
):
    """Standard error behind a printed interval (Handbook 6.3.1, 6.3.2, 6.5.2.2).

    Parameters
    ----------
    low, high
        Limits as printed. Of a ratio they are ratios, with ``scale="log"``; the result is then that of the log ratio.
    level
        A fraction. A 90 per cent interval read as 95 gives an SE that is a sixth too small.
    df
        Degrees of freedom where the interval comes from t, see `small_sample_df`; None for the normal distribution.

    Raises `ValueError` for limits in the wrong order, ratios that are not above 0, or an unknown scale.

    The estimate of a ratio is the log of the printed ratio, never the midpoint of the rounded interval.
    """
    if scale not in ("linear", "log"):
        raise ValueError(f'scale is {scale!r}, expected "linear" or "log"')
    low, high = numbers("low", low), numbers("high", high)
    require(low < high, "low", low, "a number below high")
    if scale == "log":
        require(low > 0, "low", low, "a ratio above 0")
        low, high = np.log(low), np.log(high)
    return (high - low) / (2 * quantile(level, df))


def standard_error_from_p(estimate: ArrayLike, p: ArrayLike, *, df: ArrayLike | None = None):
    """Standard error behind an estimate and its two-sided p-value (Handbook 6.3.1; with `df` 6.5.2.3).

    Only for an exact p from the model of the estimate: not for "< 0.05", nor for a rank, Fisher or log-rank test.
    A ratio is given as its log. Raises `ValueError` for an estimate of 0 or a p outside 0 to 1, which fix no standard error.
    """
    estimate, p = numbers("estimate", estimate), numbers("p", p)
    require(estimate != 0, "estimate", estimate, "other than 0: it fixes no standard error")
    require((p > 0) & (p < 1), "p", p, "a number between 0 and 1")
    return np.abs(estimate) / (-ndtri(p / 2) if df is None else -stdtrit(positive("df", df), p / 2))


def p_value(estimate: ArrayLike, standard_error: ArrayLike, *, df: ArrayLike | None = None):
    """Two-sided p-value of an estimate against 0, by the normal distribution or by t.

    A standard error of 0 (Knapp-Hartung with identical estimates) gives p = 0, or NaN where the estimate is 0 too.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = np.abs(np.asarray(estimate, dtype=float) / np.asarray(standard_error, dtype=float))
    return 2 * (ndtr(-statistic) if df is None else stdtr(df, -statistic))


def interval(estimate: ArrayLike, standard_error: ArrayLike, *, level: float = 0.95, df: ArrayLike | None = None) -> Interval:
    """Limits of estimate plus and minus quantile times standard error."""
    half = quantile(level, df) * np.asarray(standard_error, dtype=float)
    return Interval(estimate - half, estimate + half)


# --- standard deviations and means -------------------------------------------------------------------------------------------------


def sd_from_standard_error(standard_error: ArrayLike, n: ArrayLike):
    """Standard deviation of patients from the standard error of their mean: SE √n (Handbook 6.5.2.2)."""
    return positive("standard_error", standard_error) * np.sqrt(positive("n", n))


def sd_from_difference(standard_error: ArrayLike, n_a: ArrayLike, n_b: ArrayLike):
    """Standard deviation of patients behind the standard error of a difference of two means: SE / √(1/n + 1/n) (Handbook 6.5.2.3)."""
    return positive("standard_error", standard_error) / np.sqrt(1 / positive("n_a", n_a) + 1 / positive("n_b", n_b))


def sd_of_change(sd_baseline: ArrayLike, sd_final: ArrayLike, correlation: ArrayLike):
    """Standard deviation of the change within patients, from those before and after and their correlation (Handbook 6.5.2.8).

    The correlation is hardly ever printed: a result with an assumed one is imputed, and is marked so.
    """
    before, after, r = positive("sd_baseline", sd_baseline), positive("sd_final", sd_final), numbers("correlation", correlation)
    require(np.abs(r) <= 1, "correlation", r, "a number from -1 to 1")
    return np.sqrt(before**2 + after**2 - 2 * r * before * after)


def correlation_from_sds(sd_baseline: ArrayLike, sd_final: ArrayLike, sd_change: ArrayLike):
    """Correlation between before and after that the three standard deviations of one arm imply (Handbook 6.5.2.8).

    Raises `ValueError` where none from -1 to 1 does: then the three cannot belong to the same patients.
    """
    before, after, change = positive("sd_baseline", sd_baseline), positive("sd_final", sd_final), positive("sd_change", sd_change)
    r = (before**2 + after**2 - change**2) / (2 * before * after)
    require(np.abs(r) <= 1, "the implied correlation", r, "a number from -1 to 1")
    return r


def merge_arms(n: ArrayLike, mean: ArrayLike, sd: ArrayLike) -> Summary:
    """Two or more groups taken as one: sizes, means and standard deviations in, one of each out (Handbook 6.5.2.10).

    Exact, not an average of SDs: the result is what the patients' own values would give.
    """
    n, mean, sd = positive("n", n), numbers("mean", mean), positive("sd", sd)
    if not n.shape == mean.shape == sd.shape or n.ndim != 1 or n.size < 2:
        raise ValueError(
            f"n, mean and sd of at least two groups are needed, equally many of each; found {n.size}, {mean.size} and {sd.size}"
        )
    total = n.sum()
    together = (n * mean).sum() / total
    squares = ((n - 1) * sd**2).sum() + (n * (mean - together) ** 2).sum()
    return Summary(total, together, np.sqrt(squares / (total - 1)))


def pooled_sd(sd_a: ArrayLike, n_a: ArrayLike, sd_b: ArrayLike, n_b: ArrayLike):
    """Standard deviation within arms, pooled over two (Handbook 6.5.1)."""
    sd_a, n_a, sd_b, n_b = positive("sd_a", sd_a), positive("n_a", n_a), positive("sd_b", sd_b), positive("n_b", n_b)
    return np.sqrt(((n_a - 1) * sd_a**2 + (n_b - 1) * sd_b**2) / (n_a + n_b - 2))


def mean_difference(
    mean_a: ArrayLike, sd_a: ArrayLike, n_a: ArrayLike, mean_b: ArrayLike, sd_b: ArrayLike, n_b: ArrayLike, *, pooled: bool = False
) -> Effect:
    """Mean of arm a minus mean of arm b (Handbook 6.5.1). The variance is sd²/n + sd²/n, or with `pooled` that of one common SD."""
    difference = numbers("mean_a", mean_a) - numbers("mean_b", mean_b)
    sd_a, n_a, sd_b, n_b = positive("sd_a", sd_a), positive("n_a", n_a), positive("sd_b", sd_b), positive("n_b", n_b)
    if pooled:
        return Effect(difference, pooled_sd(sd_a, n_a, sd_b, n_b) * np.sqrt(1 / n_a + 1 / n_b))
    return Effect(difference, np.sqrt(sd_a**2 / n_a + sd_b**2 / n_b))


def standardised_mean_difference(
    mean_a: ArrayLike, sd_a: ArrayLike, n_a: ArrayLike, mean_b: ArrayLike, sd_b: ArrayLike, n_b: ArrayLike
) -> Effect:
    """Hedges' g: the difference in pooled SDs, with the exact correction for small samples (Hedges 1981).

    Variance 1/n + 1/n + g²/(2(n + n)), as metafor; textbooks differ here.
    The review joins no scales by it: mL are not made comparable with % predicted by dividing each by its SD.
    """
    df = np.asarray(n_a, dtype=float) + np.asarray(n_b, dtype=float) - 2
    d = mean_difference(mean_a, sd_a, n_a, mean_b, sd_b, n_b).estimate / pooled_sd(sd_a, n_a, sd_b, n_b)
    g = d * np.exp(gammaln(df / 2) - gammaln((df - 1) / 2)) / np.sqrt(df / 2)
    return Effect(g, np.sqrt(1 / np.asarray(n_a, dtype=float) + 1 / np.asarray(n_b, dtype=float) + g**2 / (2 * (df + 2))))


def mean_and_sd_from_quantiles(
    n: int,
    median: float,
    *,
    minimum: float | None = None,
    q1: float | None = None,
    q3: float | None = None,
    maximum: float | None = None,
) -> Summary:
    """Mean and SD that a median with quartiles, with a range, or with both suggest, if the patients' values are normal.

    Mean: Luo 2018. SD: Wan 2014 for quartiles or range, Shi 2020 for both; as metafor's ``conv.fivenum``.
    An imputation: skewed values, which is why a report printed the median, make it wrong.
    Raises `ValueError` if neither pair is complete or the values are out of order.
    """
    given = [("minimum", minimum), ("q1", q1), ("median", median), ("q3", q3), ("maximum", maximum)]
    present = [(name, float(numbers(name, value))) for name, value in given if value is not None]
    for (name, value), (following, larger) in pairwise(present):
        require(value <= larger, name, value, f"at most {following}, {larger:g}")
    require(n > 1, "n", n, "at least two patients")
    names = {name for name, _ in present}
    has_range, has_quartiles = {"minimum", "maximum"} <= names, {"q1", "q3"} <= names
    if len(names) != 1 + 2 * has_range + 2 * has_quartiles or len(names) == 1:
        raise ValueError(f"needed beside the median: q1 and q3, minimum and maximum, or all four; found {', '.join(sorted(names))}")
    extreme = ndtri((n - 0.375) / (n + 0.25))
    quarter = ndtri((0.75 * n - 0.125) / (n + 0.25))
    if has_range and has_quartiles:
        ends, middle = 2.2 / (2.2 + n**0.75), 0.7 - 0.72 / n**0.55
        mean = ends * (minimum + maximum) / 2 + middle * (q1 + q3) / 2 + (1 - ends - middle) * median
        sd = (maximum - minimum) / ((2 + 0.14 * n**0.6) * extreme) + (q3 - q1) / ((2 + 2 / (0.07 * n**0.6)) * quarter)
    elif has_range:
        ends = 4 / (4 + n**0.75)
        mean = ends * (minimum + maximum) / 2 + (1 - ends) * median
        sd = (maximum - minimum) / (2 * extreme)
    else:
        middle = 0.7 + 0.39 / n
        mean = middle * (q1 + q3) / 2 + (1 - middle) * median
        sd = (q3 - q1) / (2 * quarter)
    return Summary(n, mean, sd)


# --- patients with an event --------------------------------------------------------------------------------------------------------


def two_by_two(
    events_a: ArrayLike,
    n_a: ArrayLike,
    events_b: ArrayLike,
    n_b: ArrayLike,
    measure: str = "OR",
    *,
    correct: str = "variance",
    double_zero: bool = False,
) -> Effect:
    """Log odds ratio, log risk ratio or risk difference of arm a against arm b (Handbook 6.4).

    The unit is patients; counts of events do not belong here.

    Parameters
    ----------
    measure
        ``"OR"`` or ``"RR"``, on the log scale, or ``"RD"``, a difference of fractions.
    correct
        Of a risk difference in a table with a zero cell: ``"variance"`` keeps the raw difference and takes the 0.5 for its variance
        only (RevMan, meta); ``"both"`` corrects the difference as well (metafor).
    double_zero
        Whether tables without an event, or with nothing but events, get a ratio. They say nothing about one, so by default it is NaN,
        and they leave an inverse-variance pool. A risk difference they do have.

    A zero cell adds 0.5 to all four cells of its table, and of no other.
    """
    if measure not in ("OR", "RR", "RD") or correct not in ("variance", "both"):
        raise ValueError(f'measure {measure!r} with correct {correct!r}: expected "OR", "RR" or "RD", and "variance" or "both"')
    a, n_a, c, n_b = patient_counts(events_a, n_a, events_b, n_b)
    b, d = n_a - a, n_b - c
    add = np.where((a == 0) | (b == 0) | (c == 0) | (d == 0), 0.5, 0.0)
    empty = ((a == 0) & (c == 0)) | ((b == 0) & (d == 0))
    raw = a / n_a - c / n_b
    a, b, c, d = a + add, b + add, c + add, d + add
    if measure == "RD":
        estimate = a / (a + b) - c / (c + d) if correct == "both" else raw
        return Effect(estimate, np.sqrt(a * b / (a + b) ** 3 + c * d / (c + d) ** 3))
    if measure == "OR":
        estimate, variance = np.log(a * d / (b * c)), 1 / a + 1 / b + 1 / c + 1 / d
    else:
        estimate, variance = np.log(a / (a + b) / (c / (c + d))), 1 / a - 1 / (a + b) + 1 / c - 1 / (c + d)
    says_nothing = empty & (not double_zero)
    return Effect(np.where(says_nothing, np.nan, estimate)[()], np.where(says_nothing, np.nan, np.sqrt(variance))[()])


def risk_difference_interval(events_a: int, n_a: int, events_b: int, n_b: int, *, level: float = 0.95) -> Interval:
    """Limits of the difference of two fractions, a minus b, from the score intervals of each (Newcombe 1998, Stat Med 17:873, method 10).

    For one table; it holds its level with few events and with zero cells, to which nothing is added.
    Raises `ValueError` for counts that cannot be patients.
    """
    a, n_a, b, n_b = (float(x) for x in patient_counts(events_a, n_a, events_b, n_b))
    z = float(quantile(at_level(level)))

    def score(events: float, n: float) -> tuple[float, float]:  # Wilson 1927
        share = events / n
        middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
        return middle - half, middle + half

    (low_a, high_a), (low_b, high_b) = score(a, n_a), score(b, n_b)
    p_a, p_b = a / n_a, b / n_b
    return Interval(
        p_a - p_b - math.hypot(p_a - low_a, high_b - p_b),
        p_a - p_b + math.hypot(high_a - p_a, p_b - low_b),
    )


def absolute_risk(log_ratio: ArrayLike, control_risk: ArrayLike, measure: str = "RR"):
    """Risk in arm a that a log risk ratio or log odds ratio means at a given risk in arm b (Handbook 15.4.4).

    Raises `ValueError` for a risk outside 0 to 1, also where a risk ratio would lift one above 1.
    """
    ratio, control = np.exp(numbers("log_ratio", log_ratio)), numbers("control_risk", control_risk)
    require((control > 0) & (control < 1), "control_risk", control, "a fraction between 0 and 1")
    if measure == "OR":
        return ratio * control / (1 - control + ratio * control)
    if measure != "RR":
        raise ValueError(f'measure is {measure!r}, expected "RR" or "OR"')
    require(ratio * control <= 1, "the risk that follows", ratio * control, "at most 1: this risk ratio does not fit this control risk")
    return ratio * control


def log_risk_ratio_from_odds_ratio(log_odds_ratio: ArrayLike, control_risk: ArrayLike):
    """The log risk ratio that a log odds ratio means at a given risk in arm b (Handbook 15.4.4)."""
    return np.log(absolute_risk(log_odds_ratio, control_risk, "OR") / np.asarray(control_risk, dtype=float))


@dataclass(frozen=True)
class NumberNeeded:
    """How many patients are treated for one to benefit (NNTB) or to be harmed (NNTH), with its interval.

    The interval has one piece, or two where "no difference" lies within: ``NNTB 12 to ∞`` and ``NNTH ∞ to 40`` (Altman 1998).
    It belongs to a control risk and a time, which have to stand beside it.
    """

    kind: str  #: NNTB or NNTH; that of the point estimate, empty where it is no difference at all
    value: float  #: infinite where the risks are equal
    pieces: tuple[tuple[str, float, float], ...]  #: kind, smaller number, larger number; the larger may be infinite

    def __str__(self) -> str:
        def text(number: float) -> str:
            return f"{number:.0f}" if math.isfinite(number) else "∞"

        interval = " to ".join(f"{kind} {text(low)} to {text(high)}" for kind, low, high in self.pieces[:1])
        if len(self.pieces) == 2:
            (first, low, _), (second, high, _) = self.pieces
            interval = f"{first} {text(low)} to ∞ to {second} {text(high)}"
        return f"{self.kind or 'NNT'} {text(self.value)} ({interval})"


def number_needed(risk_difference: float, low: float, high: float, *, event: str = "harm") -> NumberNeeded:
    """Number needed to treat from a risk difference, arm a minus arm b, and its limits (Altman 1998, BMJ 317:1309).

    `event` says what the risk is of: ``"harm"`` (death, a serious event: fewer is better) or ``"benefit"`` (response).
    Not to be made from a difference of means.
    Raises `ValueError` for limits that do not enclose the difference or lie outside -1 to 1.
    """
    difference, low, high = (float(numbers(name, x)) for name, x in (("risk_difference", risk_difference), ("low", low), ("high", high)))
    if event not in ("harm", "benefit"):
        raise ValueError(f'event is {event!r}, expected "harm" or "benefit"')
    if not (-1 <= low <= difference <= high <= 1):
        raise ValueError(f"the limits {low:g} to {high:g} do not enclose {difference:g} within -1 to 1")
    if event == "benefit":
        difference, low, high = -difference, -high, -low

    def inverse(x: float) -> float:
        return 1 / abs(x) if x else math.inf

    kind = "" if difference == 0 else "NNTB" if difference < 0 else "NNTH"
    if high <= 0:
        pieces = (("NNTB", inverse(low), inverse(high)),)
    elif low >= 0:
        pieces = (("NNTH", inverse(high), inverse(low)),)
    else:
        pieces = (("NNTB", inverse(low), math.inf), ("NNTH", inverse(high), math.inf))
    return NumberNeeded(kind, inverse(difference), pieces)


def number_needed_from_ratio(
    log_ratio: float, low: float, high: float, control_risk: float, measure: str = "RR", *, event: str = "harm"
) -> NumberNeeded:
    """Number needed to treat from a log risk ratio or log odds ratio with its log limits, at a given risk in arm b (Handbook 15.4.4).

    A ratio is carried over to patients with another risk; a difference is not. The control risk is printed beside the result.
    """
    differences = [float(absolute_risk(x, control_risk, measure)) - float(control_risk) for x in (log_ratio, low, high)]
    return number_needed(*differences, event=event)
