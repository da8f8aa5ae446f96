"""The commands as others call them: a careless edit is stopped with file, row, column and the smallest repair, a broken file or
a closed folder with a message, and nothing that was good is lost."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner
from conftest import copy_project, edit_row, read_table, write_table

from ctdild.book.serve import rebuild
from ctdild.cli import main

SENSCIS = "senscis.all.fvc-rate.w52"
SLS_1 = "sls-1.all.fvc-pp.w52"
KEYS = {"severity", "rule", "file", "row", "column", "value", "message", "repair", "explained"}


def run(*arguments):
    """The outcome of a command; never a traceback."""
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def check(data, *options):
    return run("check", "--data", data, *options)


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


ANNOTATION = r"::error file={},line={},title={}::.+"


def test_github_annotations_name_the_file_from_the_root_of_the_repository(data, tmp_path, monkeypatch):
    line = edit_row(data / "contrasts.csv", SENSCIS, estimate="41,0%\n")
    monkeypatch.chdir(data)

    def annotated(file):
        result = check(data, "--format", "github")
        assert result.exit_code == 1
        return re.search(ANNOTATION.format(re.escape(file), line, "cell"), result.stdout)

    assert annotated("contrasts.csv"), "no repository: from where it is checked"
    (tmp_path / ".git").write_text("gitdir: elsewhere")
    message = annotated("data/contrasts.csv")
    assert message and "41,0%25" in message[0], "escaped as a workflow command has to be"
    (tmp_path / "clone/.git").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "clone")
    assert annotated(f"{data}/contrasts.csv"), "outside of the repository: as given"
    odd = shutil.move(data, tmp_path / "clone/50%, a:b")
    result = check("50%, a:b", "--format", "github")
    assert odd and "file=50%25%2C a%3Ab/contrasts.csv," in result.stdout


def test_text_tells_everything_and_ends_in_a_summary(data):
    line = edit_row(data / "contrasts.csv", SENSCIS, estimate="41,0")
    result = check(data)
    assert result.exit_code == 1
    assert f"contrasts.csv:{line} estimate" in result.stdout and "do: write 41.0" in result.stdout


@pytest.mark.parametrize("text", [None, "", "{", "[]", b'{"title": "\xe9"}', '{"resources": [{"name": "x", "path": "../../x.csv"}]}'])
def test_a_folder_that_is_no_data_package_is_a_finding_in_every_format(data, tmp_path, text):
    package = data / "datapackage.json"
    if text is None:
        package.unlink()
    else:
        package.write_bytes(text if isinstance(text, bytes) else text.encode())
    code, found = findings(data)
    assert code == 1 and found[0]["file"] == "datapackage.json" and found[0]["message"]
    for style in ("text", "github"):
        result = check(data, "--format", style)
        assert result.exit_code == 1 and "datapackage.json" in result.stdout


def test_a_data_folder_that_is_none_is_a_finding(data, tmp_path):
    for folder, message in ((tmp_path / "nowhere", "does not exist"), (data / "trials.csv", "not a folder")):
        code, found = findings(folder)
        assert code == 1 and len(found) == 1 and message in found[0]["message"]


HOSTILE = {
    "empty": lambda b: b"",
    "header only": lambda b: b.split(b"\n")[0] + b"\n",
    "binary": lambda b: bytes(range(256)) * 1000,
    "NUL bytes": lambda b: b.replace(b",", b"\0", 3),
    "UTF-16": lambda b: b.decode().encode("utf-16"),
    "byte order mark": lambda b: b"\xef\xbb\xbf" + b,
    "Windows line ends": lambda b: b.replace(b"\n", b"\r\n"),
    "mixed encodings": lambda b: b + "é".encode("latin-1") + "é".encode() + b"\n",
    "a column less": lambda b: b"\n".join(line.rpartition(b",")[0] for line in b.split(b"\n")),
    "100,000 columns": lambda b: b.replace(b"\n", b"".join(b",c%d" % i for i in range(100_000)) + b"\n", 1),
    "semicolons": lambda b: b.replace(b",", b";"),
    "NaN": lambda b: b.split(b"\n")[0] + b"\n" + b",".join([b"NaN"] * (b.split(b"\n")[0].count(b",") + 1)) + b"\n",
    "nested quotes": lambda b: b + b'"a "" b " c """,x\n',
    "unclosed quote": lambda b: b + b'"never closed',
    "10 MB cell": lambda b: b + b'"' + b"x" * 10_000_000 + b'"\n',
    "a million rows": lambda b: b + b"\n".join(b"x%d" % i for i in range(1_000_000)) + b"\n",
}


@pytest.mark.parametrize("name", ["trials", "contrasts", "readings"])
def test_a_hostile_file_ends_in_a_clear_error_within_seconds(data, name):
    path = data / f"{name}.csv"
    whole = path.read_bytes()
    for what, damage in HOSTILE.items():
        path.write_bytes(damage(whole))
        started = time.monotonic()
        result = check(data)
        assert result.exit_code == 1, what
        assert result.stdout.startswith(f"ERROR {name}.csv"), (what, result.stdout[:300])
        assert time.monotonic() - started < 10, f"{what}: hangs"
        assert len(result.stdout) < 100_000, f"{what}: nobody reads all that"


def test_a_package_that_calls_everything_text_is_a_finding_not_a_crash(data):
    package = json.loads((data / "datapackage.json").read_text())
    for field in (field for resource in package["resources"] for field in resource["schema"]["fields"]):
        field.pop("constraints", None)
        field["type"] = "string"
    (data / "datapackage.json").write_text(json.dumps(package))
    code, found = findings(data)
    assert code == 1
    assert any(item["rule"] == "pools" and "cannot be applied" in item["message"] for item in found)


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


# --- a project that somebody broke ---


@pytest.fixture
def project(tmp_path):
    """A copy of the project with a last good site, to be broken."""
    copy = copy_project(tmp_path / "book")
    (copy / "_build/html").mkdir(parents=True)
    (copy / "_build/html/index.html").write_text("the last good site")
    return copy


def replace_in(name, old, new):
    def edit(project):
        text = (project / name).read_text(encoding="utf-8")
        assert old in text
        (project / name).write_text(text.replace(old, new, 1), encoding="utf-8")

    edit.__name__ = f"{name}: {new.strip()[:20]!r}"
    return edit


def written(name, content):
    def edit(project):
        path = project / name
        if path.is_dir():
            shutil.rmtree(path)
        path.write_bytes(content)

    edit.__name__ = f"{name}: {content[:10]!r}"
    return edit


BROKEN_PAGES = [
    (replace_in("chapters/ra-ild.md", "{scope: ra-ild}", "{scope: ra-ild"), "chapters/ra-ild.md", "not readable as YAML"),
    (replace_in("chapters/ra-ild.md", "evidence: {scope: ra-ild}", "evidence: ra-ild"), "chapters/ra-ild.md", "what evidence"),
    (written("chapters/ra-ild.md", b""), "chapters/ra-ild.md", "empty"),
    (written("chapters/ra-ild.md", "# Sjögren\n".encode("latin-1")), "chapters/ra-ild.md", "not UTF-8"),
    (written("_toc.yml", b"- a\n"), "_toc.yml", "holds a list"),
    (replace_in("_toc.yml", "chapters/ra-ild", "chapters/ar-ild"), "_toc.yml", "does not exist"),
    (written("chapters/held-claims.csv", b"a,b\n1,2\n"), "chapters/held-claims.csv", "the columns are"),
    (written("chapters/held-claims.csv", bytes(range(256))), "chapters/held-claims.csv", "binary"),
]
BROKEN_BUILDS = [
    *BROKEN_PAGES,
    (written("_config.yml", b"title: [\n"), "_config.yml", "not readable as YAML"),
    (replace_in("_config.yml", ", ctdild.book", ""), "_config.yml", "nothing would be checked"),
    (written("data/datapackage.json", b"[]"), "datapackage.json", "not a data package"),
    (replace_in("data/contrasts.csv", ",41.0,", ',"41,0",'), "data/contrasts.csv", "decimal comma"),
    (written("_build/.next", b""), "_build/.next", "cannot be read or written: File exists"),
]
IDS = lambda value: getattr(value, "__name__", None)  # noqa: E731


@pytest.mark.parametrize(("break_it", "file", "what"), BROKEN_PAGES, ids=IDS)
def test_check_tells_what_is_wrong_with_the_sources_of_the_pages(project, break_it, file, what):
    break_it(project)
    edit_row(project / "data/contrasts.csv", SENSCIS, estimate="41,0")
    text = run("--project", project, "check")
    assert text.exit_code == 1
    assert re.search(rf"^{re.escape(file)}\S*  .*{re.escape(what)}", text.stdout, re.MULTILINE), text.stdout
    assert "decimal comma" in text.stdout, "and all the rest at once"
    found = json.loads(run("--project", project, "check", "--format", "json").stdout)
    assert all(set(item) == KEYS for item in found)
    (item,) = [item for item in found if item["rule"] == "prose"]
    assert item["file"] == f"../{file}" and what in item["message"] and item["repair"] and item["severity"] == "ERROR"
    assert (project / "data" / item["file"]).resolve() == project / file


@pytest.mark.parametrize(("break_it", "file", "what"), BROKEN_BUILDS, ids=IDS)
def test_a_build_of_broken_sources_ends_in_a_message_and_serving_goes_on(project, break_it, file, what, capsys):
    break_it(project)
    assert rebuild(project) is False
    said = capsys.readouterr()
    assert file in said.err and what in said.err and "last good site is shown" in said.out
    result = run("--project", project, "build", "--hold-claims")
    assert result.exit_code == 1
    assert file.removeprefix("data/") in result.stderr and what in result.stderr and "last good site is untouched" in result.stderr
    assert (project / "_build/html/index.html").read_text() == "the last good site"
    assert not (project / "_build/.next").is_dir()


def test_nothing_is_accepted_from_pages_that_cannot_be_read(project):
    golden = {path: path.read_bytes() for path in (project / "tests/golden").iterdir()}
    BROKEN_PAGES[0][0](project)
    result = run("--project", project, "accept")
    assert result.exit_code == 1 and "chapters/ra-ild.md:4" in result.stderr and "untouched" in result.stderr
    written("data/datapackage.json", b"[]")(project)
    assert "not a data package" in run("--project", project, "accept").stderr
    assert {path: path.read_bytes() for path in (project / "tests/golden").iterdir()} == golden


def test_a_build_folder_that_is_none_is_named(project):
    written("_build", b"")(project)
    result = run("--project", project, "build")
    assert result.exit_code == 1 and "_build  cannot be read or written" in result.stderr
    assert rebuild(project) is False


def test_a_closed_folder_ends_any_command_in_a_message(project, monkeypatch):
    def closed(root):
        raise PermissionError(13, "Permission denied", str(root / "tests/golden"))

    monkeypatch.setattr("ctdild.book.golden.accept", closed)
    monkeypatch.chdir(project)
    result = run("accept")
    assert result.exit_code == 1 and result.stderr.startswith("tests/golden  cannot be read or written: Permission denied\n")


def test_what_nobody_foresaw_does_not_end_the_serving(project, monkeypatch, capsys):
    monkeypatch.setattr("ctdild.book.serve.build", lambda root: 1 / 0)
    assert rebuild(project) is False
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_json_lists_the_findings_on_the_prose_too(project):
    chapter = project / "chapters/ra-ild.md"
    chapter.write_text(chapter.read_text() + "\nIt was 41 mL a year.\n")
    result = run("--project", project, "check", "--format", "json")
    assert result.exit_code == 1 and not result.stderr
    (item,) = [item for item in json.loads(result.stdout) if item["severity"] == "ERROR" and not item["explained"]]
    assert item["rule"] == "prose" and item["file"] == "../chapters/ra-ild.md" and item["row"] == len(chapter.read_text().split("\n")) - 1
    assert "typed into the prose" in item["message"] and item["value"] == "41 mL" and "{ev}" in item["repair"]
    assert findings(project / "data") == (0, [item for item in json.loads(result.stdout) if item["rule"] != "prose"])


def test_github_annotations_of_the_prose_lead_to_the_page(project, monkeypatch):
    (project.parent / ".git").mkdir()
    monkeypatch.chdir(project)
    chapter = project / "chapters/ra-ild.md"
    chapter.write_text(chapter.read_text() + "\nIt was 41 mL a year.\n")
    line = len(chapter.read_text().split("\n")) - 1
    result = run("check", "--format", "github")
    assert re.fullmatch(ANNOTATION.format("book/chapters/ra-ild.md", line, "prose") + "\n", result.stdout)
