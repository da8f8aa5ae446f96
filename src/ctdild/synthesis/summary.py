"""What a declared pool says: its studies, the figure that heads it, and what other methods make of the same studies.

Everything here is on the scale that readers see: ratios as ratios, risk differences as patients per 100. One rule for all pools,
so that no method is chosen by its result:

- printed contrasts, two studies: the common effect heads, since two studies cannot tell how much studies differ. Beside it stand
  random effects with a Knapp-Hartung interval, and a half-normal prior on the heterogeneity at three scales;
- printed contrasts, three and more: random effects (REML) with the Knapp-Hartung interval, never narrower than the ordinary one.
  The common effect stands beside it;
- patients with an event: the Mantel-Haenszel risk ratio, which assumes one ratio for all, and the risk difference as the absolute effect; the prior, or from three
  studies on random effects, beside them. Where no comparator
  patient had the event there is no ratio, and the risk difference heads, with Peto's odds ratio beside it.

A prediction interval from five studies on; nothing on heterogeneity from two; leaving out and adding up from three.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..evidence import Evidence, Row
from ..measures import RATIOS, null_value
from . import effects, pairwise, pools
from .pools import Comparison, Judged, PoolRefusedError, judge

#: Scale of the half-normal prior on the standard deviation between studies, by unit: half of the prior lies below 0.67 of it.
PRIOR_SCALES = {"percentage points": 2.0, "mL/year": 40.0, "mL": 40.0}
#: The same for log ratios.
PRIOR_SCALE_RATIO = 0.5
#: Most studies for which such a prior is shown: with more the spread is estimated.
_PRIOR_UP_TO = 3
#: Fewest studies for a prediction interval, and for leaving one out or adding up by year.
PREDICTED_FROM, VARIED_FROM = 5, 3
#: How claims and text ask for the headline without a trial: ``without-senscis``.
WITHOUT = "without-"
#: A common effect of 2.8 standard errors is shown with a power of 80 %: 1.96 of them for the test, 0.84 for the power.
_DETECTABLE = 1.959964 + 0.841621


@dataclass(frozen=True)
class Answer:
    """One way of pooling and what comes of it, on the scale that readers see."""

    key: str  #: how claims and text ask for it: ``common``, ``random``, ``prior``, ``risk-difference`` ...
    method: str  #: in words, as inside a sentence
    measure: str  #: MD, RR, OR, RD ...
    estimate: float
    low: float
    high: float
    null: float
    credible: bool = False  #: whether the interval is a credible one

    @property
    def includes_null(self) -> bool:
        return self.low <= self.null <= self.high


@dataclass(frozen=True)
class Study:
    """One study of a pool, on the scale of its headline; without estimate where its counts allow none."""

    comparison: Comparison
    estimate: float
    low: float
    high: float
    computed: bool  #: whether the interval is computed here (from a p-value or counts), not printed
    weight: float  #: share in the headline

    @property
    def defined(self) -> bool:
        return math.isfinite(self.estimate)


@dataclass(frozen=True)
class Summary:
    """A pool as readers meet it. Made by `summarise`."""

    judged: Judged
    outcome: Row
    unit: str  #: of the headline, empty for a ratio
    decimals: int  #: as many as the studies printed
    studies: tuple[Study, ...]
    headline: Answer
    others: tuple[Answer, ...]
    absolute: Answer | None  #: patients per 100, for counts
    number_needed: effects.NumberNeeded | None
    between: Answer | None  #: second study minus first, where there are two
    tau: float | None  #: standard deviation between three and more studies
    tau_ci: tuple[float, float] | None
    i2: float | None
    q_p: float | None
    prediction: tuple[float, float] | None  #: from five studies on
    detectable: float | None  #: true difference shown with a power of 80 %, if the effect is common; of common effects in a unit only

    @property
    def pool_id(self) -> str:
        return self.judged.pool_id

    @property
    def k(self) -> int:
        return len(self.studies)

    @property
    def n(self) -> int | None:
        """Patients of all studies; None where the number of one was not read."""
        sizes = [study.comparison.n for study in self.studies]
        return None if None in sizes else sum(sizes)

    @property
    def answers(self) -> dict[str, Answer]:
        """Every answer by its key, the headline first."""
        found = [self.headline, *self.others, *([self.absolute] if self.absolute else []), *([self.between] if self.between else [])]
        return {answer.key: answer for answer in found}

    def answer(self, key: str) -> Answer | None:
        """An answer by its key, the headline by an empty one; from three studies on ``without-senscis`` is the headline without that trial.

        None where there is no such answer.
        """
        if key.startswith(WITHOUT) and self.k >= VARIED_FROM:
            left_out = (answer for study, answer in leave_one_out(self) if study.comparison.trial_id == key.removeprefix(WITHOUT))
            return next(left_out, None)
        return self.answers.get(key) if key else self.headline

    @property
    def refs(self) -> tuple[str, ...]:
        """The addresses of which its figures are figures: the pool, and every row that entered it."""
        return (self.pool_id, *(row.id for row in self.rows))

    @property
    def rows(self) -> list[Row]:
        """The rows that entered it."""
        return [row for study in self.studies for row in study.comparison.rows]

    @property
    def control_risks(self) -> tuple[float, float] | None:
        """Smallest and largest share of comparator patients with the event, per 100; None for contrasts."""
        counts = [study.comparison.counts for study in self.studies]
        risks = [100 * pair[1].events / pair[1].n for pair in counts if pair]
        return (min(risks), max(risks)) if risks else None


def summarise(evidence: Evidence, pool_id: str) -> Summary:
    """What a pool of ``pools.csv`` says.

    Raises `KeyError` for an unknown pool and `ctdild.synthesis.pools.PoolRefusedError` for one that the gate refuses, that an
    editor decided to show apart, or that has one study.
    """
    if ("summary", pool_id) not in evidence.memo:
        evidence.memo["summary", pool_id] = _summarised(evidence, pool_id)
    return evidence.memo["summary", pool_id]


def _summarised(evidence: Evidence, pool_id: str) -> Summary:
    judged = judge(evidence, pool_id)
    judged.require_open()
    if not judged.drawn:
        raise PoolRefusedError(f"{pool_id} is a single study: there is nothing to pool")
    return _of_counts(judged, evidence) if judged.members[0].arms else _of_contrasts(judged, evidence)


def leave_one_out(summary: Summary) -> tuple[tuple[Study, Answer], ...]:
    """The headline without each study in turn. Raises `ValueError` below three studies."""
    _enough(summary)
    keep = [[other for other in range(summary.k) if other != left_out] for left_out in range(summary.k)]
    return tuple((summary.studies[i], _headline_of(summary, chosen)) for i, chosen in enumerate(keep))


def cumulative(summary: Summary, years: Sequence[int | None]) -> tuple[tuple[Study, Answer], ...]:
    """The headline after each study, in the order of ``years``, one a study. The first two are a study alone and a common effect.

    Raises `ValueError` below three studies.
    """
    _enough(summary)
    order = sorted(range(summary.k), key=lambda i: (years[i] is None, years[i] or 0, i))
    return tuple((summary.studies[order[j - 1]], _headline_of(summary, order[:j])) for j in range(1, summary.k + 1))


def indirect(summary: Summary, comparison: Comparison) -> Answer:
    """A comparison against a pool, through the comparator that both share [Bucher 1997].

    The standard error of the pool is the ordinary one: of the common effect for two studies, of random effects for more.
    Raises `ValueError` for a pool of counts.
    """
    if summary.absolute is not None:
        raise ValueError(f"{summary.pool_id} pools counts: it has no printed contrast to set another against")
    from .network import bucher  # late: it brings pandas

    pooled = summary.judged.pool(method="common" if summary.k == 2 else "REML")
    found = bucher(*comparison.effect(), pooled.estimate, pooled.standard_error)
    return _answer([comparison], "indirect", "indirect comparison", found.estimate, found.ci_low, found.ci_high)


def _enough(summary: Summary) -> None:
    if summary.k < VARIED_FROM:
        raise ValueError(f"{summary.pool_id} has {summary.k} studies: varied from {VARIED_FROM} on")


def _headline_of(summary: Summary, chosen: Sequence[int]) -> Answer:
    """What the headline's method gives for some of the studies."""
    comparisons = [summary.studies[i].comparison for i in chosen]
    if len(chosen) == 1:
        one = summary.studies[chosen[0]]
        return replace(summary.headline, key="study", method="one study", estimate=one.estimate, low=one.low, high=one.high)
    if comparisons[0].arms:
        return _count_answer(comparisons, summary.headline.measure, summary.headline.key)
    return _headline(comparisons)


# --- printed contrasts ---------------------------------------------------------------------------------------------------------------


def _of_contrasts(judged: Judged, evidence: Evidence) -> Summary:
    comparisons = judged.members
    row = comparisons[0].row
    headline = _headline(comparisons)
    common, random = _contrast_answer(comparisons, "common"), _contrast_answer(comparisons, "random")
    two = len(comparisons) == 2
    pooled = pools.pool(comparisons, method="REML", interval="hk-adhoc")
    weights = pools.pool(comparisons, method="common" if two else "REML").weights
    studies = tuple(_contrast_study(one, float(weight)) for one, weight in zip(comparisons, weights, strict=True))
    others = (random, *_prior_answers(comparisons)) if two else (common, _contrast_answer(comparisons, "dl"), *_prior_answers(comparisons))
    predicted = pooled.prediction("HTS") if len(comparisons) >= PREDICTED_FROM else None
    ratio = row.measure in RATIOS
    return Summary(
        judged=judged,
        outcome=evidence.outcome(row),
        unit="" if ratio else row.unit,
        decimals=2 if ratio else max(one.row.estimate.decimals for one in comparisons),
        studies=studies,
        headline=headline,
        others=others,
        absolute=None,
        number_needed=None,
        between=_between(comparisons) if two else None,
        tau=None if two else math.sqrt(pooled.tau2),
        tau_ci=None if two else (math.sqrt(pooled.tau2_ci.low), math.sqrt(pooled.tau2_ci.high)),
        i2=None if two else pooled.i2,
        q_p=None if two else pooled.q_p,
        prediction=None if predicted is None else tuple(_shown(x, ratio) for x in predicted),
        detectable=_DETECTABLE * pools.pool(comparisons, method="common").standard_error if two and not ratio else None,
    )


def _headline(comparisons: Sequence[Comparison]) -> Answer:
    """Two studies have a common effect, more have random effects."""
    return _contrast_answer(comparisons, "random" if len(comparisons) > 2 else "common")


_RANDOM_TWO = "random effects (REML), Knapp-Hartung interval"
_RANDOM = "random effects (REML), Knapp-Hartung interval, never narrower than ordinary"
_SETTINGS = {
    "common": ("common effect", {"method": "common"}),
    "dl": ("random effects (DerSimonian-Laird), ordinary interval", {"method": "DL"}),
}


def _contrast_answer(comparisons: Sequence[Comparison], key: str) -> Answer:
    if key == "random":
        # With two studies the plain Knapp-Hartung interval shows how little they say; with more the wider of the two is taken.
        method, interval = (_RANDOM_TWO, "hk") if len(comparisons) == 2 else (_RANDOM, "hk-adhoc")
        settings = {"method": "REML", "interval": interval}
    else:
        method, settings = _SETTINGS[key]
    pooled = pools.pool(comparisons, **settings)
    return _answer(comparisons, key, method, pooled.estimate, pooled.ci_low, pooled.ci_high)


def _prior_answers(comparisons: Sequence[Comparison]) -> list[Answer]:
    """A half-normal prior on the spread between studies, where it can hardly be estimated."""
    row = comparisons[0].row
    ratio = row.measure in RATIOS
    scale = PRIOR_SCALE_RATIO if ratio else PRIOR_SCALES.get(row.unit)
    if scale is None or len(comparisons) > _PRIOR_UP_TO:
        return []
    y, error = zip(*(one.effect() for one in comparisons), strict=True)
    found = _priors(y, error, scale, "" if ratio else f" {row.unit}")
    return [_answer(comparisons, key, method, *limits, credible=True) for key, method, limits in found]


def _priors(y: Sequence[float], error: Sequence[float], scale: float, unit: str) -> list[tuple[str, str, tuple[float, float, float]]]:
    """Key, method, and estimate with limits at the scale, half and twice of it."""
    found = []
    for key, factor in (("prior", 1.0), ("prior-half", 0.5), ("prior-twice", 2.0)):
        result = pairwise.half_normal(y, error, scale=factor * scale)
        method = f"half-normal prior on the spread between studies, scale {factor * scale:g}{unit}"
        found.append((key, method, (result.estimate, result.ci_low, result.ci_high)))
    return found


def _between(comparisons: Sequence[Comparison]) -> Answer:
    """By how much the second study's effect exceeds the first's. Studies were not randomised: it says nothing of why."""
    (first, first_error), (second, second_error) = (one.effect() for one in comparisons)
    error = math.hypot(first_error, second_error)
    low, high = effects.interval(second - first, error)
    return _answer(comparisons, "between", "second study minus first", second - first, float(low), float(high))


def _contrast_study(comparison: Comparison, weight: float) -> Study:
    row = comparison.row
    if comparison.origin == "interval" and row.ci_level == 95:
        return Study(comparison, float(row.estimate), float(row.ci_low), float(row.ci_high), False, weight)
    estimate, error = comparison.effect()
    low, high = effects.interval(estimate, error)
    ratio = row.measure in RATIOS
    return Study(comparison, float(row.estimate), _shown(float(low), ratio), _shown(float(high), ratio), True, weight)


def _answer(comparisons, key: str, method: str, estimate: float, low: float, high: float, credible: bool = False) -> Answer:
    row = comparisons[0].row
    ratio = row.measure in RATIOS
    shown = (_shown(x, ratio) for x in (estimate, low, high))
    return Answer(key, method, row.measure, *shown, null_value(row), credible)


def _shown(value: float, ratio: bool) -> float:
    return math.exp(value) if ratio else value


# --- patients with an event ------------------------------------------------------------------------------------------------------------


def _of_counts(judged: Judged, evidence: Evidence) -> Summary:
    comparisons = judged.members
    outcome = evidence.outcome(comparisons[0].row)
    ratio = _count_answer(comparisons, "RR", "risk-ratio")
    absolute = _count_answer(comparisons, "RD", "risk-difference")
    has_ratio = math.isfinite(ratio.estimate)
    headline = ratio if has_ratio else absolute
    shares = _mantel_haenszel_shares(comparisons, headline.measure)
    others = _varied_counts(comparisons) if has_ratio else [_count_answer(comparisons, "Peto", "peto")]
    needed = effects.number_needed(
        absolute.estimate / 100, absolute.low / 100, absolute.high / 100, event="benefit" if outcome.better == "higher" else "harm"
    )
    return Summary(
        judged=judged,
        outcome=outcome,
        unit="" if has_ratio else "patients per 100",
        decimals=2 if has_ratio else 1,
        studies=tuple(_count_study(one, headline.measure, share) for one, share in zip(comparisons, shares, strict=True)),
        headline=headline,
        others=tuple(answer for answer in others if math.isfinite(answer.estimate)),
        absolute=absolute,
        number_needed=needed,
        between=None,
        tau=None,
        tau_ci=None,
        i2=None,
        q_p=judged.pool_counts(headline.measure).q_p if len(comparisons) > 2 and has_ratio else None,
        prediction=None,
        detectable=None,
    )


_COUNTED = {"RR": "Mantel-Haenszel risk ratio", "RD": "Mantel-Haenszel risk difference", "Peto": "Peto's odds ratio"}


def _count_answer(comparisons: Sequence[Comparison], measure: str, key: str) -> Answer:
    pooled = pools.pool_counts(comparisons, measure)
    difference = measure == "RD"
    shown = [100 * x if difference else math.exp(x) for x in (pooled.estimate, pooled.ci_low, pooled.ci_high)]
    return Answer(key, _COUNTED[measure], "OR" if measure == "Peto" else measure, *shown, 0.0 if difference else 1.0)


def _varied_counts(comparisons: Sequence[Comparison]) -> list[Answer]:
    """The log risk ratios under other assumptions: random effects from three studies on, a prior on the spread up to three."""
    single = effects.two_by_two(*pools.count_columns(comparisons), "RR")
    defined = [math.isfinite(x) for x in single.estimate]
    y, error = single.estimate[defined], single.standard_error[defined]
    found = []
    if len(y) >= VARIED_FROM:
        pooled = pairwise.pool(y, error, method="REML", interval="hk-adhoc")
        shown = (math.exp(x) for x in (pooled.estimate, pooled.ci_low, pooled.ci_high))
        found.append(Answer("random", f"{_RANDOM}, on log risk ratios", "RR", *shown, 1.0))
    if 2 <= len(y) <= _PRIOR_UP_TO:
        found += [
            Answer(key, method, "RR", *(math.exp(x) for x in limits), 1.0, True)
            for key, method, limits in _priors(y, error, PRIOR_SCALE_RATIO, " on log risk ratios")
        ]
    return found


def _mantel_haenszel_shares(comparisons: Sequence[Comparison], measure: str) -> list[float]:
    """What each study adds to the Mantel-Haenszel figure, as a share of one."""
    weights = []
    for one in comparisons:
        a, b = one.counts
        weights.append((b.events if measure == "RR" else b.n) * a.n / (a.n + b.n))
    return [weight / sum(weights) for weight in weights]


def _count_study(comparison: Comparison, measure: str, weight: float) -> Study:
    a, b = comparison.counts
    if measure == "RD":
        low, high = effects.risk_difference_interval(a.events, a.n, b.events, b.n)
        return Study(comparison, *(100 * x for x in (a.events / a.n - b.events / b.n, low, high)), True, weight)
    single = effects.two_by_two(a.events, a.n, b.events, b.n, measure)
    low, high = effects.interval(single.estimate, single.standard_error)
    return Study(comparison, *(math.exp(x) for x in (single.estimate, low, high)), True, weight)
