"""``{ev}`` and ``{claim}``: how a figure and a guarded sentence reach a page.

``{ev}`senscis.all.fvc-rate.w52` `` prints estimate, unit and interval of a row; its text links to the source, the small
letter behind it says how close to the trial the figure was read and leads to the entry of the source on the page.
A word behind the address chooses what is printed: ``estimate``, ``interval``, ``p``, ``full`` (with p), ``n``, ``time``,
``per100``, or the name of a column (``{ev}`senscis n_randomised` ``).
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from docutils import nodes
from sphinx.util.docutils import SphinxDirective, SphinxRole

from ..claims import LEVELS, ClaimError, evaluate
from ..display import text
from ..evidence import Evidence, Row
from .held import held_on
from .pages import BookProblem


class EvidenceReferenceError(ValueError):
    """An ``{ev}`` that cannot be printed; says why."""


@dataclass(frozen=True)
class ShownFigure:
    """What an ``{ev}`` prints: the text, and where it was read."""

    row: Row
    text: str
    link: str | None
    source_id: str | None
    read: str
    mark: str


def figure_text(evidence: Evidence, content: str) -> ShownFigure:
    """The figure that an ``{ev}`` role asks for. Raises `EvidenceReferenceError`."""
    address, _, wanted = content.strip().partition(" ")
    wanted = wanted.strip()
    try:
        row = evidence.row(address)
    except KeyError as error:
        raise EvidenceReferenceError(str(error.args[0])) from None
    if row.withheld:
        raise EvidenceReferenceError(f"{address} is withheld: sources disagree, so it is not shown")
    shown = _text(row, wanted)
    if not shown:
        raise EvidenceReferenceError(f"{address} has no {wanted or 'figure'} to print: it is not reported here")
    if "source_id" not in row:
        return ShownFigure(row, shown, row.get("link"), None, "", "")
    # A cell may have been read elsewhere than its row: of all that is printed, the figure furthest from the trial counts.
    column = min(_columns(row, wanted), key=lambda name: LEVELS.index(evidence.provenance(row, name).verification))
    source = evidence.source(row, column)
    return ShownFigure(
        row,
        shown,
        source.link,
        source.source_id,
        f"{source.title}, {text.verification_text(evidence, row, column)}; {evidence.provenance(row, column).locator}",
        text.verification_mark(evidence.provenance(row, column)),
    )


def _columns(row: Row, wanted: str) -> list[str | None]:
    """The columns that a printed form shows; [None] stands for the row as a whole."""
    interval = ["ci_low", "ci_high", "low", "high"]
    value = ["estimate", "value", "events", "percent", "spread"]
    forms = {
        "": value + interval,
        "full": [*value, *interval, "p_value"],
        "estimate": value,
        "interval": interval,
        "p": ["p_value"],
        "n": ["n", "n_a", "n_b"],
        "time": ["weeks", "weeks_to"],
        "per100": ["events", "n", "percent"],
    }
    if wanted == "" and row.get("p_value") is not None and not any(row.get(name) is not None for name in value + interval):
        return ["p_value"]
    shown = [name for name in forms.get(wanted, [wanted]) if row.get(name) is not None]
    return shown or [None]


def _text(row: Row, wanted: str) -> str:
    result = row.table in ("contrasts", "arm_results")
    if result and wanted in ("", "full"):
        rest = text.interval_text(row) or (text.spread_text(row) if row.table == "arm_results" else "")
        p = text.p_text(row) if row.table == "contrasts" and (wanted == "full" or not rest) else ""
        rest = "; ".join(part for part in (rest, p) if part)
        head = text.estimate_text(row)
        return f"{head} ({rest})" if head and rest else head or rest
    if result and wanted == "estimate":
        return text.estimate_text(row)
    if result and wanted == "interval":
        return text.interval_text(row)
    if result and wanted == "time":
        return text.time_text(row)
    if row.table == "arm_results" and wanted == "per100":
        return text.per_100(row)
    if row.table == "contrasts" and wanted == "n":
        return "" if row.n_a is None or row.n_b is None else str(row.n_a + row.n_b)
    if wanted == "p" and "p_value" in row:
        return text.p_text(row)
    if row.table == "interactions" and not wanted:
        return f"interaction {text.p_text(row)}"
    if row.table == "mcids" and not wanted:
        return (
            text.with_unit(row.point, row.unit)
            if row.point is not None
            else f"{text.number_text(row.low)} to {text.with_unit(row.high, row.unit)}"
        )
    if row.table == "discrepancies" and not wanted:
        return row.subject
    if not wanted:
        raise EvidenceReferenceError(f"{row.id} is a row of {row.table}: name the column to print")
    if wanted not in row:
        raise EvidenceReferenceError(f"table {row.table} has no column {wanted!r}")
    value = row[wanted]
    if isinstance(value, datetime.date):
        return f"{value.day} {value:%B %Y}"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return text.number_text(value)
    return row.text(wanted)


class figure_reference(nodes.inline):  # noqa: N801 (docutils names nodes in lower case)
    """The figure of a row inside a sentence."""


def _visit_html(self, node: figure_reference) -> None:
    self.body.append(self.starttag(node, "span", "", CLASS="ev", **{"data-ref": node["ref"]}))


def _depart_html(self, node: figure_reference) -> None:
    self.body.append("</span>")


def _pass(self, node: nodes.Node) -> None:
    """Other writers print the text alone."""


def _report(place: SphinxRole | SphinxDirective, what: str, *details: tuple[str, str]) -> None:
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
            _report(self, str(error), ("there", f"{{ev}}`{self.text}`"))
            return [], []
        node = figure_reference("", "", ref=shown.row.id)
        target = {"refuri": shown.link} if shown.link else {"refid": f"source-{shown.source_id}"} if shown.source_id else None
        if target is None:
            node += nodes.Text(shown.text)
        else:
            node += nodes.reference("", shown.text, reftitle=shown.read, classes=["ev-figure"], **target)
        if shown.source_id:
            mark = nodes.reference("", shown.mark, refid=f"source-{shown.source_id}", reftitle=shown.read, classes=["ev-level"])
            node += mark
        return [node], []


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
            _report(self, "the condition of a claim cannot be read", ("condition", str(error)))
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
            _report(self, "the data no longer support this sentence", ("sentence", sentence), *reasons)
            return []
        node = nodes.container(classes=["claim", "claim-held"])
        node += nodes.paragraph("", f"Under revision: the data changed on {date}.")
        return [node]


def setup(app) -> None:
    app.add_node(figure_reference, html=(_visit_html, _depart_html), latex=(_pass, _pass), text=(_pass, _pass))
    app.add_role("ev", EvidenceRole())
    app.add_directive("claim", ClaimDirective)
