"""`ctdild check` as others call it: a careless edit is stopped with file, row, column and the smallest repair."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest
from click.testing import CliRunner
from conftest import edit_row, read_table, write_table

from ctdild.cli import main

SENSCIS = "senscis.all.fvc-rate.w52"
SLS_1 = "sls-1.all.fvc-pp.w52"
KEYS = {"severity", "rule", "file", "row", "column", "value", "message", "repair", "explained"}


def check(data, *options):
    result = CliRunner().invoke(main, ["check", "--data", str(data), *options])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def findings(data):
    result = check(data, "--format", "json")
    return result.exit_code, json.loads(result.stdout)


def test_the_data_are_clean(data):
    code, found = findings(data)
    assert code == 0
    assert all(set(item) == KEYS for item in found)
    assert [item for item in found if item["explained"]], "explained findings are listed with their reason"
    assert not [item for item in found if item["severity"] != "INFO" and not item["explained"]]


@pytest.mark.parametrize(
    ("edit", "column", "repair"),
    [
        ({"estimate": "-41.0"}, "estimate", "41.0"),
        ({"estimate": "4.10"}, "estimate", "41.0"),
        ({"estimate": "14.0"}, "estimate", "41.0"),
        ({"ci_low": "79.0", "ci_high": "2.9"}, "ci_low", "2.9"),
        ({"ci_low": "29.0"}, None, "2.9"),
        ({"ci_low": "-2.9"}, None, "2.9"),
        ({"source_id": "nowhere"}, "source_id", None),
        ({"estimate": "forty-one"}, "estimate", None),
        ({"estimate": "41,0"}, "estimate", "41.0"),
        ({"weeks": "25"}, None, None),
        ({"unit": "mL"}, "unit", "mL/year"),
        ({"favours": "placebo"}, "favours", "nintedanib"),
        ({"arm_a": "placebo", "arm_b": "nintedanib"}, None, None),
    ],
    ids=lambda value: "-".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else None,
)
def test_a_careless_edit_is_stopped_at_its_row_with_a_repair(data, edit, column, repair):
    line = edit_row(data / "contrasts.csv", SENSCIS, **edit)
    code, found = findings(data)
    assert code == 1
    here = [item for item in found if item["file"] == "contrasts.csv" and item["row"] == line and not item["explained"]]
    assert here, found
    assert column is None or column in {item["column"] for item in here}, here
    assert repair is None or any(repair in (item["repair"] or "") for item in here), here


def test_the_source_articles_intervals_are_called_swapped(data):
    rows = [row for row in read_table(data / "corrections.csv") if row["discrepancy_id"] != "sls-2-intervals-swapped"]
    write_table(data / "corrections.csv", rows)
    code, found = findings(data)
    assert code == 1
    swapped = [item for item in found if item["rule"] == "swapped"]
    assert {item["row"] for item in swapped} and all("xchange" in item["repair"] for item in swapped), found


def test_findings_carry_no_paths_and_the_folder_may_lie_anywhere(data, tmp_path):
    elsewhere = shutil.copytree(data, tmp_path / "a folder" / "elsewhere")
    edit_row(elsewhere / "contrasts.csv", SENSCIS, estimate="-41.0")
    code, found = findings(elsewhere)
    assert code == 1
    assert str(tmp_path) not in json.dumps(found)
    assert all("/" not in item["file"] for item in found)


def test_github_annotations_name_file_and_line(data):
    line = edit_row(data / "contrasts.csv", SENSCIS, estimate="-41.0")
    result = check(data, "--format", "github")
    assert result.exit_code == 1
    assert f"::error file=data/contrasts.csv,line={line}," in result.stdout


def test_text_tells_everything_and_ends_in_a_summary(data):
    line = edit_row(data / "contrasts.csv", SENSCIS, estimate="41,0")
    result = check(data)
    assert result.exit_code == 1
    assert f"contrasts.csv:{line} estimate" in result.stdout and "do: write 41.0" in result.stdout


def test_a_package_without_a_column_is_a_finding_not_a_crash(data):
    package = json.loads((data / "datapackage.json").read_text())
    contrasts = next(r for r in package["resources"] if r["name"] == "contrasts")
    contrasts["schema"]["fields"] = [f for f in contrasts["schema"]["fields"] if f["name"] != "favours"]
    (data / "datapackage.json").write_text(json.dumps(package))
    rows = read_table(data / "contrasts.csv")
    for row in rows:
        del row["favours"]
    write_table(data / "contrasts.csv", rows)
    code, found = findings(data)
    assert code == 1
    assert any("favours" in item["message"] and item["file"] == "datapackage.json" for item in found)


def test_the_project_is_found_from_below_and_missed_outside(root, tmp_path):
    command = [sys.executable, "-c", "from ctdild.cli import main; main()", "check"]
    assert subprocess.run(command, cwd=root / "chapters", capture_output=True).returncode == 0
    outside = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert outside.returncode == 1 and "--project" in outside.stderr and "Traceback" not in outside.stderr
