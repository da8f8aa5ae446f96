"""Nothing of the source article, of the list of evidence to tell and of the dataset is lost on the way to a page.

`coverage_list.csv` says what has to be where, in three kinds of lines:

- ``claims``: so many claims of a paragraph of the source article are told on this page;
- ``item``: a study or a subject of the review, in our words, with the place that tells it and the rows that it tells;
- ``words``: a claim that no row carries and no guard names, with the place and the words that tell it there.

A row is *told* on a page that prints it (``data-ref``). What has no figure, such as a statement, is also told by a guarded
sentence whose condition names it, as long as that sentence stands in the built page.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import pytest
from conftest import edit_row, read_table

from ctdild import checks
from ctdild.book.pages import read_pages
from ctdild.claims import addresses
from ctdild.evidence import load, row_id

#: What has no figure of its own, so that the words of a guarded sentence can carry it.
WORDS = ("statements", "discrepancies", "source_claims", "trials", "recommendations", "approvals", "treatments", "ct_patterns")
#: What says what something is, not what was found: it carries a claim only where the claim names nothing else.
NAMES = ("trials", "arms", "cohorts", "treatments", "outcomes", "instruments")
#: Tables each row of which stands on a page of the book, or is withheld.
SHOWN = (
    "contrasts", "arm_results", "interactions", "statements", "discrepancies", "approvals", "recommendations", "mcids",
    "prevalence", "autoantibodies", "ct_patterns", "instruments", "pools", "source_claims", "trials",
)  # fmt: skip
#: Pages that list everything: what stands only there is linked, shown or told by no chapter.
LISTS = ("chapters/trials", "chapters/source-audit")


def plain(text: str) -> str:
    """A text as it is compared: one space between words, straight quotes, small letters."""
    return " ".join(text.translate(str.maketrans("‘’“”–−", "''\"\"--")).split()).lower()


class Reader(HTMLParser):
    """The words of a page, the links and addresses between them, and what of it stands under each anchor."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.links: list[tuple[int, str]] = []  # behind how many words, and where to
        self.refs: list[tuple[int, str]] = []
        self.anchors: dict[str, tuple[int, int]] = {}
        self._open: list[tuple[int, list[str]]] = []
        self._silent = 0

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        anchor, link = given.get("id"), given.get("href")
        if link:
            self.links.append((len(self.words), link))
        self.refs += [(len(self.words), ref) for ref in (given.get("data-ref") or "").split()]
        if tag in ("script", "style"):
            self._silent += 1
        elif tag == "section":
            self._open.append((len(self.words), [anchor] if anchor else []))
        elif anchor and self._open:
            self._open[-1][1].append(anchor)  # a label stands inside the section that it names

    def handle_endtag(self, tag):
        if tag in ("script", "style"):
            self._silent -= 1
        elif tag == "section" and self._open:
            begin, anchors = self._open.pop()
            self.anchors.update(dict.fromkeys(anchors, (begin, len(self.words))))

    def handle_data(self, data):
        if not self._silent:
            self.words.append(data)


@dataclass(frozen=True)
class Built:
    """What a reader finds in a page of the site, or under one of its anchors."""

    text: str = field(repr=False)  #: as `plain` gives it
    links: frozenset[str]
    refs: frozenset[str]  #: addresses whose figures stand there
    sections: dict[str, Built] = field(repr=False, default_factory=dict)  #: by anchor

    @property
    def trials(self) -> set[str]:
        """The trials whose pages it links to."""
        return {match[1] for link in self.links if (match := re.search(r"trials/([\w-]+)\.html", link))}


def read_built(path: Path) -> Built:
    reader = Reader()
    reader.feed(path.read_text(encoding="utf-8"))

    def between(begin: int, end: int, **more) -> Built:
        links, refs = (frozenset(one for at, one in found if begin <= at <= end) for found in (reader.links, reader.refs))
        return Built(plain("".join(reader.words[begin:end])), links, refs, **more)

    sections = {anchor: between(*place) for anchor, place in reader.anchors.items()}
    return between(0, len(reader.words), sections=sections)


@pytest.fixture(scope="module")
def site(root):
    return root / "_build" / "html"


@pytest.fixture(scope="module")
def pages(root):
    return {page.docname: page for page in read_pages(root)}


@pytest.fixture(scope="module")
def built(site):
    """The pages of the site by name, each read once."""
    files = [site / "index.html", *sorted((site / "chapters").glob("*.html")), *sorted((site / "trials").glob("*.html"))]
    return {str(path.relative_to(site).with_suffix("")): read_built(path) for path in files if path.is_file()}


@pytest.fixture(scope="module")
def listed(root):
    """The lines of the list, by kind."""
    rows = read_table(root / "tests" / "coverage_list.csv")
    assert {row["kind"] for row in rows} == {"claims", "item", "words"}
    return {kind: [row for row in rows if row["kind"] == kind] for kind in ("claims", "item", "words")}


@pytest.fixture(scope="module")
def guarded(pages, built):
    """Page -> addresses in the conditions of those of its guarded sentences that stand in the built page."""
    return {
        name: {
            address
            for claim in page.claims
            if name in built and not lost_words(claim.sentence, built[name].text)
            for address in addresses(claim.condition)
        }
        for name, page in pages.items()
    }


def lost_words(sentence: str, text: str) -> list[str]:
    """The runs of words of a guarded sentence that are not in a text; figures and links between them are left out."""
    bare = re.sub(r"\{ev\}`[^`]*`|\{cite(?::\w+)?\}`[^`]*`", "\0", sentence)
    bare = re.sub(r"\{[\w:+-]+\}`([^`<]*?)\s*(?:<[^`]*>)?`", r"\1", bare)
    bare = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", bare).replace("**", "").replace("*", "").replace("`", "")
    runs = [plain(run).strip(" .,;:()-") for run in re.split(r"\0|\s- ", bare)]  # a list is one sentence with its items
    return [run for run in runs if len(run.split()) > 2 and run not in text]


def told(evidence, built, guarded, name: str, address: str, anchor: str = "") -> bool:
    """Whether a page, or what stands under an anchor of it, tells a row: it prints it, or it says in guarded words what has no figure."""
    page, row = built[name].sections[anchor] if anchor else built[name], evidence.row(address)
    if address in page.refs or (row.table in WORDS and address in guarded.get(name, ())):
        return True
    if row.table == "trials":
        return row.id in page.trials
    if row.table == "outcomes":
        return any(evidence.row(ref).get("outcome") == row.id for ref in page.refs)
    return False


# --- the claims of the source article --------------------------------------------------------------


def test_as_many_claims_of_each_paragraph_are_told_on_each_page_as_are_listed(evidence, listed):
    """A claim that is deleted, added or told elsewhere changes the list, where its change is seen."""
    counted: dict[tuple[str, str], int] = {}
    for claim in evidence["source_claims"]:
        counted[claim.paragraph, claim.page] = counted.get((claim.paragraph, claim.page), 0) + 1
        assert claim.fate and claim.id.startswith(f"{claim.paragraph}.")
    assert counted == {(row["item"], row["page"]): int(row["needs"]) for row in listed["claims"]}


def test_the_page_of_a_claim_tells_a_row_that_carries_it(evidence, built, guarded):
    lost = []
    for claim in evidence["source_claims"]:
        rows = [evidence.row(address) for address in claim.row_ids or ()]
        found = [row for row in rows if row.table not in NAMES] or rows
        if claim.page == "chapters/source-audit":
            found += [evidence.row(address) for address in claim.discrepancy_ids or ()]
        if claim.fate == "withheld":  # the audit page says so, and no other has to
            continue
        if rows and not any(told(evidence, built, guarded, claim.page, row.id) for row in [*found, claim]):
            lost.append((claim.id, claim.page, [row.id for row in found][:4]))
    assert not lost


def test_a_claim_without_rows_is_told_in_words_that_stand_on_its_page(evidence, built, guarded, listed):
    """By a guarded sentence that names it, or by the words that the list gives for it."""
    in_words = {row["item"]: row for row in listed["words"]}
    bare = {
        claim.id: claim
        for claim in evidence["source_claims"]
        if not claim.row_ids and claim.page != "chapters/source-audit" and claim.fate != "withheld"
    }
    lost = []
    for claim in bare.values():
        if claim.id in in_words:
            name, _, anchor = in_words[claim.id]["page"].partition("#")
            section = built[name].sections.get(anchor)
            words = [plain(words) for words in in_words[claim.id]["needs"].split(";")]
            if claim.page != name or section is None or not all(words) or not all(w in section.text for w in words):
                lost.append((claim.id, in_words[claim.id]["page"], words))
        elif not any(told(evidence, built, guarded, claim.page, one) for one in (claim.id, *(claim.discrepancy_ids or ()))):
            lost.append((claim.id, claim.page, "in no guard, printed nowhere, and not in the list"))
    assert not lost
    assert not [name for name in in_words if name not in bare], "in the list, and no claim without rows"


def test_the_audit_page_shows_every_claim_and_every_proven_discrepancy(evidence, built):
    page = built["chapters/source-audit"]
    proven = {row.id for row in evidence["discrepancies"] if row.about == "article" and row.proof in ("A", "B")}
    claims = {row.id for row in evidence["source_claims"]}
    assert proven and not proven - page.refs
    assert not claims - page.refs
    assert not [row.id for row in evidence["source_claims"] if plain(row.gist) not in page.text]
    assert "27 july 2023" in page.text


def test_a_claim_that_names_a_lost_row_is_a_finding(data):
    claim = next(row for row in read_table(data / "source_claims.csv") if row["row_ids"])
    edit_row(data / "source_claims.csv", claim["claim_id"], row_ids="senscis.all.fvc-rate.w53")
    found = [p for p in checks.run(load(data)) if p.file == "source_claims.csv" and p.blocks]
    assert found and "senscis.all.fvc-rate.w53" in found[0].message


# --- what the review has to tell -------------------------------------------------------------------


def test_each_study_and_subject_of_the_list_is_told_in_its_place(evidence, built, guarded, listed):
    lost = []
    for item in listed["item"]:
        name, _, anchor = item["page"].partition("#")
        if name not in built or (anchor and anchor not in built[name].sections):
            lost.append((item["item"], item["page"], "no such place"))
            continue
        for address in item["needs"].split(";"):
            if address not in evidence or not told(evidence, built, guarded, name, address, anchor):
                lost.append((item["item"], item["page"], address))
    assert not lost


def test_every_guarded_sentence_stands_in_the_built_page(pages, built):
    lost = []
    for name, page in pages.items():
        for claim in page.claims:
            lost += [(name, claim.line, words) for words in lost_words(claim.sentence, built[name].text)]
    assert not lost


# --- the pages -------------------------------------------------------------------------------------


def test_the_pages_built_are_those_of_the_table_of_contents(root, pages, built):
    chapters = {name for name in built if not name.startswith("trials/")}
    assert chapters == {name for name in pages if not name.startswith("trials/")}
    assert {f"chapters/{path.stem}" for path in (root / "chapters").glob("*.md")} == {
        name for name in pages if name.startswith("chapters/")
    }


def test_a_chapter_with_evidence_shows_some(pages, built):
    assert not [name for name, page in pages.items() if page.scope and not built[name].refs]


def test_every_address_on_a_page_is_that_of_a_row(evidence, built):
    lost = {name: sorted(ref for ref in page.refs if ref not in evidence) for name, page in built.items()}
    assert not {name: refs for name, refs in lost.items() if refs}


def test_every_row_is_shown_somewhere(evidence, built):
    """Each row but those that are withheld, and disagreements about neither the article nor a study, which have no page."""
    shown = frozenset().union(*(page.refs for page in built.values()))
    homeless = {row.id for row in evidence["discrepancies"] if row.about == "other" and not row.trial_id}
    lost = {table: [row.id for row in evidence.shown(table) if row.id not in shown | homeless] for table in SHOWN}
    assert not {table: rows for table, rows in lost.items() if rows}


# --- the trials ------------------------------------------------------------------------------------


def test_every_trial_has_a_page_and_every_page_a_trial(evidence, site):
    trials = {trial.trial_id for trial in evidence["trials"]}
    assert {path.stem for path in (site / "trials").glob("*.html")} == trials
    assert {path.stem for path in (site / "_static/trials").glob("*.json")} == trials


def test_every_trial_is_linked_from_a_chapter(evidence, built):
    linked = frozenset().union(*(page.trials for name, page in built.items() if name.startswith("chapters/") and name not in LISTS))
    assert not sorted(trial.trial_id for trial in evidence["trials"] if trial.trial_id not in linked)


def test_the_page_of_a_trial_shows_all_that_is_known_of_it(evidence, built):
    """Its results by address; its arms, groups and papers by their names and links."""
    lost = []
    for trial in evidence["trials"]:
        page = built[f"trials/{trial.trial_id}"]
        for table in ("contrasts", "arm_results", "statements", "interactions", "discrepancies"):
            lost += [row.id for row in evidence.shown(table) if row.trial_id == trial.trial_id and row.id not in page.refs]
        for table, anchor in (("arms", "arms"), ("cohorts", "groups")):
            place = page.sections.get(anchor)
            for row in evidence[table]:
                named = row.trial_id == trial.trial_id and "all" not in (row.get("kind"), row.get("role"))
                if named and not (place and (row.id in place.refs or plain(row.label) in place.text)):
                    lost.append(row.id)
        for row in evidence["reports"]:
            if row.trial_id == trial.trial_id:
                papers = page.sections.get("reports")
                title = plain(evidence.bibliography[row.citation]["title"]) if row.citation else ""
                if papers is None or not (row.link in papers.links if row.link else title and title in papers.text):
                    lost.append(row.id)
    assert not lost


def test_withheld_figures_are_nowhere_on_the_site(evidence, built):
    """Nothing carries the address of a withheld row."""
    withheld = {row.id for table in ("contrasts", "arm_results", "statements") for row in evidence[table] if row.withheld}
    assert withheld
    assert not {name: page.refs & withheld for name, page in built.items() if page.refs & withheld}


def test_the_json_of_a_trial_holds_its_rows(evidence, site):
    for trial in evidence["trials"]:
        content = json.loads((site / f"_static/trials/{trial.trial_id}.json").read_text(encoding="utf-8"))
        assert content["trials"][0]["trial_id"] == trial.trial_id
        own = [row for row in evidence["arm_results"] if row.trial_id == trial.trial_id]
        assert [row["result_id"] for row in content.get("arm_results", [])] == [row.id for row in own]
        assert all(row_id("arms", (trial.trial_id, row.arm)) in evidence for row in own)
