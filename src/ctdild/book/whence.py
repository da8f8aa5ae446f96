"""The list of the sources of a page: of what stands on it, and of nothing else.

The directive ``sources`` only keeps the place. What a page shows is known once it is written: each figure of a display carries
the address of its row, each display those of its sources, and each letter behind a figure leads to an entry of the list. What a
guarded sentence tells in words carries no address in the HTML: there the condition of the claim names the rows.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from .. import claims
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


def told_by_claims(doctree: nodes.document | None) -> set[str]:
    """The addresses that the conditions of a page's guarded sentences name."""
    guarded = doctree.findall(lambda node: isinstance(node, nodes.container) and node.get("condition")) if doctree is not None else ()
    return {address for node in guarded for address in claims.addresses(node["condition"])}


def rows_by_source(evidence: Evidence, html: str, told: Iterable[str] = ()) -> Counter[str]:
    """How many of the rows that a page shows, or tells (``told``), were read in each source, wholly or in one cell; 0 for a source
    that only a display names."""
    cells: dict[tuple[str, str], set[str]] = {}
    for one in evidence["cell_sources"]:
        cells.setdefault((one["table"], one.row_id), set()).add(one.source_id)
    known = {source.id for source in evidence["sources"]}
    counts = Counter(dict.fromkeys(known & set(re.findall(r'(?:data-source="|href="#source-)([^"]+)"', html)), 0))
    for address in {*re.findall(r'data-ref="([^"]+)"', html), *told}:
        if address in evidence:
            row = evidence.row(address)
            if row.table == "sources":  # the day on which one was read is no figure from it
                continue
            counts.update(({row.get("source_id")} | cells.get((row.table, row.id), set())) & known)
    return counts


def _fill(app, pagename, templatename, context, doctree) -> None:
    body = context.get("body", "")
    if _PLACE in body:
        evidence = app.ctdild.visible(pagename)
        context["body"] = body.replace(_PLACE, sources_table(evidence, rows_by_source(evidence, body, told_by_claims(doctree))).html())


def setup(app) -> None:
    app.add_directive("sources", SourcesDirective)
    app.connect("html-page-context", _fill, priority=400)  # before the addresses of links in it are resolved
