"""The source article against its sources: what is printed, what stands against it, and what became of each statement."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from ..evidence import Evidence, Row
from . import rows as pick
from . import text as words
from .figure import Cell, Column, Figure, Line, Span, Table, cell, figure_name, line
from .tables import opens, table_figure

_SEVERITY = ("high", "medium", "low")
_AGAINST = {"A": "primary text, or arithmetic", "B": "second-hand source", "C": "not confirmed"}
_USED = {
    "stated": "What the article prints",
    "corrected": "What stands against it",
    "both": "Both, each with its source",
    "withheld": "Neither: withheld",
}
#: Of what was not confirmed nothing is corrected: what stands against it is shown because it claims less.
_USED_IN_DOUBT = {"corrected": "What stands against it, as a doubt, since it claims less"}
_COLUMNS = ("Subject", "Printed in the article", "Stands against it", "Used here", "Why")


def audit_table(evidence: Evidence, minor: bool = False) -> Figure:
    """Where the source article and the reports of its studies do not agree; what could not be confirmed comes apart, behind it.

    With ``minor`` the proved slips that change nothing for a patient (severity low), which open on request; without, all others.
    """
    rows = [row for row in evidence["discrepancies"] if row.about == "article"]
    rows.sort(key=lambda row: _SEVERITY.index(row.severity))
    proved = [row for row in rows if row.proof in ("A", "B") and (row.severity == "low") == minor]
    unproved = [row for row in rows if row.proof == "C" and not minor]
    columns = tuple(Column(head) for head in _COLUMNS)
    places = (
        f"{len(proved)} {'place' if len(proved) == 1 else 'places'} where the source article and another source, or two parts of it, differ"
    )
    elsewhere = [] if minor else [row for row in evidence["discrepancies"] if row.about == "other" and not row.trial_id]
    figure = table_figure(
        figure_name(evidence, "audit-minor" if minor else "audit"),
        f"{places}, {'without weight for a decision' if minor else 'what matters most first'}.",
        columns, [_place(evidence, row) for row in proved], evidence, [*proved, *unproved, *elsewhere],
        empty="No disagreement between the source article and another source is in the dataset for this scope.", kind="records",
        notes=tuple(_elsewhere(row) for row in elsewhere), fold=opens(len(proved), "place", "places") if minor else "",
    )  # fmt: skip
    if not unproved:
        return figure
    said = f"Not confirmed ({len(unproved)}): doubts, no findings"
    return replace(figure, more=Table(said, columns, tuple(_place(evidence, row) for row in unproved), "records"))


def _place(evidence: Evidence, row: Row) -> tuple[Cell, ...]:
    about: list[Line] = [line(Span(words.with_minus(row.subject), ref=row.id))]
    if row.trial_id:
        about.append(line(pick.trial_link(evidence.trial(row), tone="muted")))
    used = _USED_IN_DOUBT.get(row.used) if row.proof == "C" else None
    return (
        cell(*about, anchor=_anchor(row)),
        cell(Span(words.with_minus(row.stated), ref=row.id)),
        cell(Span(words.with_minus(row.against), ref=row.id), Span(_AGAINST[row.proof], tone="muted")),
        cell(used or _USED[row.used]),
        cell(Span(words.with_minus(row.reason), ref=row.id)),
    )


def _elsewhere(row: Row) -> Line:
    """Two other sources that disagree on what belongs to no trial, so that no trial's page can show it."""
    said = f"{row.subject}: {words.in_sentence(row.stated)}; {words.in_sentence(row.against)}. {row.reason}."
    return line("Between other sources. ", Span(words.with_minus(said), ref=row.id, anchor=_anchor(row)))


def _anchor(row: Row) -> str:
    return f"discrepancy-{row.id}"


_FATES = {
    "told": "stands as printed",
    "qualified": "qualified",
    "corrected": "corrected",
    "doubted": "doubted",
    "superseded": "superseded by newer evidence",
    "withheld": "withheld",
}
_SECTIONS = {
    "ctd": "Across diseases",
    "ssc": "SSc-ILD",
    "ra": "RA-ILD",
    "iim": "IIM-ILD",
    "antifibrotic": "Antifibrotics",
    "hsct": "Stem-cell transplantation",
    "lung": "Lung transplantation",
}

#: A link to a page of the book; the book resolves it, since only it knows where its pages are.
PAGE_LINK = "page:{}"


def claims_table(evidence: Evidence) -> Figure:
    """What the source article says, paragraph by paragraph: the gist, what became of it, and where it is told.

    What stands as printed is the longest part and opens on request.
    """
    rows = list(evidence["source_claims"])
    fates = Counter(row.fate for row in rows)
    said = {fate: text.replace("stands", "stand") if fates[fate] > 1 else text for fate, text in _FATES.items()}
    counted = pick.sentence_list([f"{fates[fate]} {text}" for fate, text in said.items() if fates[fate]])
    body: dict[bool, list[tuple[Cell, ...]]] = {True: [], False: []}
    for row in rows:
        reasons = [evidence.row(one) for one in row.discrepancy_ids or () if one in evidence]
        body[row.fate == "told"].append(
            (
                cell(Span(_paragraph(row.paragraph), ref=row.id, tone="muted"), anchor=f"claim-{row.id.replace('.', '-')}"),
                cell(Span(row.gist, ref=row.id)),
                cell(line(Span(words.at_start(_FATES[row.fate]), tone="strong"), *(span for reason in reasons for span in _why(reason)))),
                cell(Span(_page(row.page), link=PAGE_LINK.format(row.page))),
            )
        )
    heads = tuple(Column(head) for head in ("Paragraph", "What it says", "What became of it", "Told in"))
    figure = table_figure(
        figure_name(evidence, "claims"), f"{len(rows)} statements of the source article: {counted}.", heads, body[False] or body[True], evidence,
        [], empty="No statement of the source article is in the dataset for this scope.", kind="compact",
    )  # fmt: skip
    if not (body[True] and body[False]):
        return figure
    return replace(figure, more=Table(f"The {fates['told']} that stand as printed", heads, tuple(body[True]), "compact"))


def _why(reason: Row) -> tuple[Span, Span]:
    """The subject of a discrepancy, which leads to where it is shown: on this page, or on that of its trial."""
    here = reason.about == "article" or not reason.trial_id
    link = f"#{_anchor(reason)}" if here else pick.TRIAL_LINK.format(reason.trial_id)
    return Span("; ", tone="muted"), Span(words.with_minus(reason.subject), ref=reason.id, tone="muted", link=link)


def _page(name: str) -> str:
    """``SSc-ILD`` for ``chapters/ssc-ild``, ``Source audit`` for ``chapters/source-audit``."""
    name = name.rpartition("/")[2]
    return _SECTIONS.get(name.removesuffix("-ild"), name.replace("-", " ").capitalize())


def _paragraph(name: str) -> str:
    """``SSc-ILD, paragraph 3``; ``Table 2``."""
    section, _, number = name.rpartition("-")
    if section == "table":
        return f"Table {number}"
    return f"{_SECTIONS.get(section, section.capitalize())}, paragraph {number}"
