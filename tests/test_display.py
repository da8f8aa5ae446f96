"""What displays show: every figure with its address, nothing withheld, nothing joined that does not belong together."""

from __future__ import annotations

import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser

import pytest
from evidence_factory import BASE, SRC, arm, build, contrast

from ctdild import display
from ctdild.display import text, theme
from ctdild.display.figure import Column, Figure, Table, cell
from ctdild.display.svg import clean

SCOPE = {"scope": "ssc-ild", "title": "SSc-ILD", "diseases": "SSc"}
VOID = ("br", "hr", "img", "input", "link", "meta")


# --- reading what was drawn ---------------------------------------------------------------------------


class Page(HTMLParser):
    """The texts of a piece of HTML, each with its nearest address and with all; raises on tags that do not nest."""

    def __init__(self, html: str):
        super().__init__()
        self.open: list[tuple[str, tuple[str, ...]]] = []
        self.texts: list[tuple[str | None, str]] = []
        self.addressed: list[tuple[tuple[str, ...], str]] = []
        self.tags: list[tuple[str, dict]] = []
        self.in_table = 0
        self.table_texts: list[tuple[str | None, str]] = []
        self.feed(html)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append((tag, attributes))
        around = self.open[-1][1] if self.open else ()
        if tag not in VOID:
            self.open.append((tag, (*around, attributes["data-ref"]) if "data-ref" in attributes else around))
        self.in_table += tag in ("td", "th")

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag, f"</{tag}> closes something else"
        self.in_table -= tag in ("td", "th")

    def handle_data(self, data):
        if data.strip():
            around = self.open[-1][1] if self.open else ()
            ref = around[-1] if around else None
            self.texts.append((ref, data.strip()))
            self.addressed.append((around, data.strip()))
            if self.in_table:
                self.table_texts.append((ref, data.strip()))

    def of(self, ref: str) -> str:
        """All that carries an address, as one text."""
        return " ".join(data for refs, data in self.addressed if ref in refs)

    @property
    def refs(self) -> set[str]:
        """All addresses under which a text stands."""
        return {ref for refs, _ in self.addressed for ref in refs}


def read(figure: Figure) -> str:
    """All that a reader of the page sees of a display."""
    return " ".join(data for _, data in Page(figure.html()).texts)


def drawings(figure: Figure) -> list[ET.Element]:
    return [ET.fromstring(svg.replace(' xmlns="http://www.w3.org/2000/svg"', "")) for svg in (figure.svg_wide, figure.svg_narrow) if svg]


def alternative(figure: Figure, svg: ET.Element) -> str:
    """What a drawing is called: the text of the element that it names."""
    element = re.search(rf'<p id="{svg.get("aria-labelledby")}" hidden>(.*?)</p>', figure.html())
    return unescape(re.sub("<[^>]*>", "", element[1]))


def words_of(svg: ET.Element) -> list[str]:
    return [element.text for element in svg.iter("text")]


@pytest.fixture(scope="module")
def ssc(evidence_of_project):
    return evidence_of_project.scope("ssc-ild")


@pytest.fixture(scope="module")
def evidence_of_project(root):
    from ctdild.evidence import load

    return load(root / "data")


@pytest.fixture(scope="module")
def figures(ssc) -> list[Figure]:
    """Every display of the scope that can be asked for."""
    drawn = [getattr(display, name)(ssc) for name in ("answers", "evidence_table", "harms", "timeline", "symptoms", "corrections_table")]
    for outcome in ("fvc-rate", "fvc-pp", "mrss", "fvc-loss-mcid"):
        drawn.append(display.forest(ssc, outcome))
    return [*drawn, display.arm_changes(ssc, "fvc-pp"), display.arm_changes(ssc, "fvc-ml")]


# --- the project's evidence ---------------------------------------------------------------------------


def test_every_display_nests_its_tags_and_needs_nothing_else(figures):
    for figure in figures:
        page = Page(figure.html())
        for tag, attributes in page.tags:
            assert tag not in ("script", "style", "iframe", "object", "img", "foreignobject"), figure.name
            assert not [name for name in attributes if name.startswith("on") or name == "style"], figure.name
            if tag not in ("a",):
                assert not {"href", "src", "xlink:href"} & set(attributes), f"{figure.name}: <{tag}> reaches outside"
            if tag == "a":
                assert attributes["href"].startswith(("https://", "trial:", "#")), figure.name


def test_ids_are_one_of_a_kind(figures):
    ids = Counter(a["id"] for figure in figures for _, a in Page(figure.html()).tags if "id" in a)
    assert len(ids) >= len(figures)
    assert [name for name, times in ids.items() if times > 1] == []


def test_equal_evidence_gives_equal_bytes(ssc, figures):
    again = {f.name: f for f in (display.answers(ssc), display.harms(ssc), display.forest(ssc, "fvc-rate"), display.timeline(ssc))}
    for figure in figures:
        if figure.name in again:
            assert again[figure.name].html() == figure.html()
            assert again[figure.name].plain() == figure.plain()


def test_every_address_is_a_row_that_may_be_shown(ssc, figures):
    for figure in figures:
        refs = Page(figure.html()).refs
        for ref in refs:
            row = ssc.row(ref)
            assert not row.withheld, f"{figure.name} shows {ref}, which is withheld"
            if row.table in ("contrasts", "arm_results"):
                assert row.preferred, f"{figure.name} shows {ref}, which is not the preferred row"
        assert refs >= figure.refs


def test_no_figure_is_printed_without_its_address(ssc, figures):
    """Digits outside an address are only names and what stands for no result."""
    names = {row.label for row in (*ssc["cohorts"], *ssc["arms"])} | {row[c] for row in ssc["outcomes"] for c in ("name", "short")}
    names |= {name.removesuffix(" (post hoc)") for name in names} | {source.title for source in ssc["sources"]}
    names |= {trial.acronym for trial in ssc["trials"]}
    lowered = sorted({n.lower() for n in names}, key=len, reverse=True)
    for figure in figures:
        if figure.name.startswith("sources"):  # it counts rows
            continue
        for ref, data in Page(figure.html()).table_texts:
            if ref is None:
                rest = data.lower()
                for name in lowered:
                    rest = rest.replace(name, "")
                assert not re.search(r"\d", rest.replace("per 100", "")), f"{figure.name}: {data!r} has no address"


def test_what_is_drawn_shows_the_row_it_names(ssc):
    for outcome in ("fvc-rate", "fvc-pp", "mrss"):
        figure = display.forest(ssc, outcome)
        for svg in drawings(figure):
            marked = [(e.get("data-ref"), e.text) for e in svg.iter("text") if e.get("data-ref")]
            rows = {ref for ref, _ in marked}
            assert rows
            for ref in rows:
                row = ssc.row(ref)
                figures = [f"{text.number_text(row.estimate)} ({text.number_text(row.ci_low)} to {text.number_text(row.ci_high)})"]
                shown = " ".join(said.replace(text.NO_BREAK, " ") for at, said in marked if at == ref)
                for part in [*figures, text.time_text(row), *([f"n {row.n_a} and {row.n_b}"] if row.n_a and row.n_b else [])]:
                    assert part in shown


def test_the_text_alternative_names_every_trial_and_estimate(ssc, figures):
    for figure in figures:
        for svg in drawings(figure):
            assert svg.get("role") == "img"
            assert alternative(figure, svg) == figure.alt
            inner = list(svg)
            assert len(inner) == 1 and inner[0].get("aria-hidden") == "true"
            for ref in {e.get("data-ref") for e in svg.iter() if e.get("data-ref")}:
                row = ssc.row(ref)
                trial = row if row.table == "trials" else ssc.trial(row)
                assert trial.acronym in figure.alt, figure.name
                if row.table == "contrasts":
                    assert f"{text.estimate_text(row)} ({text.interval_text(row)})" in figure.alt
                elif row.table == "arm_results":
                    assert f"{text.arm_text(ssc, row)} {text.rate_per_100(row).text}" in figure.alt


def test_drawings_use_the_colours_of_the_page_only(figures):
    seen = set()
    for figure in figures:
        for svg in drawings(figure):
            for element in svg.iter():
                assert element.tag in ("svg", "g", "text", "path", "line", "rect"), element.tag
                assert not {"style", "class", "font-family"} & set(element.attrib)
                seen |= {element.get(c) for c in ("fill", "stroke") if element.get(c)}
    assert seen - {"none"} <= set(theme.COLOURS)
    assert len(seen) > 3


def test_type_is_large_enough_where_it_is_shown(figures):
    for figure in figures:
        for svg, layout in zip(drawings(figure), (theme.WIDE, theme.NARROW), strict=False):
            assert float(svg.get("width")) == layout.width
            sizes = {float(e.get("font-size").removesuffix("px")) for e in svg.iter("text")}
            assert min(sizes) >= 12, figure.name
    assert theme.NARROW.width <= 328  # a screen of 360 px less its margins: no shrinking, so 12 px stay 12


def test_sls_ii_shows_the_corrected_intervals_and_says_why(ssc):
    for figure in (display.arm_changes(ssc, "fvc-pp"), display.answers(ssc)):
        page = Page(figure.html())
        for arm_name, right, printed in (
            ("mycophenolate", "0.53 to 3.84", "1.19 to 4.58"),
            ("cyclophosphamide", "1.19 to 4.58", "0.53 to 3.84"),
        ):
            shown = " ".join(said for ref, said in page.table_texts if ref == f"sls-2.all.fvc-pp.w104.{arm_name}")
            assert right in shown and printed not in shown and "†" in shown
            assert f"{arm_name}, FVC % predicted at week 104: printed with interval {printed}" in figure.plain().replace("\n", " ")
        assert ssc.row("sls-2-intervals-swapped").reason in " ".join(figure.plain().split())
    page = Page(display.corrections_table(ssc).html())
    assert "interval 0.53 to 3.84" in page.of("sls-2.all.fvc-pp.w104.mycophenolate")


def test_post_hoc_is_in_the_label(ssc):
    plain = read(display.answers(ssc))
    assert "ILD on CT, post hoc subgroup" in plain
    for svg in drawings(display.forest(ssc, "fvc-pp")):
        assert "post hoc subgroup" in " ".join(words_of(svg))


def test_a_p_value_without_interval_is_named_and_not_drawn(ssc):
    figure = display.forest(ssc, "fvc-pp")
    drawn = {e.get("data-ref") for svg in drawings(figure) for e in svg.iter("text") if e.get("data-ref")}
    assert "sls-2.all.fvc-pp.w104" not in drawn
    notes = [note for note in figure.notes if any(span.ref == "sls-2.all.fvc-pp.w104" for span in note)]
    assert len(notes) == 1 and text.p_text(ssc.row("sls-2.all.fvc-pp.w104")) in "".join(span.text for span in notes[0])
    assert "sls-2.all.fvc-pp.w104" in figure.table.refs


def test_answers_have_a_row_for_each_treatment_and_name_the_active_comparator(ssc):
    heads = [row[0].plain() for row in display.answers(ssc).table.rows]
    said = {" ".join(head) for head in heads}
    for treatment in ("Cyclophosphamide versus placebo", "Mycophenolate versus cyclophosphamide", "Nintedanib versus placebo"):
        assert any(one.startswith(treatment) for one in said), said
    plain = display.answers(ssc).plain()
    assert "Harms seen in trials, not a safety label." in plain
    shown = Page(display.answers(ssc).html())
    assert shown.of("senscis.all.fvc-rate.w52").startswith(text.result_text(ssc.row("senscis.all.fvc-rate.w52")))


def test_events_are_not_shown_as_patients(ssc):
    figure = display.harms(ssc)
    drawn = {e.get("data-ref") for svg in drawings(figure) for e in svg.iter("text") if e.get("data-ref")}
    for ref in drawn:
        assert ssc.row(ref).counts == "patients"
    page = " ".join(figure.plain().split())
    assert "Events, not patients" in page
    assert not any(ssc.row(ref).time_kind.endswith("follow-up") for ref in figure.table.refs if ssc.row(ref).table == "arm_results")


def test_figures_print_as_html_and_as_text(ssc):
    bundle = display.timeline(ssc)._repr_mimebundle_()
    assert list(bundle) == ["text/html", "text/plain"]
    assert "<" not in bundle["text/plain"].replace("<https://", "")


# --- made-up evidence: one case each ------------------------------------------------------------------

OUTCOMES = [
    *BASE["outcomes"],
    {"outcome": "tdi", "name": "Breathlessness <index>", "short": "TDI", "domain": "symptoms", "unit": "points"},
    {"outcome": "sae", "name": "Serious adverse event", "short": "Serious event", "domain": "harms", "unit": "patients", "better": "lower"},
]
OUTCOMES = list({row["outcome"]: row for row in OUTCOMES}.values())


@pytest.fixture(scope="module")
def made_up(evidence_of_project):
    """Builds the scope ssc-ild of a made-up package with these rows."""

    def make(**tables):
        small = build(**{"scopes": [SCOPE], "outcomes": OUTCOMES, **tables})
        return replace(small, schema=evidence_of_project.schema, _index={}).scope("ssc-ild")

    return make


def test_two_units_never_share_an_axis(made_up):
    evidence = made_up(contrasts=[contrast("40", "10", "70"), contrast("2.5", "0.5", "4.5", weeks="24", unit="percentage points")])
    with pytest.raises(ValueError, match="difference in percentage points and difference in mL cannot share an axis"):
        display.forest(evidence, "fvc-ml")
    ratios = made_up(contrasts=[contrast("0.5", "0.3", "0.9", measure=m, unit="ratio", weeks=w) for m, w in (("OR", "24"), ("HR", "52"))])
    with pytest.raises(ValueError, match="OR and HR cannot share an axis"):
        display.forest(ratios, "fvc-ml")


def test_an_outcome_outside_the_scope_is_named(made_up):
    with pytest.raises(KeyError, match="nonsense"):
        display.forest(made_up(contrasts=[contrast("40", "10", "70")]), "nonsense")
    with pytest.raises(KeyError, match="nonsense"):
        display.arm_changes(made_up(contrasts=[contrast("40", "10", "70")]), "nonsense")


def test_withheld_and_second_choice_rows_are_never_shown(made_up):
    evidence = made_up(
        contrasts=[
            contrast("40.1", "10", "70"),
            contrast("77.7", "10", "150", weeks="24", caution="withheld"),
            contrast("88.8", "10", "170", variant="other", preferred="false"),
        ],
        arm_results=[
            arm("99.9", caution="withheld"),
            {**_count("sae", "66", "drug"), "caution": "withheld"},
            _count("sae", "12", "placebo"),
        ],
        statements=[{"outcome": "tdi", "caution": "withheld", "verdict": "no difference shown", "says": "Never to be read."}],
    )
    for figure in (
        display.forest(evidence, "fvc-ml"),
        display.answers(evidence),
        display.harms(evidence),
        display.arm_changes(evidence, "fvc-ml"),
        display.symptoms(evidence),
    ):
        for hidden in ("77.7", "88.8", "99.9", "66", "Never", "TDI"):
            assert hidden not in read(figure) + figure.alt, f"{figure.name} shows {hidden}"
    assert "40.1" in read(display.forest(evidence, "fvc-ml"))


def _count(outcome: str, events: str, arm_name: str, **columns: str) -> dict[str, str]:
    row = {
        "outcome": outcome,
        "arm": arm_name,
        "statistic": "count",
        "unit": "patients",
        "events": events,
        "n": "100",
        "counts": "patients",
    }
    return {**row, "time_kind": "window", "role": "safety", **columns}


@pytest.mark.parametrize(("better", "left"), [("higher", "← favours placebo"), ("lower", "← favours drug")])
def test_the_sides_of_the_null_line_follow_what_is_better(made_up, better, left):
    outcomes = [{**row, "better": better} if row["outcome"] == "fvc-ml" else row for row in OUTCOMES]
    arms = [{**row, "label": row["arm"].title()} for row in BASE["arms"]]
    figure = display.forest(made_up(outcomes=outcomes, arms=arms, contrasts=[contrast("40", "-10", "90", favours="drug")]), "fvc-ml")
    for svg in drawings(figure):
        assert left in words_of(svg)


def test_the_interval_is_drawn_where_its_figures_say(made_up):
    figure = display.forest(made_up(contrasts=[contrast("40", "10", "70"), contrast("0", "-20", "20", weeks="24")]), "fvc-ml")
    for svg in drawings(figure):
        rules = [e for e in svg.iter("line") if e.get("stroke") == theme.INK]
        (long, short) = sorted((float(e.get("x2")) for e in rules), reverse=True)
        assert long / short == pytest.approx(60 / 40, rel=0.01)


def test_ratios_are_drawn_on_a_log_axis(made_up):
    rows = [contrast("2", "1", "4", measure="OR", unit="ratio"), contrast("0.5", "0.25", "1", measure="OR", unit="ratio", weeks="24")]
    figure = display.forest(made_up(contrasts=rows), "fvc-ml")
    for svg in drawings(figure):
        lengths = [float(e.get("x2")) for e in svg.iter("line") if e.get("stroke") == theme.INK]
        assert lengths[0] == pytest.approx(lengths[1], rel=0.01)


def test_a_subgroup_is_labelled_and_drawn_open(made_up):
    cohorts = [
        {},
        {"cohort": "late", "label": "Chosen late (post hoc)", "kind": "subgroup", "parent": "all", "prespecified": "false", "n": "50"},
    ]
    evidence = made_up(cohorts=cohorts, contrasts=[contrast("40", "10", "70", cohort="late")])
    figure = display.forest(evidence, "fvc-ml")
    assert "Chosen late, post hoc subgroup" in figure.alt
    for svg in drawings(figure):
        assert [e.get("fill") for e in svg.iter("path")] == [theme.PAPER]
    answer = read(display.answers(evidence))
    assert "Chosen late, post hoc subgroup" in answer


def test_the_whole_trial_answers_where_it_can(made_up):
    cohorts = [{}, {"cohort": "late", "label": "Late", "kind": "subgroup", "parent": "all", "prespecified": "false", "n": "50"}]
    evidence = made_up(cohorts=cohorts, contrasts=[contrast("41", "10", "72"), contrast("99", "10", "188", cohort="late")])
    answer = display.answers(evidence).html()
    assert "41 mL" in answer and "99 mL" not in answer


def test_without_an_interval_the_answer_says_so_and_labels_changes_within_arms(made_up):
    evidence = made_up(
        contrasts=[contrast("", p="0.49", favours="")],
        arm_results=[arm("-12", "-20", "-4"), arm("-30", arm="placebo", spread="9", spread_kind="SD")],
    )
    answer = read(display.answers(evidence))
    assert "No between-arm interval reported here, p = 0.49" in answer
    assert "Within-arm, no comparison, at week 52:" in answer
    page = Page(display.answers(evidence).html())
    assert page.of("one.all.fvc-ml.w52.drug") == "at week 52: −12 mL (95% CI −20 to −4)"
    assert page.of("one.all.fvc-ml.w52.placebo") == "at week 52: −30 mL (SD 9)"
    assert "not reported here" in answer  # symptoms and harms


def _advice(treatment: str, direction: str, **columns: str) -> dict[str, str]:
    row = {"recommendation_id": f"advice-{treatment}", "body": "BODY", "year": "2023", "disease": "SSc", "line": "not stated"}
    return {**row, "treatment": treatment, "direction": direction, "strength": "conditional", **SRC, **columns}


def test_advice_on_what_both_arms_were_given_is_no_advice_on_the_drug(made_up):
    treatments = [
        {"treatment": "drug", "target": "enzyme", "label_url": "https://example.org/drug"}, {"treatment": "placebo", "class": "placebo"},
        {"treatment": "base", "name": "Base"}, {"treatment": "drug-base", "name": "Drug with base"},
        {"treatment": "blockers", "name": "Enzyme blockers", "target": "enzyme"},
        {"treatment": "rival", "name": "Rival", "target": "enzyme", "label_url": "https://example.org/rival"},
    ]  # fmt: skip
    arms = [
        {"arm": "drug", "treatment": "drug;base", "label": "Drug with base"},
        {"arm": "placebo", "role": "placebo", "treatment": "placebo;base", "label": "Placebo with base"},
    ]
    advice = [_advice("base", "against"), _advice("drug-base", "research only"), _advice("blockers", "for"), _advice("rival", "against")]
    figure = display.answers(made_up(treatments=treatments, arms=arms, contrasts=[contrast("40", "10", "70")], recommendations=advice))
    positions = " ".join(figure.table.rows[0][-1].plain())
    assert "For: enzyme blockers, BODY 2023 (conditional)" in positions
    assert "Research only: drug with base, BODY 2023 (conditional)" in positions
    assert "Against" not in positions
    assert "base (against: BODY 2023); rival (against: BODY 2023)" in " ".join(figure.plain().split())
    later = _advice("base", "for", recommendation_id="advice-later", line="first line")
    advice = [_advice("base", "against", line="progression despite first line"), later]
    figure = display.answers(made_up(treatments=treatments, arms=arms, contrasts=[contrast("40", "10", "70")], recommendations=advice))
    assert "base (against, after progression: BODY 2023; for, first line: BODY 2023)" in " ".join(figure.plain().split())


def test_the_first_screen_says_whether_the_aim_was_met_and_how_a_figure_came_about(made_up):
    row = contrast("40", p="0.01", role="secondary", derivation="By subtraction of the two arms")
    answer = read(display.answers(made_up(trials=[{"primary_met": "not met"}], contrasts=[row])))
    assert "Primary outcome not met" in answer
    assert "secondary outcome, by subtraction of the two arms" in answer


def test_a_trial_without_any_result_is_named_below_and_not_a_row_of_holes(made_up):
    figure = display.answers(made_up(trials=[{"status": "stopped early"}]))
    assert figure.table is None
    assert "Randomised, but no result was read: ONE (arm versus arm), stopped early." in figure.plain()


def test_a_scope_without_trials_says_so(made_up, evidence_of_project):
    evidence = made_up(trials=[{"disease": "RA"}], cohorts=[{"disease": "RA"}])
    assert display.answers(evidence).plain() == "SSc-ILD: no trial evidence is in the dataset for this disease."
    for name in ("evidence_table", "harms", "timeline", "symptoms", "corrections_table"):
        figure = getattr(display, name)(evidence)
        assert figure.table is None and figure.svg_wide is None
        assert re.search(r"\b(No|Every)\b", figure.plain())
        Page(figure.html())


def test_only_trials_of_kind_rct_are_compared(made_up):
    evidence = made_up(trials=[{"kind": "single-arm"}], contrasts=[contrast("40", "10", "70")])
    assert display.forest(evidence, "fvc-ml").table is None
    assert display.answers(evidence).table is None


def test_shares_are_printed_or_marked_as_computed(made_up):
    evidence = made_up(
        arm_results=[
            _count("sae", "12", "drug", percent="13"),
            _count("sae", "7", "placebo", n="80"),
            _count("ae", "30", "drug", unit="events", counts="events"),
        ]
    )
    page = Page(display.harms(evidence).html())
    assert "13" in page.of("one.all.sae.w52.drug").split() and "12.0*" not in page.of("one.all.sae.w52.drug")
    assert "8.8*" in page.of("one.all.sae.w52.placebo").split()
    figure = display.harms(evidence)
    assert not [e for svg in drawings(figure) for e in svg.iter("text") if e.get("data-ref") == "one.all.ae.w52.drug"]
    assert "30 events , not patients" in read(figure)


def test_a_trial_of_three_arms_loses_none(made_up):
    arms = [*BASE["arms"], {"arm": "high", "label": "Drug, high dose"}]
    evidence = made_up(arms=arms, arm_results=[_count("sae", e, a) for a, e in (("drug", "11"), ("high", "22"), ("placebo", "33"))])
    for svg in drawings(display.harms(evidence)):
        assert {"11.0*", "22.0*", "33.0*"} <= set(words_of(svg))
    assert len(display.answers(evidence).table.rows) == 2


def test_text_of_the_data_is_never_markup(made_up):
    evidence = made_up(
        trials=[{"acronym": "<b>ONE</b>", "population": "a & b <script>"}],
        contrasts=[contrast("40", "10", "70"), contrast("1", "0", "2", outcome="tdi", unit="points")],
        statements=[{"outcome": "tdi", "says": "<i>Better</i>"}],
    )
    for figure in (
        display.answers(evidence),
        display.evidence_table(evidence),
        display.symptoms(evidence),
        display.forest(evidence, "fvc-ml"),
        display.timeline(evidence),
    ):
        tags = {tag for tag, _ in Page(figure.html()).tags}
        assert not tags & {"b", "script", "i"}, figure.name
        assert "ONE" in figure.html()


def test_an_edit_reaches_every_place(made_up):
    before, after = contrast("40.1", "10.2", "70.3"), contrast("51.4", "20.5", "82.6")
    for row, new, old in ((before, ("40.1", "10.2", "70.3"), ("51.4",)), (after, ("51.4", "20.5", "82.6"), ("40.1", "10.2", "70.3"))):
        evidence = made_up(contrasts=[row])
        for figure in (display.forest(evidence, "fvc-ml"), display.answers(evidence)):
            shown = Page(figure.html()).of("one.all.fvc-ml.w52")
            assert all(value in shown for value in new)
            assert not any(value in figure.html() for value in old)


def test_a_corrected_cell_carries_the_dagger(made_up):
    evidence = made_up(
        contrasts=[contrast("40", "30", "90")],
        discrepancies=[{"reason": "The lower limit lost its sign"}],
        corrections=[
            {
                "discrepancy_id": "d1",
                "table": "contrasts",
                "row_id": "one.all.fvc-ml.w52",
                "column": "ci_low",
                "printed": "30",
                "used": "-10",
            }
        ],
    )
    figure = display.forest(evidence, "fvc-ml")
    for svg in drawings(figure):
        assert "40 (−10 to 90)†" in words_of(svg)
    assert any("printed with lower limit 30. The lower limit lost its sign." in "".join(s.text for s in note) for note in figure.notes)
    clean = display.forest(made_up(contrasts=[contrast("40", "30", "50")]), "fvc-ml")
    assert "†" not in clean.html()


def test_ids_of_a_drawing_carry_its_name():
    vega = '<svg xmlns="http://www.w3.org/2000/svg"><g clip-path="url(#clip1)"><text>a</text></g><defs><clipPath id="clip1"><rect/></clipPath></defs></svg>'
    drawn = clean(vega, "fig-x-wide", "label")
    assert 'clip-path="url(#fig-x-wide-clip1)"' in drawn and 'id="fig-x-wide-clip1"' in drawn


def test_a_table_row_needs_a_cell_for_each_column():
    with pytest.raises(ValueError, match="1 cells under 2 column heads"):
        Table("Caption", (Column("A"), Column("B")), ((cell("only one"),),))


def test_tables_are_accessible(figures):
    for figure in figures:
        page = Page(figure.html())
        tables = [a for t, a in page.tags if t == "table"]
        assert len(tables) == 1 + (figure.more is not None) and all(table["role"] == "table" for table in tables)
        assert [t for t, _ in page.tags].count("caption") == len(tables)
        heads = [a for t, a in page.tags if t == "th"]
        assert {a["scope"] for a in heads} == {"col", "row"}
        assert all(a["data-label"] for t, a in page.tags if t == "td")


# --- words ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (contrast("41.0", "2.9", "79.0", "0.04"), "41.0 mL (95% CI 2.9 to 79.0; p = 0.04)"),
        (contrast("-0.16", "-0.28", "-0.04", "<=0.009"), "−0.16 mL (95% CI −0.28 to −0.04; p ≤ 0.009)"),
        (contrast("", p="<0.001"), "p < 0.001"),
        (contrast("", p="ns"), "not significant (p-value not printed)"),
        (contrast("35.40", p="ns"), "35.40 mL, not significant (p-value not printed)"),
        (contrast("6.5", "3.4", "9.5", "<0.0001", p_note="nominal"), "6.5 mL (95% CI 3.4 to 9.5; nominal p < 0.0001)"),
        (contrast("6.5", "3.4", "9.5", p_note="nominal"), "6.5 mL (95% CI 3.4 to 9.5)"),
        (contrast("0.53", "0.40", "0.70", measure="HR", unit="ratio"), "HR 0.53 (95% CI 0.40 to 0.70)"),
        (contrast("1.00", "0.39", "1.61", measure="SMD", unit="standard deviations"), "1.00 standard deviations (95% CI 0.39 to 1.61)"),
        (contrast("44", measure="relative reduction", unit="%", favours="drug"), "relative reduction 44%"),
        (contrast("1", unit="points"), "1 point"),
        (contrast("1", measure="SMD", unit="standard deviations"), "1 standard deviation"),
        (contrast("1.0", unit="points"), "1.0 points"),
        (contrast("2.50", "1", "4", ci_level="90"), "2.50 mL (90% CI 1 to 4)"),
    ],
)
def test_results_of_contrasts_in_words(row, expected):
    assert text.result_text(build(contrasts=[row])["contrasts"][0]) == expected


@pytest.mark.parametrize(
    ("columns", "estimate", "per_100"),
    [
        ({"events": "27", "n": "69"}, "27 of 69", "39.1 per 100 (27 of 69)"),
        ({"events": "1", "n": "80"}, "1 of 80", "1.3 per 100 (1 of 80)"),  # 1.25, half up
        ({"events": "11", "n": "73", "percent": "15"}, "11 of 73 (15%)", "15 per 100 (11 of 73)"),
        ({"percent": "75.7", "statistic": "percent", "unit": "% of patients"}, "75.7%", "75.7 per 100"),
        ({"events": "1", "counts": "events", "unit": "events"}, "1 event", ""),
        ({"events": "5"}, "5 patients", ""),
        ({"events": "0", "n": "73"}, "0 of 73", "0.0 per 100 (0 of 73)"),
    ],
)
def test_counts_in_words(columns, estimate, per_100):
    row = {"outcome": "sae", "statistic": "count", "unit": "patients", "counts": "patients", **columns}
    result = build(arm_results=[row])["arm_results"][0]
    assert text.estimate_text(result) == estimate
    assert text.per_100(result) == per_100


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"weeks": "48"}, "at week 48"),
        ({"weeks": "0"}, "at baseline"),
        ({"weeks": "52", "time_kind": "window"}, "over 52 weeks"),
        ({"weeks": "24", "weeks_to": "48", "time_kind": "window"}, "weeks 24 to 48"),
        ({"weeks": "416", "time_kind": "median-follow-up"}, "median follow-up 8.0 years"),
        ({"weeks": "188", "time_kind": "mean-follow-up"}, "mean follow-up 3.6 years"),
        ({"weeks": "32", "time_kind": "mean-follow-up"}, "mean follow-up 32 weeks"),
        ({"weeks": "104", "time_kind": "landmark"}, "at year 2 (week 104)"),
        ({"weeks": "313", "time_kind": "landmark"}, "at year 6 (week 313)"),
        ({"weeks": "100", "time_kind": "landmark"}, "at week 100"),
        ({"weeks": ""}, ""),
    ],
)
def test_times_in_words(columns, expected):
    assert text.time_text(build(contrasts=[contrast("1", **columns)])["contrasts"][0]) == expected


@pytest.mark.parametrize(
    ("source", "level", "expected"),
    [
        ("report", "primary", "read in an abstract"),
        ("news", "secondary", "read second-hand, in a press report"),
        ("article", "review", "read only in the source article"),
    ],
)
def test_where_it_was_read_in_words(evidence_of_project, source, level, expected):
    small = build(contrasts=[contrast("1", source_id=source, verification=level)])
    evidence = replace(small, schema=evidence_of_project.schema, _index={})
    row = evidence["contrasts"][0]
    assert text.verification_text(evidence, row) == expected
    assert text.verification_mark(row) == {"primary": "P", "secondary": "S", "review": "R"}[level]


def test_every_way_of_reading_has_words(evidence_of_project):
    field = evidence_of_project.schema["sources"].field("read_in")
    for read_in in field.constraints["enum"]:
        source = build(sources=[*BASE["sources"], {"source_id": "other", "read_in": read_in}]).row("other")
        assert text.read_in_text(source).startswith("read ")


# --- the stylesheet ---------------------------------------------------------------------------------------


def _variables(block: str) -> dict[str, str]:
    return dict(re.findall(r"(--ctd-[a-z]+):\s*(#[0-9a-f]{6})", block))


@pytest.fixture(scope="module")
def sheet(root) -> str:
    return (root / "src/ctdild/book/assets/display.css").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def modes(sheet) -> dict[str, dict[str, str]]:
    found = {
        "light": re.search(r":root \{(.*?)\}", sheet, re.S),
        "dark": re.search(r'^html\[data-theme="dark"\] \{(.*?)\}', sheet, re.S | re.M),
        "dark by the reader's setting": re.search(r"prefers-color-scheme: dark\) \{\s*html:not\(\[data-theme\]\).*?\{(.*?)\}", sheet, re.S),
        "print": re.search(r"@media print \{\s*:root.*?\{(.*?)\}", sheet, re.S),
    }
    return {mode: _variables(match.group(1)) for mode, match in found.items()}


def test_every_colour_is_defined_in_every_mode(modes):
    names = {colour.removeprefix("var(").removesuffix(")") for colour in theme.COLOURS}
    for mode, variables in modes.items():
        assert names <= set(variables), mode
        assert set(variables) == set(modes["light"]), mode
    assert modes["dark"] == modes["dark by the reader's setting"]
    assert {modes["print"][name] for name in ("--ctd-ink", "--ctd-paper")} == {"#000000", "#ffffff"}


def _luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_enough_in_every_mode(modes):
    for mode, variables in modes.items():
        for name in ("ink", "muted", "accent", "comparator", "link"):
            for ground in ("paper", "panel"):
                assert _contrast(variables[f"--ctd-{name}"], variables[f"--ctd-{ground}"]) >= 4.5, f"{mode}: {name} on {ground}"
        assert _contrast(variables["--ctd-rule"], variables["--ctd-paper"]) >= 3, mode  # axes and the null line


def test_classes_of_the_html_are_styled(figures, sheet):
    used = {name for figure in figures for _, a in Page(figure.html()).tags for name in (a.get("class") or "").split()}
    assert used and all(f".{name}" in sheet for name in used - {"ctd-data", "ctd-chart"}), used


def test_altair_is_not_imported_for_tables():
    code = "import sys, ctdild.display; sys.exit('altair' in sys.modules or 'vl_convert' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": ":".join(sys.path)}).returncode == 0


@pytest.mark.parametrize("draw", [display.forest, display.arm_changes, display.hazards])
def test_an_address_that_is_no_outcome_is_not_drawn_as_one(draw):
    evidence = build(scopes=[SCOPE]).scope("ssc-ild")
    with pytest.raises(KeyError, match="'drug' is a row of treatments, not of outcomes"):
        draw(evidence, "drug")


def test_kinds_given_as_a_text_are_refused_by_name():
    with pytest.raises(ValueError, match="the text 'rct'"):
        display.forest(build(), "fvc-ml", "rct")


def test_without_an_interval_a_p_value_that_shows_nothing_favours_no_arm(evidence):
    assert text.direction_text(evidence, evidence.row("recital.all.fvc-ml.w24")) == "no difference shown"
    assert text.direction_text(evidence, evidence.row("sls-3.all.fvc-pp.w78")) == "no difference shown"
    assert text.direction_text(evidence, evidence.row("trial1.all.fvc-rate.w52")) == "favours pirfenidone"
    assert text.direction_text(evidence, evidence.row("trial1.all.fvc-decline-or-death.w52")) == "interval includes no difference"


def test_words_that_name_an_arm_without_a_test_lean_to_it(evidence):
    assert text.favours_text(evidence, evidence.row("inbuild.all.lpf-cough.favours-nintedanib")) == "leans to nintedanib, no test read"
    assert text.favours_text(evidence, evidence.row("sircar.all.fvc-pp.favours-rituximab")) == "favours rituximab"


def test_a_nominal_p_value_says_so_wherever_it_stands(evidence):
    assert text.p_text(evidence.row("inbuild.autoimmune.fvc-rate.w52")) == "nominal p = 0.012"
    assert "nominal p = 0.012" in text.result_text(evidence.row("inbuild.autoimmune.fvc-rate.w52"))
    assert text.p_text(evidence.row("senscis.all.fvc-rate.w52")) == "p = 0.04"


def test_background_that_was_not_read_is_not_held_against_the_trial(evidence):
    assert text.background_text(evidence.row("sls-2", "trials")) == "not read"
    assert text.background_text(evidence.row("senscis", "trials")).startswith("prednisone")


def test_a_long_answer_table_begins_with_links_to_its_rows(evidence):
    figure = display.answers(evidence.scope("ssc-ild"))
    page = Page(figure.html())
    anchors = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
    links = [span.link for one in figure.contents for span in one if span.link]
    assert len(links) == len(figure.table.rows) == len(set(links)) and {link.removeprefix("#") for link in links} <= anchors
    first = "".join(span.text for span in figure.contents[0])
    assert first.startswith(
        "Nintedanib versus placebo: SENSCIS, 576 patients, primary outcome met; INBUILD, 663 randomised (other diseases included)"
    )
    assert not display.answers(evidence.scope("transplant")).contents, "two rows need no list"
