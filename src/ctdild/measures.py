"""What the measures of a comparison mean, for whoever computes with one: their scale, their value of no effect, who wins.

This module knows `ctdild.evidence` only.
"""

from __future__ import annotations

from .evidence import Row

#: Measures on the ratio scale: no effect is 1, intervals are symmetric on the logarithms.
RATIOS = ("OR", "RR", "HR", "IRR")
#: Measures whose estimate is a difference: no effect is 0, intervals are symmetric as they stand.
DIFFERENCES = ("MD", "SMD", "RD", "rate difference")
#: Measures of which more is better for arm a, whatever is counted.
UPWARD_WINS = ("win probability", "relative reduction")
#: Kinds of cohorts that chance did not make: who belongs to them was decided after the start.
NOT_BY_CHANCE = ("post-baseline", "extension")


def null_value(contrast: Row) -> float:
    """The value of no effect on the scale of a contrast: 1 for ratios, a half (50 in per cent) for win probabilities, else 0."""
    if contrast.measure in RATIOS:
        return 1.0
    if contrast.measure == "win probability":
        return 50.0 if contrast.unit == "%" else 0.5
    return 0.0


def includes_null(contrast: Row) -> bool | None:
    """Whether the interval reaches no effect; None without an interval."""
    if contrast.ci_low is None or contrast.ci_high is None:
        return None
    return contrast.ci_low <= null_value(contrast) <= contrast.ci_high


def favoured_arm(contrast: Row, better: str | None) -> str | None:
    """The arm on the better side of the point estimate, by arithmetic, where ``better`` is the better direction of its outcome.

    None without an estimate, at no effect, or where the outcome has no better direction.
    The column ``favours`` is what the source says; a check compares the two.
    """
    if contrast.estimate is None or better is None or contrast.estimate == null_value(contrast):
        return None
    wins = first_wins(contrast.measure, contrast.estimate > null_value(contrast), better)
    return contrast.arm_a if wins else contrast.arm_b


def first_wins(measure: str, upward: bool, better: str) -> bool:
    """Whether an estimate above (``upward``) or below no effect is on the better side for the first arm."""
    return upward if measure in UPWARD_WINS else upward == (better == "higher")
