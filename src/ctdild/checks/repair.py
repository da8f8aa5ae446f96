"""The smallest edit of printed figures that would make them agree.

The edits are the slips that people make when they copy figures: two cells exchanged, a sign lost, the
decimal point moved, two digits exchanged, a count off by a few.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from decimal import Decimal

from ..evidence import Printed

Cells = Mapping[str, str]
Figures = Mapping[str, Printed]

NO_REPAIR = "no single change makes it agree: check the source"

#: How far a count may be off for another count to be proposed.
COUNT_REACH = 10


def smallest(
    cells: Cells,
    agrees: Callable[[Figures], bool],
    counts: Collection[str] = (),
    *,
    exchange: bool = True,
    signs: bool = True,
    reach: int = COUNT_REACH,
) -> str:
    """Words for the first edit of ``cells`` (column or label -> printed text) after which ``agrees`` holds.

    ``counts`` names the cells that are whole numbers of patients or events: they stay whole and positive, and may also
    become another number up to ``reach`` away. ``exchange`` is False where two cells in the wrong order would always
    agree after an exchange, which then proves nothing; ``signs`` is False where no figure can be negative.
    """
    for words, edited in _edits(cells, counts, exchange, signs, reach):
        if agrees({name: Printed(text) for name, text in edited.items()}):
            return f"{words}, if the source agrees"
    return NO_REPAIR


def _edits(cells: Cells, counts: Collection[str], exchange: bool, signs: bool, reach: int) -> Iterator[tuple[str, Cells]]:
    for first, second in itertools.combinations(cells, 2) if exchange else ():
        yield f"exchange {first} and {second}", {**cells, first: cells[second], second: cells[first]}
    for kind, change in (("sign", _signs), ("decimal point", _shifts), ("two digits exchanged", _transpositions)):
        for name, text in cells.items():
            if change is _signs and (not signs or name in counts):
                continue
            for new in change(text):
                if name in counts:
                    new = new.removesuffix(".0")  # 240 becomes 24, not 24.0
                if name not in counts or "." not in new:
                    yield f"write {new} for {text} in {name} ({kind})", {**cells, name: new}
    for distance, name in itertools.product(range(1, reach + 1), counts):
        for new in (int(cells[name]) - distance, int(cells[name]) + distance):
            if new >= 0:
                yield f"write {new} for {cells[name]} in {name}", {**cells, name: str(new)}


def _signs(text: str) -> Iterator[str]:
    if float(text) != 0:
        yield text[1:] if text.startswith("-") else f"-{text}"


def _shifts(text: str) -> Iterator[str]:
    if float(text) != 0:
        for places in (1, -1):
            yield format(Decimal(text).scaleb(places), "f")


def _transpositions(text: str) -> Iterator[str]:
    digits = [place for place, character in enumerate(text) if character.isdigit()]
    for i, j in itertools.pairwise(digits):
        new = list(text)
        new[i], new[j] = new[j], new[i]
        candidate = "".join(new)
        if candidate != text and re.fullmatch(r"-?(0|[1-9]\d*)(\.\d+)?", candidate):
            yield candidate


def slips(text: str) -> set[str]:
    """What a count becomes when two of its digits are exchanged, or a nought is lost or added."""
    return {new.removesuffix(".0") for change in (_transpositions, _shifts) for new in change(text)}
