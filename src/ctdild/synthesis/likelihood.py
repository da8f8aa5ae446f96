"""Where a likelihood of the heterogeneity is highest, when it may have several maxima."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.optimize import brentq

#: Points of the grid per tenfold of tau². Every term of the score depends on tau² through 1/(v + tau²), which takes more than a
#: tenfold to change: between two points there is no room for a maximum that would be noticeably higher than both.
_PER_TENFOLD = 16


def highest(
    score: Callable[[np.ndarray], np.ndarray], likelihood: Callable[[np.ndarray], np.ndarray], smallest: float, largest: float
) -> float:
    """The tau² from 0 on with the highest likelihood.

    Every change of sign of the score on a grid from `smallest` to `largest` is followed to its root, and 0 is a candidate too;
    the best of them is returned. That the score is negative at 0 does not mean that the maximum lies there.

    Parameters
    ----------
    score, likelihood
        The derivative and the value of the log-likelihood, for an array of tau².
    smallest, largest
        The variance below which a tau² makes no difference, and a value above every root.
    """
    points = max(2, int(np.ceil(_PER_TENFOLD * np.log10(largest / smallest))))
    grid = np.concatenate([[0.0], np.geomspace(smallest, largest, points)])
    rising = score(grid) > 0
    tops = np.flatnonzero(rising[:-1] & ~rising[1:])

    def slope(tau2: float) -> float:
        return float(score(np.array([tau2]))[0])

    candidates = [0.0]
    for low, high in zip(grid[tops], grid[tops + 1], strict=True):
        # Within rounding of a root the sign may differ between one computed alone and one computed in the grid.
        if slope(low) > 0 > slope(high):
            candidates.append(brentq(slope, low, high, xtol=1e-15 * high, rtol=8.9e-16, maxiter=500))
        else:
            candidates += [low, high]
    candidates = np.array(candidates)
    return float(candidates[np.argmax(likelihood(candidates))])
