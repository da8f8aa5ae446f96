"""The conditions that prose is guarded by.

A claim is a sentence and the condition under which it is true. The condition is written over addresses of
rows, one clause after another, separated by ``;``; all must hold:

=============================================  =====================================================
``ADDRESS favours ARM``                        the point estimate (or the statement) favours that arm
``ADDRESS interval excludes null``             the interval lies on one side of no effect
``ADDRESS interval includes null``             the interval reaches no effect
``ADDRESS interval not reported``              no interval stands in the row
``ADDRESS p < 0.05``                           the p-value compares so (any of < <= > >= = !=)
``ADDRESS says VERDICT``                       the statement has that verdict (column ``verdict``)
``ADDRESS level LEVEL``                        read at that level or closer (primary, secondary, review)
``ADDRESS exists``                             the row is there and not withheld
``PATTERN absent``                             no row matches (``*`` stands for anything): a hole is a hole;
                                               the names in the pattern must be names of the data
``ADDRESS COLUMN < 3``                         a cell compares so with a number, a word or ``ADDRESS COLUMN``
=============================================  =====================================================

The address may be that of a pool. ``favours ARM`` and ``interval ...`` then are about the figure that heads it; another answer is
asked for by its key (``POOL random includes null``, ``POOL without-senscis excludes null``, see `ctdild.synthesis.summary`), and ``k``,
``n``, ``estimate``, ``low``, ``high``, ``i2`` and ``q_p`` of the pool compare as columns do; of another answer ``estimate``, ``low`` and
``high`` (``POOL without-senscis estimate > 100``). Of a pool that may not be drawn no clause holds, but ``POOL decision = apart``.

This module knows `ctdild.evidence` and `ctdild.measures`, and `ctdild.synthesis` for claims on pools.
"""

from __future__ import annotations

import fnmatch
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass

from .evidence import LEVELS, Evidence, Printed, Row
from .measures import favoured_arm, first_wins, includes_null

_COMPARE: dict[str, Callable] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq, "!=": operator.ne,
}  # fmt: skip


class ClaimError(ValueError):
    """A condition that cannot be read; says what is expected."""


@dataclass(frozen=True)
class Verdict:
    """Whether one clause holds, and the value that decides it."""

    clause: str
    holds: bool
    value: str


def clauses(condition: str) -> list[str]:
    """The clauses of a condition. Raises `ClaimError` when there is none."""
    found = [" ".join(part.split()) for part in condition.split(";") if part.strip()]
    if not found:
        raise ClaimError("a claim needs a condition, as in: senscis.all.fvc-rate.w52 favours nintedanib")
    return found


def evaluate(condition: str, evidence: Evidence) -> list[Verdict]:
    """Every clause of a condition on the evidence. Raises `ClaimError` for a clause that cannot be read.

    A clause about a row that is not there, or is withheld, does not hold.
    """
    return [_evaluate_clause(clause, evidence) for clause in clauses(condition)]


def guarded_weeks(condition: str) -> set[int]:
    """The lengths of time, in weeks, that a condition holds true by ``ADDRESS weeks = 104``."""
    return {int(match[1]) for clause in clauses(condition) if (match := re.fullmatch(r"\S+ weeks = (\d+)", clause))}


def addresses(condition: str) -> list[str]:
    """The addresses that a condition names, patterns left out."""
    return [clause.split()[0] for clause in clauses(condition) if not clause.endswith(" absent")]


def _evaluate_clause(clause: str, evidence: Evidence) -> Verdict:
    words = clause.split()
    if len(words) < 2:
        raise ClaimError(f"{clause!r} is no clause: an address and a condition are expected")
    address, rest = words[0], words[1:]
    if rest == ["absent"]:
        _known_parts(clause, address, evidence)
        matches = [a for a in _addresses(evidence) if fnmatch.fnmatchcase(a, address)]
        return Verdict(clause, not matches, f"there is {', '.join(sorted(matches)[:3])}" if matches else "no such row")
    try:
        row = evidence.row(address)
    except KeyError as error:
        return Verdict(clause, False, str(error.args[0]))
    if row.withheld:
        return Verdict(clause, False, "the row is withheld: sources disagree")
    if rest == ["exists"]:
        return Verdict(clause, True, "the row is there")
    if row.table == "pools" and not (len(rest) >= 3 and rest[1] in _COMPARE and rest[0] in row):
        return _of_pool(clause, evidence, row, rest)
    if rest[0] == "favours" and len(rest) == 2:
        return _favours(clause, evidence, row, rest[1])
    if rest[0] == "interval" and len(rest) == 3 and rest[1] in ("excludes", "includes") and rest[2] == "null":
        return _interval(clause, row, rest[1])
    if rest == ["interval", "not", "reported"]:
        missing = row.get("ci_low") is None and row.get("ci_high") is None
        return Verdict(clause, missing, "no interval is reported" if missing else "an interval is reported")
    if rest[0] == "says" and len(rest) > 1:
        return Verdict(clause, _cell(row, "verdict") == " ".join(rest[1:]), f"says {_cell(row, 'verdict')}")
    if rest[0] == "level" and len(rest) == 2 and rest[1] in LEVELS:
        level = _cell(row, "verification")
        return Verdict(clause, LEVELS.index(level) >= LEVELS.index(rest[1]), f"read at level {level}")
    if len(rest) >= 3 and rest[1] in _COMPARE:
        return _compare(clause, evidence, row, rest[0], rest[1], rest[2:])
    raise ClaimError(f"{clause!r} is no clause that can be read; the forms are listed in ctdild/claims.py")


#: What of a pool compares as a column.
_POOL_FIGURES = ("k", "n", "estimate", "low", "high", "i2", "q_p")
#: What of each of its answers does.
_ANSWER_FIGURES = ("estimate", "low", "high")


def _of_pool(clause: str, evidence: Evidence, row: Row, rest: list[str]) -> Verdict:
    from .synthesis import pools, summary  # late: scipy takes its time, and most pages have no pool

    try:
        pooled = summary.summarise(evidence, row.id)
    except pools.PoolRefusedError as error:
        return Verdict(clause, False, str(error))
    head = pooled.headline
    if rest[0] == "favours" and len(rest) == 2:
        favoured = _favoured_by_pool(pooled)
        return Verdict(clause, favoured == rest[1], f"favours {favoured or 'neither arm'} (pooled {head.estimate:.3g})")
    if len(rest) == 3 and rest[1] in ("excludes", "includes") and rest[2] == "null":
        answer = head if rest[0] == "interval" else _answer_of(clause, pooled, rest[0])
        value = f"{answer.estimate:.3g} (interval {answer.low:.3g} to {answer.high:.3g})"
        return Verdict(clause, answer.includes_null == (rest[1] == "includes"), value)
    if len(rest) == 4 and rest[1] in _ANSWER_FIGURES and rest[2] in _COMPARE and re.fullmatch(r"-?\d+(\.\d+)?", rest[3]):
        found = getattr(_answer_of(clause, pooled, rest[0]), rest[1])
        return Verdict(clause, bool(_COMPARE[rest[2]](found, float(rest[3]))), f"{rest[1]} {found:.3g}")
    if len(rest) == 3 and rest[1] in _COMPARE and rest[0] in _POOL_FIGURES and re.fullmatch(r"-?\d+(\.\d+)?", rest[2]):
        found = getattr(head, rest[0]) if rest[0] in _ANSWER_FIGURES else getattr(pooled, rest[0])
        if found is None:
            return Verdict(clause, False, f"{rest[0]} of {row.id} is not known")
        return Verdict(clause, bool(_COMPARE[rest[1]](found, float(rest[2]))), f"{rest[0]} {found:.3g}")
    raise ClaimError(f"{clause!r} is no clause on a pool that can be read; the forms are listed in ctdild/claims.py")


def _answer_of(clause: str, pooled, key: str):
    answer = pooled.answer(key)
    if answer is None:
        raise ClaimError(f"{clause!r}: {pooled.pool_id} has the answers {', '.join(pooled.answers)}; from three trials on without-TRIAL")
    return answer


def _favoured_by_pool(pooled) -> str | None:
    """The arm of the first study on the better side of the pooled figure."""
    comparison, head = pooled.studies[0].comparison, pooled.headline
    arms = [row.arm for row in comparison.arms] or [comparison.row.arm_a, comparison.row.arm_b]
    if not pooled.outcome.better or head.estimate == head.null:
        return None
    return arms[0] if first_wins(head.measure, head.estimate > head.null, pooled.outcome.better) else arms[1]


def _known_parts(clause: str, pattern: str, evidence: Evidence) -> None:
    """A misspelt pattern matches nothing and would hold for ever, so each of its names must be one of the data's."""
    names = [part for part in pattern.split(".") if not re.search(r"[*?[]", part) and not re.fullmatch(r"w\d+", part)]
    unknown = [name for name in names if "." in pattern and name not in evidence.vocabulary]
    if unknown:
        raise ClaimError(f"{clause!r}: {', '.join(unknown)} is no trial, cohort, outcome or arm of the data: misspelt?")


def _addresses(evidence: Evidence) -> list[str]:
    return [row.id for table in evidence.tables for row in evidence.shown(table)]


def _cell(row: Row, column: str):
    if column not in row:
        raise ClaimError(f"table {row.table} has no column {column!r} (row {row.id})")
    return row[column]


def _favours(clause: str, evidence: Evidence, row: Row, arm: str) -> Verdict:
    if row.table == "contrasts":
        if arm not in (row.arm_a, row.arm_b):
            raise ClaimError(f"{clause!r}: the arms are {row.arm_a} and {row.arm_b}")
        favoured = favoured_arm(row, evidence.outcome(row).better)
        return Verdict(clause, favoured == arm, f"favours {favoured or 'neither arm'} (estimate {row.text('estimate') or 'not reported'})")
    favoured = _cell(row, "favours")
    return Verdict(clause, favoured == arm, f"favours {favoured or 'neither arm'}")


def _interval(clause: str, row: Row, wanted: str) -> Verdict:
    if row.table != "contrasts":
        raise ClaimError(f"{clause!r}: only a contrast has an interval against no effect; {row.id} is a row of {row.table}")
    includes = includes_null(row)
    if includes is None:
        return Verdict(clause, False, "no interval is reported")
    value = f"{row.text('estimate')} (interval {row.text('ci_low')} to {row.text('ci_high')})"
    return Verdict(clause, includes == (wanted == "includes"), value)


def _compare_p(clause: str, row: Row, sign: str, right: list[str]) -> Verdict:
    """A printed p may be a bound (``< 0.001``) or only ``ns``, which says no more than p >= 0.05."""
    if len(right) != 1 or not re.fullmatch(r"0?\.\d+|[01]", right[0]):
        raise ClaimError(f"{clause!r}: p is compared with one number, as in p < 0.05")
    limit, p, relation = float(right[0]), _cell(row, "p_value"), _cell(row, "p_relation")
    if p is None:
        return Verdict(
            clause, relation == "ns" and sign in (">", ">=") and limit <= 0.05, "p is ns" if relation == "ns" else "p is not reported"
        )
    if relation in ("<", "<="):
        holds = sign in ("<", "<=") and p <= limit
    else:
        holds = bool(_COMPARE[sign](float(p), limit))
    return Verdict(clause, holds, f"p {relation or '='} {p}")


def _compare(clause: str, evidence: Evidence, row: Row, column: str, sign: str, right: list[str]) -> Verdict:
    if column == "p":
        return _compare_p(clause, row, sign, right)
    left = _cell(row, column)
    if left is None:
        return Verdict(clause, False, f"{column} is not reported")
    number = isinstance(left, (int, float)) and not isinstance(left, bool)
    if number and len(right) == 1 and re.fullmatch(r"[-−]?\d+(\.\d+)?", right[0]):
        other: object = float(right[0].replace("−", "-"))
        shown = f"{column} {left}"
    elif len(right) == 2 and right[0] in evidence:
        other = _cell(evidence.row(right[0]), right[1])
        if other is None:
            return Verdict(clause, False, f"{right[1]} of {right[0]} is not reported")
        shown = f"{left} against {other}"
    elif not number and sign in ("=", "!="):
        left, other = row.text(column), " ".join(right)
        shown = f"{column} is {left}"
    else:
        raise ClaimError(f"{clause!r}: {column} can be compared with a number, or with ADDRESS COLUMN of a row of this page")
    if isinstance(left, Printed):
        left = float(left)
    try:
        return Verdict(clause, bool(_COMPARE[sign](left, other)), shown)
    except TypeError:
        raise ClaimError(f"{clause!r}: {left!r} and {other!r} cannot be compared") from None
