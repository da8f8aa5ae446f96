"""The drawing of a forest plot: one line an estimate, its interval beside the null, diamonds for what is pooled."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from . import text as words
from . import theme
from .figure import Span
from .svg import Drawing, axis_ticks, log_ticks

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
        y += 6
        at_null = drawing.position(axis.null)
        drawing.text(at_null - 8 if wide else 0, y, f"← {worse}", align="right" if wide else "left", color=theme.MUTED, size=layout.small)
        drawing.text(
            at_null + 8 if wide else layout.width, y, f"{better} →", align="left" if wide else "right", color=theme.MUTED, size=layout.small
        )
    return drawing.svg(name, y + 12)


def favours(about_better: str | None, pairs: set[tuple[str, str]]) -> tuple[str, str]:
    """What lies left and right of no effect, where ``better`` is higher or lower and ``pairs`` are the arms compared.

    Empty where neither direction is better; the arms by name where all compare the same two.
    """
    if not about_better:
        return "", ""
    a, b = next(iter(pairs)) if len(pairs) == 1 else ("treatment", "comparator")
    if max(len(a), len(b)) > 14:
        a, b = "treatment", "comparator"
    right, left = (a, b) if about_better == "higher" else (b, a)
    return f"favours {left}", f"favours {right}"


def unbroken(text: str) -> str:
    """Text that stays on one line."""
    return text.replace(" ", words.NO_BREAK)
