"""Contract rules: a true example, a broken one, and the repair."""

from __future__ import annotations

import pytest
from evidence_factory import SRC, arm, build, contrast, found, the_finding

from ctdild import checks

STATEMENT = {"says": "Less breathlessness.", "verdict": "favours", "favours": "drug"}
SAE = {"statistic": "count", "outcome": "sae", "unit": "patients", "counts": "patients", "events": "24", "n": "100", "percent": "24"}


def one(table, *rows, **other):
    return {table: list(rows), **other}


LCQ = {
    "instrument_id": "instrument-lcq",
    "name": "Cough",
    "outcome": "lcq",
    "domain": "cough",
    "rated_by": "patient",
    "better": "higher",
    "in_article": "no",
    **SRC,
}

CLAIM = {"claim_id": "ssc-3.drug", "paragraph": "ssc-3", "gist": "It works", "page": "chapters/ssc-ild"}


def claim(fate: str, proof: str, used: str) -> dict:
    """A claim of the source article, called so because of a discrepancy that is so sure and so used."""
    reason = {"proof": proof, "used": used}
    return one("source_claims", CLAIM | {"fate": fate, "discrepancy_ids": "d1"}, discrepancies=[reason])


CASES = [
    ("id-parts", one("contrasts", contrast("41.0")), one("contrasts", contrast("41.0", contrast_id="one.all.fvc-ml.w25")), "contrast_id", "write one.all.fvc-ml.w52; or mend the column weeks"),
    ("id-parts", one("contrasts", contrast("41.0", variant="observed")), one("contrasts", contrast("41.0", contrast_id="one.fvc-ml.w52")), "contrast_id", "write one.all.fvc-ml.w52; or mend the column cohort"),
    ("id-parts", one("contrasts", contrast("41.0", weeks="", time_kind="median-follow-up")), one("contrasts", contrast("41.0", contrast_id="one.all.fvc-ml.w52.observed.more")), "contrast_id", "write one.all.fvc-ml.w52.observed"),
    ("id-parts", one("arm_results", arm("41.0")), one("arm_results", arm("41.0", result_id="one.all.fvc-ml.w52.placebo")), "result_id", "write one.all.fvc-ml.w52.drug; or mend the column arm"),
    ("id-parts", one("arm_results", arm("41.0", variant="observed")), one("arm_results", arm("41.0", result_id="one.all.fvc-ml.w52.drug.observed")), "result_id", "write one.all.fvc-ml.w52.observed.drug"),
    ("id-parts", one("statements", STATEMENT), one("statements", STATEMENT | {"statement_id": "one.all.fvc-pp.words"}), "statement_id", "write one.all.fvc-ml.words; or mend the column outcome"),
    ("id-parts", one("statements", STATEMENT), one("statements", STATEMENT | {"statement_id": "one.all.fvc-ml"}), "statement_id", "write one.all.fvc-ml.name"),
    ("id-parts", one("interactions", {}), one("interactions", {"interaction_id": "one.fvc-ml.w26.antibody"}), "interaction_id", "write one.fvc-ml.w52.antibody; or mend the column weeks"),
    ("reference", one("interactions", {}), one("interactions", {"cohorts": "all;al"}), "cohorts", "write all"),
    ("reference", one("statements", STATEMENT), one("statements", STATEMENT | {"favours": "placeebo"}), "favours", "write placebo"),
    ("reference", one("cell_sources", {}), one("cell_sources", {"row_id": "onee"}), "row_id", "write one"),
    ("reference", one("cell_sources", {}), one("cell_sources", {"column": "titel"}), "column", "write title"),
    ("reference", {}, one("corrections", {"discrepancy_id": "d1", "table": "trials", "row_id": "one", "column": "n_randomised", "printed": "201", "used": "200"}, discrepancies=[{"used": "stated"}], trials=[{"n_randomised": "201"}]), "discrepancy_id", "write corrected"),
    ("reference", claim("corrected", "A", "corrected"), claim("corrected", "C", "corrected"), "fate", "choose the verdict"),
    ("reference", claim("qualified", "B", "both"), claim("corrected", "A", "both"), "fate", "choose the verdict"),
    ("reference", claim("doubted", "C", "stated"), claim("doubted", "A", "both"), "fate", "choose the verdict"),
    ("reference", claim("withheld", "C", "withheld"), claim("qualified", "C", "withheld"), "fate", "choose the verdict"),
    ("reference", claim("told", "A", "both"), one("source_claims", CLAIM | {"fate": "withheld"}), "discrepancy_ids", "name the discrepancy"),
    ("citation", {}, one("trials", {"citation": "made-up-2021"}), "citation", "write made-up-2020"),
    ("cohort-tree", one("cohorts", {}, {"cohort": "ild", "kind": "subgroup", "parent": "all", "n": "9"}), one("cohorts", {}, {"cohort": "ild", "kind": "subgroup", "n": "9"}), "parent", "write all"),
    ("cohort-tree", {}, one("cohorts", {}, {"cohort": "ild", "kind": "subgroup", "n": "9", "parent": "al"}), "parent", "write all"),
    ("cohort-tree", {}, one("cohorts", {}, *({"cohort": a, "kind": "subgroup", "parent": b, "n": "9"} for a, b in ("xy", "yx"))), "parent", "write all"),
    ("cohort-tree", {}, one("cohorts", {"kind": "subgroup", "parent": "all"}), "kind", "mend"),
    ("cohort-tree", {}, one("cohorts", {"parent": "all"}), "parent", "empty the cell"),
    ("cohort-tree", {}, one("cohorts", {"cohort": "ild", "kind": "subgroup", "parent": "ild", "n": "9"}), "parent", "write all"),
    ("cohort-tree", {}, one("trials", {}, {"trial_id": "two"}), "trial_id", "add it to cohorts.csv"),
    ("includes", {}, one("trials", {"includes": "one"}), "includes", "remove it"),
    ("preferred", one("contrasts", contrast("41.0"), contrast("38.0", variant="on-treatment", preferred="false")), one("contrasts", contrast("41.0"), contrast("38.0", variant="on-treatment")), "preferred", "write false"),
    ("preferred", one("contrasts", contrast("41.0", preferred="false", caution="withheld")), one("contrasts", contrast("41.0", preferred="false")), "preferred", "write true"),
    ("preferred", one("arm_results", arm("-52.3"), arm("-93.3", arm="placebo")), one("arm_results", arm("-52.3"), arm("-50.1", variant="observed")), "preferred", "write false"),
    ("contrast-arms", one("contrasts", contrast("41.0")), one("contrasts", contrast("41.0", arm_b="drug")), "arm_b", "name the other arm"),
    ("contrast-arms", {}, one("contrasts", contrast("41.0", arm_b="all", favours="drug"), arms=[{"arm": "drug"}, {"arm": "placebo"}, {"arm": "all", "role": "all", "n_randomised": ""}]), "arm_b", "name one arm"),
    ("favours", one("contrasts", contrast("41.0")), one("contrasts", contrast("41.0", favours="")), "favours", "write drug"),
    ("favours", one("contrasts", contrast("0")), one("contrasts", contrast("41.0", favours="all")), "favours", "write drug or placebo"),
    ("favours", one("contrasts", contrast("", p="0.33")), one("contrasts", contrast("", p="0.33", favours="drug")), "favours", "empty the cell"),
    ("interval-complete", one("contrasts", contrast("41.0", "2.9", "79.0")), one("contrasts", contrast("41.0", "", "79.0")), "ci_low", "enter the other one"),
    ("interval-complete", one("contrasts", contrast("41.0")), one("contrasts", contrast("41.0", "2.9", "79.0", ci_level="")), "ci_level", "enter the level"),
    ("interval-complete", {}, one("contrasts", contrast("41.0", ci_level="95")), "ci_level", "enter the limits"),
    ("interval-complete", {}, one("contrasts", contrast("", "2.9", "79.0")), "estimate", "enter the estimate"),
    ("interval-complete", one("arm_results", arm("41.0", "2.9", "79.0")), one("arm_results", arm("41.0", "2.9", "")), "high", "enter the other one"),
    ("interval-complete", {}, one("arm_results", arm("41.0", "2.9", "79.0", interval_kind="", level="")), "interval_kind", "write CI, IQR or range"),
    ("interval-complete", {}, one("arm_results", arm("41.0", "2.9", "79.0", level="")), "level", "enter the level"),
    ("interval-complete", {}, one("arm_results", arm("41.0", level="95")), "level", "empty the cell"),
    ("p-complete", one("contrasts", contrast("41.0", p="0.04")), one("contrasts", contrast("41.0", p_value="0.04")), "p_relation", "write ="),
    ("p-complete", one("contrasts", contrast("41.0", p="ns")), one("contrasts", contrast("41.0", p_relation="<")), "p_value", "enter p"),
    ("result-complete", one("arm_results", arm("41.0", spread="19.0", spread_kind="SE")), one("arm_results", arm("41.0", spread="19.0")), "spread_kind", "enter SD or SE"),
    ("result-complete", {}, one("arm_results", arm("41.0", spread_kind="SE")), "spread", "enter SD or SE"),
    ("result-complete", {}, one("arm_results", arm("")), "value", "enter the figure"),
    ("result-complete", one("arm_results", SAE), one("arm_results", SAE | {"counts": ""}), "counts", "write patients, events or pairs"),
    ("result-complete", one("arm_results", SAE | {"n": "", "note": "The source gives no denominator."}), one("arm_results", SAE | {"n": ""}), "n", "enter n"),
    ("result-complete", {}, one("contrasts", contrast("")), "estimate", "enter one"),
    ("unit", one("contrasts", contrast("41.0")), one("contrasts", contrast("41.0", unit="mL/year")), "unit", "write mL;"),
    ("unit", {}, one("contrasts", contrast("0.52", measure="HR", outcome="death", unit="patients", favours="drug")), "unit", "write ratio"),
    ("unit", one("contrasts", contrast("41.0", measure="rate difference", estimand="slope", favours="drug")), one("contrasts", contrast("4.0", measure="RD", unit="patients", outcome="sae", favours="placebo")), "unit", "write percentage points"),
    ("unit", one("contrasts", contrast("0.50", measure="SMD", unit="standard deviations", favours="drug")), one("contrasts", contrast("0.50", measure="SMD", favours="drug")), "unit", "write standard deviations"),
    ("unit", one("arm_results", arm("80.7", statistic="mean", outcome="fvc-pp", unit="% predicted")), one("arm_results", arm("80.7", statistic="mean", outcome="fvc-pp", unit="percentage points")), "unit", "write % predicted"),
    ("unit", one("arm_results", arm("-2.6", outcome="fvc-pp", unit="percentage points")), one("arm_results", arm("-2.6", outcome="fvc-pp", unit="% predicted")), "unit", "write percentage points"),
    ("unit", one("arm_results", arm("34.8", statistic="rate", outcome="sae", unit="per 100 patient-years")), one("arm_results", arm("34.8", statistic="rate", outcome="sae", unit="points")), "unit", "write patients"),
    ("unit", one("arm_results", SAE), one("arm_results", SAE | {"unit": "events"}), "counts", "write the same"),
    ("unit", one("mcids", {}), one("mcids", {"unit": "points"}), "unit", "write mL"),
    ("time-order", one("contrasts", contrast("41.0", weeks_to="104", time_kind="window")), one("contrasts", contrast("41.0", weeks_to="26", time_kind="window")), "weeks_to", "exchange"),
    ("verification", {}, one("trials", {"source_id": "news"}), "verification", "write secondary"),
    ("verification", one("trials", {"source_id": "news", "verification": "secondary"}), one("trials", {"source_id": "article"}), "verification", "write review"),
    ("verification", one("trials", {"source_id": "article", "verification": "review"}), one("trials", {"verification": "review"}), "verification", "write primary or secondary"),
    ("text-safety", one("trials", {"note": "+1.2"}), one("trials", {"note": "=1+1"}), "note", "start with"),
    ("text-safety", one("trials", {"note": "p < 0.05 and FVC <LLN"}), one("trials", {"note": "@SUM(A1)"}), "note", "start with"),
    ("text-safety", {}, one("trials", {"note": "see <b>this</b>"}), "note", "write it without"),
    ("text-safety", {}, one("trials", {"note": "<img src=x"}), "note", "write it without"),
    ("result-complete", {}, one("arm_results", arm("41.0", statistic="median change", spread="190", spread_kind="SD")), "statistic", "a standard deviation"),
    ("estimand", one("contrasts", contrast("0.50", measure="SMD", unit="standard deviations", favours="drug")), one("contrasts", contrast("0.50", measure="SMD", unit="standard deviations", estimand="proportion", favours="drug")), "measure", "mend measure or estimand"),
    ("estimand", one("contrasts", contrast("41.0", "2.9", "79.0")), one("contrasts", contrast("0.52", measure="HR", outcome="death", unit="ratio", estimand="proportion", favours="drug")), "measure", "mend measure or estimand"),
    ("level", one("contrasts", contrast("41.0", "9.0", "73.0", ci_level="90", note="The source prints 90 % intervals.")), one("contrasts", contrast("41.0", "9.0", "73.0", ci_level="90")), "ci_level", "write 95 for 90"),
    ("level", {}, one("arm_results", arm("41.0", "22.0", "60.0", level="99")), "level", "write 95 for 99"),
    ("better", {}, one("outcomes", {"outcome": "fvc-ml"}, {"outcome": "pfs", "domain": "survival", "unit": "patients", "better": "lower"}), "better", "write higher"),
    ("better", {}, one("outcomes", {"outcome": "fvc-ml"}, {"outcome": "frequent-cough", "domain": "symptoms", "unit": "patients", "better": "higher"}), "better", "write lower"),
    ("better", {}, one("outcomes", {"outcome": "fvc-ml", "better": "lower"}), "better", "write higher"),
    ("better", {}, one("outcomes", {"outcome": "fvc-ml"}, {"outcome": "rash", "domain": "harms", "unit": "patients", "better": "higher"}), "better", "write lower"),
    ("better", one("outcomes", {"outcome": "fvc-ml"}, {"outcome": "fvc-no-decline", "unit": "patients"}), one("outcomes", {"outcome": "fvc-ml"}, {"outcome": "fvc-no-decline", "unit": "patients", "better": "lower"}), "better", "write higher"),
    ("better", one("outcomes", {"outcome": "fvc-ml"}, {"outcome": "lcq", "domain": "symptoms", "unit": "points"}, instruments=[LCQ]), one("outcomes", {"outcome": "fvc-ml"}, {"outcome": "lcq", "domain": "symptoms", "unit": "points", "better": "lower"}, instruments=[LCQ]), "better", "write higher"),
    ("text-safety", {}, one("sources", {"source_id": "report", "url": "javascript:alert(1)"}), "url", "write an address"),
    ("text-safety", {}, one("trials", {"note": "-cmd|' /C calc'!A0"}), "note", "start with"),
    ("text-safety", one("trials", {"note": "-7.69 (-15.06 to -0.32)"}), one("trials", {"note": "-2+3+cmd"}), "note", "start with"),
    ("decimals", one("contrasts", contrast("41.0", "2.9", "79.0")), one("contrasts", contrast("41", "2.9", "79.0")), "estimate", "restore the trailing zero from the source: estimate 41.0"),
    ("decimals", one("arm_results", arm("208.0", "173.3", "242.7")), one("arm_results", arm("208", "173.3", "242.7")), "value", "restore the trailing zero from the source: value 208.0"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "good", "broken", "column", "repair"), CASES)
def test_rule(rule, good, broken, column, repair):
    the_finding(rule, good, broken, column, repair)


def test_a_correction_that_its_discrepancy_supports_passes():
    correction = {"discrepancy_id": "d1", "table": "trials", "row_id": "one", "column": "n_randomised", "printed": "201", "used": "200"}
    assert checks.run(build(corrections=[correction], discrepancies=[{}], trials=[{"n_randomised": "201"}])) == []


def test_a_circle_of_cohorts_ends():
    """Both members are named, and one that only leads into the circle is not."""
    circle = [{"cohort": a, "kind": "subgroup", "parent": b, "n": "9"} for a, b in (("x", "y"), ("y", "x"), ("z", "x"))]
    assert [p.row_id for p in found("cohort-tree", cohorts=[{}, *circle])] == ["one.x", "one.y"]


def test_preferred_is_asked_for_each_pair_of_arms():
    """Two doses against one placebo are two quantities."""
    arms = [{"arm": name, "n_randomised": n} for name, n in (("drug", "100"), ("high-dose", "60"), ("placebo", "40"))]
    rows = [contrast("41.0"), contrast("30.0", arm_a="high-dose", variant="high", favours="high-dose")]
    assert checks.run(build(contrasts=rows, arms=arms)) == []
