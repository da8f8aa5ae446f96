"""The list of the sources of a page: of what stands on it, and of nothing else.

The directive ``sources`` only keeps the place. What a page shows is known once it is written: each figure of a display carries
the address of its row, each display those of its sources, and each letter behind a figure leads to an entry of the list.
"""

from __future__ import annotations

import re
from collections import Counter

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from ..display import sources_table
from ..evidence import Evidence
from .roles import report

_PLACE = '<div class="ctd-sources-of-page"></div>'


class SourcesDirective(SphinxDirective):
    """The place of the list."""

    def run(self):
        if self.env.app.ctdild.visible(self.env.docname) is None:
            report(self, "the directive sources: the page declares no evidence scope")
            return []
        return [nodes.raw("", _PLACE, format="html")]


def rows_by_source(evidence: Evidence, html: str) -> Counter[str]:
    """How many of the rows that a page shows were read in each source, wholly or in one cell; 0 for a source that only a
    display names."""
    cells: dict[tuple[str, str], set[str]] = {}
    for one in evidence["cell_sources"]:
        cells.setdefault((one["table"], one.row_id), set()).add(one.source_id)
    known = {source.id for source in evidence["sources"]}
    counts = Counter(dict.fromkeys(known & set(re.findall(r'(?:data-source="|href="#source-)([^"]+)"', html)), 0))
    for address in set(re.findall(r'data-ref="([^"]+)"', html)):
        if address in evidence:
            row = evidence.row(address)
            counts.update(({row.get("source_id")} | cells.get((row.table, row.id), set())) & known)
    return counts


def _fill(app, pagename, templatename, context, doctree) -> None:
    body = context.get("body", "")
    if _PLACE in body:
        evidence = app.ctdild.visible(pagename)
        context["body"] = body.replace(_PLACE, sources_table(evidence, rows_by_source(evidence, body)).html())


def setup(app) -> None:
    app.add_directive("sources", SourcesDirective)
    app.connect("html-page-context", _fill, priority=400)  # before the addresses of links in it are resolved
