"""``{ev}`` and ``{claim}``: how a figure and a guarded sentence reach a page.

``{ev}`senscis.all.fvc-rate.w52` `` prints estimate, unit and interval of a row; its text links to the source, the small
letter behind it says how close to the trial the figure was read and leads to the entry of the source on the page.
A word behind the address chooses what is printed: ``estimate``, ``interval``, ``p``, ``full`` (with p), ``n``, ``time``,
``per100``, or the name of a column (``{ev}`senscis n_randomised` ``).
"""

from __future__ import annotations

import re

from docutils import nodes
from sphinx.util.docutils import SphinxDirective, SphinxRole

from ..claims import ClaimError, evaluate
from ..display.figure import figure_name
from ..evidence import Row
from .figures import EvidenceReferenceError, figure_text
from .held import held_on
from .pages import BookProblem


class figure_reference(nodes.inline):  # noqa: N801 (docutils names nodes in lower case)
    """The figure of a row inside a sentence."""


def _visit_html(self, node: figure_reference) -> None:
    self.body.append(self.starttag(node, "span", "", CLASS="ev", **{"data-ref": node["ref"]}))


def _depart_html(self, node: figure_reference) -> None:
    self.body.append("</span>")


def _pass(self, node: nodes.Node) -> None:
    """Other writers print the text alone."""


def report(place: SphinxRole | SphinxDirective, what: str, *details: tuple[str, str]) -> None:
    """Note a problem that stops the build once all pages are read (a bare ``jupyter-book build .`` would go on after an error)."""
    place.env.app.ctdild.problems.append(BookProblem(f"{place.env.docname}.md", place.lineno, what, details))


class EvidenceRole(SphinxRole):
    """The ``{ev}`` role."""

    def run(self):
        evidence = self.env.app.ctdild.visible(self.env.docname)
        try:
            if evidence is None:
                raise EvidenceReferenceError("the page declares no evidence scope")
            shown = figure_text(evidence, self.text)
        except EvidenceReferenceError as error:
            report(self, str(error), ("there", f"{{ev}}`{self.text}`"))
            return [], []
        node = figure_reference("", "", ref=shown.row.id)
        link = shown.link or self._drawing(shown.row)
        target = {"refuri": link} if link else {"refid": f"source-{shown.source_id}"} if shown.source_id else None
        if target is None:
            node += nodes.Text(shown.text)
        else:
            node += nodes.reference("", shown.text, reftitle=shown.read, classes=["ev-figure"], **target)
        if shown.source_id and shown.mark:
            mark = nodes.reference("", shown.mark, refid=f"source-{shown.source_id}", reftitle=shown.read, classes=["ev-level"])
            node += mark
        for ref in shown.refs:
            if ref != shown.row.id:
                node = figure_reference("", "", node, ref=ref)
        return [node], []

    def _drawing(self, row: Row) -> str | None:
        """Where a pooled figure is drawn, with its trials and what has to be known of it; None for other rows."""
        app = self.env.app
        for page in app.ctdild.pages.values() if row.table == "pools" else ():
            if any(re.search(rf"\bpooled\([^)]*[\"']{re.escape(row.id)}[\"']", code) for _, code in page.cells):
                anchor = f"#fig-{figure_name(app.ctdild.visible(page.docname), 'pooled', row.id)}"
                here = page.docname == self.env.docname
                return anchor if here else app.builder.get_relative_uri(self.env.docname, page.docname) + anchor
        return None


class ClaimDirective(SphinxDirective):
    """A sentence that stands only while its condition holds."""

    required_arguments = 1
    final_argument_whitespace = True
    has_content = True

    def run(self):
        condition = self.arguments[0]
        evidence = self.env.app.ctdild.visible(self.env.docname)
        try:
            if evidence is None:
                raise ClaimError("the page declares no evidence scope")
            broken = [verdict for verdict in evaluate(condition, evidence) if not verdict.holds]
        except ClaimError as error:
            report(self, "the condition of a claim cannot be read", ("condition", str(error)))
            return []
        sentence = " ".join(" ".join(self.content).split())
        if not broken:
            node = nodes.container(classes=["claim"], condition=condition, sentence=sentence)
            self.set_source_info(node)
            self.state.nested_parse(self.content, self.content_offset, node)
            return [node]
        date = held_on(self.env.app.ctdild.held, f"{self.env.docname}.md", condition, sentence)
        if date is None:
            reasons = [pair for v in broken for pair in (("condition", v.clause), ("value", v.value))]
            report(self, "the data no longer support this sentence", ("sentence", sentence), *reasons)
            return []
        node = nodes.container(classes=["claim", "claim-held"])
        node += nodes.paragraph("", f"Under revision: the data changed on {date}.")
        return [node]


def setup(app) -> None:
    app.add_node(figure_reference, html=(_visit_html, _depart_html), latex=(_pass, _pass), text=(_pass, _pass))
    app.add_role("ev", EvidenceRole())
    app.add_directive("claim", ClaimDirective)
