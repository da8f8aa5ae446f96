"""Whatever shows a figure of a row carries the row's address.

Nobody lists here where figures stand. Cells of the real evidence get values that stand nowhere else, every display is drawn
again, and each text that has become another must stand inside an element with the ``data-ref`` of the row that was changed.
"""

from __future__ import annotations

import datetime
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from html import escape
from html.parser import HTMLParser

import pytest
from evidence_factory import SRC, build

from ctdild import display
from ctdild.display import svg, text, theme
from ctdild.evidence import Evidence, Field, Printed, Row

#: Texts that are what something is called. They stand in headings, lists and sentences, and lead to a page or a source;
#: an address marks a figure, not a name.
NAMES = {
    "trials": ("acronym", "title", "registry_id"),
    "cohorts": ("label",),
    "arms": ("label",),
    "treatments": ("name",),
    "outcomes": ("name", "short"),
    "instruments": ("name", "abbreviation"),
    "sources": ("title",),
    "recommendations": ("body",),
    "approvals": ("agency",),
    "interactions": ("modifier",),
}
#: Columns that name a row or a work by its key.
KEYS = ("citation", "favours", "parent", "partition")
#: Columns that displays show, and that are neither name, key, word from a list nor for machines.
FIGURES = ("number", "integer", "year", "date", "string")
#: Tables whose rows are about cells of other rows, or about the book.
WITHOUT_ADDRESS = ("cell_sources", "corrections", "explanations", "scopes")
#: What no display shows: the place in a source is in the title of links, the rest is for the checks and for re-users.
UNSHOWN = ("locator", "url", "target", "range_low", "range_high")
#: What may change, or stand there for the first time, without the address of a row.
WITHOUT_ROW = {
    r"\d+ of \d+ trials? randomised fewer than planned": "a count of rows is a figure of none of them",
    r"the largest for \d+ and more": "where the marks of the map stop growing: no row says so",
    r"; below 1,": "the null of a ratio",
    r"per 100": "a unit",
    r"^Sources \(\d+\)$": "a count of rows",
    r"^Open the table: \d+ [a-z ]+$": "a count of rows",
}


# --- what is said, and where --------------------------------------------------------------------------

Said = tuple[frozenset[str], str]  #: a text, and the addresses that it stands in


class Reader(HTMLParser):
    """Every text of a piece of HTML with all addresses around it, attributes that can be read out among them."""

    SILENT = frozenset(
        ["class", "id", "href", "data-ref", "data-source", "role", "scope", "hidden", "aria-hidden", "aria-labelledby", "xmlns"]
    )
    SHAPE = frozenset(["width", "height", "viewbox"])

    def __init__(self, html: str):
        super().__init__()
        self.around: list[frozenset[str]] = [frozenset()]
        self.said: list[Said] = []
        self.feed(html)
        self.close()
        assert len(self.around) == 1

    def handle_starttag(self, tag, attributes):
        held = dict(attributes)
        self.around.append(self.around[-1] | ({held["data-ref"]} if "data-ref" in held else set()))
        self.said += [(self.around[-1], value) for name, value in attributes if name not in self.SILENT | self.SHAPE]

    def handle_endtag(self, tag):
        self.around.pop()

    def handle_data(self, data):
        if data.strip():
            self.said.append((self.around[-1], data.strip()))


@pytest.fixture(scope="module")
def quick():
    """Drawings without Vega, which takes its time to place what they say: texts and addresses are the same."""

    def texts(drawing: svg.Drawing, figure: str, height: float) -> str:
        said = [(record["text"], record["ref"]) for layer in drawing._layers.values() for record in layer if "text" in record]
        marks = "".join(f'<text aria-label="{escape(ref)}">{escape(shown)}</text>' for shown, ref in said)
        return svg.clean(f"<svg>{marks}</svg>", figure, f"fig-{figure}-alt")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(svg.Drawing, "svg", texts)
        patch.setattr(svg.Drawing, "tick", lambda *place, **style: None)
        yield


OF_AN_OUTCOME = ("forest", "arm_changes", "hazards")
OF_A_POOL = ("pooled", "pool_variations")
OF_A_SCOPE = [name for name in display.__all__ if name not in ("Figure", "trial_figures", "indirect", *OF_AN_OUTCOME, *OF_A_POOL)]


def drawn(whole: Evidence, scope: str, outcomes: Iterable[str], trials: Iterable[str]) -> dict[str, list[Said]]:
    """What the displays of a scope say, those of these outcomes, and the pages of these trials."""
    evidence = whole.scope(scope)
    figures = {name: getattr(display, name)(evidence) for name in OF_A_SCOPE}
    for outcome in outcomes:
        figures[f"hazards {outcome}"] = display.hazards(evidence, outcome)
        for name in ("forest", "arm_changes"):
            for kind in ("rct", "cohort"):
                with suppress(ValueError):  # two units: no display
                    figures[f"{name} {outcome} {kind}"] = getattr(display, name)(evidence, outcome, (kind,))
    for pool in evidence["pools"]:
        for name in OF_A_POOL:
            with suppress(ValueError):  # refused, shown apart, or too few trials to vary
                figures[f"{name} {pool.pool_id}"] = getattr(display, name)(evidence, pool.pool_id)
    with suppress(ValueError, KeyError):
        figures["indirect"] = display.indirect(evidence, "focussced.ild.fvc-pp.w48", "cyclophosphamide-fvc-pp")
    for trial in trials:
        figures |= {f"page of {trial}, {heading}": figure for heading, figure in display.trial_figures(whole, trial)}
    return {name: Reader(figure.html()).said for name, figure in figures.items()}


# --- changing cells -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Edit:
    """A cell with a value that stands nowhere else; ``shown`` is how displays print it."""

    row: Row
    column: str
    shown: str


def columns(evidence: Evidence) -> Iterator[tuple[str, Field]]:
    """Each column that may hold a figure."""
    for table, schema in evidence.schema.items():
        if table in WITHOUT_ADDRESS:
            continue
        keys = {*schema.primary_key, *(column for key in schema.foreign_keys for column in key.columns)}
        for field in schema.fields:
            named = field.name in KEYS or field.name in NAMES.get(table, ()) or field.references or field.separator
            if field.type in FIGURES and "enum" not in field.constraints and field.name not in keys and not named and unique(field, 700):
                yield table, field


def unique(field: Field, number: int) -> tuple[object, str, str] | None:
    """A value of a column, its text in the table, and as it is printed; None where the form of the column allows none."""
    new = str(13 * number + 1)  # no multiple of a month: a time stays in weeks
    if field.type == "date":
        day = datetime.date(2100, 1, 1) + datetime.timedelta(days=number)
        return day, day.isoformat(), text.date_text(day)
    if field.type == "number":
        return Printed(new), new, new
    if field.type in ("integer", "year"):
        return int(new), new, new
    fitting = [words for words in (f"Words {new}", new, f"{new}:1") if re.fullmatch(field.constraints.get("pattern", ".*"), words)]
    return (fitting[0], fitting[0], new) if fitting else None


def changed(evidence: Evidence, rows: dict[tuple[str, str], Row]) -> Evidence:
    """The evidence with rows replaced."""
    tables = {name: tuple(rows.get((name, row.id), row) for row in members) for name, members in evidence.tables.items()}
    return replace(evidence, tables=tables, _index={})


#: Rows that are changed in each column.
ROWS = 4


def edited(whole: Evidence, scope: str, seed: int) -> tuple[Evidence, list[Edit]]:
    """The evidence with some rows changed in each column that holds a figure, no row in two."""
    visible = whole.scope(scope)
    rows: dict[tuple[str, str], Row] = {}
    edits = []
    for table, field in columns(whole):
        free = [
            row for row in visible[table]
            if row[field.name] is not None and not row.withheld and (table, row.id) not in rows and field.name not in row.corrections
        ]  # fmt: skip
        # By the address of the row, so that a row more in the dataset leaves the sample as it was.
        free.sort(key=lambda row: zlib.crc32(f"{seed} {field.name} {row.id}".encode()))
        for row in free[:ROWS]:
            value, cell, shown = unique(field, 700 + len(edits))
            rows[table, row.id] = with_cells(row, {field.name: value}, {field.name: cell})
            edits.append(Edit(row, field.name, shown))
    return changed(whole, rows), edits


def with_cells(row: Row, values: dict, texts: dict, corrections: dict[str, Row] | None = None) -> Row:
    return Row(row.table, row.id, row.line, {**row, **values}, {**row.texts, **texts}, {**row.corrections, **(corrections or {})})


def corrected(whole: Evidence) -> tuple[Evidence, list[Edit]]:
    """The evidence with other figures in its corrections, printed and used, and another reason for each."""
    rows: dict[tuple[str, str], Row] = {}
    edits = []
    for record in whole["corrections"]:
        field = whole.schema[record["table"]].field(record.column)
        if field.type in FIGURES and "enum" not in field.constraints:
            target = rows.get((record["table"], record.row_id), whole.row(record.row_id))
            printed, (value, used, _) = (unique(field, 700 + len(edits) + n) for n in (0, 1))
            new = with_cells(record, {"printed": printed[1], "used": used}, {"printed": printed[1], "used": used})
            rows["corrections", record.id] = new
            rows[target.table, target.id] = with_cells(target, {record.column: value}, {record.column: used}, {record.column: new})
            edits += [Edit(target, record.column, printed[2]), Edit(target, record.column, used)]
    for reason in dict.fromkeys(whole.row(record.discrepancy_id) for record in whole["corrections"]):
        words = f"Words {13 * (700 + len(edits)) + 1}"
        rows[reason.table, reason.id] = with_cells(reason, {"reason": words}, {"reason": words})
        edits.append(Edit(reason, "reason", words.split()[1]))
    return changed(whole, rows), edits


# --- the test -----------------------------------------------------------------------------------------


def numbers(said: str) -> set[str]:
    return set(re.findall(r"\d+(?:\.\d+)?", said))


def shows(said: str, edit: Edit) -> bool:
    """Whether a text prints the new value of a cell, and not a number that has it inside."""
    return edit.shown in said and re.search(rf"(?<![\d.]){re.escape(edit.shown)}(?![\d.]?\d)", said) is not None


def without_names(evidence: Evidence, said: str) -> str:
    """A text without what things are called and what is the figure of no row."""
    for allowed in WITHOUT_ROW:
        said = re.sub(allowed, "", said)
    said = said.lower()
    names = [row[column] for table, named in NAMES.items() for row in evidence[table] for column in named if row[column]]
    for name in sorted(names, key=len, reverse=True):  # the name of a source may hold that of a trial
        said = said.replace(name.lower().removesuffix(" (post hoc)"), "")
    return said


def misses(evidence: Evidence, before: dict[str, list[Said]], after: dict[str, list[Said]], edits: list[Edit]) -> list[str]:
    """Texts that show a changed figure, or follow from one, outside the address of the changed row."""
    known = set().union(*(numbers(said) for texts in before.values() for _, said in texts))
    rows = {edit.row.id for edit in edits}
    found = []
    for name, texts in after.items():
        old = {said for _, said in before.get(name, ())}
        for refs, said in texts:
            if said in old or not re.search(r"\d", said):
                continue
            shown = [edit for edit in edits if edit.row.id not in refs and shows(said, edit)]
            found += [f"{name}: {said!r} shows {edit.column} of {edit.row.id}, addressed {sorted(refs)}" for edit in shown]
            if shown or refs & rows:
                continue
            # What follows from a change: a share, a year. But a row that did not change may now be the one that is chosen.
            left = numbers(without_names(evidence, said))
            if left and (not refs or left - known):
                found.append(f"{name}: {said!r} follows from a change, addressed {sorted(refs)}")
    return found


@dataclass(frozen=True)
class Round:
    """Cells changed, and what the displays said before and say after."""

    edits: list[Edit]
    before: dict[str, list[Said]]
    after: dict[str, list[Said]]


def go_round(whole: Evidence, scope: str, new: Evidence, edits: list[Edit]) -> Round:
    visible = whole.scope(scope)
    outcomes = dict.fromkeys(edit.row["outcome"] for edit in edits if edit.row.get("outcome") in visible)
    trials = dict.fromkeys(edit.row["trial_id"] for edit in edits if edit.row.get("trial_id"))
    before, after = (drawn(one, scope, outcomes, trials) for one in (whole, new))
    return Round(edits, before, after)


@pytest.fixture(scope="module")
def rounds(evidence, quick) -> Callable[[str, int], Round]:
    @cache
    def one(scope: str, seed: int) -> Round:
        return go_round(evidence, scope, *edited(evidence, scope, seed))

    return one


#: Scopes, and the sample of rows that is changed in each.
SAMPLES = [
    ("all", 1),
    ("ssc-ild", 3),
    ("ra-ild", 4),
    ("iim-ild", 5),
    ("ctd-ild", 6),
    ("antifibrotics", 7),
    ("transplant", 8),
    ("lung-transplantation", 9),
]


@pytest.mark.parametrize(("scope", "seed"), SAMPLES)
def test_a_changed_figure_stands_at_its_address_wherever_it_is_shown(evidence, rounds, scope, seed):
    one = rounds(scope, seed)
    assert len(one.edits) > 40
    found = misses(evidence, one.before, one.after, one.edits)
    assert not found, "\n".join(dict.fromkeys(found))


def test_what_was_printed_and_what_is_used_stand_at_the_address_of_the_row(evidence, quick):
    new, edits = corrected(evidence)
    one = go_round(evidence, "all", new, edits)
    assert len(edits) > 10
    for edit in edits:
        assert any(shows(said, edit) for texts in one.after.values() for _, said in texts), edit
    found = misses(evidence, one.before, one.after, edits)
    assert not found, "\n".join(dict.fromkeys(found))


def test_what_rows_have_in_common_stands_at_the_address_of_each(evidence, quick):
    """A cell changed in one row parts it from the others, so the samples do not show this."""
    counted = {
        "outcome": "sae",
        "statistic": "count",
        "unit": "patients",
        "n": "100",
        "counts": "patients",
        "time_kind": "window",
        "weeks": "77",
        "role": "safety",
    }
    position = {"treatment": "drug", "body": "EULAR", "year": "2019", "disease": "SSc", "direction": "for", "strength": "strong", **SRC}
    small = build(
        scopes=[{"scope": "all", "title": "All"}],
        arm_results=[{**counted, "arm": name, "events": events} for name, events in (("drug", "11"), ("placebo", "12"))],
        recommendations=[
            {**position, "recommendation_id": "r1", "line": "first line"},
            {**position, "recommendation_id": "r2", "line": "progression despite first line"},
        ],
    )  # fmt: skip
    visible = replace(small, schema=evidence.schema, _index={}).scope("all")
    arms, guidelines = {f"one.all.sae.w77.{name}" for name in ("drug", "placebo")}, {"r1", "r2"}
    figures = (display.harms(visible), display.answers(visible))
    for figure, places in zip(figures, (4, 1), strict=True):
        said = [refs for refs, text in Reader(figure.html()).said if "77" in text]
        assert said == [arms] * places, figure.name
    assert [refs for refs, text in Reader(figures[1].html()).said if "2019" in text] == [guidelines]


def test_an_address_goes_through_vega_to_the_text_that_it_marks():
    drawing = svg.Drawing(theme.WIDE, 0, 0, (0.0, 1.0))
    for n, (shown, ref) in enumerate((("of none", None), ("of one", "a"), ("of three", ("a", "b", "c")))):
        drawing.text(0, 20 * n, shown, ref=ref)
    picture = drawing.svg("made-up", 60)
    said = [(refs, shown) for refs, shown in Reader(picture).said if shown.startswith("of ")]
    assert said == [(set(), "of none"), ({"a"}, "of one"), ({"a", "b", "c"}, "of three")]
    assert picture.count('data-ref="a"') == 2 and 'aria-labelledby="fig-made-up-alt"' in picture


def test_the_samples_reach_the_columns_that_are_shown(rounds):
    """The test above says little of a column whose change it did not see."""
    changed_in, seen_in = set(), set()
    for scope, seed in SAMPLES:
        one = rounds(scope, seed)
        said = [(refs, text) for texts in one.after.values() for refs, text in texts if re.search(r"\d", text)]
        for edit in one.edits:
            column = (edit.row.table, edit.column)
            changed_in.add(column)
            if column not in seen_in and any(edit.row.id in refs and shows(text, edit) for refs, text in said):
                seen_in.add(column)
    expected = {column for column in changed_in if column[1] not in UNSHOWN}
    assert len(expected) > 80
    assert len(expected & seen_in) > 0.9 * len(expected), sorted(expected - seen_in)
