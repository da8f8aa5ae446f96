"""Claims hold exactly as long as the data support them."""

from __future__ import annotations

import pytest
from conftest import edit_row
from evidence_factory import build, contrast

from ctdild.claims import ClaimError, evaluate
from ctdild.evidence import load

SENSCIS = "senscis.all.fvc-rate.w52"
SLS_1 = "sls-1.all.fvc-pp.w52"


def holds(evidence, condition: str) -> bool:
    return all(verdict.holds for verdict in evaluate(condition, evidence))


@pytest.mark.parametrize(
    "condition",
    [
        f"{SENSCIS} favours nintedanib",
        f"{SENSCIS} interval excludes null",
        f"{SENSCIS} favours nintedanib; {SLS_1} favours cyclophosphamide",
        f"{SENSCIS} level primary",
        f"{SENSCIS} level review",
        f"{SENSCIS} estimate > 40",
        f"{SENSCIS} estimate = 41",
        f"{SENSCIS} n_a = {SENSCIS} n_b",
        f"{SENSCIS} exists",
        "senscis.all.fvc-rate.w53* absent",
        "senscis primary_met = met",
        "focussced primary_met = not met",
        "focussced.all.mrss.w48 interval includes null",
        "focussced.all.mrss.w48 p >= 0.05",
        "focussced.ild.fvc-pp.w48 p < 0.001",
    ],
)
def test_true_conditions_hold(evidence, condition):
    assert holds(evidence, condition)


@pytest.mark.parametrize(
    "condition",
    [
        f"{SENSCIS} favours placebo",
        f"{SENSCIS} interval includes null",
        f"{SENSCIS} estimate < 41",
        f"{SENSCIS} p >= 0.05",
        "senscis.all.fvc-rate.* absent",
        "senscis.all.fvc-rate.w99 exists",
        "senscis primary_met = not met",
        "sls-2.all.fvc-pp.w104 interval includes null",
        "focussced.all.mrss.w48 interval excludes null",
    ],
)
def test_false_conditions_do_not(evidence, condition):
    assert not holds(evidence, condition)


@pytest.mark.parametrize(
    "condition",
    ["", f"{SENSCIS}", f"{SENSCIS} is good", f"{SENSCIS} favours tocilizumab", f"{SENSCIS} colour = red", f"{SENSCIS} estimate > much",
     f"{SENSCIS} p < five", "sencsis.all.fvc-rate.w53 absent", "*.fvc-raet.* absent", "senscis interval excludes null"],
)  # fmt: skip
def test_conditions_that_cannot_be_read_say_so(evidence, condition):
    with pytest.raises(ClaimError):
        evaluate(condition, evidence)


def test_a_bound_on_p_is_not_a_value(data):
    edit_row(data / "contrasts.csv", SENSCIS, p_value="0.05", p_relation="<")
    evidence = load(data)
    assert holds(evidence, f"{SENSCIS} p < 0.05")
    assert not holds(evidence, f"{SENSCIS} p < 0.01")
    assert not holds(evidence, f"{SENSCIS} p >= 0.01")
    edit_row(data / "contrasts.csv", SENSCIS, p_value="", p_relation="ns")
    evidence = load(data)
    assert holds(evidence, f"{SENSCIS} p >= 0.05")
    assert not holds(evidence, f"{SENSCIS} p < 0.05")
    assert not holds(evidence, f"{SENSCIS} p >= 0.5")


def test_the_favoured_arm_follows_sign_and_direction(data):
    edit_row(data / "contrasts.csv", SENSCIS, estimate="-41.0", ci_low="-79.0", ci_high="-2.9")
    assert holds(load(data), f"{SENSCIS} favours placebo; {SENSCIS} interval excludes null")
    edit_row(data / "outcomes.csv", "fvc-rate", better="lower")
    assert holds(load(data), f"{SENSCIS} favours nintedanib")


@pytest.mark.parametrize(
    ("measure", "unit", "estimate", "arm"),
    [("win probability", "%", "67", "drug"), ("win probability", "%", "33", "placebo"), ("win probability", "ratio", "0.33", "placebo"),
     ("relative reduction", "%", "48", "drug"), ("HR", "ratio", "0.5", "drug"), ("SMD", "standard deviations", "-0.5", "drug")],
)  # fmt: skip
def test_the_favoured_arm_knows_the_null_of_the_measure(measure, unit, estimate, arm):
    row = contrast(estimate, outcome="death", measure=measure, unit=unit, estimand="time to event")
    assert holds(build(contrasts=[row]), f"one.all.death.w52 favours {arm}")


def test_a_withheld_row_supports_nothing(data):
    edit_row(data / "contrasts.csv", SENSCIS, caution="withheld")
    evidence = load(data)
    assert not holds(evidence, f"{SENSCIS} exists")
    assert not holds(evidence, f"{SENSCIS} favours nintedanib")
    assert holds(evidence, f"{SENSCIS} absent")
