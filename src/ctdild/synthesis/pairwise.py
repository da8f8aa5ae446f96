"""One comparison in several trials, pooled.

Notation of the comments: study i has estimate y and variance v = SE²; w = 1/(v + tau²); mu = Σwy/Σw is the pooled estimate.

References
----------
[RBG] Robins, Breslow & Greenland 1986, Biometrics 42:311 (Mantel-Haenszel odds ratio)
[DL]  DerSimonian & Laird 1986, Control Clin Trials 7:177
[GR]  Greenland & Robins 1985, Biometrics 41:55 (Mantel-Haenszel risk ratio)
[HK]  Hartung & Knapp 2001, Stat Med 20:1771; Knapp & Hartung 2003, Stat Med 22:2693
[HTS] Higgins, Thompson & Spiegelhalter 2009, J R Stat Soc A 172:137
[HT]  Higgins & Thompson 2002, Stat Med 21:1539
[PM]  Paule & Mandel 1982, J Res Natl Bur Stand 87:377
[PR]  Partlett & Riley 2017, Stat Med 36:301
[R]   Röver 2020, J Stat Softw 93(6); Friede 2017, Res Synth Methods 8:79
[SGR] Sato, Greenland & Robins 1989, Biometrics 45:1323 (Mantel-Haenszel risk difference)
[V]   Viechtbauer 2005, J Educ Behav Stat 30:261 (REML); 2007, Stat Med 26:37 (Q-profile); 2010, J Stat Softw 36(3)
[Y]   Yusuf, Peto et al. 1985, Prog Cardiovasc Dis 27:335
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.special import chdtrc, chdtri, ndtr

from . import effects
from .effects import Interval
from .likelihood import highest

METHODS = ("REML", "DL", "PM", "common")
INTERVALS = ("wald", "hk", "hk-adhoc")
PREDICTIONS = ("V", "HTS", "HK", "HK-PR")

#: Standard errors further apart than this leave double precision: the largest study would weigh nothing at all, or the sums overflow.
_WIDEST_RATIO = 1e60
#: Studies times grid points that are computed at once: enough to be quick, not enough to need much memory.
_BLOCK = 1_000_000


@dataclass(frozen=True)
class Pool:
    """What several studies say together.

    `estimate`, `standard_error`, `ci_low`, `ci_high` are on the scale of the input: logs, where that was a log ratio.
    """

    k: int  #: number of studies
    method: str
    interval: str
    level: float  #: of all intervals, as a fraction
    estimate: float
    standard_error: float  #: the one that the interval uses: Knapp-Hartung's own under ``hk``
    ci_low: float
    ci_high: float
    statistic: float  #: estimate / standard error; infinite where Knapp-Hartung's is 0
    df: float  #: degrees of freedom of the t distribution of the interval; infinite for the normal
    p_value: float  #: against no effect; NaN where estimate and standard error are both 0
    tau2: float  #: variance between studies; 0 by assumption for ``common``, and for k = 1, where nothing can be estimated
    tau2_ci: Interval  #: Q-profile; NaN for ``common``, for k = 1, and where no tau² fits (the studies agree better than chance lets them)
    i2: float  #: share of the variance that lies between studies, 0 to 1, from tau²; of ``common`` from Q
    h2: float  #: total variance over variance within studies, from tau²; of ``common`` Q / df
    q: float  #: Cochran's Q, about the common effect
    q_df: int
    q_p: float
    weights: np.ndarray = field(compare=False)  #: share of each study in the estimate, in the order of the input; they sum to 1
    _wald_error: float = field(repr=False, compare=False)
    _hk_error: float = field(repr=False, compare=False)

    def prediction(self, rule: str = "V") -> Interval:
        """Where the true effect of a further, similar study would lie; programs differ in the rule, so it is always said which.

        ======== ======== =============== =====
        rule     t with   SE of the mean  paper
        ======== ======== =============== =====
        V        k - 1 df ordinary        [V]
        HTS      k - 2 df ordinary        [HTS]
        HK       k - 1 df Knapp-Hartung   [HK]
        HK-PR    k - 2 df Knapp-Hartung   [PR]
        ======== ======== =============== =====

        The Knapp-Hartung SE is the ad hoc one where the interval of the pool is.
        NaN below three studies, where heterogeneity cannot be told from chance, and for ``common``, which knows no other studies.
        Raises `ValueError` for an unknown rule.
        """
        if rule not in PREDICTIONS:
            raise ValueError(f"rule is {rule!r}, expected one of {', '.join(PREDICTIONS)}")
        if self.k < 3 or self.method == "common":
            return Interval(math.nan, math.nan)
        error = self._hk_error if rule.startswith("HK") else self._wald_error
        df = self.k - 1 if rule in ("V", "HK") else self.k - 2
        return effects.interval(self.estimate, math.hypot(error, math.sqrt(self.tau2)), level=self.level, df=df)


def pool(estimate: ArrayLike, standard_error: ArrayLike, *, method: str = "REML", interval: str = "wald", level: float = 0.95) -> Pool:
    """The pooled effect of studies, by inverse variance.

    Parameters
    ----------
    estimate, standard_error
        One number a study, at least one study. Ratios as logs.
    method
        Of the variance between studies: ``"REML"`` [V], at the highest of possibly several maxima; ``"DL"`` [DL], never below 0;
        ``"PM"`` [PM]; ``"common"``, which assumes that there is none.
    interval
        ``"wald"``, normal; ``"hk"`` [HK], t with k - 1 degrees of freedom and a standard error from the spread of the estimates;
        ``"hk-adhoc"``, the same where that standard error is larger than the ordinary one, else the ordinary one.
    level
        Of all intervals, as a fraction.

    One study is not pooled: the result is the study itself, with normal limits.

    Raises `ValueError` for no study, different lengths, values that are not finite, a standard error that is not above 0,
    standard errors too far apart to compute with, an unknown method or interval, and Knapp-Hartung with one study.
    """
    if method not in METHODS:
        raise ValueError(f"method is {method!r}, expected one of {', '.join(METHODS)}")
    if interval not in INTERVALS:
        raise ValueError(f"interval is {interval!r}, expected one of {', '.join(INTERVALS)}")
    level = effects.at_level(level)
    studies = _Studies(estimate, standard_error)
    if studies.k == 1 and interval != "wald":
        raise ValueError(
            f'interval is {interval!r} with one study: Knapp-Hartung needs the spread of at least two; "wald" gives the study itself'
        )

    df = studies.k - 1
    common = studies.fit(0.0)
    tau2 = {"REML": studies.reml, "DL": studies.dl, "PM": studies.pm, "common": lambda: 0.0}[method]() if df else 0.0
    fit = studies.fit(tau2)
    # [HK]: the ordinary variance times the mean weighted square of the residuals.
    hk_error = fit.error * math.sqrt(fit.q / df) if df else math.nan
    if interval == "hk-adhoc":
        hk_error = max(hk_error, fit.error)
    error = fit.error if interval == "wald" else hk_error
    df_used = None if interval == "wald" else df
    low, high = effects.interval(fit.mean, error, level=level, df=df_used)
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = float(np.float64(fit.mean) / error)

    if not df:
        h2 = 1.0
    elif method == "common":
        h2 = common.q / df
    else:
        h2 = 1 + tau2 / studies.typical_variance()
    limits = studies.q_profile(level) if method != "common" and df else Interval(math.nan, math.nan)
    weights = fit.weights / fit.weights.sum()
    weights.flags.writeable = False
    return Pool(
        k=studies.k,
        method=method,
        interval=interval,
        level=level,
        estimate=float(fit.mean),
        standard_error=float(error),
        ci_low=float(low),
        ci_high=float(high),
        statistic=statistic,
        df=float(df_used or math.inf),
        p_value=float(effects.p_value(fit.mean, error, df=df_used)),
        tau2=float(tau2 * studies.unit**2),
        tau2_ci=Interval(float(limits.low * studies.unit**2), float(limits.high * studies.unit**2)),
        i2=float(max(0.0, 1 - 1 / h2)) if h2 > 0 else 0.0,
        h2=float(h2),
        q=float(common.q),
        q_df=df,
        q_p=float(chdtrc(df, common.q)) if df else 1.0,
        weights=weights,
        _wald_error=float(fit.error),
        _hk_error=float(hk_error),
    )


def leave_one_out(
    estimate: ArrayLike, standard_error: ArrayLike, *, method: str = "REML", interval: str = "wald", level: float = 0.95
) -> tuple[Pool, ...]:
    """The pool without each study in turn: element i lacks study i. Arguments and errors as `pool`; at least two studies are needed."""
    y, error = _vectors(estimate, standard_error)
    if y.size < 2:
        raise ValueError("leaving one out needs at least two studies")
    kept = (np.arange(y.size) != i for i in range(y.size))
    return tuple(pool(y[keep], error[keep], method=method, interval=interval, level=level) for keep in kept)


def cumulative(
    estimate: ArrayLike,
    standard_error: ArrayLike,
    *,
    order: Sequence[int] | None = None,
    method: str = "REML",
    interval: str = "wald",
    level: float = 0.95,
) -> tuple[Pool, ...]:
    """The pool after each study as it came in: element j holds the first j + 1 studies.

    `order` is the positions of the studies, counted from 0, in the order of entry (`numpy.argsort` of the years, say); without it
    they come in as they stand. The first element is a study alone, with normal limits whatever the `interval`.
    Arguments and errors otherwise as `pool`.
    """
    y, error = _vectors(estimate, standard_error)
    order = list(range(y.size)) if order is None else [int(i) for i in order]
    if sorted(order) != list(range(y.size)):
        raise ValueError(f"order is {order}, expected each position from 0 to {y.size - 1} once")
    return tuple(
        pool(y[order[:j]], error[order[:j]], method=method, interval=interval if j > 1 else "wald", level=level)
        for j in range(1, y.size + 1)
    )


# --- the studies of a pool ---------------------------------------------------------------------------------------------------------


def _vectors(estimate: ArrayLike, standard_error: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Estimates and standard errors, equally many and usable, or `ValueError`."""
    y, error = np.atleast_1d(effects.numbers("estimate", estimate)), np.atleast_1d(effects.positive("standard_error", standard_error))
    if y.ndim > 1 or y.shape != error.shape:
        raise ValueError(f"expected one standard error for each estimate; found {y.size} estimates and {error.size} standard errors")
    if not y.size:
        raise ValueError("no study to pool")
    return y, error


@dataclass(frozen=True)
class _Fit:
    """The pooled estimate at one tau², in the units of the input."""

    mean: float
    error: float
    q: float  #: Σw(y - mu)²
    weights: np.ndarray


class _Studies:
    """Checked studies, in a unit and about a centre that keep the arithmetic exact: all tau² here are in `unit`²."""

    def __init__(self, estimate: ArrayLike, standard_error: ArrayLike):
        y, error = _vectors(estimate, standard_error)
        self.k = y.size
        # A power of two only moves the exponent: no digit is lost, and no sum of squares over- or underflows.
        self.unit = 2.0 ** np.round(np.log2(np.median(error)))
        self.centre = np.median(y)
        self.y = (y - self.centre) / self.unit
        self.v = (error / self.unit) ** 2
        furthest = max(np.ptp(y), error.max())
        if not furthest / error.min() < _WIDEST_RATIO:
            raise ValueError(
                f"standard_error is {error.min():g} in one study and {furthest:g} is in another: too far apart to compute with"
            )

    @property
    def spread(self) -> float:
        return float(np.ptp(self.y))

    def _moments(self, tau2) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Weights, their sum, mu and Q at each tau², which is one number or a column of them."""
        w = 1 / (self.v + tau2)
        total = w.sum(axis=-1, keepdims=True)
        mu = (w * self.y).sum(axis=-1, keepdims=True) / total
        return w, total, mu, (w * (self.y - mu) ** 2).sum(axis=-1)

    def fit(self, tau2: float) -> _Fit:
        w, total, mu, q = self._moments(tau2)
        return _Fit(mu.item() * self.unit + self.centre, self.unit / math.sqrt(total.item()), float(q), w)

    def means(self, tau2: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """mu and its standard error at each of many tau²."""
        parts = [self._moments(column)[1:3] for column in self._blocks(tau2)]
        return np.concatenate([mu[:, 0] for _, mu in parts]), np.concatenate([total[:, 0] for total, _ in parts]) ** -0.5

    def typical_variance(self) -> float:
        """The variance within studies that I² sets tau² against [HT]."""
        return (self.k - 1) / float(_freedom(1 / self.v))

    def dl(self) -> float:
        return max(0.0, (self.fit(0.0).q - (self.k - 1)) / float(_freedom(1 / self.v)))

    def pm(self) -> float:
        return self._tau2_with_q(self.k - 1)

    def q_profile(self, level: float) -> Interval:
        """The tau² at which Q is within the central part of its distribution [V]; NaN if there is none."""
        tail = (1 - level) / 2
        largest, smallest = chdtri(self.k - 1, tail), chdtri(self.k - 1, 1 - tail)
        if self.fit(0.0).q < smallest:
            return Interval(math.nan, math.nan)
        return Interval(self._tau2_with_q(largest), self._tau2_with_q(smallest))

    def _tau2_with_q(self, wanted: float) -> float:
        """The tau² at which Q, which falls as tau² grows, is `wanted`; 0 if it is smaller from the start."""
        if self.fit(0.0).q <= wanted:
            return 0.0
        # Q is at most k spread² / tau², so the root lies below this.
        above = 1.001 * self.k * self.spread**2 / wanted
        return brentq(lambda tau2: self.fit(tau2).q - wanted, 0.0, above, xtol=1e-15 * above, rtol=8.9e-16, maxiter=500)

    def reml(self) -> float:
        if self.spread == 0:
            return 0.0
        # Beyond this the score is negative: Σw²(y - mu)² is at most k spread² / tau⁴, and what is taken off is at least (k - 1) / 4 tau².
        largest = 1.01 * max(self.v.max(), 8 * self.spread**2)
        return highest(self._score, self._restricted_likelihood, 1e-3 * self.v.min(), largest)

    def _score(self, tau2: np.ndarray) -> np.ndarray:
        def one(column: np.ndarray) -> np.ndarray:
            w, _, mu, _ = self._moments(column)
            return ((w * (self.y - mu)) ** 2).sum(axis=-1) / 2 - _freedom(w) / 2

        return np.concatenate([one(column) for column in self._blocks(tau2)])

    def _restricted_likelihood(self, tau2: np.ndarray) -> np.ndarray:
        def one(column: np.ndarray) -> np.ndarray:
            w, total, _, q = self._moments(column)
            return (np.log(w).sum(axis=-1) - np.log(total[..., 0]) - q) / 2

        return np.concatenate([one(column) for column in self._blocks(tau2)])

    def _blocks(self, tau2: np.ndarray) -> Iterator[np.ndarray]:
        rows = max(1, _BLOCK // self.k)
        yield from (tau2[i : i + rows, None] for i in range(0, len(tau2), rows))


def _freedom(w: np.ndarray) -> np.ndarray:
    """Σw - Σw²/Σw along the last axis, as Σw(Σw - w)/Σw with the bracket summed from the other weights.

    The plain form loses every digit when one study has nearly all the weight.
    """
    before = np.cumsum(w, axis=-1) - w
    before[..., 0] = 0.0
    before[..., 1:] = np.cumsum(w, axis=-1)[..., :-1]
    after = np.zeros_like(w)
    after[..., :-1] = np.cumsum(w[..., :0:-1], axis=-1)[..., ::-1]
    return (w * (before + after)).sum(axis=-1) / w.sum(axis=-1)


# --- few studies: a prior on the heterogeneity -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class HalfNormal:
    """What a few studies say together, when the heterogeneity is given a half-normal prior."""

    k: int
    scale: float  #: of the prior on tau, in the unit of the estimates
    level: float
    estimate: float  #: posterior median of the mean effect
    standard_error: float  #: its posterior standard deviation
    ci_low: float  #: equal-tailed credible interval
    ci_high: float
    tau: float  #: posterior mean of the standard deviation between studies


#: Gauss-Legendre points on each panel of tau.
_NODES = 12
#: The panels are halved until no result moves by more than this part of the posterior standard deviation.
_SETTLED = 1e-10


def half_normal(estimate: ArrayLike, standard_error: ArrayLike, *, scale: float, level: float = 0.95) -> HalfNormal:
    """The mean effect of two or more studies with a half-normal prior on tau and a flat one on the mean [R].

    With two or three studies the heterogeneity cannot be estimated: `scale` says what is plausible, in the unit of the estimates
    (half of the prior lies below 0.67 scale). Show half and twice the scale beside it.
    tau is integrated out by quadrature; given tau the effect is normal, so the posterior is a mixture of normals.

    Raises `ValueError` as `pool`, for a scale that is not above 0, and for one study: its interval would be the prior.
    """
    level, scale = effects.at_level(level), float(effects.positive("scale", scale))
    studies = _Studies(estimate, standard_error)
    if studies.k < 2:
        raise ValueError("one study says nothing about heterogeneity: at least two are needed")
    prior = scale / studies.unit
    # The likelihood falls beyond the first term (see `reml`), and ten scales further the prior has left less than 1e-21.
    last = max(np.sqrt(studies.v.max()), 3 * studies.spread) + 10 * prior
    first = 1e-3 * min(np.sqrt(studies.v.min()), prior)
    panels = 8 * math.ceil(math.log10(last / first))
    result = _mixture(studies, prior, np.concatenate([[0.0], np.geomspace(first, last, panels)]), level)
    while True:
        panels *= 2
        finer = _mixture(studies, prior, np.concatenate([[0.0], np.geomspace(first, last, panels)]), level)
        if np.abs(finer - result).max() < _SETTLED * finer[1]:
            break
        result = finer
    mean, spread, low, high, tau = (float(x) for x in finer)
    unit, centre = float(studies.unit), float(studies.centre)
    return HalfNormal(studies.k, scale, level, mean * unit + centre, spread * unit, low * unit + centre, high * unit + centre, tau * unit)


def _mixture(studies: _Studies, prior: float, edges: np.ndarray, level: float) -> np.ndarray:
    """Median, SD and limits of the effect, and mean of tau, in the unit of `studies`."""
    node, weight = np.polynomial.legendre.leggauss(_NODES)
    half = np.diff(edges)[:, None] / 2
    tau = (edges[:-1, None] + half * (1 + node)).ravel()
    log_density = studies._restricted_likelihood(tau**2) - (tau / prior) ** 2 / 2
    mass = (half * weight).ravel() * np.exp(log_density - log_density.max())
    mass /= mass.sum()
    mu, error = studies.means(tau**2)
    mean = mass @ mu
    sd = np.sqrt(mass @ (error**2 + (mu - mean) ** 2))

    def at(probability: float) -> float:
        def excess(x: float) -> float:
            return mass @ ndtr((x - mu) / error) - probability

        width = 40 * error.max()
        return brentq(excess, mu.min() - width, mu.max() + width, xtol=1e-14 * sd, rtol=8.9e-16)

    low, median, high = at((1 - level) / 2), at(0.5), at((1 + level) / 2)
    return np.array([median, sd, low, high, mass @ tau])


# --- counts of patients ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CountPool:
    """What several two-by-two tables say together. Ratios are logs, differences are of fractions.

    All figures but the counts are NaN where the tables have no estimate: no event, or events in one arm only (for a ratio).
    """

    measure: str  #: OR, RR or RD; Peto's is an odds ratio
    k: int  #: number of tables
    k_used: int  #: tables that bear on the measure: a ratio gets nothing from a table without events
    level: float
    estimate: float
    standard_error: float
    ci_low: float
    ci_high: float
    p_value: float
    q: float  #: heterogeneity about the pooled estimate, over the tables that are not without events
    q_df: int
    q_p: float


def mantel_haenszel(
    events_a: ArrayLike, n_a: ArrayLike, events_b: ArrayLike, n_b: ArrayLike, measure: str = "OR", *, level: float = 0.95
) -> CountPool:
    """Patients with an event, pooled by Mantel-Haenszel: OR with the variance of [RBG], RR of [GR], RD of [SGR].

    Nothing is added to a zero cell in the pooling; only Q, which compares single studies, takes 0.5 as `effects.two_by_two` does.
    A table without events in either arm counts for a risk difference and not for a ratio.
    Raises `ValueError` for counts that cannot be patients, different lengths, no table, or an unknown measure.
    """
    if measure not in ("OR", "RR", "RD"):
        raise ValueError(f"measure is {measure!r}, expected OR, RR or RD")
    a, n1, c, n2 = _tables(events_a, n_a, events_b, n_b)
    b, d, n = n1 - a, n2 - c, n1 + n2
    informative = ((a > 0) | (c > 0)) & ((b > 0) | (d > 0))
    with np.errstate(divide="ignore", invalid="ignore"):
        if measure == "OR":
            p, q, r, s = (a + d) / n, (b + c) / n, a * d / n, b * c / n
            top, bottom = r.sum(), s.sum()
            variance = (p * r).sum() / (2 * top**2) + (p * s + q * r).sum() / (2 * top * bottom) + (q * s).sum() / (2 * bottom**2)
            estimate = np.log(top / bottom)
        elif measure == "RR":
            top, bottom = (a * n2 / n).sum(), (c * n1 / n).sum()
            variance = ((n1 * n2 * (a + c) - a * c * n) / n**2).sum() / (top * bottom)
            estimate = np.log(top / bottom)
        else:
            weight = (n1 * n2 / n).sum()
            estimate = ((a * n2 - c * n1) / n).sum() / weight
            p = (n1**2 * c - n2**2 * a + n1 * n2 * (n2 - n1) / 2) / n**2
            q = (a * (n2 - c) + c * (n1 - a)) / (2 * n)
            variance = (estimate * p.sum() + q.sum()) / weight**2
    single = effects.two_by_two(a, n1, c, n2, measure, correct="both")
    used = informative if measure != "RD" else np.ones_like(informative)
    squares = ((single.estimate - estimate) / single.standard_error)[informative] ** 2
    return _count_pool(measure, used, informative, estimate, variance, squares.sum(), level)


def peto(events_a: ArrayLike, n_a: ArrayLike, events_b: ArrayLike, n_b: ArrayLike, *, level: float = 0.95) -> CountPool:
    """Patients with an event, pooled as Peto's log odds ratio: Σ(O - E) / ΣV [Y].

    For rare events, arms of like size and small effects; biased otherwise. Nothing is added to a zero cell, and a table without events
    has no weight. Raises `ValueError` as `mantel_haenszel`.
    """
    a, n1, c, n2 = _tables(events_a, n_a, events_b, n_b)
    n, events = n1 + n2, a + c
    excess = a - events * n1 / n
    variance = n1 * n2 * events * (n - events) / (n**2 * np.maximum(n - 1, 1))
    used = variance > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        estimate = excess.sum() / variance.sum()
        squares = (excess - variance * estimate)[used] ** 2 / variance[used]
        return _count_pool("OR", used, used, estimate, 1 / variance.sum(), squares.sum(), level)


def _tables(*counts: ArrayLike) -> tuple[np.ndarray, ...]:
    tables = tuple(np.atleast_1d(array) for array in effects.patient_counts(*counts))
    if not tables[0].size:
        raise ValueError("no study to pool")
    return tables


def _count_pool(measure: str, used: np.ndarray, compared: np.ndarray, estimate, variance, q, level: float) -> CountPool:
    defined = math.isfinite(estimate) and math.isfinite(variance) and variance > 0
    estimate, error, q = (float(estimate), math.sqrt(variance), float(q)) if defined else (math.nan,) * 3
    low, high = effects.interval(estimate, error, level=effects.at_level(level))
    df = max(int(compared.sum()) - 1, 0)
    return CountPool(
        measure=measure,
        k=used.size,
        k_used=int(used.sum()),
        level=level,
        estimate=estimate,
        standard_error=error,
        ci_low=float(low),
        ci_high=float(high),
        p_value=float(effects.p_value(estimate, error)),
        q=q,
        q_df=df,
        q_p=float(chdtrc(df, q)) if df and defined else math.nan,
    )
