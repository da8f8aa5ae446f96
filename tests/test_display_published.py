"""The table of what others pooled: every synthesis with what it found, on its own scale, apart from the trials."""

from __future__ import annotations

from dataclasses import replace

import pytest
from evidence_factory import BASE, arm, build, contrast
from test_display import Page, read

from ctdild import display
from ctdild.display.published import SYNTHESES
from ctdild.evidence import load

SUM = {"trial_id": "sum", "acronym": "SUM", "kind": "meta-analysis", "design": "Three studies pooled", "n_randomised": "", "year": "2021"}
NOTE = "It joins two drugs."


@pytest.fixture(scope="module")
def whole(root):
    return load(root / "data").scope("all")


@pytest.fixture(scope="module")
def made_up(whole):
    """Made-up evidence: the trial ONE, and the synthesis SUM with these changes and rows."""

    def make(changes=(), **tables):
        small = build(
            trials=[{}, {**SUM, **dict(changes)}],
            cohorts=[{}, {"trial_id": "sum", "n": "300", "definition": "Of three studies"}],
            arms=[*BASE["arms"], *({**row, "trial_id": "sum"} for row in ARMS)],
            **{"scopes": [{"scope": "all", "title": "All"}], "outcomes": OUTCOMES, **tables},
        )
        return replace(small, schema=whole.schema, _index={}).scope("all")

    return make


OUTCOMES = [
    row if row["outcome"] not in ("sae", "fvc-ml") else {**row, "name": row["outcome"], "short": row["outcome"]} for row in BASE["outcomes"]
]
ARMS = [*BASE["arms"], {"arm": "rival", "label": "Rival", "role": "active comparator"}]
FOUND = {**contrast("41.0", "2.9", "79.0"), "trial_id": "sum"}
RANKED = {"trial_id": "sum", "says": "The drug ranked first", "verdict": "favours", "favours": "drug"}


def only(figure):
    """The one row of the table, its cells as text."""
    (row,) = figure.table.rows
    return [" ".join("".join(span.plain() for span in line) for line in cell.lines) for cell in row]


def test_a_synthesis_shows_what_was_pooled_what_it_found_and_why_to_take_care(made_up):
    evidence = made_up({"note": NOTE, "includes": "one"}, contrasts=[FOUND])
    figure = display.published_syntheses(evidence)
    name, pooled, scale, found, care, where = only(figure)
    assert name == "SUM 2021" and care == NOTE and where == "Read in an abstract"
    for words in ("Three studies pooled", "300 patients; SSc", "Of three studies", "On these pages: ONE"):
        assert words in pooled
    assert scale == "Difference (mL)"
    assert "41.0 mL (95% CI 2.9 to 79.0)" in found
    page = Page(figure.html())
    assert "41.0 mL (95% CI 2.9 to 79.0)" in page.of("sum.all.fvc-ml.w52") and NOTE in page.of("sum")
    assert {"trial:sum", "trial:one"} <= {attributes.get("href") for _, attributes in page.tags}
    assert figure.sources and figure.table.kind == "records"


def test_a_name_with_its_year_is_not_given_it_twice(made_up):
    name, *_ = only(display.published_syntheses(made_up({"acronym": "Sum 2021"}, contrasts=[FOUND])))
    assert name == "Sum 2021"


def test_what_is_no_synthesis_and_what_found_nothing_is_left_out(made_up):
    trial_only = display.published_syntheses(made_up(contrasts=[contrast("12.5", "2.9", "22.1")]))
    assert trial_only.table is None and trial_only.caption == "No synthesis by others is in the dataset for this scope."
    for kind in ("cohort", "narrative-review"):
        assert display.published_syntheses(made_up({"kind": kind}, contrasts=[FOUND])).table is None
    both = display.published_syntheses(made_up({"kind": "pooled-analysis"}, contrasts=[FOUND, contrast("12.5", "2.9", "22.1")]))
    assert "12.5" not in read(both) and "41.0" in read(both)


def test_a_withheld_estimate_is_not_shown(made_up):
    assert display.published_syntheses(made_up(contrasts=[{**FOUND, "caution": "withheld"}])).table is None


def test_a_ranking_is_told_in_words_and_has_no_scale(made_up):
    figure = display.published_syntheses(made_up(statements=[RANKED]))
    _, _, scale, found, *_ = only(figure)
    assert (scale, found) == ("No estimate read", "The drug ranked first")
    assert any("ranking is told in words" in "".join(span.text for span in note) for note in figure.notes)


def test_a_standardised_difference_says_so(made_up):
    row = {**FOUND, "measure": "SMD", "unit": "standard deviations", "estimate": "1.00", "ci_low": "0.39", "ci_high": "1.61"}
    _, _, scale, found, *_ = only(display.published_syntheses(made_up(contrasts=[row])))
    assert scale == "Standardised difference (standard deviations)" and "1.00 standard deviations (95% CI 0.39 to 1.61)" in found


def test_a_change_within_one_arm_is_called_no_comparison(made_up):
    alone = {**arm("2.83", "0.35", "5.31"), "trial_id": "sum"}
    _, _, scale, found, *_ = only(display.published_syntheses(made_up(arm_results=[alone])))
    assert scale == "Change within one arm (mL): no comparison" and "2.83 mL (95% CI 0.35 to 5.31)" in found


def test_single_arms_are_shown_only_for_what_was_not_compared(made_up):
    harm = {"outcome": "sae", "statistic": "count", "unit": "patients", "counts": "patients", "events": "7", "n": "100", "value": ""}
    rows = [{**arm("-77.7"), "trial_id": "sum"}, {**arm("1"), **harm, "trial_id": "sum"}]
    _, _, _, found, *_ = only(display.published_syntheses(made_up(contrasts=[FOUND], arm_results=rows)))
    assert "77.7" not in found and "7 of 100" not in found
    assert found.endswith("Results in single arms stand on its page.")


def test_both_arms_without_a_comparison_are_not_called_one_arm(made_up):
    died = {"outcome": "death", "statistic": "count", "unit": "patients", "counts": "patients", "n": "100", "value": "", "trial_id": "sum"}
    outcomes = [{**row, "domain": "survival"} if row["outcome"] == "death" else row for row in OUTCOMES]
    arms = [{**arm("1"), **died, "arm": name, "events": events} for name, events in (("drug", "7"), ("placebo", "9"))]
    _, _, scale, found, *_ = only(display.published_syntheses(made_up(outcomes=outcomes, arm_results=arms)))
    assert scale == "Each arm by itself: no comparison printed" and "7 of 100" in found and "9 of 100" in found


def test_a_time_or_an_interval_that_was_not_read_is_said(made_up):
    bare = {**FOUND, "weeks": "", "ci_low": "", "ci_high": "", "ci_level": ""}
    _, _, _, found, *_ = only(display.published_syntheses(made_up(contrasts=[bare])))
    assert found.endswith("Where no time or interval stands, none was read here.")
    _, _, _, found, *_ = only(display.published_syntheses(made_up(contrasts=[FOUND])))
    assert "none was read" not in found


def test_comparisons_with_placebo_come_first(made_up):
    rival = {**contrast("-5.0", "-9.0", "-1.0", favours="rival"), "trial_id": "sum", "arm_b": "rival", "variant": "rival", "weeks": "24"}
    _, _, _, found, *_ = only(display.published_syntheses(made_up(contrasts=[rival, FOUND])))
    assert found.index("41.0") < found.index("−5.0")


def test_without_a_note_the_caution_of_the_design_stands(made_up):
    *_, care, _ = only(display.published_syntheses(made_up(contrasts=[FOUND])))
    assert care == "Pooled by its authors: the patients are in other studies too."


def test_ipf_alone_stands_behind(made_up):
    figure = display.published_syntheses(made_up({"disease": "IPF"}, contrasts=[FOUND]))
    assert len(figure.table.rows) == 1 and figure.more is None


def test_the_project_shows_each_synthesis_once_oldest_first_with_care(whole):
    figure = display.published_syntheses(whole)
    shown = [[row[0].plain()[0] for row in table.rows] for table in (figure.table, figure.more)]
    syntheses = {trial.acronym: trial for trial in whole["trials"] if trial.kind in SYNTHESES}
    assert sorted([*shown[0], *shown[1]]) == sorted(syntheses)
    for names in shown:
        years = [syntheses[name].year for name in names]
        assert years == sorted(years)
    assert {syntheses[name].disease for name in shown[1]} == {("IPF",)}
    assert all(trial.note for trial in syntheses.values())
    everything = read(figure)
    assert "SUCRA" not in everything and "ranked first" in everything
