"""Nothing of the source article and nothing of the dataset is lost on the way to a page."""

from __future__ import annotations

import json
import re

import pytest
from conftest import edit_row, read_table

from ctdild import checks
from ctdild.book.pages import read_pages
from ctdild.evidence import load, row_id

#: What a claim may say in words where no row can carry it.
IN_WORDS = re.compile(r"in words|no row|missing|not entered|pending", re.IGNORECASE)


@pytest.fixture(scope="module")
def site(root):
    return root / "_build" / "html"


@pytest.fixture(scope="module")
def pages(root):
    return {page.docname: page for page in read_pages(root)}


def test_every_claim_of_the_article_has_a_fate_and_a_page(evidence, pages):
    assert len(evidence["source_claims"]) > 300
    lost = [(claim.id, claim.page) for claim in evidence["source_claims"] if not claim.fate or claim.page not in pages]
    assert not lost


def test_a_claim_is_carried_by_rows_or_a_discrepancy_or_says_that_it_is_told_in_words(evidence):
    bare = [
        claim.id
        for claim in evidence["source_claims"]
        if not claim.row_ids and not claim.discrepancy_ids and not IN_WORDS.search(claim.note or "")
    ]
    assert not bare


def test_the_page_of_a_claim_can_see_its_rows(evidence, pages):
    """A chapter tells only what its scope lets it see; a claim whose rows are all outside is told nowhere."""
    scopes = {name: evidence.scope(page.scope) for name, page in pages.items() if page.scope}
    unseen = []
    for claim in evidence["source_claims"]:
        if claim.row_ids and claim.page in scopes and not any(address in scopes[claim.page] for address in claim.row_ids):
            unseen.append((claim.id, claim.page, claim.row_ids[0]))
    assert not unseen


def test_a_claim_that_names_a_lost_row_is_a_finding(data):
    claim = next(row for row in read_table(data / "source_claims.csv") if row["row_ids"])
    edit_row(data / "source_claims.csv", claim["claim_id"], row_ids="senscis.all.fvc-rate.w53")
    found = [p for p in checks.run(load(data)) if p.file == "source_claims.csv" and p.blocks]
    assert found and "senscis.all.fvc-rate.w53" in found[0].message


def test_every_trial_has_a_page_and_every_page_a_trial(evidence, site):
    trials = {trial.trial_id for trial in evidence["trials"]}
    assert {path.stem for path in (site / "trials").glob("*.html")} == trials
    assert {path.stem for path in (site / "_static/trials").glob("*.json")} == trials


def test_every_result_stands_on_the_page_of_its_trial(evidence, site):
    for trial in evidence["trials"]:
        shown = set(re.findall(r'data-ref="([^"]+)"', (site / f"trials/{trial.trial_id}.html").read_text(encoding="utf-8")))
        for table in ("contrasts", "arm_results", "statements", "interactions", "discrepancies"):
            for row in evidence.shown(table):
                if row.trial_id == trial.trial_id:
                    assert row.id in shown, (trial.trial_id, row.id)


def test_withheld_figures_are_nowhere_on_the_site(evidence, site):
    """Nothing carries the address of a withheld row."""
    withheld = {row.id for table in ("contrasts", "arm_results", "statements") for row in evidence[table] if row.withheld}
    assert withheld
    for path in site.rglob("*.html"):
        shown = set(re.findall(r'data-ref="([^"]+)"', path.read_text(encoding="utf-8")))
        assert not shown & withheld, (path.name, shown & withheld)


def test_the_json_of_a_trial_holds_its_rows(evidence, site):
    for trial in evidence["trials"]:
        content = json.loads((site / f"_static/trials/{trial.trial_id}.json").read_text(encoding="utf-8"))
        assert content["trials"][0]["trial_id"] == trial.trial_id
        own = [row for row in evidence["arm_results"] if row.trial_id == trial.trial_id]
        assert [row["result_id"] for row in content.get("arm_results", [])] == [row.id for row in own]
        assert all(row_id("arms", (trial.trial_id, row.arm)) in evidence for row in own)


def test_proven_discrepancies_of_the_article_are_on_the_audit_page(evidence, site):
    page = (site / "chapters/source-audit.html").read_text(encoding="utf-8")
    shown = set(re.findall(r'data-ref="([^"]+)"', page))
    proven = {row.id for row in evidence["discrepancies"] if row.about == "article" and row.proof in ("A", "B")}
    assert proven and proven <= shown, proven - shown
    assert "27 July 2023" in page
