"""Plausibility rules: a true example, a broken one, the repair, and the laws that hold for every figure."""

from __future__ import annotations

import math
from statistics import NormalDist

import pytest
from evidence_factory import arm, build, contrast, found, the_finding
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ctdild import checks
from ctdild.checks import plausibility
from ctdild.evidence import Printed

SMD = {"measure": "SMD", "unit": "standard deviations", "favours": "drug"}
RATIO = {"measure": "HR", "unit": "ratio", "outcome": "death", "estimand": "time to event"}
DOSE = {"outcome": "dose", "unit": "mg"}
POINTS = {"outcome": "fvc-pp", "unit": "percentage points"}
SLS_2_AS_PRINTED = [arm("2.19", "1.19", "4.58", arm="placebo", **POINTS), arm("2.88", "0.53", "3.84", **POINTS)]

#: rule, rows that are consistent, the same rows broken, the column blamed, words of the repair
CASES = [
    ("interval-order", {"contrasts": [contrast("41.0", "2.9", "79.0")]}, {"contrasts": [contrast("41.0", "79.0", "2.9")]}, "ci_low", "exchange ci_low and ci_high"),
    ("interval-order", {"contrasts": [contrast("41.0", "2.9", "79.0")]}, {"contrasts": [contrast("-41.0", "2.9", "79.0")]}, "estimate", "write 41.0 for -41.0 in estimate (sign)"),
    ("interval-order", {"contrasts": [contrast("41.0", "2.9", "79.0")]}, {"contrasts": [contrast("410", "2.9", "79.0")]}, "estimate", "write 41.0 for 410 in estimate (decimal point)"),
    ("interval-midpoint", {"contrasts": [contrast("41.0", "2.9", "79.0")]}, {"contrasts": [contrast("14.0", "2.9", "79.0")]}, "estimate", "write 41.0 for 14.0 in estimate (two digits exchanged)"),
    ("interval-midpoint", {"contrasts": [contrast("41.0", "2.9", "79.0")]}, {"contrasts": [contrast("41.0", "29", "79.0")]}, "estimate", "write 2.9 for 29 in ci_low (decimal point)"),
    ("interval-midpoint", {"arm_results": [arm("208.0", "3.3", "412.7", **DOSE)]}, {"arm_results": [arm("164.8", "-5.0", "379.9", **DOSE)]}, "value", "write -50 for -5.0 in low (decimal point)"),
    ("interval-midpoint", {"contrasts": [contrast("1.00", "0.39", "1.61", **SMD)]}, {"contrasts": [contrast("1.40", "0.39", "1.61", **SMD)]}, "estimate", "no single change"),
    ("interval-midpoint", {"contrasts": [contrast("0.52", "0.28", "0.96", **RATIO, favours="drug")]}, {"contrasts": [contrast("0.52", "0.28", "0.69", **RATIO, favours="drug")]}, "estimate", "write 0.96 for 0.69 in ci_high"),
    ("p-interval", {"contrasts": [contrast("41.0", "2.9", "79.0", "0.04")]}, {"contrasts": [contrast("41.0", "2.9", "79.0", "0.4")]}, "p_value", "write 0.04 for 0.4 in p_value (decimal point)"),
    ("p-interval", {"contrasts": [contrast("41.0", "2.9", "79.0", "<0.05")]}, {"contrasts": [contrast("41.0", "2.9", "79.0", "<0.001")]}, "p_value", "no single change"),
    ("p-interval", {"contrasts": [contrast("41.0", "-2.9", "84.9", "ns")]}, {"contrasts": [contrast("41.0", "2.9", "79.0", "ns")]}, "p_value", "check p"),
    ("p-significance", {"contrasts": [contrast("41.0", "2.9", "79.0", "0.04")]}, {"contrasts": [contrast("41.0", "2.9", "79.0", "0.40")]}, "p_value", "write 0.04"),
    ("p-significance", {"contrasts": [contrast("6.39", "-1.67", "14.45", "0.12", **POINTS)]}, {"contrasts": [contrast("6.39", "1.37", "14.43", "0.12", **POINTS)]}, "p_value", "write 0.012 for 0.12"),
    ("p-significance", {"contrasts": [contrast("41.0", "-2.9", "84.9", "ns")]}, {"contrasts": [contrast("41.0", "2.9", "79.0", "ns")]}, "p_value", "check p"),
    ("swapped", {"arm_results": [arm("2.19", "0.53", "3.84", arm="placebo", **POINTS), arm("2.88", "1.19", "4.58", **POINTS)]}, {"arm_results": SLS_2_AS_PRINTED}, "low", "exchange the intervals"),
    ("range", {"contrasts": [contrast("0.52", **RATIO, favours="drug")]}, {"contrasts": [contrast("-0.52", **RATIO, favours="drug")]}, "estimate", "write 0.52"),
    ("range", {"arm_results": [arm("80.7", outcome="fvc-pp", unit="% predicted", statistic="mean")]}, {"arm_results": [arm("8.07", outcome="fvc-pp", unit="% predicted", statistic="mean")]}, "value", "write 80.7 for 8.07"),
    ("range", {"contrasts": [contrast("-0.16", outcome="haq-di", unit="points", favours="drug")]}, {"contrasts": [contrast("-16", outcome="haq-di", unit="points", favours="drug")]}, "estimate", "write -1.6 for -16"),
    ("range", {"contrasts": [contrast("0.63", outcome="death", measure="win probability", unit="ratio", estimand="rank", favours="drug")]}, {"contrasts": [contrast("63", outcome="death", measure="win probability", unit="ratio", favours="drug")]}, "estimate", "no single change"),
    ("range", {"contrasts": [contrast("-4.3", outcome="sae", measure="RD", unit="percentage points", estimand="proportion", favours="drug")]}, {"contrasts": [contrast("-430", outcome="sae", measure="RD", unit="percentage points", favours="drug")]}, "estimate", "write -43.0 for -430"),
    ("range", {"arm_results": [arm("-0.11", outcome="haq-di", unit="points")]}, {"arm_results": [arm("-11", outcome="haq-di", unit="points")]}, "value", "write -1.1 for -11"),
    ("range", {"arm_results": [{"statistic": "percent", "outcome": "sae", "unit": "% of patients", "percent": "75.7", "note": "no n"}]}, {"arm_results": [{"statistic": "percent", "outcome": "sae", "unit": "% of patients", "percent": "757", "note": "no n"}]}, "percent", "write 75.7"),
    ("unit-magnitude", {"contrasts": [contrast("41.0", "2.9", "79.0")]}, {"contrasts": [contrast("2.53", "0.28", "4.78")]}, "unit", "check the unit"),
    ("unit-magnitude", {"contrasts": [contrast("4.1", **POINTS)]}, {"contrasts": [contrast("93.3", **POINTS)]}, "unit", "check the unit"),
    ("unit-magnitude", {"arm_results": [arm("-54.6")]}, {"arm_results": [arm("-0.05")]}, "unit", "check the unit"),
    ("range", {}, {"arm_results": [arm("-47.6", outcome="dose", unit="mg", statistic="mean")]}, "value", "write 47.6"),
    ("interval-order", {}, {"arm_results": [{"statistic": "percent", "outcome": "sae", "unit": "% of patients", "percent": "88", "low": "96", "high": "76", "interval_kind": "CI", "level": "95", "note": "no n"}]}, "low", "exchange low and high"),
    ("spread", {"arm_results": [arm("97", spread="234", spread_kind="SD"), arm("99", spread="329", spread_kind="SD", arm="placebo")]}, {"arm_results": [arm("97", spread="23.4", spread_kind="SD"), arm("99", spread="329", spread_kind="SD", arm="placebo")]}, "spread", "write 234 for 23.4 in spread"),
    ("quartiles", {"arm_results": [arm("42.2", "36.4", "58.7", statistic="median", outcome="dose", unit="mg", interval_kind="IQR", level="")]}, {"arm_results": [arm("24.2", "36.4", "58.7", statistic="median", outcome="dose", unit="mg", interval_kind="IQR", level="")]}, "value", "exchange value and low"),
    ("allocation", {"trials": [{"n_randomised": "142"}], "arms": [{"arm": "drug", "n_randomised": "69"}, {"arm": "placebo", "n_randomised": "73"}], "cohorts": [{"n": "142"}]}, {"trials": [{"n_randomised": "99"}], "arms": [{"arm": "drug", "n_randomised": "69"}, {"arm": "placebo", "n_randomised": "30"}], "cohorts": [{"n": "99"}]}, "allocation", "check allocation"),
    ("visit-week", {"contrasts": [contrast("41.0", weeks="52")]}, {"contrasts": [contrast("41.0", weeks="520")]}, "weeks", "check the week"),
    ("sign-across-units", {"contrasts": [contrast("41.0"), contrast("1.2", **POINTS)]}, {"contrasts": [contrast("-41.0"), contrast("1.2", **POINTS)]}, "estimate", "check the sign"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "good", "broken", "column", "repair"), CASES)
def test_rule(rule, good, broken, column, repair):
    problem = the_finding(rule, good, broken, column, repair)
    if problem.severity == "ERROR" or rule.startswith("p-"):
        assert "inconsistent as printed" in problem.message
    assert "wrong" not in problem.message + problem.repair


def second_trial(**columns):
    """A second trial with its cohort and arms, beside the first one."""
    return {
        "trials": [{}, {"trial_id": "two", "acronym": "TWO", **columns}],
        "cohorts": [{}, {"trial_id": "two"}],
        "arms": [{"trial_id": trial, "arm": name, "treatment": name} for trial in ("one", "two") for name in ("drug", "placebo")],
    }


def test_the_same_figures_in_two_trials():
    rows = [contrast("41.0", "2.9", "79.0"), contrast("41.0", "2.9", "79.0", trial_id="two")]
    assert [p.row_id for p in found("duplicate-figures", contrasts=rows, **second_trial())] == ["two.all.fvc-ml.w52"]
    assert found("duplicate-figures", contrasts=rows, **second_trial(includes="one")) == []
    rows[1]["ci_high"] = "79.1"
    assert found("duplicate-figures", contrasts=rows, **second_trial()) == []


def test_sls_2_as_the_source_article_printed_it_is_called_swapped():
    """Both rows carry the exchange as the repair, and no rule 1 or 2 beside it."""
    problems = checks.run(build(arm_results=SLS_2_AS_PRINTED))
    assert {p.rule for p in problems} == {"swapped"}
    assert len(problems) == 2
    assert problems[0].message.count("swapped") == 1
    for figures in ("placebo 2.19 (0.53 to 3.84)", "drug 2.88 (1.19 to 4.58)"):
        assert all(figures in p.repair for p in problems)


def test_sls_2_with_its_corrections_passes():
    used = {"placebo": ("0.53", "3.84"), "drug": ("1.19", "4.58")}
    corrections = [
        {
            "discrepancy_id": "d1",
            "table": "arm_results",
            "row_id": f"one.all.fvc-pp.w52.{row['arm']}",
            "column": column,
            "printed": row[column],
            "used": new,
        }
        for row in ({"arm": "drug", **r} for r in SLS_2_AS_PRINTED)
        for column, new in zip(("low", "high"), used[row["arm"]], strict=True)
    ]
    assert checks.run(build(arm_results=SLS_2_AS_PRINTED, corrections=corrections, discrepancies=[{}])) == []


@pytest.mark.parametrize("change", [{"ci_method": "bootstrap"}, {"ci_method": "Hodges-Lehmann"}])
def test_midpoint_is_not_asked_of_intervals_that_need_not_be_symmetric(change):
    lopsided = contrast("14.0", "2.9", "79.0")
    assert found("interval-midpoint", contrasts=[lopsided])
    assert found("interval-midpoint", contrasts=[lopsided | change]) == []


def test_exact_limits_of_an_incidence_rate_are_not_symmetric():
    rate = arm("34.8", "18.0", "60.8", outcome="sae", statistic="rate", unit="per 100 patient-years")
    assert found("interval-midpoint", arm_results=[rate]) == []


@pytest.mark.parametrize("method", ["rank", "Fisher", "log-rank"])
def test_p_of_another_test_is_not_held_against_the_interval(method):
    row = contrast("17", "-6", "40", "0.12")
    assert found("p-interval", contrasts=[row]) == []
    row["p_value"] = "0.30"
    assert found("p-interval", contrasts=[row])
    assert found("p-interval", contrasts=[row | {"p_method": method}]) == []


@pytest.mark.parametrize(("p", "alarms"), [("0.028", 0), ("0.024", 1), ("0.042", 0), ("0.046", 1)])
def test_p_may_be_off_by_five_per_cent_of_z(p, alarms):
    """41.0 (2.9 to 79.0) is z = 2.11, p = 0.035; z 2.20 and 2.03 are within 5 %, z 2.26 and 2.00 are not."""
    assert len(found("p-interval", contrasts=[contrast("41.0", "2.9", "79.0", p)])) == alarms


@pytest.mark.parametrize("p", ["0.045", "0.050", "0.055"])
def test_significance_is_not_judged_at_the_border(p):
    assert found("p-significance", contrasts=[contrast("41.0", "2.9", "79.0", p)]) == []


def test_a_small_trial_may_have_a_t_interval():
    """3 patients an arm, difference 120, SE 50: t(4) gives limits and p that no normal model can."""
    row = contrast("120.00", "-18.82", "258.82", "0.074")
    assert found("p-interval", contrasts=[row])
    assert found("p-interval", contrasts=[row | {"n_a": "3", "n_b": "3"}]) == []


@pytest.mark.parametrize(("df", "quantile"), [(1, 12.7062), (2, 4.3027), (3, 3.1824), (4, 2.7764), (7, 2.3646), (18, 2.1009), (59, 2.0010)])
def test_t_distribution_agrees_with_the_printed_tables(df, quantile):
    assert plausibility.critical_t(0.95, df) == pytest.approx(quantile, abs=6e-5)
    assert plausibility.two_sided_t(quantile, df) == pytest.approx(0.05, abs=1e-5)


@pytest.mark.parametrize(
    ("estimate", "low", "high", "p", "log"),
    [
        ("2.53", "0.28", "4.79", None, False),
        ("41.0", "2.9", "79.0", "0.04", False),
        ("-1.73", "-3.78", "0.32", "0.10", False),
        ("102.7", "23.2", "182.2", "0.012", False),  # p misses by rounding, within 5 % on z
        ("0.67", "0.22", "2.03", "0.48", True),
        ("0.52", "0.28", "0.96", "0.04", True),
        ("1.35", "0.62", "2.96", "0.45", True),
        ("0.4", "0.1", "1.2", "0.1", True),  # one digit: wide rounding
    ],
)
def test_published_triples_agree(estimate, low, high, p, log):
    triple = Printed(estimate), Printed(low), Printed(high)
    assert plausibility.inside(*triple)
    assert plausibility.centred(*triple, log)
    if p:
        assert plausibility.p_agrees(*triple, log, 0.95, plausibility.bounds(Printed(p)), None)


def test_a_ratio_is_not_centred_on_the_linear_scale():
    assert not plausibility.centred(Printed("0.67"), Printed("0.22"), Printed("2.03"), log=False)


GEOMETRY = {"interval-order", "interval-midpoint", "p-interval", "p-significance", "swapped"}
Z = NormalDist().inv_cdf(0.975)


def geometry(row):
    return sorted(p.rule for p in checks.run(build(contrasts=[row])) if p.rule in GEOMETRY)


def printed(x, decimals):
    text = f"{x:.{decimals}f}"
    return text if float(text) else f"{0:.{decimals}f}"  # "-0.0" is printed by no journal


@settings(max_examples=120, deadline=None)
@given(st.floats(-300, 300), st.floats(0.5, 120), st.integers(0, 3), st.integers(1, 4))
def test_rounding_a_true_difference_never_alarms(estimate, se, decimals, p_decimals):
    p = plausibility.two_sided_normal(abs(estimate / se))
    limits = [printed(x, decimals) for x in (estimate - Z * se, estimate + Z * se)]
    assume(limits[0] != limits[1])
    assert geometry(contrast(printed(estimate, decimals), *limits, printed(p, p_decimals))) == []


@settings(max_examples=120, deadline=None)
@given(st.floats(-2, 2), st.floats(0.05, 1), st.integers(1, 3), st.integers(1, 4))
def test_rounding_a_true_ratio_never_alarms(log_ratio, se, decimals, p_decimals):
    p = plausibility.two_sided_normal(abs(log_ratio / se))
    figures = [printed(math.exp(x), decimals) for x in (log_ratio, log_ratio - Z * se, log_ratio + Z * se)]
    assume(figures[1] != figures[2])
    assert geometry(contrast(*figures, printed(p, p_decimals), **RATIO)) == []


def mirrored(text):
    return text[1:] if text.startswith("-") else text if float(text) == 0 else f"-{text}"


@settings(max_examples=120, deadline=None)
@given(*(st.decimals(-100, 100, places=1) for _ in range(3)), st.decimals(0, 1, places=3))
def test_swapping_arms_flips_signs_and_keeps_verdicts(estimate, low, high, p):
    """True of any figures, consistent or not."""
    triple = [str(x) if x else "0.0" for x in (estimate, low, high)]
    flipped = [mirrored(triple[0]), mirrored(triple[2]), mirrored(triple[1])]
    assert geometry(contrast(*triple, str(p))) == geometry(contrast(*flipped, str(p), arm_a="placebo", arm_b="drug"))


@settings(max_examples=60, deadline=None)
@given(st.floats(20, 200), st.floats(5, 60))
def test_a_moved_decimal_point_is_seen_and_repaired(estimate, se):
    row = contrast(*(printed(x, 1) for x in (estimate, estimate - Z * se, estimate + Z * se)))
    broken = row | {"estimate": printed(float(row["estimate"]) * 10, 0)}
    problem = next(p for p in checks.run(build(contrasts=[broken])) if p.rule in GEOMETRY)
    assert problem.repair.startswith(f"write {row['estimate']} for {broken['estimate']} in estimate")
