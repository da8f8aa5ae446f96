"""Several treatments, compared through each other.

Every trial gives the contrasts of its first arm with its other arms. A trial with more than two arms gives several, and they are not
independent: two that share an arm have the covariance (v_ba + v_bc - v_ac)/2 and, for the heterogeneity, tau²/2. The effects of all
treatments follow by generalised least squares, which is the same as the weighted graph of Rücker.

What a network says holds if the trials could have been one trial: the same patients, time and background in all that matters.

References
----------
[B]  Bucher et al. 1997, J Clin Epidemiol 50:683
[D]  Dias et al. 2010, Stat Med 29:932; König, Krahn & Binder 2013, Stat Med 32:5414 (direct and indirect)
[J]  Jackson, White & Riley 2012, Stat Med 31:3805 (tau², method of moments)
[K]  Krahn, Binder & König 2013, BMC Med Res Methodol 13:35 (Q within and between designs)
[R]  Rücker 2012, Res Synth Methods 3:312; Rücker & Schwarzer 2014, Stat Med 33:4353
[RS] Rücker & Schwarzer 2015, BMC Med Res Methodol 15:58 (P-scores)
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import chdtrc, ndtr

from . import effects
from .likelihood import highest

METHODS = ("common", "DL", "REML")
COLUMNS = ("study", "treatment_a", "treatment_b", "estimate", "standard_error")

#: How far the contrasts of one trial may miss each other, in its largest standard error. What a report rounds away is less.
_CONSISTENT = 0.01
#: Standard errors further apart than this leave too few digits for the weakest comparison.
_WIDEST_RATIO = 1e8
#: A direct estimate with at least this share of the information leaves nothing that could be called indirect evidence.
_ALL_DIRECT = 1 - 1e-9


class Indirect(NamedTuple):
    """An indirect comparison of a with c."""

    estimate: float
    standard_error: float
    ci_low: float
    ci_high: float
    p_value: float


def bucher(estimate_ab: float, standard_error_ab: float, estimate_cb: float, standard_error_cb: float, *, level: float = 0.95) -> Indirect:
    """a against c through their common comparator b [B]: the difference of the two differences. Ratios as logs.

    True if what changes the effects is balanced between the two sets of trials; no test can tell from these numbers.
    Raises `ValueError` for values that are not finite or standard errors that are not above 0.
    """
    ab, cb = effects.numbers("estimate_ab", estimate_ab), effects.numbers("estimate_cb", estimate_cb)
    error = np.hypot(effects.positive("standard_error_ab", standard_error_ab), effects.positive("standard_error_cb", standard_error_cb))
    low, high = effects.interval(ab - cb, error, level=level)
    return Indirect(*(float(x) for x in (ab - cb, error, low, high, effects.p_value(ab - cb, error))))


@dataclass(frozen=True)
class Network:
    """What a network of trials says. A contrast is treatment a minus treatment b; of ratios the log."""

    method: str
    level: float  #: of all intervals, as a fraction
    treatments: tuple  #: in the order of their names
    k: int  #: number of studies
    tau2: float  #: variance between studies, one for all contrasts; 0 by assumption for ``common``; NaN without degrees of freedom
    i2: float  #: share of Q beyond its degrees of freedom, 0 to 1; NaN without any
    q_total: float  #: of the common-effect network
    q_total_df: int
    q_total_p: float  #: NaN without degrees of freedom, as the next two
    q_within: float  #: heterogeneity between studies of the same design, that is, with the same arms [K]
    q_within_df: int
    q_within_p: float
    q_between: float  #: inconsistency between designs [K]
    q_between_df: int
    q_between_p: float
    _effect: np.ndarray = field(repr=False, compare=False)  #: of each treatment against the first
    _factor: np.ndarray = field(repr=False, compare=False)  #: see `_Solution.factor`
    _pairs: pd.DataFrame = field(repr=False, compare=False)  #: direct evidence
    _designs: pd.DataFrame = field(repr=False, compare=False)

    def league(self) -> pd.DataFrame:
        """Every treatment against every other, both ways round: treatment_a, treatment_b, estimate, standard_error, ci_low, ci_high."""
        rows = []
        for i, a in enumerate(self.treatments):
            for j, b in enumerate(self.treatments):
                if i != j:
                    estimate, error = self._contrast(i, j)
                    rows.append((a, b, estimate, error, *effects.interval(estimate, error, level=self.level)))
        return pd.DataFrame(rows, columns=["treatment_a", "treatment_b", "estimate", "standard_error", "ci_low", "ci_high"])

    def split(self) -> pd.DataFrame:
        """Direct against indirect evidence, one row a pair of treatments [D].

        Direct is the pool of all studies with both arms, each with its own variance plus tau²; indirect is what the network must have
        added to it. `difference` is direct minus indirect, with its test. `proportion_direct` is the share of the information.
        NaN: direct without a study, indirect where nothing but the direct evidence connects the two, difference without either.
        """
        rows = []
        for i, j in combinations(range(len(self.treatments)), 2):
            a, b = self.treatments[i], self.treatments[j]
            estimate, error = self._contrast(i, j)
            k, direct, direct_error = self._direct(a, b)
            share = (error / direct_error) ** 2 if k else 0.0
            if k and share >= _ALL_DIRECT:
                share, indirect, indirect_error = 1.0, math.nan, math.nan
            else:
                indirect = (estimate - share * direct) / (1 - share) if k else estimate
                indirect_error = error / math.sqrt(1 - share)
            difference, difference_error = direct - indirect, math.hypot(direct_error, indirect_error)
            p = float(effects.p_value(difference, difference_error))
            rows.append((a, b, k, share, direct, direct_error, indirect, indirect_error, difference, difference_error, p))
        return pd.DataFrame(
            rows,
            columns=[
                "treatment_a", "treatment_b", "k", "proportion_direct", "direct", "direct_standard_error",
                "indirect", "indirect_standard_error", "difference", "difference_standard_error", "p_value",
            ],
        )  # fmt: skip

    def p_scores(self, better: str = "higher") -> pd.Series:
        """How surely each treatment is better than another, on average over the others, 0 to 1 [RS]; `better` higher or lower.

        A ranking of certainty, not of size or worth: not to be shown without the effects and their intervals.
        """
        if better not in ("higher", "lower"):
            raise ValueError(f'better is {better!r}, expected "higher" or "lower"')
        sign = 1 if better == "higher" else -1
        others = range(len(self.treatments))
        scores = []
        for i in others:
            contrasts = [self._contrast(i, j) for j in others if j != i]
            scores.append(float(np.mean([ndtr(sign * estimate / error) for estimate, error in contrasts])))
        return pd.Series(scores, index=pd.Index(self.treatments, name="treatment"), name="p_score")

    def prediction(self) -> pd.DataFrame:
        """Where the effect in a further, similar study would lie: treatment_a, treatment_b, estimate, pi_low, pi_high.

        t with the degrees of freedom of `q_total`, on √(SE² + tau²), as netmeta; programs differ.
        NaN for ``common``, which knows no other studies, below three studies, and without degrees of freedom.
        """
        table = self.league()
        defined = self.method != "common" and self.k >= 3 and self.q_total_df > 0
        error = np.sqrt(table["standard_error"] ** 2 + self.tau2) if defined else math.nan
        low, high = effects.interval(table["estimate"], error, level=self.level, df=self.q_total_df if defined else None)
        return table[["treatment_a", "treatment_b", "estimate"]].assign(pi_low=low, pi_high=high)

    def designs(self) -> pd.DataFrame:
        """The designs (sets of arms) with the heterogeneity between their studies: design, k, q, df, p_value."""
        return self._designs.copy()

    def _contrast(self, i: int, j: int) -> tuple[float, float]:
        estimate = self._effect[i] - self._effect[j]
        return float(estimate), float(np.linalg.norm(self._factor[i] - self._factor[j]))

    def _direct(self, a, b) -> tuple[int, float, float]:
        """Number of studies, estimate and standard error of the direct evidence for a against b."""
        found = self._pairs[(self._pairs["treatment_a"] == a) & (self._pairs["treatment_b"] == b)]
        if found.empty:
            return 0, math.nan, math.nan
        weight = 1 / (found["variance"] + (0.0 if math.isnan(self.tau2) else self.tau2))
        return len(found), float((weight * found["estimate"]).sum() / weight.sum()), float(weight.sum() ** -0.5)


def fit(contrasts: pd.DataFrame, *, method: str = "common", level: float = 0.95) -> Network:
    """Network meta-analysis of contrasts between arms.

    Parameters
    ----------
    contrasts
        One row a contrast: study, treatment_a, treatment_b, estimate (a minus b, ratios as logs), standard_error. A data frame, or
        what makes one. A trial with m arms has all its m(m - 1)/2 contrasts: their standard errors tell how they hang together.
    method
        ``"common"`` assumes that studies of one contrast do not differ; ``"DL"`` takes tau² from moments [J]; ``"REML"`` from the
        restricted likelihood, at its highest maximum, with the full covariance of trials with several arms.
    level
        Of all intervals, as a fraction.

    Without degrees of freedom (each contrast known from one place only) tau² is NaN, and the result is that of the common effect.

    Raises `ValueError`, naming every study at fault, for missing columns or values, a standard error that is not above 0, an arm
    against itself, a pair that is twice in a study, a trial that lacks contrasts or whose contrasts contradict each other, treatments
    that no chain of trials connects, an unknown method.
    """
    if method not in METHODS:
        raise ValueError(f"method is {method!r}, expected one of {', '.join(METHODS)}")
    level = effects.at_level(level)
    table = _checked(contrasts)
    evidence = _Evidence(table)
    common = evidence.solve(0.0)
    df = evidence.df
    if method == "common":
        tau2 = 0.0
    elif not df:
        tau2 = math.nan
    elif method == "DL":
        tau2 = max(0.0, (common.q - df) / common.freedom)
    else:
        tau2 = evidence.reml()
    result = evidence.solve(0.0 if math.isnan(tau2) else tau2)
    designs = evidence.designs()
    within, within_df = float(designs["q"].sum()), int(designs["df"].sum())
    # The two parts are computed apart and rounding must not make the difference negative, nor something where nothing is left.
    between_df = df - within_df
    between = max(0.0, common.q - within) if between_df else 0.0
    unit = evidence.unit
    return Network(
        method=method,
        level=level,
        treatments=evidence.treatments,
        k=evidence.k,
        tau2=tau2 * unit**2,
        i2=(max(0.0, 1 - df / common.q) if common.q > 0 else 0.0) if df else math.nan,
        q_total=common.q,
        q_total_df=df,
        q_total_p=_chi_squared_p(common.q, df),
        q_within=within,
        q_within_df=within_df,
        q_within_p=_chi_squared_p(within, within_df),
        q_between=between,
        q_between_df=between_df,
        q_between_p=_chi_squared_p(between, between_df),
        _effect=result.effect * unit,
        _factor=result.factor * unit,
        _pairs=evidence.pairs(),
        _designs=designs,
    )


def _chi_squared_p(q: float, df: int) -> float:
    return float(chdtrc(df, q)) if df else math.nan


# --- checked input -----------------------------------------------------------------------------------------------------------------


def _checked(contrasts: pd.DataFrame) -> pd.DataFrame:
    """The contrasts with a before b in every row, or `ValueError` with all that is wrong with them."""
    table = pd.DataFrame(contrasts)
    missing = [column for column in COLUMNS if column not in table.columns]
    if missing:
        raise ValueError(f"the contrasts lack the column {', '.join(missing)}; needed are {', '.join(COLUMNS)}")
    if table.empty:
        raise ValueError("no study to pool")
    table = table.loc[:, list(COLUMNS)].reset_index(drop=True)
    found: list[tuple[int, str]] = []
    for column in COLUMNS[:3]:
        empty = table[column].isna() | (table[column].astype(str).str.strip() == "")
        found += [(i, f"row {i + 1}: {column} is empty") for i in table.index[empty]]
    for column, expected in (("estimate", "a finite number"), ("standard_error", "a finite number above 0")):
        values = pd.to_numeric(table[column], errors="coerce").to_numpy(dtype=float, na_value=math.nan)
        usable = np.isfinite(values) & ((column == "estimate") | (values > 0))
        found += [(i, f"study {row['study']}: {column} is {row[column]}, expected {expected}") for i, row in table[~usable].iterrows()]
        table[column] = values
    problems = [text for _, text in sorted(found)]
    if problems:
        raise ValueError("\n".join(problems))
    problems += [
        f"study {row.study}: {row.treatment_a} is compared with itself" for row in table.itertuples() if str(row.treatment_a) == str(row.treatment_b)
    ]  # fmt: skip
    turned = table["treatment_a"].astype(str) > table["treatment_b"].astype(str)
    table.loc[turned, ["treatment_a", "treatment_b"]] = table.loc[turned, ["treatment_b", "treatment_a"]].to_numpy()
    table.loc[turned, "estimate"] *= -1
    if not problems:
        problems = [text for study, rows in table.groupby("study", sort=False) for text in _contradictions(study, rows)]
    if not problems:
        problems = _unconnected(table)
    if not problems and table["standard_error"].max() / table["standard_error"].min() > _WIDEST_RATIO:
        problems = ["the standard errors are too far apart to compute with"]
    if problems:
        raise ValueError("\n".join(problems))
    return table


def _contradictions(study, rows: pd.DataFrame) -> list[str]:
    """What keeps the contrasts of one study from being those of one trial."""
    pairs = Counter(zip(rows["treatment_a"], rows["treatment_b"], strict=True))
    twice = [f"study {study}: {a} against {b} is there {n} times" for (a, b), n in pairs.items() if n > 1]
    if twice:
        return twice
    arms = sorted({arm for pair in pairs for arm in pair}, key=str)
    lacking = [f"{a} against {b}" for a, b in combinations(arms, 2) if (a, b) not in pairs]
    if lacking:
        return [f"study {study}: has {len(arms)} arms and lacks {', '.join(lacking)}; all contrasts are needed"]
    estimate, variance = _square(rows, arms)
    effect = estimate.mean(axis=1)
    miss = np.abs(estimate - (effect[:, None] - effect[None, :])).max()
    if miss > _CONSISTENT * math.sqrt(variance.max()):
        return [f"study {study}: its contrasts contradict each other, the sum round a loop of arms is not 0"]
    if len(arms) > 2 and np.linalg.eigvalsh(_covariance(variance)).min() <= 1e-12 * variance.max():
        return [f"study {study}: its standard errors contradict each other, no covariance between the arms gives them"]
    return []


def _square(rows: pd.DataFrame, arms: list) -> tuple[np.ndarray, np.ndarray]:
    """Estimates (row minus column) and variances of all pairs of arms of a study."""
    place = {arm: i for i, arm in enumerate(arms)}
    estimate, variance = np.zeros((2, len(arms), len(arms)))
    for row in rows.itertuples():
        i, j = place[row.treatment_a], place[row.treatment_b]
        estimate[i, j], estimate[j, i] = row.estimate, -row.estimate
        variance[i, j] = variance[j, i] = row.standard_error**2
    return estimate, variance


def _covariance(variance: np.ndarray) -> np.ndarray:
    """Covariance of the contrasts of all other arms with the first."""
    return (variance[1:, :1] + variance[:1, 1:] - variance[1:, 1:]) / 2


def _unconnected(table: pd.DataFrame) -> list[str]:
    """The parts of a network that no trial connects."""
    part = {treatment: treatment for treatment in pd.concat([table["treatment_a"], table["treatment_b"]])}
    for row in table.itertuples():
        old, new = part[row.treatment_b], part[row.treatment_a]
        part = {treatment: new if p == old else p for treatment, p in part.items()}
    parts = {p: sorted(str(t) for t in part if part[t] == p) for p in part.values()}
    if len(parts) == 1:
        return []
    studies = {p: sorted({str(row.study) for row in table.itertuples() if part[row.treatment_a] == p}) for p in parts}
    listed = "; ".join(f"{', '.join(members)} (study {', '.join(studies[p])})" for p, members in parts.items())
    return [f"the network is in {len(parts)} parts that no trial connects: {listed}"]


# --- generalised least squares -----------------------------------------------------------------------------------------------------


class _Solution(NamedTuple):
    """The network at one tau², in `_Evidence.unit`."""

    effect: np.ndarray  #: of each treatment against the first
    factor: np.ndarray  #: row i minus row j, squared and summed, is the variance of treatment i against j
    q: float
    score: float  #: derivative of the restricted log-likelihood
    likelihood: float
    freedom: float  #: what Q grows by for each unit of tau² [J]


class _Group(NamedTuple):
    """The studies with the same number of arms."""

    arms: np.ndarray  #: studies × m: places of the treatments, in order
    estimate: np.ndarray  #: studies × (m - 1): of the other arms against the first
    covariance: np.ndarray  #: studies × (m - 1) × (m - 1)
    design: np.ndarray  #: studies × (m - 1) × (treatments - 1)
    heterogeneity: np.ndarray  #: (m - 1) × (m - 1): 1 on the diagonal, 1/2 off it


class _Evidence:
    """Checked contrasts, as independent blocks. `unit` is a power of two near the standard errors, so that no digit is lost."""

    def __init__(self, table: pd.DataFrame):
        self.table = table
        self.unit = float(2.0 ** np.round(np.log2(table["standard_error"].median())))
        self.treatments = tuple(sorted(set(table["treatment_a"]) | set(table["treatment_b"]), key=str))
        place = {treatment: i for i, treatment in enumerate(self.treatments)}
        studies: dict[int, list] = {}
        for _, rows in table.groupby("study", sort=False):
            arms = sorted(set(rows["treatment_a"]) | set(rows["treatment_b"]), key=str)
            estimate, variance = _square(rows, arms)
            # The mean of a row is the arm's effect: what rounding leaves of a contradiction is spread evenly over the arms.
            effect = estimate.mean(axis=1) / self.unit
            studies.setdefault(len(arms), []).append(
                ([place[arm] for arm in arms], effect[1:] - effect[0], _covariance(variance) / self.unit**2)
            )
        self.groups = [self._group(found) for found in studies.values()]
        self.k = sum(len(group.arms) for group in self.groups)
        self.df = sum(group.estimate.size for group in self.groups) - len(self.treatments) + 1

    def _group(self, found: list) -> _Group:
        arms, estimate, covariance = (np.array(part) for part in zip(*found, strict=True))
        identity = np.eye(len(self.treatments))
        design = (identity[arms[:, 1:]] - identity[arms[:, :1]])[:, :, 1:]
        size = arms.shape[1] - 1
        return _Group(arms, estimate, covariance, design, (np.eye(size) + 1) / 2)

    def solve(self, tau2: float) -> _Solution:
        """Generalised least squares by QR of the whitened contrasts, which keeps twice the digits of the normal equations."""
        roots = [np.linalg.cholesky(group.covariance + tau2 * group.heterogeneity) for group in self.groups]
        white = [np.linalg.solve(root, group.design) for root, group in zip(roots, self.groups, strict=True)]
        y = [np.linalg.solve(root, group.estimate[:, :, None]) for root, group in zip(roots, self.groups, strict=True)]
        between = [
            np.linalg.solve(root, np.linalg.solve(root, np.broadcast_to(group.heterogeneity, root.shape)).swapaxes(1, 2))
            for root, group in zip(roots, self.groups, strict=True)
        ]
        columns = len(self.treatments) - 1
        whole = np.concatenate([x.reshape(-1, columns) for x in white])
        target = np.concatenate([x.ravel() for x in y])
        q, r = np.linalg.qr(whole)
        effect = np.linalg.solve(r, q.T @ target)
        residual = target - q @ (q.T @ target)
        squares = traces = 0.0
        at = 0
        for part in between:
            rows = part.shape[0] * part.shape[1]
            e = residual[at : at + rows].reshape(part.shape[:2])
            h = q[at : at + rows].reshape(*part.shape[:2], columns)
            squares += np.einsum("si,sij,sj->", e, part, e)
            traces += np.einsum("sii->", part) - np.einsum("sip,sij,sjp->", h, part, h)
            at += rows
        log_det = sum(np.log(np.diagonal(root, axis1=1, axis2=2)).sum() for root in roots)
        total = float(residual @ residual)
        factor = np.vstack([np.zeros(columns), np.linalg.inv(r)])
        return _Solution(
            effect=np.concatenate([[0.0], effect]),
            factor=factor,
            q=total,
            score=float(squares - traces) / 2,
            likelihood=float(-log_det - np.log(np.abs(np.diag(r))).sum() - total / 2),
            freedom=float(traces),
        )

    def reml(self) -> float:
        variances = np.concatenate([np.diagonal(group.covariance, axis1=1, axis2=2).ravel() for group in self.groups])
        squares = sum(float((group.estimate**2).sum()) for group in self.groups)
        return highest(
            lambda grid: np.array([self.solve(tau2).score for tau2 in grid]),
            lambda grid: np.array([self.solve(tau2).likelihood for tau2 in grid]),
            1e-3 * variances.min(),
            100 * max(variances.max(), squares),
        )

    def designs(self) -> pd.DataFrame:
        """Q of the studies of each design about their common contrasts [K]."""
        rows = []
        for group in self.groups:
            for arms in np.unique(group.arms, axis=0):
                of = (group.arms == arms).all(axis=1)
                weight, y = np.linalg.inv(group.covariance[of]), group.estimate[of]
                mean = np.linalg.solve(weight.sum(axis=0), np.einsum("sij,sj->i", weight, y))
                q = float(np.einsum("si,sij,sj->", y - mean, weight, y - mean)) if len(y) > 1 else 0.0
                df = (len(y) - 1) * y.shape[1]
                rows.append((":".join(str(self.treatments[i]) for i in arms), len(y), q, df, _chi_squared_p(q, df)))
        return pd.DataFrame(rows, columns=["design", "k", "q", "df", "p_value"]).sort_values("design", ignore_index=True)

    def pairs(self) -> pd.DataFrame:
        """Every contrast of every study, as it was given."""
        return self.table.assign(variance=self.table["standard_error"] ** 2)
