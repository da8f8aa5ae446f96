"""The drawing of a forest plot: one line an estimate, its interval beside the null, diamonds for what is pooled."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from . import text as words
from . import theme
from .figure import Span
from .svg import Drawing, axis_ticks, log_ticks

#: Letters of the longest name of an arm that stands under an axis.
_LONGEST_NAME = 30

FILLED, HOLLOW, DIAMOND = "filled", "hollow", "diamond"


@dataclass(frozen=True)
class Item:
    """One line of a forest plot.

    Items with the same ``heading`` stand under one head. ``printed`` is the figure with its interval, ``mark`` the small sign behind it.
    """

    heading: str
    label: str
    printed: str
    mark: str
    estimate: float
    low: float
    high: float
    shape: str
    ref: str | tuple[str, ...]


@dataclass(frozen=True)
class Axis:
    """What the x axis is: its title, no effect on it, whether it is logarithmic, and what lies to the left and right of no effect."""

    title: str
    null: float
    log: bool
    favours: tuple[str, str]


def draw(items: Sequence[Item], axis: Axis, column_title: Span, layout: theme.Layout, name: str) -> str:
    """The drawing as SVG, for a page or for a phone."""
    wide = layout is theme.WIDE
    low, high = min(axis.null, *(item.low for item in items)), max(axis.null, *(item.high for item in items))
    pad = 1.1 if axis.log else 0.05 * (high - low)
    low, high = (low / pad, high * pad) if axis.log else (low - pad, high + pad)
    left, right = (236, 176) if wide else (8, 8)
    drawing = Drawing(layout, left, right, (low, high), log=axis.log)
    drawing.axis(log_ticks(low, high) if axis.log else axis_ticks(low, high), axis.title)
    step, small_step = layout.size + 5, layout.small + 4
    label_width = left - 20 if wide else layout.width
    y = 8.0
    if wide:
        drawing.text(layout.width, y, column_title.text, align="right", color=theme.MUTED, size=layout.small, ref=column_title.refs)
        y += small_step + 2
    top, heading = y - 8, None
    for item in items:
        if item.heading != heading:
            y += 10 if heading else 0
            heading = item.heading
            for part in textwrap.wrap(heading, layout.fits(label_width, bold=True)):
                drawing.text(0, y, part, bold=True)
                y += step
        if wide:
            middle = y
            drawing.text(layout.width - 22, y, item.printed, align="right", ref=item.ref)
            drawing.text(layout.width, y, item.mark, align="right", color=theme.MUTED, size=layout.small)
        for part in textwrap.wrap(item.label, layout.fits(label_width, small=True)):
            drawing.text(0, y, part, color=theme.MUTED, size=layout.small, ref=item.ref)
            y += small_step
        if not wide:
            drawing.text(0, y, item.printed, ref=item.ref)
            drawing.text(layout.width, y, item.mark, align="right", color=theme.MUTED, size=layout.small)
            y += step - 1
            middle = y
            drawing.rule(axis.null, axis.null, middle - 8, middle + 8, color=theme.RULE, width=1)
            y += step
        else:
            y += 8
        if item.shape == DIAMOND:
            drawing.diamond(item.low, item.estimate, item.high, middle)
        else:
            drawing.rule(item.low, item.high, middle, middle)
            drawing.point(item.estimate, middle, hollow=item.shape == HOLLOW)
    worse, better = axis.favours
    y += 4
    if wide:
        drawing.rule(axis.null, axis.null, top, y + 16, color=theme.RULE, width=1)
    if worse:
        y = _sides(drawing, layout, y + 6, drawing.position(axis.null), f"← {worse}", f"{better} →")
    return drawing.svg(name, y + 12)


def _sides(drawing: Drawing, layout: theme.Layout, y: float, at_null: float, left: str, right: str) -> float:
    """What lies on either side of no effect: beside it where both fit, else at the edges, one above the other. Returns the last line."""
    style = {"color": theme.MUTED, "size": layout.small}
    if layout is theme.WIDE:
        beside = len(left) <= layout.fits(at_null - 8, small=True) and len(right) <= layout.fits(layout.width - at_null - 8, small=True)
    else:
        beside = len(left) + len(right) + 3 <= layout.fits(layout.width, small=True)
    at_edges = layout is not theme.WIDE or not beside
    drawing.text(0 if at_edges else at_null - 8, y, left, align="left" if at_edges else "right", **style)
    y += 0 if beside else layout.small + 4
    drawing.text(layout.width if at_edges else at_null + 8, y, right, align="right" if at_edges else "left", **style)
    return y


def favours(about_better: str | None, pairs: set[tuple[str, str]]) -> tuple[str, str]:
    """What lies left and right of no effect, where ``better`` is higher or lower and ``pairs`` are the arms compared.

    Empty where neither direction is better. The arms by name, or by what their names share: ``cyclophosphamide`` of a regimen
    that begins with it, ``placebo`` of all that were compared with it; else as treatment and comparator.
    """
    if not about_better:
        return "", ""
    a = _shared_name([first for first, _ in pairs]) or "treatment"
    b = _shared_name([second for _, second in pairs]) or "comparator"
    right, left = (a, b) if about_better == "higher" else (b, a)
    return f"favours {left}", f"favours {right}"


def _shared_name(names: Sequence[str]) -> str:
    """The name, or of several the parts between commas that all of them have; empty for none and for one too long to draw."""
    parts = [name.split(", ") for name in names]
    shared = names[0] if len(set(names)) == 1 else ", ".join(part for part in parts[0] if all(part in other for other in parts))
    return shared if len(shared) <= _LONGEST_NAME else ""


def unbroken(text: str) -> str:
    """Text that stays on one line."""
    return text.replace(" ", words.NO_BREAK)
