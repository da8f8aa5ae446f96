"""What is pooled, as it is shown: every diamond with what has to stand under it, and nothing drawn that the gate refuses."""

from __future__ import annotations

import re

import pytest
from test_synthesis_summary import LIKE, world

from ctdild import display
from ctdild.book.figures import EvidenceReferenceError, figure_text
from ctdild.claims import ClaimError, evaluate
from ctdild.display.pooltext import answer_text, number_needed_text
from ctdild.display.strip import favours
from ctdild.synthesis import pools, summary


def said(figure) -> str:
    return " ".join(figure.plain().split())


@pytest.fixture(scope="module")
def drawn(evidence):
    declared = [row.pool_id for row in evidence["pools"] if pools.judge(evidence, row.pool_id).drawn]
    return {pool: display.pooled(evidence, pool) for pool in declared}


def test_under_each_diamond_stands_what_a_reader_needs(evidence, drawn):
    assert len(drawn) >= 7
    for pool, figure in drawn.items():
        found, text = summary.summarise(evidence, pool), said(figure)
        assert f"Together: {answer_text(found, found.headline)}" in text, pool
        assert f"{found.k} trials" in text, pool
        assert "Standard errors: " in text, pool
        assert "Other methods on the same trials: " in text, pool
        assert "Why these: " in text, pool
        assert ("Pooled although they differ in " in text) == bool(found.judged.departures), pool
        if found.k == 2:
            assert "Heterogeneity cannot be estimated from two trials" in text, pool
            assert "I² " not in text.replace("no tau, I² or", ""), pool
        if found.absolute:
            assert answer_text(found, found.absolute) in text, pool
            assert number_needed_text(found) in text, pool
            assert "of 100 patients had the event" in text, pool


def test_the_diamond_reaches_from_limit_to_limit(evidence, drawn):
    for pool, figure in drawn.items():
        for svg in (figure.svg_wide, figure.svg_narrow):
            assert re.search(r'd="M-[\d.]+,0L0,-8L[\d.]+,0L0,8Z"', svg), pool


def test_each_pooled_figure_carries_the_address_of_the_pool_and_of_every_row(drawn, evidence):
    for pool, figure in drawn.items():
        refs = summary.summarise(evidence, pool).refs
        assert set(refs) <= figure.refs, pool


def test_where_the_standard_error_comes_from_is_said_study_by_study(drawn):
    assert "SLS I from the printed interval; FAST from the printed p-value" in said(drawn["cyclophosphamide-fvc-pp"])


def test_what_was_spared_of_the_loss_on_placebo_stands_beside_the_millilitres(drawn):
    text = said(drawn["nintedanib-fvc-rate-ctd"])
    assert "SENSCIS −93.3 mL/year, of which 44% was spared (computed here)" in text
    assert "of which 58% was spared (computed here)" in text


def test_what_is_kept_out_stands_there_with_its_reason(drawn):
    more = drawn["nintedanib-diarrhoea"].more
    rows = [" ".join(" ".join(one.plain()) for one in row) for row in more.rows]
    assert len(rows) == 2 and "(3)" in more.caption
    assert any("TOMORROW and INPULSIS" in row and row.endswith("Shares patients with INPULSIS-1, INPULSIS-2") for row in rows)
    assert any("INBUILD" in row and "Shares patients with INBUILD" in row for row in rows)
    unread = [" ".join(" ".join(one.plain()) for one in row) for row in drawn["nintedanib-fvc-rate-ctd"].more.rows]
    assert any("SARD-ILD 2025" in row and "its week was not read" in row for row in unread)


def test_the_pooled_row_of_counts_has_the_events(drawn):
    pooled = {pool: " ".join(figure.table.rows[-1][1].plain()) for pool, figure in drawn.items()}
    assert pooled["transplant-death-treatment"] == "9 of 250, both arms"
    assert pooled["nintedanib-fvc-rate-ctd"] == "746"


def test_a_loss_on_the_comparator_stands_only_beside_the_difference_of_its_own_model(drawn):
    assert "On the comparator: SENSCIS" in said(drawn["nintedanib-fvc-rate-ctd"])
    assert "On the comparator" not in said(drawn["cyclophosphamide-fvc-pp"])


def test_the_label_says_how_much_each_trial_weighs_and_how_many_were_analysed(drawn):
    def drawing(pool):
        return re.sub(r"<[^>]+>", " ", drawn[pool].svg_wide).replace("\N{NO-BREAK SPACE}", " ")

    assert "weight 81%" in drawing("cyclophosphamide-fvc-pp") and "145 analysed" in drawing("cyclophosphamide-fvc-pp")
    assert "weight 62%" in drawing("transplant-death-treatment")  # 79 · 77 / 156 of 9 · 10 / 19 + 79 · 77 / 156 + 36 · 39 / 75


def test_names_that_do_not_fit_beside_each_other_stand_one_above_the_other(drawn):
    def heights(svg):
        return len(set(re.findall(r'translate\([-\d.]+,([\d.]+)\)"[^>]*>[^<]*favours', svg)))

    long, short = drawn["transplant-death-treatment"], drawn["nintedanib-fvc-rate-ctd"]
    assert [heights(svg) for svg in (long.svg_wide, long.svg_narrow)] == [1, 2]
    assert [heights(svg) for svg in (short.svg_wide, short.svg_narrow)] == [1, 1]


def test_the_sides_of_no_effect_have_the_names_that_all_arms_share():
    regimen = "prednisolone, cyclophosphamide, then azathioprine"
    assert favours("higher", {("cyclophosphamide", "placebo"), (regimen, "placebo")}) == ("favours placebo", "favours cyclophosphamide")
    assert favours("lower", {("nintedanib", "placebo"), ("pirfenidone", "placebo")}) == ("favours treatment", "favours placebo")
    assert favours(None, {("a", "b")}) == ("", "")


def test_a_new_result_joins_awaits_an_editor_or_is_kept_out_and_the_page_says_so():
    three = (LIKE, LIKE, ("60", "40", "80"))
    joined = display.pooled(world(*three, declared=2), "p")
    assert "Joined by itself, since nothing sets it apart: THREE" in said(joined)
    assert "3 trials" in said(joined)
    other = {"trials": {"background_policy": "glucocorticoid"}}
    awaiting = display.pooled(world(*three, declared=2, accepted="background policy", last=other), "p")
    assert "Awaiting an editor: THREE" in said(awaiting)
    assert "background policy: glucocorticoid in THREE, none in ONE" in said(awaiting)
    assert "2 trials" in said(awaiting)
    refused = display.pooled(world(*three, declared=2, last={"contrasts": {"estimand": "slope"}}), "p")
    assert "2 trials" in said(refused)
    assert "Estimand: slope in THREE, change from baseline in ONE" in " ".join(refused.more.rows[0][1].plain())


def test_a_refused_pool_is_not_drawn(evidence):
    with pytest.raises(pools.PoolRefusedError):
        display.pooled(world(LIKE, ("30", "50", "10")), "p")
    with pytest.raises(pools.PoolRefusedError, match="shown apart"):
        display.pooled(evidence, "pirfenidone-fvc")


def test_the_difference_of_risks_has_no_sign_to_read_over(evidence):
    found = summary.summarise(evidence, "tocilizumab-sae")
    assert answer_text(found, found.absolute) == "3.6 fewer patients per 100 (95% CI 12.5 fewer to 5.3 more)"
    assert number_needed_text(found) == "NNTB 8.0 to ∞ to NNTH 19"
    found = summary.summarise(evidence, "nintedanib-diarrhoea")
    assert number_needed_text(found) == "NNTH 2.3 (2.1 to 2.5)"


def test_every_question_stands_in_one_table_with_what_comes_of_it(evidence):
    drawn_lines = {" ".join(cells[0].plain()): cells for cells in display.pools_table(evidence).table.rows}
    apart = {" ".join(cells[0].plain()): cells for cells in display.apart_table(evidence).table.rows}
    assert len(drawn_lines) + len(apart) == len(evidence["pools"])
    said_of = {question: " ".join(" ".join(one.plain()) for one in cells) for question, cells in drawn_lines.items()}
    assert any("cyclophosphamide" in question and "−0.25 to 6.50" in text for question, text in said_of.items())
    why = [" ".join(" ".join(one.plain()) for one in cells) for cells in apart.values()]
    assert any("outcome is FVC % predicted, that of RECITAL is FVC, mL" in text for text in why)
    assert any("RELIEF: FVC fell less with pirfenidone" in text for text in why)


def test_variations_start_from_three_trials(evidence):
    with pytest.raises(ValueError, match="from 3 on"):
        display.pool_variations(evidence, "cyclophosphamide-fvc-pp")
    text = said(display.pool_variations(evidence, "nintedanib-fvc-rate-fibrosing"))
    assert "Without SENSCIS: 108.8 mL/year" in text
    assert "2014: INPULSIS-1: 125.3 mL/year" in text
    assert "have a common effect" in text
    deaths = said(display.pool_variations(evidence, "transplant-death-treatment"))
    assert "Without ASTIS: 2.2 more patients per 100" in deaths and "Mantel-Haenszel" in deaths and "have a common effect" not in deaths


def test_facts_on_certainty_are_no_verdict(evidence):
    text = said(display.certainty_table(evidence))
    assert "excludes no effect" in text and "includes no effect" in text
    assert "SCOT: open label, completed, 75 of 226 planned" in text
    assert not re.search(r"\b(high|moderate|low|very low) (certainty|confidence|risk)\b", text.lower())


def test_an_indirect_comparison_says_what_it_rests_on(evidence):
    figure = display.indirect(evidence, "focussced.ild.fvc-pp.w48", "cyclophosphamide-fvc-pp")
    assert said(figure).startswith("If effect modifiers were balanced")
    rows = [" ".join(" ".join(one.plain()) for one in row) for row in figure.table.rows]
    assert "post hoc subgroup" in rows[0]
    assert "3.66 percentage points (95% CI −0.01 to 7.32)" in rows[2] and "no trial compared them" in rows[2]
    with pytest.raises(ValueError, match="share no comparator"):
        display.indirect(evidence, "senscis.all.fvc-rate.w52", "cyclophosphamide-fvc-pp")
    with pytest.raises(ValueError, match="share no comparator"):
        display.indirect(evidence, "ever-ild.all.fvc-pp.w26", "cyclophosphamide-fvc-pp")


# --- in sentences --------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("clause", "holds"),
    {
        "cyclophosphamide-fvc-pp interval excludes null": True,
        "cyclophosphamide-fvc-pp interval includes null": False,
        "cyclophosphamide-fvc-pp random includes null": True,
        "cyclophosphamide-fvc-pp favours cyclophosphamide": True,
        "nintedanib-diarrhoea favours placebo": True,
        "nintedanib-diarrhoea favours nintedanib": False,
        "nintedanib-diarrhoea k = 4": True,
        "nintedanib-diarrhoea n > 2300": False,
        "nintedanib-fvc-rate-fibrosing estimate > 90": True,
        "cyclophosphamide-fvc-pp i2 > 0": False,  # two trials: not known
        "cyclophosphamide-fvc-pp prior low < 0": True,
        "nintedanib-fvc-rate-fibrosing without-senscis excludes null": True,
        "nintedanib-fvc-rate-fibrosing without-inbuild excludes null": False,
        "nintedanib-fvc-rate-fibrosing without-senscis estimate > 108": True,
        "nintedanib-fvc-rate-fibrosing without-senscis estimate > 109": False,
        "transplant-death-treatment without-astis includes null": True,
        "pirfenidone-fvc decision = apart": True,
        "pirfenidone-fvc interval excludes null": False,
        "pirfenidone-fvc exists": True,
    }.items(),
)
def test_clauses_on_pools(evidence, clause, holds):
    (verdict,) = evaluate(clause, evidence)
    assert verdict.holds is holds, verdict


@pytest.mark.parametrize(
    "clause",
    [
        "nintedanib-diarrhoea nothing excludes null",
        "nintedanib-diarrhoea colour = 4",
        "nintedanib-diarrhoea k",
        "nintedanib-diarrhoea without-sls-1 excludes null",
        "cyclophosphamide-fvc-pp without-fast excludes null",
    ],
)
def test_a_clause_on_a_pool_that_cannot_be_read(evidence, clause):
    with pytest.raises(ClaimError):
        evaluate(clause, evidence)


@pytest.mark.parametrize(
    ("asked", "printed"),
    {
        "cyclophosphamide-fvc-pp": "2.84 percentage points (95% CI 0.81 to 4.87)",
        "cyclophosphamide-fvc-pp random": "2.84 percentage points (95% CI −5.39 to 11.08)",
        "cyclophosphamide-fvc-pp prior": "2.97 percentage points (95% CrI −0.25 to 6.50)",
        "nintedanib-diarrhoea": "RR 2.87 (95% CI 2.55 to 3.22)",
        "nintedanib-diarrhoea risk-difference": "43.7 more patients per 100 (95% CI 40.1 to 47.3)",
        "nintedanib-diarrhoea k": "4",
        "nintedanib-diarrhoea n": "2300",
        "nintedanib-fvc-rate-fibrosing i2": "65%",
        "nintedanib-fvc-rate-fibrosing without-senscis": "108.8 mL/year (95% CI 50.9 to 166.6)",
        "transplant-death-treatment without-astis": "2.2 more patients per 100 (95% CI 2.0 fewer to 6.5 more)",
        "nintedanib-diarrhoea question": "How many more patients have diarrhoea on nintedanib?",
    }.items(),
)
def test_pooled_figures_in_text(evidence, asked, printed):
    shown = figure_text(evidence, asked)
    assert shown.text == printed
    if "question" not in asked:
        assert shown.refs == summary.summarise(evidence, asked.split()[0]).refs


@pytest.mark.parametrize(
    "asked",
    [
        "cyclophosphamide-fvc-pp nothing",
        "cyclophosphamide-fvc-pp n",
        "pirfenidone-fvc",
        "nintedanib-diarrhoea i2",
        "nintedanib-diarrhoea without-sls-1",
    ],
)
def test_pooled_figures_that_there_are_not(evidence, asked):
    with pytest.raises(EvidenceReferenceError):
        figure_text(evidence, asked)


def test_a_nominal_p_is_called_so_in_a_sentence(evidence):
    assert "nominal p < 0.0001" in figure_text(evidence, "focussced.ild.fvc-pp.w48 full").text
    assert "nominal" not in figure_text(evidence, "focussced.ild.fvc-pp.w48").text


# --- what stands beside the pools ----------------------------------------------------------------------------------------------------------


def cells_of(figure) -> list[list[str]]:
    return [[" ".join(one.plain()) for one in row] for row in figure.table.rows]


def test_the_summary_names_patients_method_and_interval_and_what_is_counted_twice(evidence):
    figure = display.pools_table(evidence)
    first, *_ = cells_of(figure)
    assert "203 randomised" in first[2]
    assert first[3].startswith("2.97 percentage points (95% CrI −0.25 to 6.50)")
    fibrosing = next(row for row in cells_of(figure) if "across fibrosing" in row[0])
    assert fibrosing[3].endswith("common effect: assumes one effect")
    (shared,) = [" ".join(span.text for span in note) for note in figure.notes]
    assert "share the patients of SENSCIS and INBUILD" in shared and "neither confirms the other" in shared


def test_what_stands_apart_says_of_each_trial_what_it_missed_and_what_the_gate_finds(evidence):
    rows = {question: (said_, why) for question, said_, why in cells_of(display.apart_table(evidence))}
    said_, why = next(cells for question, cells in rows.items() if "tocilizumab" in question)
    assert "nominal p < 0.0001" in said_ and "focuSSced: primary outcome not met." in said_
    assert "faSScinate: the change in each arm was read, not the difference between them." in why
    said_, why = next(cells for question, cells in rows.items() if "pirfenidone" in question)
    assert "TRAIL1: primary outcome not met; stopped early (slow recruitment" in said_
    assert "RELIEF: stopped early (futility" in said_ and "RELIEF: told in words only." in why
    said_, why = next(cells for question, cells in rows.items() if "mycophenolate better" in question)
    assert "in another analysis (post hoc, at week 104) mycophenolate 2.19" in said_
    assert "SLS II: no estimate of the difference was read." in why
    assert any("Corrected" in "".join(span.text for span in note) for note in display.apart_table(evidence).notes)  # what † means
    assert "source-article" in {source.source_id for source in display.apart_table(evidence).sources}
    _, why = next(cells for question, cells in rows.items() if "save lives" in question)
    assert "of ASTIS" not in why.partition("SCOT: ")[0].partition("gate finds")[2]  # not against its own results


def test_agreement_is_told_from_three_trials_on_and_names_those_that_decide(evidence):
    rows = {row[0].refs[0]: " ".join(row[2].plain()) for row in display.certainty_table(evidence).table.rows}
    assert rows["cyclophosphamide-fvc-pp"] == "Cannot be told from two trials"
    fibrosing = next(text for pool, text in rows.items() if "I² 65%" in text)
    assert "test p = 0.028" in fibrosing and "Without INPULSIS-1, INPULSIS-2 or INBUILD the interval includes no effect" in fibrosing
    assert any("Without ASTIS the interval includes no effect" in text for text in rows.values()), "most treatment deaths are of ASTIS"


def test_where_a_standard_error_is_made_of_a_p_the_facts_on_certainty_say_so(evidence):
    text = " ".join(" ".join(row) for row in cells_of(display.certainty_table(evidence)))
    assert "FAST: whole trial, SSc, standard error from its p-value, read second-hand" in text


def test_an_indirect_comparison_says_which_way_and_what_differs_once(evidence):
    figure = display.indirect(evidence, "focussced.ild.fvc-pp.w48", "cyclophosphamide-fvc-pp")
    last = cells_of(figure)[-1]
    assert "above zero favours tocilizumab" in last[1] and last[2].startswith("interval includes no difference")
    (note,) = ["".join(span.text for span in one) for one in figure.notes]
    assert note.startswith("Known to differ in ") and note.count("glucocorticoid") == 1 and "regimen and era" in note
    assert "nominal p < 0.0001" in cells_of(figure)[0][1]
