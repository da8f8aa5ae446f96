"""How long it takes to pool 10 000 studies, by each method.

    .venv/bin/python benchmarks/pooling.py [STUDIES]

Seconds differ between machines and between runs on one machine. So each time stands beside a yardstick of the same run: how many
times numpy could have sorted a million numbers meanwhile.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np

from ctdild.synthesis import pairwise

REPEATS = 5


def seconds(work: Callable[[], object]) -> float:
    """The shortest of some runs: what else the machine does can only lengthen one."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def main(studies: int = 10_000) -> None:
    rng = np.random.default_rng(20260101)
    error = np.exp(rng.normal(0, 0.7, studies))
    estimate = 2.5 + rng.normal(0, error) + rng.normal(0, 0.8, studies)
    million = rng.random(1_000_000)
    yardstick = seconds(lambda: np.sort(million))
    print(f"{studies} studies; yardstick (sorting a million numbers): {yardstick:.4f} s\n")
    print(f"{'method':<12}{'seconds':>10}{'yardsticks':>12}")
    work = {method: lambda method=method: pairwise.pool(estimate, error, method=method) for method in pairwise.METHODS}
    work["REML, HK"] = lambda: pairwise.pool(estimate, error, interval="hk")
    for name, run in work.items():
        taken = seconds(run)
        print(f"{name:<12}{taken:>10.4f}{taken / yardstick:>12.2f}")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:2]))
