"""The pages as their writers leave them: what cannot be read is named with its place; then the rules of the prose: what is a
typed figure and what is not, what must be guarded, what a cell may be."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest
from docutils import nodes
from docutils.utils import new_document

from ctdild.book.figures import figure_text
from ctdild.book.held import COLUMNS, read_held
from ctdild.book.pages import BookError, Page, read_pages, survey
from ctdild.book.prose import check_prose, failing_claims
from ctdild.book.roles import figure_reference
from ctdild.book.seen import check_parsed, check_site
from ctdild.book.sources import config_problems
from ctdild.book.trials import names_of_trials, write_pages

HEAD = "---\nfile_format: mystnb\nevidence: {scope: ssc-ild}\n---\n\n# Title\n\n"


def problems(root, evidence, body: str, head: str = HEAD):
    return check_prose([Page(root, "chapters/x.md", head + body + "\n")], evidence)


@pytest.mark.parametrize(
    "text",
    [
        "In 2019 the agency approved it, on 6 September 2019, after a phase 3 trial and a phase 2b trial (2017–2023).",
        "An anti-CD20 antibody; IL-6; SF-36; anti-MDA5; Scl-70; K-BILD; the 6-minute walk distance; CC BY 4.0; I².",
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


@pytest.mark.parametrize("marks", ['""', "“”", "‘’"])
def test_our_words_stand_in_no_quotation_marks(root, evidence, marks):
    found = problems(root, evidence, f"Who was enrolled: {marks[0]}{{ev}}`senscis population`{marks[1]}.")
    assert ["quotation marks" in p.what for p in found] == [True]
    assert not problems(root, evidence, 'The {ev}`senscis acronym`’s name and the "others" of SENSCIS: {ev}`senscis population`.')


def test_a_phrase_of_ours_stands_inside_a_sentence(evidence):
    assert figure_text(evidence, "relief stop_reason").text.startswith("futility at")
    assert figure_text(evidence, "senscis primary_outcome").text.startswith("annual rate")
    assert figure_text(evidence, "senscis acronym").text == "SENSCIS"


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
    pages = read_pages(root)
    assert not check_prose(pages, evidence)
    assert sum(len(page.claims) for page in pages) > 10, "the chapters guard their sentences"


def test_a_figure_is_marked_by_the_cell_that_was_read_furthest_from_the_trial(evidence):
    from ctdild.book.figures import figure_text

    ssc = evidence.scope("ssc-ild")
    address = "senscis.all.fvc-rate.w52"
    assert figure_text(ssc, address).mark == "P"
    assert figure_text(ssc, f"{address} time").mark == "", "a time has no letter: it would read as that of a finding"
    assert ssc.provenance(ssc.row(address), "p_value").verification == "secondary"
    for form in ("p", "full"):
        shown = figure_text(ssc, f"{address} {form}")
        assert shown.mark == "S" and shown.source_id == ssc.provenance(ssc.row(address), "p_value")["source_id"]


def test_a_claim_of_the_source_article_leads_to_the_article(evidence):
    from ctdild.book.figures import figure_text

    shown = figure_text(evidence.scope("ssc-ild"), "ssc-1.burden gist")
    assert shown.mark == "R" and shown.source_id == "source-article" and shown.link.startswith("https://doi.org/")


# --- files that cannot be read as their writer meant them ---

TOC = "format: jb-book\nroot: index\nchapters:\n  - file: chapters/one\n  - file: chapters/two\n"


@pytest.fixture
def book(tmp_path):
    """The sources of a small book."""
    (tmp_path / "chapters").mkdir()
    (tmp_path / "_toc.yml").write_text(TOC)
    (tmp_path / "index.md").write_text("# Index\n\nText.\n")
    (tmp_path / "chapters/one.md").write_text(HEAD + "Text.\n")
    (tmp_path / "chapters/two.md").write_text("# Two\n\nText.\n")
    assert [page.name for page in read_pages(tmp_path)] == ["index.md", "chapters/one.md", "chapters/two.md"]
    return tmp_path


def damaged(book, name, content):
    """The single problem after a file got this content (None: was removed), and that it keeps the pages from being read."""
    path = book / name
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    found = survey(book)[1]
    assert len(found) == 1, [str(p) for p in found]
    assert any(detail == "do" and text for detail, text in found[0].details), str(found[0])
    with pytest.raises(BookError) as error:
        read_pages(book)
    assert error.value.problems == found
    return found[0]


@pytest.mark.parametrize(
    ("content", "line", "what", "there"),
    [
        ("---\nfile_format: mystnb\nevidence: {scope: ssc-ild\n---\n\n# One\n", 3, "not readable as YAML", "evidence: {scope: ssc-ild"),
        ("---\nfile_format: [\nevidence: {scope: x}\n---\n\n# One\n", 3, "not readable as YAML", "evidence: {scope: x}"),
        ("---\nupdated: 2026-13-45\n---\n\n# One\n", 2, "month must be in", ""),
        ("---\n- scope\n---\n\n# One\n", 2, "is a list", "- scope"),
        ("---\nssc-ild\n---\n\n# One\n", 2, "is a text", "ssc-ild"),
        ("---\nevidence: {scope: x}\n\n# One\n", 1, "never closed", "---"),
        ("---\nevidence: {scope: x}\n---- \n\n# One\n", 3, "not framed", "----"),
        ("---\nevidence: {scope: x}\n...\n\n# One\n---\n", 3, "not framed", "..."),
        ("----\nevidence: {scope: x}\n---\n\n# One\n", 1, "not framed", "----"),
        ("\n---\nevidence: {scope: x}\n---\n\n# One\n", 2, "not framed", "---"),
        ("---\nfile_format: mystnb\nevidence: ssc-ild\n---\n\n# One\n", 3, "what evidence", "evidence: ssc-ild"),
        ("---\nevidence: {scope: [ssc-ild]}\n---\n\n# One\n", 2, "what evidence", "evidence: {scope: [ssc-ild]}"),
        ("---\nevidence: {scop: ssc-ild}\n---\n\n# One\n", 2, "what evidence", "evidence: {scop: ssc-ild}"),
        ("---\nevidence:\n---\n\n# One\n", 2, "what evidence", "evidence:"),
        ("---\nkernelspec: python3\n---\n\n# One\n", 2, "kernelspec is a text", "kernelspec: python3"),
        ("\ufeff" + HEAD + "Text.\n", 1, "byte order mark", ""),
        ((HEAD + "Text.\n").replace("\n", "\r\n"), 1, "line ends", ""),
        ((HEAD + "Sj\u00f6gren.\n").encode("latin-1"), 8, "not UTF-8", "Sj\u00f6gren"),
        ((HEAD + "Text.\n").encode("utf-16"), 1, "UTF-16", ""),
        (bytes(range(256)), 1, "binary", ""),
        ("", None, "empty", ""),
        (" \n\n", None, "empty", ""),
        ("---\nevidence: {scope: x}\n---\n\n", 3, "the page ends here", ""),
        ("---\nevidence: {scope: x}\n---\n\nText.\n", 3, "no title", ""),
    ],
)  # fmt: skip
def test_a_page_that_cannot_be_read_is_named_with_its_line(book, content, line, what, there):
    problem = damaged(book, "chapters/one.md", content)
    assert (problem.page, problem.line) == ("chapters/one.md", line) and what in problem.what, str(problem)
    assert there in dict(problem.details).get("there", "")


@pytest.mark.parametrize(
    ("content", "line", "what"),
    [
        (None, None, "does not exist"),
        ("", None, "empty"),
        (TOC + "  - file: [\n", 6, "not readable as YAML"),
        ("- index\n", 1, "holds a list"),
        ("index\n", 1, "holds a text"),
        ("3\n", 1, "holds a number"),
        ("# nothing\n", 1, "holds nothing"),
        (TOC.replace("root: index\n", ""), 1, "'root' key not found"),
        (TOC.replace("jb-book", "jb-boook"), 1, "jb-boook"),
        (TOC.replace("file: chapters/two", "fiel: chapters/two"), 5, "entry does not contain"),
        ("format: jb-book\nroot: index\nchapters: chapters/one\n", 3, "not a table of contents"),
        ("format: jb-book\nroot: index\nchapters: &again [*again, *again]\n", 3, "not a table of contents"),
        (TOC.replace("chapters/two", "chapters/tow"), 5, "chapters/tow.md, which does not exist"),
        (TOC.replace("root: index", "root: 3"), 2, "3.md, which does not exist"),
        (TOC + "  - file: chapters/one\n", 6, "again; it is in line 4"),
        (TOC + "  - file: chapters/one.md\n", 6, "again; it is in line 4"),
        (TOC + "  - file: index\n", 6, "again; it is in line 2"),
        (TOC + "  - file: ../one\n", 6, "outside of the project"),
        (TOC + "  - file: /etc/one\n", 6, "outside of the project"),
        ((TOC + "# \u00e9\n").encode("latin-1"), 6, "not UTF-8"),
    ],
)
def test_a_table_of_contents_that_cannot_be_read_is_named_with_its_line(book, content, line, what):
    problem = damaged(book, "_toc.yml", content)
    assert (problem.page, problem.line) == ("_toc.yml", line) and what in problem.what, str(problem)


def test_a_missing_page_names_a_close_one_and_everything_comes_at_once(book):
    (book / "_toc.yml").write_text(TOC.replace("chapters/two", "chapters/tow"))
    (book / "index.md").write_text("")
    (book / "chapters/one.md").write_text("---\n- a\n---\n\n")
    pages, found = survey(book)
    assert not pages
    assert [(p.page, p.line) for p in found] == [("_toc.yml", 5), ("index.md", None), ("chapters/one.md", 2), ("chapters/one.md", 3)]
    assert "chapters/two" in dict(found[0].details)["do"]


@pytest.mark.parametrize(
    ("edit", "named", "what"),
    [
        (lambda text: "", None, "empty"),
        (lambda text: "- a\n", "- a", "holds a list"),
        (lambda text: text + "odd: [\n", "odd: [", "not readable as YAML"),
        (lambda text: text.replace("timeout: 120", "timeout: soon"), "timeout: soon", "execute.timeout: 'soon'"),
        (lambda text: text.replace("extra_extensions: [sphinxcontrib.bibtex, ctdild.book]", "extra_extensions: [sphinxcontrib.bibtex]"),
         "extra_extensions: [sphinxcontrib.bibtex]", "does not name ctdild.book"),
        (lambda text: text.replace("[data/references.bib]", "[data/referencs.bib]"), "[data/referencs.bib]", "data/referencs.bib, which does not exist"),
    ],
)  # fmt: skip
def test_a_configuration_that_cannot_be_used_is_named_with_its_line(root, tmp_path, edit, named, what):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/references.bib").write_text("")
    text = (root / "_config.yml").read_text()
    (tmp_path / "_config.yml").write_text(text)
    assert not config_problems(tmp_path)
    changed = edit(text)
    assert changed != text
    (tmp_path / "_config.yml").write_text(changed)
    found = config_problems(tmp_path)
    assert len(found) == 1 and found[0].page == "_config.yml" and what in found[0].what, [str(p) for p in found]
    if named:
        assert named in changed.split("\n")[found[0].line - 1]


ROW = "2026-11-24,chapters/one.md,8,It is so.,senscis exists,no\n"


@pytest.mark.parametrize(
    ("content", "line", "what"),
    [
        ("", None, "empty"),
        ("a,b\n1,2\n", 1, "the columns are a, b"),
        (",".join(COLUMNS[:-1]) + "\n", 1, "the columns are"),
        (",".join(COLUMNS) + "\n" + ROW + ROW.replace("2026-11-24", "yesterday"), 3, "not a day"),
        (",".join(COLUMNS) + "\n2026-11-24,chapters/one.md\n", 2, "2 cells"),
        (",".join(COLUMNS) + "\n" + ROW.replace(",no", ",no,more"), 2, "7 cells"),
        (",".join(COLUMNS) + "\n" + ROW + '"never closed', 3, "not readable as CSV"),
        (bytes(range(256)), 1, "binary"),
        (b"\xff\xfe" + ROW.encode("utf-16-le"), 1, "UTF-16"),
    ],
)
def test_a_damaged_log_of_held_sentences_is_named_with_its_line(book, content, line, what):
    assert read_held(book) == []
    path = book / "chapters/held-claims.csv"
    path.write_text(",".join(COLUMNS) + "\n" + ROW)
    assert [row["sentence"] for row in read_held(book)] == ["It is so."]
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(BookError) as error:
        read_held(book)
    (problem,) = error.value.problems
    assert (problem.page, problem.line) == ("chapters/held-claims.csv", line) and what in problem.what, str(problem)
    assert dict(problem.details)["do"]


# --- the pages that are written from the data ---


def test_only_pages_written_from_the_data_are_replaced_or_removed(evidence, tmp_path):
    assert write_pages(tmp_path, evidence) == []
    folder = tmp_path / "trials"
    written = {path.name: path.read_text() for path in folder.iterdir()}
    assert len(written) == len(evidence["trials"])
    (folder / "gone.md").write_text(written["senscis.md"].replace("senscis", "gone"))
    (folder / "senscis.md").write_text(written["senscis.md"].replace("# SENSCIS", "# Its former name"))
    assert write_pages(tmp_path, evidence) == []
    assert {path.name: path.read_text() for path in folder.iterdir()} == written, "what is generated follows the data"
    notes = {"my-notes.md": "# Notes\n", "senscis.md": written["senscis.md"] + "By hand.\n"}
    for name, text in notes.items():
        (folder / name).write_text(text)
    (folder / "recital.md").unlink()
    problems = write_pages(tmp_path, evidence)
    assert [p.page for p in problems] == ["trials/my-notes.md", "trials/senscis.md"]
    assert all("by hand" in p.what and "chapters/" in dict(p.details)["do"] for p in problems)
    assert {name: (folder / name).read_text() for name in notes} == notes, "what a person wrote is left"
    assert not (folder / "recital.md").exists(), "nothing is written when the build will stop"


def test_a_trial_has_a_short_name_where_it_can_be_meant_alone(evidence):
    myositis, all_of_them = names_of_trials(evidence.scope("iim-ild")), names_of_trials(evidence)
    assert myositis["Fan"] == myositis["Fan 2022"] == myositis["Fan 2022 (Nanjing)"] == "fan-2022"
    assert myositis["Wu"] == "wu-2025" and "Wu" not in all_of_them, "two studies of one name: nobody knows which is meant"
    assert all_of_them["Wu 2025"] == "wu-2025" and all_of_them["Wu 2025 (network)"] == "wu-2025-network"
    assert all_of_them["Md Yusof"] == "md-yusof-2017" and all_of_them["SENSCIS"] == "senscis"
    assert "Cochrane" not in names_of_trials(evidence.scope("transplant")), "the name of no author"


def test_a_search_for_another_name_of_a_treatment_finds_the_glossary(root, evidence):
    page = (root / "chapters/glossary.md").read_text(encoding="utf-8").replace("-", " ").casefold()
    names = [name for row in evidence["treatments"] for name in row.synonyms or ()]
    assert len(names) > 20 and [name for name in names if name.replace("-", " ").casefold() not in page] == []
