"""How drawings look: colours by name, type sizes, line weights, and the Altair configuration of them.

Colours are CSS variables; what they stand for in light, dark and print is in ``book/assets/display.css``.
"""

from __future__ import annotations

from dataclasses import dataclass

INK = "var(--ctd-ink)"  #: text and what is measured
MUTED = "var(--ctd-muted)"  #: secondary text
RULE = "var(--ctd-rule)"  #: axes, null line, guides
GRID = "var(--ctd-grid)"  #: light guides
ACCENT = "var(--ctd-accent)"  #: the treatment under study
COMPARATOR = "var(--ctd-comparator)"  #: what it is compared with
PAPER = "var(--ctd-paper)"  #: the page, to hollow a mark

#: Everything that a drawing may be coloured with; the stylesheet defines each for light, dark and print.
COLOURS = (INK, MUTED, RULE, GRID, ACCENT, COMPARATOR, PAPER)

#: The page's own system fonts.
FONT = "inherit"

#: Mean width of a character in units of the font size, on the wide side, to wrap labels without measuring fonts
#: (measuring would make the bytes depend on the fonts of the machine).
CHARACTER = 0.55


@dataclass(frozen=True)
class Layout:
    """A drawing surface: its width and type sizes in px."""

    name: str
    width: int
    size: int
    small: int

    def fits(self, width: float, small: bool = False, bold: bool = False) -> int:
        """Characters that fit into a width."""
        return max(8, int(width / (CHARACTER * (self.small if small else self.size) * (1.15 if bold else 1))))


#: For a page: the text column of the site is 688 px on a desktop. Shown down to 600 px, where 13 px are still 11.5.
WIDE = Layout("wide", 680, 14, 13)
#: For a phone: 328 px is what a screen of 360 px leaves for the text.
NARROW = Layout("narrow", 328, 13, 12)


def config() -> dict:
    """The Altair (Vega-Lite) configuration shared by all drawings. No layout depends on the size of a text."""
    return {
        "background": None,
        "font": FONT,
        "view": {"stroke": None},
        "axis": {
            "labelColor": MUTED,
            "titleColor": INK,
            "domainColor": RULE,
            "tickColor": RULE,
            "gridColor": GRID,
            "titleFontWeight": "normal",
            "labelOverlap": False,
            "labelFlush": False,
            "labelBound": False,
            "tickSize": 4,
            "labelPadding": 4,
        },
    }
