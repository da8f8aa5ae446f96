"""Ring 3: what a pool says on the scale of readers, which figure heads it, and what stands beside it."""

from __future__ import annotations

import math

import pytest
from evidence_factory import build, contrast

from ctdild.synthesis import effects, pairwise, pools, summary

# --- the pools of the review -----------------------------------------------------------------------------------------------------------


def rounded(answer, digits):
    return [round(x, digits) for x in (answer.estimate, answer.low, answer.high)]


def test_cyclophosphamide_agrees_with_what_was_specified(evidence):
    found = summary.summarise(evidence, "cyclophosphamide-fvc-pp")
    assert (found.headline.key, rounded(found.headline, 2)) == ("common", [2.84, 0.81, 4.87])
    assert rounded(found.answers["random"], 1) == [2.8, -5.4, 11.1]
    prior = pairwise.half_normal(*zip(*(s.comparison.effect() for s in found.studies), strict=True), scale=2)
    assert rounded(found.answers["prior"], 8) == [round(x, 8) for x in (prior.estimate, prior.ci_low, prior.ci_high)]
    assert (found.tau, found.i2, found.q_p, found.prediction) == (None, None, None, None)


def test_nintedanib_in_two_trials_agrees_with_what_was_specified(evidence):
    found = summary.summarise(evidence, "nintedanib-fvc-rate-ctd")
    assert rounded(found.headline, 1) == [52.5, 18.2, 86.8]
    assert found.n == 746
    between = found.answers["between"]
    assert round(between.estimate, 1) == 61.7
    z = between.estimate / ((between.high - between.low) / (2 * effects.quantile()))
    assert round(float(z), 2) == 1.37
    assert between.includes_null


def test_four_trials_are_headed_by_random_effects_and_have_no_prediction_interval_yet(evidence):
    found = summary.summarise(evidence, "nintedanib-fvc-rate-fibrosing")
    pooled = found.judged.pool(method="REML", interval="hk-adhoc")
    assert [found.headline.estimate, found.headline.low, found.headline.high] == [pooled.estimate, pooled.ci_low, pooled.ci_high]
    assert rounded(found.answers["common"], 1) == [86.8, 65.1, 108.5]
    assert (found.prediction, found.tau**2) == (None, pytest.approx(pooled.tau2))
    assert found.detectable is None
    two = summary.summarise(evidence, "nintedanib-fvc-rate-ctd")
    assert two.detectable == pytest.approx((1.959964 + 0.841621) * two.judged.pool(method="common").standard_error)


def test_deaths_without_a_comparator_death_are_headed_by_the_difference(evidence):
    found = summary.summarise(evidence, "transplant-death-treatment")
    assert (found.headline.key, found.unit) == ("risk-difference", "patients per 100")
    assert found.answers["peto"].null == 1
    assert found.control_risks == (0, 0)
    astis = next(study for study in found.studies if study.comparison.trial_id == "astis")
    assert [round(x, 1) for x in (astis.estimate, astis.low, astis.high)] == [10.1, 3.3, 18.7]
    assert str(found.number_needed).startswith("NNTH 14")


# --- made up ---------------------------------------------------------------------------------------------------------------------------

NAMES = ("one", "two", "three", "four", "five", "six")


def world(
    *estimates: tuple[str, str, str],
    declared: int = len(NAMES),
    accepted: str = "",
    last: dict[str, dict[str, str]] | None = None,
    **columns: str,
):
    """Like trials with a contrast each, the first ones declared as a pool; ``last`` says of the last trial, by table, what is unlike."""
    trials = NAMES[: len(estimates)]

    def unlike(table: str, trial: str) -> dict[str, str]:
        return (last or {}).get(table, {}) if trial == trials[-1] else {}

    rows = [{"trial_id": t, **contrast(*e), **columns, **unlike("contrasts", t)} for t, e in zip(trials, estimates, strict=True)]
    outcome = columns.get("outcome", "fvc-ml")
    return build(
        trials=[{"trial_id": t, "acronym": t.upper(), "year": str(2010 + i), **unlike("trials", t)} for i, t in enumerate(trials)],
        cohorts=[{"trial_id": t} for t in trials],
        treatments=[{"treatment": "drug"}, {"treatment": "placebo", "class": "placebo"}],
        arms=[
            {"trial_id": t, "arm": a, **({} if a == "drug" else {"role": "placebo", "treatment": "placebo"})}
            for t in trials
            for a in ("drug", "placebo")
        ],
        contrasts=rows,
        pools=[
            {
                "pool_id": "p",
                "question": "What?",
                "contrast_ids": ";".join(f"{t}.all.{outcome}.w52" for t in trials[:declared]),
                "accepted_departures": accepted,
                "reason": "Because.",
                "decided_on": "2026-01-01",
            }
        ],
    )


LIKE = ("30", "10", "50")


def test_a_single_study_is_not_pooled():
    with pytest.raises(pools.PoolRefusedError, match="single study"):
        summary.summarise(world(LIKE), "p")


def test_what_is_shown_apart_is_not_pooled(evidence):
    for declared in evidence["pools"]:
        if declared.decision == pools.APART:
            with pytest.raises(pools.PoolRefusedError, match="shown apart"):
                summary.summarise(evidence, declared.pool_id)


def test_a_prediction_interval_comes_with_the_fifth_study():
    four, five = (summary.summarise(world(*[LIKE] * k), "p") for k in (4, 5))
    assert four.prediction is None
    assert five.prediction == pytest.approx(tuple(five.judged.pool(interval="hk-adhoc").prediction("HTS")))


def test_the_prior_is_for_two_and_three_studies():
    assert {"prior", "prior-half", "prior-twice"} <= set(summary.summarise(world(LIKE, LIKE, LIKE), "p").answers)
    assert "prior" not in summary.summarise(world(*[LIKE] * 4), "p").answers


def test_ratios_are_pooled_on_logs_and_shown_as_ratios():
    ratio = {"outcome": "death", "measure": "RR", "unit": "ratio", "estimand": "proportion"}
    found = summary.summarise(world(("0.50", "0.25", "1.00"), ("0.80", "0.40", "1.60"), **ratio), "p")
    assert found.headline.estimate == pytest.approx(math.sqrt(0.5 * 0.8), rel=1e-3)
    assert (found.headline.null, found.unit, found.decimals) == (1, "", 2)
    assert [(s.estimate, s.low, s.high) for s in found.studies] == [(0.5, 0.25, 1.0), (0.8, 0.4, 1.6)]


def test_leaving_out_and_adding_up_use_the_method_of_as_many_studies():
    found = summary.summarise(world(("30", "10", "50"), ("10", "-10", "30"), ("50", "30", "70")), "p")
    left = summary.leave_one_out(found)
    assert [study.comparison.trial_id for study, _ in left] == ["one", "two", "three"]
    assert [round(answer.estimate, 6) for _, answer in left] == [30, 40, 20]
    assert {answer.key for _, answer in left} == {"common"}
    added = summary.cumulative(found, [2012, 2011, 2010])
    assert [study.comparison.trial_id for study, _ in added] == ["three", "two", "one"]
    assert [answer.key for _, answer in added] == ["study", "common", "random"]
    assert added[-1][1] == found.headline
    with pytest.raises(ValueError, match="from 3 on"):
        summary.leave_one_out(summary.summarise(world(LIKE, LIKE), "p"))


def test_an_indirect_comparison_takes_the_ordinary_error_of_the_pool_and_logs_of_ratios(evidence):
    three = summary.summarise(world(("30", "10", "50"), ("10", "-10", "30"), ("50", "30", "70")), "p")
    one = three.studies[0].comparison
    found = summary.indirect(three, one)
    ordinary = three.judged.pool(method="REML").standard_error
    assert found.estimate == pytest.approx(one.effect()[0] - three.headline.estimate)
    assert found.high - found.estimate == pytest.approx(1.959964 * math.hypot(one.effect()[1], ordinary), rel=1e-6)
    ratio = {"outcome": "death", "measure": "RR", "unit": "ratio", "estimand": "proportion"}
    two = summary.summarise(world(("0.50", "0.25", "1.00"), ("0.80", "0.40", "1.60"), **ratio), "p")
    assert summary.indirect(two, two.studies[0].comparison).estimate == pytest.approx(0.5 / two.headline.estimate)
    with pytest.raises(ValueError, match="pools counts"):
        summary.indirect(summary.summarise(evidence, "tocilizumab-sae"), one)


def test_limits_of_another_level_are_brought_to_95_and_marked():
    found = summary.summarise(world(LIKE, LIKE, ci_level="90"), "p")
    assert all(study.computed for study in found.studies)
    assert found.studies[0].high == pytest.approx(30 + 20 * 1.959964 / 1.644854, rel=1e-5)


def test_a_damaged_interval_is_refused_not_computed():
    with pytest.raises(pools.PoolRefusedError, match="no standard error"):
        summary.summarise(world(LIKE, ("30", "50", "10")), "p")
