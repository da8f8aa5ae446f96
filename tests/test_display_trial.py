"""The pages of trials: what stands beside a figure, what is said to be missing, and what paper needs."""

from __future__ import annotations

import pytest
from evidence_factory import BASE, arm, build, contrast

from ctdild import display
from ctdild.book.trials import _lead
from ctdild.display import text as words
from ctdild.display.figure import plain
from ctdild.display.trial import registry_link, short_address
from ctdild.evidence import load

RECORD = {
    "source_id": "record",
    "title": "ClinicalTrials.gov NCT00000001",
    "read_in": "registry",
    "link": "https://clinicaltrials.gov/study/NCT00000001",
}
SOURCES = [*BASE["sources"], RECORD]


@pytest.fixture(scope="module")
def whole(root):
    return load(root / "data")


def page(evidence, trial: str = "one") -> dict[str, display.Figure]:
    return dict(display.trial_figures(evidence, trial))


def said(figure: display.Figure) -> str:
    """All that a section says, on one line."""
    table = figure.table
    cells = [line for row in (table.rows if table else ()) for one in row for line in one.lines]
    return " | ".join([plain(figure.caption), *(plain(one) for one in [*cells, *figure.notes])])


#: The section in which the notes of a table stand.
SECTIONS = {
    "trials": "Design", "arms": "Arms", "cohorts": "Groups", "contrasts": "Differences between the arms", "interactions": "Tests of interaction",
    "arm_results": "Results in each arm", "statements": "What sources say in words", "discrepancies": "Where sources disagree", "reports": "Reports",
}  # fmt: skip


def test_the_note_of_every_row_stands_on_the_page_of_its_trial(whole):
    for trial in whole["trials"]:
        sections = {heading: said(figure) for heading, figure in page(whole, trial.trial_id).items()}
        for table, heading in SECTIONS.items():
            for row in whole[table]:
                if row.get("trial_id") == trial.trial_id and row.note and not (table == "statements" and row.withheld):
                    place = "Design" if table == "cohorts" and row.kind == "all" else heading
                    note = words.in_sentence(words.with_minus(row.note)).rstrip(".")[1:]
                    assert note in sections[place], row.id


def test_a_note_has_real_minus_signs_and_the_address_of_its_row():
    evidence = build(statements=[{"note": "A fall of -3 points, open label."}])
    (row,) = page(evidence)["What sources say in words"].table.rows
    assert row[1].plain()[-1] == "A fall of −3 points, open label." and row[1].refs == ("one.all.fvc-ml.words",)


def test_a_statement_that_names_an_arm_without_a_test_says_so_once():
    for note, shown in (("", True), ("Exploratory; no test was read.", False)):
        row = {"verdict": "favours", "favours": "drug", "caution": "no test read", "note": note}
        words_said = said(page(build(statements=[row]))["What sources say in words"])
        assert ("leans to arm, no test read" in words_said) == shown


def test_a_note_on_one_arm_names_it():
    shared = {"outcome": "fvc-ml", "value": "-1", "n": "9"}
    evidence = build(arm_results=[{**shared, "arm": "drug"}, {**shared, "arm": "placebo", "note": "Cut off in the copy."}])
    assert "| Arm: cut off in the copy." in said(page(evidence)["Results in each arm"])
    evidence = build(arm_results=[{**shared, "arm": name, "note": "Cut off in the copy."} for name in ("drug", "placebo")])
    assert "| Cut off in the copy." in said(page(evidence)["Results in each arm"])


@pytest.mark.parametrize(("note", "shown"), [("nominal", "3 mL (nominal p = 0.04)"), ("By ranks.", "p-value: by ranks.")])
def test_the_note_on_a_p_value_stands_beside_it_once(note, shown):
    told = said(page(build(contrasts=[contrast("3", p="0.04", p_note=note)]))["Differences between the arms"])
    assert f"| {shown} |" in f"{told} |" and told.count("nominal") == (note == "nominal")


@pytest.mark.parametrize(
    ("result", "shown"),
    [
        (arm("97", unit="mL"), "Arm: mean change 97 mL (n 9)"),
        (arm("97", unit="mL", model="unadjusted"), "Arm: unadjusted mean change 97 mL (n 9)"),
        (arm("97", unit="mL", statistic="adjusted mean change"), "Arm: adjusted mean change 97 mL (n 9)"),
        ({"outcome": "sae", "unit": "patients", "statistic": "count", "counts": "patients", "events": "3", "n": ""},
         "Arm: 3 patients, of how many was not read"),
        ({"outcome": "sae", "unit": "events", "statistic": "count", "counts": "events", "events": "3", "n": ""}, "Arm: 3 events"),
    ],
)  # fmt: skip
def test_the_figure_of_an_arm_says_what_it_is(result, shown):
    lines = said(page(build(arm_results=[{"arm": "drug", "n": "9", **result}]))["Results in each arm"]).split(" | ")
    assert shown in lines


def test_which_way_is_better_stands_once_for_each_scale_and_never_for_counts():
    rows = [{"outcome": outcome, "arm": "drug", "weeks": weeks, "value": "1"} for outcome in ("fvc-ml", "mrss") for weeks in ("24", "52")]
    rows.append({"outcome": "sae", "arm": "drug", "unit": "patients", "statistic": "count", "counts": "patients", "events": "3", "n": "9"})
    shown = said(page(build(arm_results=rows))["Results in each arm"])
    assert (shown.count("higher is better"), shown.count("lower is better")) == (1, 1)


def test_results_stand_primary_first_then_by_domain_and_all_patients_before_groups():
    cohorts = [*BASE["cohorts"], {"cohort": "part", "kind": "subgroup", "parent": "all", "n": "50", "label": "Part"}]
    rows = [
        {"outcome": "sae", "role": "safety", "unit": "patients", "statistic": "count", "counts": "patients", "events": "3", "n": "9"},
        {"outcome": "fvc-ml", "role": "subgroup", "cohort": "part", "value": "1"},
        {"outcome": "fvc-ml", "role": "baseline", "statistic": "mean", "weeks": "0", "value": "1"},
        {"outcome": "fvc-ml", "role": "secondary", "value": "1"},
        {"outcome": "mrss", "role": "primary", "value": "1", "unit": "points"},
    ]
    evidence = build(cohorts=cohorts, arm_results=[{"arm": "drug", **row} for row in rows])
    order = [row[0].refs for row in page(evidence)["Results in each arm"].table.rows]
    ids = ["one.all.mrss.w52.drug", "one.all.fvc-ml.w52.drug", "one.part.fvc-ml.w52.drug", "one.all.sae.w52.drug", "one.all.fvc-ml.w0.drug"]
    assert order == [(one,) for one in ids]


def test_withheld_rows_of_one_quantity_share_a_line_that_says_what_is_known_in_words():
    withheld = {"caution": "withheld", "preferred": "false"}
    both = [{"arm": name, "value": "7", "variant": variant, **withheld} for variant in ("", "other") for name in ("drug", "placebo")]
    compared = [contrast("5", variant=variant, **withheld) for variant in ("", "other")]
    evidence = build(arm_results=both, contrasts=compared, statements=[{"says": "Less was lost on the drug."}])
    for heading in ("Results in each arm", "Differences between the arms"):
        figure = page(evidence)[heading]
        assert len(figure.table.rows) == 1 and "| In words: less was lost on the drug." in said(figure)
        assert "7" not in said(figure) and "5 mL" not in said(figure)


@pytest.mark.parametrize(("drug", "placebo", "p", "shown"), [("3", "9", "0.02", True), ("3", "9", "0.20", False), ("3", "", "0.02", False)])
def test_a_p_value_alone_says_in_which_arm_the_figure_is_lower(drug, placebo, p, shown):
    counted = {"outcome": "sae", "unit": "patients", "statistic": "count", "counts": "patients", "n": "50", "time_kind": "window"}
    arms = [{**counted, "arm": name, "events": events} for name, events in (("drug", drug), ("placebo", placebo)) if events]
    labels = [{"arm": "drug", "label": "Drug"}, {"arm": "placebo", "role": "placebo", "treatment": "placebo", "label": "Placebo"}]
    evidence = build(
        arms=labels, arm_results=arms, contrasts=[contrast("", p=p, outcome="sae", time_kind="window", unit="patients", measure="RR")]
    )
    figure = page(evidence)["Differences between the arms"]
    assert ("lower with drug, by the results in each arm" in said(figure)) == shown


def test_a_primary_outcome_from_the_record_does_not_stand_as_published():
    for source, status, published in (("report", "completed", True), ("record", "completed", False), ("record", "recruiting", False)):
        trial = {"source_id": source, "status": status, "primary_outcome": "FVC at week 52", "primary_outcome_registered": "FVC, week 52"}
        facts = [[" ".join(one.plain()) for one in row] for row in page(build(sources=SOURCES, trials=[trial]))["Design"].table.rows]
        values = dict(facts)
        unread = "not read in the paper" if status == "completed" else None
        assert values.get("Primary outcome as published") == ("FVC at week 52 · read in an abstract" if published else unread)
        record = ("FVC, week 52 · read in the registry record", "FVC at week 52 · read in the registry record")
        assert values["Primary outcome as registered"] == ("FVC, week 52 · read in an abstract" if published else " ".join(record))


def test_an_unclear_outcome_is_ascribed_to_no_source_unless_one_says_so():
    own = {"table": "trials", "row_id": "one", "column": "primary_met"}
    for tables, read in (({}, "Unclear from what was read"), ({"cell_sources": [own]}, "Unclear · read in an abstract")):
        rows = page(build(**tables))["Design"].table.rows
        assert [row[1].plain() for row in rows if row[0].plain() == ["Primary outcome met"]] == [[read]]


def test_what_is_missing_of_the_results_is_said():
    harm = {"outcome": "sae", "arm": "drug", "unit": "patients", "statistic": "count", "counts": "patients", "events": "3", "n": "9"}
    assert said(page(build())["Not read here"]) == "No result of this study was read."
    assert said(page(build(trials=[{"status": "recruiting"}]))["Not read here"]) == "No results yet: the study is under way."
    at_the_start = build(arm_results=[{"arm": "drug", "role": "baseline", "weeks": "0", "statistic": "mean", "value": "1"}])
    assert said(page(at_the_start)["Not read here"]) == "No result of this study was read."
    missing = said(page(build(arm_results=[harm]))["Not read here"])
    assert (
        "FVC" in missing
        and "patients reported" in missing
        and "harms" not in missing
        and "does not mean that the trial has none" in missing
    )
    all_three = build(arm_results=[harm, {"arm": "drug", "value": "1"}], statements=[{"outcome": "haq-di"}])
    assert "Not read here" not in page(all_three)
    assert "Not read here" not in page(build(trials=[{"kind": "cohort"}], arm_results=[harm]))


def test_what_was_read_of_groups_or_as_deaths_is_not_taken_for_the_whole(whole):
    assert "FVC of the whole trial, only of groups" in said(page(whole, "focussced")["Not read here"])
    scot = said(page(whole, "scot")["Not read here"])
    assert "harms other than deaths" in scot and "and harms." not in scot


def test_what_is_missing_of_a_trial_leads_to_the_analysis_that_pools_it(whole):
    figure = page(whole, "capacity-006")["Not read here"]
    assert "With other trials together: CAPACITY" in said(figure) and 'href="trial:capacity-pooled"' in figure.html()


def test_facts_that_a_kind_of_study_has_are_said_to_be_unread():
    for kind, status, unread in (
        ("rct", "completed", "sites, countries, patients planned, patients randomised"),
        ("rct", "recruiting", "sites, countries, patients planned, background treatment"),
        ("single-arm", "completed", "sites, countries, patients planned, background treatment"),
        ("cohort", "completed", "sites and countries."),
    ):
        trial = {"kind": kind, "status": status, "n_randomised": "", "background_policy": "not reported"}
        (note, *_) = page(build(trials=[trial]))["Design"].notes
        assert unread in plain(note), (kind, plain(note))


def test_the_sources_of_a_page_stand_at_its_end_with_their_addresses_in_letters():
    sources = [{"source_id": "report", "link": "https://doi.org/10.1000/made-up", "note": "Cut off."}, RECORD]
    figure = page(build(sources=sources, statements=[{"source_id": "record"}]))["Sources"]
    assert said(figure).split(" | ")[1:] == [
        "In an abstract",
        "Made-up report, doi:10.1000/made-up. Cut off",
        "In the registry record",
        "ClinicalTrials.gov NCT00000001",
    ]
    assert "<details" not in figure.html(), "folds are not printed"


def test_what_the_source_article_is_stands_where_it_is_named():
    article = {"source_id": "article", "title": "Source article (A journal 2023;1:2)", "read_in": "source article"}
    sources = [BASE["sources"][0], article]
    for note, explained in (("The source article prints 3.", True), ("", False)):
        figure = page(build(sources=sources, statements=[{"note": note}]))["Sources"]
        assert ("is the review that this one started from" in said(figure)) == explained


def test_a_report_is_named_by_the_work_or_by_what_its_address_is_called_or_by_the_address():
    sources = [*SOURCES, {"source_id": "table", "title": "Safety table", "link": "https://doi.org/10.1000/table"}]
    reports = [
        {},
        {"report_id": "two", "kind": "secondary", "citation": "", "link": "https://doi.org/10.1000/table"},
        {"report_id": "three", "kind": "secondary", "citation": "", "link": "https://pubmed.ncbi.nlm.nih.gov/123/"},
        {"report_id": "four", "kind": "correction", "citation": "", "link": "https://doi.org/10.1000/table"},
    ]
    figure = page(build(sources=sources, reports=reports))["Reports"]
    assert said(figure).split(" | ")[1:] == [
        "Main report", "Made up. 2020", "Other reports", "Safety table", "PubMed 123", "Correction", "doi:10.1000/table",
    ]  # fmt: skip
    assert 'href="https://doi.org/10.1000/made-up"' in figure.html()


def test_the_top_of_a_page_leads_to_the_data_the_registry_and_the_report_in_this_order():
    evidence = build(sources=SOURCES, trials=[{"registry_id": "NCT00000001"}])
    html = _lead(evidence, evidence.row("one"))
    places = [html.index(f'href="{link}') for link in ("../_static/trials/one.json", RECORD["link"], "https://doi.org/10.1000/made-up")]
    assert places == sorted(places) and "doi:10.1000/made-up</a>" in html and "JSON</a>" in html
    facts = page(evidence)["Design"].html()
    assert f'<a href="{RECORD["link"]}">NCT00000001</a>' in facts


@pytest.mark.parametrize(("number", "found"), [("NCT00000001", RECORD["link"]), ("NCT00000002", "https://clinicaltrials.gov/study/NCT00000002"), ("UMIN000000001", None), ("", None)])  # fmt: skip
def test_the_record_of_a_trial_is_found(number, found):
    evidence = build(sources=SOURCES, trials=[{"registry_id": number}])
    assert registry_link(evidence, evidence.row("one")) == found


def test_an_address_in_letters():
    assert short_address("https://www.example.org/a/") == "example.org/a" and short_address(None) == ""


def test_a_group_without_a_number_leads_to_its_results():
    cohorts = [*BASE["cohorts"], {"cohort": "part", "kind": "subgroup", "parent": "all", "n": "", "label": "Part"}]
    compared = contrast("3", cohort="part", n_a="20", n_b="30")
    assert "| 20 and 30 in a comparison below |" in said(page(build(cohorts=cohorts, contrasts=[compared]))["Groups"])
    counted = {"arm": "drug", "cohort": "part", "value": "1", "n": "20"}
    assert "| see its results in each arm |" in said(page(build(cohorts=cohorts, arm_results=[counted]))["Groups"])
    assert "| number not read |" in said(page(build(cohorts=cohorts))["Groups"])


def test_no_statement_prints_a_figure_that_is_withheld(whole):
    withheld = {record.trial_id for record in whole["discrepancies"] if record.used == "withheld" and record.trial_id}
    assert withheld >= {"oldham-2016", "fibroneer-ild", "sls-1"}
    for trial, figures in (("oldham-2016", ("1.23", "0.49", "0.66", "0.013")), ("fibroneer-ild", ("8%", "10%", "−72", "−151"))):
        shown = " ".join(said(figure) for figure in page(whole, trial).values())
        assert not [figure for figure in figures if figure in shown], trial


def test_a_year_that_a_meeting_is_named_by_is_not_printed_twice(whole):
    assert whole.work("maher2022acr").endswith("ACR Convergence 2022, abstract 0003")
    assert whole.work("tashkin2006sls1").endswith("New England Journal of Medicine 2006;354:2655–2666")
