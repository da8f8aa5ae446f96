"""Ring 3: the gate lets together what belongs together, prints what was accepted, and refuses the rest with its reason."""

from __future__ import annotations

import math

import pytest
from conftest import edit_row
from evidence_factory import build, contrast

from ctdild.cli import check_data
from ctdild.evidence import Evidence
from ctdild.synthesis import pairwise, pools

# --- the pools of the review ---------------------------------------------------------------------------------------------------------


def test_every_declared_pool_is_open(evidence):
    declared = [row.pool_id for row in evidence["pools"] if row.decision != pools.APART]
    assert len(declared) >= 7
    assert {pool: pools.judge(evidence, pool).refusals for pool in declared} == dict.fromkeys(declared, ())


def test_cyclophosphamide_says_what_was_accepted_and_where_its_standard_errors_come_from(evidence):
    judged = pools.judge(evidence, "cyclophosphamide-fvc-pp")
    pooled = judged.pool(method="common")
    assert [round(x, 2) for x in (pooled.estimate, pooled.ci_low, pooled.ci_high)] == [2.84, 0.81, 4.87]
    assert [member.origin for member in judged.members] == ["interval", "p"]
    assert any(text.startswith("drug: azathioprine, cyclophosphamide, glucocorticoids in fast.") for text in judged.departures)


def test_no_patient_has_diarrhoea_twice(evidence):
    """Of all rows on diarrhoea under nintedanib, in trials, their parts and their pooled papers, four trials remain."""
    found = [c for c in pools.comparisons(evidence) if c.features["outcome"] == "diarrhoea" and c.features["drug"] == "nintedanib"]
    assert {"inpulsis-pooled", "tomorrow-inpulsis"} <= {c.trial_id for c in found}
    assert {c.address for c in found} > {"inbuild.all.diarrhoea.w52", "inbuild.autoimmune.diarrhoea.w52"}
    four = {f"{trial}.all.diarrhoea.w52" for trial in ("inpulsis-1", "inpulsis-2", "senscis", "inbuild")}
    assert {c.address for c in pools.independent(evidence, found)} == four
    assert {c.address for c in pools.judge(evidence, "nintedanib-diarrhoea").members} == four


def test_deaths_of_transplantation_have_a_difference_and_no_ratio(evidence):
    judged = pools.judge(evidence, "transplant-death-treatment")
    assert math.isnan(judged.pool_counts("RR").estimate)
    counts = [arm for member in judged.members for arm in member.counts]
    assert judged.pool_counts("RD") == pairwise.mantel_haenszel(*tables(counts), "RD")
    assert judged.pool_counts("Peto") == pairwise.peto(*tables(counts))


def tables(arms) -> tuple[list[int], ...]:
    return [a.events for a in arms[::2]], [a.n for a in arms[::2]], [b.events for b in arms[1::2]], [b.n for b in arms[1::2]]


# --- made up -------------------------------------------------------------------------------------------------------------------------

TRIALS = ("one", "two", "three")
POOL = {
    "pool_id": "p",
    "question": "What?",
    "contrast_ids": "one.all.fvc-ml.w52;two.all.fvc-ml.w52",
    "reason": "Because.",
    "decided_on": "2026-01-01",
}


def world(rows=None, pool=None, more=(), **of_two: dict[str, str]) -> Evidence:
    """Three like trials with a contrast each, or with these `rows` of contrasts; one and two are pooled.

    `of_two` changes what trials, cohorts, arms or contrasts say of trial two.
    """

    def each(table: str, **columns: str) -> list[dict[str, str]]:
        return [{"trial_id": trial, **columns, **(of_two.get(table, {}) if trial == "two" else {})} for trial in TRIALS]

    controls = [{"trial_id": trial, "arm": "placebo", "role": "placebo", "treatment": "placebo"} for trial in TRIALS]
    return build(
        trials=each("trials"),
        cohorts=[*each("cohorts"), *more],
        treatments=[{"treatment": "drug"}, {"treatment": "placebo", "class": "placebo"}, {"treatment": "other", "class": "antifibrotic"}],
        arms=[*each("arms", arm="drug"), *controls],
        contrasts=rows or each("contrasts", **contrast("30", "10", "50")),
        pools=[POOL | (pool or {})],
    )


def refused(evidence: Evidence) -> list[str]:
    """The reasons of the only pool, and that it cannot be drawn."""
    judged = pools.judge(evidence, "p")
    if judged.refusals:
        assert not judged.open
        with pytest.raises(pools.PoolRefusedError, match="p cannot be pooled"):
            judged.pool()
    return [reason for _, reason in judged.refusals]


DEPARTURES = {
    "disease": {"cohorts": {"disease": "RA"}},
    "drug": {"arms": {"treatment": "other"}},
    "background policy": {"trials": {"background_policy": "glucocorticoid"}},
    "estimand": {"contrasts": {"estimand": "slope"}},
    "time kind": {"contrasts": {"time_kind": "window"}},
    "analysis set": {"contrasts": {"analysis_set": "completers"}},
}


@pytest.mark.parametrize("name, change", DEPARTURES.items(), ids=DEPARTURES)
def test_a_departure_is_refused_until_it_is_accepted_and_then_printed(name, change):
    class_too = ["drug class"] if name == "drug" else []
    reasons = refused(world(**change))
    assert [reason.partition(":")[0] for reason in reasons] == [name, *class_too]
    assert all("does not accept" in reason for reason in reasons)
    judged = pools.judge(world(**change, pool={"accepted_departures": ";".join([name, *class_too])}), "p")
    assert judged.open
    assert [text.partition(":")[0] for text in judged.departures] == [name, *class_too]
    assert judged.pool(method="common").k >= 2


def test_every_kind_of_departure_is_one_of_the_schema(evidence):
    pattern = evidence.schema["pools"].field("accepted_departures").constraints["pattern"]
    assert all(f"{name}|" in pattern or f"{name})" in pattern for name in pools.DEPARTURES)


EVERYTHING = {"accepted_departures": ";".join(pools.DEPARTURES)}
NEVER = {
    "unit": ({"contrasts": {"unit": "mL/year"}}, "unit is mL/year"),
    "measure": ({"contrasts": {"measure": "OR", "unit": "ratio"}}, "measure is OR"),
    "kind": ({"trials": {"kind": "cohort"}}, "a cohort, not a randomised trial"),
    "extension": ({"cohorts": {"kind": "extension"}}, "of kind extension"),
    "after baseline": ({"cohorts": {"kind": "post-baseline"}}, "of kind post-baseline"),
    "before treatment": ({"contrasts": {"role": "baseline"}}, "before any treatment"),
    "withheld": ({"contrasts": {"caution": "withheld"}}, "withheld"),
    "another row": ({"contrasts": {"preferred": "false"}}, "another row of the same quantity"),
    "same patients": ({"trials": {"includes": "one"}}, "shares patients with one.all.fvc-ml.w52"),
    "no interval": ({"contrasts": {"ci_low": "", "ci_high": "", "ci_level": ""}}, "no standard error"),
    "small p": ({"contrasts": contrast("30", p="<0.05")}, "no standard error"),
    "rank test": ({"contrasts": contrast("30", p="0.04") | {"p_method": "rank"}}, "no standard error"),
}


@pytest.mark.parametrize("change, reason", NEVER.values(), ids=NEVER)
def test_what_no_pool_can_accept(change, reason):
    assert any(reason in found for found in refused(world(**change, pool=EVERYTHING)))


def test_an_exact_p_of_the_estimate_gives_a_standard_error():
    judged = pools.judge(world(contrasts_with(contrast("30", p="0.04"))), "p")
    assert judged.open
    assert [member.origin for member in judged.members][:2] == ["interval", "p"]


def contrasts_with(of_two: dict[str, str], weeks: str = "52") -> list[dict[str, str]]:
    return [{"trial_id": "one", **contrast("30", "10", "50")}, {"trial_id": "two", "weeks": weeks, **of_two}]


@pytest.mark.parametrize("weeks, fits", [("46", True), ("58", True), ("45", False), ("24", False)])
def test_six_weeks_are_the_limit(weeks, fits):
    evidence = world(
        contrasts_with(contrast("30", "10", "50"), weeks), pool={"contrast_ids": f"one.all.fvc-ml.w52;two.all.fvc-ml.w{weeks}"}
    )
    assert (refused(evidence) == []) == fits


def test_a_hazard_ratio_at_a_point_in_time_is_never_pooled():
    ratio = {"measure": "HR", "unit": "ratio", "time_kind": "at", "estimand": "time to event"}
    rows = [{"trial_id": trial, **contrast("0.50", "0.25", "1.00"), **ratio} for trial in ("one", "two")]
    assert any("hazard" in reason for reason in refused(world(rows)))


def test_an_address_that_is_not_there_is_refused():
    assert "no such contrast" in refused(world(pool={"contrast_ids": "one.all.fvc-ml.w52;two.all.fvc-ml.w26"}))[0]


def test_a_row_that_is_like_the_others_joins():
    judged = pools.judge(world(), "p")
    assert judged.joined == ("three.all.fvc-ml.w52",)
    assert judged.pool(method="common").k == 3


def test_a_row_on_the_same_patients_does_not_join():
    rows = [{"trial_id": trial, **contrast("30", "10", "50")} for trial in ("one", "two")]
    judged = pools.judge(world([*rows, {**rows[0], "weeks": "50"}]), "p")
    assert [member.address for member in judged.members] == ["one.all.fvc-ml.w52", "two.all.fvc-ml.w52"]


def test_a_row_that_departs_only_as_accepted_awaits_an_editor():
    rows = [{"trial_id": trial, **contrast("30", "10", "50")} for trial in TRIALS]
    rows[2]["analysis_set"] = "completers"
    judged = pools.judge(world(rows, pool={"accepted_departures": "analysis set"}), "p")
    assert judged.joined == ()
    assert judged.pool(method="common").k == 2
    assert [(address, text.partition(":")[0]) for address, text in judged.candidates] == [("three.all.fvc-ml.w52", "analysis set")]
    assert pools.judge(world(rows), "p").candidates == ()


def test_a_disease_that_the_pool_does_not_hold_is_no_candidate():
    rows = [{"trial_id": trial, **contrast("30", "10", "50")} for trial in ("one", "two")]
    declared = {"accepted_departures": "disease", "contrast_ids": "one.all.fvc-ml.w52"}
    assert pools.judge(world(rows, pool=declared, cohorts={"disease": "IPF"}), "p").candidates == ()
    assert len(pools.judge(world(rows, pool=declared, cohorts={"disease": "SSc;RA"}), "p").candidates) == 1


PARTS = [{"trial_id": "one", "cohort": name, "kind": "subgroup", "parent": "all", "partition": part, "n": "100"} for name, part in
         (("young", "age"), ("old", "age"), ("women", "sex"), ("smokers", ""), ("heavy", ""))]  # fmt: skip


@pytest.mark.parametrize(
    "cohorts, apart",
    [
        (("young", "old"), True),
        (("young", "women"), False),
        (("smokers", "heavy"), False),
        (("all", "young"), False),
        (("young", "young"), False),
    ],
)
def test_groups_of_a_trial_are_apart_only_in_one_partition(cohorts, apart):
    rows = [{"trial_id": "one", "cohort": cohort, **contrast("30", "10", "50")} for cohort in dict.fromkeys(cohorts)]
    evidence = world(rows, more=PARTS)
    found = {c.row.cohort: c for c in pools.comparisons(evidence)}
    assert pools.share_patients(evidence, *(found[cohort] for cohort in cohorts)) != apart


def test_a_record_that_includes_itself_in_a_circle_is_no_endless_loop():
    evidence = build(
        trials=[{"trial_id": "one", "includes": "two"}, {"trial_id": "two", "includes": "one"}],
        cohorts=[{"trial_id": "one"}, {"trial_id": "two"}],
        arms=[{"trial_id": t, "arm": a, "treatment": a, "role": r} for t in ("one", "two") for a, r in (("drug", "intervention"), ("placebo", "placebo"))],
        contrasts=contrasts_with(contrast("30", "10", "50")),
    )  # fmt: skip
    assert pools.share_patients(evidence, *pools.comparisons(evidence))


# --- counts --------------------------------------------------------------------------------------------------------------------------


def counted(**drug: str) -> Evidence:
    """One trial with deaths in both arms; those of the treated as given."""
    count = {"outcome": "death", "statistic": "count", "unit": "patients", "counts": "patients", "n": "100"}
    rows = [{**count, "arm": "drug", **drug}, {**count, "arm": "placebo", "events": "10"}]
    return build(arm_results=rows, pools=[POOL | {"contrast_ids": "one.all.death.w52"}])


def test_two_counts_of_patients_are_a_comparison():
    judged = pools.judge(counted(events="5"), "p")
    assert [(arm.events, arm.n, arm.derived) for arm in judged.members[0].counts] == [(5, 100, False), (10, 100, False)]
    assert math.exp(judged.pool_counts().estimate) == pytest.approx(0.5)
    with pytest.raises(pools.PoolRefusedError, match="holds counts"):
        judged.pool()


def test_a_percentage_is_a_count_only_if_one_number_rounds_to_it():
    (member,) = pools.judge(counted(percent="5.0", statistic="percent", unit="% of patients", n="100"), "p").members
    assert member.origin == "counts from percentages"
    assert [arm.events for arm in member.counts] == [5, 10]
    judged = pools.judge(counted(percent="5", statistic="percent", unit="% of patients", n="1000"), "p")
    assert [reason for _, reason in judged.refusals] == ["how many patients had the event cannot be told"]


def test_a_count_that_was_added_up_is_not_one_from_a_percentage():
    (member,) = pools.judge(counted(events="5", derivation="Sum of the two strata of the table"), "p").members
    assert member.origin == "counts"


def test_events_are_not_patients():
    assert "no two arms with counts of patients" in pools.judge(counted(events="5", counts="events", unit="events"), "p").refusals[0][1]


# --- where people see it -------------------------------------------------------------------------------------------------------------


def test_the_check_names_what_the_gate_refuses(data):
    line = edit_row(data / "pools.csv", "cyclophosphamide-fvc-pp", accepted_departures="drug;drug class")
    _, problems = check_data(data)
    (found,) = [problem for problem in problems if problem.rule == "pool"]
    assert (found.severity, found.file, found.row, found.column, found.value) == (
        "ERROR",
        "pools.csv",
        line,
        "contrast_ids",
        "fast.all.fvc-pp.w52",
    )
    assert "background policy: not reported in fast" in found.message
    assert found.blocks


def test_a_chapter_sees_the_pools_of_its_trials_only(evidence):
    visible = evidence.scope("ssc-ild")
    seen = {row.pool_id for row in visible["pools"]}
    assert "cyclophosphamide-fvc-pp" in seen
    trials = {row.trial_id for row in visible["trials"]}
    assert all(address.partition(".")[0] in trials for row in visible["pools"] for address in row.contrast_ids)
    assert len(seen) < len(evidence["pools"])


def test_only_a_pool_is_judged(evidence):
    with pytest.raises(KeyError, match="not a pool"):
        pools.judge(evidence, "senscis")
