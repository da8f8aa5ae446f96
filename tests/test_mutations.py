"""Which of the slips of `mutations.py` the checks stop, kind by kind: floors that a weakened rule breaks.

The whole listing, with every survivor: `.venv/bin/python tests/mutations.py`.
"""

from __future__ import annotations

import pytest
from mutations import KINDS, Data, count, draw, total

#: Least share in per cent that is stopped, and that is stopped or noted by the second entry. What the floor of a kind
#: cannot be raised by: the second number of a lone p-value, count or mean rests on the second entry alone, and limits
#: of 90 % typed for 95 % stay symmetric, so that only a p-value, the spreads of the arms or a band can betray them.
FLOORS = {
    "digits transposed, interval": (80, 90),
    "digits transposed, arm's figure": (60, 80),
    "digits transposed, count or percent": (60, 90),
    "decimal shifted, p": (45, 80),
    "digit misread, arm's figure": (65, 80),
    "digit misread, count or percent": (65, 85),
    "sign flipped, arm's figure": (65, 85),
    "trailing zero lost": (85, 95),
    "interval of another arm": (80, 95),
    "90 % limits for 95 %": (35, 50),
    "figures of the other arm": (50, 85),
    "figures of another week": (60, 85),
}
#: Kinds not named above: redundancy sees them.
FLOOR = (90, 90)


@pytest.fixture(scope="module")
def data():
    return Data()


@pytest.fixture(scope="module")
def tally(data):
    return count(data)


@pytest.mark.parametrize("kind", KINDS)
def test_share_of_slips_of_a_kind(kind, tally):
    score = tally[kind]
    stopped, noted = FLOORS.get(kind, FLOOR)
    missed = "\n".join(str(slip) for slip in (*score.noted, *score.missed))
    assert score.slips >= 10, "too few sites to say anything"
    assert 100 * score.stopped / score.slips >= stopped, missed
    assert 100 * (score.stopped + len(score.noted)) / score.slips >= noted, missed


def test_share_of_all_slips(tally):
    score = total(tally)
    assert score.slips >= 900
    assert 100 * score.stopped / score.slips >= 90
    assert 100 * (score.stopped + len(score.noted)) / score.slips >= 95


def test_most_kinds_are_seen_by_redundancy(tally):
    """At least four slips of five are stopped, in all kinds but those that no other figure can betray."""
    weak = {kind for kind, score in tally.items() if score.stopped < 0.8 * score.slips}
    assert weak <= {kind for kind, (stopped, _) in FLOORS.items() if stopped < 80}


def test_the_part_of_a_trial_judges_as_the_whole_does(data):
    """A slip is judged on the rows of its trial; on the whole dataset it meets the same fate."""
    slips = list(draw(data, per_kind=1))[::3]
    assert len(slips) >= 10
    for slip in slips:
        part, whole = ({(p.rule, p.row_id) for p in data.judge(slip, whole=w)} for w in (False, True))
        assert bool(part) == bool(whole), (slip, part, whole)


def test_the_data_without_a_slip_raise_no_alarm(data):
    assert [str(p) for p in data.findings(data.tables)] == []
