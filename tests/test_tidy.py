"""`ctdild tidy`: what a spreadsheet does to the tables is undone, and no fact is changed."""

from __future__ import annotations

import subprocess

import pytest
from click.testing import CliRunner
from conftest import edit_row, read_table, write_table

from ctdild.cli import main
from ctdild.evidence import read

SENSCIS = "senscis.all.fvc-rate.w52"


@pytest.fixture
def committed(data):
    """A copy of the data folder whose last commit is the data as they are."""
    for arguments in (["init", "-q"], ["add", "."], ["-c", "user.name=n", "-c", "user.email=e@example.org", "commit", "-qm", "Data"]):
        subprocess.run(["git", *arguments], cwd=data, check=True)
    return data


def tidy(data, *options):
    result = CliRunner().invoke(main, ["tidy", "--data", str(data), *options])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def unchanged(data):
    return subprocess.run(["git", "status", "--porcelain"], cwd=data, capture_output=True, text=True, check=True).stdout == ""


def test_the_data_are_tidy(committed):
    assert tidy(committed).stdout == "Nothing to tidy.\n"
    assert unchanged(committed)


@pytest.mark.parametrize(
    ("table", "row", "cells"),
    [
        ("contrasts", SENSCIS, {"estimate": "41", "ci_high": "79"}),
        ("contrasts", SENSCIS, {"estimate": "41,0", "ci_low": "2,9"}),
        ("contrasts", SENSCIS, {"preferred": "TRUE", "ci_level": "95.0"}),
        ("contrasts", SENSCIS, {"p_value": "4E-2"}),
        ("arm_results", f"{SENSCIS}.placebo", {"value": "−93.3"}),
        ("trials", "senscis", {"year": "2019.0", "acronym": " SENSCIS "}),
    ],
)
def test_a_reprinted_cell_is_restored(committed, table, row, cells):
    line = edit_row(committed / f"{table}.csv", row, **cells)
    result = tidy(committed)
    assert result.exit_code == 0
    assert unchanged(committed)
    for column in cells:
        if column != "acronym":  # a space at either end is cut off without a word
            assert f"{table}.csv line {line}, {column}: " in result.stdout


@pytest.mark.parametrize(
    "cells", [{"estimate": "41.1"}, {"estimate": "-41.0"}, {"ci_low": ""}, {"favours": "placebo"}, {"p_value": "0.041"}]
)
def test_a_correction_stays(committed, cells):
    edit_row(committed / "contrasts.csv", SENSCIS, **cells)
    before = (committed / "contrasts.csv").read_text(encoding="utf-8")
    assert tidy(committed).stdout == "Nothing to tidy.\n"
    assert (committed / "contrasts.csv").read_text(encoding="utf-8") == before


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda text: "\ufeff" + text, "byte order mark"),
        (lambda text: text.replace("\n", "\r\n"), "line ends"),
        (lambda text: "\n".join('"' + line.replace(",", '","') + '"' for line in text.splitlines()) + "\n", "quotes"),
        (lambda text: "\n".join([text.splitlines()[0], *sorted(text.splitlines()[1:])]) + "\n", "order of the last commit"),
    ],
)
def test_the_file_s_form_is_restored(committed, damage, said):
    path = committed / "scopes.csv"
    path.write_bytes(damage(path.read_text(encoding="utf-8")).encode())
    assert said in tidy(committed).stdout
    assert unchanged(committed)


def test_columns_go_back_to_their_place_and_new_rows_stay_behind_their_neighbour(committed):
    rows = read_table(committed / "outcomes.csv")
    new = {**rows[3], "outcome": "new-one", "name": "New"}
    backwards = [dict(reversed(list(row.items()))) for row in (*rows[:4], new, *rows[4:])]
    write_table(committed / "outcomes.csv", backwards)
    tidy(committed)
    assert [row["outcome"] for row in read_table(committed / "outcomes.csv")][3:6] == [rows[3]["outcome"], "new-one", rows[4]["outcome"]]
    assert list(read_table(committed / "outcomes.csv")[0]) == list(rows[0])


def test_a_dry_run_writes_nothing(committed):
    edit_row(committed / "contrasts.csv", SENSCIS, estimate="41")
    assert "not written" in tidy(committed, "--dry-run").stdout
    assert read_table(committed / "contrasts.csv") != [] and not unchanged(committed)


def test_without_a_commit_it_says_so_and_mends_the_form(data):
    path = data / "scopes.csv"
    original = path.read_bytes()
    path.write_bytes(b"\xef\xbb\xbf" + original.replace(b"\n", b"\r\n"))
    result = tidy(data)
    assert "No last commit" in result.stderr
    assert path.read_bytes() == original


@pytest.mark.parametrize("content", [b"\xff\xfe\x00binary", b"", b'"never closed', b"a,a\n1,2\n", b"scope\n1,2,3\n"])
def test_what_cannot_be_read_is_left_alone(committed, content):
    (committed / "scopes.csv").write_bytes(content)
    result = tidy(committed)
    assert result.exit_code == 1 and "left alone" in result.stdout
    assert (committed / "scopes.csv").read_bytes() == content


def test_a_tidied_folder_is_what_the_loader_reads(committed):
    for path in committed.glob("*.csv"):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert read(committed)[0] is None
    tidy(committed)
    assert read(committed)[0] is not None
