"""Ring 3: what a report prints becomes an estimate and a standard error as in R and in the Cochrane Handbook."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from scipy.stats import t as student

from ctdild.synthesis import effects, network

# --- the references as a whole -------------------------------------------------------------------------------------------------------


def test_every_reference_is_walked_by_a_test(root):
    """But for GRIM, GRIMMER, DEBIT and percentages, which are checks of printed figures and belong to the checks."""
    assert {path.stem for path in reference.FOLDER.glob("*.json")} == set(reference.WALKED_BY) | {"forensics"}
    for file in set(reference.WALKED_BY.values()):
        assert "reference.walked_by(__file__)" in (root / "tests" / file).read_text(), file


def test_nothing_is_excused_that_is_not_there():
    leaves = {name: reference.leaves(reference.load(name)["expected"]) for name in reference.WALKED_BY}
    used = {pattern for name, paths in leaves.items() for path in paths for pattern in reference.excused(name, path)}
    assert set(reference.NOT_REPRODUCED) - used == set()


@pytest.mark.parametrize("name", reference.walked_by(__file__))
def test_every_number_is_that_of_r(name):
    reference.compare(name, {"cases": conversions()})


def test_a_number_that_is_neither_computed_nor_excused_is_noticed():
    computed = {"cases": conversions()}
    del computed["cases"][0]["result"]["se"]
    with pytest.raises(AssertionError, match="cases/0/result/se: neither computed nor"):
        reference.compare("conversions", computed)
    computed["cases"][0]["result"]["se"] = 1.1505314
    with pytest.raises(AssertionError, match=r"cases/0/result/se: 1\.1505314"):
        reference.compare("conversions", computed)


# --- conversions, rule by rule -------------------------------------------------------------------------------------------------------


def against_zero(estimate, error) -> dict[str, float]:
    return {"z": estimate / error, "p": effects.p_value(estimate, error)}


def from_interval(label, est, lb, ub, level) -> dict:
    error = effects.standard_error_from_interval(lb, ub, level=level)
    return {"se": error} | against_zero(est, error)


def from_ratio_interval(label, est, lb, ub) -> dict:
    error = effects.standard_error_from_interval(lb, ub, scale="log")
    return {"log_est": math.log(est), "log_se": error} | against_zero(math.log(est), error)


def from_t_interval(label, lb, ub, n, df) -> dict:
    error = effects.standard_error_from_interval(lb, ub, df=df)
    return {"se": error, "sd": effects.sd_from_standard_error(error, n)}


def from_p(label, est, p) -> dict:
    error = effects.standard_error_from_p(est, p)
    low, high = effects.interval(est, error)
    return {"se": error, "ci_lb": low, "ci_ub": high}


def from_p_and_t(label, est, p, n1, n2, df) -> dict:
    error = effects.standard_error_from_p(est, p, df=effects.small_sample_df(n1, n2))
    return {"t": effects.quantile(1 - p, df), "se": error, "pooled_sd": effects.sd_from_difference(error, n1, n2)}


def from_arms(label, m1, sd1, n1, m2, sd2, n2) -> dict:
    arms = m1, sd1, n1, m2, sd2, n2
    unpooled, pooled, g = (
        effects.mean_difference(*arms), effects.mean_difference(*arms, pooled=True), effects.standardised_mean_difference(*arms),
    )  # fmt: skip
    return {
        "md": unpooled.estimate,
        "se_unpooled": unpooled.standard_error,
        "se_pooled": pooled.standard_error,
        "sd_pooled": effects.pooled_sd(sd1, n1, sd2, n2),
        "hedges_g": g.estimate,
        "hedges_g_se": g.standard_error,
    }


def merged(n1, m1, s1, n2, m2, s2) -> dict:
    return effects.merge_arms([n1, n2], [m1, m2], [s1, s2])._asdict()


def from_quantiles(n, median, min=None, q1=None, q3=None, max=None) -> dict:
    found = effects.mean_and_sd_from_quantiles(n, median, minimum=min, q1=q1, q3=q3, maximum=max)
    return {"mean": found.mean, "sd": found.sd}


def absolute(control_risk, rr, **other) -> dict:
    found = {}
    for measure, ratio in {"RR": rr, "OR": other["or"]}.items():
        risk = effects.absolute_risk(math.log(ratio), control_risk, measure)
        needed = effects.number_needed_from_ratio(*[math.log(ratio)] * 3, control_risk, measure)
        found[f"from_{measure}"] = {"risk_treated": risk, "rd": risk - control_risk, "nnt": needed.value}
    found["from_OR"]["implied_rr"] = math.exp(effects.log_risk_ratio_from_odds_ratio(math.log(other["or"]), control_risk))
    return found


def two_by_two(label, e1, n1, e2, n2) -> dict:
    found = {}
    for measure in ("OR", "RR", "RD"):
        effect = effects.two_by_two(e1, n1, e2, n2, measure, correct="both")
        z = effect.estimate / effect.standard_error
        found[measure] = {"yi": effect.estimate, "se": effect.standard_error, "z": z}
    raw = effects.two_by_two(e1, n1, e2, n2, "RD").estimate
    return found | {"nnt": effects.number_needed(raw, raw, raw).value}


def bucher(ab, se_ab, cb, se_cb) -> dict:
    return dict(zip(("est", "se", "lb", "ub", "p"), network.bucher(ab, se_ab, cb, se_cb), strict=True))


RULES = {
    "se_from_ci_normal": from_interval,
    "log_se_from_ratio_ci": from_ratio_interval,
    "se_from_ci_t": from_t_interval,
    "se_from_p_normal": from_p,
    "se_from_p_t": from_p_and_t,
    "sd_from_se": lambda se, n: {"sd": effects.sd_from_standard_error(se, n)},
    "md_from_arms": from_arms,
    "sd_of_change_from_correlation": lambda sd0, sd1, r: {"sd_change": effects.sd_of_change(sd0, sd1, r)},
    "correlation_from_sds": lambda sd0, sd1, sd_change: {"r": effects.correlation_from_sds(sd0, sd1, sd_change)},
    "combine_two_arms": merged,
    "mean_sd_from_median_quartiles_range": from_quantiles,
    "absolute_from_relative": absolute,
    "logOR_to_SMD": lambda **_: {},
    "two_by_two": two_by_two,
    "bucher_indirect": bucher,
}


def conversions() -> list[dict]:
    cases = reference.load("conversions")["expected"]["cases"]
    return [{"result": RULES[case["rule"]](**case["args"])} for case in cases]


# --- what R has no case for ----------------------------------------------------------------------------------------------------------


def test_t_is_for_small_arms():
    assert effects.small_sample_df(59) == 58
    assert effects.small_sample_df(60) is None
    assert effects.small_sample_df(22, 80) == 100
    assert effects.small_sample_df(60, 61) is None


def test_a_90_per_cent_interval_is_not_a_95():
    assert effects.standard_error_from_interval(1, 5, level=0.90) / effects.standard_error_from_interval(1, 5) == pytest.approx(
        norm.ppf(0.975) / norm.ppf(0.95)
    )


@settings(deadline=None)
@given(st.floats(-40, 40), st.floats(0.01, 20), st.floats(0.5, 0.999), st.sampled_from([None, 3, 40]))
def test_an_interval_and_its_standard_error_return_to_each_other(estimate, error, level, df):
    low, high = effects.interval(estimate, error, level=level, df=df)
    assert effects.standard_error_from_interval(low, high, level=level, df=df) == pytest.approx(error, rel=1e-9)


@settings(deadline=None)
@given(st.floats(0.01, 20), st.floats(0.05, 6), st.sampled_from([None, 5, 40]))
def test_a_p_value_and_its_standard_error_return_to_each_other(error, z, df):
    p = effects.p_value(z * error, error, df=df)
    assert p == pytest.approx(2 * (norm.sf(z) if df is None else student.sf(z, df)), rel=1e-9)
    assert effects.standard_error_from_p(-z * error, p, df=df) == pytest.approx(error, rel=1e-7)


def test_merged_arms_are_what_their_patients_are():
    rng = np.random.default_rng(3)
    groups = [rng.normal(mean, 4, n) for mean, n in ((-2, 30), (1, 12), (5, 50))]
    merged_arms = effects.merge_arms([len(g) for g in groups], [g.mean() for g in groups], [g.std(ddof=1) for g in groups])
    together = np.concatenate(groups)
    assert tuple(merged_arms) == pytest.approx((92, together.mean(), together.std(ddof=1)))


def test_zero_cells():
    """0.5 goes to the tables with a zero, to no other; without events there is no ratio; the raw difference stays."""
    a, n_a, b, n_b = [0, 0, 5, 10], [10, 10, 10, 10], [0, 2, 3, 10], [10, 10, 10, 10]
    for measure in ("OR", "RR"):
        estimate, error = effects.two_by_two(a, n_a, b, n_b, measure)
        assert list(np.isnan(estimate)) == list(np.isnan(error)) == [True, False, False, True]
        assert np.isfinite(effects.two_by_two(a, n_a, b, n_b, measure, double_zero=True).estimate).all()
    odds = effects.two_by_two(a, n_a, b, n_b, "OR").estimate
    assert np.exp(odds[1:3]) == pytest.approx([(0.5 * 8.5) / (10.5 * 2.5), (5 * 7) / (5 * 3)])
    raw, both = effects.two_by_two(a, n_a, b, n_b, "RD"), effects.two_by_two(a, n_a, b, n_b, "RD", correct="both")
    assert list(raw.estimate) == pytest.approx([0, -0.2, 0.2, 0])
    assert both.estimate[1] == pytest.approx(0.5 / 11 - 2.5 / 11)
    assert list(raw.standard_error) == list(both.standard_error)
    assert (raw.standard_error > 0).all()


TABLE = st.integers(0, 40).flatmap(lambda n: st.tuples(st.integers(0, n + 1), st.just(n + 1)))


@settings(deadline=None)
@given(TABLE, TABLE, st.sampled_from(["OR", "RR", "RD"]))
def test_swapping_the_arms_turns_the_sign(a, b, measure):
    one, other = effects.two_by_two(*a, *b, measure), effects.two_by_two(*b, *a, measure)
    assert other.estimate == pytest.approx(-one.estimate, nan_ok=True)
    assert other.standard_error == pytest.approx(one.standard_error, nan_ok=True)


@pytest.mark.parametrize(
    "difference, low, high, event, kind, value, pieces",
    [
        (-0.10, -0.20, -0.05, "harm", "NNTB", 10, [("NNTB", 5, 20)]),
        (0.10, 0.05, 0.20, "harm", "NNTH", 10, [("NNTH", 5, 20)]),
        (-0.10, -0.25, 0.05, "harm", "NNTB", 10, [("NNTB", 4, math.inf), ("NNTH", 20, math.inf)]),
        (0.10, -0.05, 0.25, "benefit", "NNTB", 10, [("NNTB", 4, math.inf), ("NNTH", 20, math.inf)]),
        (0.0, -0.1, 0.1, "harm", "", math.inf, [("NNTB", 10, math.inf), ("NNTH", 10, math.inf)]),
        (-0.10, -0.20, 0.0, "harm", "NNTB", 10, [("NNTB", 5, math.inf)]),
    ],
)
def test_number_needed_has_two_pieces_where_no_difference_is_possible(difference, low, high, event, kind, value, pieces):
    needed = effects.number_needed(difference, low, high, event=event)
    assert (needed.kind, needed.value) == (kind, pytest.approx(value))
    assert [piece[0] for piece in needed.pieces] == [piece[0] for piece in pieces]
    assert [piece[1:] for piece in needed.pieces] == [pytest.approx(piece[1:]) for piece in pieces]


def test_number_needed_in_words():
    assert str(effects.number_needed(-0.10, -0.25, 0.05)) == "NNTB 10 (NNTB 4 to ∞ to NNTH 20)"
    assert str(effects.number_needed(-0.10, -0.20, -0.05)) == "NNTB 10 (NNTB 5 to 20)"


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: effects.standard_error_from_interval(5, 1), "low is 5, expected a number below high"),
        (lambda: effects.standard_error_from_interval(0, 2, scale="log"), "low is 0, expected a ratio above 0"),
        (lambda: effects.standard_error_from_interval(1, 2, scale="ratio"), "scale"),
        (lambda: effects.standard_error_from_interval([1, 2], [3, math.nan]), "study 2: high is nan"),
        (lambda: effects.standard_error_from_interval(1, 2, level=95), "level is 95"),
        (lambda: effects.standard_error_from_p(0, 0.5), "estimate is 0"),
        (lambda: effects.standard_error_from_p(1, 0), "p is 0"),
        (lambda: effects.standard_error_from_p([1, 1], [0.1, 1]), "study 2: p is 1"),
        (lambda: effects.sd_of_change(1, 1, 1.1), "correlation is 1.1"),
        (lambda: effects.correlation_from_sds(1, 1, 3), "the implied correlation is -3.5"),
        (lambda: effects.merge_arms([10], [1], [1]), "at least two groups"),
        (lambda: effects.mean_difference(1, 0, 10, 1, 1, 10), "sd_a is 0"),
        (lambda: effects.mean_and_sd_from_quantiles(20, 5), "needed beside the median"),
        (lambda: effects.mean_and_sd_from_quantiles(20, 5, q1=3), "needed beside the median"),
        (lambda: effects.mean_and_sd_from_quantiles(20, 5, q1=6, q3=7), "q1 is 6, expected at most median"),
        (lambda: effects.two_by_two([1, 11], [10, 10], [1, 1], [10, 10]), "study 2: events_a is 11"),
        (lambda: effects.two_by_two(1, 10, 1, 10, "HR"), "measure 'HR'"),
        (lambda: effects.absolute_risk(math.log(3), 0.5), "the risk that follows is 1.5"),
        (lambda: effects.absolute_risk(0, 1.0), "control_risk is 1"),
        (lambda: effects.number_needed(0.1, 0.2, 0.3), "do not enclose"),
        (lambda: effects.number_needed(0.1, 0.0, 0.3, event="bad"), "event is 'bad'"),
    ],
)
def test_what_cannot_be_converted_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# --- imports -------------------------------------------------------------------------------------------------------------------------


def test_the_command_line_does_without_scipy(root):
    """scipy takes longer to import than the whole check."""
    program = (
        "import sys, ctdild, ctdild.synthesis; from ctdild import checks; from ctdild.evidence import load; import ctdild.cli; "
        f"checks.run(load({str(root / 'data')!r})); print([name for name in ('scipy', 'numpy', 'pandas') if name in sys.modules])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={"PYTHONPATH": str(root / "src")}
    )
    assert answer.stdout.strip() == "[]"


def test_synthesis_knows_the_evidence_at_most(root):
    """Arrows point one way: what computes does not know what shows."""
    for path in Path(root / "src" / "ctdild" / "synthesis").glob("*.py"):
        known = ("from ..evidence", "from ..measures")
        outside = [line for line in path.read_text().splitlines() if "from .." in line and not line.strip().startswith(known)]
        assert outside == [], path.name


def test_limits_of_a_difference_of_fractions_are_newcombes():
    """Table II of Newcombe 1998: 56 of 70 against 48 of 80, and 9 of 10 against 3 of 10; with zero cells nothing is added."""
    assert effects.risk_difference_interval(56, 70, 48, 80) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert effects.risk_difference_interval(9, 10, 3, 10) == pytest.approx((0.1705, 0.8090), abs=5e-5)
    assert effects.risk_difference_interval(10, 10, 0, 10) == pytest.approx((0.6075, 1.0), abs=5e-5)
    low, high = effects.risk_difference_interval(3, 40, 5, 60)
    assert effects.risk_difference_interval(5, 60, 3, 40) == pytest.approx((-high, -low))
