"""Every guarded sentence is held against results that would make it untrue.

Each comparison that a sentence prints is turned round (the other arm is better, by as much), and its interval is stretched
over no effect or drawn away from it; the rest of the data stays. A claim around a sentence that would then be untrue must
fail. Where the sentence stays true it is listed below, with the reason.
"""

from __future__ import annotations

import math
import shutil

import pytest
from conftest import edit_row

from ctdild.book.pages import read_pages
from ctdild.claims import evaluate
from ctdild.evidence import load
from ctdild.measures import includes_null, null_value

#: (address, page) -> why the sentence stays true when the result is turned round.
TRUE_EITHER_WAY = {}
#: (address, page) -> why the sentence stays true when the interval crosses no effect, or no longer does.
TRUE_ON_BOTH_SIDES = {
    ("senscis.all.fvc-rate.w52", "chapters/antifibrotics.md"): "a wider interval still holds the estimate of the other trial",
    ("inbuild.autoimmune.fvc-rate.w52", "chapters/antifibrotics.md"): "a wider interval still holds the estimate of the other trial",
}


def printed(root, evidence):
    """Address of each comparison with an estimate -> the claims whose sentence prints it, with their pages."""
    found: dict[str, list] = {}
    for page in read_pages(root):
        for line, content in page.references:
            row = next((r for r in evidence["contrasts"] if r.id == content.split()[0]), None)
            claim = next((c for c in page.claims if c.line < line < c.end), None)
            if row is not None and claim is not None and row.estimate is not None:
                found.setdefault(row.id, []).append((page, claim))
    return found


def mirrored(row) -> dict[str, str]:
    """The cells of a comparison that favours the other arm by as much."""
    null = null_value(row)

    def turned(value):
        return "" if value is None else f"{1 / value if null == 1 else 2 * null - value:.6g}"

    other = {row.arm_a: row.arm_b, row.arm_b: row.arm_a}
    return {
        "estimate": turned(row.estimate),
        "ci_low": turned(row.ci_high),
        "ci_high": turned(row.ci_low),
        "favours": other.get(row.favours, row.favours or ""),
    }


def other_side(row) -> dict[str, str]:
    """The cells of a comparison with the same estimate whose interval is on the other side of significance."""
    null = null_value(row)
    reach = math.log(row.estimate) if null == 1 else row.estimate - null
    half = abs(reach) * (0.6 if includes_null(row) else 1.5)
    low, high = (math.exp(reach - half), math.exp(reach + half)) if null == 1 else (row.estimate - half, row.estimate + half)
    return {"ci_low": f"{low:.6g}", "ci_high": f"{high:.6g}", "p_value": "0.001" if includes_null(row) else "0.3", "p_relation": "="}


def silent(root, tmp_path, evidence, change, wanted):
    """(address, page, sentence) of the claims that hold on data with a changed comparison."""
    found = []
    for address, places in printed(root, evidence).items():
        row = evidence.row(address)
        if not wanted(row):
            continue
        shutil.copytree(root / "data", tmp_path / "data", dirs_exist_ok=True)
        edit_row(tmp_path / "data/contrasts.csv", address, **change(row))
        changed = load(tmp_path / "data")
        for page, claim in places:
            if all(verdict.holds for verdict in evaluate(claim.condition, changed.scope(page.scope))):
                found.append((address, page.name, claim.sentence))
    return found


@pytest.mark.parametrize(
    ("change", "wanted", "listed"),
    [
        (mirrored, lambda row: includes_null(row) is False, TRUE_EITHER_WAY),
        (other_side, lambda row: includes_null(row) is not None and row.estimate != null_value(row), TRUE_ON_BOTH_SIDES),
    ],
    ids=["mirrored", "other side of significance"],
)
def test_a_sentence_that_became_untrue_is_stopped(root, tmp_path, evidence, change, wanted, listed):
    found = silent(root, tmp_path, evidence, change, wanted)
    places = {(address, page) for address, page, _ in found}
    unexpected = [f"{address} on {page}: {sentence}" for address, page, sentence in found if (address, page) not in listed]
    assert not unexpected, "\n".join(unexpected)
    assert not set(listed) - places, "listed, and yet the claim fails: take it off the list"
