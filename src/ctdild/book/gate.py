"""What stands between data and pages and a site: the same for `ctdild check`, for `make book` and for a bare Sphinx build."""

from __future__ import annotations

from .. import checks
from ..evidence import Evidence, Problem
from ..synthesis import pools
from .held import held_on, stale
from .pages import Page
from .problems import BookProblem
from .prose import check_prose, failing_claims


def on_data(evidence: Evidence) -> list[Problem]:
    """Every finding on the rows and on the pools that are declared over them, explained ones marked."""
    found = checks.run(evidence)
    try:
        return [*found, *pools.problems(evidence)]
    except checks.UNFORESEEN as error:
        return [*found, checks.not_applicable("pools", error)]


def on_pages(pages: list[Page], evidence: Evidence, held: list[dict[str, str]], whole: bool = True) -> list[BookProblem]:
    """Everything on the pages that stops them: prose, claims that cannot be read, claims that fail and are not held, rows that
    hold a sentence no longer. The last is not told unless these are the ``whole`` book: the sentence may stand elsewhere."""
    failing, unreadable = failing_claims(pages, evidence)
    unheld = [problem for page, claim, problem in failing if held_on(held, page.name, claim.condition, claim.sentence) is None]
    return check_prose(pages, evidence) + unreadable + unheld + (stale(held, failing) if whole else [])
