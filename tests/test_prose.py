"""The rules of the prose: what is a typed figure and what is not, what must be guarded, what a cell may be."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest
from docutils import nodes
from docutils.utils import new_document

from ctdild.book.pages import Page
from ctdild.book.prose import check_prose, failing_claims
from ctdild.book.roles import figure_reference
from ctdild.book.seen import check_parsed, check_site

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
        "Events of grade 3; the 1st visit; 18F-FDG; section 4.1; September 6, 2019.",
        "INPULSIS-1 and CAPACITY 004; taken twice a day.",
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
        "Two-thirds stopped.",
        "One in five stopped.",
        "Over two years it fell.",
        "It was twice as frequent.",
        "The risk was halved.",
        "It was\n41. That is little.",
        "Of 1950 in all.",
        "It slowed by ⁴¹ mL.",
        '[the paper](https://doi.org/10.1056/NEJMoa1903076 "41 mL a year")',
        "![It slowed by 41 mL](picture.svg)",
        "{abbr}`41 mL (the difference)`",
    ],
)
def test_typed_figures_are_found(root, evidence, text):
    found = [p for p in problems(root, evidence, text) if p.what == "a figure is typed into the prose"]
    assert len(found) == 1
    lines = (HEAD + text).split("\n")
    assert any(ch.isdigit() for ch in lines[found[0].line - 1]) or re.search("thirty|half|½|⁴|[Tt]w|[Oo]ne|halved", text)


@pytest.mark.parametrize(
    ("text", "guarded"),
    [
        ("No difference was shown.", False),
        ("The arms did not differ.", False),
        ("Outcomes were similar.", False),
        ("The drug did not help.", False),
        ("It was as good as placebo.", False),
        ("It was no better than placebo.", False),
        ("There was no evidence of a difference.", False),
        ("It did not slow the loss.", False),
        ("Both were equally effective.", False),
        ("It was non-inferior.", False),
        ("It acts as well on the skin.", True),
        (":::{claim} sls-1.all.death.predictors says predicts\nNo difference was shown.\n:::", False),
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
        (":::{claim} sls-2.all.fvc-pp.w104 p >= 0.05\nNo difference was shown ({ev}`sls-2.all.fvc-pp.w104`).\n:::", True),
        (":::{claim} sls-2.all.fvc-pp.w104 p >= 0.05\nNo difference was shown.\n:::", False),
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


@pytest.mark.parametrize(
    "text",
    [
        "- :::{claim} senscis exists\n  In a list.\n  :::",
        "> :::{claim} senscis exists\n> In a quotation.\n> :::",
        "{ev} `senscis n_randomised`",
        "See {ev} below.",
        ":::{dropdown} What of {ev}`senscis n_randomised` patients?\nSee above.\n:::",
        "## Of {ev}`senscis n_randomised` patients",
        ":::{note}\n:class: {ev}`senscis n_randomised`\nText.\n:::",
    ],
)
def test_markup_that_would_be_lost_or_printed_is_named(root, evidence, text):
    found = problems(root, evidence, text)
    assert any("printed as text" in p.what or "in a heading, title or option" in p.what for p in found), [str(p) for p in found]


class FakeBook:
    """As much of the book as the reader of parsed pages asks for."""

    def __init__(self, evidence, page):
        self.evidence, self.pages, self.problems = evidence, {page.docname: page}, []


def test_a_length_of_time_in_words_needs_the_guard_that_holds_it(root, evidence):
    claim = ":::{{claim}} sls-2.all.fvc-pp.w104 weeks = {weeks}\n{text}\n:::"
    assert not problems(root, evidence, claim.format(weeks=104, text="The scores after two years."))
    assert problems(root, evidence, claim.format(weeks=104, text="The scores after three years."))
    assert problems(root, evidence, claim.format(weeks=104, text="The scores of two patients."))


def parsed(root, evidence, *blocks):
    """The problems of a parsed page with these blocks."""
    page = Page(root, "chapters/x.md", HEAD)
    document = new_document("x")
    document += list(blocks)
    app = SimpleNamespace(ctdild=FakeBook(evidence, page), env=SimpleNamespace(docname=page.docname))
    check_parsed(app, document)
    return app.ctdild.problems


def test_on_the_parsed_page_a_figure_cannot_hide(root, evidence):
    hidden = [
        nodes.paragraph("", "", nodes.inline("", "It slowed by "), nodes.strong("", "41 mL")),
        nodes.image(alt="It slowed by 41 mL"),
        nodes.rubric("", "Was it 41 mL?"),
        nodes.literal_block("", "41.0 mL", language="text"),
        nodes.paragraph("", "", nodes.reference("", "the paper", refuri="https://doi.org/10.1/1", reftitle="41 mL")),
    ]
    for block in hidden:
        assert [p.what for p in parsed(root, evidence, block)] == ["a figure is typed into the prose"], block
    shown = [
        nodes.container("", nodes.paragraph("", "41 mL"), nb_element="cell_code_output"),
        nodes.paragraph("", "It slowed by ", figure_reference("", "41 mL", ref="senscis.all.fvc-rate.w52")),
        nodes.literal_block("", "x = 41.0", language="python"),
        nodes.paragraph("", "See https://doi.org/10.1056/41."),
    ]
    assert not parsed(root, evidence, *shown)


def test_on_the_parsed_page_no_difference_is_guarded_over_two_lines(root, evidence):
    sentence = "No significant\ndifference in skin was shown, {ev}`focussced.all.mrss.w48`."
    block = nodes.paragraph("", "No significant\ndifference in skin was shown.")
    assert "stands without a claim" in parsed(root, evidence, block)[0].what
    guard = {"condition": "focussced.all.mrss.w48 interval includes null", "sentence": sentence}
    assert not parsed(root, evidence, nodes.container("", block.deepcopy(), **guard))


def test_written_pages_show_no_markup_and_link_to_what_exists(tmp_path):
    (tmp_path / "b.html").write_text('<h1 id="here">B</h1>')
    good = '<a href="b.html#here">b</a> <a href="#top">up</a> <a href="https://doi.org/10.1/1#x">out</a> <code>{ev}`x`</code><p id="top">'
    (tmp_path / "a.html").write_text(good)
    assert not check_site(tmp_path)
    for bad in (
        '<a href="b.html#there">b</a>',
        '<a href="#there">b</a>',
        '<a href="c.html">c</a>',
        "<p>{ev} <code>senscis</code></p>",
        "<p>\n::{claim} x</p>",
    ):
        (tmp_path / "a.html").write_text(good + bad)
        assert len(check_site(tmp_path)) == 1, bad


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
