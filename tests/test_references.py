"""The list of references: what was not read is said in words, and each work stands where a reader looks for it."""

from __future__ import annotations

import pytest
from pybtex.backends.plaintext import Backend
from pybtex.database import parse_file, parse_string

from ctdild.book.look import TitlesAsPrinted

WORKS = r"""
@article{b, author = {Berg, Ann}, title = {CAR-T in SSc}, journal = {Lung}, year = {2020}, volume = {3}, pages = {1--9}}
@article{u, author = {{[authors not read]}}, title = {[A survey; title not read]}, journal = {Lung}, year = {[year not read]}, note = {Copy of an abstract}}
@misc{r, author = {{ClinicalTrials.gov}}, title = {ONE, registry record NCT1}, year = {[year not read]}, url = {https://clinicaltrials.gov/study/NCT1}}
@misc{n, author = {{Agency}}, title = {Notice, 3 May 2014}, year = {2014}}
@article{s, author = {{[authors not read]}}, title = {[Title not seen: cough]}, journal = {Lung}, year = {2019}, note = {Authors not read}}
"""


def printed(works) -> list[str]:
    return [entry.text.render(Backend()) for entry in TitlesAsPrinted().format_bibliography(works)]


@pytest.fixture(scope="module")
def listed():
    return printed(parse_string(WORKS, "bibtex"))


def test_works_stand_by_author_and_without_one_by_title(listed):
    assert [text.split(".")[0] for text in listed] == [
        "[A survey; title not read]",
        "Agency",
        "Ann Berg",
        "ClinicalTrials",
        "[Title not seen: cough]",
    ]


def test_what_was_not_read_is_said_once_and_in_words(listed):
    assert listed[0] == "[A survey; title not read]. Lung. Authors and year not read; copy of an abstract."
    assert listed[4] == "[Title not seen: cough]. Lung, 2019. Authors not read."
    assert "not read" not in listed[3], "a record of a registry has neither authors nor a year to miss"


def test_a_year_in_the_title_is_not_said_again(listed):
    assert listed[1] == "Agency. Notice, 3 May 2014."
    assert listed[2] == "Ann Berg. CAR-T in SSc. Lung, 3:1–9, 2020."


def test_the_list_of_the_book_prints_no_note_to_its_editors(root):
    works = printed(parse_file(str(root / "data/references.bib")))
    assert len(works) > 150
    for text in works:
        assert not text.startswith("[authors") and "pmid" not in text and "fields" not in text and "year not read]" not in text, text
