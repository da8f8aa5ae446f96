"""Which of the slips of `mutations.py` the checks stop, kind by kind: floors that a weakened rule breaks.

The whole listing, with every survivor: `.venv/bin/python tests/mutations.py`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import NormalDist

import pytest
from mutations import KINDS, SECOND_ENTRY, Cells, Data, Slip, count, draw, total

from ctdild.measures import RATIOS

#: Least share in per cent that the data betray by themselves, and that stops a build with the second entry's help.
#: What keeps the first number of a kind low: nothing stands beside a lone p-value, count or mean; and limits of 90 % typed
#: for 95 % stay symmetric, so that only a p-value, the spreads of the arms or a band can betray them.
FLOORS = {
    "digits transposed, interval": (80, 95),
    "digits transposed, arm's figure": (60, 95),
    "digits transposed, count or percent": (60, 95),
    "decimal shifted, p": (45, 95),
    "digit misread, arm's figure": (65, 95),
    "digit misread, count or percent": (65, 95),
    "sign flipped, arm's figure": (65, 95),
    "interval of another arm": (80, 95),
    "90 % limits for 95 %": (35, 95),
    "figures of the other arm": (55, 95),
    "figures of another week": (65, 95),
    "year typo": (85, 85),  # a trial without results has no work whose year it could be held against
}
#: Kinds not named above: redundancy sees them.
FLOOR = (90, 95)


@pytest.fixture(scope="module")
def data():
    return Data()


@pytest.fixture(scope="module")
def tally(data):
    return count(data)


@pytest.mark.parametrize("kind", KINDS)
def test_share_of_slips_of_a_kind(kind, tally):
    score = tally[kind]
    redundancy, stopped = FLOORS.get(kind, FLOOR)
    assert score.slips >= 10, "too few sites to say anything"
    assert score.redundancy >= redundancy, "\n".join(map(str, (*score.by_second_entry, *score.noted, *score.missed)))
    assert score.stopped >= stopped, "\n".join(map(str, (*score.noted, *score.missed)))


def test_share_of_all_slips(tally):
    score = total(tally)
    assert score.slips >= 900
    assert score.redundancy >= 90
    assert score.stopped >= 98


def test_most_kinds_are_seen_by_redundancy(tally):
    """At least four slips of five are stopped without the second entry, in all kinds but those that no other figure can betray."""
    weak = {kind for kind, score in tally.items() if score.redundancy < 80}
    assert weak <= {kind for kind, (redundancy, _) in FLOORS.items() if redundancy < 80}


def test_the_part_of_a_trial_judges_as_the_whole_does(data):
    """A slip is judged on the rows of its trial; on the whole dataset it meets the same fate."""
    slips = list(draw(data, per_kind=1))[::3]
    assert len(slips) >= 10
    for slip in slips:
        part, whole = ({(p.rule, p.row_id) for p in data.judge(slip, whole=w)} for w in (False, True))
        assert bool(part) == bool(whole), (slip, part, whole)


# --- edits, which are no slips ------------------------------------------------------------------------


def printed_like(x: float, text: str) -> str:
    new = f"{x:.{len(text.partition('.')[2])}f}"
    return new if float(new) else new.removeprefix("-")


def moved(row: Cells) -> Cells:
    """A comparison with another estimate, limits and exact p that agree with each other, a tenth of the interval away."""
    estimate, low, high = (row[c] for c in ("estimate", "ci_low", "ci_high"))
    if row["measure"] in RATIOS:
        factor = math.exp(math.copysign(0.1, float(estimate) - 1) * math.log(float(high) / float(low)))
        low, high = (printed_like(float(x) * factor, x) for x in (low, high))
        estimate = printed_like(math.sqrt(float(low) * float(high)), estimate)
        z = abs(math.log(float(estimate))) / math.log(float(high) / float(low))
    else:
        step = float(printed_like(math.copysign(0.1, float(estimate)) * (float(high) - float(low)), estimate))
        estimate, low, high = (printed_like(float(x) + step, x) for x in (estimate, low, high))
        z = abs(float(estimate)) / (float(high) - float(low))
    p = row["p_value"]
    if row["p_relation"] == "=":
        p = printed_like(max(2 * NormalDist().cdf(-3.92 * z), 10 ** -len(p.partition(".")[2])), p)
    return {**row, "estimate": estimate, "ci_low": low, "ci_high": high, "p_value": p}


def beside(data: Data, row: Cells, step: float) -> Iterator[Slip]:
    """The result of arm a, moved with its comparison."""
    for result in data.tables["arm_results"]:
        if result["result_id"] == f"{row['contrast_id']}.{row['arm_a']}" and result["value"] and row["measure"] == "MD":
            changed = {c: printed_like(float(result[c]) + step, result[c]) for c in ("value", "low", "high") if result[c]}
            yield Slip("edit", "arm_results", result["result_id"], result, ({**result, **changed},))


@pytest.mark.parametrize("with_arm", [False, True], ids=["alone", "with its arm"])
def test_a_comparison_is_edited_in_one_place(data, with_arm):
    """The second entry lets pass whatever moved together; what else objects, objects to figures that do not agree."""
    edited = 0
    for row in data.tables["contrasts"]:
        if not (row["estimate"] and row["ci_low"] and row["ci_high"]):
            continue
        edit = Slip("edit", "contrasts", row["contrast_id"], row, (moved(row),))
        tables = edit.applied(data.part(edit))
        if with_arm:
            for other in beside(data, row, float(edit.after[0]["estimate"]) - float(row["estimate"])):
                tables = other.applied(tables)
        edited += 1
        assert not {problem.rule for problem in data.findings(tables)} & SECOND_ENTRY, (edit, data.findings(tables))
    assert edited > 80


def test_a_result_of_an_arm_is_edited_in_one_place_where_its_figures_move_together(data):
    """A count with its percentage, a mean with its limits or spread; one figure alone needs its reading changed too."""
    pairs = (("events", "percent"), ("value", "spread"), ("low", "high"))
    for row in data.tables["arm_results"][::4]:
        columns = next((pair for pair in pairs if all(row[c] for c in pair)), None)
        if columns is None:
            continue
        changed = {c: str(int(row[c]) + 100) if "." not in row[c] else f"{row[c]}1" for c in columns}  # equal to those of no other row
        edit = Slip("edit", "arm_results", row["result_id"], row, ({**row, **changed},))
        found = {problem.rule for problem in data.findings(edit.applied(data.part(edit)))}
        assert not found & SECOND_ENTRY, (edit, found)


def test_the_data_without_a_slip_raise_no_alarm(data):
    assert [str(p) for p in data.findings(data.tables)] == []
