"""The run over all rules: order, explanations, the gate, and that no rule is without a test."""

from __future__ import annotations

from dataclasses import replace

import pytest
import test_checks_agreement
import test_checks_arithmetic
import test_checks_contract
import test_checks_plausibility
import test_checks_readings
from conftest import read_table, write_table
from evidence_factory import arm, build, contrast

from ctdild import checks
from ctdild.evidence import load

BROKEN = contrast("14.0", "2.9", "79.0")
FIGURES = "14.0; 2.9; 79.0"
EXPLANATION = {
    "rule": "interval-midpoint",
    "table": "contrasts",
    "row_id": "one.all.fvc-ml.w52",
    "figures": FIGURES,
    "reason": "Printed so.",
}


def passes(problems) -> bool:
    """Whether a build may go on: no ERROR and no WARN is left unexplained."""
    return not any(problem.blocks for problem in problems)


MODULES = (test_checks_agreement, test_checks_arithmetic, test_checks_contract, test_checks_plausibility, test_checks_readings)
#: Has a test of its own in place of an example.
WITHOUT_EXAMPLE = {"duplicate-figures"}


def test_every_rule_has_a_broken_example():
    tested = {case[0] for module in MODULES for case in module.CASES}
    assert {rule.name for rule in checks.RULES} - tested == WITHOUT_EXAMPLE
    assert tested <= {rule.name for rule in checks.RULES}


@pytest.mark.parametrize("name", [rule.name for rule in checks.RULES if rule.name not in WITHOUT_EXAMPLE])
def test_a_rule_that_is_switched_off_turns_its_tests_red(name, monkeypatch):
    """Not one of its examples is found by another rule, or passes without being found."""
    off = tuple(replace(rule, function=lambda evidence: iter(())) if rule.name == name else rule for rule in checks.RULES)
    monkeypatch.setattr(checks, "RULES", off)
    for module in MODULES:
        for case in module.CASES:
            if case[0] == name:
                with pytest.raises(IndexError):
                    module.test_rule(*case)


def test_rules_have_one_name_each_and_a_severity():
    """What is for information only is few and named here: such a rule stops nothing."""
    assert len({rule.name for rule in checks.RULES}) == len(checks.RULES)
    assert {rule.severity for rule in checks.RULES} == {"ERROR", "WARN", "INFO"}
    assert {rule.name for rule in checks.RULES if rule.severity == "INFO"} == {"primary-met", "reading"}
    assert all(rule.description and "\n" not in rule.description for rule in checks.RULES)


def test_clean_evidence_has_no_finding_and_passes():
    problems = checks.run(build())
    assert problems == []
    assert passes(problems)


def test_findings_are_sorted_by_file_and_row_and_carry_their_place():
    rows = [contrast("14.0", "2.9", "79.0"), contrast("79.0", "2.9", "41.0", outcome="fvc-rate", unit="mL/year")]
    problems = checks.run(build(contrasts=rows, arm_results=[arm("164.8", "-5.0", "379.9", outcome="dose", unit="mg")]))
    assert [(p.file, p.row, p.row_id) for p in problems] == [
        ("arm_results.csv", 2, "one.all.dose.w52.drug"),
        ("contrasts.csv", 2, "one.all.fvc-ml.w52"),
        ("contrasts.csv", 3, "one.all.fvc-rate.w52"),
    ]
    assert problems[1].value == "14.0"
    assert problems[1].severity == "ERROR"


@pytest.mark.parametrize("row", [BROKEN, contrast("41.0", "2.9", "79.0", "0.4")])
def test_error_and_warn_close_the_gate(row):
    assert not passes(checks.run(build(contrasts=[row])))


def test_an_unexplained_finding_prints_the_figures_to_explain_it_with():
    (problem,) = checks.run(build(contrasts=[BROKEN]))
    assert problem.repair.endswith(f"rule interval-midpoint, figures {FIGURES}")


def test_an_explanation_opens_the_gate_and_stays_visible():
    problems = checks.run(build(contrasts=[BROKEN], explanations=[EXPLANATION]))
    assert [(p.rule, p.explained) for p in problems] == [("interval-midpoint", "Printed so.")]
    assert passes(problems)


def test_an_explanation_lapses_when_a_figure_changes():
    """The finding is back, and the explanation is a finding that says why."""
    changed = BROKEN | {"ci_high": "79.5"}
    problems = checks.run(build(contrasts=[changed], explanations=[EXPLANATION]))
    assert [(p.rule, p.severity, p.explained) for p in problems] == [
        ("interval-midpoint", "ERROR", None),
        ("stale-explanation", "WARN", None),
    ]
    assert "lapsed" in problems[1].message
    assert "14.0; 2.9; 79.5" in problems[1].message
    assert problems[1].file == "explanations.csv"
    assert not passes(problems)


def test_trailing_zeros_are_part_of_the_figures():
    problems = checks.run(build(contrasts=[BROKEN], explanations=[EXPLANATION | {"figures": "14; 2.9; 79.0"}]))
    assert not passes(problems)


@pytest.mark.parametrize(
    "change", [{}, {"rule": "interval-order"}, {"row_id": "one.all.fvc-ml.w26"}, {"table": "arm_results"}, {"rule": "no-such-rule"}]
)
def test_an_explanation_that_explains_nothing_is_a_finding(change):
    rows = [contrast("41.0", "2.9", "79.0")] if not change else [BROKEN]
    problems = checks.run(build(contrasts=rows, explanations=[EXPLANATION | change]))
    stale = [p for p in problems if p.rule == "stale-explanation"]
    assert [p.severity for p in stale] == ["WARN"]
    assert "explains nothing" in stale[0].message
    assert not passes(problems)


def test_a_slip_of_entry_cannot_be_explained():
    """No source prints an id, so an id that disagrees with its columns is never true to print."""
    row = contrast("41.0", contrast_id="one.all.fvc-ml.w25")
    explanation = {"rule": "id-parts", "table": "contrasts", "row_id": "one.all.fvc-ml.w25", "figures": "-", "reason": "Because."}
    problems = checks.run(build(contrasts=[row], explanations=[explanation]))
    assert {p.rule for p in problems} == {"id-parts", "stale-explanation"}
    assert not passes(problems)


def test_a_package_without_the_optional_tables_is_checked():
    evidence = build(contrasts=[BROKEN])
    assert "explanations" not in evidence.schema
    assert len(checks.run(evidence)) == 1


def test_long_cells_are_shortened_in_findings():
    (problem,) = checks.run(build(trials=[{"note": "=" + "x" * 500}]))
    assert len(problem.value) == 80


def test_the_review_s_own_data_pass(evidence):
    assert [str(p) for p in checks.run(evidence) if p.blocks] == []


def test_without_its_corrections_sls_2_is_called_swapped(data):
    """The rows hold what the source article printed; only the records in corrections.csv make them agree."""
    file = data / "corrections.csv"
    rows = read_table(file)
    swapped = [row for row in rows if row["table"] == "arm_results" and row["row_id"].startswith("sls-2.all.fvc-pp.w104")]
    assert len(swapped) == 4
    write_table(file, [row for row in rows if row not in swapped])
    blocking = [p for p in checks.run(load(data)) if p.blocks]
    assert {p.rule for p in blocking} == {"swapped"}
    assert {p.row_id for p in blocking} == {row["row_id"] for row in swapped}
    assert all("mycophenolate 2.19 (0.53 to 3.84)" in p.repair and "cyclophosphamide 2.88 (1.19 to 4.58)" in p.repair for p in blocking)
