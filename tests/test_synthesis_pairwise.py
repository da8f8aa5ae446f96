"""Ring 3: pooling one comparison gives what R gives, keeps its laws, and refuses what cannot be pooled."""

from __future__ import annotations

import math

import numpy as np
import pytest
import reference
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import halfnorm, norm

from ctdild.synthesis import effects, pairwise

NAMES = {"EE": "common", "z": "wald", "HK": "hk", "HK_adhoc": "hk-adhoc"}
TESTS = {"wald": "z", "hk": "knha", "hk-adhoc": "adhoc"}
COUNTS = ("events1", "n1", "events2", "n2")


# --- what R computed -----------------------------------------------------------------------------------------------------------------


def fitted_as(key: str) -> tuple[str, str]:
    """Method and interval that a key of the references names, such as ``REML_HK_adhoc`` or ``common``."""
    method, _, interval = key.partition("_")
    return method if method != "common" else "common", NAMES.get(interval, "wald")


def ends(interval) -> dict[str, float]:
    return {"lb": interval.low, "ub": interval.high}


def block(pool: pairwise.Pool) -> dict:
    """A pooled block of the references."""
    found = {
        "k": pool.k,
        "method": "EE" if pool.method == "common" else pool.method,
        "test": TESTS[pool.interval],
        "estimate": pool.estimate,
        "se": pool.standard_error,
        "statistic": pool.statistic,
        "df": pool.df if math.isfinite(pool.df) else None,
        "pval": pool.p_value,
        "ci_lb": pool.ci_low,
        "ci_ub": pool.ci_high,
        "tau2": pool.tau2,
        "I2_pct": 100 * pool.i2,
        "H2": pool.h2,
        "Q": pool.q,
        "Q_df": pool.q_df,
        "Q_pval": pool.q_p,
        "weights_pct": 100 * pool.weights,
    }
    if pool.method == "common":
        found["pi_metafor_default"] = ends(pool.prediction())
    elif pool.interval != "wald" and pool.k > 2:
        found["pi_metafor_default"] = ends(pool.prediction("HK"))
    if pool.method != "common" and pool.k > 2:
        found["pi_riley_t_km2"] = ends(pool.prediction("HTS" if pool.interval == "wald" else "HK-PR"))
    if pool.method != "common" and pool.interval == "wald" and pool.k > 1:
        empty = math.isnan(pool.tau2_ci.low)
        found["tau2_ci_Qprofile"] = {"both_bounds_below_zero_so_interval_is_the_null_set": empty}
        if not empty:
            found["tau2_ci_Qprofile"] |= {"tau2_lb": pool.tau2_ci.low, "tau2_ub": pool.tau2_ci.high}
    return found


def blocks(y, error) -> dict:
    """All pooled blocks of one set of studies."""
    found = {"common_EE_z": block(pairwise.pool(y, error, method="common"))}
    for method in ("DL", "PM", "REML"):
        for test in ("z", "HK", "HK_adhoc"):
            if test == "z" or len(y) > 1:
                found[f"{method}_{test}"] = block(pairwise.pool(y, error, method=method, interval=NAMES[test]))
    return found


def predictions(y, error, method: str = "REML") -> dict:
    found = {}
    for name in ("classic__V", "classic__HTS", "classic__S", "HK__V", "HK__HTS", "HK__S", "HK__HK", "HK__HK-PR"):
        interval, _, rule = name.partition("__")
        pool = pairwise.pool(y, error, method=method, interval="wald" if interval == "classic" else "hk")
        found[name] = {"random_ci": interval, "predict_rule": rule, "estimate": pool.estimate, "se": pool.standard_error}
        found[name] |= {"ci_lb": pool.ci_low, "ci_ub": pool.ci_high}
        if rule != "S" and (pool.k > 2 or rule in ("HTS", "HK-PR")):
            found[name] |= {"pi_lb": pool.prediction(rule).low, "pi_ub": pool.prediction(rule).high}
    return found


def refits(pools) -> dict:
    return {
        "estimate": [pool.estimate for pool in pools],
        "se": [pool.standard_error for pool in pools],
        "ci_lb": [pool.ci_low for pool in pools],
        "ci_ub": [pool.ci_high for pool in pools],
        "pval": [pool.p_value for pool in pools],
        "Q": [pool.q for pool in pools],
        "tau2": [pool.tau2 for pool in pools],
        "I2_pct": [100 * pool.i2 for pool in pools],
    }


def left_out(y, error, *keys: str) -> dict:
    found = {}
    for key in keys:
        method, interval = fitted_as(key)
        found[f"leave_one_out_{key}"] = refits(pairwise.leave_one_out(y, error, method=method, interval=interval))
    return found


def entered(y, error, order, method: str) -> dict:
    return {"rows_in_order_of_entry": order + 1} | refits(pairwise.cumulative(y, error, order=order, method=method))


def rows(name: str, *columns: str) -> list[np.ndarray]:
    return [np.array([row[column] for row in reference.load(name)["inputs"]["rows"]], dtype=float) for column in columns]


def pairwise_md() -> dict:
    arms = rows("pairwise_md", "mean1", "sd1", "n1", "mean2", "sd2", "n2")
    (year,) = rows("pairwise_md", "year")
    found = {}
    for measure, function in {"MD": effects.mean_difference, "SMD": effects.standardised_mean_difference}.items():
        y, error = function(*arms)
        found[measure] = {"yi": y, "vi": error**2, **blocks(y, error)}
        found[measure] |= {f"prediction_intervals_meta_{method}": predictions(y, error, method) for method in ("REML", "DL")}
        found[measure] |= left_out(y, error, "common", "REML_z", "REML_HK")
        found[measure] |= {f"cumulative_{method}_z": entered(y, error, np.argsort(year), method) for method in ("REML", "DL")}
        found[measure]["cumulative_REML_z_largest_first"] = entered(y, error, np.argsort(error), "REML")
    return found


def counted(pool: pairwise.CountPool) -> dict:
    return {
        "estimate": pool.estimate,
        "se": pool.standard_error,
        "ci_lb": pool.ci_low,
        "ci_ub": pool.ci_high,
        "z": pool.estimate / pool.standard_error,
        "pval": pool.p_value,
        "k_used": pool.k_used,
        "Q": pool.q,
        "Q_df": pool.q_df,
    }


def count_pools(tables) -> dict:
    found = {"study_effects": {}, "iv": {}, "MH": {}, "MH_meta_exact": {}, "Peto": counted(pairwise.peto(*tables))}
    for measure in ("OR", "RR", "RD"):
        every = effects.two_by_two(*tables, measure, correct="both", double_zero=True)
        used = effects.two_by_two(*tables, measure, correct="both")
        found["study_effects"][measure] = {"yi": every.estimate, "vi": every.standard_error**2}
        if measure != "RD":
            found["study_effects"][measure] |= {"yi_drop00": used.estimate, "vi_drop00": used.standard_error**2}
        rows_used = np.flatnonzero(np.isfinite(used.estimate))
        y, error = used.estimate[rows_used], used.standard_error[rows_used]
        found["iv"][measure] = {
            "rows_used": rows_used + 1,
            **blocks(y, error),
            "prediction_intervals_meta_REML": predictions(y, error),
        }
        pool = counted(pairwise.mantel_haenszel(*tables, measure))
        found["MH"][measure] = pool
        same_in_meta = ("estimate", "k_used") if measure == "RD" else ("estimate", "se", "ci_lb", "ci_ub", "k_used")
        found["MH_meta_exact"][measure] = {key: pool[key] for key in same_in_meta}
    y, error = effects.two_by_two(*tables, "RD")
    common = pairwise.pool(y, error, method="common")
    found["study_effects"]["RD_meta_convention"] = {
        "yi": y, "sei": error, "common_estimate": common.estimate, "common_se": common.standard_error,
    }  # fmt: skip
    y, error = effects.two_by_two(*tables, "RD", correct="both")
    found["NNT_from_RD_REML_z"] = needed_from_difference(pairwise.pool(y, error))
    return found


def needed_from_difference(pool: pairwise.Pool) -> dict:
    needed = effects.number_needed(pool.estimate, pool.ci_low, pool.ci_high)
    sign = {"NNTB": -1, "NNTH": 1}
    bounds = [sign[kind] * x for kind, low, high in needed.pieces for x in ((low, high) if len(needed.pieces) == 1 else (low,))]
    return {
        "rd": pool.estimate,
        "rd_lb": pool.ci_low,
        "rd_ub": pool.ci_high,
        "nnt": needed.value,
        "bound_from_rd_lb": bounds[0],
        "bound_from_rd_ub": bounds[1],
        "rd_interval_excludes_0": len(needed.pieces) == 1,
    }


def needed_from_ratio(pool: pairwise.Pool) -> dict:
    risks = [0.05, 0.1, 0.2, 0.4]
    needed = [effects.number_needed_from_ratio(pool.estimate, pool.ci_low, pool.ci_high, risk) for risk in risks]
    assert {one.kind for one in needed} == {"NNTB"}
    return {
        "rr": math.exp(pool.estimate),
        "rr_lb": math.exp(pool.ci_low),
        "rr_ub": math.exp(pool.ci_high),
        "assumed_control_risk": risks,
        "rd": [float(effects.absolute_risk(pool.estimate, risk)) - risk for risk in risks],
        "nnt": [one.value for one in needed],
        "nnt_from_rr_lb": [one.pieces[0][1] for one in needed],
        "nnt_from_rr_ub": [one.pieces[0][2] for one in needed],
    }


def pairwise_binary() -> dict:
    tables = rows("pairwise_binary", *COUNTS)
    found = count_pools(tables)
    for measure in ("OR", "RR", "RD"):
        found["iv"][measure] |= left_out(*effects.two_by_two(*tables, measure), "REML_HK")
    y, error = effects.two_by_two(*tables, "RR")
    found["NNT_from_RR_REML_z"] = needed_from_ratio(pairwise.pool(y, error))
    found["NNT_from_RR_REML_HK"] = needed_from_ratio(pairwise.pool(y, error, interval="hk"))
    return found


def rare_events() -> dict:
    tables = rows("rare_events", *COUNTS)
    without = np.flatnonzero(np.isnan(effects.two_by_two(*tables, "OR").estimate))
    return count_pools(tables) | {"zero_cells": {"double_zero_rows": without + 1}}


def hr() -> dict:
    ratio, low, high = rows("hr", "hr", "lower", "upper")
    y, error = np.log(ratio), effects.standard_error_from_interval(low, high, scale="log")
    found = {"log_hr": y, "se_from_ci": error, **blocks(y, error), "prediction_intervals_meta_REML": predictions(y, error)}
    found |= left_out(y, error, "REML_HK")
    for key in ("common", "REML_z", "REML_HK", "REML_HK_adhoc"):
        method, interval = fitted_as(key)
        pool = pairwise.pool(y, error, method=method, interval=interval)
        found[f"pooled_hr_{key}"] = {"estimate": math.exp(pool.estimate), "ci_lb": math.exp(pool.ci_low), "ci_ub": math.exp(pool.ci_high)}
    return found


def sets_of(name: str) -> dict:
    found = {}
    for key, given_ in reference.load(name)["inputs"].items():
        found[key] = blocks(given_["yi"], given_["sei"])
        if len(given_["yi"]) > 1:
            found[key]["prediction_intervals_meta_REML"] = predictions(given_["yi"], given_["sei"])
    return found


COMPUTED = {"hr": hr, "pairwise_binary": pairwise_binary, "pairwise_md": pairwise_md, "rare_events": rare_events}


@pytest.mark.parametrize("name", reference.walked_by(__file__))
def test_every_number_is_that_of_r(name):
    reference.compare(name, COMPUTED[name]() if name in COMPUTED else sets_of(name))


# --- a second judge ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["DL", "REML"])
@pytest.mark.parametrize("k", [3, 5, 12])
def test_pymare_agrees(method, k):
    from pymare import meta_regression

    rng = np.random.default_rng(k)
    y, error = rng.normal(1, 2, k), rng.uniform(0.5, 2, k)
    result = meta_regression(y, error**2, method=method)
    fixed, between = result.get_fe_stats(), result.get_re_stats()
    pool = pairwise.pool(y, error, method=method, interval="hk")
    theirs = [fixed["est"], fixed["se"], fixed["ci_l"], fixed["ci_u"], between["tau^2"], between["ci_l"], between["ci_u"]]
    found = [pool.estimate, pool.standard_error, pool.ci_low, pool.ci_high, pool.tau2, *pool.tau2_ci]
    assert found == pytest.approx([np.asarray(x).item() for x in theirs], rel=1e-5, abs=1e-6)


def restricted_likelihood(tau2: float, y, error) -> float:
    """By explicit matrices, from the definition: nothing is shared with the module."""
    covariance = np.diag(np.asarray(error) ** 2 + tau2)
    ones = np.ones((len(y), 1))
    inverse = np.linalg.inv(covariance)
    information = ones.T @ inverse @ ones
    mean = np.linalg.solve(information, ones.T @ inverse @ y)
    residual = y - ones @ mean
    return -0.5 * (np.linalg.slogdet(covariance)[1] + np.linalg.slogdet(information)[1] + residual @ inverse @ residual)


def best_by_search(y, error) -> tuple[float, float]:
    """tau² with the highest restricted likelihood and that likelihood, by looking everywhere."""
    grid = np.concatenate([[0.0], np.geomspace(1e-6, 1e4, 4000)])
    at = int(np.argmax([restricted_likelihood(t, y, error) for t in grid]))
    if at == 0:
        return 0.0, restricted_likelihood(0.0, y, error)
    found = minimize_scalar(
        lambda t: -restricted_likelihood(t, y, error), bounds=(grid[at - 1], grid[min(at + 1, len(grid) - 1)]), method="bounded", options={"xatol": 1e-12}
    )  # fmt: skip
    return found.x, -found.fun


@pytest.mark.parametrize("y, error", reference.TWO_MAXIMA.values(), ids=reference.TWO_MAXIMA)
def test_reml_is_the_highest_of_several_maxima(y, error):
    tau2, likelihood = best_by_search(y, error)
    pool = pairwise.pool(y, error)
    assert restricted_likelihood(pool.tau2, y, error) >= likelihood - 1e-9
    assert pool.tau2 == pytest.approx(tau2, rel=1e-4, abs=1e-9)


def test_the_two_maxima_are_what_they_are_called():
    """A case that lost its second maximum would test nothing."""
    grid = np.geomspace(1e-5, 1e3, 2000)
    maxima = {}
    for name, (y, error) in reference.TWO_MAXIMA.items():
        values = np.array([restricted_likelihood(t, y, error) for t in np.concatenate([[0.0], grid])])
        inner = np.flatnonzero((values[1:-1] > values[:-2]) & (values[1:-1] > values[2:]))
        maxima[name] = len(inner) + bool(values[0] > values[1])
    assert maxima == dict.fromkeys(reference.TWO_MAXIMA, 2)


def test_half_normal_is_what_two_dimensional_integration_gives():
    y, error, scale = [2.53, 4.19], [1.15053134536509, 2.39334742464885], 2.0
    mu, tau = np.linspace(-30, 40, 2801), np.linspace(0, 20, 1601)
    density = halfnorm.pdf(tau, scale=scale)[None, :] * np.prod(
        [norm.pdf(one, mu[:, None], np.sqrt(se**2 + tau[None, :] ** 2)) for one, se in zip(y, error, strict=True)], axis=0
    )
    tau_weight = np.where((tau == 0) | (tau == tau[-1]), 0.5, 1.0)
    marginal = density @ tau_weight
    marginal /= marginal.sum()
    below = np.cumsum(marginal) - marginal / 2
    low, median, high = (np.interp(q, below, mu) for q in (0.025, 0.5, 0.975))
    mean = marginal @ mu
    tau_marginal = density.sum(axis=0) * tau_weight
    found = pairwise.half_normal(y, error, scale=scale)
    assert [found.ci_low, found.estimate, found.ci_high] == pytest.approx([low, median, high], abs=2e-4)
    assert found.standard_error == pytest.approx(np.sqrt(marginal @ (mu - mean) ** 2), abs=2e-4)
    assert found.tau == pytest.approx(tau_marginal @ tau / tau_marginal.sum(), abs=2e-4)


def test_half_normal_follows_its_prior():
    y, error = [2.53, 4.19], [1.15, 2.39]
    narrow, middle, wide = (pairwise.half_normal(y, error, scale=scale) for scale in (1.0, 2.0, 4.0))
    assert narrow.ci_low > middle.ci_low > wide.ci_low
    nearly_none = pairwise.half_normal(y, error, scale=1e-6)
    common = pairwise.pool(y, error, method="common")
    assert [nearly_none.estimate, nearly_none.standard_error, nearly_none.ci_low, nearly_none.ci_high] == pytest.approx(
        [common.estimate, common.standard_error, common.ci_low, common.ci_high], rel=1e-9
    )


def test_half_normal_finds_heterogeneity_that_the_prior_did_not_expect():
    found = pairwise.half_normal([0.0, 10.0, -10.0], [0.1, 0.1, 0.1], scale=0.5)
    assert found.tau > 2
    assert found.ci_low < -2 < 2 < found.ci_high


# --- the figures of the review -------------------------------------------------------------------------------------------------------


def test_cyclophosphamide_in_sls_1_and_fast(evidence):
    """The published pool of the two trials is 2.83 (0.80 to 4.87)."""
    sls, fast = evidence.row("sls-1.all.fvc-pp.w52"), evidence.row("fast.all.fvc-pp.w52")
    error = [effects.standard_error_from_interval(sls.ci_low, sls.ci_high), effects.standard_error_from_p(fast.estimate, fast.p_value)]
    y = [sls.estimate, fast.estimate]
    common = pairwise.pool(y, error, method="common")
    assert [round(x, 2) for x in (common.estimate, common.ci_low, common.ci_high)] == [2.84, 0.81, 4.87]
    knapp_hartung = pairwise.pool(y, error, interval="hk")
    assert [round(x, 1) for x in (knapp_hartung.ci_low, knapp_hartung.ci_high)] == [-5.4, 11.1]


def test_nintedanib_in_senscis_and_the_autoimmune_part_of_inbuild(evidence):
    """A published synthesis has 52.49 (18.38 to 86.59)."""
    trials = [evidence.row("senscis.all.fvc-rate.w52"), evidence.row("inbuild.autoimmune.fvc-rate.w52")]
    error = [effects.standard_error_from_interval(row.ci_low, row.ci_high) for row in trials]
    common = pairwise.pool([row.estimate for row in trials], error, method="common")
    assert [round(x, 1) for x in (common.estimate, common.ci_low, common.ci_high)] == [52.5, 18.2, 86.8]
    assert [round(math.sqrt(common.q), 2), round(common.q_p, 2)] == [1.37, 0.17]


# --- laws ----------------------------------------------------------------------------------------------------------------------------

ESTIMATES = st.floats(-50, 50).map(lambda x: round(x, 3))
ERRORS = st.floats(0.01, 20).map(lambda x: round(x, 3))
STUDIES = st.lists(st.tuples(ESTIMATES, ERRORS), min_size=2, max_size=9).map(lambda pairs: tuple(np.array(pairs).T))
METHODS = st.sampled_from(pairwise.METHODS)
INTERVALS = st.sampled_from(pairwise.INTERVALS)

NUMBERS = ("estimate", "standard_error", "ci_low", "ci_high", "p_value", "tau2", "i2", "q", "q_p")


def numbers(pool: pairwise.Pool) -> list[float]:
    return [getattr(pool, name) for name in NUMBERS] + list(pool.tau2_ci) + list(pool.prediction())


@settings(deadline=None)
@given(STUDIES, METHODS, INTERVALS, st.randoms(use_true_random=False))
def test_order_of_studies_does_not_matter(studies, method, interval, random):
    y, error = studies
    order = list(range(len(y)))
    random.shuffle(order)
    one, other = (pairwise.pool(y[i], error[i], method=method, interval=interval) for i in (slice(None), order))
    assert numbers(other) == pytest.approx(numbers(one), rel=1e-6, abs=1e-7, nan_ok=True)
    assert other.weights == pytest.approx(one.weights[order], rel=1e-6, abs=1e-9)


@settings(deadline=None)
@given(STUDIES, METHODS, INTERVALS, st.integers(-40, 40))
def test_unit_does_not_matter(studies, method, interval, exponent):
    """mL instead of L: what has a unit follows it, what has none stays. By powers of two nothing is rounded, so it is exact."""
    (y, error), factor = studies, 2.0**exponent
    one, other = (pairwise.pool(f * y, f * error, method=method, interval=interval) for f in (1.0, factor))
    scaled = dict(zip(NUMBERS, (1, 1, 1, 1, 0, 2, 0, 0, 0), strict=True))
    for name, power in scaled.items():
        assert getattr(other, name) == pytest.approx(factor**power * getattr(one, name), rel=1e-12, abs=0, nan_ok=True), name
    assert list(other.tau2_ci) == pytest.approx([factor**2 * x for x in one.tau2_ci], rel=1e-12, nan_ok=True)


@settings(deadline=None)
@given(STUDIES, METHODS, INTERVALS)
def test_swapping_the_arms_turns_the_sign(studies, method, interval):
    y, error = studies
    one, other = pairwise.pool(y, error, method=method, interval=interval), pairwise.pool(-y, error, method=method, interval=interval)
    assert other.estimate == pytest.approx(-one.estimate, rel=1e-9, abs=1e-12)
    assert [other.ci_low, other.ci_high] == pytest.approx([-one.ci_high, -one.ci_low], rel=1e-9, abs=1e-9)
    assert [other.tau2, other.q, other.p_value] == pytest.approx([one.tau2, one.q, one.p_value], rel=1e-9, abs=1e-9, nan_ok=True)


@settings(deadline=None)
@given(STUDIES, st.sampled_from(["REML", "DL", "PM"]))
def test_without_heterogeneity_random_effects_are_the_common_effect(studies, method):
    y, error = studies
    error = np.maximum(error, np.ptp(y) / 2)  # so that mostly there is none
    random, common = pairwise.pool(y, error, method=method), pairwise.pool(y, error, method="common")
    assume(random.tau2 == 0)
    assert (random.estimate, random.standard_error, random.ci_low) == (common.estimate, common.standard_error, common.ci_low)


@settings(deadline=None)
@given(STUDIES)
def test_reml_is_nowhere_beaten(studies):
    y, error = studies
    pool = pairwise.pool(y, error)
    best = restricted_likelihood(pool.tau2, y, error)
    for tau2 in [0.0, *np.geomspace(1e-6, 1e5, 120)]:
        assert restricted_likelihood(tau2, y, error) <= best + 1e-7 * max(1, abs(best))


@settings(deadline=None)
@given(STUDIES, METHODS)
def test_pooled_estimate_lies_among_the_studies(studies, method):
    y, error = studies
    pool = pairwise.pool(y, error, method=method)
    slack = 1e-12 * np.abs(y).max()
    assert y.min() - slack <= pool.estimate <= y.max() + slack
    assert pool.standard_error <= math.sqrt(error.min() ** 2 + pool.tau2) * (1 + 1e-12)
    assert pool.tau2 >= 0
    assert sum(pool.weights) == pytest.approx(1)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(30, 90), st.integers(0, 30), st.integers(30, 90)), min_size=1, max_size=6))
def test_swapping_the_arms_of_tables_turns_the_sign(tables):
    a, n_a, b, n_b = np.array(tables).T
    for function in (*(lambda *t, m=m: pairwise.mantel_haenszel(*t, m) for m in ("OR", "RR", "RD")), pairwise.peto):
        one, other = function(a, n_a, b, n_b), function(b, n_b, a, n_a)
        assert other.estimate == pytest.approx(-one.estimate, rel=1e-9, abs=1e-12, nan_ok=True)
        assert other.standard_error == pytest.approx(one.standard_error, rel=1e-9, nan_ok=True)


# --- edges ---------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", pairwise.METHODS)
def test_one_study_is_itself(method):
    pool = pairwise.pool([2.53], [1.15], method=method)
    assert (pool.k, pool.estimate, pool.standard_error, pool.tau2, pool.q_df, *pool.weights) == (1, 2.53, 1.15, 0, 0, 1)
    assert (pool.ci_low, pool.ci_high) == tuple(effects.interval(2.53, 1.15))
    assert np.isnan([*pool.tau2_ci, *(x for rule in pairwise.PREDICTIONS for x in pool.prediction(rule))]).all()


@pytest.mark.parametrize("interval", ["hk", "hk-adhoc"])
def test_knapp_hartung_needs_two_studies(interval):
    with pytest.raises(ValueError, match="one study"):
        pairwise.pool([2.53], [1.15], interval=interval)


@pytest.mark.parametrize("rule", pairwise.PREDICTIONS)
def test_two_studies_predict_nothing_three_do(rule):
    assert np.isnan(pairwise.pool([1, 4], [0.3, 0.3]).prediction(rule)).all()
    assert np.isnan(pairwise.pool([1, 4, 5], [0.3, 0.3, 0.3], method="common").prediction(rule)).all()
    low, high = pairwise.pool([1, 4, 5], [0.3, 0.3, 0.3]).prediction(rule)
    assert low < 1 < 5 < high


def test_the_knapp_hartung_prediction_does_not_depend_on_the_interval_shown():
    y, error = [1, 4, 5, 2], [0.5, 0.3, 0.8, 1.0]
    assert pairwise.pool(y, error).prediction("HK") == pairwise.pool(y, error, interval="hk").prediction("HK")


def test_identical_estimates_have_no_heterogeneity_to_the_last_digit():
    pool = pairwise.pool([0.1, 0.1, 0.1], [0.3, 0.7, 0.9], interval="hk")
    assert (pool.q, pool.tau2, pool.standard_error, pool.ci_low, pool.ci_high, pool.p_value) == (0, 0, 0, 0.1, 0.1, 0)
    assert math.isnan(pairwise.pool([0, 0], [1, 2], interval="hk").p_value)


@pytest.mark.parametrize("scale", [1e-150, 1e-9, 1e9, 1e150])
@pytest.mark.parametrize("method", pairwise.METHODS)
def test_huge_and_tiny_numbers_pool_as_others(scale, method):
    y, error = np.array([1.0, 4.0, 5.0]), np.array([0.5, 0.3, 0.8])
    one, other = pairwise.pool(y, error, method=method), pairwise.pool(scale * y, scale * error, method=method)
    assert [other.estimate / scale, other.standard_error / scale, other.i2, other.q] == pytest.approx(
        [one.estimate, one.standard_error, one.i2, one.q], rel=1e-9
    )


@pytest.mark.parametrize("method", pairwise.METHODS)
def test_one_study_far_more_precise_than_the_rest(method):
    """In the plain formulas the moment estimator divides 0 by 0 here."""
    y, error = [1.0, 1.5, 4.0], [1e-9, 2.0, 2.0]
    pool = pairwise.pool(y, error, method=method)
    assert pool.tau2 >= 0
    assert pool.estimate == pytest.approx(1.0, abs=0.5)
    # Only pairs with the precise study matter: Σw - Σw²/Σw is twice the weights of the other two, 2 (1/4 + 1/4).
    if method == "DL":
        assert pool.tau2 == pytest.approx(max(0, 0.5**2 / 4 + 3**2 / 4 - 2), rel=1e-8)


def test_standard_errors_beyond_double_precision_are_refused():
    with pytest.raises(ValueError, match="too far apart"):
        pairwise.pool([1, 2], [1e-40, 1e40])


def test_tables_without_events():
    """A table without events bears on the difference, not on a ratio; tables that have no estimate have none."""
    with_empty, without = ([0, 3], [50, 60], [0, 6], [50, 60]), ([3], [60], [6], [60])
    for measure in ("OR", "RR"):
        one, other = pairwise.mantel_haenszel(*with_empty, measure), pairwise.mantel_haenszel(*without, measure)
        assert (one.k, one.k_used, one.estimate, one.standard_error) == (2, 1, other.estimate, other.standard_error)
    assert pairwise.mantel_haenszel(*with_empty, "RD").estimate == pytest.approx(-3 / 110, rel=1e-12)
    assert pairwise.peto(*with_empty).estimate == pairwise.peto(*without).estimate
    nothing = ([0, 0], [50, 60], [0, 0], [50, 60])
    for pool in (pairwise.mantel_haenszel(*nothing), pairwise.mantel_haenszel(*nothing, "RR"), pairwise.peto(*nothing)):
        assert np.isnan([pool.estimate, pool.standard_error, pool.ci_low, pool.p_value]).all()
        assert pool.k_used == 0


def test_events_in_one_arm_only():
    """An odds ratio of infinity is no estimate; Peto's and the difference have one."""
    one_sided = ([4, 2], [50, 60], [0, 0], [50, 60])
    assert np.isnan([pairwise.mantel_haenszel(*one_sided, m).estimate for m in ("OR", "RR")]).all()
    assert pairwise.mantel_haenszel(*one_sided, "RD").estimate == pytest.approx(6 / 110)
    assert 0 < pairwise.peto(*one_sided).estimate < math.inf


def test_nothing_is_added_to_a_zero_cell_in_the_pooling():
    pool = pairwise.mantel_haenszel([0, 5], [40, 50], [3, 9], [40, 50])
    assert math.exp(pool.estimate) == pytest.approx((0 * 37 / 80 + 5 * 41 / 100) / (40 * 3 / 80 + 45 * 9 / 100))


def test_cumulative_starts_with_a_study_alone_and_ends_with_all():
    y, error = [1.0, 4.0, 5.0], [0.5, 0.3, 0.8]
    steps = pairwise.cumulative(y, error, order=[2, 0, 1], interval="hk")
    assert [step.k for step in steps] == [1, 2, 3]
    assert (steps[0].estimate, steps[0].interval) == (5.0, "wald")
    assert steps[2].estimate == pytest.approx(pairwise.pool(y, error, interval="hk").estimate)


def test_results_cannot_be_changed():
    pool = pairwise.pool([1, 2], [1, 1])
    with pytest.raises(AttributeError):
        pool.estimate = 3
    with pytest.raises(ValueError, match="read-only"):
        pool.weights[0] = 1


FUNCTIONS = {
    "pool": pairwise.pool,
    "leave_one_out": pairwise.leave_one_out,
    "cumulative": pairwise.cumulative,
    "half_normal": lambda y, error: pairwise.half_normal(y, error, scale=1.0),
}
UNUSABLE = {
    "nothing": ([], [], "no study"),
    "lengths": ([1, 2, 3], [1, 2], "3 estimates and 2 standard errors"),
    "nan": ([1, math.nan], [1, 1], "study 2: estimate is nan"),
    "infinite": ([1, 2, math.inf], [1, 1, 1], "study 3: estimate is inf"),
    "missing": ([1, 2], [1, None], "study 2: standard_error is nan"),
    "zero": ([1, 2], [0, 1], "study 1: standard_error is 0"),
    "negative": ([1, 2], [1, -1], "study 2: standard_error is -1"),
    "infinite error": ([1, 2], [1, math.inf], "study 2: standard_error is inf"),
    "text": ([1, "two"], [1, 1], "expected numbers"),
    "table": ([[1, 2]], [[1, 1]], "one standard error for each"),
}


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
@pytest.mark.parametrize("y, error, message", UNUSABLE.values(), ids=UNUSABLE)
def test_unusable_studies_are_named(function, y, error, message):
    with pytest.raises(ValueError, match=message):
        function(y, error)


def test_all_unusable_studies_are_named_at_once():
    with pytest.raises(ValueError, match=r"study 1: .*study 3: "):
        pairwise.pool([1, 2, 3], [0, 1, -1])


@pytest.mark.parametrize(
    "call",
    [
        lambda: pairwise.pool([1, 2], [1, 1], method="FE"),
        lambda: pairwise.pool([1, 2], [1, 1], interval="t"),
        lambda: pairwise.pool([1, 2], [1, 1], level=95),
        lambda: pairwise.pool([1, 2, 3], [1, 1, 1]).prediction("S"),
        lambda: pairwise.leave_one_out([1], [1]),
        lambda: pairwise.cumulative([1, 2], [1, 1], order=[0, 0]),
        lambda: pairwise.half_normal([1], [1], scale=1),
        lambda: pairwise.half_normal([1, 2], [1, 1], scale=0),
        lambda: pairwise.mantel_haenszel([1], [10], [2], [10], "HR"),
    ],
)
def test_other_unusable_calls_are_refused(call):
    with pytest.raises(ValueError, match=r"expected|at least two"):
        call()


COUNTS_REFUSED = {
    "more events than patients": ([5, 11], [10, 10], [1, 1], [10, 10], "study 2: events_a is 11"),
    "negative": ([5, -1], [10, 10], [1, 1], [10, 10], "study 2: events_a is -1"),
    "fraction": ([5, 1], [10, 10], [1, 1.5], [10, 10], "study 2: events_b is 1.5"),
    "no patients": ([0, 0], [10, 0], [1, 1], [10, 10], "study 2: n_a is 0"),
    "nan": ([math.nan, 1], [10, 10], [1, 1], [10, 10], "study 1: events_a is nan"),
    "lengths": ([1, 1], [10, 10], [1], [10], "different lengths"),
    "nothing": ([], [], [], [], "no study"),
}


@pytest.mark.parametrize("function", [pairwise.mantel_haenszel, pairwise.peto])
@pytest.mark.parametrize("a, n_a, b, n_b, message", COUNTS_REFUSED.values(), ids=COUNTS_REFUSED)
def test_unusable_tables_are_named(function, a, n_a, b, n_b, message):
    with pytest.raises(ValueError, match=message):
        function(a, n_a, b, n_b)
