"""What every display returns: a `Figure` with caption, drawing, notes, data table and sources.

It prints as HTML that is read without JavaScript, and as plain text for golden outputs.
Both come from the rows alone: equal evidence gives equal bytes.

Whatever shows a figure of a row stands in an element with ``data-ref="<address of the row>"``, one address to an element:
a text that is a figure of several rows stands in one such element inside the other. An attribute can carry no address,
so no attribute shows a figure: what a drawing says in words is an element too, which the drawing names as its label.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from ..evidence import Evidence, Row
from . import text as words

#: A drawing higher than this, in px, leaves a sheet of paper half empty before it, and is hard to read there: its data table is
#: printed instead.
TALL = 1000

#: Characters at which the plain text wraps a table cell, and a paragraph.
PLAIN_CELL, PLAIN_LINE = 34, 110


@dataclass(frozen=True)
class Span:
    """A run of text inside a cell or note.

    ``ref`` is the row whose figure it shows, or all the rows of which it is one; ``mark`` a sign set high (†), ``tone`` ``muted``
    or ``strong``, ``drawn`` for words on the signs of a drawing, which go where its data table is printed instead, or ``unseen`` for
    words that only the search of a table finds; ``anchor`` is where links to it lead.
    """

    text: str
    ref: str | tuple[str, ...] | None = None
    link: str | None = None
    mark: str = ""
    tone: str | None = None
    anchor: str = ""

    @property
    def refs(self) -> tuple[str, ...]:
        """Its addresses, each once; none without a text."""
        if not self.text:
            return ()
        return (self.ref,) if isinstance(self.ref, str) else tuple(dict.fromkeys(self.ref or ()))

    def html(self, own_ref: bool = True) -> str:
        inner = escape(self.text)
        if self.link:
            inner = f'<a href="{escape(self.link)}">{inner}</a>'
        if self.mark:
            inner += f"<sup>{escape(self.mark)}</sup>"
        attributes = " hidden" if self.tone == "unseen" else f' class="ctd-{self.tone}"' if self.tone else ""
        first, *others = self.refs if own_ref and self.refs else (None,)
        for ref in reversed(others):
            inner = f'<span data-ref="{escape(ref)}">{inner}</span>'
        if first:
            attributes += f' data-ref="{escape(first)}"'
        if self.anchor:
            attributes += f' id="{escape(self.anchor)}"'
        return f"<span{attributes}>{inner}</span>" if attributes else inner

    def plain(self) -> str:
        return "" if self.tone == "unseen" else self.text + self.mark


Line = tuple[Span, ...]


@dataclass(frozen=True)
class Cell:
    """A table cell: lines of spans, and the anchor by which links reach it. Build it with `cell`."""

    lines: tuple[Line, ...]
    anchor: str = ""

    @property
    def refs(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(ref for span in self.spans() for ref in span.refs))

    def spans(self) -> Iterator[Span]:
        return (span for line in self.lines for span in line if span.text)

    def html(self, tag: str, attributes: str) -> str:
        """The cell; its row's address stands on the cell itself where all figures are of one row."""
        shared = self.refs[0] if len(self.refs) == 1 and all(span.refs for span in self.spans()) else None
        if shared:
            attributes += f' data-ref="{escape(shared)}"'
        if self.anchor:
            attributes += f' id="{escape(self.anchor)}"'
        inner = "".join(f"<div{_leads(line)}>{''.join(span.html(own_ref=not shared) for span in line)}</div>" for line in self.lines)
        return f"<{tag}{attributes}>{inner}</{tag}>"

    def plain(self) -> list[str]:
        found = []
        for line in self.lines:
            found += textwrap.wrap("".join(span.plain() for span in line), PLAIN_CELL) or [""]
        return found


def _leads(one: Line) -> str:
    """The class of a line that announces the lines below it, from which paper does not part it."""
    return ' class="ctd-announces"' if one and one[-1].text.endswith(":") else ""


def line(*parts: str | Span) -> Line:
    """Spans of one line; a string is a span without figure."""
    return tuple(Span(part) if isinstance(part, str) else part for part in parts)


def joined(separator: str, parts: Iterable[str | Span | Line], last: str = "") -> Line:
    """Parts as one line, with a separator between them (``last`` before the last one); those without text are left out."""
    lines = [part if isinstance(part, tuple) else line(part) for part in parts]
    lines = [one for one in lines if any(span.text for span in one)]
    found: list[Span] = []
    for number, one in enumerate(lines, start=1):
        if found:
            found.append(Span(last if last and number == len(lines) else separator))
        found += one
    return tuple(found)


def plain(text: str | Line) -> str:
    """A text as it reads, without its addresses."""
    return text if isinstance(text, str) else "".join(span.plain() for span in text)


def _html(text: str | Line) -> str:
    return escape(text) if isinstance(text, str) else "".join(span.html() for span in text)


def cell(*lines: str | Span | Line, anchor: str = "") -> Cell:
    """A cell of one or more lines."""
    return Cell(tuple(part if isinstance(part, tuple) else line(part) for part in lines), anchor)


@dataclass(frozen=True)
class Column:
    """A column head: name, unit of its figures, whether they are set flush right."""

    name: str
    unit: str = ""
    numeric: bool = False

    @property
    def text(self) -> str:
        return f"{self.name} ({self.unit})" if self.unit else self.name


@dataclass(frozen=True)
class Table:
    """An accessible table; the first cell of each row is its head.

    ``kind`` is how the stylesheet lays it out: ``records`` are cards at every width, for long cells; ``answers`` has
    columns of its own. On a phone the cells of ``compact`` and ``index`` run on in one paragraph, those of ``facts`` but for where it was
    read; ``results`` has what is told apart in its first cells (the first two of four or more) as a head, and what was found below it.
    ``list`` has a few rows, each a head and a paragraph of many names.

    Raises `ValueError` when a row does not have one cell for each column.
    """

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    kind: str = ""

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"{self.caption!r}: a row of {len(row)} cells under {len(self.columns)} column heads")

    @property
    def refs(self) -> frozenset[str]:
        return frozenset(ref for row in self.rows for one in row for ref in one.refs)

    def html(self) -> str:
        """The table. Roles are explicit, since on a phone its rows are cards, which are no tables to CSS."""
        heads = "".join(f'<th scope="col" role="columnheader"{_numeric(c)}>{_head(c)}</th>' for c in self.columns)
        body = "\n".join(f'<tr role="row">{self._row(row)}</tr>' for row in self.rows)
        kind = f" ctd-table--{self.kind}" if self.kind else ""
        return (
            f'<table class="ctd-table{kind}" role="table">\n<caption>{escape(self.caption)}</caption>\n'
            f'<thead role="rowgroup"><tr role="row">{heads}</tr></thead>\n<tbody role="rowgroup">\n{body}\n</tbody>\n</table>'
        )

    def _row(self, row: tuple[Cell, ...]) -> str:
        head, *rest = row
        parts = [head.html("th", ' scope="row" role="rowheader"')]
        for column, one in zip(self.columns[1:], rest, strict=True):
            parts.append(one.html("td", f' role="cell"{_numeric(column)} data-label="{escape(column.text)}"'))
        return "".join(parts)

    def plain(self) -> str:
        """The table in aligned columns."""
        grid = [[textwrap.wrap(c.text, PLAIN_CELL) for c in self.columns]]
        grid += [[one.plain() for one in row] for row in self.rows]
        widths = [max(len(text) for row in grid for text in row[i]) for i in range(len(self.columns))]
        rule = "  ".join("-" * width for width in widths)
        blocks = []
        for row in grid:
            height = max(len(lines) for lines in row)
            padded = [lines + [""] * (height - len(lines)) for lines in row]
            blocks.append(
                "\n".join("  ".join(t.ljust(w) for t, w in zip(one, widths, strict=True)).rstrip() for one in zip(*padded, strict=True))
            )
        head, *body = blocks
        return "\n".join([head, rule, *body])


def _numeric(column: Column) -> str:
    return ' class="ctd-numeric"' if column.numeric else ""


def _head(column: Column) -> str:
    unit = f' <span class="ctd-unit">({escape(column.unit)})</span>' if column.unit else ""
    return escape(column.name) + unit


@dataclass(frozen=True)
class Source:
    """A source as a reader meets it: its name, where it was read in words, a link, its address."""

    title: str
    read_in: str
    link: str | None = None
    source_id: str = ""

    def html(self) -> str:
        name = escape(self.title)
        if self.link:
            name = f'<a href="{escape(self.link)}">{name}</a>'
        address = f' data-source="{escape(self.source_id)}"' if self.source_id else ""
        return f"<li{address}>{name}, {escape(self.read_in)}</li>"

    def plain(self) -> str:
        return f"- {self.title}, {self.read_in}" + (f" <{self.link}>" if self.link else "")


@dataclass(frozen=True)
class Figure:
    """A display: drawing or table with all that a reader needs to judge it.

    ``caption`` says what it is, ``legend`` how to read its signs; ``said`` says in words what a drawing shows, to those who do not see
    it; ``svg_wide`` and ``svg_narrow`` are the same drawing for a page and for a phone. Without a drawing the table is the body.
    ``more`` is a second table that opens on request; its caption is what the reader opens. A long table that few read whole opens
    on request too where ``fold`` says by which words; on paper it stands open. ``contents`` are links to the rows of the table, a line
    each, which a phone shows above it: there a row is a card, and a table of twenty cards has no overview.
    """

    name: str
    caption: str | Line
    said: str | Line
    table: Table | None = None
    svg_wide: str | None = None
    svg_narrow: str | None = None
    sources: tuple[Source, ...] = ()
    notes: tuple[Line, ...] = ()
    legend: str | Line = ""
    more: Table | None = None
    fold: str = ""
    contents: tuple[Line, ...] = ()

    @property
    def alt(self) -> str:
        """The text alternative of the drawing."""
        return plain(self.said)

    @property
    def refs(self) -> frozenset[str]:
        """The rows whose figures the display shows as text."""
        in_notes = {ref for note in (*self.contents, *self.notes) for span in note for ref in span.refs}
        return frozenset().union(in_notes, *(table.refs for table in (self.table, self.more) if table))

    def html(self) -> str:
        identity = f"fig-{self.name}"
        parts = []
        folded = bool(self.fold and self.table and not self.svg_wide)
        if self.svg_wide or self.table is None or folded:
            legend = f'<span class="ctd-legend">{_html(self.legend)}</span>' if self.legend else ""
            parts.append(f"<figcaption>{_html(self.caption)}{legend}</figcaption>")
        if self.svg_wide:
            parts.append(f'<p id="{alt_id(self.name)}" hidden>{_html(self.said)}</p>')
        for svg, kind in ((self.svg_wide, "wide"), (self.svg_narrow, "narrow")):
            if svg:
                only = "" if self.svg_narrow else " ctd-chart--only"
                parts.append(f'<div class="ctd-chart ctd-chart--{kind}{only}">{svg}</div>')
        notes = "\n".join(f"<p>{_html(note)}</p>" for note in self.notes)
        notes = f'<div class="ctd-notes">\n{notes}\n</div>' if notes else ""
        if self.table and folded:
            parts.append(f'<details class="ctd-fold"><summary>{escape(self.fold)}</summary>\n{self.table.html()}\n{notes}</details>')
        elif self.table and not self.svg_wide:
            if self.contents:
                items = "\n".join(f"<li>{_html(one)}</li>" for one in self.contents)
                parts.append(f'<nav class="ctd-contents" aria-label="{escape(self.table.caption)}">\n<ul>\n{items}\n</ul>\n</nav>')
            parts.append(self.table.html())
        if notes and not folded:
            parts.append(notes)
        if self.table and self.svg_wide:
            parts.append(f'<details class="ctd-data"><summary>Data table</summary>\n{self.table.html()}\n</details>')
        if self.more:
            parts.append(f'<details class="ctd-more"><summary>{escape(self.more.caption)}</summary>\n{self.more.html()}\n</details>')
        if self.sources:
            items = "\n".join(source.html() for source in self.sources)
            parts.append(f'<details class="ctd-sources"><summary>Sources ({len(self.sources)})</summary>\n<ul>\n{items}\n</ul>\n</details>')
        body = "\n".join(parts)
        tall = " ctd-figure--tall" if self.svg_wide and self.table and _height(self.svg_wide) > TALL else ""
        return f'<figure class="ctd-figure{tall}" id="{identity}">\n{body}\n</figure>'

    def plain(self) -> str:
        blocks = [_fill(plain(self.caption)), *([_fill(plain(self.legend))] if self.legend else [])]
        if self.svg_wide:
            blocks.append(_fill(f"[{self.alt}]"))
        if self.table:
            blocks.append(self.table.plain())
        blocks += [_fill(plain(note)) for note in self.notes]
        if self.more:
            blocks += [_fill(self.more.caption), self.more.plain()]
        if self.sources:
            blocks.append("\n".join(["Sources", *(source.plain() for source in self.sources)]))
        return "\n\n".join(blocks)

    def __str__(self) -> str:
        return self.plain()

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        return {"text/html": self.html(), "text/plain": self.plain()}


def _height(svg: str) -> float:
    """The height that a drawing states, in px; 0 where it states none."""
    found = re.search(r'\bheight="([\d.]+)"', svg)
    return float(found[1]) if found else 0.0


def _fill(text: str) -> str:
    return textwrap.fill(text, PLAIN_LINE, break_long_words=False, break_on_hyphens=False)


def alt_id(name: str) -> str:
    """The id of the element that says in words what the drawings of a figure show: their ``aria-labelledby``."""
    return f"fig-{name}-alt"


def figure_name(evidence: Evidence, *parts: str) -> str:
    """A name that is one of a kind on a page: the display, what it is about, the scope."""
    return "-".join(re.sub(r"[^a-z0-9]+", "-", part.lower()).strip("-") for part in (*parts, evidence.scope_name or "") if part)


def sources_of(evidence: Evidence, rows: Iterable[Row], columns: Sequence[str] | None = None) -> tuple[Source, ...]:
    """The sources of rows, and of cells of theirs that were read elsewhere, each once, in order of first use.

    ``columns`` names what is shown of rows of trials, cohorts and arms; without it all their cells count.
    """
    found: dict[str, Source] = {}
    exceptions: dict[tuple[str, str], list[Row]] = {}
    for one in evidence["cell_sources"]:
        exceptions.setdefault((one["table"], one.row_id), []).append(one)
    for row in rows:
        elsewhere = exceptions.get((row.table, row.id), ())
        if columns is None or row.table not in ("trials", "cohorts", "arms"):
            held = [row.source_id, *(cell.source_id for cell in elsewhere)]
        else:
            by_column = {cell.column: cell.source_id for cell in elsewhere}
            held = [by_column.get(column, row.source_id) for column in columns if row.get(column) is not None]
        for source_id in held:
            source = evidence.row(source_id)
            found.setdefault(source.id, Source(source.title, words.read_in_text(source), source.link, source.id))
    return tuple(found.values())
