"""Maps, matrices, hazards and the tables around the trials: what they show, what they keep apart, what they leave out."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

import pytest
from docutils import nodes
from evidence_factory import BASE, SRC, arm, build, contrast
from test_display import OUTCOMES, Page, alternative, drawings, read, words_of

from ctdild import display
from ctdild.book.whence import rows_by_source, told_by_claims
from ctdild.display import text, theme
from ctdild.display.figure import Span, plain
from ctdild.display.harms import difference
from ctdild.display.svg import Scale
from ctdild.evidence import load

PLAIN = (
    "evidence_map", "placebo_decline", "pro_matrix", "enrolment", "cohort_table", "prevalence_table", "patterns_table", "instruments_table",
    "antibodies_table", "mcid_table", "approvals_table", "recommendations_table", "horizon_table", "audit_table", "claims_table", "transplant_table",
    "published_syntheses",
)  # fmt: skip
SCOPE = {"scope": "all", "title": "All"}
ALL_OUTCOMES = [
    *OUTCOMES,
    {"outcome": "death-treatment", "name": "Death due to treatment", "short": "Death due to treatment", "domain": "survival", "unit": "patients",
     "better": "lower"},
    {"outcome": "sgrq", "name": "SGRQ", "short": "SGRQ", "domain": "health status", "unit": "points", "better": "lower"},
]  # fmt: skip


@pytest.fixture(scope="module")
def whole(root):
    return load(root / "data")


@pytest.fixture(scope="module")
def by_scope(whole):
    """Every display of the widest scope, of one disease, and of one class of treatment."""
    found = {}
    for scope in ("all", "ssc-ild", "transplant"):
        evidence = whole.scope(scope)
        hazards = dict.fromkeys(c.outcome for c in evidence["contrasts"] if c.time_kind == "at")
        figures = [getattr(display, name)(evidence) for name in PLAIN] + [display.hazards(evidence, outcome) for outcome in hazards]
        found[scope] = (evidence, figures)
    return found


@pytest.fixture(scope="module")
def made_up(whole):
    """Builds made-up evidence with these rows; all of it is in scope."""

    def make(**tables):
        small = build(**{"scopes": [SCOPE], "outcomes": ALL_OUTCOMES, **tables})
        return replace(small, schema=whole.schema, _index={}).scope("all")

    return make


# --- the project's evidence ---------------------------------------------------------------------------


def test_every_display_nests_its_tags_and_links_only_where_it_may(by_scope):
    for scope, (evidence, figures) in by_scope.items():
        ids = Counter()
        for figure in figures:
            page = Page(figure.html())
            ids.update(a["id"] for _, a in page.tags if "id" in a)
            for tag, attributes in page.tags:
                assert tag not in ("script", "style", "iframe", "object", "img", "foreignobject"), figure.name
                assert not [name for name in attributes if name.startswith("on") or name == "style"], figure.name
                if tag == "a":
                    kind, _, rest = attributes["href"].partition(":")
                    assert kind in ("https", "trial", "page") or kind.startswith("#discrepancy-"), attributes["href"]
                    assert kind != "trial" or evidence.row(rest).table == "trials"
        assert [name for name, times in ids.items() if times > 1] == [], scope


def test_every_address_is_a_row_that_may_be_shown(by_scope):
    shown = 0
    for evidence, figures in by_scope.values():
        for figure in figures:
            refs = Page(figure.html()).refs
            shown += len(refs)
            assert refs >= figure.refs
            for ref in refs:
                row = evidence.row(ref)
                assert not row.withheld, f"{figure.name} shows {ref}, which is withheld"
                # A comparison that is not preferred comes only with the counts that it was made from.
                own = row.table == "contrasts" and any(other.startswith(f"{ref}.") for other in refs)
                if row.table in ("contrasts", "arm_results") and not figure.name.startswith("placebo-decline") and not own:
                    assert row.preferred, f"{figure.name} shows {ref}, which is not the preferred row"
    assert shown > 1000


def test_no_figure_is_printed_without_its_address(by_scope):
    """Digits outside an address are only names."""
    for evidence, figures in by_scope.values():
        columns = {
            "trials": ("acronym",),
            "treatments": ("name",),
            "outcomes": ("name", "short"),
            "arms": ("label",),
            "cohorts": ("label",),
        }
        names = {row[c].lower().removesuffix(" (post hoc)") for table, cs in columns.items() for row in evidence[table] for c in cs}
        for figure in figures:
            for ref, data in Page(figure.html()).table_texts:
                if ref is None and re.search(r"\d", data):
                    rest = data.lower().replace("per 100", "")
                    for name in sorted(names, key=len, reverse=True):
                        rest = rest.replace(name, "")
                    assert not re.search(r"\d", rest), f"{figure.name}: {data!r} has no address"


def test_drawings_are_read_in_words_in_the_colours_of_the_page_and_large_enough(by_scope):
    drawn = 0
    for evidence, figures in by_scope.values():
        for figure in figures:
            for svg, layout in zip(drawings(figure), (theme.WIDE, theme.NARROW), strict=False):
                drawn += 1
                assert alternative(figure, svg) == figure.alt
                assert float(svg.get("width")) == layout.width
                assert min(float(e.get("font-size").removesuffix("px")) for e in svg.iter("text")) >= 12, figure.name
                seen = {e.get(c) for e in svg.iter() for c in ("fill", "stroke") if e.get(c)}
                assert seen - {"none"} <= set(theme.COLOURS)
                assert figure.table is not None
                for ref in {e.get("data-ref") for e in svg.iter() if e.get("data-ref")}:
                    row = evidence.row(ref)
                    assert (row if row.table == "trials" else evidence.trial(row)).acronym in figure.alt, figure.name
    assert drawn > 20


def test_classes_of_the_html_are_styled(by_scope, root):
    sheet = (root / "src/ctdild/book/assets/display.css").read_text(encoding="utf-8")
    used = {n for _, figures in by_scope.values() for f in figures for _, a in Page(f.html()).tags for n in (a.get("class") or "").split()}
    assert all(f".{name}" in sheet for name in used - {"ctd-data", "ctd-chart"}), used


def test_trials_are_linked_where_they_are_listed(whole):
    ssc = whole.scope("ssc-ild")
    for figure in (
        display.evidence_table(ssc), display.forest(ssc, "fvc-pp"), display.symptoms(ssc), display.harms(ssc), display.arm_changes(ssc, "fvc-pp"),
        display.timeline(ssc), display.answers(ssc), display.evidence_map(ssc), display.placebo_decline(ssc), display.pro_matrix(ssc),
    ):  # fmt: skip
        links = {a["href"] for tag, a in Page(figure.html()).tags if tag == "a"}
        assert "trial:sls-1" in links or "trial:senscis" in links, figure.name


# --- times --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"weeks": "13"}, "hazard at month 3 (week 13)"),
        ({"weeks": "104"}, "hazard at year 2 (week 104)"),
        ({"weeks": "78"}, "hazard at month 18 (week 78)"),
        ({"weeks": "15"}, "hazard at week 15"),
        ({"weeks": "156", "weeks_to": "520"}, "hazard from year 3 to year 10 (weeks 156 to 520)"),
        ({"weeks": "15", "weeks_to": "52"}, "hazard in weeks 15 to 52"),
    ],
)
def test_hazards_say_their_time_in_words_and_weeks(columns, expected):
    row = contrast("0.5", measure="HR", unit="ratio", time_kind="at", **columns)
    assert text.time_text(build(contrasts=[row])["contrasts"][0]) == expected


@pytest.mark.parametrize(("day", "expected"), [("2026-03-03", "3 March 2026"), ("2024-08", "August 2024"), ("2023", "2023")])
def test_days_of_records_in_words(day, expected):
    assert text.as_of_text(day).replace(text.NO_BREAK, " ") == expected


# --- hazards ------------------------------------------------------------------------------------------


def _hazard(weeks: str, estimate: str, low: str, high: str, **columns: str) -> dict[str, str]:
    favours = "drug" if float(estimate) < 1 else "placebo"
    base = {
        "measure": "HR",
        "unit": "ratio",
        "outcome": "death",
        "time_kind": "at",
        "weeks": weeks,
        "favours": favours,
        "estimand": "time to event",
    }
    return contrast(estimate, low, high, **{**base, **columns})


def _path_at(path) -> tuple[float, float]:
    x, y = re.match(r"translate\(([\d.]+)(?:,([\d.]+))?\)", path.get("transform")).groups()
    return float(x), float(y or 0)


def test_hazards_are_drawn_in_time_on_a_log_scale_with_the_null_line(made_up):
    evidence = made_up(contrasts=[_hazard("13", "2", "1", "4"), _hazard("52", "0.5", "0.25", "1"), _hazard("208", "0.5", "0.25", "1")])
    figure = display.hazards(evidence, "death")
    for svg in drawings(figure):
        (a, b, c) = [_path_at(path) for path in svg.iter("path")]
        assert a[0] < b[0] < c[0]
        assert b[0] - a[0] == pytest.approx(c[0] - b[0], abs=0.5)  # a factor of four each: time is logarithmic
        assert a[1] < b[1] and b[1] == pytest.approx(c[1], abs=0.01)
        lengths = [abs(float(e.get("y2"))) for e in svg.iter("line") if e.get("stroke") == theme.INK]
        assert lengths == pytest.approx([lengths[0]] * 3, rel=0.01)
        null = [float(_path_at(e)[1]) for e in svg.iter("line") if e.get("stroke") == theme.RULE]
        assert null == pytest.approx([(a[1] + b[1]) / 2], abs=0.1)
        assert "Time since randomisation (logarithmic)" in " ".join(words_of(svg))
    page = Page(figure.html())
    assert "HR 2 (95% CI 1 to 4)" in page.of("one.all.death.w13")
    assert "Hazard at year 1 (week 52)" in page.of("one.all.death.w52")
    assert "with its interval (95%)" in plain(figure.legend) and "Nothing is pooled." in plain(figure.legend)


def test_times_that_would_overlap_are_spread_and_said_to_be_so(made_up):
    evidence = made_up(contrasts=[_hazard(weeks, "2", "1", "4") for weeks in ("50", "52", "208")])
    for svg in drawings(display.hazards(evidence, "death")):
        assert "Time since randomisation (not to scale)" in " ".join(words_of(svg))


def test_on_a_phone_the_names_of_times_stand_in_short_lines(made_up):
    span = {"weeks_to": "520"}
    evidence = made_up(contrasts=[_hazard("13", "2", "1", "4"), _hazard("26", "2", "1", "4"), _hazard("156", "0.5", "0.25", "1", **span)])
    wide, narrow = (words_of(svg) for svg in drawings(display.hazards(evidence, "death")))
    assert {"month 3", "month 6"} <= set(wide)
    assert {"month", "3", "6", "years", "3 to", "10"} <= set(narrow) and "month 3" not in narrow


def test_only_hazards_at_a_time_are_drawn_as_such_and_never_in_a_forest(made_up):
    evidence = made_up(contrasts=[_hazard("52", "0.5", "0.25", "1"), _hazard("104", "0.61", "0.4", "0.9", time_kind="window")])
    assert "0.61" not in read(display.hazards(evidence, "death"))
    forest = display.forest(evidence, "death")
    drawn = {e.get("data-ref") for svg in drawings(forest) for e in svg.iter("text") if e.get("data-ref")}
    assert drawn == {"one.all.death.w104"}
    assert any("a hazard at one time" in "".join(span.text for span in note) for note in forest.notes)
    window = made_up(contrasts=[_hazard("104", "0.61", "0.4", "0.9", time_kind="window")])
    assert display.hazards(window, "death").table is None


# --- designs apart ------------------------------------------------------------------------------------


def test_designs_share_no_figure(made_up):
    evidence = made_up(trials=[{"kind": "cohort"}], contrasts=[contrast("40", "10", "70")], arm_results=[arm("-12", "-20", "-4")])
    for function in (display.forest, display.arm_changes):
        with pytest.raises(ValueError, match="share no figure"):
            function(evidence, "fvc-ml", ("rct", "cohort"))
        with pytest.raises(ValueError, match="share no figure"):
            function(evidence, "fvc-ml", ("cohort", "meta-analysis"))
        assert function(evidence, "fvc-ml").table is None
        figure = function(evidence, "fvc-ml", ("cohort", "single-arm"))
        assert "not randomised" in figure.caption and "of randomised trials" not in figure.caption
        assert figure.name.endswith("not-randomised-all")


@pytest.mark.parametrize("kind", ["post-baseline", "extension"])
def test_groups_that_chance_did_not_make_are_not_drawn_beside_those_it_made(made_up, kind):
    cohorts = [{}, {"cohort": "stayed", "label": "Stayed", "kind": kind, "parent": "all"}]
    evidence = made_up(cohorts=cohorts, contrasts=[contrast("40", "10", "70"), contrast("99", "50", "150", cohort="stayed")])
    figure = display.forest(evidence, "fvc-ml")
    assert "99" not in " ".join(word for svg in drawings(figure) for word in words_of(svg))
    assert any("chance did not make these groups" in "".join(span.text for span in note) for note in figure.notes)


TRIALS = [{}, {"trial_id": "two", "acronym": "TWO", "year": "2021", "n_randomised": "50", "kind": "cohort"}]
TWO = {
    "trials": TRIALS,
    "cohorts": [{}, {"trial_id": "two", "n": "50"}],
    "arms": [*BASE["arms"], {"trial_id": "two", "arm": "drug"}],
}


def test_the_map_shows_design_and_size(made_up):
    figure = display.evidence_map(made_up(**TWO))
    assert "2 studies, 1 of them randomised" in figure.caption
    for svg in drawings(figure):
        one, two = list(svg.iter("path"))
        assert (one.get("fill"), two.get("fill")) == (theme.ACCENT, theme.PAPER)
        radius = [float(re.match(r"M([\d.]+)", path.get("d")).group(1)) for path in (one, two)]
        assert radius[0] / radius[1] == pytest.approx(2, rel=0.02)  # 200 to 50 patients: area, not radius
    page = Page(figure.html())
    assert "200 patients" in page.of("one") and "50 patients" in page.of("two")


def test_the_map_counts_the_patients_of_a_disease_and_nobody_twice(made_up):
    trials = [
        {"disease": "SSc;IIM"},
        {"trial_id": "more", "acronym": "MORE", "kind": "extension"},
        {"trial_id": "soon", "acronym": "SOON", "status": "recruiting"},
        {"trial_id": "sum", "acronym": "SUM", "kind": "meta-analysis"},
    ]
    cohorts = [
        {"disease": "SSc;IIM"},
        {"cohort": "jo", "label": "Jo", "kind": "disease", "parent": "all", "partition": "kind", "disease": "IIM", "n": "40"},
        {"cohort": "mda", "label": "MDA", "kind": "disease", "parent": "all", "partition": "kind", "disease": "IIM", "n": "4"},
        {
            "cohort": "iim",
            "label": "Myositis of old",
            "kind": "disease",
            "parent": "all",
            "partition": "other",
            "disease": "IIM",
            "n": "44",
        },
    ]
    others = [{"trial_id": t} for t in ("more", "soon", "sum")]
    arms = [*BASE["arms"], *({"trial_id": t, "arm": "drug"} for t in ("more", "soon", "sum"))]
    figure = display.evidence_map(made_up(trials=trials, cohorts=[*cohorts, *others], arms=arms))
    assert figure.alt == "Evidence map: Drug in SSc: ONE (randomised, 200 of several diseases); Drug in IIM: ONE (randomised, 44 patients)."


def test_enrolment_shows_both_numbers_and_why_it_stopped(made_up):
    figure = display.enrolment(made_up(trials=[{"n_planned": "400", "stop_reason": "Slow recruitment", "status": "stopped early"}]))
    assert "1 of 1 trial randomised fewer than planned" in figure.caption
    for svg in drawings(figure):
        assert "200 of 400" in words_of(svg) and "Stopped early: slow recruitment" in " ".join(words_of(svg))
    assert "50%*" in Page(figure.html()).of("one")
    assert display.enrolment(made_up()).table is None


# --- placebo ------------------------------------------------------------------------------------------


def _placebo(*figures: str, **columns: str) -> dict[str, str]:
    return arm(*figures, arm="placebo", **columns)


def test_units_have_panels_of_their_own(made_up):
    rows = [
        _placebo("-100", spread="10", spread_kind="SE"),
        _placebo("-93", outcome="fvc-rate", unit="mL/year", time_kind="window", statistic="rate"),
        _placebo("-2", outcome="fvc-pp", unit="percentage points", spread="9", spread_kind="SD"),
    ]
    figure = display.placebo_decline(made_up(arm_results=rows))
    for svg in drawings(figure):
        said = words_of(svg)
        for title in ("Rate of change in FVC (mL/year)", "Change in FVC (mL)", "Change in FVC (points of % predicted)"):
            assert title in said
        # Each panel reaches to its own lowest end: the same place although the figures are 93 and 2.
        places = sorted(_path_at(path)[0] for path in svg.iter("path"))
        assert places[0] == pytest.approx(places[1], abs=1)
        bars = [e for e in svg.iter("line") if e.get("stroke") == theme.INK]
        assert len(bars) == 1  # the standard error; a standard deviation is no interval of the mean
    assert "1.96 times the printed standard error" in plain(figure.legend)


def test_the_bar_of_a_standard_error_is_as_long_as_it_says(made_up):
    one = display.placebo_decline(made_up(arm_results=[_placebo("-100", spread="10", spread_kind="SE")]))
    two = display.placebo_decline(made_up(arm_results=[_placebo("-100", "-119.6", "-80.4")]))
    for a, b in zip(drawings(one), drawings(two), strict=True):
        lengths = [[float(e.get("x2")) for e in svg.iter("line") if e.get("stroke") == theme.INK] for svg in (a, b)]
        assert lengths[0] == pytest.approx(lengths[1], abs=0.05) and len(lengths[0]) == 1


def test_one_result_a_trial_is_shown_and_the_others_are_named(made_up):
    rows = [
        _placebo("-50.5", weeks="24"),
        _placebo("-111.5", variant="other", preferred="false", model="other model"),
        _placebo("-100.5"),
        _placebo("-222.5", weeks="104", caution="withheld"),
        arm("-7.5"),
    ]
    figure = display.placebo_decline(made_up(arm_results=rows))
    drawn = {e.get("data-ref") for svg in drawings(figure) for e in svg.iter("text") if e.get("data-ref")}
    assert drawn == {"one.all.fvc-ml.w52.placebo"}
    notes = " ".join("".join(span.text for span in note) for note in figure.notes)
    assert "−50.5 mL" in notes and "−111.5 mL (at week 52, other model)" in notes
    assert "Placebo-controlled" not in notes, "the trial is drawn"
    assert "222.5" not in figure.html() and "−7.5" not in figure.html()


def test_a_placebo_controlled_trial_that_is_not_drawn_is_named_with_the_reason(made_up):
    names = {"two": "completed", "three": "completed", "four": "recruiting"}
    trials = [{}, *({"trial_id": name, "acronym": name.upper(), "status": status} for name, status in names.items())]
    arms = [*BASE["arms"], *({"trial_id": name, "arm": "placebo", "role": "placebo", "treatment": "placebo"} for name in names)]
    rows = [_placebo("-100.5"), _placebo("-1.5", trial_id="three", caution="withheld"), _placebo("-4.3", trial_id="four")]
    figure = display.placebo_decline(
        made_up(trials=trials, cohorts=[{}, *({"trial_id": name} for name in names)], arms=arms, arm_results=rows)
    )
    assert ["".join(span.text for span in note) for note in figure.notes] == [
        "Placebo-controlled trials not drawn. No change of FVC in the placebo arm was read: TWO; withheld, since sources disagree: THREE; "
        "under way by its record: FOUR, −4.3 mL at week 52."
    ]
    assert "1.5" not in figure.plain() and "four.all.fvc-ml.w52.placebo" in figure.refs


def test_a_group_of_several_diseases_is_called_by_its_name(made_up):
    cohorts = [{}, {"cohort": "autoimmune", "label": "Autoimmune", "kind": "disease", "parent": "all", "disease": "RA;SSc", "n": "50"}]
    figure = display.placebo_decline(made_up(cohorts=cohorts, arm_results=[_placebo("-60.5", cohort="autoimmune")]))
    assert "ONE, Autoimmune, subgroup, at week 52" in figure.alt
    assert figure.table.rows[0][0].plain() == ["ONE", "Autoimmune, subgroup"]


def test_a_group_stands_in_for_a_trial_only_where_nothing_else_is_known(made_up):
    cohorts = [{}, {"cohort": "late", "label": "Late", "kind": "subgroup", "parent": "all", "n": "50"}]
    alone = display.placebo_decline(made_up(cohorts=cohorts, arm_results=[_placebo("-60.5", cohort="late")]))
    assert "Late, subgroup" in alone.alt
    assert all(path.get("fill") == theme.PAPER for svg in drawings(alone) for path in svg.iter("path"))
    both = display.placebo_decline(made_up(cohorts=cohorts, arm_results=[_placebo("-60.5", cohort="late"), _placebo("-100.5")]))
    assert "60.5" not in both.html()


# --- the matrix ---------------------------------------------------------------------------------------


def _tdi(*rows: dict[str, str], **columns: str) -> dict[str, list]:
    return {"contrasts": [{**row, "outcome": "tdi", "unit": "points", **columns} for row in rows]}


def _says(verdict: str, favours: str = "", caution: str = "") -> dict[str, list]:
    return {"statements": [{"outcome": "tdi", "verdict": verdict, "favours": favours, "caution": caution, "says": "So it was."}]}


@pytest.mark.parametrize(
    ("tables", "sign", "said"),
    [
        (_tdi(contrast("2", "1", "3")), "▲", "Favoured drug"),
        (_tdi(contrast("-2", "-3", "-1")), "▼", "Favoured placebo"),
        (_tdi(contrast("2", "-1", "5")), "○", "No difference shown"),
        (_tdi(contrast("", p="0.49", favours="")), "○", "No difference shown"),
        (_tdi(contrast("2", p="0.01")), "▲", "Favoured drug"),
        (_tdi(contrast("2")), "•", "Figures or words without a test between the arms"),
        (_tdi(contrast("2", "1", "3"), contrast("2", "-1", "5", weeks="104")), "◐", "Favoured drug at one time"),
        (_says("favours", "drug"), "▲", "Favoured drug"),
        (_says("no difference shown"), "○", "No difference shown"),
        (_says("not sustained"), "◐", "Favoured at one time"),
        (_says("favours", "drug", caution="no test read"), "•", "Leaned to drug, no test read"),
        (_says("depends on the analysis", "drug"), "◐", "Favoured drug in one analysis, not in another"),
        (_says("describes"), "•", "Figures or words without a test between the arms"),
        ({"arm_results": [arm("1.5", outcome="tdi", unit="points")]}, "•", "Figures or words without a test between the arms"),
    ],
)
def test_the_matrix_says_what_came_out(made_up, tables, sign, said):
    labels = [{**row, "label": row["arm"].title()} for row in BASE["arms"]]
    figure = display.pro_matrix(made_up(arms=labels, **tables))
    for svg in drawings(figure):
        assert sign in words_of(svg)
        assert {e.text for e in svg.iter("text") if e.get("data-ref")} == {sign}
    assert " ".join(figure.table.rows[0][2].plain()).startswith(said)


def test_the_matrix_has_the_figure_of_each_arm_behind_its_name(made_up):
    arms = [arm("1.4", outcome="tdi", unit="points"), arm("-1.5", arm="placebo", outcome="tdi", unit="points")]
    labels = [{**row, "label": row["arm"].title()} for row in BASE["arms"]]
    for tables in ({}, _says("favours", "drug"), _tdi(contrast("2", "-1", "5"))):
        said = " ".join(display.pro_matrix(made_up(arms=labels, arm_results=arms, **tables)).table.rows[0][2].plain())
        assert "In each arm, change at week 52: drug 1.4 points, placebo −1.5 points" in " ".join(said.split())


def test_words_that_only_describe_stand_beside_no_verdict(made_up):
    described = {"statement_id": "s2", "outcome": "tdi", "verdict": "describes", "says": "Beside another trial it was more."}
    told = display.pro_matrix(made_up(statements=[*_says("favours", "drug")["statements"], described]))
    assert "another trial" not in told.table.plain()
    leaning = display.pro_matrix(made_up(statements=[*_says("favours", "drug", caution="no test read")["statements"], described]))
    assert "another trial" in " ".join(leaning.table.rows[0][2].plain())


def test_words_on_signs_go_where_the_data_table_stands_for_the_drawing(by_scope, root):
    sheet = (root / "src/ctdild/book/assets/display.css").read_text(encoding="utf-8")
    assert ".ctd-figure--tall > figcaption .ctd-drawn" in sheet.partition("@media print")[2]
    [matrix] = [figure for figure in by_scope["all"][1] if figure.name.startswith("pro-matrix")]
    assert re.search(r'<span class="ctd-legend"><span class="ctd-drawn">▲[^<]*</span></span>', matrix.html())
    [harms] = [display.harms(evidence) for scope, (evidence, _) in by_scope.items() if scope == "ssc-ild"]
    legend = re.search(r'<span class="ctd-legend">(.*?)</figcaption>', harms.html())[1]
    drawn = re.search(r'<span class="ctd-drawn">(.*?)</span>', legend)[1]
    assert "* Computed here" in legend and "* Computed here" not in drawn  # the data table has the star too


def test_the_matrix_shows_what_was_not_read(made_up):
    trials = [{}, {"trial_id": "two", "acronym": "TWO", "year": "2021"}, {"trial_id": "three", "acronym": "THREE", "year": "2022"}]
    cohorts = [{"trial_id": t} for t in ("one", "two", "three")]
    arms = [{**row, "trial_id": t} for t in ("one", "two", "three") for row in BASE["arms"]]
    rows = [{**contrast("2", "1", "3"), "outcome": "tdi", "unit": "points"}, {**contrast("2", "-1", "3"), "trial_id": "two", "outcome": "sgrq", "unit": "points", "favours": "placebo"}]  # fmt: skip
    figure = display.pro_matrix(made_up(trials=trials, cohorts=cohorts, arms=arms, contrasts=rows))
    for svg in drawings(figure):
        assert words_of(svg).count("–") == 2
    assert any("THREE" in "".join(span.text for span in note) for note in figure.notes)


# --- tables -------------------------------------------------------------------------------------------


def test_studies_without_a_randomised_control_carry_a_caution(made_up):
    tables = {**TWO, "arm_results": [{**arm("-12.5", "-20", "-4"), "trial_id": "two"}, arm("-33.5")]}
    figure = display.cohort_table(made_up(**tables))
    page = Page(figure.html())
    assert "−12.5 mL (95% CI −20 to −4)" in page.of("two.all.fvc-ml.w52.drug")
    assert "33.5" not in figure.html() and "ONE" not in read(figure)
    assert "Not randomised: one group without a comparison" in read(figure)
    assert "not randomised" in figure.caption


def _group(name: str, role: str = "intervention", treatment: str = "drug", **columns: str) -> dict[str, str]:
    return {"trial_id": "two", "arm": name, "label": name.capitalize(), "role": role, "treatment": treatment, "n_randomised": "", **columns}


@pytest.mark.parametrize(
    ("kind", "design", "groups", "said"),
    [
        ("cohort", "two groups", [_group("drug"), _group("none", "reference", "")], "who was given the treatment differs from who was not"),
        ("cohort", "two groups", [_group("drug"), _group("other", "active comparator", "placebo")], "who was given one treatment differs"),
        ("cohort", "one group", [_group("drug"), _group("all", "all", "")], "one group without a comparison"),
        ("cohort", "one group, before and after", [_group("drug")], "the same patients before and after"),
        ("cohort", "one group", [_group("drug"), _group("baseline", "reference", "")], "the same patients before and after"),
        ("cohort", "two groups", [_group("drug"), _group("others", "reference")], "Groups by diagnosis, all given the same treatment"),
        ("single-arm", "one arm", [_group("drug")], "No comparison"),
        ("single-arm", "historical controls", [_group("drug"), _group("earlier", "reference", "")], "may differ in more than the treatment"),
        ("case-control", "by disease", [_group("ill", "reference", ""), _group("well", "reference", "")], "chosen by how they fared"),
        ("case-control", "nested", [_group("drug"), _group("matched", "reference", "")], "matching deals only with what was recorded"),
        ("randomised-uncontrolled", "two doses", [_group("fast"), _group("slow", "active comparator")], "without an untreated group"),
    ],
)  # fmt: skip
def test_the_caution_follows_from_the_arms(made_up, kind, design, groups, said):
    trials = [{}, {**TRIALS[1], "kind": kind, "design": design}]
    figure = display.cohort_table(made_up(**{**TWO, "trials": trials, "arms": [*BASE["arms"], *groups]}))
    assert said in " ".join(figure.table.rows[0][5].plain())


def test_groups_by_diagnosis_are_no_treatments(made_up):
    groups = [_group("first"), _group("second", "reference")]
    (row,) = display.cohort_table(made_up(**{**TWO, "arms": [*BASE["arms"], *groups]})).table.rows
    assert row[3].plain() == ["All: drug", "First, Second"]


def test_the_size_of_a_study_falls_back_on_its_groups(made_up):
    """Where the whole is not known: those treated or analysed in each group, else those whose result is shown, else the hole."""
    unknown = {"trials": [{}, {**TRIALS[1], "n_randomised": ""}], "cohorts": [{}, {"trial_id": "two", "n": ""}]}
    groups = [_group("drug", n_treated="12"), _group("other", "active comparator", "placebo"), _group("earlier", "reference", "")]
    share = {"trial_id": "two", "arm": "other", "statistic": "percent", "unit": "% of patients", "percent": "40", "n": "20", "counts": "patients",
             "outcome": "death", "time_kind": "window", "role": "safety"}  # fmt: skip
    (row,) = display.cohort_table(made_up(**{**unknown, "arms": [*BASE["arms"], *groups], "arm_results": [share]})).table.rows
    assert " ".join(row[2].plain()).startswith("12 drug 20 other, analysed earlier: number not reported here")
    (row,) = display.cohort_table(made_up(**{**unknown, "arms": [*BASE["arms"], _group("drug")]})).table.rows
    assert " ".join(row[2].plain()).startswith("number of patients not reported here")


def test_a_figure_of_all_groups_of_a_study_says_so_and_a_share_of_how_many(made_up):
    groups = [_group("drug"), _group("other", "reference", ""), _group("all", "all", "")]
    share = {"trial_id": "two", "statistic": "percent", "unit": "% of patients", "percent": "40", "n": "20", "counts": "patients",
             "outcome": "death", "time_kind": "window", "role": "safety"}  # fmt: skip
    figure = display.cohort_table(made_up(**{**TWO, "arms": [*BASE["arms"], *groups], "arm_results": [{**share, "arm": "all"}]}))
    assert "all groups together 40 per 100 (n 20)" in read(figure)
    alone = display.cohort_table(
        made_up(**{**TWO, "arms": [*BASE["arms"], groups[0], groups[2]], "arm_results": [{**share, "arm": "all"}]})
    )
    assert "40 per 100 (n 20)" in read(alone) and "all groups" not in read(alone)


def test_counts_of_another_analysis_come_with_its_comparison(made_up):
    """Counts of all cases beside the odds ratio of some of them would look as if the ratio were made from them."""
    groups = [_group("drug"), _group("other", "reference", "")]
    ratio = {"trial_id": "two", "arm_b": "other", "outcome": "death", "measure": "OR", "unit": "ratio", "estimand": "proportion"}
    main = contrast("0.85", "0.49", "1.49", **ratio, note="Later cases.")
    wider = contrast("0.48", "0.30", "0.79", **ratio, variant="extended", preferred="false", note="All cases.")
    count = {"trial_id": "two", "statistic": "count", "unit": "patients", "counts": "patients", "outcome": "death", "variant": "extended"}
    counts = [{**count, "arm": "drug", "events": "39", "n": "100"}, {**count, "arm": "other", "events": "53", "n": "100"}]
    tables = {**TWO, "arms": [*BASE["arms"], *groups]}
    (row,) = display.cohort_table(made_up(**tables, contrasts=[main, wider], arm_results=counts)).table.rows
    said = " ".join(row[4].plain())
    assert "OR 0.85 (95% CI 0.49 to 1.49), drug versus other, at week 52 (later cases)" in said
    assert said.index("53 of 100") < said.index("OR 0.48 (95% CI 0.30 to 0.79) (all cases)")
    (row,) = display.cohort_table(made_up(**tables, contrasts=[main, wider])).table.rows
    assert "0.48" not in " ".join(row[4].plain())


def test_an_odds_ratio_of_a_time_is_said_to_be_printed_so(made_up):
    tables = {**TWO, "arms": [*BASE["arms"], _group("drug"), _group("other", "reference", "")]}
    ratio = {"trial_id": "two", "arm_b": "other", "outcome": "death", "measure": "OR", "unit": "ratio", "note": "Printed as an odds ratio."}
    for estimand, told in (("time to event", True), ("proportion", False)):
        figure = display.cohort_table(made_up(**tables, contrasts=[contrast("0.5", "0.2", "0.9", **ratio, estimand=estimand)]))
        assert ("(printed as an odds ratio)" in read(figure)) == told


def test_what_others_pooled_stands_apart(made_up):
    tables = {**TWO, "trials": [{}, {**TRIALS[1], "kind": "meta-analysis"}]}
    assert display.cohort_table(made_up(**tables)).table is None
    both = {**tables, "trials": [*tables["trials"], {"trial_id": "three", "acronym": "THREE", "kind": "single-arm"}]}
    both["cohorts"] = [*both["cohorts"], {"trial_id": "three"}]
    figure = display.cohort_table(made_up(**both))
    assert len(figure.table.rows) == len(figure.more.rows) == 1
    assert figure.more.caption == "Pooled analyses and reviews by others"


def test_background_tables_print_their_rows_and_name_their_holes(made_up):
    evidence = made_up(
        prevalence=[
            {"prevalence_id": "p1", "disease": "SSc", "population": "Adults", "basis": "on imaging", "kind": "upper limit", "high": "80", "unit": "%", **SRC},
            {"prevalence_id": "p2", "disease": "SSc", "population": "Adults", "basis": "as in the studies pooled", "kind": "pooled", "estimate": "47",
             "ci_low": "44", "ci_high": "50", "ci_level": "95", "unit": "%", **SRC},
            {"prevalence_id": "p3", "disease": "SSc", "population": "All ages", "basis": "not read", "kind": "range", "low": "30", "high": "40", "unit": "%",
             "comment": "Rare in children", "source_id": "article", "locator": "Table 1", "verification": "review"},
            {"prevalence_id": "p4", "disease": "RA", "population": "Adults", "basis": "on imaging", "kind": "single study", "estimate": "11", "n": "90",
             "unit": "%", **SRC},
        ],
        ct_patterns=[
            {"pattern_id": "c1", "disease": "SSc", "pattern": "UIP", "rank": "2", **SRC},
            {"pattern_id": "c2", "disease": "SSc", "pattern": "NSIP", "rank": "1", **SRC},
            {"pattern_id": "c3", "disease": "SSc", "pattern": "OP", "rank": "2", **SRC},
            {"pattern_id": "c4", "disease": "RA", "pattern": "UIP", "rank": "1", "percent_low": "27", "percent_high": "76", "note": "In clinics.", **SRC},
        ],
        autoantibodies=[
            {"association_id": "a1", "antibody": "Anti-X", "disease": "IIM", "population": "Adults", "finding": "ILD", "measure": "OR", "pooled": "true",
             "estimate": "3.34", "ci_low": "2.16", "ci_high": "5.16", "ci_level": "95", **SRC},
        ],
        instruments=[
            {"instrument_id": "i1", "name": "Index", "outcome": "tdi", "domain": "breath", "rated_by": "patient", "items": "1", "in_article": "no", **SRC},
        ],
        mcids=[{"outcome": "tdi", "direction": "worsening", "point": "-1.5", "low": "-2.5", "high": "-0.6", "unit": "points", "note": "Printed as a size."}],
        contrasts=[{**contrast("2", "1", "3"), "outcome": "tdi", "unit": "points"}],
    )  # fmt: skip
    page = Page(display.prevalence_table(evidence).html())
    assert "up to 80%" in page.of("p1") and "on imaging" in page.of("p1")
    assert "47% (95% CI 44 to 50)" in page.of("p2") and "pooled" in page.of("p2")
    systemic, joints = display.prevalence_table(evidence).table.rows
    assert systemic[1].plain() == ["30 to 40%, how it was looked for", "was not read", "Rare in children"]  # the disease is called as there
    assert systemic[2].plain()[1] == "Adults" and joints[1].plain() == ["not on its list"] and joints[2].plain()[1] == "n\u00a090"
    patterns = display.patterns_table(evidence)
    assert [row[2].plain() for row in patterns.table.rows] == [["NSIP, then UIP and OP alike"], ["UIP first, in 27 to 76%", "In clinics."]]
    assert not any("clinics" in plain(note) for note in patterns.notes)  # a note on one pattern stands beside it
    assert "Elsewhere: Made-up report, read in an abstract." in [plain(note) for note in patterns.notes]
    assert "odds ratio 3.34 (95% CI 2.16 to 5.16)" in Page(display.antibodies_table(evidence).html()).of("a1")
    instruments = display.instruments_table(evidence)
    assert "range not read" in read(instruments) and "direction not read" in read(instruments)
    assert "Favoured arm: ONE" in read(instruments) and "Patient, 1 item" in read(instruments) and "1 items" not in read(instruments)
    assert "How it was found: not read; printed as a size" in Page(display.mcid_table(evidence).html()).of("m1")
    assert "trial:one" in {a.get("href") for _, a in Page(instruments.html()).tags}
    for figure in (instruments, display.mcid_table(evidence)):
        assert "Worse: −1.5 (−2.5 to −0.6) points" in Page(figure.html()).of("m1")
        assert "no threshold" in figure.caption


def test_positions_say_what_was_not_read(made_up):
    approval = {"treatment": "drug", "agency": "FDA", "disease": "SSc", "indication": "ILD", "status": "approved", **SRC}
    position = {"treatment": "drug", "body": "EULAR", "year": "2023", "disease": "SSc", "line": "not stated", "direction": "for", **SRC}
    evidence = made_up(
        approvals=[
            {"approval_id": "a1", **approval, "date": "2019-09-06"},
            {"approval_id": "a2", **approval},
            {"approval_id": "a3", **approval, "date": "2025-12-19", "status": "under review"},
        ],
        recommendations=[
            {"recommendation_id": "r1", **position, "strength": "not read"},
            {"recommendation_id": "r2", **position, "strength": "strong", "line": "first line", "direction": "against"},
        ],
    )
    approvals = Page(display.approvals_table(evidence).html())
    assert approvals.of("a1").replace(text.NO_BREAK, " ").startswith("6 September 2019")
    assert "date not read" in " ".join(data for _, data in approvals.texts)
    assert approvals.of("a3").replace(text.NO_BREAK, " ").startswith("as of 19 December 2025"), "a review is no decision of that day"
    page = Page(display.recommendations_table(evidence).html())
    assert "EULAR 2023: for, strength not read" in page.of("r1")
    assert "EULAR 2023: against, strong" in page.of("r2") and "first line" in " ".join(data for _, data in page.texts)


def test_positions_of_a_disease_name_others_never_and_put_what_is_recommended_first(made_up):
    position = {"treatment": "drug", "body": "EULAR", "year": "2023", "line": "first line", "strength": "strong", **SRC}
    rows = [
        {"recommendation_id": "r1", **position, "disease": "MCTD", "direction": "against", "note": "Of the lung."},
        {"recommendation_id": "r2", **position, "disease": "SSc;MCTD;SjD", "direction": "for", "treatment": "placebo"},
        {"recommendation_id": "r3", **position, "disease": "SSc", "direction": "for"},
    ]
    treatments = [{"treatment": "drug", "name": "A drug"}, {"treatment": "placebo", "name": "Something else", "class": "placebo"}]
    evidence = made_up(recommendations=rows, treatments=treatments)
    body = [[" ".join(one.plain()) for one in row] for row in display.recommendations_table(evidence, "MCTD", "SjD").table.rows]
    assert [row[0] for row in body] == ["Something else", "A drug"]
    assert body[0][1] == "EULAR 2023: for, strong (first line)\u00a0P"
    assert body[1][1] == "EULAR 2023: against, strong (MCTD, first line, of the lung)\u00a0P"
    assert display.recommendations_table(evidence, "RA").table is None
    of_scope = made_up(recommendations=rows, treatments=treatments, scopes=[{**SCOPE, "diseases": "SSc"}])
    assert " ".join(display.recommendations_table(of_scope).table.rows[0][1].plain()) == "EULAR 2023: for, strong (first line)\u00a0P"


def test_a_note_that_positions_share_stands_once_and_what_was_not_read_is_said(made_up):
    position = {"body": "ACR", "year": "2023", "disease": "SSc;RA", "line": "first line", "direction": "for", "strength": "not read", **SRC}
    long = "All of these are options that the panel put to its vote; none of them comes before another."
    rows = [
        {"recommendation_id": "r1", **position, "treatment": "drug", "note": long},
        {"recommendation_id": "r2", **position, "treatment": "placebo", "note": long},
        {"recommendation_id": "r3", **position, "treatment": "drug", "disease": "SSc", "line": "progression despite first line"},
        {"recommendation_id": "r4", **position, "treatment": "drug", "disease": "PF-ILD", "line": "not stated", "body": "ATS"},
    ]
    sources = [{**row, "note": "Cut off after the first page."} if row["source_id"] == "report" else row for row in BASE["sources"]]
    evidence = made_up(recommendations=rows, sources=sources)
    joints = display.recommendations_table(evidence, "RA")
    notes = [plain(note) for note in joints.notes]
    assert [note for note in notes if "before another" in note] == [f"ACR 2023, first line: {text.in_sentence(long)}"]
    assert "before another" not in " ".join(joints.table.plain().split())
    assert "Made-up report: cut off after the first page." in notes
    assert "On progression despite first-line treatment nothing was read of ACR 2023 on RA." in notes
    assert "Of fibrosis that progresses, of whatever cause but IPF (PF-ILD): drug (for: ATS 2023)." in notes
    assert (
        not any(note.startswith(("P:", "A strength")) for note in notes) and "weak" not in joints.caption
    )  # a page of several tables says so
    assert not any("On progression" in plain(note) for note in display.recommendations_table(evidence, "SSc").notes)
    of_scope = display.recommendations_table(made_up(recommendations=rows, scopes=[{**SCOPE, "diseases": "RA"}]))
    assert of_scope.caption.endswith("A strength that was not read is not a weak one.") and plain(of_scope.notes[-1]).startswith("P: ")


def test_what_is_under_review_has_the_day_on_which_it_was(made_up):
    approval = {"approval_id": "a1", "treatment": "drug", "agency": "EU", "disease": "SSc", "indication": "ILD", "status": "under review", "date": "2025-12-19", **SRC}  # fmt: skip
    evidence = made_up(approvals=[approval])
    assert "as of 19 December 2025" in display.approvals_table(evidence).plain().replace(text.NO_BREAK, " ")


def test_the_horizon_holds_what_is_under_way_and_what_came_after(made_up):
    trials = [{}, {"trial_id": "soon", "acronym": "SOON", "status": "recruiting", "status_as_of": "2024-08", "n_planned": "90"}]
    evidence = made_up(trials=trials, cohorts=[{}, {"trial_id": "soon"}], arms=[*BASE["arms"], {"trial_id": "soon", "arm": "drug"}])
    figure = display.horizon_table(evidence)
    assert [row[0].plain() for row in figure.table.rows] == [["SOON"]]
    assert "90 planned" in read(figure) and "as of August 2024" in read(figure).replace(text.NO_BREAK, " ")
    reports = [
        {"report_id": "late", "citation": "late"},
        {"report_id": "early", "citation": "early"},
        {"report_id": "sum-main", "trial_id": "sum", "citation": "late"},
    ]
    trials = [*trials, {"trial_id": "sum", "kind": "meta-analysis"}]
    sources = [{**BASE["sources"][0]}, BASE["sources"][1], {"source_id": "article", "read_in": "source article", "citation": "seed"}]
    small = made_up(trials=trials, cohorts=[{}, {"trial_id": "soon"}, {"trial_id": "sum"}], reports=reports, sources=sources,
                    statements=[{"source_id": "article"}])  # fmt: skip
    works = {"seed": {"year": "2023"}, "late": {"year": "2024", "title": "Later"}, "early": {"year": "2022", "title": "Earlier"}}
    more = display.horizon_table(replace(small, bibliography=works, _index={})).more
    assert [row[1].plain()[0] for row in more.rows] == ["Later. 2024"]


def test_the_index_of_trials_has_reports_by_year_and_the_others_by_status(made_up):
    trials = [
        {"acronym": "Old", "year": "2010"},
        {"trial_id": "new", "acronym": "New 2020", "year": "2020"},
        {"trial_id": "going", "acronym": "Going", "year": "2023", "status": "active, not recruiting"},
        {"trial_id": "plan", "acronym": "Plan", "year": "2026", "status": "recruiting", "background_policy": "not reported"},
        {"trial_id": "another", "acronym": "Another", "year": "2025", "status": "recruiting"},
        {"trial_id": "joint", "acronym": "Joint", "year": ""},
    ]
    reports = [
        {"report_id": f"{trial}-{kind}", "trial_id": trial, "kind": kind}
        for trial, kind in (("new", "main"), ("going", "main"), ("going", "protocol"), ("plan", "protocol"), ("another", "protocol"))
    ]
    whole = [{"trial_id": trial.get("trial_id", "one")} for trial in trials]
    table = display.trial_index(made_up(trials=trials, cohorts=whole, reports=reports)).table
    heads = [row[0].plain() for row in table.rows]
    assert [head[0].strip() for head in heads] == ["Going", "New 2020", "Old", "Joint", "Another", "Plan"]
    assert [head[1:] for head in heads] == [
        ["2023; active, not recruiting"],
        [],
        ["2010"],
        ["year not read"],
        ["recruiting"],
        ["recruiting"],
    ]
    unseen = ["".join(span.text for span in row[0].lines[0] if span.tone == "unseen") for row in table.rows]
    assert "Year of report: 2020; Status: completed; " in unseen[1]
    assert "Year" not in unseen[5] and unseen[5].endswith("Status: recruiting; Background: not read; ")


def test_the_audit_keeps_what_is_proved_apart_from_what_is_not(made_up):
    rows = [
        {"discrepancy_id": "proved", "proof": "B", "severity": "low"},
        {"discrepancy_id": "worse", "proof": "A", "severity": "high"},
        {"discrepancy_id": "unsure", "proof": "C", "used": "corrected"},
        {"discrepancy_id": "unsure-too", "proof": "C", "severity": "low", "used": "withheld"},
        {"discrepancy_id": "elsewhere", "about": "other", "trial_id": "one"},
        {"discrepancy_id": "nowhere", "about": "other", "trial_id": "", "subject": "A guideline"},
    ]
    evidence = made_up(discrepancies=[*rows, {"discrepancy_id": "middling", "proof": "B", "severity": "medium"}])
    figure, minor = display.audit_table(evidence), display.audit_table(evidence, minor=True)
    assert [row[0].anchor for row in figure.table.rows] == ["discrepancy-worse", "discrepancy-middling"]
    # All doubts stand in one place, however little hangs on them, and none is called corrected.
    assert [row[0].anchor for row in figure.more.rows] == ["discrepancy-unsure", "discrepancy-unsure-too"]
    assert figure.more.caption == "Not confirmed (2): doubts, no findings" and "2 places" in figure.caption
    assert [row[3].plain()[0][:4] for row in figure.more.rows] == ["What", "Neit"] and "as a doubt" in figure.more.rows[0][3].lines[0][
        0
    ].text
    assert minor.more is None and [row[0].anchor for row in minor.table.rows] == ["discrepancy-proved"] and "1 place " in minor.caption
    assert minor.fold == "Open the table: 1 place"
    assert "discrepancy-elsewhere" not in figure.html() + minor.html()
    # What belongs to no trial has no other page.
    assert plain(figure.notes[0]).startswith("Between other sources. A guideline: ") and 'id="discrepancy-nowhere"' in figure.html()


def test_claims_lead_to_where_they_are_told_and_to_what_stands_against_them(made_up):
    rows = [
        {
            "claim_id": "ssc-3.drug",
            "paragraph": "ssc-3",
            "gist": "It works",
            "fate": "corrected",
            "page": "chapters/ssc-ild",
            "discrepancy_ids": "d1;d2",
        },
        {"claim_id": "table-2.cell", "paragraph": "table-2", "gist": "It is common", "fate": "told", "page": "chapters/background"},
    ]
    reasons = [
        {"discrepancy_id": "d1", "subject": "Its effect of -2"},
        {"discrepancy_id": "d2", "subject": "Its size", "about": "other", "trial_id": "one"},
    ]
    figure = display.claims_table(made_up(source_claims=rows, discrepancies=reasons))
    assert figure.caption == "2 statements of the source article: 1 stands as printed and 1 corrected."
    assert [row[0].plain() for row in figure.table.rows] == [["SSc-ILD, paragraph 3"]]
    assert [row[0].plain() for row in figure.more.rows] == [["Table 2"]] and figure.more.caption == "The 1 that stand as printed"
    links = {a.get("href") for _, a in Page(figure.html()).tags}
    assert {"page:chapters/ssc-ild", "#discrepancy-d1", "trial:one"} <= links
    assert "Corrected; Its effect of \u22122; Its size" in " ".join(figure.table.rows[0][2].plain())


def test_what_stands_against_a_claim_is_on_the_page_that_it_links_to(whole):
    claims = display.claims_table(whole)
    drawn = [display.audit_table(whole), display.audit_table(whole, minor=True)]
    anchors = {a.get("id") for figure in drawn for _, a in Page(figure.html()).tags}
    wanted = {a["href"][1:] for _, a in Page(claims.html()).tags if a.get("href", "").startswith("#")}
    assert len(wanted) > 40 and wanted <= anchors


def _fact(figure, name: str) -> list[str]:
    return next(row[1].plain() for row in figure.table.rows if row[0].plain() == [name])


def test_transplant_trials_stand_side_by_side_with_their_holes(made_up):
    treatments = [
        {"treatment": "drug", "class": "transplant"},
        {"treatment": "placebo", "name": "Cyclophosphamide", "class": "immunosuppressant"},
    ]
    arms = [
        {"arm": "drug", "label": "Graft"},
        {"arm": "placebo", "label": "Cyclophosphamide", "role": "active comparator", "treatment": "placebo"},
    ]

    def deaths(outcome: str, events: str, arm_name: str, weeks: str) -> dict[str, str]:
        return {"outcome": outcome, "arm": arm_name, "statistic": "count", "unit": "patients", "events": events, "n": "100", "counts": "patients",
                "weeks": weeks, "time_kind": "window", "role": "safety"}  # fmt: skip

    rows = [
        deaths("death-treatment", "8", "drug", "52"),
        deaths("death", "11", "drug", "52"),
        deaths("death", "7", "placebo", "52"),
        deaths("death", "19", "drug", "302"),
    ]
    survival = {
        "outcome": "event-free-survival",
        "name": "Event-free survival",
        "short": "Event-free",
        "domain": "survival",
        "unit": "patients",
    }
    planned = {
        **deaths("event-free-survival", "79", "drug", "234"),
        "variant": "per-protocol",
        "analysis_set": "per-protocol",
        "role": "secondary",
    }
    ratio = contrast("0.5", "0.2", "0.9", p="0.02", outcome="death", measure="HR", unit="ratio", time_kind="at", estimand="time to event")
    alive = {**deaths("overall-survival", "86", "drug", "313"), "time_kind": "landmark", "role": "secondary"}
    tested = contrast(
        "", p="0.02", outcome="overall-survival", measure="RD", unit="patients", weeks="313", time_kind="landmark", role="secondary"
    )
    figure = display.transplant_table(
        made_up(treatments=treatments, arms=arms, arm_results=[*rows, planned, alive], contrasts=[ratio, tested],
                outcomes=[*ALL_OUTCOMES, survival, {**survival, "outcome": "overall-survival", "name": "Survival"}])
    )  # fmt: skip
    facts = {row[0].plain()[0]: " ".join(row[1].plain()) for row in figure.table.rows}
    assert "graft 11 of 100; cyclophosphamide 7 of 100" in facts["Deaths, first year"]
    assert "graft 19 of 100" in facts["Deaths, later"] and "11 of 100" not in facts["Deaths, later"]
    assert "graft 8 of 100" in facts["Deaths due to treatment"]
    assert facts["Primary result"].startswith("Outcome: HR 0.5 ")  # its event, as the row of the outcome calls it
    assert "Event-free, over 234 weeks, per protocol: graft 79 of 100" in facts["Event-free survival"]
    assert facts["Reported"] == "2020, all that was read" and "Trial" not in facts
    assert "At year 6 (week 313): graft 86 of 100 (p = 0.02)" in facts["Alive"]
    assert "p = " not in facts["Deaths, first year"]  # the p-value of a hazard ratio at that time is not that of the counts up to it
    assert "regimen not read" in facts["Comparator"] and "Cyclophosphamide" in facts["Comparator"]
    # A share without a denominator, in a trial that also prints shares per protocol: of whom?
    share = {
        **alive,
        "events": "",
        "n": "",
        "statistic": "percent",
        "unit": "% of patients",
        "percent": "86",
        "analysis_set": "not-reported",
    }
    doubt = [
        display.transplant_table(
            made_up(treatments=treatments, arms=arms, arm_results=[*more, share],
                    outcomes=[*ALL_OUTCOMES, survival, {**survival, "outcome": "overall-survival", "name": "Survival"}])
        )
        for more in ([planned], [])
    ]  # fmt: skip
    assert ["of which patients is unclear" in " ".join(_fact(one, "Alive")) for one in doubt] == [True, False]
    assert [any("Of which patients is unclear" in plain(note) for note in one.notes) for one in doubt] == [True, False]
    bare = display.transplant_table(made_up(treatments=treatments, arms=arms))
    holes = {row[0].plain()[0] for row in bare.table.rows if row[1].plain() == ["not read"]}
    assert holes == {
        "Primary result",
        "Deaths due to treatment",
        "Deaths, first year",
        "Deaths, later",
        "Event-free survival",
        "Alive",
        "Another drug started later",
    }


def test_sources_stand_by_how_they_were_read_each_an_anchor(made_up):
    registry = {"source_id": "record", "title": "ClinicalTrials.gov NCT00000001", "read_in": "registry"}
    evidence = made_up(sources=[*BASE["sources"], registry], statements=[{"source_id": "news"}, {"source_id": "record", "outcome": "mrss"}])
    table = display.sources_table(evidence, {"report": 3, "news": 1, "record": 0}).table
    assert [row[0].plain() for row in table.rows] == [
        ["In an abstract", "1 source, 3 rows"],
        ["In the registry record", "1 source, 0 rows"],
        ["In a press report", "1 source, 1 row"],
    ]
    assert [span.anchor for row in table.rows for span in row[1].spans()] == ["source-report", "source-record", "source-news"]
    assert table.rows[1][1].plain() == ["NCT00000001"]
    assert 'id="source-news"' in table.html() and "source-article" not in table.html()


def test_a_page_lists_the_sources_of_what_it_shows(made_up):
    evidence = made_up(
        statements=[{"source_id": "news"}],
        cell_sources=[{"source_id": "news"}, {"source_id": "article", "column": "design"}],
    )
    shown = rows_by_source(
        evidence, '<td data-ref="one">x</td><td data-ref="one">y</td><a href="#source-unknown">P</a><td data-ref="nothing">'
    )
    assert shown == {"report": 1, "news": 1, "article": 1}
    assert rows_by_source(evidence, '<li data-source="news"></li><a href="#source-article">R</a>') == {"news": 0, "article": 0}
    page = nodes.document(None, None)
    (claim,) = [row.id for row in evidence["statements"]]
    page += nodes.section("", nodes.container(condition=f"{claim} exists; one kind = rct; nobody.* absent"), nodes.container())
    assert told_by_claims(page) == {claim, "one"} and told_by_claims(None) == set()
    assert rows_by_source(evidence, "", told_by_claims(page)) == {"report": 1, "news": 2, "article": 1}
    assert rows_by_source(evidence, "", {claim}) == {"news": 1}


@pytest.mark.parametrize("acronym", ["SHORT", "A-VERY-LONG-ONE"])
def test_in_the_timeline_the_arms_always_stand_under_the_name(made_up, acronym):
    for svg in drawings(display.timeline(made_up(trials=[{"acronym": acronym}]))):
        places = {e.text: (e.get("transform"), e.get("x"), e.get("y")) for e in svg.iter("text")}
        heights = {text: re.findall(r"-?[\d.]+", place[0] or "")[1:2] or [place[2]] for text, place in places.items()}
        arms = next(text for text in places if text and "versus" in text)
        assert float(heights[arms][0]) > float(heights[acronym][0])


@pytest.mark.parametrize(("disease", "mark"), [("IPF", "IPF only: "), ("PF-ILD;SSc", "Mixed: "), ("PF-ILD", "Mixed: "), ("SSc;IIM", "")])
def test_the_timeline_says_who_was_enrolled_where_it_was_not_ctd_ild_alone(made_up, disease, mark):
    figure = display.timeline(made_up(scopes=[{**SCOPE, "diseases": ""}], trials=[{"disease": disease}], cohorts=[{"disease": disease}]))
    assert f"ONE, {mark}arm versus arm" in figure.alt
    assert all(any(text.startswith(mark + "arm") for text in words_of(svg)) for svg in drawings(figure))
    assert figure.legend.startswith(mark.strip()) if mark else not figure.legend


def test_the_timeline_explains_an_open_circle_and_names_what_it_leaves_out(made_up):
    trials = [{"n_randomised": ""}, {"trial_id": "two", "acronym": "TWO", "year": ""}]
    figure = display.timeline(made_up(trials=trials, cohorts=[{"n": ""}, {"trial_id": "two"}], arms=TWO["arms"]))
    assert "Open circle: the number of patients was not read." in figure.legend
    assert "TWO" not in figure.alt and any("not read: TWO." in span.text for note in figure.notes for span in note)
    assert not display.timeline(made_up()).legend and not display.timeline(made_up()).notes


@pytest.mark.parametrize("name", PLAIN)
def test_where_there_is_nothing_one_sentence_says_so(made_up, name):
    evidence = made_up(scopes=[{**SCOPE, "diseases": "RA"}])
    figure = getattr(display, name)(evidence)
    assert figure.table is None and figure.svg_wide is None and figure.more is None
    assert re.fullmatch(r"No [^.]+\.", figure.plain())


def test_a_scale_leads_from_values_to_px():
    assert Scale(0, 10, 100, 200)(5) == 150
    assert Scale(1, 100, 0, 10, log=True)(10) == pytest.approx(5)


# --- the answer table over several trials ----------------------------------------------------------------


def _answers(figure) -> list[list[str]]:
    """Each row of the answer table, its cells as one text each."""
    return [[" ".join(one.plain()) for one in row] for row in figure.table.rows]


def _second(**columns: str) -> dict[str, list[dict[str, str]]]:
    """A second trial TWO beside the made-up one."""
    return {
        "trials": [{}, {"trial_id": "two", "acronym": "TWO", "year": "2010", **columns}],
        "cohorts": [{}, {"trial_id": "two", "disease": columns.get("disease", "SSc")}],
        "arms": [*BASE["arms"], {"trial_id": "two", "arm": "drug"}, {"trial_id": "two", "arm": "placebo", "role": "placebo", "treatment": "placebo"}],
    }  # fmt: skip


#: A result of each of the two trials: one of which nothing was read has no row.
_BOTH = [contrast("41", "10", "72"), contrast("99", "10", "188", trial_id="two")]


def test_in_a_row_of_several_trials_each_figure_stands_under_its_trial(made_up):
    sae = {"outcome": "sae", "statistic": "count", "unit": "patients", "events": "5", "n": "100", "counts": "patients", "role": "safety"}
    rows = _answers(
        display.answers(
            made_up(
                **_second(),
                contrasts=[contrast("41", "10", "72"), contrast("99", "10", "188", trial_id="two")],
                arm_results=[sae, {**sae, "arm": "placebo"}],
            )
        )
    )
    assert len(rows) == 1
    assert re.match(r"TWO 99 mL .* ONE 41 mL ", rows[0][1])
    assert rows[0][2] == "not reported here", "said once for all trials"
    assert rows[0][3].startswith("ONE Serious event: 5.0* vs 5.0*") and rows[0][3].endswith(
        "TWO: serious events and stopping: not reported here"
    )


def test_the_largest_trial_of_the_disease_comes_first(made_up):
    def order(**second):
        both = _second(**second)
        both["trials"][0] = {"n_randomised": "100"}
        scopes = [{"scope": "all", "title": "SSc", "diseases": "SSc"}]
        cell = _answers(display.answers(made_up(**both, contrasts=_BOTH, scopes=scopes)))[0][1]
        return re.findall(r"ONE|TWO", cell)

    assert order(n_randomised="200") == ["TWO", "ONE"]
    assert order(n_randomised="50") == ["ONE", "TWO"]
    assert order(n_randomised="200", disease="SSc;RA") == ["ONE", "TWO"], "a trial that mixes in other diseases comes after"


def test_regimens_of_one_treatment_have_rows_of_their_own(made_up):
    tables = _second()
    tables["arms"][2] |= {"label": "Arm, by vein"}
    heads = [row[0] for row in _answers(display.answers(made_up(**tables, contrasts=_BOTH)))]
    assert len(heads) == 2 and "TWO" in heads[0] and "ONE" not in heads[0] and heads[0].startswith("Arm, by vein versus")


def test_trials_of_idiopathic_fibrosis_come_last_and_say_so(made_up):
    evidence = made_up(**_second(disease="IPF"), contrasts=_BOTH)
    figure = display.answers(evidence)
    rows = _answers(figure)
    assert len(rows) == 1 and "ONE" in rows[0][0] and "idiopathic" not in rows[0][0]
    [apart] = [" ".join(row[0].plain()) for row in figure.more.rows]
    assert "TWO" in apart and "in idiopathic pulmonary fibrosis, not CTD-ILD" in apart
    assert figure.more.caption == "In idiopathic pulmonary fibrosis, not CTD-ILD"
    trials = display.evidence_table(evidence)
    assert [row[0].plain()[0] for row in trials.table.rows] == ["ONE"] and [row[0].plain()[0] for row in trials.more.rows] == ["TWO"]
    assert "TWO" in trials.more.caption, "what opens the table names the trials in it"


def test_where_all_trials_are_of_idiopathic_fibrosis_they_are_the_table(made_up):
    evidence = made_up(trials=[{"disease": "IPF"}], cohorts=[{"disease": "IPF"}], contrasts=[contrast("40", "10", "70")])
    for figure in (display.answers(evidence), display.evidence_table(evidence)):
        assert figure.table.rows and figure.more is None


def test_a_secondary_result_of_a_missed_trial_says_both(made_up):
    for met, role, expected in (("not met", "secondary", True), ("not met", "primary", False), ("met", "secondary", False)):
        effect = _answers(display.answers(made_up(trials=[{"primary_met": met}], contrasts=[contrast("41", "10", "72", role=role)])))[0][1]
        assert ("the trial missed its aim" in effect) is expected
        assert ("secondary outcome" in effect) is (role == "secondary")


def test_the_group_with_the_disease_answers_beside_a_mixed_trial(made_up):
    cohorts = [{}, {"cohort": "ctd", "label": "CTD", "kind": "disease", "parent": "all", "n": "50"},
               {"cohort": "late", "label": "Late", "kind": "subgroup", "parent": "all", "n": "90"}]  # fmt: skip
    rows = [contrast(e, "10", "90", cohort=c) for e, c in (("41", "all"), ("42", "ctd"), ("43", "late"))]
    effect = _answers(display.answers(made_up(cohorts=cohorts, contrasts=rows)))[0][1]
    assert "41 mL" in effect and "42 mL" in effect and "43 mL" not in effect


def test_opposite_positions_name_their_diseases(made_up):
    position = {"treatment": "drug", "body": "ACR", "year": "2023", "line": "first line", "strength": "conditional", **SRC}
    rows = [
        {"recommendation_id": "r1", **position, "disease": "SSc", "direction": "for"},
        {"recommendation_id": "r2", **position, "disease": "IIM", "direction": "against"},
        {"recommendation_id": "r3", **position, "disease": "MCTD", "direction": "against"},
    ]

    def said(disease, positions, **scope):
        tables = {"trials": [{"disease": disease}], "cohorts": [{"disease": disease}], "recommendations": positions}
        return _answers(display.answers(made_up(**tables, scopes=[{**SCOPE, **scope}], contrasts=_BOTH[:1])))[0][4]

    mixed = said("SSc;IIM;MCTD", rows)
    assert "For: ACR 2023 (conditional; first line, SSc)" in mixed
    assert "Against: ACR 2023 (conditional; first line, IIM and MCTD)" in mixed
    assert "For: ACR 2023 (conditional; first line)" in said("SSc", rows[:1])
    assert "IIM" not in said("SSc", rows, diseases="SSc"), "no patient of the trial has it"
    assert "IIM" in said("SSc", rows), "a page on a treatment is read for every one of these diseases"
    whole = {"recommendation_id": "r4", **position, "disease": "CTD", "direction": "against", "note": "All but RA. More was not read."}
    assert "Against: ACR 2023 (conditional; first line; All but RA)" in said("SSc", [whole])
    assert "No guideline position" in said("IPF", [whole])


def test_of_a_transplantation_deaths_are_counted_early_and_late(made_up):
    treatments = [{"treatment": "drug", "class": "transplant"}, {"treatment": "placebo", "class": "placebo"}]
    count = {"statistic": "count", "unit": "patients", "n": "100", "counts": "patients", "role": "safety"}
    rows = [
        {**count, "outcome": "death-treatment", "events": "8", "weeks": "52"},
        {**count, "outcome": "death", "events": "11", "weeks": "52"},
        {**count, "outcome": "death", "events": "19", "weeks": "302", "time_kind": "median-follow-up"},
    ]
    hazard = {"outcome": "death", "measure": "HR", "unit": "ratio", "time_kind": "at", "estimand": "time to event"}
    ratios = [contrast(e, "0.2", "3", weeks=w, **hazard) for e, w in (("2.0", "13"), ("1.1", "52"), ("0.5", "104"))]
    figure = display.answers(made_up(treatments=treatments, arm_results=rows, contrasts=ratios))
    effect, harms = _answers(figure)[0][1], _answers(figure)[0][3]
    assert "Death due to treatment: 8.0*" in harms and "Death of any cause: 11.0*" in harms and "Death of any cause: 19.0*" in harms
    assert figure.table.columns[1].name == "Primary outcome"
    assert "HR 2.0 " in effect and "HR 0.5 " in effect and "HR 1.1 " not in effect
    assert "No effect on FVC was read" in figure.plain()


def test_deaths_stand_in_where_no_other_harm_was_read(made_up):
    count = {"statistic": "count", "unit": "patients", "n": "100", "counts": "patients", "role": "safety"}
    death = {**count, "outcome": "death", "events": "8", "time_kind": "mean-follow-up", "weeks": "32"}
    alone = _answers(display.answers(made_up(arm_results=[death])))[0][3]
    beside = _answers(display.answers(made_up(arm_results=[death, {**count, "outcome": "sae", "events": "5"}])))[0][3]
    assert alone.startswith("Death of any cause: 8.0* vs not reported here, mean follow-up 32 weeks")
    of_placebo = _answers(display.answers(made_up(arm_results=[{**death, "arm": "placebo"}])))[0][3]
    assert of_placebo == "Serious events and stopping: not reported here"
    assert "Death" not in beside and "Stopped for an event: not reported here" in beside


def test_the_harm_that_differs_most_stands_beside_serious_events(made_up):
    count = {"statistic": "count", "unit": "patients", "n": "100", "counts": "patients", "role": "safety"}
    outcomes = [*BASE["outcomes"], *({"outcome": o, "short": o.title(), "domain": "harms", "unit": "patients"} for o in ("nausea", "rash"))]
    shares = {"sae": ("20", "40"), "nausea": ("30", "12"), "rash": ("9", "8")}
    rows = [
        {**count, "outcome": o, "arm": a, "events": n} for o, both in shares.items() for a, n in zip(("drug", "placebo"), both, strict=True)
    ]
    harms = _answers(display.answers(made_up(outcomes=outcomes, arm_results=rows)))[0][3]
    assert "Serious event: 20.0* vs 40.0*" in harms and "Nausea: 30.0* vs 12.0*" in harms and "Rash" not in harms
    words = [{"outcome": "rash", "verdict": "no difference shown"}]
    harms = _answers(display.answers(made_up(outcomes=outcomes, statements=words, contrasts=_BOTH[:1])))[0][3]
    assert harms.startswith("No difference shown, counts not read: rash")


def test_a_harm_told_in_words_alone_is_not_called_unreported_too(made_up):
    count = {"statistic": "count", "unit": "patients", "n": "100", "counts": "patients", "role": "safety", "outcome": "ae-stop"}
    outcomes = [*ALL_OUTCOMES, {"outcome": "ae-stop", "short": "Stopped", "domain": "harms", "unit": "patients"}]
    rows = [{**count, "arm": a, "events": n} for a, n in (("drug", "5"), ("placebo", "6"))]
    harms = _answers(
        display.answers(made_up(outcomes=outcomes, arm_results=rows, statements=[{"outcome": "sae", "verdict": "no difference shown"}]))
    )[0][3]
    assert "No difference shown, counts not read: serious event" in harms and "not reported here" not in harms


def test_rates_by_time_of_treatment_stand_among_the_harms_with_their_intervals(made_up):
    outcomes = [
        *BASE["outcomes"],
        {"outcome": "infection-rate", "short": "Infections, rate", "domain": "harms", "unit": "per 100 patient-years"},
    ]
    rate = {"outcome": "infection-rate", "statistic": "rate", "unit": "per 100 patient-years", "level": "95", "role": "safety"}
    rows = [{**rate, "arm": "drug", "value": "34.8", "low": "18.0", "high": "60.8"}, {**rate, "arm": "placebo", "value": "10.9"}]
    harms = _answers(display.answers(made_up(outcomes=outcomes, arm_results=rows)))[0][3]
    assert "Infections, per 100 patient-years: 34.8 (95% CI 18.0 to 60.8) vs 10.9" in harms


def test_a_ratio_stands_beside_the_shares_that_it_is_of_and_a_primary_outcome_without_comparison_in_its_arms(made_up):
    count = {"statistic": "count", "unit": "patients", "n": "100", "counts": "patients", "role": "primary", "outcome": "sae"}
    rows = [{**count, "arm": a, "events": n} for a, n in (("drug", "16"), ("placebo", "31"))]
    both = display.answers(
        made_up(arm_results=rows, contrasts=[contrast("0.5", "0.3", "0.8", outcome="sae", measure="RR", unit="ratio", role="primary")])
    )
    assert "arm 16 of 100, arm 31 of 100; RR 0.5 (95% CI 0.3 to 0.8)" in _answers(both)[0][1]
    alone = _answers(display.answers(made_up(arm_results=rows)))[0][1]
    assert "16 of 100 vs 31 of 100, no test between the arms read" in alone


def test_the_difference_of_two_shares_has_its_interval(whole):
    """Newcombe's own example: 56 of 70 against 48 of 80 (Stat Med 1998;17:873, table II, method 10)."""
    count = {"statistic": "count", "unit": "patients", "counts": "patients", "outcome": "sae"}
    small = build(arm_results=[{**count, "arm": a, "events": e, "n": n} for a, e, n in (("drug", "56", "70"), ("placebo", "48", "80"))])
    pair = tuple(small["arm_results"])
    assert difference(pair) == "20.0 (5.2 to 33.4)"
    assert difference(pair[:1]) == ""
    misfit = tuple(whole.row(f"panther-ipf.all.death.w60.{arm}") for arm in ("n-acetylcysteine", "placebo"))
    assert difference(misfit) == "", "6 of 133 is not the 4.9% that stands beside it"
    figure = display.harms(whole.scope("ssc-ild"))
    assert "difference 44.1 (" in figure.html(), "SENSCIS prints percentages, and one count each rounds to them"
    assert "difference" in plain(figure.legend).lower()


def test_a_sum_is_marked_as_computed(whole):
    assert text.rate_per_100(whole.row("inbuild.all.diarrhoea.w52.nintedanib")).marked == "66.9*"
    assert text.rate_per_100(whole.row("inbuild.all.death.w52.nintedanib")).marked == "4.8"


def test_where_no_effect_on_fvc_can_be_shown_the_table_says_what_there_is(made_up):
    def effect(**tables):
        return _answers(display.answers(made_up(**_second(), **tables)))[0][1]

    other = contrast("3", "1", "5", outcome="mrss", unit="points", role="primary")
    assert effect(contrasts=[_BOTH[1], other]).startswith("TWO 99 mL") and "ONE Not FVC: the primary outcome 3 points" in effect(
        contrasts=[_BOTH[1], other]
    )
    hidden = {**_BOTH[0], "caution": "withheld"}
    assert "ONE Withheld, since sources disagree: see ONE" in effect(contrasts=[_BOTH[1], hidden])
    words = [{"verdict": "favours", "favours": "drug", "says": "It was higher on the drug."}]
    alone = contrast("", p="0.003")
    assert "p = 0.003 outcome, at week 52, favours" in effect(contrasts=[alone], statements=words)
    assert "favours" not in effect(contrasts=[alone])


def test_figures_that_do_not_fit_each_other_are_shown_with_what_is_known_of_them(made_up):
    row = {"outcome": "sae", "statistic": "count", "unit": "patients", "events": "6", "percent": "4.9", "n": "133", "counts": "patients"}
    record = {"table": "arm_results", "row_id": "one.all.sae.w52.drug", "figures": "6; 133; 4.9", "reason": "Perhaps a share over time."}
    said = "As printed, though the figures do not fit each other: ONE, arm, Serious event at week 52. Perhaps a share over time."
    for rule, told in (("percent", True), ("arm-decimals", False)):
        plain = display.harms(made_up(arm_results=[row], explanations=[{"rule": rule, **record}])).plain()
        assert (said in " ".join(plain.split())) is told


def test_benefits_are_no_harms_and_an_extension_is_no_comparison(made_up):
    count = {"statistic": "count", "unit": "patients", "n": "100", "counts": "patients", "events": "8"}
    survival = {"domain": "survival", "unit": "patients"}
    outcomes = [
        *BASE["outcomes"],
        {"outcome": "alive", "short": "Alive", "better": "higher", **survival},
        {"outcome": "disease-progression", "short": "Went on", "better": "lower", **survival},
    ]
    cohorts = [{}, {"cohort": "open", "label": "Open label", "kind": "extension", "parent": "all", "n": "90"}]
    rows = [
        {**count, "outcome": o, "cohort": c, "arm": a}
        for o, c in (("sae", "all"), ("alive", "all"), ("disease-progression", "all"), ("sae", "open"))
        for a in ("drug", "placebo")
    ]
    figure = display.harms(made_up(outcomes=outcomes, cohorts=cohorts, arm_results=rows))
    drawn = "".join(span.text for span in figure.said)
    assert (
        drawn.count("at week 52") == 1 and "Open label" not in drawn and "Alive" not in figure.plain() and "Went on" not in figure.plain()
    )
    assert "After the randomised comparison: ONE, outcome, open label" in " ".join(figure.plain().split()).replace(
        "Open label", "open label"
    )


def test_guidelines_on_comparators_are_not_called_untested(made_up):
    position = {"body": "ACR", "year": "2023", "line": "first line", "strength": "strong", "disease": "SSc", "direction": "for", **SRC}
    treatments = [*BASE["treatments"], {"treatment": "old", "name": "Old"}, {"treatment": "other", "name": "Other"}]
    arms = [BASE["arms"][0], {"arm": "placebo", "role": "active comparator", "treatment": "old"}]
    rows = [{"recommendation_id": f"acr-{t}", **position, "treatment": t} for t in ("drug", "old", "other")]
    figure = display.answers(made_up(treatments=treatments, arms=arms, recommendations=rows, contrasts=_BOTH[:1]))
    plain = " ".join(figure.plain().split())
    assert "that were comparators here: old (for: ACR 2023)." in plain
    assert "no randomised trial of it in this disease is entered here: other (for: ACR 2023)." in plain


def test_a_dose_of_which_nothing_was_read_has_no_row(made_up):
    arms = [*BASE["arms"], {"arm": "low", "label": "Low dose"}]
    heads = [row[0] for row in _answers(display.answers(made_up(arms=arms, contrasts=[contrast("41", "10", "72")])))]
    assert len(heads) == 1 and not heads[0].startswith("Low dose")


def test_an_instrument_with_a_result_is_not_called_unused(evidence):
    plain = display.pro_matrix(evidence.scope("all")).plain()
    unused = " ".join(plain.partition("without a result of these trials:")[2].split(".")[0].split())
    assert "SGRQ-I" in unused
    for used in ("D-12", "SOBQ", "L-PF", "mRSS"):
        assert used not in unused, f"{used} has a result"


def test_a_folded_table_says_how_much_is_in_it_and_keeps_its_notes(made_up):
    rows = [arm("-40"), arm("-90", arm="placebo"), arm("-70", weeks="104")]
    figure = display.arm_changes(made_up(arm_results=rows), "fvc-ml")
    assert figure.fold == "Open the table: 2 trials and groups"
    html = replace(figure, notes=((Span("a note"),),)).html()
    fold = re.search(r'<details class="ctd-fold"><summary>(.*?)</summary>(.*?)</details>', html, re.S)
    assert fold[1] == figure.fold and "<table" in fold[2] and "a note" in fold[2]
    assert html.index("<figcaption>") < html.index("<details") and "a note" not in html.replace(fold[0], "")


def test_the_arms_of_one_group_share_a_row(made_up):
    rows = [arm("-40", n="50"), arm("-90", arm="placebo", n="48"), arm("-70", weeks="104")]
    [first, second] = display.arm_changes(made_up(arm_results=rows), "fvc-ml").table.rows
    assert first[2].plain()[:2] == ["Arm: \u221240 mL, n 50", "Arm: \u221290 mL, n 48"]
    assert second[2].plain()[0] == "Arm: \u221270 mL" and second[1].plain() == ["at week 104"]


def test_withheld_harms_are_named_and_not_drawn(whole):
    antifibrotics = whole.scope("antifibrotics")
    figure = display.harms(antifibrotics)
    [note] = [plain(note) for note in figure.notes if plain(note).startswith("Withheld")]
    assert note == "Withheld, since sources disagree: FIBRONEER-ILD, stopped for an event."
    withheld = {row.id for row in antifibrotics["arm_results"] if row.withheld}
    assert withheld and not withheld & figure.refs and "nerandomilast" not in figure.svg_wide
    cells = [" ".join(row[3].plain()) for row in display.answers(antifibrotics).table.rows if "erandomilast" in row[0].plain()[0]]
    assert cells and all(cell.startswith("Withheld, since sources disagree") for cell in cells)


def test_only_arms_of_which_something_is_drawn_have_a_column(made_up):
    arms = [*BASE["arms"], {"arm": "other", "label": "Other", "treatment": "drug"}]
    rows = [arm("", arm=name, outcome="sae", unit="patients", statistic="count", events=events, n="50", counts="patients", time_kind="window")
            for name, events in (("drug", "5"), ("placebo", "4"))]  # fmt: skip
    figure = display.harms(made_up(arms=arms, arm_results=rows))
    assert "ONE: arm versus arm" in re.findall(r">([^<]+)<", figure.svg_wide) and "open square" not in plain(figure.legend)


def test_a_primary_outcome_without_estimate_has_the_figures_of_both_arms(whole):
    rows = {" ".join(row[0].plain()): " ".join(row[1].plain()) for row in display.answers(whole.scope("iim-ild")).table.rows}
    [cell] = [text for head, text in rows.items() if "Fujisawa 2021" in head]
    assert "tacrolimus 87%, ciclosporin 71%; p = 0.16" in cell


def test_what_is_kept_out_of_a_drawing_for_one_reason_stands_in_one_line(whole):
    ssc = whole.scope("ssc-ild")
    for figure in (display.forest(ssc, "fvc-pp"), display.harms(ssc)):
        leads = [plain(note).partition(":")[0] for note in figure.notes if plain(note).startswith(("Not drawn", "Events", "After"))]
        assert leads and len(leads) == len(set(leads))


def test_a_ratio_of_a_logistic_regression_is_one_of_odds(whole):
    table = display.antibodies_table(whole.scope("iim-ild")).table
    said = " ".join(" ".join(" ".join(row[1].plain()) for row in table.rows).split())
    assert "ILD: 6-fold odds, printed as risk." in said and "fold risk" not in said
    assert "odds ratio 3.34" in said


def test_antibodies_stand_study_by_study_with_its_name_and_link(whole):
    table = display.antibodies_table(whole.scope("iim-ild")).table
    studies = {" ".join(row[2].plain()): row for row in table.rows}
    assert len(studies) == len(table.rows)
    [zhang] = [row for name, row in studies.items() if name.startswith("Zhang 2016")]
    assert next(span.link for span in zhang[2].spans()) == "https://doi.org/10.1371/journal.pone.0155381"
    said = " ".join(zhang[1].plain())
    assert "Anti-Jo-1. ILD" in said and "Anti-MDA5. ILD" in said and said.count("23 studies.") == 1  # what is to know of both, once
    assert " ".join(zhang[0].plain()).endswith("834 with and 1245 without ILD")


def test_a_p_value_of_unclear_meaning_stands_in_the_note_alone(whole):
    said = " ".join(display.antibodies_table(whole.scope("ssc-ild")).plain().split())
    assert "not associated with lung fibrosis. 18%" in said


def test_a_name_that_ends_with_the_year_is_not_followed_by_it(made_up):
    for acronym, lines in (("Jones 2006", ["Jones 2006"]), ("ONE", ["ONE", "2006"])):
        evidence = made_up(trials=[{"acronym": acronym, "year": "2006"}])
        assert display.evidence_table(evidence).table.rows[0][0].plain() == lines


def test_the_page_of_a_trial_has_no_empty_cell_and_says_what_was_not_read(whole):
    for trial in whole["trials"]:
        for heading, figure in display.trial_figures(whole, trial.trial_id):
            for table in (figure.table, figure.more):
                empty = [row[0].plain() for row in (table.rows if table else ()) for one in row if not any(one.plain())]
                assert not empty, (trial.trial_id, heading, empty)
    facts = dict(display.trial_figures(whole, "senscis"))["Design"]
    assert plain(facts.notes[0]) == "Not read: sites, countries, patients randomised and primary outcome as registered."


def test_the_day_on_which_corrections_were_looked_for_stands_beside_the_report(made_up):
    for day, shown in (("2026-01-31", True), ("", False)):
        figure = dict(display.trial_figures(made_up(reports=[{"checked_on": day}]), "one"))["Reports"]
        said = " ".join(figure.plain().split())
        assert ("Looked for corrections on" in said) == shown and "not yet" not in said


def test_results_corrected_for_one_reason_are_named_together(whole):
    table = display.corrections_table(whole.scope("ssc-ild")).table
    names = [" ".join(span.text for line in row[0].lines for span in line) for row in table.rows]
    merged = next(name for name in names if name.startswith("focuSSced"))
    assert merged.count("focuSSced") == 1 and "tocilizumab / placebo" in merged and "5 to 10%" in merged and "above 20%" in merged
    assert all(len(row[0].refs) == len(set(row[0].refs)) > 0 for row in table.rows)


def test_the_state_of_the_review_counts_its_rows(made_up, whole):
    rows = [
        arm("1", arm="drug", verification="primary"),
        arm("2", arm="placebo", verification="review", caution="withheld"),
    ]
    facts = {row[0].plain()[0]: " ".join(row[1].plain()) for row in display.status_table(made_up(arm_results=rows)).table.rows}
    assert facts["Studies"].startswith("1: 1 completed or stopped, 1 of them randomised")
    assert facts["Results"].startswith("2:") and facts["Not as printed"] == "0 corrected, 1 withheld since sources disagree"
    assert facts["Read"] == "1 in trials' own reports, abstracts or records; 1 only in the source article"
    levels = [row.verification for table in ("arm_results", "contrasts", "statements") for row in whole[table]]
    now = {row[0].plain()[0]: row[1].lines[0][0].text for row in display.status_table(whole.scope("all")).table.rows}["Read"]
    assert now.startswith(f"{levels.count('primary')} in trials' own reports") and f"; {levels.count('secondary')} second-hand" in now


def test_what_was_reported_since_a_year_stands_newest_first(whole):
    table = display.reported_since(whole.scope("all"), 2023).table
    rows = {row[0].lines[0][0].text: [" ".join(one.plain()) for one in row] for row in table.rows}
    assert rows["SLS III"][3] == "Not met" and rows["EVER-ILD"][3] == "Met" and "SENSCIS" not in rows
    years = [next(t.year for t in whole["trials"] if t.acronym == name) for name in rows]
    assert years == sorted(years, reverse=True) and min(years) >= 2023
    assert display.reported_since(whole.scope("all"), 2100).table is None


def test_the_horizon_tells_the_age_of_its_records_and_what_is_not_known(made_up):
    under_way = [
        {"trial_id": "new", "acronym": "NEW", "status": "recruiting", "status_as_of": "2026-03-03"},
        {"trial_id": "month", "acronym": "MONTH", "status": "recruiting", "status_as_of": "2025-03", "n_planned": "90"},
        {"trial_id": "old", "acronym": "OLD", "status": "registered", "status_as_of": "2025-02-04", "kind": "cohort", "masking": "open label",
         "design": "Two groups; whether by chance was not read"},
        {"trial_id": "bare", "acronym": "BARE", "status": "unknown"},
    ]  # fmt: skip
    ids = [one["trial_id"] for one in under_way]
    size = {"about": "other", "stated": "90, in the text", "against": "70, in a field", "used": "both", "proof": "A"}
    tables = {
        "trials": [{}, *under_way],
        "cohorts": [{}, *({"trial_id": one} for one in ids)],
        "arms": [*BASE["arms"], *({"trial_id": one, "arm": name} for one in ids for name in ("drug", "placebo"))],
        "contrasts": [contrast("1.0", "0.5", "1.5", trial_id="old")],
        "discrepancies": [
            {"discrepancy_id": "month-size", "trial_id": "month", "subject": "Size of MONTH", **size},
            {"discrepancy_id": "new-dose", "trial_id": "new", "subject": "Dose of NEW", **size},
        ],
    }
    evidence = made_up(**tables)
    figure = display.horizon_table(evidence)
    rows = {row[0].plain()[0]: [" ".join(one.plain()).replace(text.NO_BREAK, " ") for one in row] for row in figure.table.rows}
    assert rows["NEW"][4] == "Recruiting as of 3 March 2026" and rows["MONTH"][4] == "Recruiting as of March 2025"
    assert rows["OLD"][4] == "Registered as of 4 February 2025 an old record: look it up results reported"
    assert rows["OLD"][2].startswith("Open label, two groups; whether by chance was not read") and rows["NEW"][2].startswith("Randomised")
    assert rows["BARE"][4] == "Unknown date of the record not read"
    notes = ["".join(span.text for span in note).replace(text.NO_BREAK, " ") for note in figure.notes]
    assert notes[1].startswith(
        "What was read last for this review is of 3 March 2026; 1 of 4 records is more than a year older, 1 bears no date."
    )
    assert notes[2:] == ["Size of MONTH: 90, in the text; 70, in a field."]
    later = made_up(**tables, sources=[{"source_id": "report", "read_on": "2026-11-27"}, *BASE["sources"][1:]])
    said = ["".join(span.text for span in note).replace(text.NO_BREAK, " ") for note in display.horizon_table(later).notes]
    assert "27 November 2026; 2 of 4 records are" in said[1], "the last reading counts"


def _glance(whole, scope, head):
    """The row of an answer table that begins with these words, as texts."""
    figure = display.answers(whole.scope(scope))
    rows = [[" ".join("".join(span.text for span in one) for one in part.lines) for part in row] for row in figure.table.rows]
    return next(row for row in rows if row[0].startswith(head))


def test_a_missed_primary_outcome_on_fvc_comes_before_another(whole):
    fvc = _glance(whole, "ra-ild", "Pirfenidone versus placebo")[1]
    assert fvc.startswith("Primary outcome pirfenidone 11.1%, placebo 15%; OR 0.67") and fvc.index("OR 0.67") < fvc.index("80 mL/year")
    assert "Primary outcome" not in _glance(whole, "ssc-ild", "Cyclophosphamide versus placebo")[1], "SLS I met it"


def test_of_fvc_told_in_words_alone_the_words_stand_there(whole, made_up):
    assert "significant with the planned imputation" in _glance(whole, "antifibrotics", "Pirfenidone versus placebo")[1]
    said = {"outcome": "fvc-ml", "says": "Its fall foretold death."}

    def shown(verdict):
        return _answers(display.answers(made_up(**_second(), contrasts=[_BOTH[1]], statements=[{**said, "verdict": verdict}])))[0][1]

    assert "foretold" in shown("describes") and "foretold" not in shown("predicts"), "what it foretells is no effect"


def test_trials_of_ipf_alone_say_so_in_charts(whole):
    antifibrotics = whole.scope("antifibrotics")
    for svg in drawings(display.forest(antifibrotics, "fvc-pp")):
        assert any("CAPACITY 004 (IPF)" in text for text in words_of(svg))
    assert "ASCEND (IPF)" in display.harms(antifibrotics).alt and "INBUILD (IPF)" not in display.harms(antifibrotics).alt


def test_positions_say_what_they_are_on(whole):
    assert "ACR/CHEST 2023 (conditional; after progression), for referral" in _glance(whole, "transplant", "Stem-cell")[4]
    assert "EMA (product information) (date not read)" in _glance(whole, "antifibrotics", "Nintedanib versus placebo")[4]
    assert "Research only: ATS/ERS/JRS/ALAT 2022" in _glance(whole, "ra-ild", "Pirfenidone versus placebo")[4]


def test_a_change_in_one_group_is_called_one(whole):
    figure = display.cohort_table(whole.scope("ssc-ild"))
    nannini = next(row for row in figure.more.rows if row[0].plain()[0].startswith("Nannini"))
    assert "change from the start, no comparison" in " ".join(nannini[4].plain())


def test_a_star_in_the_table_of_enrolment_is_explained(whole):
    figure = display.enrolment(whole.scope("all"))
    assert "%*" in figure.table.plain() and any("computed here" in plain(note) for note in figure.notes)


def test_the_day_on_which_a_source_was_read_is_no_figure_from_it(whole):
    assert not rows_by_source(whole, '<td data-ref="astellas-tacrolimus-2013">27 November 2026</td>')
    assert rows_by_source(whole, '<td data-ref="tacrolimus-japan-iim">14 June 2013</td>') == {"astellas-tacrolimus-2013": 1}
