"""Meta-analysis: what several trials say together, and what is needed to get there.

- `effects`: from what a report prints (interval, p-value, SD, counts) to an estimate and its standard error; numbers needed to treat.
- `pairwise`: one comparison in several trials, pooled.
- `network`: several treatments compared through each other.
- `pools`: what of the dataset may be pooled at all, and what may not.
- `summary`: what a declared pool says, on the scale that readers see.

Array-likes in, frozen results out. Ratios are on the log scale throughout. `standard_error` of a result is the one that its
interval uses. Input that cannot be right raises `ValueError`, which names every study at fault, by its position (from 1) or its name.
What is undefined is NaN, never 0 and never a guess; each docstring says when.

The numbers agree with R (metafor, meta, netmeta): see ``validation/README.md``.

Nothing here is imported before it is used: scipy takes the better part of a second, and the command line does without.
"""

from __future__ import annotations

import importlib

__all__ = ["effects", "network", "pairwise", "pools", "summary"]


def __getattr__(name: str):
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
