"""The second entry: a slip is told from an edit by what departs with it."""

from __future__ import annotations

import pytest
from evidence_factory import arm, build, contrast, the_finding

from ctdild import checks
from ctdild.checks import readings

ARM = "one.all.fvc-ml.w52.drug"
COMPARISON = "one.all.fvc-ml.w52"


def noted(reading, row_id=ARM, table="arm_results"):
    return {"table": table, "row_id": row_id, "reading": reading}


def compared(reading):
    return noted(reading, COMPARISON, "contrasts")


def one_arm(row, reading, **other):
    return {"arm_results": [row], "readings": [noted(reading)], **other}


def two_visits(events, percent):
    """A count at week 26, and another one noted for week 52."""
    counted = {"value": "", "outcome": "sae", "statistic": "count", "unit": "patients", "counts": "patients", "n": "100"}
    rows = [arm(**counted, weeks="26", events="7", percent="7"), arm(**counted, events=events, percent=percent)]
    return {"arm_results": rows, "readings": [noted("24 (24%)", "one.all.sae.w52.drug")]}


CASES = [
    ("lone-figure", one_arm(arm("-41.0"), "−41.0 mL (n 97)"), one_arm(arm("-14.0"), "-41.0"), "value", "write -41.0; or, if the source says -14.0, change line 2 of readings.csv too"),
    ("lone-figure", one_arm(arm("-41.0", spread="19.0", spread_kind="SE"), "-41.0; SE 19.0"), one_arm(arm("-41.0", spread="91.0", spread_kind="SE"), "-41.0; SE 19.0"), "spread", "write 19.0"),
    ("lone-figure", {"contrasts": [contrast("", p="0.04")], "readings": [compared("p 0.04")]}, {"contrasts": [contrast("", p="0.004")], "readings": [compared("p 0.04")]}, "p_value", "write 0.04"),
    ("lone-figure", {"contrasts": [contrast("41.0", "31.0", "51.0", "<0.001")], "readings": [compared("41.0 (31.0 to 51.0), p <0.001")]}, {"contrasts": [contrast("41.0", "31.0", "51.0", "<0.01")], "readings": [compared("41.0 (31.0 to 51.0), p <0.001")]}, "p_value", "write 0.001"),
    ("copied-figures", two_visits("24", "24"), two_visits("7", "7"), "events", "write what was noted; or, if the source says 7, 7, change line 2"),
    ("noted-level", {"contrasts": [contrast("41.0", "2.9", "79.1")], "readings": [compared("41.0 (2.9 to 79.1)")]}, {"contrasts": [contrast("41.0", "9.0", "73.0")], "readings": [compared("41.0 (2.9 to 79.1)")]}, "ci_low", "write what was noted"),
    ("reading", one_arm(arm("-41.0", "-81.0", "-1.0"), "-41.0; 95% CI -81.0 to -1.0"), one_arm(arm("-42.0", "-82.0", "-2.0"), "-41.0; 95% CI -81.0 to -1.0"), "value", "write what was noted; or, if the source says -42.0, -82.0, -2.0, change line 2"),
    ("reading", {}, {"arm_results": [arm("-41.0")], "readings": [noted("-41.0", "one.all.fvc-ml.w26.drug")]}, "row_id", "mend the address"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "good", "broken", "column", "repair"), CASES)
def test_rule(rule, good, broken, column, repair):
    the_finding(rule, good, broken, column, repair)


def rules(**tables):
    return {p.rule for p in checks.run(build(**tables))}


@pytest.mark.parametrize(
    ("reading", "figures"),
    [
        ("14 (29%)", ("14", "29")),
        ("42.2; 36.4-58.7", ("42.2", "36.4", "58.7")),
        ("-7.69; 95% CI -15.06 to -0.32", ("-7.69", "-15.06", "-0.32")),
        ("−2.4 pre; +1.2 post", ("-2.4", "1.2")),
        ("1,356 of 5,578", ("1356", "5578")),
        ("0·60", ("0.60",)),
        ("-10.0 (2.6, n=11)", ("-10.0", "2.6", "11")),
    ],
)
def test_figures_of_a_note(reading, figures):
    assert readings.numbers(reading) == figures


def test_what_moved_together_is_for_information():
    """Whoever corrects a result in one place can still build."""
    problems = checks.run(build(**one_arm(arm("-42.0", "-82.0", "-2.0"), "-41.0; 95% CI -81.0 to -1.0")))
    (problem,) = problems
    assert (problem.severity, problem.blocks) == ("INFO", False)
    assert problem.message == '-42.0, -82.0, -2.0, but "-41.0; 95% CI -81.0 to -1.0" was noted when the source was read'


def test_an_arm_that_moved_with_its_comparison_is_an_edit():
    """A single figure in either row, and yet two of one result."""
    arms = [arm("-50.0"), arm("-93.0", arm="placebo")]
    notes = [noted("-52.0"), noted("-93.0", "one.all.fvc-ml.w52.placebo")]
    both = {"contrasts": [contrast("43.0", "5.0", "81.0")], "arm_results": arms, "readings": [*notes, compared("41.0 (3.0 to 79.0)")]}
    assert rules(**both) == {"reading"}
    assert rules(**both | {"readings": notes}) == {"lone-figure"}


def test_a_figure_that_was_added_is_no_slip():
    assert rules(**one_arm(arm("-41.0", spread="19.0", spread_kind="SE"), "-41.0")) == {"reading"}


def test_a_comparison_with_an_interval_checks_itself():
    """Within rounding its estimate may be mended in one place; a slip that is not is found by the interval."""
    row, note = (
        contrast("0.35", "0.16", "0.74", measure="HR", estimand="time to event", unit="ratio", favours="drug", outcome="death"),
        "0.34 (0.16 to 0.74)",
    )
    assert rules(contrasts=[row], readings=[noted(note, "one.all.death.w52", "contrasts")]) == {"reading"}  # fmt: skip


def test_an_interval_that_need_not_be_symmetric_checks_nothing():
    row = contrast("41.0", "2.9", "89.0", ci_method="bootstrap")
    assert rules(contrasts=[row], readings=[compared("41.0 (2.9 to 79.0)")]) == {"lone-figure"}


def test_two_arms_whose_figures_were_exchanged_in_both_rows_are_an_edit():
    """Neither row has what the other has now."""
    counted = {"value": "", "outcome": "sae", "statistic": "count", "unit": "patients", "counts": "patients", "n": "100"}
    rows = [arm(**counted, events=e, percent=e, arm=name) for name, e in (("drug", "24"), ("placebo", "7"))]
    notes = [noted("7 (7%)", "one.all.sae.w52.drug"), noted("24 (24%)", "one.all.sae.w52.placebo")]
    assert rules(arm_results=rows, readings=notes) == {"reading"}


@pytest.mark.parametrize(
    ("low", "high", "rule"), [("9.0", "73.0", "noted-level"), ("-9.1", "91.1", "noted-level"), ("12.0", "70.0", "reading")]
)
def test_limits_of_another_level_are_told_from_other_limits(low, high, rule):
    """41.0 (2.9 to 79.1) at 95 % is 9.0 to 73.0 at 90 % and -9.1 to 91.1 at 99 %."""
    assert rules(contrasts=[contrast("41.0", low, high)], readings=[compared("41.0 (2.9 to 79.1)")]) == {rule}


def test_what_a_correction_replaces_is_held_against_the_printed_figure():
    correction = {"discrepancy_id": "d1", "table": "arm_results", "row_id": ARM, "column": "value", "printed": "-14.0", "used": "-41.0"}
    assert rules(**one_arm(arm("-14.0"), "-14.0", corrections=[correction], discrepancies=[{}])) == set()


def test_a_row_without_reading_is_not_asked():
    assert rules(arm_results=[arm("-14.0")], readings=[noted("-93.0", "one.all.fvc-ml.w52.placebo")]) == {"reading"}, "the address only"
