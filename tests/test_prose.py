"""The rules of the prose: what is a typed figure and what is not, what must be guarded, what a cell may be."""

from __future__ import annotations

import re

import pytest

from ctdild.book.pages import Page
from ctdild.book.prose import check_prose, failing_claims

HEAD = "---\nfile_format: mystnb\nevidence: {scope: ssc-ild}\n---\n\n# Title\n\n"


def problems(root, evidence, body: str, head: str = HEAD):
    return check_prose([Page(root, "chapters/x.md", head + body + "\n")], evidence)


@pytest.mark.parametrize(
    "text",
    [
        "In 2019 the agency approved it, on 6 September 2019, after a phase 3 trial and a phase 2b trial (2017–2023).",
        "An anti-CD20 antibody; IL-6; SF-36; anti-MDA5; Scl-70; K-BILD; the 6-minute walk distance; CC BY 4.0.",
        "The 95% confidence interval and the 95% CI; patients per 100.",
        "See {ev}`senscis.all.fvc-rate.w52` and [the paper](https://doi.org/10.1056/NEJMoa1903076) {cite:p}`seed2023`.",
        "<https://clinicaltrials.gov/study/NCT02597933> has the record.",
        "1. First\n2. Second",
        "See table 4 and figure 2; the 6MWD.",
        "It took two trials, three continents and one idea.",
        "```{code-cell}\nforest(ssc, 52)\n```",
        "```text\n41.0 mL\n```",
    ],
)
def test_allowed_digits(root, evidence, text):
    assert not [p for p in problems(root, evidence, text) if "figure" in p.what]


@pytest.mark.parametrize(
    "text",
    [
        "It slowed the loss by 41 mL a year.",
        "The difference was 6.5 points.",
        "p = 0.04",
        "In 76% of patients.",
        "It lost −93 mL/year.",
        "Over 52 weeks.",
        "It was 2,019 patients.",
        "A trial of 1999 patients.",
        "Among thirty-eight deaths.",
        "About half of the patients.",
        "`41.0` in code font.",
        "- in a list, 27 of 69",
        "| table | 0.16 |",
        ":::{claim} senscis.all.fvc-rate.w52 exists\nIt was 41 mL.\n:::",
        ":::{note}\n:class: tip\nIt was 41 mL.\n:::",
        ":::{dropdown} Was it 41 mL?\nSee above.\n:::",
        "## It slowed by 41 mL",
        "Among thirty-one patients.",
        "About ½ of the patients.",
    ],
)
def test_typed_figures_are_found(root, evidence, text):
    found = [p for p in problems(root, evidence, text) if p.what == "a figure is typed into the prose"]
    assert len(found) == 1
    lines = (HEAD + text).split("\n")
    assert any(ch.isdigit() for ch in lines[found[0].line - 1]) or re.search("thirty|half|½", text)


@pytest.mark.parametrize(
    ("text", "guarded"),
    [
        ("No difference was shown.", False),
        ("The arms did not differ.", False),
        ("Outcomes were similar.", False),
        ("The drug did not help.", False),
        ("It was as good as placebo.", False),
        (
            ":::{claim} focussced.all.mrss.w48 interval includes null\nNo difference in skin was shown, {ev}`focussced.all.mrss.w48`.\n:::",
            True,
        ),
        (":::{claim} focussced.all.mrss.w48 interval includes null\nNo difference in skin was shown.\n:::", False),
        (
            ":::{claim} focussced.all.mrss.w48 interval includes null\nNo difference in skin was shown, {ev}`focussced.all.mrss.w48 p`.\n:::",
            False,
        ),
        (":::{claim} senscis.all.fvc-rate.w52 exists\nNo difference was shown.\n:::", False),
        (":::{claim} senscis.all.fvc-rate.w52 p >= 0.01\nNo difference was shown.\n:::", False),
        (":::{claim} sls-2.all.fvc-pp.w104 p >= 0.05\nNo difference was shown.\n:::", True),
        (":::{claim} senscis.all.fvc-rate.w52 favours nintedanib\nNo difference was shown in symptoms.\n:::", False),
    ],
)
def test_no_difference_is_guarded(root, evidence, text, guarded):
    found = [p for p in problems(root, evidence, text) if "“" in p.what]
    assert bool(found) != guarded, [str(p) for p in found]


@pytest.mark.parametrize(
    ("code", "simple"),
    [
        ('forest(ssc, "fvc-pp")', True),
        ("from ctdild import forest\nforest(ssc)", True),
        ('ssc = scope("ssc-ild")', True),
        ("a = 1", False),
        ("forest(ssc); harms(ssc)", False),
        ("forest(ssc[:3])", False),
        ("[harms(s) for s in ssc]", False),
        ('ssc.frame("contrasts").plot()', False),
        ("forest(", False),
        ('print("It was 41 mL")', False),
        ("exit()", False),
        ("from os import system\nsystem(ssc)", False),
    ],
)
def test_a_cell_is_one_call(root, evidence, code, simple):
    found = [p for p in problems(root, evidence, f"```{{code-cell}}\n:tags: [remove-input]\n{code}\n```") if "cell" in p.what]
    assert bool(found) != simple, [str(p) for p in found]


@pytest.mark.parametrize("tag", ["raises-exception", "skip-execution", "hide-output"])
def test_a_tag_that_could_publish_a_cell_that_did_not_run_is_refused(root, evidence, tag):
    found = problems(root, evidence, f"```{{code-cell}}\n:tags: [remove-input, {tag}]\nforest(ssc)\n```")
    assert len(found) == 1 and tag in found[0].what
    assert not problems(root, evidence, "```{code-cell}\n:tags: [remove-input]\nforest(ssc)\n```")


@pytest.mark.parametrize("head", ["jupytext: {text_representation: {format_name: myst}}", "mystnb: {execution_mode: 'off'}"])
def test_another_way_to_be_a_notebook_is_refused(root, evidence, head):
    found = problems(root, evidence, "Text.", head=HEAD.replace("file_format: mystnb", head))
    assert any("front matter" in p.what for p in found)


def test_a_condition_that_goes_on_in_the_next_line_is_refused(root, evidence):
    page = Page(root, "chapters/x.md", HEAD + ":::{claim} senscis exists;\nsenscis primary_met = not met\nIt is so.\n:::\n")
    _, unreadable = failing_claims([page], evidence)
    assert len(unreadable) == 1 and "one line" in str(unreadable[0])


def test_references_and_scopes_are_checked(root, evidence):
    assert "close:" in problems(root, evidence, "{ev}`senscis.all.fvc-rate.w53`")[0].what
    assert "not reported" in problems(root, evidence, "{ev}`sls-2.all.fvc-pp.w104 interval`")[0].what
    assert "no row" in problems(root, evidence, "{ev}`recital.iim n`")[0].what, "outside the scope of the page"
    assert "declares no scope" in problems(root, evidence, "{ev}`senscis n_randomised`", head="# Title\n")[0].what
    assert "no scope 'sscild'" in problems(root, evidence, "", head=HEAD.replace("ssc-ild", "sscild"))[0].what


def test_a_failing_claim_names_page_line_sentence_condition_and_value(root, evidence):
    page = Page(root, "chapters/x.md", HEAD + ":::{claim} senscis.all.fvc-rate.w52 favours placebo\nPlacebo won.\n:::\n")
    failing, unreadable = failing_claims([page], evidence)
    assert not unreadable
    text = str(failing[0][2])
    assert text.startswith("chapters/x.md:8  ")
    for part in ("Placebo won.", "senscis.all.fvc-rate.w52 favours placebo", "favours nintedanib (estimate 41.0)"):
        assert part in text


def test_the_projects_own_pages_are_clean(root, evidence):
    from ctdild.book.pages import read_pages

    pages = read_pages(root)
    assert not check_prose(pages, evidence)
    assert sum(len(page.claims) for page in pages) > 10, "the chapters guard their sentences"


def test_a_figure_is_marked_by_the_cell_that_was_read_furthest_from_the_trial(evidence):
    from ctdild.book.roles import figure_text

    ssc = evidence.scope("ssc-ild")
    address = "senscis.all.fvc-rate.w52"
    assert figure_text(ssc, address).mark == "P"
    assert ssc.provenance(ssc.row(address), "p_value").verification == "secondary"
    for form in ("p", "full"):
        shown = figure_text(ssc, f"{address} {form}")
        assert shown.mark == "S" and shown.source_id == ssc.provenance(ssc.row(address), "p_value")["source_id"]
