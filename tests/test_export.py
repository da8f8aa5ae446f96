"""Ring 3: what is pooled from the exported estimates is what the review pools; what cannot be pooled is not in them."""

from __future__ import annotations

import contextlib
import csv
import io
import math
import re
import shutil

import pandas as pd
import pytest
from click.testing import CliRunner
from conftest import edit_row, read_table, write_table
from evidence_factory import build, contrast

from ctdild.cli import main
from ctdild.evidence import load
from ctdild.synthesis import effects, estimates, pairwise, pools

PAGE = "chapters/data.md"


@pytest.fixture(scope="module")
def exported(evidence) -> pd.DataFrame:
    """The file of the review, read as a re-user reads it."""
    return read(estimates.as_csv(evidence))


def read(text: str) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(text)).set_index("address", drop=False)


def cells(evidence) -> dict[str, dict[str, str]]:
    """Address -> the cells of its row as text."""
    return {row["address"]: row for row in csv.DictReader(io.StringIO(estimates.as_csv(evidence)))}


def in_pool(exported: pd.DataFrame, pool_id: str) -> pd.DataFrame:
    return exported[[pool_id in ids.split(";") for ids in exported.pool.fillna("")]]


def export(*options):
    result = CliRunner().invoke(main, ["export", "estimates", *map(str, options)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


# --- the estimates of the review -----------------------------------------------------------------------------------------------------


def open_pools(evidence) -> list[str]:
    return [row.pool_id for row in evidence["pools"] if pools.judge(evidence, row.pool_id).open]


def test_what_is_pooled_from_the_file_is_what_the_review_pools(evidence, exported):
    printed = [pool for pool in open_pools(evidence) if not pools.judge(evidence, pool).members[0].arms]
    assert printed
    for pool_id in printed:
        chosen, judged = in_pool(exported, pool_id), pools.judge(evidence, pool_id)
        assert set(chosen.address) == {member.address for member in judged.members}
        found, expected = pairwise.pool(chosen.yi, chosen.sei, method="common"), judged.pool(method="common")
        for name in ("estimate", "standard_error", "ci_low", "ci_high", "q"):
            assert getattr(found, name) == pytest.approx(getattr(expected, name), abs=1e-9, rel=1e-9), (pool_id, name)


@pytest.mark.parametrize("measure", ["RR", "OR", "RD"])
def test_counts_pooled_from_the_file_are_what_the_review_pools(evidence, exported, measure):
    counted = [pool for pool in open_pools(evidence) if pools.judge(evidence, pool).members[0].arms]
    assert counted
    for pool_id in counted:
        chosen, judged = in_pool(exported, pool_id), pools.judge(evidence, pool_id)
        assert set(chosen.address) == {member.address for member in judged.members}
        found = pairwise.mantel_haenszel(chosen.events_a, chosen.n_a, chosen.events_b, chosen.n_b, measure)
        assert found.estimate == pytest.approx(judged.pool_counts(measure).estimate, abs=1e-9, nan_ok=True), pool_id


def test_numbers_are_written_to_the_last_digit(evidence, exported):
    for comparison in pools.comparisons(evidence):
        if comparison.address in exported.index and not comparison.arms:
            assert tuple(exported.loc[comparison.address, ["yi", "sei"]]) == comparison.effect()


def test_every_row_could_be_in_a_pool_and_every_such_comparison_is_a_row(evidence, exported):
    fit = {c.address for c in pools.comparisons(evidence) if not pools.unfit(evidence, c)}
    assert set(exported.address) == fit and exported.address.is_unique and exported.address.is_monotonic_increasing
    kinds = {trial.trial_id: trial.kind for trial in evidence["trials"]}
    assert {kinds[trial_id] for trial_id in exported.trial_id} == {"rct"}


def test_the_columns_are_those_that_the_page_explains(root, evidence, exported):
    assert list(exported.columns) == list(estimates.COLUMNS)
    assert all(meaning.endswith(".") for meaning in estimates.COLUMNS.values())
    assert "```{estimate-columns}" in (root / PAGE).read_text(encoding="utf-8")


def test_each_row_has_an_effect_or_counts_with_a_zero(exported):
    without = exported[exported.yi.isna()]
    assert len(without) and without.sei.isna().all()
    zero = (without.events_a * without.events_b == 0) | (without.events_a == without.n_a) | (without.events_b == without.n_b)
    assert zero.all()
    assert (exported.sei.dropna() > 0).all()


def test_printed_figures_stand_as_printed_and_a_ratio_beside_its_log(evidence, exported):
    written = cells(evidence)
    for address in exported.address[exported.estimate.notna()]:
        row, found = evidence.row(address), written[address]
        assert [found[c] for c in ("estimate", "ci_low", "ci_high")] == [row.text(c) for c in ("estimate", "ci_low", "ci_high")]
    printed = exported[exported.estimate.notna()]
    logs = printed[printed.yi_scale == "log"]
    assert set(logs.measure) >= {"HR", "OR"} and set(printed.measure) - set(logs.measure) == {"MD"}
    assert logs.yi.to_list() == pytest.approx([math.log(x) for x in logs.estimate])
    assert (printed.yi == printed.estimate)[printed.yi_scale == "as printed"].all()


def test_rows_of_one_trial_name_each_other_unless_they_are_parts_of_one_partition(exported):
    shared = {address: set((text or "").split(";")) for address, text in exported.shares_patients_with.fillna("").items()}
    assert "fibroneer-ild.gap-1.death.wx.9-mg" in shared["fibroneer-ild.gap-1.death.wx.18-mg"], "one placebo arm"
    assert "senscis.all.fvc-rate.w52" in shared["senscis.ata-pos.fvc-rate.w52"], "a group and its trial"
    assert "senscis.ata-neg.fvc-rate.w52" not in shared["senscis.ata-pos.fvc-rate.w52"], "apart by antibody"
    assert all(other in exported.index for others in shared.values() for other in others - {""})
    assert all(address in shared[other] for address, others in shared.items() for other in others - {""})


# --- the lines on the page -----------------------------------------------------------------------------------------------------------


def code(root, language: str) -> list[str]:
    """The blocks of code in this language in the section on the estimates."""
    section = (root / PAGE).read_text(encoding="utf-8").partition("(estimates)=")[2]
    return re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)


def test_the_lines_of_python_on_the_page_give_the_pool(root, evidence, tmp_path, monkeypatch):
    (lines,) = code(root, "python")
    (tmp_path / estimates.FILE).write_text(estimates.as_csv(evidence), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(lines, {})
    pooled = pools.judge(evidence, "cyclophosphamide-fvc-pp").pool(method="common")
    assert [float(word) for word in said.getvalue().split()] == pytest.approx([pooled.estimate, pooled.standard_error], abs=1e-9)
    assert len(lines.split("\n\n")[-1].splitlines()) == 4, "four lines after the import"


def test_the_lines_of_r_on_the_page_name_what_is_there(root, evidence, exported):
    """R itself is no tool of the tests: its rules, by name, are followed here (`rma` takes a variance where sei is not named)."""
    pooled, counted = code(root, "r")
    assert len(pooled.splitlines()) == 5 and "rma(yi, sei = sei, data = chosen, slab = trial, method" in pooled
    assert f'read.csv("{estimates.FILE}"' in pooled
    assert set(re.findall(r"(?:ai|n1i|ci|n2i|slab|sei) = (\w+)", pooled + counted)) <= set(estimates.COLUMNS)
    for block in (pooled, counted):
        (pattern,) = re.findall(r'chosen <- subset\(estimates, grepl\("(.*?)", paste0\(";", pool, ";"\)\)\)', block)
        chosen = exported[[bool(re.search(pattern, f";{ids};")) for ids in exported.pool.fillna("")]]
        assert set(chosen.address) == {member.address for member in pools.judge(evidence, pattern.strip(";")).members}


# --- made up -------------------------------------------------------------------------------------------------------------------------


def counted(drug: str, placebo: str) -> dict[str, str]:
    """The row of deaths in two arms of a hundred."""
    row = {"outcome": "death", "statistic": "count", "unit": "patients", "counts": "patients", "n": "100"}
    arms = [{**row, "arm": "drug", "events": drug}, {**row, "arm": "placebo", "events": placebo}]
    return cells(build(arm_results=arms))["one.all.death.w52"]


def test_two_counts_give_a_log_risk_ratio():
    row = counted("5", "10")
    assert (row["measure"], row["yi_scale"], row["se_from"], row["estimate"]) == ("RR", "log", "counts", "")
    assert [row[name] for name in ("events_a", "n_a", "events_b", "n_b")] == ["5", "100", "10", "100"]
    assert float(row["yi"]) == pytest.approx(math.log(0.5)) and float(row["sei"]) == pytest.approx(math.sqrt(1 / 5 + 1 / 10 - 2 / 100))


@pytest.mark.parametrize(("drug", "placebo"), [("0", "3"), ("3", "0"), ("0", "0"), ("100", "40"), ("100", "100")])
def test_nothing_is_added_to_a_zero_cell(drug, placebo):
    row = counted(drug, placebo)
    assert (row["yi"], row["sei"]) == ("", "")
    assert (row["events_a"], row["events_b"], row["n_a"]) == (drug, placebo, "100")


def test_a_standard_error_from_p_and_one_from_an_interval():
    address = "one.all.fvc-ml.w52"
    row = cells(build(contrasts=[contrast("-30", p="0.04", favours="placebo")]))[address]
    assert (row["se_from"], row["p_value"], row["ci_low"]) == ("p", "0.04", "")
    assert float(row["yi"]) == -30 and float(row["sei"]) == pytest.approx(float(effects.standard_error_from_p(-30, 0.04)), abs=1e-12)
    row = cells(build(contrasts=[contrast("30.50", "10.50", "50.50", p="0.04")]))[address]
    assert (row["se_from"], row["p_value"], row["estimate"], row["yi"]) == ("interval", "", "30.50", "30.5")
    assert float(row["sei"]) == pytest.approx(20 / 1.959963984540054)


def test_a_ratio_is_pooled_as_its_log_and_shown_as_a_ratio():
    ratio = contrast("0.50", "0.25", "1.00", measure="HR", unit="ratio", time_kind="median-follow-up", estimand="time to event")
    row = cells(build(contrasts=[ratio]))["one.all.fvc-ml.w52"]
    assert (row["estimate"], row["ci_low"], row["ci_high"], row["yi_scale"]) == ("0.50", "0.25", "1.00", "log")
    assert float(row["yi"]) == pytest.approx(math.log(0.5)) and float(row["sei"]) == pytest.approx(math.log(4) / 2 / 1.959963984540054)


def test_the_reading_furthest_from_the_trial_counts():
    elsewhere = {"table": "contrasts", "row_id": "one.all.fvc-ml.w52", "column": "ci_low", "source_id": "news", "verification": "secondary"}
    evidence = build(contrasts=[contrast("30", "10", "50")], cell_sources=[elsewhere])
    row = cells(evidence)["one.all.fvc-ml.w52"]
    assert (row["verification"], row["source_id"]) == ("secondary", "report;news")


NOT_THERE = {
    "withheld": {"caution": "withheld"},
    "another row is preferred": {"preferred": "false"},
    "before treatment": {"role": "baseline"},
    "no standard error": {"ci_low": "", "ci_high": "", "ci_level": ""},
}


@pytest.mark.parametrize("change", NOT_THERE.values(), ids=NOT_THERE)
def test_what_cannot_be_pooled_is_not_there(change):
    row = contrast("30", "10", "50")
    assert len(estimates.rows(build(contrasts=[row]))) == 1
    assert estimates.rows(build(contrasts=[row | change])) == []


def test_a_corrected_figure_is_used_as_corrected():
    evidence = build(
        contrasts=[contrast("3.0", "10.0", "50.0")],
        discrepancies=[{}],
        corrections=[{"discrepancy_id": "d1", "table": "contrasts", "row_id": "one.all.fvc-ml.w52", "column": "estimate",
                      "printed": "3.0", "used": "30.0"}],
    )  # fmt: skip
    row = cells(evidence)["one.all.fvc-ml.w52"]
    assert (row["estimate"], row["yi"]) == ("30.0", "30.0")


def test_a_pool_that_the_gate_refuses_holds_nothing():
    two = [{"trial_id": trial, **contrast("30", "10", "50")} for trial in ("one", "two")]
    pool = {
        "pool_id": "p",
        "question": "What?",
        "contrast_ids": "one.all.fvc-ml.w52;two.all.fvc-ml.w52",
        "reason": "So.",
        "decided_on": "2026-01-01",
    }
    arms = [
        {"trial_id": t, "arm": a, "treatment": a, "role": r}
        for t in ("one", "two")
        for a, r in (("drug", "intervention"), ("placebo", "placebo"))
    ]

    def held(**of_two) -> set[str]:
        trials = [{}, {"trial_id": "two", **of_two}]
        evidence = build(trials=trials, cohorts=[{}, {"trial_id": "two"}], arms=arms, contrasts=two, pools=[pool])
        return {row["pool"] for row in cells(evidence).values()}

    assert held() == {"p"}
    assert held(background_policy="glucocorticoid") == {""}


@pytest.mark.parametrize("label", ["=1+1", "@cmd", "+cmd", "-cmd", '=HYPERLINK("x")'])
def test_no_cell_is_a_formula(label):
    arms = [{"arm": "drug", "label": label}, {"arm": "placebo", "role": "placebo", "treatment": "placebo"}]
    row = cells(build(arms=arms, contrasts=[contrast("-30", "-50", "-10", favours="placebo")]))["one.all.fvc-ml.w52"]
    assert row["arm_a"] == f"'{label}"
    assert (row["yi"], row["estimate"]) == ("-30.0", "-30"), "a negative number stays a number"


# --- the command ---------------------------------------------------------------------------------------------------------------------


def test_the_command_writes_the_same_to_a_file_as_to_standard_output(root, evidence, tmp_path):
    said = export("--data", root / "data")
    assert said.exit_code == 0 and said.stdout_bytes == estimates.as_csv(evidence).encode()
    assert b"\r" not in said.stdout_bytes
    number = len(said.stdout.splitlines()) - 1
    assert said.stderr == f"{number} comparisons\n"
    written = export("--data", root / "data", "--output", tmp_path / "e.csv")
    assert (tmp_path / "e.csv").read_bytes() == said.stdout_bytes and written.stdout == "" and "e.csv" in written.stderr


def test_equal_data_anywhere_give_equal_bytes(data, evidence, tmp_path):
    elsewhere = shutil.copytree(data, tmp_path / "elsewhere")
    assert estimates.as_csv(load(elsewhere)) == estimates.as_csv(evidence)


def test_a_folder_that_is_none_and_a_file_that_cannot_be_written_end_in_a_message(data, tmp_path):
    result = export("--data", tmp_path / "nowhere")
    assert result.exit_code == 2 and "does not exist" in result.stderr and result.stdout == ""
    (data / "datapackage.json").unlink()
    result = export("--data", data)
    assert result.exit_code == 1 and "datapackage.json" in result.stderr and result.stdout == ""


def test_a_file_that_cannot_be_written_ends_in_a_message(data, tmp_path):
    result = export("--data", data, "--output", tmp_path / "no folder" / "e.csv")
    assert result.exit_code == 1 and "cannot be read or written" in result.stderr


def test_data_that_would_stop_the_book_are_not_exported(data, tmp_path):
    line = edit_row(data / "contrasts.csv", "senscis.all.fvc-rate.w52", estimate="-41.0")
    result = export("--data", data, "--output", tmp_path / "e.csv")
    assert result.exit_code == 1 and f"contrasts.csv:{line} estimate" in result.stderr and "Nothing was exported" in result.stderr
    assert not (tmp_path / "e.csv").exists()


def test_a_withheld_row_leaves_the_file(data):
    address = "senscis.all.mrss.w52"
    rows = read_table(data / "contrasts.csv")
    assert address in export("--data", data).stdout
    write_table(data / "contrasts.csv", [row | ({"caution": "withheld"} if row["contrast_id"] == address else {}) for row in rows])
    assert address not in estimates.as_csv(load(data))
