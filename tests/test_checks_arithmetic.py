"""Arithmetic rules: a true example, a broken one, and the repair."""

from __future__ import annotations

import pytest
from evidence_factory import arm, build, contrast, found, the_finding
from hypothesis import given, settings
from hypothesis import strategies as st

from ctdild import checks


def patients(events, n="100", percent="", outcome="sae", **columns):
    statistic = "percent" if percent else "count"
    return {
        "statistic": statistic,
        "outcome": outcome,
        "unit": "% of patients" if percent else "patients",
        "counts": "patients",
        "events": events,
        "n": n,
        "percent": percent,
        **columns,
    }


def senscis(estimate="41.0", drug="-52.3", **columns):
    rate = {"outcome": "fvc-rate", "unit": "mL/year"}
    return {
        "contrasts": [contrast(estimate, "2.9", "79.0", **rate, **columns)],
        "arm_results": [arm(drug, **rate, statistic="adjusted rate"), arm("-93.3", **rate, statistic="adjusted rate", arm="placebo")],
    }


def sizes(randomised, *arms, cohort=None, **columns):
    return {
        "trials": [{"n_randomised": randomised}],
        "arms": [{"arm": name, "treatment": name, "n_randomised": n, **columns} for name, n in zip(("drug", "placebo"), arms, strict=True)],
        "cohorts": [{"n": cohort or randomised}],
    }


def recital(*parts, whole="101"):
    diseases = zip(("SSc", "IIM", "MCTD"), parts, strict=True)
    part = {"kind": "disease", "parent": "all", "partition": "diseases"}
    return {
        **sizes(whole, "51", str(int(whole) - 51)),
        "cohorts": [{"n": whole, "disease": "SSc;IIM;MCTD"}, *({"cohort": d.lower(), "disease": d, "n": n, **part} for d, n in diseases)],
    }


CASES = [
    ("difference", senscis(), senscis(drug="-59.3"), "estimate", "no single change"),
    ("difference", senscis(), senscis(drug="52.3"), "estimate", "write -52.3 for 52.3 in value of drug (sign)"),
    ("difference", senscis(), senscis(drug="-5.23"), "estimate", "write -52.3 for -5.23 in value of drug (decimal point)"),
    ("direction", senscis(), senscis(favours="placebo"), "favours", "write drug in favours"),
    ("events", {"arm_results": [patients("24")]}, {"arm_results": [patients("240")]}, "events", "write 24 for 240 in events"),
    ("percent", {"arm_results": [patients("14", "49", "29")]}, {"arm_results": [patients("41", "49", "29")]}, "percent", "write 14 for 41 in events"),
    ("percent", {"arm_results": [patients("37", "99", "37.4")]}, {"arm_results": [patients("37", "100", "37.4")]}, "percent", "write 99 for 100 in n"),
    ("percent", {"arm_results": [patients("14", "49", "29")]}, {"arm_results": [patients("29", "49", "14")]}, "percent", "exchange events and percent"),
    ("percent", {"arm_results": [patients("", "60", "15.0")]}, {"arm_results": [patients("", "63", "15.0")]}, "percent", "write 60 for 63 in n"),
    ("direction", senscis(), {"contrasts": [contrast("44", measure="relative reduction", unit="%", outcome="fvc-rate", favours="placebo")]}, "favours", "write drug in favours"),
    ("same-n", {"contrasts": [contrast("41", n_a="97")], "arm_results": [arm("20", n="97")]}, {"contrasts": [contrast("41", n_a="79")], "arm_results": [arm("20", n="97")]}, "n_a", "write the same in both"),
    ("n-within", sizes("200", "100", "100", n_treated="99"), sizes("200", "100", "100", n_treated="101"), "n_treated", "no single change"),
    ("n-within", sizes("200", "100", "100", n_treated="99", n_analysed="88"), sizes("200", "100", "100", n_treated="88", n_analysed="99"), "n_analysed", "no single change"),
    ("n-within", {"arm_results": [arm("41.0", n="99")]}, {"arm_results": [arm("41.0", n="102")]}, "n", "no single change"),
    ("n-within", {"contrasts": [contrast("41.0", n_a="99", n_b="98")]}, {"contrasts": [contrast("41.0", n_a="99", n_b="980")]}, "n_b", "write 98 for 980 in n_b"),
    ("n-within", {"contrasts": [contrast("41.0", n_a="99", n_b="98")]}, {"contrasts": [contrast("41.0", n_a="99", n_b="98")], "cohorts": [{"n": "196"}]}, "n_a", "write 89 for 98 in n_b"),
    ("n-within", {"arm_results": [arm("41.0", n="99"), arm("41.5", n="98", weeks="26")], "contrasts": [contrast("30.0", n_a="99", n_b="97")]}, {"arm_results": [arm("41.0", n="99"), arm("41.5", n="98", weeks="26")], "contrasts": [contrast("30.0", n_a="99", n_b="97")], "arms": [{"arm": "drug", "n_randomised": "10"}, {"arm": "placebo", "role": "placebo"}], "trials": [{"n_randomised": "110", "allocation": "1:10"}]}, "n_randomised", "write 100 for 10 in n_randomised"),
    ("n-within", sizes("142", "69", "73"), sizes("142", "69", "73", cohort="412"), "n", "write 142 for 412 in n"),
    ("arms-sum", sizes("142", "69", "73"), sizes("142", "69", "37"), "n_randomised", "write 73 for 37 in one/placebo"),
    ("arms-sum", sizes("142", "69", "73"), sizes("145", "69", "73"), "n_randomised", "write 142 for 145 in one"),
    ("cohorts-sum", recital("37", "44", "20"), recital("37", "44", "16"), "n", "write 97 for 101 in one.all"),
    ("nested-counts", {"arm_results": [patients("5", outcome="death"), patients("27")]}, {"arm_results": [patients("50", outcome="death"), patients("27")]}, "events", "write 5 for 50 in death"),
    ("nested-counts", {"arm_results": [patients("27"), patients("80", outcome="ae")]}, {"arm_results": [patients("27"), patients("8", outcome="ae")]}, "events", "write 80 for 8 in ae"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "good", "broken", "column", "repair"), CASES)
def test_rule(rule, good, broken, column, repair):
    problem = the_finding(rule, good, broken, column, repair)
    assert "inconsistent as printed" in problem.message


def test_difference_allows_three_half_units():
    assert found("difference", **senscis(drug="-52.2")) == []  # 41.1: three roundings may add up to 0.15
    assert found("difference", **senscis(drug="-52.1"))


def test_difference_leaves_another_variant_alone():
    rows = senscis(drug="-59.3")
    rows["arm_results"] = [row | {"variant": "observed"} for row in rows["arm_results"]]
    assert found("difference", **rows) == []


def test_a_risk_difference_is_held_against_the_percentages():
    rows = [patients("30", percent="30"), patients("20", percent="20", arm="placebo")]
    risk = {"outcome": "sae", "measure": "RD", "unit": "percentage points", "favours": "placebo", "estimand": "proportion"}
    assert checks.run(build(arm_results=rows, contrasts=[contrast("10", **risk)])) == []
    assert found("difference", arm_results=rows, contrasts=[contrast("12", **risk)])


@pytest.mark.parametrize(
    ("measure", "unit", "estimate", "favoured"),
    [
        ("HR", "ratio", "0.52", "drug"),
        ("OR", "ratio", "1.35", "placebo"),
        ("win probability", "ratio", "0.63", "drug"),
        ("win probability", "%", "33", "placebo"),
    ],
)
def test_direction_knows_the_null_of_each_measure(measure, unit, estimate, favoured):
    other = {"drug": "placebo", "placebo": "drug"}[favoured]
    row = contrast(estimate, outcome="death", measure=measure, unit=unit, estimand="time to event")
    assert found("direction", contrasts=[row | {"favours": favoured}]) == []
    assert found("direction", contrasts=[row | {"favours": other}])


def test_events_may_outnumber_patients_when_they_are_counted_as_events():
    row = patients("240", counts="events", unit="events")
    assert checks.run(build(arm_results=[row])) == []


def test_percent_names_the_denominator_that_fits():
    problem = found("percent", arm_results=[patients("37", "115", "32.5")], arms=[{"arm": "drug", "n_randomised": "115"}])[0]
    assert "37 of 115 is 32.17 %" in problem.message
    assert problem.repair.startswith("write 114 for 115 in n")


@pytest.mark.parametrize("percent", ["12", "13"])
def test_percent_may_be_rounded_either_way_at_a_half(percent):
    assert found("percent", arm_results=[patients("1", "8", percent)]) == []


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 100), st.data())
def test_a_true_percentage_never_alarms(n, data):
    events = data.draw(st.integers(0, n))
    decimals = data.draw(st.integers(0, 2))
    assert found("percent", arm_results=[patients(str(events), str(n), f"{100 * events / n:.{decimals}f}")]) == []


@settings(max_examples=100, deadline=None)
@given(st.floats(-200, 200), st.floats(-200, 200), st.tuples(*[st.integers(0, 2)] * 3))
def test_rounding_a_true_difference_of_arms_never_alarms(a, b, decimals):
    figures = [f"{x:.{d}f}" for x, d in zip((a - b, a, b), decimals, strict=True)]
    estimate, first, second = (text if float(text) else text.lstrip("-") for text in figures)
    assert found("difference", contrasts=[contrast(estimate)], arm_results=[arm(first), arm(second, arm="placebo")]) == []


def test_cohorts_of_two_partitions_are_summed_apart():
    rows = recital("37", "44", "20")
    rows["cohorts"] += [
        {"cohort": f"fvc-{name}", "kind": "subgroup", "parent": "all", "partition": "fvc", "n": n}
        for name, n in (("low", "50"), ("high", "51"))
    ]
    assert checks.run(build(**rows)) == []
    rows["cohorts"][-1]["n"] = "49"
    assert [p.row_id for p in found("cohorts-sum", **rows)] == ["one.fvc-low"]
